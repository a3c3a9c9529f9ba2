// SPDX-License-Identifier: MIT
//
// Lengths of x86-64 instructions: prefixes, opcode, ModRM with SIB and displacement, immediate, in this order.
// "SDM" is Intel's Software Developer's Manual, volume 2; "APM" is AMD's Architecture Programmer's Manual, volume 3.
//
// Two maps are tables, one letter an opcode. All others are uniform, those of future instructions included: ModRM
// always, and an immediate of one size for the whole map. They are not checked for undefined opcodes.
//
// The cursor never reads behind `limit`: there it yields zeros and goes on counting, and the end of the work is the one
// place that looks whether it went too far.
#include "patch/length.h"

#include <linux/errno.h>

// What follows an opcode.
//   -  it is undefined in 64-bit mode      *  it is a prefix or leads to another map, and never looked up
//   0 to 3  so many bytes of immediate     z  imm32, imm16 with 66     v  like z, imm64 with REX.W
//   m  ModRM     M  ModRM, imm8            Z  ModRM, z                 o  an address
static const char one_byte[] = // SDM appendix A, table A-2
/*	 0123456789abcdef  */
	"mmmm1z--mmmm1z-*" // 0
	"mmmm1z--mmmm1z--" // 1
	"mmmm1z*-mmmm1z*-" // 2
	"mmmm1z*-mmmm1z*-" // 3
	"****************" // 4
	"0000000000000000" // 5
	"--*m****zZ1M0000" // 6
	"1111111111111111" // 7
	"MZ-Mmmmmmmmmmmmm" // 8
	"0000000000-00000" // 9
	"oooo00001z000000" // a
	"11111111vvvvvvvv" // b
	"MM20**MZ302001-0" // c
	"mmmm---0mmmmmmmm" // d
	"11111111zz-10000" // e
	"*0**00MZ000000mm" // f
;
static const char two_byte[] = // 0f xx: SDM table A-3, and what AMD adds: 0e femms, 0f 3DNow!, 78 and 79 of SSE4a
/*	 0123456789abcdef  */
	"mmmm-00000-0-m0M" // 0
	"mmmmmmmmmmmmmmmm" // 1
	"mmmm----mmmmmmmm" // 2
	"000000-0*-*-----" // 3
	"mmmmmmmmmmmmmmmm" // 4
	"mmmmmmmmmmmmmmmm" // 5
	"mmmmmmmmmmmmmmmm" // 6
	"MMMMmmm0mm--mmmm" // 7
	"zzzzzzzzzzzzzzzz" // 8
	"mmmmmmmmmmmmmmmm" // 9
	"000mMmmm000mMmmm" // a
	"mmmmmmmmmmMmmmmm" // b
	"mmMmMMMm00000000" // c
	"mmmmmmmmmmmmmmmm" // d
	"mmmmmmmmmmmmmmmm" // e
	"mmmmmmmmmmmmmmmm" // f
;

#define REX_W 0x08

struct cursor {
	const uint8_t *code;
	size_t at, limit;
};

static uint8_t peek(const struct cursor *c)
{
	return c->at < c->limit ? c->code[c->at] : 0;
}

static uint8_t take(struct cursor *c)
{
	uint8_t byte = peek(c);
	c->at++;
	return byte;
}

static unsigned prefix_of(uint8_t byte)
{
	switch (byte) {
	case 0x66:
		return INSN_OPERAND_SIZE;
	case 0x67:
		return INSN_ADDRESS_SIZE;
	case 0xf0:
		return INSN_LOCK;
	case 0xf2:
		return INSN_REPNE;
	case 0xf3:
		return INSN_REP;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		return INSN_SEGMENT;
	case 0x64:
		return INSN_FS;
	case 0x65:
		return INSN_GS;
	}
	return 0;
}

// SDM 2.1.1 and 2.2.1: a REX that is not the last prefix is ignored.
static void take_prefixes(struct cursor *c, struct insn *in)
{
	for (;; c->at++) {
		uint8_t byte = peek(c);
		unsigned prefix = prefix_of(byte);
		if (prefix & (INSN_REPNE | INSN_REP))
			in->prefixes &= ~(INSN_REPNE | INSN_REP);
		if (prefix & (INSN_SEGMENT | INSN_FS | INSN_GS))
			in->prefixes &= ~(INSN_SEGMENT | INSN_FS | INSN_GS);
		if (!prefix && (byte & 0xf0) != 0x40)
			return;
		in->rex = prefix ? 0 : byte;
		in->prefixes |= prefix;
	}
}

