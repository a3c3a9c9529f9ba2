sources = base/sha256.c
