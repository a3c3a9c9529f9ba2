sources = $(if $(wildcard /usr/include/Zydis/Zydis.h),$(filter-out tools/syscan/main.c,$(wildcard tools/syscan/*.c)) $(wildcard tools/lib/*.c))
cflags = -D_GNU_SOURCE
libraries = $(if $(wildcard /usr/include/Zydis/Zydis.h),-lZydis)
