sources = base/format.c kernel/tmpfs/pages.c