// Bytes that say encoding and map, then the opcode. False if there is no such map.
static bool take_opcode(struct cursor *c, struct insn *in)
{
	unsigned maps = 1u << INSN_MAP_ONE_BYTE | 1u << INSN_MAP_0F | 1u << INSN_MAP_0F38 | 1u << INSN_MAP_0F3A;
	uint8_t byte = take(c), next = peek(c);
	bool fixed = true; // bits of EVEX that must have one value
	if (byte == 0x0f) {
		in->map = next == 0x38 ? INSN_MAP_0F38 : next == 0x3a ? INSN_MAP_0F3A : INSN_MAP_0F;
		c->at += in->map != INSN_MAP_0F;
		byte = take(c);
	} else if (byte == 0xc5) { // SDM 2.3.5: VEX of two bytes
		in->encoding = INSN_VEX;
		in->map = INSN_MAP_0F;
		c->at++;
		byte = take(c);
	} else if (byte == 0xc4) {
		maps &= ~1u;
		in->encoding = INSN_VEX;
		in->map = next & 0x1f;
		c->at += 2;
		byte = take(c);
	} else if (byte == 0x62) { // SDM 2.7.1
		maps = (maps & ~1u) | 1u << INSN_MAP_5 | 1u << INSN_MAP_6;
		in->encoding = INSN_EVEX;
		in->map = next & 7;
		c->at++;
		fixed = !(next & 8) && (take(c) & 4);
		c->at++;
		byte = take(c);
	} else if (byte == 0x8f && (next & 0x1f) >= 8) { // APM 1.2.7; below 8 it is pop
		maps = 1u << INSN_MAP_XOP8 | 1u << INSN_MAP_XOP9 | 1u << INSN_MAP_XOPA;
		in->encoding = INSN_XOP;
		in->map = next & 0x1f;
		c->at += 2;
		byte = take(c);
	}
	in->opcode = byte;
	in->opcode_offset = c->at - 1;
	// SDM 2.3.2 to 2.3.4: these before VEX and its like raise #UD.
	if (in->encoding != INSN_LEGACY &&
	    (in->rex || in->prefixes & (INSN_OPERAND_SIZE | INSN_LOCK | INSN_REPNE | INSN_REP)))
		return false;
	return fixed && maps >> in->map & 1;
}

// The letter of the opcode.
static char form_of(const struct insn *in)
{
	switch (in->map) {
	case INSN_MAP_ONE_BYTE:
		return one_byte[in->opcode];
	case INSN_MAP_0F:
		if (in->encoding == INSN_LEGACY)
			return two_byte[in->opcode];
		if (in->encoding == INSN_VEX && in->opcode == 0x77) // vzeroupper, vzeroall
			return '0';
		return two_byte[in->opcode] == 'M' ? 'M' : two_byte[in->opcode] == 'z' ? '-' : 'm'; // no jcc there
	case INSN_MAP_0F3A:
	case INSN_MAP_XOP8:
		return 'M';
	case INSN_MAP_XOPA:
		return 'Z';
	}
	return 'm';
}

// SDM 2.1.3 and 2.1.5, tables 2-2 and 2-3; 2.2.1.6 for RIP. EVEX scales the byte of displacement, which stays a byte.
static void take_modrm(struct cursor *c, struct insn *in)
{
	in->modrm_offset = c->at;
	in->modrm = take(c);
	unsigned mod = in->modrm >> 6, base = in->modrm & 7;
	bool moves_cr = in->encoding == INSN_LEGACY && in->map == INSN_MAP_0F && (in->opcode & 0xfc) == 0x20;
	if (mod == 3 || moves_cr) // moves to and from CRn and DRn do not look at mod
		return;
	bool sib = base == 4;
	if (sib)
		base = take(c) & 7;
	if (mod == 1)
		in->disp_size = 1;
	else if (mod == 2 || base == 5)
		in->disp_size = 4;
	in->disp_offset = in->disp_size ? c->at : 0;
	in->rip_relative = mod == 0 && base == 5 && !sib;
	c->at += in->disp_size;
}

