sources = monitor/dev/virtq.c $(wildcard monitor/dev/fs*.c) monitor/app.c base/sha256.c
cflags = -D_GNU_SOURCE
