// SPDX-License-Identifier: MIT
#include "tools/syscan/body.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static ZydisDecoder decoder;

uint32_t body_find(const struct body *b, uint64_t at)
{
	size_t i = FIRST_FROM(b->insn, b->count, .at, at);
	return i < b->count && b->insn[i].at == at ? (uint32_t)i : UINT32_MAX;
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
	for (uint64_t at = f->start; bytes && at < f->end && at < end;) {
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

struct body *body_of(const struct module *m, struct function *f)
{
	if (!f->body) {
		decode_init(&decoder);
		f->body = body_make(m, f);
	}
	return f->body;
}

size_t body_first_edge(const struct body *b, uint32_t here)
{
	return FIRST_FROM(b->edge, b->edges, .to, here);
}

bool body_decode(const struct module *m, const struct insn *n, ZydisDecodedInstruction *i, ZydisDecodedOperand *o)
{
	const uint8_t *bytes = elf_at(&m->elf, n->at, n->length);
	return bytes && ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, n->length, i, o));
}

void body_spread(const struct body *b, const uint8_t *one_way, uint8_t *live)
{
	for (bool more = true; more;) {
		more = false;
		for (uint32_t i = 0; i + 1 < b->count; i++) {
			const struct insn *n = &b->insn[i];
			if (live[i] && !live[i + 1] && !(one_way && one_way[i] == BRANCH_TAKEN) && n->kind != CODE_JUMP && n->kind != CODE_END &&
			    n->at + n->length == n[1].at)
				live[i + 1] = more = true;
		}
		for (size_t i = 0; i < b->edges; i++)
			if (live[b->edge[i].from] && !live[b->edge[i].to] &&
			    !(one_way && one_way[b->edge[i].from] == BRANCH_PASSED))
				live[b->edge[i].to] = more = true;
	}
}

bool body_entered(const struct body *b, uint32_t first, uint32_t last)
{
	size_t e = body_first_edge(b, first);
	return e < b->edges && b->edge[e].to <= last;
}

void body_dead(const struct body *b, const uint8_t *one_way, struct range **dead, size_t *count)
{
	uint8_t *live = xrealloc(NULL, b->count, 1);
	memset(live, 0, b->count);
	live[0] = 1;
	body_spread(b, one_way, live);
	for (uint32_t i = 0; i < b->count; i++) {
		if (live[i] || b->insn[i].padding)
			continue;
		GROW(*dead, *count);
		(*dead)[(*count)++] = (struct range){b->insn[i].at, b->insn[i].at + b->insn[i].length};
	}
	free(live);
}
