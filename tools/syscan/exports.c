// SPDX-License-Identifier: MIT
//
// Where names lead, and with them words that the dynamic linker fills and events of code: a name to all modules that export it.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/scan.h"

struct export {
	const char *name;
	struct module *module;
	uint64_t value;
};

static size_t hash(const char *s)
{
	size_t h = 5381;
	for (; *s; s++)
		h = h * 33 + (unsigned char)*s;
	return h ^ h >> 17;
}

void scope_exports(struct scope *s)
{
	size_t count = 1;
	for (size_t i = 0; i < s->modules; i++)
		count += s->module[i]->elf.dynsym_count;
	for (s->export_size = 64; s->export_size < 2 * count;)
		s->export_size *= 2;
	s->export = xrealloc(NULL, s->export_size, sizeof(*s->export));
	memset(s->export, 0, s->export_size * sizeof(*s->export));
	for (size_t i = 0; i < s->modules; i++) {
		struct module *m = s->module[i];
		for (size_t k = 0; k < m->elf.dynsym_count; k++) {
			const struct elf_symbol *sym = &m->elf.dynsym[k];
			if (!sym->exported || !*sym->name || !module_is_code(m, sym->value))
				continue;
			size_t at = hash(sym->name) & (s->export_size - 1);
			bool there = false;
			for (; s->export[at].name && !there; at = (at + 1) & (s->export_size - 1))
				there = s->export[at].module == m && s->export[at].value == sym->value &&
					!strcmp(s->export[at].name, sym->name);
			if (!there)
				s->export[at] = (struct export){sym->name, m, sym->value};
		}
	}
}

bool scope_lookup(const struct scope *s, const char *name, leads_fn found, void *arg)
{
	bool any = false;
	for (size_t at = hash(name) & (s->export_size - 1); s->export[at].name; at = (at + 1) & (s->export_size - 1))
		if (!strcmp(s->export[at].name, name)) {
			found(arg, s->export[at].module, s->export[at].value);
			any = true;
		}
	return any;
}

// --- events -----------------------------------------------------------------------------------------------

void reloc_leads(const struct scope *s, const struct module *m, const struct elf_reloc *r, leads_fn found, void *arg)
{
	if (r->symbol != UINT32_MAX) {
		const struct elf_symbol *sym = &m->elf.dynsym[r->symbol];
		scope_lookup(s, sym->name, found, arg);
		if (sym->defined && !sym->exported)
			found(arg, (struct module *)m, sym->value);
	} else if (r->type == R_X86_64_RELATIVE || r->type == R_X86_64_IRELATIVE) {
		found(arg, (struct module *)m, r->addend);
	}
}

// The word through which the stub at `at` (of a PLT) jumps, or 0.
static uint64_t stub_slot(const struct module *m, uint64_t at)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
	int32_t distance;
	const uint8_t *p = elf_at(&m->elf, at, 4);
	if (p && !memcmp(p, endbr, 4))
		at += 4;
	p = elf_at(&m->elf, at, 7);
	if (!p)
		return 0;
	if (*p == 0xf2) { // bnd
		p++;
		at++;
	}
	if (p[0] != 0xff || p[1] != 0x25)
		return 0;
	memcpy(&distance, p + 2, 4);
	return at + 6 + (uint64_t)(int64_t)distance;
}

void event_leads(const struct scope *s, const struct module *m, const struct event *e, leads_fn found, void *arg)
{
	const struct elf_reloc *r = NULL;
	if (e->kind == EVENT_SLOT_CALL || e->kind == EVENT_SLOT_REF) {
		r = elf_reloc_at(&m->elf, e->target);
	} else if (e->kind == EVENT_CALL || e->kind == EVENT_JUMP || e->kind == EVENT_REF) {
		uint64_t slot = stub_slot(m, e->target);
		r = slot ? elf_reloc_at(&m->elf, slot) : NULL;
		if (!r)
			found(arg, (struct module *)m, e->target);
	}
	if (r)
		reloc_leads(s, m, r, found, arg);
}
