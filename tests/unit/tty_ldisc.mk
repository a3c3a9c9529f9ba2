sources = base/format.c kernel/tty/ldisc.c
