sources = tools/lib/elf.c tools/lib/elf_symbols.c tools/lib/elf_frames.c tools/lib/grow.c
