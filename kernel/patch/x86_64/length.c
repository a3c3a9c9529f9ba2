// SPDX-License-Identifier: MIT
//
// The length of an x86-64 instruction: prefixes, opcode, ModRM, SIB, displacement, immediate. Intel SDM volume 2, chapter 2
// (formats) and appendix A (opcode maps); AMD APM volume 3, chapter 1 and appendix A (XOP, 3DNow!, SSE4a).
// Tested against Zydis over the distribution's programs: tests/unit/insn_length.c.
#include "patch/length.h"

#include <linux/errno.h>

#include "base/string.h"
#include "base/util.h"

// What follows an opcode, one letter for each of 256:
//	.  nothing		m  ModRM		B  ModRM and imm8	Z  ModRM and imm16/32
//	b  imm8			z  imm16/32		v  imm16/32/64		w  imm16
//	j  rel8			J  rel32		o  offset of 8 bytes	e  imm16 and imm8
//	f  ModRM, and an immediate when its reg field is 0 or 1 (group 3)
//	x  no instruction	-  handled before: prefixes and escapes
static const char one_byte[257] =
	"mmmmbzxxmmmmbzx-" // 00
	"mmmmbzxxmmmmbzxx"
	"mmmmbz-xmmmmbz-x" // 20
	"mmmmbz-xmmmmbz-x"
	"----------------" // 40: REX
	"................"
	"xx-m----zZbB...." // 60
	"jjjjjjjjjjjjjjjj"
	"BZxBmmmmmmmmmmmm" // 80
	"..........x....."
	"oooo....bz......" // a0
	"bbbbbbbbvvvvvvvv"
	"BBw.--BZe.w..bx." // c0
	"mmmmxxx.mmmmmmmm"
	"jjjjbbbbJJxj...." // e0
	"-.--..ff......mm";

static const char two_byte[257] = // after 0f
	"mmmmx.....x.xm.B" // 00
	"mmmmmmmmmmmmmmmm"
	"mmmmxxxxmmmmmmmm" // 20
	"......x.-x-xxxxx"
	"mmmmmmmmmmmmmmmm" // 40
	"mmmmmmmmmmmmmmmm"
	"mmmmmmmmmmmmmmmm" // 60
	"BBBBmmm.mmmmmmmm"
	"JJJJJJJJJJJJJJJJ" // 80
	"mmmmmmmmmmmmmmmm"
	"...mBmxx...mBmmm" // a0
	"mmmmmmmmmmBmmmmm"
	"mmBmBBBm........" // c0
	"mmmmmmmmmmmmmmmm"
	"mmmmmmmmmmmmmmmm" // e0
	"mmmmmmmmmmmmmmmm";

struct cursor {
	const uint8_t *p, *end;
	bool operand16, address32, rep_f2, wide; // 66, 67, f2, REX.W
};

static bool take(struct cursor *c, uint8_t *byte)
{
	if (c->p == c->end)
		return false;
	*byte = *c->p++;
	return true;
}

static bool is_legacy_prefix(uint8_t b)
{
	return b == 0x66 || b == 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x26 ||
	       b == 0x64 || b == 0x65;
}

// SDM 2.1.1, 2.2.1: legacy prefixes in any order; a REX counts only right before the opcode. The first byte of the opcode.
static bool prefixes(struct cursor *c, struct insn *o, uint8_t *op)
{
	uint8_t rex = 0;
	while (take(c, op)) {
		if (is_legacy_prefix(*op)) {
			c->operand16 |= *op == 0x66;
			c->address32 |= *op == 0x67;
			c->rep_f2 |= *op == 0xf2;
			rex = 0;
		} else if ((*op & 0xf0) == 0x40) {
			rex = *op;
		} else {
			c->wide = rex & 8;
			return !rex || (*op != 0xc4 && *op != 0xc5 && *op != 0x62);
		}
		o->prefixed = true;
	}
	return false;
}

// SDM 2.3.5 (VEX), 2.7.1 (EVEX), APM 1.9 (XOP): the payload, then the opcode. What follows it, or 'x'.
static char vector_opcode(struct cursor *c, struct insn *o, uint8_t escape)
{
	uint8_t p0, skipped, map;
	if (!take(c, &p0))
		return 'x';
	map = escape == 0xc5 ? 1 : escape == 0x62 ? p0 & 7 : p0 & 31;
	for (int i = escape == 0xc5 ? 0 : escape == 0x62 ? 2 : 1; i > 0; i--)
		if (!take(c, &skipped))
			return 'x';
	if (!take(c, &o->opcode))
		return 'x';
	o->vex = true;
	o->map = map <= 3 ? map : MAP_OTHER;
	if (escape == 0x8f)
		return map == 8 ? 'B' : map == 9 ? 'm' : map == 10 ? 'Z' : 'x';
	if (map == 1) {
		char what = two_byte[o->opcode];
		return what == '.' && o->opcode != 0x77 ? 'x' : what == 'J' ? 'x' : what;
	}
	return map == 2 ? 'm' : map == 3 ? 'B' : escape == 0x62 && (map == 5 || map == 6) ? 'm' : 'x';
}

