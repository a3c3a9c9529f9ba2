// SPDX-License-Identifier: MIT
//
// System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is a file of tmpfs without a name, and an
// attachment is a shared mapping of it: who unmaps it by munmap(2) has detached it too. A segment that was removed
// lives as long as it is mapped; its number is given back when one of these calls next looks.
#include <asm/shmbuf.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/shm.h>
#include <linux/stat.h>

#include "base/format.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "tmpfs/tmpfs.h"
#include "vfs/vfs.h"

#define SEGMENTS_MAX 4096 // kernel.shmmni
#define ID_STEP	     32768 // an id is its slot and how often that was used before
#define KEY_PRIVATE  0

#ifndef SHM_DEST
#define SHM_DEST   01000
#define SHM_LOCKED 02000
#endif

struct segment {
	struct list link;
	int id, key;
	struct inode *inode; // one reference
	uint64_t size;
	uint32_t mode, uid, gid, cuid, cgid;
	bool removed;
	uint64_t attached_ns, detached_ns, changed_ns;
	int creator, last;
};

static struct list segments = LIST_INIT(segments);
static unsigned count;
static uint16_t used[SEGMENTS_MAX]; // times each slot was

static uint64_t attachments(struct segment *s)
{
	uint64_t n = 0;
	for (struct list *l = s->inode->mappings.next; l != &s->inode->mappings; l = l->next)
		n++;
	return n;
}

static void segment_free(struct segment *s)
{
	list_remove(&s->link);
	inode_put(s->inode);
	heap_free(s);
	count--;
}

// Those that were removed and have no user left go.
static void sweep(void)
{
	for (struct list *l = segments.next, *next; l != &segments; l = next) {
		struct segment *s = container_of(l, struct segment, link);
		next = l->next;
		if (s->removed && !attachments(s))
			segment_free(s);
	}
}

static struct segment *find(int id)
{
	struct segment *s;
	sweep();
	list_for_each(s, &segments, link)
		if (s->id == id)
			return s;
	return NULL;
}

// `mask`: 4 to read, 2 to write.
static bool allowed(const struct segment *s, unsigned mask)
{
	const struct credentials *c = &process_current()->cred;
	uint32_t mode = s->mode;
	if (c->euid == s->cuid || c->euid == s->uid)
		mode >>= 6;
	else if (c->egid == s->cgid || c->egid == s->gid)
		mode >>= 3;
	return !(mask & ~mode & 7) || process_capable(CAP_IPC_OWNER);
}

static bool owned(const struct segment *s)
{
	uint32_t uid = process_current()->cred.euid;
	return uid == s->uid || uid == s->cuid || process_capable(CAP_SYS_ADMIN);
}

static int free_slot(void)
{
	for (int slot = 0; slot < SEGMENTS_MAX; slot++) {
		struct segment *s;
		bool taken = false;
		list_for_each(s, &segments, link)
			taken |= s->id % ID_STEP == slot;
		if (!taken)
			return slot;
	}
	return -ENOSPC;
}

static long create(int key, size_t size, int flags)
{
	const struct credentials *c = &process_current()->cred;
	char name[16];
	struct page_info info;
	page_info(&info);
	if (!size || size > ABI_VA_USER_END)
		return -EINVAL;
	if (flags & SHM_HUGETLB || size / PAGE_SIZE > info.total)
		return -ENOMEM;
	int slot = count < SEGMENTS_MAX ? free_slot() : -ENOSPC;
	if (slot < 0)
		return slot;
	struct segment *s = heap_new(struct segment);
	if (!s)
		return -ENOMEM;
	format(name, sizeof name, "SYSV%08x", (unsigned)key);
	int err = tmpfs_create_anonymous(name, ALIGN_UP(size, PAGE_SIZE), &s->inode);
	if (err) {
		heap_free(s);
		return err;
	}
	s->id = (used[slot]++ & 0x7fff) * ID_STEP + slot;
	s->key = key;
	s->size = size;
	s->mode = (uint32_t)flags & 0777;
	s->uid = s->cuid = c->euid;
	s->gid = s->cgid = c->egid;
	s->changed_ns = time_wall_ns();
	s->creator = process_current()->pid;
	list_push_back(&segments, &s->link);
	count++;
	return s->id;
}

