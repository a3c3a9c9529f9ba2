sources = $(wildcard kernel/drivers/*.c kernel/hostfs/*.c kernel/overlay/*.c) kernel/vfs/attr.c \
	  monitor/dev/virtq.c $(wildcard monitor/dev/fs*.c) monitor/app.c base/sha256.c
testflags = -fno-builtin
