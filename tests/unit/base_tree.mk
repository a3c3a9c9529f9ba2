sources = base/tree.c
