sources = kernel/sys/errno_name.c
cflags = -D_GNU_SOURCE