static char after_0f(struct cursor *c, struct insn *o)
{
	o->map = MAP_0F;
	if (!take(c, &o->opcode))
		return 'x';
	if (o->opcode == 0x38 || o->opcode == 0x3a) {
		o->map = o->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
		return take(c, &o->opcode) ? (o->map == MAP_0F38 ? 'm' : 'B') : 'x';
	}
	return two_byte[o->opcode];
}

// The opcode from its first byte on: what follows it.
static char opcode(struct cursor *c, struct insn *o, uint8_t op)
{
	if (op == 0xc4 || op == 0xc5 || op == 0x62)
		return vector_opcode(c, o, op);
	if (op == 0x8f && c->p < c->end && (*c->p & 31) >= 8) // pop's ModRM has reg 0
		return vector_opcode(c, o, op);
	if (op == 0x0f)
		return after_0f(c, o);
	o->opcode = op;
	return one_byte[op];
}

// SDM 2.1.5, table 2-2, and 2.2.1.6: what ModRM brings along.
static bool modrm(struct cursor *c, struct insn *o, const uint8_t *start)
{
	uint8_t sib = 0;
	if (!take(c, &o->modrm))
		return false;
	unsigned mod = o->modrm >> 6, rm = o->modrm & 7, disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	bool control = o->map == MAP_0F && !o->vex && o->opcode >= 0x20 && o->opcode <= 0x23; // mov to and from CRn, DRn: mod is ignored
	if (mod == 3 || control)
		return true;
	if (rm == 4 && !take(c, &sib))
		return false;
	if (mod == 0 && rm == 4 && (sib & 7) == 5)
		disp = 4;
	if (mod == 0 && rm == 5) {
		disp = 4;
		o->rip_relative = true;
		o->disp_offset = (uint8_t)(c->p - start);
	}
	if ((size_t)(c->end - c->p) < disp)
		return false;
	c->p += disp;
	return !(o->rip_relative && c->address32); // relative to EIP: nobody means that
}

static unsigned immediate(const struct cursor *c, const struct insn *o, char what)
{
	unsigned z = c->operand16 && !c->wide ? 2 : 4;
	switch (what) {
	case 'b':
	case 'B':
	case 'j': return 1;
	case 'z': return z;
	case 'Z': return o->vex ? 4 : z;
	case 'J': return 4;
	case 'v': return c->wide ? 8 : z;
	case 'w': return 2;
	case 'e': return 3;
	case 'o': return c->address32 ? 4 : 8;
	case 'f': return (o->modrm >> 3 & 7) > 1 ? 0 : o->opcode == 0xf6 ? 1 : z;
	default: // SSE4a: extrq and insertq have two
		return o->map == MAP_0F && !o->vex && o->opcode == 0x78 && (c->operand16 || c->rep_f2) ? 2 : 0;
	}
}

static enum insn_flow flow(const struct insn *o)
{
	uint8_t op = o->opcode, reg = o->modrm >> 3 & 7;
	if (o->vex)
		return INSN_NEXT;
	if (o->map == MAP_0F)
		return (op & 0xf0) == 0x80 ? INSN_BRANCH : op == 0x0b || op == 0xb9 || op == 0xff || op == 0x07 || op == 0x35 ? INSN_ENDS : INSN_NEXT;
	if (o->map != MAP_ONE_BYTE)
		return INSN_NEXT;
	if ((op & 0xf0) == 0x70 || (op >= 0xe0 && op <= 0xe3) || (op == 0xc7 && o->modrm == 0xf8)) // xbegin
		return INSN_BRANCH;
	if (op == 0xe8 || (op == 0xff && (reg == 2 || reg == 3)))
		return INSN_CALL;
	bool ends = op == 0xc2 || op == 0xc3 || op == 0xca || op == 0xcb || op == 0xcf || op == 0xe9 || op == 0xeb || op == 0xf4 ||
		    (op == 0xff && (reg == 4 || reg == 5));
	return ends ? INSN_ENDS : INSN_NEXT;
}

static void target(struct insn *o, const uint8_t *immediate, unsigned size)
{
	if (size == 1)
		o->target_distance = (int8_t)immediate[0];
	else
		memcpy(&o->target_distance, immediate, 4);
	o->direct = true;
}

int insn_decode(const uint8_t *code, size_t len, struct insn *o)
{
	struct cursor c = {.p = code, .end = code + MIN(len, (size_t)15)}; // SDM 2.3.11: no instruction is longer
	uint8_t op;
	*o = (struct insn){0};
	char what = prefixes(&c, o, &op) ? opcode(&c, o, op) : 'x';
	if (what == 'x' || what == '-')
		return -EINVAL;
	bool has_modrm = what == 'm' || what == 'B' || what == 'Z' || what == 'f';
	if (has_modrm && !modrm(&c, o, code))
		return -EINVAL;
	unsigned size = immediate(&c, o, what);
	if ((size_t)(c.end - c.p) < size)
		return -EINVAL;
	o->flow = flow(o);
	bool relative = what == 'j' || what == 'J' || (o->flow == INSN_BRANCH && o->opcode == 0xc7);
	if (relative && c.operand16 && size != 1) // Intel ignores the prefix, AMD does not
		return -EINVAL;
	if (relative)
		target(o, c.p, size);
	c.p += size;
	o->length = (uint8_t)(c.p - code);
	return o->length;
}
