sources = monitor/dev/virtq.c $(wildcard monitor/dev/fs*.c)
cflags = -D_GNU_SOURCE
