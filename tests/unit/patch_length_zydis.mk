sources = kernel/patch/x86_64/length.c
libraries = $(if $(wildcard /usr/include/Zydis/Zydis.h),-lZydis)
