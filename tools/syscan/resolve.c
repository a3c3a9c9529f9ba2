// SPDX-License-Identifier: MIT
//
// What a register can hold at a place: backwards along every way that leads there, through moves, the stack and, at
// a function's start, its callers, until each way has ended at a constant. A way that ends otherwise (memory, what a
// call returned, a function called through a pointer) makes the answer incomplete, and the first of these is the reason
// told.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/scan.h"

#define STEPS 60000 // in one question
#define DEPTH 8	    // callers of callers

struct insn {
	uint64_t at;
	uint8_t length, kind;
	bool padding;
};

struct edge {
	uint32_t to, from; // instructions of one function
};

struct body {
	struct insn *insn;
	uint32_t count;
	struct edge *edge; // sorted by to; running on to the next is not among them
	size_t edges;
	uint32_t *computed; // jumps through registers
	size_t computeds;
	uint8_t *live;	  // by instruction, when it was asked for
	bool stack_taken; // an address on the stack is in a register
};

struct place {
	bool stack; // the word at reg + offset, reg is rsp or rbp
	ZydisRegister reg;
	int64_t offset;
	unsigned width; // bits that count
};

struct item {
	uint32_t module, insn;
	struct function *function;
	struct place place;
	unsigned depth;
};

struct query {
	const struct scope *scope;
	struct values *out;
	struct item *item; // all that were ever asked; [done, items) are open
	size_t items, done;
	uint32_t *table; // hash of items
	size_t table_size;
	unsigned *steps;
	const struct query *outer; // arithmetic asks for the values of its operand
	uint64_t outer_at;
};

static ZydisDecoder decoder;

// --- a function's body ------------------------------------------------------------------------------------

static uint32_t body_find(const struct body *b, uint64_t at)
{
	uint32_t low = 0, high = b->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (b->insn[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->count && b->insn[low].at == at ? low : UINT32_MAX;
}

static void add_edge(struct body *b, uint64_t to, uint32_t from)
{
	uint32_t i = body_find(b, to);
	if (i == UINT32_MAX)
		return;
	GROW(b->edge, b->edges);
	b->edge[b->edges++] = (struct edge){i, from};
}

static int edge_by_to(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	return x->to != y->to ? (x->to < y->to ? -1 : 1) : x->from < y->from ? -1 : x->from > y->from;
}

static void computed_target(struct body *b, uint64_t to)
{
	for (size_t i = 0; i < b->computeds && i < 64; i++)
		add_edge(b, to, b->computed[i]);
}

// A table of 32-bit distances from its own start, as compilers make them for switch.
static void jump_table(const struct module *m, struct body *b, uint64_t table)
{
	int32_t distance;
	for (unsigned i = 0; i < 4096; i++) {
		const void *p = elf_at(&m->elf, table + 4 * (uint64_t)i, 4);
		if (!p)
			return;
		memcpy(&distance, p, 4);
		uint64_t to = table + (uint64_t)(int64_t)distance;
		if (!module_is_code(m, to))
			return;
		computed_target(b, to);
	}
}

static bool takes_stack(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o)
{
	bool to_frame = o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			(o[0].reg.value == ZYDIS_REGISTER_RSP || o[0].reg.value == ZYDIS_REGISTER_RBP);
	if (i->mnemonic == ZYDIS_MNEMONIC_LEA)
		return !to_frame && (o[1].mem.base == ZYDIS_REGISTER_RSP || o[1].mem.base == ZYDIS_REGISTER_RBP);
	return i->mnemonic == ZYDIS_MNEMONIC_MOV && !to_frame && o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       o[1].reg.value == ZYDIS_REGISTER_RSP;
}

static struct body *body_make(const struct module *m, const struct function *f)
{
	struct body *b = xrealloc(NULL, 1, sizeof(*b));
	struct code c;
	ZydisDecodedInstruction full;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
	const struct elf_segment *s = elf_segment(&m->elf, f->start);
	uint64_t end = s ? s->end
			 : f->end; // the last instruction may reach into the next function, if that is code at all
	const uint8_t *bytes = elf_at(&m->elf, f->start, end - f->start);
	memset(b, 0, sizeof(*b));
	uint64_t *lea = NULL, *target = NULL;
	size_t leas = 0, targets = 0;
	for (uint64_t at = f->start; bytes && at < f->end;) {
		if (!decode(&decoder, bytes + (at - f->start), end - at, at, &c)) {
			at++;
			continue;
		}
		bool far = c.kind == CODE_JUMP && !c.has_target;
		if (far) {
			GROW(b->computed, b->computeds);
			b->computed[b->computeds++] = b->count;
		}
		if (c.has_memory && c.is_lea && !module_is_code(m, c.memory)) {
			GROW(lea, leas);
			lea[leas++] = c.memory;
		}
		if (!b->stack_taken && (c.is_lea || c.kind == CODE_PLAIN) &&
		    ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes + (at - f->start), end - at, &full, operand)))
			b->stack_taken = takes_stack(&full, operand);
		const struct function *to = c.kind == CODE_CALL && c.has_target ? module_function(m, c.target) : NULL;
		if (to && to->start == c.target && !to->returns)
			c.kind = CODE_END;
		GROW(target, targets);
		target[targets++] = (c.kind == CODE_JUMP || c.kind == CODE_BRANCH) && c.has_target ? c.target : 0;
		GROW(b->insn, b->count);
		b->insn[b->count++] = (struct insn){at, c.length, (uint8_t)c.kind, c.padding};
		at += c.length;
	}
	for (uint32_t i = 0; i < b->count; i++)
		if (target[i])
			add_edge(b, target[i], i);
	for (size_t i = 0; i < leas && b->computeds; i++)
		jump_table(m, b, lea[i]);
	for (size_t i = 0; i < m->pointeds && b->computeds; i++)
		if (m->pointed[i] > f->start && m->pointed[i] < f->end)
			computed_target(b, m->pointed[i]);
	if (b->edges)
		qsort(b->edge, b->edges, sizeof(*b->edge), edge_by_to);
	free(lea);
	free(target);
	return b;
}

