// SPDX-License-Identifier: MIT
//
// Arguments that say how much of a kernel a call needs (tools/build/specialise.c). The paths of open(2) and openat(2): a
// static program of musl opens /dev/null and nothing else. Only texts that cannot change count as known, and only in
// programs of one file: an address says nothing of the file it is in. Whether mmap(2) can ask for memory that is
// shared and no file's. The families of socket(2).
#include <asm/unistd.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/syscan/result.h"

static const struct {
	const char *path;
	enum named named;
} device[] = {
	{"/dev/null", NAMED_MEMORY},   {"/dev/zero", NAMED_MEMORY},    {"/dev/full", NAMED_MEMORY},
	{"/dev/random", NAMED_MEMORY}, {"/dev/urandom", NAMED_MEMORY}, {"/dev/tty", NAMED_DEVICES},
	{"/dev/console", NAMED_DEVICES}, {"/dev/ptmx", NAMED_DEVICES},
};

static enum named text_named(const struct elf *e, uint64_t address)
{
	const struct elf_segment *s = elf_segment(e, address);
	if (!s || s->flags & PF_W)
		return NAMED_FILES;
	for (size_t i = 0; i < sizeof(device) / sizeof(device[0]); i++) {
		size_t size = strlen(device[i].path) + 1;
		const void *text = elf_at(e, address, size);
		if (text && !memcmp(text, device[i].path, size))
			return device[i].named;
	}
	return NAMED_FILES;
}

enum named path_named(const struct scope *s, struct module *m, struct function *f, uint64_t at, unsigned nr)
{
	struct values v;
	if ((nr != __NR_open && nr != __NR_openat) || s->modules != 1)
		return NAMED_FILES;
	resolve(s, m, f, at, nr == __NR_open ? ZYDIS_REGISTER_RDI : ZYDIS_REGISTER_RSI, &v);
	enum named all = v.unknown ? NAMED_FILES : NAMED_NOTHING;
	for (unsigned i = 0; i < v.count && all != NAMED_FILES; i++) {
		enum named one = text_named(&m->elf, v.value[i]);
		all = one > all ? one : all;
	}
	return all;
}

bool maps_shared(const struct scope *s, struct module *m, struct function *f, uint64_t at)
{
	struct values v;
	resolve(s, m, f, at, ZYDIS_REGISTER_R10, &v);
	bool shared = v.unknown;
	for (unsigned i = 0; i < v.count; i++)
		shared |= v.value[i] & MAP_ANONYMOUS && (v.value[i] & MAP_TYPE) != MAP_PRIVATE;
	return shared;
}

unsigned socket_families(const struct scope *s, struct module *m, struct function *f, uint64_t at)
{
	struct values v;
	resolve(s, m, f, at, ZYDIS_REGISTER_RDI, &v);
	unsigned all = v.unknown ? SOCKETS_UNIX | SOCKETS_INET : 0;
	for (unsigned i = 0; i < v.count; i++)
		all |= (uint32_t)v.value[i] == AF_UNIX ? SOCKETS_UNIX : SOCKETS_INET;
	return all;
}
