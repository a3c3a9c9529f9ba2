sources = monitor/image.c
cflags = -D_GNU_SOURCE
