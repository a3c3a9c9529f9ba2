// SPDX-License-Identifier: MIT
//
// The ELF reader of the tools (tools/lib/elf*.c): any bytes. What it gives must lie in the file.
#include <stdlib.h>
#include <string.h>

#include "tools/lib/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct elf e;
	const char *why = NULL;
	size_t sum = 0;
	uint8_t *copy = malloc(len ? len : 1); // of exactly this size: the sanitizer sees one byte too many
	memcpy(copy, data, len);
	if (!elf_parse(&e, copy, len, &why) == !!why)
		abort(); // a reason for each refusal and only for those
	for (size_t i = 0; i < e.dynsym_count; i++)
		sum += strlen(e.dynsym[i].name);
	for (size_t i = 0; i < e.symtab_count; i++)
		sum += strlen(e.symtab[i].name);
	for (size_t i = 0; i < e.needed_count; i++)
		sum += strlen(e.needed[i]);
	for (size_t i = 0; i < e.reloc_count; i++)
		if ((e.reloc[i].symbol != UINT32_MAX && e.reloc[i].symbol >= e.dynsym_count) ||
		    !elf_reloc_at(&e, e.reloc[i].where))
			abort();
	for (size_t i = 0; i < e.frame_count; i++)
		if (!elf_is_code(&e, e.frame[i].start) || e.frame[i].end < e.frame[i].start)
			abort();
	elf_free(&e);
	free(copy);
	return sum == SIZE_MAX;
}
