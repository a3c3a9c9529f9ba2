// SPDX-License-Identifier: MIT
//
// What the first instruction finds in guest memory: the kernel image, the boot block and its strings,
// the rings, the clock page, the words shared with the vCPUs. RAM is zero before; each page touched
// here costs start-up time, so little is written.
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "abi/doorbell.h"
#include "base/util.h"
#include "monitor/private.h"

#define QUEUE_SIZE_SYNC	 64
#define QUEUE_SIZE_ASYNC 128
#define QUEUE_SIZE_NET_TX 256
#define QUEUE_SIZE_NET_RX 64
#define QUEUE_SIZE_LINK_TX 1024
#define QUEUE_SIZE_LINK_RX 128
#define STRINGS_MAX	 (4u << 20)

uint64_t layout_take(struct machine *m, uint64_t bytes)
{
	uint64_t gpa = m->layout.next, size = ALIGN_UP(bytes, PAGE_SIZE);
	if (!memory_range(&m->memory, gpa, size))
		return 0;
	m->layout.next += size;
	return gpa;
}

static void *ram(struct machine *m, uint64_t gpa) { return m->memory.ram + gpa; }

// --- strings -----------------------------------------------------------------------------------------

struct strings {
	uint8_t *base;
	uint32_t used;
};

static size_t list_size(char *const *list, uint32_t *count)
{
	size_t n = 0;
	*count = 0;
	for (; list && list[*count]; ++*count)
		n += strlen(list[*count]) + 1;
	return n;
}

static uint32_t put(struct strings *s, const char *text)
{
	uint32_t at = s->used, n = (uint32_t)strlen(text) + 1;
	memcpy(s->base + at, text, n);
	s->used += n;
	return at;
}

static uint32_t put_list(struct strings *s, char *const *list)
{
	uint32_t at = s->used;
	for (; list && *list; list++)
		put(s, *list);
	return at;
}

static const char *or_default(const char *s, const char *other) { return s ? s : other; }

static int build_strings(struct machine *m)
{
	const struct machine_config *c = m->config;
	struct abi_boot *b = m->boot;
	size_t size = list_size(c->argv, &b->argc) + list_size(c->envp, &b->envc) + strlen(c->exec_path) + 1 +
		      strlen(or_default(c->cwd, "/")) + 1 + strlen(or_default(c->hostname, "whelk")) + 1 +
		      strlen(or_default(c->trace, "")) + 1 + strlen(or_default(c->interp, "")) + 1 +
		      strlen(or_default(c->libc, "")) + 1;
	for (unsigned i = 0; i < c->mount_count; i++)
		size += strlen(c->mount[i].path) + 1;
	if (size > STRINGS_MAX)
		return machine_fail(m, -E2BIG, "arguments and environment are longer than %u MiB", STRINGS_MAX >> 20);
	m->layout.string_gpa = layout_take(m, size);
	if (!m->layout.string_gpa)
		return machine_fail(m, -ENOMEM, "the guest has too little memory for arguments and environment");
	struct strings s = {.base = ram(m, m->layout.string_gpa)};
	b->string_gpa = m->layout.string_gpa;
	b->string_size = (uint32_t)size;
	b->argv_off = put_list(&s, c->argv);
	b->envp_off = put_list(&s, c->envp);
	b->exec_off = put(&s, c->exec_path);
	b->cwd_off = put(&s, or_default(c->cwd, "/"));
	b->hostname_off = put(&s, or_default(c->hostname, "whelk"));
	b->trace_off = put(&s, or_default(c->trace, ""));
	b->interp_off = put(&s, or_default(c->interp, ""));
	b->libc_off = put(&s, or_default(c->libc, ""));
	b->mount_count = c->mount_count;
	for (unsigned i = 0; i < c->mount_count; i++)
		b->mount[i] = (struct abi_mount){
			.flags = (c->mount[i].readonly ? ABI_MOUNT_READONLY : 0) |
				 (c->mount[i].overlay ? ABI_MOUNT_OVERLAY : 0) |
				 (c->mount[i].app ? ABI_MOUNT_CONSTANT : 0),
			.path_off = put(&s, c->mount[i].path),
		};
	return 0;
}

// --- rings -------------------------------------------------------------------------------------------

static int build_queue(struct machine *m, unsigned n, uint32_t size)
{
	uint64_t desc = 16ull * size, avail = ALIGN_UP(6 + 2ull * size, 8), used = 6 + 8ull * size;
	uint64_t gpa = layout_take(m, desc + avail + used);
	if (!gpa)
		return -ENOMEM;
	m->boot->queue[n] = (struct abi_queue){
		.desc_gpa = gpa,
		.avail_gpa = gpa + desc,
		.used_gpa = gpa + desc + avail,
		.size = size,
		.notify = ABI_DOORBELL_QUEUE + 8 * n,
	};
	m->boot->queue_count = n + 1;
	return 0;
}

// --- addresses ---------------------------------------------------------------------------------------

static uint64_t pick(uint64_t random, uint64_t slots) { return (uint64_t)((unsigned __int128)random * slots >> 64); }

