sources = monitor/app.c base/sha256.c
cflags = -D_GNU_SOURCE