void body_free(struct body *b)
{
	if (!b)
		return;
	free(b->insn);
	free(b->edge);
	free(b->computed);
	free(b->live);
	free(b);
}

static struct body *body_of(const struct module *m, struct function *f)
{
	if (!f->body)
		f->body = body_make(m, f);
	return f->body;
}

// --- values and questions ---------------------------------------------------------------------------------

static void add_value(struct query *q, uint64_t value)
{
	struct values *v = q->out;
	for (unsigned i = 0; i < v->count; i++)
		if (v->value[i] == value)
			return;
	if (v->count == VALUES)
		v->unknown = v->unknown ? v->unknown : "it has too many values";
	else
		v->value[v->count++] = value;
}

static void unknown(struct query *q, const struct item *it, uint64_t at, const char *why)
{
	if (q->out->unknown)
		return;
	const struct module *m = q->scope->module[it->module];
	const char *name = function_name(m, it->function->start);
	q->out->unknown = why;
	snprintf(q->out->where, sizeof(q->out->where), "%.60s+0x%lx%s%.60s%s", m->name, (unsigned long)at,
		 name ? " (" : "", name ? name : "", name ? ")" : "");
}

static size_t item_hash(const struct item *i)
{
	uint64_t h = (uint64_t)(uintptr_t)i->function;
	h = (h ^ i->insn) * 0x9e3779b97f4a7c15;
	h = (h ^ (h >> 29) ^ (uint64_t)i->place.offset) * 0xbf58476d1ce4e5b9;
	h = (h ^ (h >> 31) ^ ((uint64_t)i->place.reg << 1 | i->place.stack)) * 0x94d049bb133111eb;
	return h ^ h >> 32;
}

static bool same_item(const struct item *a, const struct item *b)
{
	return a->function == b->function && a->insn == b->insn && a->place.stack == b->place.stack &&
	       a->place.reg == b->place.reg && a->place.offset == b->place.offset && a->place.width == b->place.width;
}

static void ask(struct query *q, struct item it)
{
	if (2 * (q->items + 1) > q->table_size) {
		q->table_size = q->table_size ? 4 * q->table_size : 64;
		free(q->table);
		q->table = xrealloc(NULL, q->table_size, sizeof(*q->table));
		memset(q->table, 0, q->table_size * sizeof(*q->table));
		for (size_t i = 0; i < q->items; i++) {
			size_t at = item_hash(&q->item[i]) & (q->table_size - 1);
			while (q->table[at])
				at = (at + 1) & (q->table_size - 1);
			q->table[at] = (uint32_t)i + 1;
		}
	}
	size_t at = item_hash(&it) & (q->table_size - 1);
	for (; q->table[at]; at = (at + 1) & (q->table_size - 1))
		if (same_item(&q->item[q->table[at] - 1], &it))
			return;
	q->table[at] = (uint32_t)q->items + 1;
	GROW(q->item, q->items);
	q->item[q->items++] = it;
}

