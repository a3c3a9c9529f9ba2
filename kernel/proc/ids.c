// SPDX-License-Identifier: MIT
//
// Who the program is: process, group, session, user and group ids, capabilities. credentials(7).
#include <linux/capability.h>
#include <linux/errno.h>

#include "base/string.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/part.h"
#include "sys/syscalls.h"
#include "tty/tty.h"

#define UNCHANGED ((unsigned)-1)
#define ALL_CAPS  ((1ull << (CAP_LAST_CAP + 1)) - 1)

static struct credentials *cred(void) { return &process_current()->cred; }

long sys_getpid(void) { return process_current()->pid; }
long sys_gettid(void) { return thread_current()->tid; }
long sys_getppid(void) { return process_current()->ppid; }
long sys_getpgrp(void) { return process_current()->pgid; }
long sys_getuid(void) { return cred()->uid; }
long sys_geteuid(void) { return cred()->euid; }
long sys_getgid(void) { return cred()->gid; }
long sys_getegid(void) { return cred()->egid; }

void process_tell_ids(struct thread *t)
{
	const struct process *p = t->process;
	t->quick[QUICK_PID] = (uint64_t)p->pid;
	t->quick[QUICK_TID] = (uint64_t)t->tid;
	t->quick[QUICK_PPID] = (uint64_t)p->ppid;
	t->quick[QUICK_UID] = p->cred.uid;
	t->quick[QUICK_EUID] = p->cred.euid;
	t->quick[QUICK_GID] = p->cred.gid;
	t->quick[QUICK_EGID] = p->cred.egid;
	t->quick[QUICK_CALLS] = (uint64_t)plat_stats()->call;
}

void process_ids_changed(struct process *p)
{
	struct thread *t;
	list_for_each(t, &p->threads, process_link)
		process_tell_ids(t);
}

static struct process *find_or_self(int pid)
{
	return pid ? process_find(pid) : process_current();
}

long sys_getpgid(int pid)
{
	struct process *p = find_or_self(pid);
	return p ? p->pgid : -ESRCH;
}

long sys_getsid(int pid)
{
	struct process *p = find_or_self(pid);
	return p ? p->sid : -ESRCH;
}

long sys_setpgid(int pid, int pgid)
{
	struct process *p = find_or_self(pid);
	if (pgid < 0)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (p->sid == p->pid || (pgid && pgid != p->pid && !process_find(pgid)))
		return -EPERM; // a session leader stays where it is
	p->pgid = pgid ? pgid : p->pid;
	return 0;
}

long sys_setsid(void)
{
	struct process *p = process_current();
	if (p->pgid == p->pid)
		return -EPERM;
	PART(tty_detach, p);
	p->sid = p->pgid = p->pid;
	return p->sid;
}

long sys_getresuid(void *ruid, void *euid, void *suid)
{
	struct credentials *c = cred();
	return user_put(c->uid, ruid) || user_put(c->euid, euid) || user_put(c->suid, suid) ? -EFAULT : 0;
}

long sys_getresgid(void *rgid, void *egid, void *sgid)
{
	struct credentials *c = cred();
	return user_put(c->gid, rgid) || user_put(c->egid, egid) || user_put(c->sgid, sgid) ? -EFAULT : 0;
}

static bool may_be(unsigned id, unsigned a, unsigned b, unsigned s, int cap)
{
	return id == UNCHANGED || id == a || id == b || id == s || process_capable(cap);
}