// Where ModRM is part of the opcode (SDM table A-6), or the last prefix is: '-' if undefined, else the new letter.
static char form_in_group(const struct insn *in, char form)
{
	unsigned reg = in->modrm >> 3 & 7;
	if (in->encoding != INSN_LEGACY || in->map > INSN_MAP_0F)
		return form;
	switch (in->map << 8 | in->opcode) {
	case 0x8f: // pop
		return reg ? '-' : form;
	case 0xc6: // mov, xabort
	case 0xc7: // mov, xbegin
		return reg && in->modrm != 0xf8 ? '-' : form;
	case 0xf6: // test has an immediate; not, neg, mul, div have none
	case 0xf7:
		return reg > 1 ? 'm' : form;
	case 0x178: // extrq and insertq (APM) have two bytes; vmread has none
		return in->prefixes & INSN_REP				   ? '-'
		       : in->prefixes & (INSN_REPNE | INSN_OPERAND_SIZE) ? '2'
									 : form;
	case 0x1b8: // popcnt
		return in->prefixes & INSN_REP ? form : '-';
	}
	return form;
}

static unsigned immediate_size(const struct insn *in, char form)
{
	// SDM 2.2.1.2: W goes before 66
	bool wide = in->rex & REX_W, narrow = !wide && in->prefixes & INSN_OPERAND_SIZE;
	if (form >= '0' && form <= '3')
		return form - '0';
	if (form == 'M')
		return 1;
	if (form == 'v' && wide)
		return 8;
	return form != 'z' && form != 'Z' && form != 'v' ? 0 : narrow ? 2 : 4;
}

static enum insn_branch branch_of(const struct insn *in)
{
	if (in->encoding != INSN_LEGACY)
		return INSN_NO_BRANCH;
	switch (in->map << 8 | in->opcode) {
	case 0x70 ... 0x7f:
	case 0x180 ... 0x18f:
		return INSN_JCC;
	case 0xc7:
		return in->modrm == 0xf8 ? INSN_XBEGIN : INSN_NO_BRANCH;
	case 0xe0 ... 0xe2:
		return INSN_LOOP;
	case 0xe3:
		return INSN_JRCXZ;
	case 0xe8:
		return INSN_CALL;
	case 0xe9:
	case 0xeb:
		return INSN_JMP;
	}
	return INSN_NO_BRANCH;
}

static bool ends_flow(const struct insn *in)
{
	if (in->encoding != INSN_LEGACY)
		return false;
	switch (in->map << 8 | in->opcode) {
	case 0xc2: // ret
	case 0xc3:
	case 0xca: // far ret
	case 0xcb:
	case 0xcf: // iret
	case 0xe9: // jmp
	case 0xeb:
	case 0xf4:  // hlt
	case 0x107: // sysret
	case 0x10b: // ud2
	case 0x135: // sysexit
	case 0x1aa: // rsm
	case 0x1b9: // ud1
	case 0x1ff: // ud0
		return true;
	case 0xff: // jmp through a register or memory, far jmp
		return (in->modrm >> 3 & 7) == 4 || (in->modrm >> 3 & 7) == 5;
	}
	return false;
}

static int32_t signed_value(const uint8_t *p, unsigned size)
{
	if (size == 1)
		return (int8_t)*p;
	return (int32_t)(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
}

int insn_length(const uint8_t *code, size_t len, struct insn *out)
{
	struct cursor c = { code, 0, len < INSN_MAX ? len : INSN_MAX };
	*out = (struct insn){ 0 };
	take_prefixes(&c, out);
	char form = take_opcode(&c, out) ? form_of(out) : '-';
	if (form == 'm' || form == 'M' || form == 'Z') {
		take_modrm(&c, out);
		form = form_in_group(out, form);
	} else if (form == 'o') { // SDM 2.2.1.4
		out->disp_offset = c.at;
		out->disp_size = out->prefixes & INSN_ADDRESS_SIZE ? 4 : 8;
		c.at += out->disp_size;
	}
	out->imm_size = immediate_size(out, form);
	out->imm_offset = out->imm_size ? c.at : 0;
	c.at += out->imm_size;
	out->branch = branch_of(out);
	out->ends_flow = ends_flow(out);
	if (c.at > c.limit) // first of all: what came from behind the end says nothing
		return len < INSN_MAX ? -ENODATA : -EINVAL;
	if (form == '-')
		return -EINVAL;
	if (out->branch) {
		// Intel ignores 66 there, AMD cuts target and displacement to 16 bits (SDM and APM, "JMP"). xbegin is
		// cut on both.
		if (out->prefixes & INSN_OPERAND_SIZE && !(out->rex & REX_W))
			return -EINVAL;
		out->target = signed_value(code + out->imm_offset, out->imm_size);
	}
	out->length = c.at;
	return c.at;
}
