// SPDX-License-Identifier: MIT
//
// What the three kinds of System V objects share: numbers and keys, permissions, what the *ctl(2) calls and
// /proc/sysvipc tell of them; and messages, which POSIX queues have too. sysvipc(7).
#ifndef WHELK_IPC_PRIVATE_H
#define WHELK_IPC_PRIVATE_H

#include <linux/ipc.h>

#include "base/format.h"
#include "base/list.h"
#include "base/util.h"

static inline long ipc_seconds(uint64_t ns) { return (long)(ns / NSEC_PER_SEC); }

struct ipc { // first in every object
	struct list link; // in its space, by slot
	int id;		  // IPC_SLOTS * how many were made before it + its slot
	int key;
	uint32_t mode, uid, gid, cuid, cgid;
	uint64_t changed_ns;
};

struct ipc_space { // all objects of a kind
	struct list objects;
	int count, max;
	uint16_t sequence;
	int (*create)(int key, size_t size, int flags, struct ipc **out); // `ipc` is zero but for what the kind adds to mode
	bool (*fits)(const struct ipc *o, size_t size);	 // an object that exists, as *get(2) asks for it
};

#define IPC_SLOTS 32768
#define IPC_READ  4
#define IPC_WRITE 2

// *get(2): the id, or -errno.
long ipc_get(struct ipc_space *s, int key, size_t size, int flags);
struct ipc *ipc_find(const struct ipc_space *s, int id); // NULL: none
void ipc_remove(struct ipc_space *s, struct ipc *o);	 // from the space; it is the caller's to free
// `mask`: IPC_*
bool ipc_allowed(const struct ipc *o, unsigned mask);
// What IPC_SET and IPC_RMID are allowed to: 0, -EINVAL (no such object), -EPERM.
int ipc_own(const struct ipc_space *s, int id, struct ipc **out);
// IPC_STAT by the number, *_STAT (`stat`) and *_STAT_ANY by the slot: what the call is to return, -EINVAL, -EACCES.
long ipc_look(const struct ipc_space *s, int id, int cmd, int stat, struct ipc **out);
int ipc_last_slot(const struct ipc_space *s); // 0 when there is none too
struct ipc64_perm ipc_permissions(const struct ipc *o);
void ipc_set_permissions(struct ipc *o, const struct ipc64_perm *p);
// A line of /proc/sysvipc: its beginning, and the owners.
void ipc_format_head(struct text *t, const struct ipc *o);
void ipc_format_owners(struct text *t, const struct ipc *o);

struct ipc_message {
	struct list link;
	int64_t type; // of POSIX queues the priority
	size_t len;
	char text[];
};
// Of the program's memory: 0, -ENOMEM, -EFAULT. Freed with heap_free(). May sleep.
int ipc_message_load(const void *text, size_t len, int64_t type, struct ipc_message **out);

#endif