static void run(struct query *q);

enum operation { ADD, MUL, AND, OR, XOR, SHL, SHR, NEG, NOT, LOW };

// The values of `inner` at the item's instruction, each changed by an operation; that of MUL is a factor and, in its
// lower half, what is added; LOW has a mask there and the bits that replace it.
static void calculate(struct query *q, struct item it, struct place inner, enum operation op, uint64_t with)
{
	uint64_t at = it.function->body->insn[it.insn].at;
	for (const struct query *o = q; o; o = o->outer)
		if (o->outer_at == at && o->outer) {
			unknown(q, &it, at, "it is computed in a loop");
			return;
		}
	struct values v = {0};
	struct query sub = {.scope = q->scope, .out = &v, .steps = q->steps, .outer = q, .outer_at = at};
	it.place = inner;
	ask(&sub, it);
	run(&sub);
	for (unsigned i = 0; i < v.count; i++) {
		uint64_t x = v.value[i];
		x = op == ADD	? x + with
		    : op == MUL ? x * (with >> 32) + (uint64_t)(int64_t)(int32_t)with
		    : op == AND ? x & with
		    : op == OR	? x | with
		    : op == XOR ? x ^ with
		    : op == SHL ? x << (with & 63)
		    : op == SHR ? x >> (with & 63)
		    : op == NEG ? -x
		    : op == LOW ? (x & ~(with >> 32)) | (with & 0xffffffff)
				: ~x;
		add_value(q, x);
	}
	if (v.unknown && !q->out->unknown) {
		q->out->unknown = v.unknown;
		memcpy(q->out->where, v.where, sizeof(v.where));
	}
}

// --- one instruction backwards ----------------------------------------------------------------------------

static ZydisRegister whole(ZydisRegister r)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
}

static bool is_high(ZydisRegister r)
{
	return r == ZYDIS_REGISTER_AH || r == ZYDIS_REGISTER_BH || r == ZYDIS_REGISTER_CH || r == ZYDIS_REGISTER_DH;
}

static bool caller_saved(ZydisRegister r)
{
	return r == ZYDIS_REGISTER_RAX || r == ZYDIS_REGISTER_RCX || r == ZYDIS_REGISTER_RDX ||
	       r == ZYDIS_REGISTER_RSI || r == ZYDIS_REGISTER_RDI ||
	       (r >= ZYDIS_REGISTER_R8 && r <= ZYDIS_REGISTER_R11);
}

// The place becomes that of a source operand; false: none that can be followed.
static bool source(struct query *q, struct item it, const ZydisDecodedOperand *o, uint64_t at)
{
	if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		add_value(q, it.place.width <= 32 ? o->imm.value.u & 0xffffffff : o->imm.value.u);
	} else if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && !is_high(o->reg.value) &&
		   whole(o->reg.value) >= ZYDIS_REGISTER_RAX && whole(o->reg.value) <= ZYDIS_REGISTER_R15) {
		it.place.stack = false;
		it.place.reg = whole(o->reg.value);
		it.place.offset = 0;
		if (o->size < it.place.width)
			it.place.width = o->size;
		ask(q, it);
	} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		   (o->mem.base == ZYDIS_REGISTER_RSP || o->mem.base == ZYDIS_REGISTER_RBP) &&
		   o->mem.index == ZYDIS_REGISTER_NONE && o->mem.segment != ZYDIS_REGISTER_FS) {
		it.place.stack = true;
		it.place.reg = o->mem.base;
		it.place.offset = o->mem.disp.value;
		if (o->size < it.place.width)
			it.place.width = o->size;
		ask(q, it);
	} else {
		unknown(q, &it, at, "it comes from memory");
	}
	return true;
}

