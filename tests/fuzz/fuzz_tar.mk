sources = tools/build/tar.c tools/build/tree.c tools/lib/grow.c
cflags = -D_GNU_SOURCE -include tests/fuzz/fuzz_tar.h