// With what follows for the capabilities: capabilities(7), "Effect of user ID changes on capabilities".
static void set_uids(struct credentials *c, unsigned ruid, unsigned euid, unsigned suid)
{
	bool was_effective = c->euid == 0;
	bool had_root = c->uid == 0 || c->euid == 0 || c->suid == 0;
	c->uid = ruid == UNCHANGED ? c->uid : ruid;
	c->euid = euid == UNCHANGED ? c->euid : euid;
	c->suid = suid == UNCHANGED ? c->suid : suid;
	c->fsuid = c->euid;
	bool has_root = c->uid == 0 || c->euid == 0 || c->suid == 0;
	if (had_root && !has_root) {
		if (!process_current()->keep_caps)
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (was_effective && c->euid != 0)
		c->cap_effective = 0;
	else if (!was_effective && c->euid == 0)
		c->cap_effective = c->cap_permitted;
	process_ids_changed(process_current());
}

// capabilities(7), "Transformation of capabilities during execve()", for files that have none and are not set-user-ID.
void process_exec_ids(struct process *p)
{
	struct credentials *c = &p->cred;
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	p->keep_caps = false;
	c->cap_permitted = c->cap_effective = c->cap_ambient;
	if (c->uid == 0 || c->euid == 0)
		c->cap_permitted |= c->cap_inheritable | c->cap_bounding;
	if (c->euid == 0)
		c->cap_effective = c->cap_permitted;
}

long sys_setresuid(unsigned ruid, unsigned euid, unsigned suid)
{
	struct credentials *c = cred();
	if (!may_be(ruid, c->uid, c->euid, c->suid, CAP_SETUID) ||
	    !may_be(euid, c->uid, c->euid, c->suid, CAP_SETUID) || !may_be(suid, c->uid, c->euid, c->suid, CAP_SETUID))
		return -EPERM;
	set_uids(c, ruid, euid, suid);
	return 0;
}

static void set_gids(struct credentials *c, unsigned rgid, unsigned egid, unsigned sgid)
{
	c->gid = rgid == UNCHANGED ? c->gid : rgid;
	c->egid = egid == UNCHANGED ? c->egid : egid;
	c->sgid = sgid == UNCHANGED ? c->sgid : sgid;
	c->fsgid = c->egid;
	process_ids_changed(process_current());
}

long sys_setresgid(unsigned rgid, unsigned egid, unsigned sgid)
{
	struct credentials *c = cred();
	if (!may_be(rgid, c->gid, c->egid, c->sgid, CAP_SETGID) ||
	    !may_be(egid, c->gid, c->egid, c->sgid, CAP_SETGID) || !may_be(sgid, c->gid, c->egid, c->sgid, CAP_SETGID))
		return -EPERM;
	set_gids(c, rgid, egid, sgid);
	return 0;
}

long sys_setreuid(unsigned ruid, unsigned euid)
{
	struct credentials *c = cred();
	unsigned suid = ruid != UNCHANGED || (euid != UNCHANGED && euid != c->uid)
				? (euid == UNCHANGED ? c->euid : euid)
				: UNCHANGED;
	if (!may_be(ruid, c->uid, c->euid, c->uid, CAP_SETUID) || !may_be(euid, c->uid, c->euid, c->suid, CAP_SETUID))
		return -EPERM;
	set_uids(c, ruid, euid, suid);
	return 0;
}

long sys_setregid(unsigned rgid, unsigned egid)
{
	struct credentials *c = cred();
	unsigned sgid = rgid != UNCHANGED || (egid != UNCHANGED && egid != c->gid)
				? (egid == UNCHANGED ? c->egid : egid)
				: UNCHANGED;
	if (!may_be(rgid, c->gid, c->egid, c->gid, CAP_SETGID) || !may_be(egid, c->gid, c->egid, c->sgid, CAP_SETGID))
		return -EPERM;
	set_gids(c, rgid, egid, sgid);
	return 0;
}

long sys_setuid(unsigned uid)
{
	return process_capable(CAP_SETUID) ? sys_setresuid(uid, uid, uid) : sys_setresuid(UNCHANGED, uid, UNCHANGED);
}

long sys_setgid(unsigned gid)
{
	return process_capable(CAP_SETGID) ? sys_setresgid(gid, gid, gid) : sys_setresgid(UNCHANGED, gid, UNCHANGED);
}

long sys_setfsuid(unsigned fsuid)
{
	struct credentials *c = cred();
	unsigned old = c->fsuid;
	if (fsuid != UNCHANGED && (may_be(fsuid, c->uid, c->euid, c->suid, CAP_SETUID) || fsuid == old))
		c->fsuid = fsuid;
	return old;
}

long sys_setfsgid(unsigned fsgid)
{
	struct credentials *c = cred();
	unsigned old = c->fsgid;
	if (fsgid != UNCHANGED && (may_be(fsgid, c->gid, c->egid, c->sgid, CAP_SETGID) || fsgid == old))
		c->fsgid = fsgid;
	return old;
}

long sys_getgroups(int size, void *list)
{
	struct credentials *c = cred();
	if (size < 0 || (size && (unsigned)size < c->group_count))
		return -EINVAL;
	if (size && user_write(list, c->groups, c->group_count * sizeof(c->groups[0])))
		return -EFAULT;
	return c->group_count;
}

long sys_setgroups(int size, const void *list)
{
	struct credentials *c = cred();
	uint32_t groups[ARRAY_SIZE(c->groups)];
	if (!process_capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || (unsigned)size > ARRAY_SIZE(c->groups))
		return -EINVAL;
	if (user_read(groups, list, (size_t)size * sizeof(groups[0])))
		return -EFAULT;
	memcpy(c->groups, groups, (size_t)size * sizeof(groups[0]));
	c->group_count = (unsigned)size;
	return 0;
}

// The two 32-bit halves of versions 2 and 3; version 1 has one.
static int cap_words(void *hdrp, struct __user_cap_header_struct *h)
{
	if (user_get(*h, hdrp))
		return -EFAULT;
	if (h->version == _LINUX_CAPABILITY_VERSION_1)
		return 1;
	if (h->version == _LINUX_CAPABILITY_VERSION_2 || h->version == _LINUX_CAPABILITY_VERSION_3)
		return 2;
	h->version = _LINUX_CAPABILITY_VERSION_3;
	return user_put(*h, hdrp) ? -EFAULT : -EINVAL;
}

long sys_capget(void *hdrp, void *datap)
{
	struct __user_cap_header_struct h;
	int words = cap_words(hdrp, &h);
	if (words < 0)
		return words == -EINVAL && !datap ? 0 : words;
	struct process *p = h.pid ? process_find(h.pid) : process_current();
	if (h.pid < 0)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < words; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(p->cred.cap_effective >> 32 * i),
			.permitted = (uint32_t)(p->cred.cap_permitted >> 32 * i),
			.inheritable = (uint32_t)(p->cred.cap_inheritable >> 32 * i),
		};
	return user_write(datap, data, (size_t)words * sizeof(data[0]));
}

long sys_capset(void *hdrp, const void *datap)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct data[2] = {0};
	int words = cap_words(hdrp, &h);
	if (words < 0)
		return words;
	if (h.pid && h.pid != process_current()->pid)
		return -EPERM;
	if (user_read(data, datap, (size_t)words * sizeof(data[0])))
		return -EFAULT;
	uint64_t effective = data[0].effective | (uint64_t)data[1].effective << 32;
	uint64_t permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	uint64_t inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	struct credentials *c = cred();
	if (permitted & ~c->cap_permitted || effective & ~permitted ||
	    inheritable & ~(c->cap_inheritable | c->cap_permitted))
		return -EPERM;
	c->cap_permitted = permitted & ALL_CAPS;
	c->cap_effective = effective & ALL_CAPS;
	c->cap_inheritable = inheritable & ALL_CAPS;
	c->cap_ambient &= c->cap_permitted & c->cap_inheritable;
	return 0;
}