static void lea(struct query *q, struct item it, const ZydisDecodedOperand *o, uint64_t next)
{
	struct place p = {.reg = o->mem.base, .width = 64};
	bool one = o->mem.base == ZYDIS_REGISTER_NONE || o->mem.base == o->mem.index;
	if (o->mem.base == ZYDIS_REGISTER_RIP)
		add_value(q, next + (uint64_t)o->mem.disp.value);
	else if (o->mem.index != ZYDIS_REGISTER_NONE && one && whole(o->mem.index) <= ZYDIS_REGISTER_R15)
		p.reg = whole(o->mem.index),
		calculate(q, it, p, MUL,
			  (o->mem.scale + (uint64_t)(o->mem.base != ZYDIS_REGISTER_NONE)) << 32 |
				  (uint32_t)o->mem.disp.value);
	else if (o->mem.index != ZYDIS_REGISTER_NONE)
		unknown(q, &it, it.function->body->insn[it.insn].at, "it is computed");
	else if (o->mem.base == ZYDIS_REGISTER_NONE)
		add_value(q, (uint64_t)o->mem.disp.value);
	else
		p.reg = whole(p.reg), calculate(q, it, p, ADD, (uint64_t)o->mem.disp.value);
}

// The value of register it.place.reg after the instruction, which writes it.
static void written(struct query *q, struct item it, const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o,
		    uint64_t at)
{
	struct place self = it.place;
	bool same = i->operand_count > 1 && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].reg.value == o[1].reg.value;
	bool constant = i->operand_count > 1 && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	uint64_t with = constant ? o[1].imm.value.u : 0;
	enum operation op = ADD;
	// It sets eight bits; of the others, those of before.
	if (i->meta.category == ZYDIS_CATEGORY_SETCC && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    !is_high(o[0].reg.value) && it.place.width > 8) {
		self.width = 64;
		calculate(q, it, self, LOW, 0xffull << 32);
		calculate(q, it, self, LOW, 0xffull << 32 | 1);
		return;
	}
	if (i->mnemonic == ZYDIS_MNEMONIC_MOV && constant && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    !is_high(o[0].reg.value) && o[0].size < 32 && o[0].size < it.place.width) {
		uint64_t mask = (1ull << o[0].size) - 1;
		self.width = 64;
		calculate(q, it, self, LOW, mask << 32 | (with & mask));
		return;
	}
	// 32 bits clear the upper half; fewer leave the rest.
	if (o[0].type != ZYDIS_OPERAND_TYPE_REGISTER || whole(o[0].reg.value) != it.place.reg ||
	    is_high(o[0].reg.value) || (o[0].size < 32 && o[0].size < it.place.width)) {
		if (i->mnemonic == ZYDIS_MNEMONIC_XCHG && !is_high(o[1].reg.value) && o[0].size >= 32) {
			source(q, it, &o[0], at);
			return;
		}
		unknown(q, &it, at, "a part of it is computed");
		return;
	}
	if (i->meta.category == ZYDIS_CATEGORY_SETCC) {
		add_value(q, 0);
		add_value(q, 1);
		return;
	}
	if (i->meta.category == ZYDIS_CATEGORY_CMOV) {
		source(q, it, &o[1], at);
		ask(q, it);
		return;
	}
	self.width = 64;
	switch (i->mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
		if (o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && !is_high(o[1].reg.value)) {
			self.reg = whole(o[1].reg.value);
			self.width = o[1].size;
			calculate(q, it, self, AND, (1ull << o[1].size) - 1);
			return;
		}
		source(q, it, &o[1], at);
		return;
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_XCHG:
		source(q, it, &o[1], at);
		return;
	case ZYDIS_MNEMONIC_LEA:
		lea(q, it, &o[1], at + i->length);
		return;
	case ZYDIS_MNEMONIC_POP:
		it.place = (struct place){true, ZYDIS_REGISTER_RSP, 0, it.place.width};
		ask(q, it);
		return;
	case ZYDIS_MNEMONIC_XOR:
		if (same) {
			add_value(q, 0);
			return;
		}
		op = XOR;
		break;
	case ZYDIS_MNEMONIC_SBB:
		if (same) {
			add_value(q, 0);
			add_value(q, it.place.width <= 32 ? 0xffffffff : ~0ull);
			return;
		}
		constant = false;
		break;
	case ZYDIS_MNEMONIC_SUB:
		if (same) {
			add_value(q, 0);
			return;
		}
		with = -with;
		break;
	case ZYDIS_MNEMONIC_ADD:
		break;
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		with = i->mnemonic == ZYDIS_MNEMONIC_INC ? 1 : ~0ull;
		constant = true;
		break;
	case ZYDIS_MNEMONIC_AND:
		if (constant && !with) {
			add_value(q, 0);
			return;
		}
		op = AND;
		break;
	case ZYDIS_MNEMONIC_OR:
		if (constant && with == ~0ull) {
			add_value(q, it.place.width <= 32 ? 0xffffffff : ~0ull);
			return;
		}
		op = OR;
		break;
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
		op = i->mnemonic == ZYDIS_MNEMONIC_SHL ? SHL : SHR;
		break;
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_NOT:
		op = i->mnemonic == ZYDIS_MNEMONIC_NEG ? NEG : NOT;
		constant = true;
		break;
	default:
		constant = false;
	}
	if (constant)
		calculate(q, it, self, op, with);
	else
		unknown(q, &it, at, "it is computed");
}