long sys_shmget(int key, size_t size, int shmflg)
{
	struct segment *s;
	sweep();
	if (key == KEY_PRIVATE)
		return create(key, size, shmflg);
	list_for_each(s, &segments, link)
		if (s->key == key) {
			if ((shmflg & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
				return -EEXIST;
			if (size > s->size)
				return -EINVAL;
			return allowed(s, (unsigned)(shmflg >> 6 | shmflg >> 3 | shmflg) & 7) ? s->id : -EACCES;
		}
	return shmflg & IPC_CREAT ? create(key, size, shmflg) : -ENOENT;
}

long sys_shmat(int shmid, void *shmaddr, int shmflg)
{
	uint64_t at = (uint64_t)shmaddr;
	int prot = PROT_READ, flags = MAP_SHARED;
	if (shmid < 0)
		return -EINVAL;
	if (at % PAGE_SIZE) {
		if (!(shmflg & SHM_RND))
			return -EINVAL;
		at = ALIGN_DOWN(at, PAGE_SIZE);
	}
	if (!at && shmflg & SHM_REMAP)
		return -EINVAL;
	if (at)
		flags |= shmflg & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	prot |= (shmflg & SHM_RDONLY ? 0 : PROT_WRITE) | (shmflg & SHM_EXEC ? PROT_EXEC : 0);
	struct segment *s = find(shmid);
	if (!s)
		return -EINVAL;
	if (!allowed(s, prot & PROT_WRITE ? 6 : 4))
		return -EACCES;
	struct file *f;
	int err = file_create_inode(s->inode, prot & PROT_WRITE ? O_RDWR : O_RDONLY, &f);
	if (err)
		return err;
	s->attached_ns = time_wall_ns();
	s->last = process_current()->pid;
	int64_t got = mm_map(mm_current(), at, s->size, prot, flags, f, 0);
	file_put(f);
	return got == -EEXIST ? -EINVAL : got;
}

static struct segment *segment_of(const struct vma *v)
{
	struct segment *s;
	list_for_each(s, &segments, link)
		if (v->file && v->file->inode == s->inode)
			return s;
	return NULL;
}

long sys_shmdt(const void *shmaddr)
{
	uint64_t at = (uint64_t)shmaddr, end = at;
	struct mm *mm = mm_current();
	struct segment *s = NULL;
	long err = -EINVAL;
	if (at % PAGE_SIZE)
		return err;
	// Its pieces, where they still are; the first says which segment it is.
	for (struct vma *v = mm_find(mm, at); v && (!s || v->start < end); v = mm_find(mm, at)) {
		uint64_t start = v->start, stop = v->end, base = v->start - v->pgoff * PAGE_SIZE;
		struct segment *of = segment_of(v);
		if (!s && of && base == (uint64_t)shmaddr) {
			s = of;
			end = base + ALIGN_UP(s->size, PAGE_SIZE);
		}
		if (s && of == s && base == (uint64_t)shmaddr) {
			err = mm_unmap(mm, start, stop - start);
			if (err)
				return err;
		} else if (!s && start != at) {
			return -EINVAL; // nothing of it is at its beginning, and Linux looks no further either
		}
		at = stop;
	}
	if (s) {
		s->detached_ns = time_wall_ns();
		s->last = process_current()->pid;
		sweep();
	}
	return err;
}

static long stat(struct segment *s, void *buf)
{
	struct shmid64_ds d = {
		.shm_perm = {.key = s->key, .uid = s->uid, .gid = s->gid, .cuid = s->cuid, .cgid = s->cgid,
			     .mode = s->mode | (s->removed ? SHM_DEST : 0), .seq = (unsigned short)(s->id / ID_STEP)},
		.shm_segsz = s->size,
		.shm_atime = (long)(s->attached_ns / NSEC_PER_SEC),
		.shm_dtime = (long)(s->detached_ns / NSEC_PER_SEC),
		.shm_ctime = (long)(s->changed_ns / NSEC_PER_SEC),
		.shm_cpid = s->creator,
		.shm_lpid = s->last,
		.shm_nattch = attachments(s),
	};
	if (!allowed(s, 4))
		return -EACCES;
	return user_put(d, (struct shmid64_ds *)buf);
}

static long set(struct segment *s, const void *buf)
{
	struct shmid64_ds d;
	if (user_get(d, (const struct shmid64_ds *)buf))
		return -EFAULT;
	s->uid = d.shm_perm.uid;
	s->gid = d.shm_perm.gid;
	s->mode = (s->mode & ~0777u) | (d.shm_perm.mode & 0777);
	s->changed_ns = time_wall_ns();
	return 0;
}

long sys_shmctl(int shmid, int cmd, void *buf)
{
	struct segment *s = shmid < 0 ? NULL : find(shmid);
	if (cmd != IPC_STAT && cmd != IPC_SET && cmd != IPC_RMID && cmd != SHM_LOCK && cmd != SHM_UNLOCK)
		return -EINVAL;
	if (!s)
		return -EINVAL;
	if (cmd == IPC_STAT)
		return stat(s, buf);
	if (!owned(s))
		return -EPERM;
	if (cmd == IPC_SET)
		return set(s, buf);
	if (cmd != IPC_RMID) { // memory is never swapped out
		s->mode = cmd == SHM_LOCK ? s->mode | SHM_LOCKED : s->mode & ~(uint32_t)SHM_LOCKED;
		return 0;
	}
	s->removed = true;
	s->key = KEY_PRIVATE;
	sweep();
	return 0;
}
