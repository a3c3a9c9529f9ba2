sources = base/format.c $(wildcard kernel/vfs/*.c kernel/tmpfs/*.c kernel/pipe/*.c kernel/poll/*.c kernel/anon/*.c) $(wildcard kernel/socket/*.c kernel/unix/*.c)
cflags = -include tests/unit/vfs_memory.h
