// SPDX-License-Identifier: MIT
//
// The file window: the monitor sends a descriptor for each part of it, and says in shared memory how many messages
// it has sent. They are taken when a bell has been served, before anybody can use what was asked for.
#define COMPONENT "plat"
#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/socket.h>

#include "base/string.h"
#include "base/util.h"
#include "debug/debug.h"
#include "mm/heap.h"
#include "plat/linux/private.h"
#include "plat/plat.h"

#define SLOT_SIZE HUGE_SIZE // a part lies in one slot

static struct window_part *part; // by slot; fd < 0: nothing there
static uint64_t part_count;
static uint32_t taken;
static bool busy;

static struct window_part *part_of(uint64_t slot)
{
	if (slot >= part_count) {
		uint64_t count = MAX(part_count * 2, ALIGN_UP(slot + 1, 64));
		struct window_part *grown = heap_realloc(part, count * sizeof(*part));
		if (!grown)
			panic("no memory for the file window");
		for (uint64_t i = part_count; i < count; i++)
			grown[i].fd = -1;
		part = grown;
		part_count = count;
	}
	return &part[slot];
}

// recvmsg(2) as the kernel of the host sees it.
struct message {
	uint64_t name, name_len, iov, iov_count, control, control_len, flags;
};

static long receive(struct abi_window_change *change, int *fd)
{
	struct {
		uint64_t len;
		int level, type, fd, pad;
	} control = { .fd = -1 };
	uint64_t iov[2] = { (uint64_t)change, sizeof(*change) };
	struct message m = {
		.iov = (uint64_t)iov, .iov_count = 1, .control = (uint64_t)&control, .control_len = sizeof(control)
	};
	long r;
	do
		r = host_call(__NR_recvmsg, ABI_PROCESS_SOCKET, (uint64_t)&m, 0, 0, 0, 0);
	while (r == -EINTR);
	*fd = m.control_len >= 20 && control.level == SOL_SOCKET && control.type == 1 /* SCM_RIGHTS */ ? control.fd
												       : -1;
	return r;
}

static void take_one(void)
{
	struct abi_window_change change = { 0 };
	int fd;
	long r = receive(&change, &fd);
	if (r != sizeof(change))
		panic("a message about the file window is damaged: %ld bytes", r);
	struct window_part *p = part_of(change.offset / SLOT_SIZE);
	if (p->fd >= 0)
		host_call(__NR_close, (uint64_t)p->fd, 0, 0, 0, 0, 0);
	*p = (struct window_part){ change.offset, change.len, change.file_off, fd, change.writable != 0, false };
}

// Making room may ring the bell again.
void window_update(void)
{
	const struct abi_process *p = host_process(plat_boot());
	if (busy)
		return;
	busy = true;
	while (__atomic_load_n(&p->files_sent, __ATOMIC_ACQUIRE) != taken) {
		take_one();
		taken++;
	}
	busy = false;
}

static struct window_part *find(uint64_t offset)
{
	window_update();
	if (offset / SLOT_SIZE >= part_count)
		return NULL;
	struct window_part *p = &part[offset / SLOT_SIZE];
	return p->fd >= 0 && offset - p->offset < p->len ? p : NULL;
}

const struct window_part *window_find(uint64_t offset) { return find(offset); }

// What a slot showed before stays mapped until something else is shown there.
const void *plat_window(uint64_t offset, uint64_t len)
{
	struct window_part *p = find(offset);
	if (!p || len > p->len - (offset - p->offset))
		return NULL;
	if (!p->shown) {
		long r = host_call(__NR_mmap, ABI_VA_DAX + p->offset, p->len, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
				   (uint64_t)p->fd, p->file_off);
		if (r < 0)
			return NULL;
		p->shown = true;
	}
	return (const void *)(ABI_VA_DAX + offset);
}
