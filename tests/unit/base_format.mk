sources = base/format.c