// A word of the stack after an instruction: where it was before, or what was put there.
static void stack_after(struct query *q, struct item it, const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o,
			uint64_t at)
{
	struct place *p = &it.place;
	const struct body *b = it.function->body;
	bool rsp = p->reg == ZYDIS_REGISTER_RSP;
	uint8_t kind = b->insn[it.insn].kind;
	if ((kind == CODE_CALL || kind == CODE_SYSCALL) && b->stack_taken) {
		unknown(q, &it, at, "it comes from memory that others may write");
		return;
	}
	if (kind == CODE_CALL || kind == CODE_SYSCALL) {
		ask(q, it);
		return;
	}
	if (i->mnemonic == ZYDIS_MNEMONIC_PUSH) {
		if (rsp && !p->offset) {
			source(q, it, &o[0], at);
			return;
		}
		p->offset -= rsp ? 8 : 0;
		ask(q, it);
		return;
	}
	for (unsigned k = 0; k < i->operand_count; k++) {
		if (!(o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && whole(o[k].reg.value) == p->reg) {
			bool constant = i->operand_count > 1 && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !k;
			if (i->mnemonic == ZYDIS_MNEMONIC_SUB && constant) {
				p->offset -= o[1].imm.value.s;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_ADD && constant) {
				p->offset += o[1].imm.value.s;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_POP && rsp &&
				   o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
				   whole(o[0].reg.value) != ZYDIS_REGISTER_RSP) {
				p->offset += 8;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_MOV && !k &&
				   o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
				   (o[1].reg.value == ZYDIS_REGISTER_RSP || o[1].reg.value == ZYDIS_REGISTER_RBP)) {
				p->reg = o[1].reg.value;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_LEA && o[1].mem.index == ZYDIS_REGISTER_NONE &&
				   (o[1].mem.base == ZYDIS_REGISTER_RSP || o[1].mem.base == ZYDIS_REGISTER_RBP)) {
				p->reg = o[1].mem.base;
				p->offset += o[1].mem.disp.value;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_LEAVE && rsp) {
				p->reg = ZYDIS_REGISTER_RBP;
				p->offset += 8;
			} else {
				unknown(q, &it, at, "it comes from a stack that is not understood");
				return;
			}
			ask(q, it);
			return;
		}
		if (o[k].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		bool mine = o[k].mem.base == p->reg && o[k].mem.index == ZYDIS_REGISTER_NONE;
		int64_t size = o[k].size / 8;
		if (mine && o[k].mem.disp.value == p->offset && o[k].size >= p->width &&
		    i->mnemonic == ZYDIS_MNEMONIC_MOV && !k) {
			source(q, it, &o[1], at);
			return;
		}
		if (mine ? o[k].mem.disp.value < p->offset + (int64_t)p->width / 8 &&
				    o[k].mem.disp.value + size > p->offset
			 : b->stack_taken || o[k].mem.base == ZYDIS_REGISTER_RSP ||
				    o[k].mem.base == ZYDIS_REGISTER_RBP) {
			unknown(q, &it, at, "it comes from memory that is written in a way not understood");
			return;
		}
	}
	ask(q, it);
}

static bool decode_insn(const struct module *m, const struct insn *n, ZydisDecodedInstruction *i,
			ZydisDecodedOperand *o)
{
	const uint8_t *bytes = elf_at(&m->elf, n->at, n->length);
	return bytes && ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, n->length, i, o));
}

