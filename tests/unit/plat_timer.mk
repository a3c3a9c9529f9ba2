sources = kernel/plat/linux/plat.c
