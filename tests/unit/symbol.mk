sources = monitor/symbol.c
cflags = -D_GNU_SOURCE -Imonitor/arch/$(ARCH)
