sources = monitor/registry.c monitor/options.c monitor/json.c
cflags = -D_GNU_SOURCE