// The value of it.place after instruction it.insn.
static void after(struct query *q, struct item it)
{
	const struct module *m = q->scope->module[it.module];
	const struct insn *n = &it.function->body->insn[it.insn];
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	if (!decode_insn(m, n, &i, o)) {
		unknown(q, &it, n->at, "its code is not understood");
		return;
	}
	if (it.place.stack) {
		stack_after(q, it, &i, o, n->at);
		return;
	}
	if (n->kind == CODE_CALL && caller_saved(it.place.reg)) {
		unknown(q, &it, n->at,
			it.place.reg == ZYDIS_REGISTER_RAX ? "a function returned it" : "it is what a call left");
		return;
	}
	if (n->kind == CODE_SYSCALL && (it.place.reg == ZYDIS_REGISTER_RAX || it.place.reg == ZYDIS_REGISTER_RCX ||
					it.place.reg == ZYDIS_REGISTER_R11)) {
		unknown(q, &it, n->at, "a system call returned it");
		return;
	}
	for (unsigned k = 0; k < i.operand_count && n->kind != CODE_CALL && n->kind != CODE_SYSCALL; k++)
		if (o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    whole(o[k].reg.value) == it.place.reg && !(i.meta.category == ZYDIS_CATEGORY_NOP)) {
			written(q, it, &i, o, n->at);
			return;
		}
	ask(q, it);
}

// --- the ways that lead to a place ------------------------------------------------------------------------

