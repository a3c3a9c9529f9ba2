sources = monitor/options.c
cflags = -D_GNU_SOURCE