static int choose_addresses(struct machine *m, uint8_t seed[64])
{
	struct layout *l = &m->layout;
	uint64_t r[4] = {0};
	const uint64_t gib = 1ull << 30;

	memset(seed, 0x5a, 64);
	if (!m->config->no_random &&
	    (getrandom(r, sizeof(r), 0) != sizeof(r) || getrandom(seed, 64, 0) != 64))
		return machine_fail(m, -EIO, "the host gives no random bytes");
	const uint64_t direct_min = ABI_VA_DIRECT + ABI_VA_GUARD;
	uint64_t direct = (ABI_VA_KERNEL - direct_min) / gib, ram = ALIGN_UP(m->memory.ram_size, gib) / gib;
	if (ram >= direct)
		return machine_fail(m, -EINVAL, "a guest has at most %lu GiB of memory", direct - 1);
	l->direct_va = direct_min + pick(r[0], direct - ram) * gib;
	l->kernel_va = ABI_VA_KERNEL + pick(r[1], (ABI_VA_DAX - ABI_VA_KERNEL - IMAGE_SLOT) / HUGE_SIZE) * HUGE_SIZE;
	l->nucleus_va = ABI_VA_NUCLEUS + pick(r[2], (ABI_VA_DOORBELL - ABI_VA_NUCLEUS) / HUGE_SIZE - 2) * HUGE_SIZE;
	l->doorbell_va = ABI_VA_DOORBELL + pick(r[3], gib / PAGE_SIZE) * PAGE_SIZE;
	return 0;
}

static void fill_boot(struct machine *m)
{
	const struct machine_config *c = m->config;
	const struct layout *l = &m->layout;
	struct abi_boot *b = m->boot;

	b->magic = ABI_BOOT_MAGIC;
	b->version = ABI_BOOT_VERSION;
	b->size = sizeof(*b);
	b->ram_size = m->memory.ram_size;
	b->free_gpa = l->next;
	b->direct_va = l->direct_va;
	b->kernel_va = l->kernel_va;
	b->kernel_gpa = l->kernel_gpa;
	b->kernel_size = m->image.size;
	b->root_gpa = l->root_gpa;
	b->nucleus_va = l->nucleus_va;
	b->doorbell_va = l->doorbell_va;
	b->clock_gpa = l->clock_gpa;
	b->cpus_gpa = l->cpus_gpa;
	b->stats_gpa = l->stats_gpa;
	b->console_gpa = l->console_gpa;
	b->dax_size = m->guest ? c->dax_size : m->memory.dax_size;
	b->cpu_count = m->cpu_count;
	b->flags = c->flags | (c->tap >= 0 ? ABI_FLAG_LINK : 0);
	b->link = c->link;
	if (c->calls) {
		b->flags |= ABI_FLAG_ENFORCE;
		memcpy(b->calls, c->calls, sizeof(b->calls));
	}
	b->hwcap = m->features.hwcap;
	b->hwcap2 = m->features.hwcap2;
	b->xcr0 = m->features.xcr0;
	b->xsave_size = m->features.xsave_size;
	b->uid = c->uid;
	b->gid = c->gid;
	b->syscalls = c->syscalls;
	b->umask = c->umask;
	b->start_ns = c->start_ns;
	b->stack_limit = c->stack_limit;
	b->nofile_limit = c->nofile_limit;
}

int boot_build(struct machine *m)
{
	struct layout *l = &m->layout;

	l->next = PAGE_SIZE; // page 0 stays empty
	l->kernel_gpa = layout_take(m, m->image.size);
	l->boot_gpa = layout_take(m, sizeof(struct abi_boot));
	l->cpus_gpa = layout_take(m, sizeof(struct abi_cpu) * m->cpu_count);
	l->clock_gpa = layout_take(m, sizeof(struct abi_clock));
	l->stats_gpa = layout_take(m, sizeof(struct abi_stats));
	l->console_gpa = layout_take(m, sizeof(struct abi_console));
	if (!l->console_gpa)
		return machine_fail(m, -ENOMEM, "the guest has too little memory for the kernel");
	m->boot = ram(m, l->boot_gpa);
	m->cpus = ram(m, l->cpus_gpa);
	m->clock = ram(m, l->clock_gpa);
	m->stats = ram(m, l->stats_gpa);
	m->console = ram(m, l->console_gpa);
	for (unsigned i = 0; i < m->cpu_count; i++)
		m->cpus[i].deadline_ns = m->cpus[i].armed_ns = TIME_NEVER;
	int err = choose_addresses(m, m->boot->seed);
	l->boot_va = l->direct_va + l->boot_gpa;
	if (!err)
		err = build_strings(m);
	if (!err)
		err = build_queue(m, ABI_QUEUE_FS_SYNC, QUEUE_SIZE_SYNC);
	if (!err)
		err = build_queue(m, ABI_QUEUE_FS_ASYNC, QUEUE_SIZE_ASYNC);
	const bool link = m->config->tap >= 0;
	if (!err && m->config->net)
		err = build_queue(m, ABI_QUEUE_NET_TX, link ? QUEUE_SIZE_LINK_TX : QUEUE_SIZE_NET_TX);
	if (!err && m->config->net)
		err = build_queue(m, ABI_QUEUE_NET_RX, link ? QUEUE_SIZE_LINK_RX : QUEUE_SIZE_NET_RX);
	if (!err)
		err = image_load(&m->image, ram(m, l->kernel_gpa), l->kernel_va, m->platform->maps_image);
	if (!err)
		err = m->platform->tables(m);
	if (err)
		return err;
	clock_init(m);
	fill_boot(m);
	return 0;
}
