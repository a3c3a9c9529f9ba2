sources = monitor/elfcheck.c
cflags = -D_GNU_SOURCE -Imonitor/arch/$(ARCH)
