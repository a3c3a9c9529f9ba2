sources = monitor/jail.c monitor/jail_filter.c
cflags = -D_GNU_SOURCE