// Where those that lead to `at` begin among all.
static size_t first_xref(const struct scope *s, uint32_t module, uint64_t at)
{
	size_t low = 0, high = s->xrefs;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct xref *x = &s->xref[middle];
		if (x->to_module < module || (x->to_module == module && x->to < at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// Those from other functions, and from this one to its own start. How many.
static unsigned from_others(struct query *q, const struct item *it, uint64_t at)
{
	const struct scope *s = q->scope;
	size_t low = first_xref(s, it->module, at);
	unsigned count = 0;
	for (; low < s->xrefs && s->xref[low].to_module == it->module && s->xref[low].to == at; low++, count++) {
		struct module *m = s->module[s->xref[low].from_module];
		struct function *f = module_function(m, s->xref[low].from);
		if (it->depth >= DEPTH) {
			unknown(q, it, at, "it comes from too far away");
			return count + 1;
		}
		struct item to = {
			.module = s->xref[low].from_module, .function = f, .place = it->place, .depth = it->depth + 1};
		to.insn = f ? body_find(body_of(m, f), s->xref[low].from) : UINT32_MAX;
		if (to.insn == UINT32_MAX) {
			unknown(q, it, at, "the code that calls it is not understood");
			continue;
		}
		uint8_t kind = f->body->insn[to.insn].kind;
		if ((kind == CODE_CALL || kind == CODE_END) && to.place.stack) { // END: the call does not come back
			if (to.place.reg != ZYDIS_REGISTER_RSP || to.place.offset < 8) {
				unknown(q, it, at, "it comes from a stack that is not understood");
				continue;
			}
			to.place.offset -= 8;
		}
		if (kind == CODE_CALL || kind == CODE_END || kind == CODE_JUMP || kind == CODE_BRANCH)
			ask(q, to);
		else // running on
			after(q, to);
	}
	return count;
}

// The first edge that leads to instruction `here`, or where it would be.
static size_t first_edge(const struct body *b, uint32_t here)
{
	size_t low = 0, high = b->edges;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (b->edge[middle].to < here)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// `test %rax, %rax; je`: who jumps there, or runs on behind `jne`, has zero in the register.
static bool zero_behind(const struct query *q, const struct item *it, uint32_t branch, bool taken)
{
	const struct module *m = q->scope->module[it->module];
	const struct body *b = it->function->body;
	const struct insn *n = &b->insn[branch];
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	if (it->place.stack || n->kind != CODE_BRANCH || !branch || n[-1].at + n[-1].length != n->at || b->computeds)
		return false;
	size_t edge = first_edge(b, branch), xref = first_xref(q->scope, it->module, n->at);
	bool entered_between = (edge < b->edges && b->edge[edge].to == branch) ||
			       (xref < q->scope->xrefs && q->scope->xref[xref].to_module == it->module &&
				q->scope->xref[xref].to == n->at);
	if (entered_between || !decode_insn(m, n, &i, o) ||
	    i.mnemonic != (taken ? ZYDIS_MNEMONIC_JZ : ZYDIS_MNEMONIC_JNZ))
		return false;
	return decode_insn(m, n - 1, &i, o) && i.mnemonic == ZYDIS_MNEMONIC_TEST &&
	       o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       o[0].reg.value == o[1].reg.value && o[0].size >= 32 && o[0].size >= it->place.width &&
	       whole(o[0].reg.value) == it->place.reg;
}

static void before(struct query *q, struct item it)
{
	struct module *m = q->scope->module[it.module];
	const struct body *b = body_of(m, it.function);
	uint64_t at = b->insn[it.insn].at;
	uint32_t here = it.insn;
	if (at == it.function->start && it.function->taken)
		unknown(q, &it, at, "its function is called through a pointer, or from outside");
	unsigned ways = from_others(q, &it, at);
	const struct insn *last = here ? &b->insn[here - 1] : NULL;
	if (last && last->at + last->length == at && last->kind != CODE_JUMP && last->kind != CODE_END) {
		it.insn = here - 1;
		if (zero_behind(q, &it, it.insn, false))
			add_value(q, 0);
		else
			after(q, it);
		ways++;
	}
	for (size_t i = first_edge(b, here); i < b->edges && b->edge[i].to == here; i++, ways++) {
		it.insn = b->edge[i].from;
		if (zero_behind(q, &it, it.insn, true))
			add_value(q, 0);
		else
			after(q, it);
	}
	if (ways || at == it.function->start || b->insn[here].padding) // padding behind a jump is run by nobody
		return;
	for (size_t i = 0; i < b->computeds; i++) {
		it.insn = b->computed[i];
		ask(q, it);
	}
	if (!b->computeds)
		unknown(q, &it, at, "its code is reached in a way that is not seen");
}

static void run(struct query *q)
{
	while (q->done < q->items) {
		if (++*q->steps > STEPS) {
			unknown(q, &q->item[q->done], 0, "there are too many ways to it");
			break;
		}
		before(q, q->item[q->done++]);
	}
	free(q->item);
	free(q->table);
}

// --- data that looks like code ----------------------------------------------------------------------------

static bool entered(const struct scope *s, uint32_t module, uint64_t at)
{
	size_t low = first_xref(s, module, at);
	return low < s->xrefs && s->xref[low].to_module == module && s->xref[low].to == at;
}

// What runs on or jumps from what is marked is marked too.
static void spread(const struct body *b, uint8_t *live)
{
	for (bool more = true; more;) {
		more = false;
		for (uint32_t i = 0; i + 1 < b->count; i++) {
			const struct insn *n = &b->insn[i];
			if (live[i] && !live[i + 1] && n->kind != CODE_JUMP && n->kind != CODE_END &&
			    n->at + n->length == n[1].at)
				live[i + 1] = more = true;
		}
		for (size_t i = 0; i < b->edges; i++)
			if (live[b->edge[i].from] && !live[b->edge[i].to])
				live[b->edge[i].to] = more = true;
	}
}

bool is_live(const struct scope *s, struct module *m, struct function *f, uint64_t at)
{
	uint32_t module = 0;
	decode_init(&decoder);
	struct body *b = body_of(m, f);
	uint32_t wanted = body_find(b, at);
	while (s->module[module] != m)
		module++;
	if (wanted == UINT32_MAX)
		return true;
	if (!b->live) {
		b->live = xrealloc(NULL, b->count, 1);
		for (uint32_t i = 0; i < b->count; i++)
			b->live[i] = b->insn[i].at == f->start || entered(s, module, b->insn[i].at);
		spread(b, b->live);
	}
	for (size_t i = 0; i < b->computeds; i++)
		if (b->live[b->computed[i]])
			return true; // it may lead anywhere
	return b->live[wanted];
}

void resolve(const struct scope *s, struct module *m, struct function *f, uint64_t at, ZydisRegister reg,
	     struct values *out)
{
	unsigned steps = 0;
	struct query q = {.scope = s, .out = out, .steps = &steps};
	struct item it = {.function = f, .place = {.reg = reg, .width = 32}};
	memset(out, 0, sizeof(*out));
	decode_init(&decoder);
	while (s->module[it.module] != m)
		it.module++;
	it.insn = body_find(body_of(m, f), at);
	if (it.insn == UINT32_MAX) {
		out->unknown = "its code is not understood";
		return;
	}
	ask(&q, it);
	run(&q);
	for (unsigned i = 0; i < out->count; i++)
		out->value[i] &= 0xffffffff;
}
