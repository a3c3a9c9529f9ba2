sources = kernel/exec/elf.c
