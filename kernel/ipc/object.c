// SPDX-License-Identifier: MIT
//
// System V objects, whatever kind they are of. See private.h.
#include <linux/capability.h>
#include <linux/errno.h>

#include "ipc/private.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "time/time.h"

bool ipc_allowed(const struct ipc *o, unsigned mask)
{
	const struct credentials *c = &process_current()->cred;
	uint32_t mode = o->mode;
	if (c->euid == o->cuid || c->euid == o->uid)
		mode >>= 6;
	else if (c->egid == o->cgid || c->egid == o->gid)
		mode >>= 3;
	return !(mask & ~mode & 7) || process_capable(CAP_IPC_OWNER);
}

// Into the lowest free slot.
static long add(struct ipc_space *s, struct ipc *o)
{
	const struct credentials *c = &process_current()->cred;
	struct ipc *pos;
	int slot = 0;
	list_for_each(pos, &s->objects, link) {
		if (pos->id % IPC_SLOTS != slot)
			break;
		slot++;
	}
	list_insert_before(&pos->link, &o->link);
	s->count++;
	o->id = (s->sequence++ & 0x7fff) * IPC_SLOTS + slot;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	o->changed_ns = time_wall_ns();
	return o->id;
}

long ipc_get(struct ipc_space *s, int key, size_t size, int flags)
{
	struct ipc *o;
	if (key != IPC_PRIVATE) {
		list_for_each(o, &s->objects, link)
			if (o->key == key) {
				if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
					return -EEXIST;
				if (!s->fits(o, size))
					return -EINVAL;
				return ipc_allowed(o, (unsigned)(flags >> 6 | flags >> 3 | flags) & 7) ? o->id : -EACCES;
			}
		if (!(flags & IPC_CREAT))
			return -ENOENT;
	}
	if (s->count >= s->max)
		return -ENOSPC;
	int err = s->create(key, size, flags, &o);
	if (err)
		return err;
	o->key = key;
	o->mode = (uint32_t)flags & 0777;
	return add(s, o);
}

struct ipc *ipc_find(const struct ipc_space *s, int id)
{
	struct ipc *o;
	list_for_each(o, &s->objects, link)
		if (o->id == id)
			return o;
	return NULL;
}

void ipc_remove(struct ipc_space *s, struct ipc *o)
{
	list_remove(&o->link);
	s->count--;
}

int ipc_own(const struct ipc_space *s, int id, struct ipc **out)
{
	uint32_t uid = process_current()->cred.euid;
	struct ipc *o = *out = ipc_find(s, id);
	if (!o)
		return -EINVAL;
	return uid == o->uid || uid == o->cuid || process_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

long ipc_look(const struct ipc_space *s, int id, int cmd, int stat, struct ipc **out)
{
	struct ipc *o;
	list_for_each(o, &s->objects, link)
		if (cmd == IPC_STAT ? o->id == id : o->id % IPC_SLOTS == id) {
			*out = o;
			if (cmd != stat + 2 && !ipc_allowed(o, IPC_READ)) // SEM_STAT_ANY and its like
				return -EACCES;
			return cmd == IPC_STAT ? 0 : o->id;
		}
	return -EINVAL;
}

int ipc_last_slot(const struct ipc_space *s)
{
	return list_empty(&s->objects) ? 0 : list_last(&s->objects, struct ipc, link)->id % IPC_SLOTS;
}

struct ipc64_perm ipc_permissions(const struct ipc *o)
{
	return (struct ipc64_perm){.key = o->key, .uid = o->uid, .gid = o->gid, .cuid = o->cuid, .cgid = o->cgid,
				   .mode = o->mode, .seq = (unsigned short)(o->id / IPC_SLOTS)};
}

void ipc_set_permissions(struct ipc *o, const struct ipc64_perm *p)
{
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777u) | (p->mode & 0777);
	o->changed_ns = time_wall_ns();
}

void ipc_format_head(struct text *t, const struct ipc *o)
{
	text_append(t, "%10d %10d  %4o", o->key, o->id, o->mode);
}

void ipc_format_owners(struct text *t, const struct ipc *o)
{
	text_append(t, " %5u %5u %5u %5u", o->uid, o->gid, o->cuid, o->cgid);
}

int ipc_message_load(const void *text, size_t len, int64_t type, struct ipc_message **out)
{
	struct ipc_message *m = heap_alloc(sizeof *m + len);
	if (!m)
		return -ENOMEM;
	list_init(&m->link);
	m->type = type;
	m->len = len;
	if (user_read(m->text, text, len)) {
		heap_free(m);
		return -EFAULT;
	}
	*out = m;
	return 0;
}
