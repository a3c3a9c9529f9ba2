// SPDX-License-Identifier: MIT
//
// What a register can hold at a place: backwards along every way that leads there, through moves, the stack and, at
// a function's start, its callers, until each way has ended at a constant. A way that ends otherwise (memory, what a
// call returned, a function called through a pointer) makes the answer incomplete, and the first of these is the reason
// told.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/query.h"

#define STEPS 60000 // in one question
#define DEPTH 8	    // callers of callers

void query_value(struct query *q, uint64_t value)
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

void query_unknown(struct query *q, const struct item *it, uint64_t at, const char *why)
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

void query_ask(struct query *q, struct item it)
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

// --- the ways that lead to a place ------------------------------------------------------------------------

// Those from other functions, and from this one to its own start. How many.
static unsigned from_others(struct query *q, const struct item *it, uint64_t at)
{
	const struct scope *s = q->scope;
	size_t low = scope_first_xref(s, it->module, at);
	unsigned count = 0;
	for (; low < s->xrefs && s->xref[low].to_module == it->module && s->xref[low].to == at; low++, count++) {
		struct module *m = s->module[s->xref[low].from_module];
		struct function *f = module_function(m, s->xref[low].from);
		if (it->depth >= DEPTH) {
			query_unknown(q, it, at, "it comes from too far away");
			return count + 1;
		}
		struct item to = {
			.module = s->xref[low].from_module, .function = f, .place = it->place, .depth = it->depth + 1};
		to.insn = f ? body_find(body_of(m, f), s->xref[low].from) : UINT32_MAX;
		if (to.insn == UINT32_MAX) {
			query_unknown(q, it, at, "the code that calls it is not understood");
			continue;
		}
		uint8_t kind = f->body->insn[to.insn].kind;
		if ((kind == CODE_CALL || kind == CODE_END) && to.place.stack) { // END: the call does not come back
			if (to.place.reg != ZYDIS_REGISTER_RSP || to.place.offset < 8) {
				query_unknown(q, it, at, "it comes from a stack that is not understood");
				continue;
			}
			to.place.offset -= 8;
		}
		if (kind == CODE_CALL || kind == CODE_END || kind == CODE_JUMP || kind == CODE_BRANCH)
			query_ask(q, to);
		else // running on
			query_after(q, to);
	}
	return count;
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
	size_t edge = body_first_edge(b, branch), xref = scope_first_xref(q->scope, it->module, n->at);
	bool entered_between = (edge < b->edges && b->edge[edge].to == branch) ||
			       (xref < q->scope->xrefs && q->scope->xref[xref].to_module == it->module &&
				q->scope->xref[xref].to == n->at);
	if (entered_between || !body_decode(m, n, &i, o) ||
	    i.mnemonic != (taken ? ZYDIS_MNEMONIC_JZ : ZYDIS_MNEMONIC_JNZ))
		return false;
	return body_decode(m, n - 1, &i, o) && i.mnemonic == ZYDIS_MNEMONIC_TEST &&
	       o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       o[0].reg.value == o[1].reg.value && o[0].size >= 32 && o[0].size >= it->place.width &&
	       register_whole(o[0].reg.value) == it->place.reg;
}

static void before(struct query *q, struct item it)
{
	struct module *m = q->scope->module[it.module];
	const struct body *b = body_of(m, it.function);
	uint64_t at = b->insn[it.insn].at;
	uint32_t here = it.insn;
	if (at == it.function->start && it.function->taken)
		query_unknown(q, &it, at, "its function is called through a pointer, or from outside");
	unsigned ways = from_others(q, &it, at);
	const struct insn *last = here ? &b->insn[here - 1] : NULL;
	if (last && last->at + last->length == at && last->kind != CODE_JUMP && last->kind != CODE_END) {
		it.insn = here - 1;
		if (zero_behind(q, &it, it.insn, false))
			query_value(q, 0);
		else
			query_after(q, it);
		ways++;
	}
	for (size_t i = body_first_edge(b, here); i < b->edges && b->edge[i].to == here; i++, ways++) {
		it.insn = b->edge[i].from;
		if (zero_behind(q, &it, it.insn, true))
			query_value(q, 0);
		else
			query_after(q, it);
	}
	if (ways || at == it.function->start || b->insn[here].padding) // padding behind a jump is run by nobody
		return;
	for (size_t i = 0; i < b->computeds; i++) {
		it.insn = b->computed[i];
		query_ask(q, it);
	}
	if (!b->computeds)
		query_unknown(q, &it, at, "its code is reached in a way that is not seen");
}

void query_run(struct query *q)
{
	while (q->done < q->items) {
		if (++*q->steps > STEPS) {
			query_unknown(q, &q->item[q->done], 0, "there are too many ways to it");
			break;
		}
		before(q, q->item[q->done++]);
	}
	free(q->item);
	free(q->table);
}

void resolve(const struct scope *s, struct module *m, struct function *f, uint64_t at, ZydisRegister reg,
	     struct values *out)
{
	unsigned steps = 0;
	struct query q = {.scope = s, .out = out, .steps = &steps};
	struct item it = {.function = f, .place = {.reg = reg, .width = 32}};
	memset(out, 0, sizeof(*out));
	while (s->module[it.module] != m)
		it.module++;
	it.insn = body_find(body_of(m, f), at);
	if (it.insn == UINT32_MAX) {
		out->unknown = "its code is not understood";
		return;
	}
	query_ask(&q, it);
	query_run(&q);
	for (unsigned i = 0; i < out->count; i++)
		out->value[i] &= 0xffffffff;
}

