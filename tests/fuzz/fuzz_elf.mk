sources = monitor/elfcheck.c
