sources = kernel/mm/page.c kernel/mm/heap.c
