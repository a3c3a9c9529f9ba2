// SPDX-License-Identifier: MIT
//
// Pseudo-terminals: /dev/ptmx makes a pair; the slave appears as /dev/pts/N. What the master writes goes
// through the line discipline to the slave's readers; what the slave writes and what is echoed collects
// in a ring for the master.
#include "base/format.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "tty/ldisc.h"
#include "tty/private.h"
#include "vfs/static_dir.h"

#define OUT_SIZE  8192
#define ECHO_ROOM 1024 // kept free for echo when programs write
#define PTY_MAX	  1024

struct pty {
	struct tty tty;
	struct ldisc ldisc;
	char out[OUT_SIZE]; // to the master: [out_tail, out_head)
	uint32_t out_head, out_tail;
	unsigned index, slaves;
	bool master_open, slave_seen, locked, packet;
	uint8_t packet_bits; // TIOCPKT_* to report
	struct winsize_k size;
	struct waitq master_q;	// readers and writers of the master
	struct waitq slave_q;
};

static const struct file_ops master_ops, slave_ops;
static struct pty *pty_table[PTY_MAX]; // [0] stays empty when the console is /dev/pts/0

static uint32_t out_used(struct pty *p) { return p->out_head - p->out_tail; }
static bool hung_up(struct pty *p) { return !p->master_open; }

static void pty_free(struct pty *p)
{
	if (p->master_open || p->slaves)
		return;
	pty_table[p->index] = NULL;
	tty_forget(&p->tty);
	heap_free(p);
}

// --- what the line discipline calls -----------------------------------------------------------------------

static void pty_echo(void *arg, const char *buf, size_t len)
{
	struct pty *p = arg;
	for (size_t i = 0; i < len && out_used(p) < OUT_SIZE; i++)
		p->out[p->out_head++ % OUT_SIZE] = buf[i];
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
}

static void pty_signal(void *arg, int sig) { tty_signal_group(&((struct pty *)arg)->tty, sig); }

static void packet_report(struct pty *p, uint8_t bits)
{
	if (!p->packet)
		return;
	p->packet_bits |= bits;
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLPRI);
}

