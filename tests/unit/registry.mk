sources = monitor/registry.c monitor/options.c monitor/options_net.c monitor/options_port.c monitor/json.c
cflags = -D_GNU_SOURCE
