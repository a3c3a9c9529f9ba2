sources = monitor/jail_filter.c
cflags = -D_GNU_SOURCE -Imonitor/arch/$(ARCH)
