sources = monitor/dev/virtq.c monitor/memory.c
