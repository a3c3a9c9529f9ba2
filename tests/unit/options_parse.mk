sources = monitor/options.c monitor/options_net.c monitor/options_port.c
cflags = -D_GNU_SOURCE