static void pty_flush_output(void *arg)
{
	struct pty *p = arg;
	p->out_tail = p->out_head;
	packet_report(p, TIOCPKT_FLUSHWRITE);
	waitq_wake(&p->slave_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
}

static void pty_start_stop(void *arg, bool stopped)
{
	struct pty *p = arg;
	packet_report(p, stopped ? TIOCPKT_STOP : TIOCPKT_START);
	waitq_wake(&p->slave_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
}

// --- the master's side -----------------------------------------------------------------------------------------

static int64_t master_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct pty *p = f->fs;
	(void)pos;
	if (!to->left)
		return 0;
	while (!out_used(p) && !p->packet_bits) {
		if (p->slave_seen && !p->slaves)
			return -EIO;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&p->master_q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	int64_t done = 0;
	if (p->packet) {
		uint8_t head = p->packet_bits;
		p->packet_bits = 0;
		if (iter_write(to, &head, 1) != 1)
			return -EFAULT;
		done = 1;
		if (head)
			return done;
	}
	while (to->left && out_used(p)) {
		char chunk[256]; // the copy may sleep: these bytes are ours before it
		uint32_t n = 0;
		while (n < sizeof chunk && n < to->left && out_used(p))
			chunk[n++] = p->out[p->out_tail++ % OUT_SIZE];
		int64_t w = iter_write(to, chunk, n);
		if (w < (int64_t)n)
			return done ? done : -EFAULT;
		done += w;
	}
	waitq_wake(&p->slave_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	return done;
}

static int64_t master_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct pty *p = f->fs;
	int64_t done = 0;
	(void)pos;
	while (from->left) {
		uint8_t chunk[256];
		int64_t n = iter_read(from, chunk, MIN(from->left, sizeof chunk));
		if (n < 0)
			return done ? done : n;
		for (int64_t i = 0; i < n; i++, done++) {
			while (!ldisc_input(&p->ldisc, chunk[i])) {
				waitq_wake(&p->slave_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
				if (f->flags & O_NONBLOCK)
					return done ? done : -EAGAIN;
				if (waitq_sleep(&p->master_q, TIME_NEVER))
					return done ? done : -ERESTARTSYS;
			}
		}
	}
	if (ldisc_readable(&p->ldisc))
		waitq_wake(&p->slave_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
	return done;
}

static unsigned master_poll(struct file *f, struct poller *pl)
{
	struct pty *p = f->fs;
	unsigned ready = 0;
	poll_wait(pl, &p->master_q);
	if (out_used(p) || p->packet_bits)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (p->packet_bits)
		ready |= EPOLLPRI;
	if (p->slave_seen && !p->slaves)
		ready |= EPOLLHUP;
	if (ldisc_has_room(&p->ldisc))
		ready |= EPOLLOUT | EPOLLWRNORM;
	return ready;
}

static void master_release(struct file *f)
{
	struct pty *p = f->fs;
	char name[16];
	format(name, sizeof name, "%u", p->index);
	static_dir_remove(tty_pts, name);
	p->master_open = false;
	tty_signal_group(&p->tty, SIGHUP);
	tty_signal_group(&p->tty, SIGCONT);
	tty_forget(&p->tty);
	waitq_wake(&p->slave_q, 0x7fffffff, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR);
	pty_free(p);
}

// --- the slave's side ------------------------------------------------------------------------------------------

// Non-canonical reads: MIN and TIME as termios(3) has them. 0: there is something; -ETIMEDOUT: give what there is.
static int slave_wait(struct pty *p, struct file *f, size_t want)
{
	struct termios *t = &p->ldisc.termios;
	bool canonical = t->c_lflag & ICANON;
	size_t min = canonical ? 1 : MIN((size_t)t->c_cc[VMIN], want);
	uint64_t time = canonical ? 0 : t->c_cc[VTIME] * 100000000ull, deadline = TIME_NEVER;
	if (!canonical && !min) {
		if (ldisc_available(&p->ldisc) || !time)
			return -ETIMEDOUT;
		min = 1;
		deadline = time_add(time_mono_ns(), time);
	}
	size_t seen = 0;
	for (;;) {
		size_t now = ldisc_available(&p->ldisc);
		if (canonical ? p->ldisc.lines > 0 : now >= min)
			return 0;
		if (hung_up(p))
			return -EIO;
		if (now != seen && time && t->c_cc[VMIN]) // the timer runs between bytes
			deadline = time_add(time_mono_ns(), time);
		seen = now;
		if (f->flags & O_NONBLOCK)
			return now && !canonical ? -ETIMEDOUT : -EAGAIN;
		waitq_wake(&p->master_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
		int err = waitq_sleep(&p->slave_q, deadline);
		if (err == -ETIMEDOUT)
			return err;
		if (err)
			return ldisc_available(&p->ldisc) && !canonical ? -ETIMEDOUT : -ERESTARTSYS;
	}
}

static int64_t slave_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct pty *p = f->fs;
	int64_t done = 0;
	(void)pos;
	if (!to->left)
		return 0;
	int err = slave_wait(p, f, to->left);
	if (err == -EIO)
		return 0;
	if (err && err != -ETIMEDOUT)
		return err;
	uint32_t lines = p->ldisc.lines;
	while (to->left) {
		uint8_t chunk[256];
		bool eof, canonical = p->ldisc.termios.c_lflag & ICANON;
		size_t n = ldisc_read(&p->ldisc, chunk, MIN(to->left, sizeof chunk), &eof);
		bool line_over = canonical && p->ldisc.lines != lines;
		if (!n)
			break;
		int64_t w = iter_write(to, chunk, n);
		if (w < (int64_t)n)
			return done ? done : -EFAULT;
		done += w;
		if (line_over)
			break;
	}
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	return done;
}

static bool slave_can_write(struct pty *p) { return !p->ldisc.stopped && out_used(p) + ECHO_ROOM <= OUT_SIZE; }

static int64_t slave_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct pty *p = f->fs;
	int64_t done = 0;
	(void)pos;
	while (from->left) {
		uint8_t chunk[256];
		int64_t n = iter_read(from, chunk, MIN(from->left, sizeof chunk));
		if (n < 0)
			return done ? done : n;
		for (int64_t i = 0; i < n; i++, done++) {
			while (!slave_can_write(p) || hung_up(p)) {
				if (hung_up(p))
					return done ? done : -EIO;
				waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
				if (f->flags & O_NONBLOCK)
					return done ? done : -EAGAIN;
				if (waitq_sleep(&p->slave_q, TIME_NEVER))
					return done ? done : -ERESTARTSYS;
			}
			char text[8];
			size_t len = ldisc_output(&p->ldisc, chunk[i], text);
			for (size_t k = 0; k < len; k++)
				p->out[p->out_head++ % OUT_SIZE] = text[k];
		}
	}
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
	return done;
}

static unsigned slave_poll(struct file *f, struct poller *pl)
{
	struct pty *p = f->fs;
	poll_wait(pl, &p->slave_q);
	if (hung_up(p))
		return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
	return (ldisc_readable(&p->ldisc) ? EPOLLIN | EPOLLRDNORM : 0) |
	       (slave_can_write(p) ? EPOLLOUT | EPOLLWRNORM : 0);
}

static void slave_release(struct file *f)
{
	struct pty *p = f->fs;
	if (!--p->slaves)
		waitq_wake(&p->master_q, 0x7fffffff, EPOLLIN | EPOLLHUP);
	pty_free(p);
}

// --- ioctl -----------------------------------------------------------------------------------------------------

static int64_t pty_drain(struct pty *p)
{
	while (out_used(p) && !hung_up(p))
		if (waitq_sleep(&p->slave_q, TIME_NEVER))
			return -ERESTARTSYS;
	return 0;
}

static int64_t pty_set_termios(struct pty *p, unsigned cmd, uint64_t arg)
{
	struct termios t;
	if (user_get(t, (struct termios *)arg))
		return -EFAULT;
	if (cmd != TCSETS) {
		int64_t err = pty_drain(p);
		if (err)
			return err;
	}
	if (cmd == TCSETSF)
		ldisc_flush_input(&p->ldisc);
	bool flow = p->ldisc.termios.c_iflag & IXON;
	ldisc_set_termios(&p->ldisc, &t);
	if (flow != !!(t.c_iflag & IXON))
		packet_report(p, t.c_iflag & IXON ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	waitq_wake(&p->slave_q, 0x7fffffff, 0);
	waitq_wake(&p->master_q, 0x7fffffff, 0);
	return 0;
}

static int64_t pty_flush(struct pty *p, int which, bool master)
{
	bool in = which == TCIFLUSH || which == TCIOFLUSH, out = which == TCOFLUSH || which == TCIOFLUSH;
	if (!in && !out)
		return -EINVAL;
	if (master ? out : in)
		ldisc_flush_input(&p->ldisc);
	if (master ? in : out)
		pty_flush_output(p);
	waitq_wake(&p->master_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static int64_t pty_set_size(struct pty *p, uint64_t arg)
{
	struct winsize_k size;
	if (user_get(size, (struct winsize_k *)arg))
		return -EFAULT;
	if (memcmp(&size, &p->size, sizeof size)) {
		p->size = size;
		tty_signal_group(&p->tty, SIGWINCH);
	}
	return 0;
}

static int64_t pty_ioctl_common(struct pty *p, unsigned cmd, uint64_t arg, bool master)
{
	int value;
	switch (cmd) {
	case TCGETS:
		return user_put(p->ldisc.termios, (struct termios *)arg);
	case TCGETS2: {
		struct termios2 t2 = {.c_ispeed = 38400, .c_ospeed = 38400};
		memcpy(&t2, &p->ldisc.termios, sizeof p->ldisc.termios);
		return user_put(t2, (struct termios2 *)arg);
	}
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return pty_set_termios(p, cmd, arg);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2: // the speeds at the end mean nothing to a pty
		return pty_set_termios(p, cmd - TCSETS2 + TCSETS, arg);
	case TIOCGWINSZ:
		return user_put(p->size, (struct winsize_k *)arg);
	case TIOCSWINSZ:
		return pty_set_size(p, arg);
	case TCFLSH:
		return pty_flush(p, (int)arg, master);
	case TCSBRK:
	case TCSBRKP:
		return arg || cmd == TCSBRKP ? pty_drain(p) : 0;
	case TCXONC:
		if (arg > TCION)
			return -EINVAL;
		if (arg <= TCOON && p->ldisc.stopped != (arg == TCOOFF)) {
			p->ldisc.stopped = arg == TCOOFF;
			pty_start_stop(p, p->ldisc.stopped);
		}
		return 0;
	case FIONREAD:
		value = (int)(master ? out_used(p) : ldisc_available(&p->ldisc));
		return user_put(value, (int *)arg);
	case TIOCOUTQ:
		value = (int)(master ? 0 : out_used(p));
		return user_put(value, (int *)arg);
	case TIOCGETD:
		value = N_TTY;
		return user_put(value, (int *)arg);
	case TIOCEXCL:
	case TIOCNXCL:
		return 0;
	}
	return -ENOTTY;
}

static int64_t slave_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pty *p = f->fs;
	if (hung_up(p))
		return -EIO;
	int64_t n = tty_job_ioctl(&p->tty, cmd, arg);
	if (n != TTY_UNKNOWN_IOCTL)
		return n;
	if (cmd == TIOCSTI) {
		char c;
		if (user_get(c, (char *)arg))
			return -EFAULT;
		ldisc_input(&p->ldisc, (uint8_t)c);
		waitq_wake(&p->slave_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
		return 0;
	}
	return pty_ioctl_common(p, cmd, arg, false);
}

static int64_t master_open_peer(struct pty *p, int flags)
{
	char path[32];
	struct file *f;
	if (flags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_CREAT))
		return -EINVAL;
	format(path, sizeof path, "/dev/pts/%u", p->index);
	int err = vfs_open(AT_FDCWD, path, flags & ~O_CREAT, 0, &f);
	return err ? err : fd_install(f, (unsigned)flags);
}

static int64_t master_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pty *p = f->fs;
	int value;
	switch (cmd) {
	case TIOCGPTN:
		return user_put(p->index, (unsigned *)arg);
	case TIOCSPTLCK:
		if (user_get(value, (int *)arg))
			return -EFAULT;
		p->locked = value;
		return 0;
	case TIOCGPTLCK:
		value = p->locked;
		return user_put(value, (int *)arg);
	case TIOCGPTPEER:
		return master_open_peer(p, (int)arg);
	case TIOCPKT:
		if (user_get(value, (int *)arg))
			return -EFAULT;
		p->packet = value;
		p->packet_bits = 0;
		return 0;
	case TIOCGPKT:
		value = p->packet;
		return user_put(value, (int *)arg);
	case TIOCSIG:
		tty_signal_group(&p->tty, (int)arg);
		return 0;
	case TIOCGPGRP: // the master sees the slave's
		return user_put(p->tty.group, (int *)arg);
	case TIOCGSID:
		return p->tty.session ? user_put(p->tty.session, (int *)arg) : -ENOTTY;
	case TIOCSPGRP:
		if (user_get(value, (int *)arg))
			return -EFAULT;
		p->tty.group = value;
		return 0;
	}
	return pty_ioctl_common(p, cmd, arg, true);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.seek = file_seek_none,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
};
static const struct file_ops slave_ops = {
	.read = slave_read,
	.write = slave_write,
	.seek = file_seek_none,
	.poll = slave_poll,
	.ioctl = slave_ioctl,
	.release = slave_release,
};

// --- opening -------------------------------------------------------------------------------------------------

static int slave_open(struct inode *i, struct file *f)
{
	unsigned index = i->rdev & 0xff;
	index |= (unsigned)(i->rdev >> 12 & 0xfff00);
	struct pty *p = index < PTY_MAX ? pty_table[index] : NULL;
	if (!p || hung_up(p) || p->locked)
		return -EIO;
	f->fs = p;
	f->ops = &slave_ops;
	p->slaves++;
	p->slave_seen = true;
	tty_acquire(&p->tty, f);
	return 0;
}

int pty_current_open(struct tty *t, struct file *f)
{
	struct pty *p = container_of(t, struct pty, tty);
	if (hung_up(p))
		return -EIO;
	f->fs = p;
	f->ops = &slave_ops;
	p->slaves++;
	return 0;
}

static const struct inode_ops slave_inode_ops = {.open = slave_open};

static int pty_create(struct pty **out)
{
	unsigned index = console_terminal() ? 1 : 0;
	while (index < PTY_MAX && pty_table[index])
		index++;
	if (index == PTY_MAX)
		return -ENOSPC;
	struct pty *p = heap_new(struct pty);
	if (!p)
		return -ENOMEM;
	ldisc_init(&p->ldisc);
	p->ldisc.arg = p;
	p->ldisc.echo = pty_echo;
	p->ldisc.signal = pty_signal;
	p->ldisc.flush_output = pty_flush_output;
	p->ldisc.start_stop = pty_start_stop;
	waitq_init(&p->master_q);
	waitq_init(&p->slave_q);
	p->index = index;
	p->tty.device = (unsigned)((136u << 8) | (index & 0xff) | (index & ~0xffu) << 12);
	p->locked = p->master_open = true;
	pty_table[index] = p;
	*out = p;
	return 0;
}

int ptmx_open(struct inode *i, struct file *f)
{
	struct pty *p;
	char name[16];
	(void)i;
	int err = pty_create(&p);
	if (err)
		return err;
	struct inode *slave = inode_alloc(tty_pts->super, S_IFCHR | 0620);
	if (slave) {
		struct process *proc = process_current();
		slave->ops = &slave_inode_ops;
		slave->rdev = p->tty.device;
		slave->uid = proc->cred.fsuid;
		slave->gid = 5; // tty
	}
	format(name, sizeof name, "%u", p->index);
	err = static_dir_add(tty_pts, name, slave);
	if (err) {
		p->master_open = false;
		pty_free(p);
		return err;
	}
	f->fs = p;
	f->ops = &master_ops;
	return 0;
}
