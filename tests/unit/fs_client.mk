sources = $(wildcard kernel/drivers/*.c kernel/hostfs/*.c kernel/overlay/*.c) \
	  monitor/dev/virtq.c $(wildcard monitor/dev/fs*.c)
testflags = -fno-builtin
