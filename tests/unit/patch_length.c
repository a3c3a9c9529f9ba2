// SPDX-License-Identifier: MIT
//
// kernel/patch/x86_64/length.c on instructions chosen by hand: forms of a system call's site, relative ones, prefixes
// that change lengths, refusals. patch_length_zydis.c compares it with another decoder on real programs.
#include "patch/length.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *row;

#define CHECK(c)                                                                       \
	do {                                                                           \
		if (!(c)) {                                                            \
			printf("%s:%d: %s (%s)\n", __FILE__, __LINE__, #c, row);       \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

// The instruction alone, from memory of exactly its size, whose hexadecimal text is `row`.
static int decode(struct insn *in)
{
	uint8_t bytes[32];
	size_t n = 0;
	const char *at = row;
	for (char *end; n < sizeof(bytes) && *at; at = end)
		bytes[n++] = strtoul(at, &end, 16);
	uint8_t *copy = malloc(n);
	memcpy(copy, bytes, n);
	int length = insn_length(copy, n, in);
	struct insn part;
	for (size_t i = 0; length > 0 && i < (size_t)length; i++)
		CHECK(insn_length(copy, i, &part) == -ENODATA);
	CHECK(length < 0 || (size_t)length == n);
	free(copy);
	return length;
}

static const char *const plain[] = {
	"0f 05", "b8 01 00 00 00", "48 c7 c0 01 00 00 00", "31 c0", "44 89 c0", "50", "41 b8 01 00 00 00",
	"c7 45 b8 01 00 00 00", "48 b8 01 02 03 04 05 06 07 08", "66 b8 01 00", "66 48 b8 01 02 03 04 05 06 07 08",
	"f6 00 01", "f6 18", "f7 c0 01 00 00 00", "66 f7 c0 01 00", "f7 d8", "c8 01 02 03", "90", "f3 0f 1e fa",
	"66 66 2e 0f 1f 84 00 00 00 00 00", "42 8b 44 24 08", "8b 04 25 01 00 00 00", "8b 44 05 01",
	"8b 84 05 01 02 03 04", "8b 04 05 00 00 00 00", "0f 20 c0", "0f 20 04", "f3 0f b8 c1",
	"66 0f 78 c0 01 02", "0f 78 c0", "0f 0f c1 9e", "c5 f8 77", "c4 e3 7d 18 c1 01", "62 f1 7c 48 58 40 01",
	"62 f3 75 48 25 c2 ff", "8f e8 78 a2 c1 10", "8f ea 78 10 c1 01 02 03 04", "8f c0", "48 66 90",
	"66 66 66 66 66 66 66 66 66 66 66 66 66 66 90",
};
static const char *const refused[] = {
	"66 e8 00 00", "66 e9 00 00 00 00", "66 0f 85 00 00 00 00", "66 eb 00", "66 74 00", "66 c7 f8 00 00", "06",
	"9a 00 00 00 00 00 00", "0f 04", "0f b8 c1", "c6 c8 00", "8f e0", "66 c5 f8 58 c1", "48 c4 e1 78 58 c1",
	"c4 e0 78 58 c1", "c4 e4 78 58 c1", "62 f9 7c 48 58 c1", "62 f1 78 48 58 c1", "62 f4 7c 48 58 c1", "c5 f8 84 c1",
	"66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e b8 01 00 00 00",
};
static const struct {
	const char *text;
	int branch, target, ends;
} branches[] = {
	{ "e8 fb ff ff ff", INSN_CALL, -5, 0 }, { "66 48 e8 01 00 00 00", INSN_CALL, 1, 0 },
	{ "67 e8 78 56 34 12", INSN_CALL, 0x12345678, 0 }, { "e9 00 00 00 80", INSN_JMP, INT32_MIN, 1 },
	{ "eb fe", INSN_JMP, -2, 1 }, { "74 7f", INSN_JCC, 127, 0 }, { "0f 8f 10 00 00 00", INSN_JCC, 16, 0 },
	{ "e2 80", INSN_LOOP, -128, 0 }, { "67 e3 05", INSN_JRCXZ, 5, 0 }, { "c7 f8 02 00 00 00", INSN_XBEGIN, 2, 0 },
	{ "ff d0", INSN_NO_BRANCH, 0, 0 }, { "ff e0", INSN_NO_BRANCH, 0, 1 }, { "ff 6b 10", INSN_NO_BRANCH, 0, 1 },
	{ "f2 c3", INSN_NO_BRANCH, 0, 1 }, { "c2 08 00", INSN_NO_BRANCH, 0, 1 }, { "0f 0b", INSN_NO_BRANCH, 0, 1 },
	{ "f4", INSN_NO_BRANCH, 0, 1 }, { "cc", INSN_NO_BRANCH, 0, 0 },
};
static const struct {
	const char *text;
	int disp, imm, imm_size;
} relative[] = {
	// to RIP
	{"8b 05 01 00 00 00", 2, 0, 0},
	{"48 8d 3d 00 00 00 00", 3, 0, 0},
	{"c7 05 00 00 00 00 01 02 03 04", 2, 6, 4},
	{"66 c7 05 00 00 00 00 01 02", 3, 7, 2},
	{"66 0f 3a 0f 05 00 00 00 00 08", 5, 9, 1},
	{"67 8b 05 00 00 00 00", 3, 0, 0},
	{"c5 f8 58 05 00 00 00 00", 4, 0, 0},
	{"62 f1 7c 48 c2 0d 00 00 00 00 01", 6, 10, 1},
	{"ff 25 00 00 00 00", 2, 0, 0},
};
static const char *const not_relative[] = {
	"8b 45 01", "8b 85 01 00 00 00", "8b c5", "8b 04 25 00 00 00 00", "a1 00 00 00 00 00 00 00 00", "67 a1 00 00 00 00",
};

#define EACH(i, list) (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)

int main(void)
{
	struct insn in;
	for EACH (i, plain) {
		row = plain[i];
		CHECK(decode(&in) > 0);
		CHECK(!in.branch && !in.rip_relative && !in.ends_flow && in.length);
	}
	for EACH (i, refused) {
		row = refused[i];
		CHECK(decode(&in) == -EINVAL);
	}
	for EACH (i, branches) {
		row = branches[i].text;
		CHECK(decode(&in) > 0);
		CHECK(in.branch == branches[i].branch && in.target == branches[i].target &&
		      in.ends_flow == branches[i].ends);
	}
	for EACH (i, relative) {
		row = relative[i].text;
		CHECK(decode(&in) > 0);
		CHECK(in.rip_relative && in.disp_size == 4 && in.disp_offset == relative[i].disp);
		CHECK(in.imm_offset == relative[i].imm && in.imm_size == relative[i].imm_size);
	}
	for EACH (i, not_relative) {
		row = not_relative[i];
		CHECK(decode(&in) > 0);
		CHECK(!in.rip_relative);
	}
	row = "44 89 c0"; // mov %r8d, %eax: what a patcher reads of a form it moves
	decode(&in);
	CHECK(in.rex == 0x44 && in.opcode == 0x89 && in.opcode_offset == 1 && in.modrm_offset == 2 && in.modrm == 0xc0);
	printf("ok patch_length\n");
	return 0;
}
