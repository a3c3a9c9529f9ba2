// SPDX-License-Identifier: MIT
//
// Controlling terminals: sessions and foreground groups. Reading and writing from the background is not
// held back: nothing could stop a process here.
#include "tty/private.h"
#include "vfs/static_dir.h"

struct inode *tty_pts;

void tty_init(struct inode *pts) { tty_pts = pts; }

void tty_signal_group(struct tty *t, int sig)
{
	if (t->group <= 0)
		return;
	for (struct process *p = process_first(); p; p = process_next(p))
		if (p->pgid == t->group)
			signal_send_process(p, sig, NULL);
}

void tty_forget(struct tty *t)
{
	for (struct process *p = process_first(); p; p = process_next(p))
		if (p->tty == t)
			p->tty = NULL;
	t->session = t->group = 0;
}

static void tty_take(struct tty *t, struct process *p)
{
	p->tty = t;
	t->session = p->sid;
	t->group = p->pgid;
}

void tty_acquire(struct tty *t, struct file *f)
{
	struct process *p = thread_current() ? process_current() : NULL; // none yet at boot
	if (p && !(f->flags & O_NOCTTY) && p->pid == p->sid && !p->tty && !t->session)
		tty_take(t, p);
}

void tty_detach(struct process *p)
{
	struct tty *t = p->tty;
	p->tty = NULL;
	if (t && p->pid == p->sid && t->session == p->sid) {
		tty_signal_group(t, SIGHUP);
		tty_signal_group(t, SIGCONT);
		tty_forget(t);
	}
}

unsigned tty_number(struct tty *t) { return t ? t->device : 0; }
int tty_foreground(struct tty *t) { return t && t->group ? t->group : -1; }

static bool group_in_session(int group, int session)
{
	for (struct process *p = process_first(); p; p = process_next(p))
		if (p->pgid == group && p->sid == session)
			return true;
	return false;
}

int64_t tty_job_ioctl(struct tty *t, unsigned cmd, uint64_t arg)
{
	struct process *p = process_current();
	int value;
	switch (cmd) {
	case TIOCGPGRP:
		return p->tty != t ? -ENOTTY : user_put(t->group, (int *)arg);
	case TIOCSPGRP:
		if (p->tty != t || t->session != p->sid)
			return -ENOTTY;
		if (user_get(value, (int *)arg))
			return -EFAULT;
		if (value < 0)
			return -EINVAL;
		if (!group_in_session(value, p->sid))
			return -EPERM;
		t->group = value;
		return 0;
	case TIOCGSID:
		return p->tty != t ? -ENOTTY : user_put(t->session, (int *)arg);
	case TIOCSCTTY:
		if (p->tty == t && t->session == p->sid)
			return 0;
		if (p->pid != p->sid || p->tty || t->session)
			return -EPERM;
		tty_take(t, p);
		return 0;
	case TIOCNOTTY:
		if (p->tty != t)
			return -ENOTTY;
		tty_detach(p);
		return 0;
	}
	return TTY_UNKNOWN_IOCTL;
}
