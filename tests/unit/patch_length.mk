sources = kernel/patch/x86_64/length.c
