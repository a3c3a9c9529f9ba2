// SPDX-License-Identifier: MIT
//
// Pointers of a library's threads (`static __thread T *p`) that no code that runs ever sets: code behind `if (p)` cannot run then.
// The end of each glibc thread, for one, would clean up after Sun's RPC. A library finds such a word by a slot that the dynamic
// linker fills with its distance from the thread pointer (R_X86_64_TPOFF64); without a symbol, nobody else can.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/body.h"
#include "tools/syscan/query.h"

// The part of PT_TLS that begins as zero.
static bool is_zero_at_start(const struct elf *e, uint64_t word)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	memcpy(&eh, e->data, sizeof(eh));
	for (unsigned i = 0; eh.e_phentsize == sizeof(ph) && i < eh.e_phnum; i++) {
		const void *p = elf_bytes(e, eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (!p)
			return false;
		memcpy(&ph, p, sizeof(ph));
		if (ph.p_type == PT_TLS)
			return word >= ph.p_filesz && word < ph.p_memsz;
	}
	return false;
}

// Others get at words of the library's threads by the address of all of them, if it has relocations for that.
static bool has_other_ways(const struct elf *e)
{
	for (size_t i = 0; i < e->reloc_count; i++)
		if (e->reloc[i].type == R_X86_64_DTPMOD64 || e->reloc[i].type == R_X86_64_TLSDESC)
			return true;
	return false;
}

bool is_thread_word(const struct module *m, const struct event *e, uint64_t *word)
{
	const struct elf_reloc *r = e->kind == EVENT_SLOT_REF ? elf_reloc_at(&m->elf, e->target) : NULL;
	if (!r || r->type != R_X86_64_TPOFF64 || r->symbol != UINT32_MAX)
		return false;
	*word = r->addend;
	// An executable may name the word directly elsewhere.
	return m->elf.soname && is_zero_at_start(&m->elf, r->addend) && !has_other_ways(&m->elf);
}

static bool is_own_word(const ZydisDecodedOperand *o, ZydisRegister slot)
{
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.segment == ZYDIS_REGISTER_FS && o->mem.base == slot &&
	       o->mem.index == ZYDIS_REGISTER_NONE;
}

// Whether an instruction does more with the register than to use the word: read it, or make it zero.
static bool leaks(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o, ZydisRegister slot)
{
	bool zero = i->mnemonic == ZYDIS_MNEMONIC_MOV && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !o[1].imm.value.u;
	for (unsigned k = 0; k < i->operand_count; k++) {
		bool is = o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && register_whole(o[k].reg.value) == slot;
		if (is && o[k].actions & ZYDIS_OPERAND_ACTION_MASK_READ && i->mnemonic != ZYDIS_MNEMONIC_PUSH)
			return true;
		if (o[k].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    (register_whole(o[k].mem.base) != slot && register_whole(o[k].mem.index) != slot))
			continue;
		if (!is_own_word(&o[k], slot) || i->mnemonic == ZYDIS_MNEMONIC_LEA ||
		    (o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE && !zero))
			return true;
	}
	return false;
}

// `mov %fs:(slot), %reg; test %reg, %reg; je`, or `cmpq $0, %fs:(slot); je`: which way the branch goes while the word is zero.
static uint8_t way_of(const struct module *m, const struct body *b, uint32_t at, ZydisRegister slot)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	if (!body_decode(m, &b->insn[at], &i, o) ||
	    (i.mnemonic != ZYDIS_MNEMONIC_JZ && i.mnemonic != ZYDIS_MNEMONIC_JNZ) || !at)
		return 0;
	uint8_t way = i.mnemonic == ZYDIS_MNEMONIC_JZ ? BRANCH_TAKEN : BRANCH_PASSED;
	if (!body_decode(m, &b->insn[at - 1], &i, o))
		return 0;
	if (i.mnemonic == ZYDIS_MNEMONIC_CMP && is_own_word(&o[0], slot) && !o[0].mem.disp.value && o[0].size == 64 &&
	    o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !o[1].imm.value.u)
		return way;
	bool test = i.mnemonic == ZYDIS_MNEMONIC_TEST && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].size == 64 &&
		    o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && o[1].reg.value == o[0].reg.value && at > 1;
	ZydisRegister reg = test ? o[0].reg.value : ZYDIS_REGISTER_NONE;
	return test && body_decode(m, &b->insn[at - 2], &i, o) && i.mnemonic == ZYDIS_MNEMONIC_MOV &&
			       o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].reg.value == reg &&
			       is_own_word(&o[1], slot) && !o[1].mem.disp.value
		       ? way
		       : 0;
}

bool may_set_thread_word(const struct module *m, struct function *f, const struct event *e, struct range **dead, size_t *count)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	struct body *b = body_of(m, f);
	uint32_t load = body_find(b, e->at);
	*dead = NULL;
	*count = 0;
	if (load == UINT32_MAX || b->computeds || !body_decode(m, &b->insn[load], &i, o) ||
	    i.mnemonic != ZYDIS_MNEMONIC_MOV || o[0].type != ZYDIS_OPERAND_TYPE_REGISTER || o[0].size != 64)
		return true;
	ZydisRegister slot = o[0].reg.value;
	uint8_t *one_way = xrealloc(NULL, b->count, 1);
	bool sets = false, ways = false;
	memset(one_way, 0, b->count);
	for (uint32_t k = 0; k < b->count && !sets; k++) {
		sets = k != load && (!body_decode(m, &b->insn[k], &i, o) || leaks(&i, o, slot));
		one_way[k] = b->insn[k].kind == CODE_BRANCH ? way_of(m, b, k, slot) : 0;
		if (one_way[k] && body_entered(b, k - 1, k))
			one_way[k] = 0;
		ways |= one_way[k];
	}
	if (!sets && ways)
		body_dead(b, one_way, dead, count);
	free(one_way);
	return sets;
}
