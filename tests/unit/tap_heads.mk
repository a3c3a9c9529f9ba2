sources = monitor/dev/virtq.c monitor/memory.c
cflags = -D_GNU_SOURCE
