// SPDX-License-Identifier: MIT
//
// System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is a file of tmpfs without a name, and an
// attachment is a shared mapping of it: who unmaps it by munmap(2) has detached it too. A segment that was removed
// lives as long as it is mapped; its number is given back when one of these calls next looks.
#include <asm/shmbuf.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/shm.h>
#include <linux/stat.h>

#include "ipc/ipc.h"
#include "ipc/private.h"
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
#define SIZE_LIMIT   (~0ul - (1ul << 24)) // kernel.shmmax, kernel.shmall

#ifndef SHM_DEST
#define SHM_DEST   01000
#define SHM_LOCKED 02000
#endif

struct segment {
	struct ipc ipc; // removed: SHM_DEST in its mode
	struct inode *inode; // one reference
	uint64_t size;
	uint64_t attached_ns, detached_ns;
	int creator, last;
};

static int create(int key, size_t size, int flags, struct ipc **out);
static bool fits(const struct ipc *o, size_t size) { return size <= ((const struct segment *)o)->size; }
static struct ipc_space space = {LIST_INIT(space.objects), .max = SEGMENTS_MAX, .create = create, .fits = fits};

static uint64_t attachments(struct segment *s)
{
	uint64_t n = 0;
	for (struct list *l = s->inode->mappings.next; l != &s->inode->mappings; l = l->next)
		n++;
	return n;
}

// Those that were removed and have no user left go.
static void sweep(void)
{
	struct segment *s, *next;
	list_for_each_safe(s, next, &space.objects, ipc.link)
		if (s->ipc.mode & SHM_DEST && !attachments(s)) {
			ipc_remove(&space, &s->ipc);
			inode_put(s->inode);
			heap_free(s);
		}
}

static int create(int key, size_t size, int flags, struct ipc **out)
{
	char name[16];
	struct page_info info;
	page_info(&info);
	if (!size || size > ABI_VA_USER_END)
		return -EINVAL;
	if (flags & SHM_HUGETLB || size / PAGE_SIZE > info.total)
		return -ENOMEM;
	struct segment *s = heap_new(struct segment);
	if (!s)
		return -ENOMEM;
	format(name, sizeof name, "SYSV%08x", (unsigned)key);
	int err = tmpfs_create_anonymous(name, ALIGN_UP(size, PAGE_SIZE), &s->inode);
	if (err) {
		heap_free(s);
		return err;
	}
	s->size = size;
	s->creator = process_current()->pid;
	*out = &s->ipc;
	return 0;
}

long sys_shmget(int key, size_t size, int shmflg)
{
	sweep();
	return ipc_get(&space, key, size, shmflg);
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
	sweep();
	struct segment *s = (struct segment *)ipc_find(&space, shmid);
	if (!s)
		return -EINVAL;
	if (!ipc_allowed(&s->ipc, prot & PROT_WRITE ? IPC_READ | IPC_WRITE : IPC_READ))
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
	list_for_each(s, &space.objects, ipc.link)
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

static long stat(int id, int cmd, void *buf)
{
	struct ipc *o;
	long result = ipc_look(&space, id, cmd, SHM_STAT, &o);
	if (result < 0)
		return result;
	struct segment *s = (struct segment *)o;
	struct shmid64_ds d = {
		.shm_perm = ipc_permissions(o),
		.shm_segsz = s->size,
		.shm_atime = ipc_seconds(s->attached_ns),
		.shm_dtime = ipc_seconds(s->detached_ns),
		.shm_ctime = ipc_seconds(o->changed_ns),
		.shm_cpid = s->creator,
		.shm_lpid = s->last,
		.shm_nattch = attachments(s),
	};
	return user_put(d, (struct shmid64_ds *)buf) ? -EFAULT : result;
}

static long limits(void *buf)
{
	struct shminfo64 i = {.shmmax = SIZE_LIMIT, .shmmin = 1, .shmmni = SEGMENTS_MAX, .shmseg = SEGMENTS_MAX, .shmall = SIZE_LIMIT};
	return user_put(i, (struct shminfo64 *)buf) ? -EFAULT : ipc_last_slot(&space);
}

static uint64_t resident(const struct segment *s) { return s->inode->blocks / (PAGE_SIZE / 512); }

static long usage(void *buf)
{
	struct shm_info i = {.used_ids = space.count};
	struct segment *s;
	list_for_each(s, &space.objects, ipc.link) {
		i.shm_tot += ALIGN_UP(s->size, PAGE_SIZE) / PAGE_SIZE;
		i.shm_rss += resident(s);
	}
	return user_put(i, (struct shm_info *)buf) ? -EFAULT : ipc_last_slot(&space);
}

static long set(int id, const void *buf)
{
	struct shmid64_ds d;
	struct ipc *o;
	if (user_get(d, (const struct shmid64_ds *)buf))
		return -EFAULT;
	int err = ipc_own(&space, id, &o);
	if (!err)
		ipc_set_permissions(o, &d.shm_perm);
	return err;
}

// Memory is never swapped out: being locked is only told.
static long change(int id, int cmd)
{
	struct ipc *o;
	int err = ipc_own(&space, id, &o);
	if (err)
		return err;
	if (cmd == SHM_UNLOCK) {
		o->mode &= ~(uint32_t)SHM_LOCKED;
		return 0;
	}
	o->mode |= cmd == SHM_LOCK ? SHM_LOCKED : SHM_DEST;
	if (cmd == IPC_RMID)
		o->key = IPC_PRIVATE;
	sweep();
	return 0;
}

long sys_shmctl(int shmid, int cmd, void *buf)
{
	if (shmid < 0)
		return -EINVAL;
	sweep();
	switch (cmd) {
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(shmid, cmd, buf);
	case IPC_SET:
		return set(shmid, buf);
	case IPC_RMID:
	case SHM_LOCK:
	case SHM_UNLOCK:
		return change(shmid, cmd);
	case IPC_INFO:
		return limits(buf);
	case SHM_INFO:
		return usage(buf);
	}
	return -EINVAL;
}

void shm_format(struct text *t)
{
	struct segment *s;
	sweep();
	text_append(t, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      "
		       "atime      dtime      ctime                   rss                  swap\n");
	list_for_each(s, &space.objects, ipc.link) {
		ipc_format_head(t, &s->ipc);
		text_append(t, " %21lu %5d %5d  %5lu", s->size, s->creator, s->last, attachments(s));
		ipc_format_owners(t, &s->ipc);
		text_append(t, " %10ld %10ld %10ld %21lu %21u\n", ipc_seconds(s->attached_ns), ipc_seconds(s->detached_ns),
			    ipc_seconds(s->ipc.changed_ns), resident(s) * PAGE_SIZE, 0);
	}
}
