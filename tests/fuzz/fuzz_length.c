// SPDX-License-Identifier: MIT
//
// kernel/patch/x86_64/length.c against Zydis, on any bytes, in one piece and cut off anywhere.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
#if __has_include(<Zydis/Zydis.h>)
#include "length_zydis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static ZydisDecoder decoder;
	if (!decoder.machine_mode)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	len = len < INSN_MAX + 1 ? len : INSN_MAX + 1;
	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = malloc(n ? n : 1); // of exactly this size: the sanitizer sees one byte too many
		unsigned length;
		memcpy(copy, data, n);
		if (compare(&decoder, copy, n, &length) == WRONG) {
			fprintf(stderr, "%s\n", comparison_why);
			abort();
		}
		free(copy);
	}
	return 0;
}
#else
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	(void)data;
	(void)len;
	puts("skipped: no Zydis to compare with: apt-get install libzydis-dev");
	fflush(stdout);
	_Exit(77);
}
#endif
