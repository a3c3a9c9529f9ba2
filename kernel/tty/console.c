// SPDX-License-Identifier: MIT
//
// The console: descriptors 0, 1 and 2 are the host's, and behave as what the host has there. Every operation
// is one request to the monitor (abi/console.h), which never blocks: -EAGAIN means sleep until
// console_event(). Nothing is cached, for the host's files may change under us.
#include <linux/fs.h>

#include "mm/page.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "sys/part.h"
#include "tty/private.h"
#include "vfs/static_dir.h"

#define STREAMS	     3
#define BOUNCE_ORDER 5 // 128 KiB for each request at most

struct console_stream {
	unsigned number;
	bool present, terminal;
	struct abi_console_stat stat; // of the last request
	struct waitq read_q, write_q;
};

static struct console_stream console_streams[STREAMS];
static bool console_probed;
static struct tty console_tty = {.device = 136u << 8, .session = 1, .group = 1};
static struct super console_super = {.type = "console"};

static int64_t console_request(struct console_stream *s, uint32_t op, int64_t arg, int64_t arg2, void *buf, size_t len)
{
	struct abi_console_request req; // large, so filled by hand
	req.op = op;
	req.stream = s->number;
	req.arg = arg;
	req.arg2 = arg2;
	req.result = 0;
	req.buffer_count = buf ? 1 : 0;
	req.pad = 0;
	if (buf)
		req.buffer[0] = (struct abi_buffer){.gpa = plat_virt_to_phys(buf), .len = len};
	return plat_console(&req);
}

// For requests with a small argument, which has to lie in a page of its own.
static int64_t console_small(struct console_stream *s, uint32_t op, int64_t arg, void *data, size_t len)
{
	struct page *p = page_alloc(0, 0);
	if (!p)
		return -ENOMEM;
	memcpy(page_virt(p), data, len);
	int64_t n = console_request(s, op, arg, 0, page_virt(p), len);
	memcpy(data, page_virt(p), len);
	page_put(p);
	return n;
}

static int console_stat(struct console_stream *s)
{
	struct abi_console_stat st = {0};
	int64_t n = console_small(s, ABI_CONSOLE_STAT, 0, &st, sizeof st);
	if (n < 0)
		return (int)n;
	s->stat = st;
	return 0;
}

static void console_probe_stream(struct console_stream *s)
{
	const struct abi_console_start *start = plat_console_start();
	struct termios t = {0};
	if (start->known >> s->number & 1) {
		s->stat = start->stat[s->number];
		s->present = true;
		s->terminal = start->terminals >> s->number & 1;
		return;
	}
	s->present = console_stat(s) == 0;
	s->terminal = s->present && S_ISCHR(s->stat.mode) &&
		      console_small(s, ABI_CONSOLE_IOCTL, TCGETS, &t, sizeof t) >= 0;
}

static void console_probe(void)
{
	if (console_probed)
		return;
	console_probed = true;
	console_super.dev = super_new_dev();
	for (unsigned n = 0; n < STREAMS; n++) {
		struct console_stream *s = &console_streams[n];
		s->number = n;
		waitq_init(&s->read_q);
		waitq_init(&s->write_q);
		console_probe_stream(s);
	}
}

void console_event(void)
{
	uint32_t ready = plat_console_take_ready();
	for (unsigned n = 0; n < STREAMS; n++) {
		struct console_stream *s = &console_streams[n];
		if (!s->present)
			continue;
		if (ready >> 2 * n & 1)
			waitq_wake(&s->read_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR);
		if (ready >> 2 * n & 2)
			waitq_wake(&s->write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
	}
}

// The stream a file speaks to. A terminal opened by name: the one that reads or writes.
static struct console_stream *stream_of(struct file *f, bool write)
{
	if (f->fs)
		return f->fs;
	for (unsigned n = write ? 1 : 0, k = 0; k < STREAMS; n = (n + 1) % STREAMS, k++) {
		struct console_stream *s = &console_streams[n];
		unsigned acc = s->stat.flags & O_ACCMODE;
		if (s->terminal && (write ? acc != O_RDONLY : acc != O_WRONLY))
			return s;
	}
	return NULL;
}

static struct page *bounce_alloc(size_t len, size_t *size)
{
	unsigned order = 0;
	while (order < BOUNCE_ORDER && (PAGE_SIZE << order) < len)
		order++;
	struct page *p = page_alloc(order, 0);
	while (!p && order)
		p = page_alloc(--order, 0);
	*size = PAGE_SIZE << order;
	return p;
}

static int64_t console_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct console_stream *s = stream_of(f, false);
	bool at = pos != &f->pos && S_ISREG(f->inode->mode); // pread: the host's own offset stays
	size_t size;
	if (!s)
		return -EIO;
	struct page *p = bounce_alloc(to->left, &size);
	if (!p)
		return -ENOMEM;
	int64_t n;
	for (;;) {
		size_t want = MIN(size, to->left);
		n = console_request(s, at ? ABI_CONSOLE_PREAD : ABI_CONSOLE_READ, at ? *pos : 0, 0, page_virt(p), want);
		if (n != -EAGAIN || (f->flags & O_NONBLOCK))
			break;
		if (waitq_sleep(&s->read_q, TIME_NEVER)) {
			n = -ERESTARTSYS;
			break;
		}
	}
	if (n > 0) {
		n = MIN((size_t)n, size); // the monitor may be believed, but costs nothing to check
		n = iter_write(to, page_virt(p), (size_t)n);
		if (n > 0)
			*pos += n;
	}
	page_put(p);
	return n;
}

// One bounce buffer's worth. What was written, or an error when nothing was.
static int64_t console_write_chunk(struct console_stream *s, struct file *f, char *buf, size_t len, bool at,
				   int64_t pos)
{
	int64_t done = 0;
	while ((size_t)done < len) {
		int64_t n = console_request(s, at ? ABI_CONSOLE_PWRITE : ABI_CONSOLE_WRITE, at ? pos + done : 0, 0,
					    buf + done, len - (size_t)done);
		if (n == -EAGAIN && !(f->flags & O_NONBLOCK))
			n = waitq_sleep(&s->write_q, TIME_NEVER) ? -ERESTARTSYS : 0;
		else if (n == 0)
			break;
		if (n < 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

static int64_t console_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct console_stream *s = stream_of(f, true);
	bool at = pos != &f->pos && S_ISREG(f->inode->mode);
	int64_t done = 0;
	size_t size;
	if (!s)
		return -EIO;
	struct page *p = bounce_alloc(from->left, &size);
	if (!p)
		return -ENOMEM;
	do {
		int64_t len = iter_read(from, page_virt(p), MIN(size, from->left));
		int64_t n = len < 0 ? len : console_write_chunk(s, f, page_virt(p), (size_t)len, at, *pos);
		if (n < 0) {
			done = done ? done : n;
			break;
		}
		done += n;
		*pos += n;
		if (n < len)
			break;
	} while (from->left);
	page_put(p);
	if (done == -EPIPE)
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return done;
}

static int64_t console_seek(struct file *f, int64_t off, int whence)
{
	struct console_stream *s = stream_of(f, false);
	if (!s)
		s = stream_of(f, true);
	if (!s)
		return -ESPIPE;
	if (!S_ISREG(f->inode->mode))
		return 0; // /dev/null and its like
	int64_t n = console_request(s, ABI_CONSOLE_SEEK, off, whence, NULL, 0);
	if (n >= 0)
		f->pos = n;
	return n;
}

static unsigned console_poll(struct file *f, struct poller *pl)
{
	struct console_stream *in = f->mode & FILE_READ ? stream_of(f, false) : NULL;
	struct console_stream *out = f->mode & FILE_WRITE ? stream_of(f, true) : NULL;
	int64_t ready = 0, n;
	if (in)
		poll_wait(pl, &in->read_q);
	if (out)
		poll_wait(pl, &out->write_q);
	if (in && (n = console_request(in, ABI_CONSOLE_POLL, EPOLLIN | (in == out ? EPOLLOUT : 0), 0, NULL, 0)) > 0)
		ready |= n;
	if (out && out != in && (n = console_request(out, ABI_CONSOLE_POLL, EPOLLOUT, 0, NULL, 0)) > 0)
		ready |= n;
	if (ready & EPOLLIN)
		ready |= EPOLLRDNORM;
	if (ready & EPOLLOUT)
		ready |= EPOLLWRNORM;
	return (unsigned)ready;
}

static int64_t console_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct console_stream *s = stream_of(f, false);
	union {
		struct termios t;
		struct winsize_k w;
		int value;
	} u = {0};
	size_t size;
	bool in = false;
	if (!s)
		s = stream_of(f, true);
	if (!s)
		return -EIO;
	if (cmd == FIONREAD) {
		int64_t err = console_small(s, ABI_CONSOLE_IOCTL, cmd, &u.value, sizeof u.value);
		return err < 0 ? err : user_put(u.value, (int *)arg);
	}
	if (!s->terminal)
		return -ENOTTY;
	int64_t n = tty_job_ioctl(&console_tty, cmd, arg);
	if (n != TTY_UNKNOWN_IOCTL)
		return n;
	switch (cmd) {
	case TCGETS:
		size = sizeof u.t;
		break;
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		size = sizeof u.t;
		in = true;
		break;
	case TIOCGWINSZ:
		size = sizeof u.w;
		break;
	case TIOCSWINSZ:
		size = sizeof u.w;
		in = true;
		break;
	case TCFLSH:
	case TCSBRK:
		u.value = (int)arg;
		return console_small(s, ABI_CONSOLE_IOCTL, cmd, &u.value, sizeof u.value);
	default:
		return -ENOTTY;
	}
	if (in && user_read(&u, (void *)arg, size))
		return -EFAULT;
	n = console_small(s, ABI_CONSOLE_IOCTL, cmd, &u, size);
	if (n < 0)
		return n;
	return !in && user_write((void *)arg, &u, size) ? -EFAULT : 0;
}

static int console_fsync(struct file *f, bool data_only)
{
	(void)data_only;
	struct console_stream *s = stream_of(f, true);
	return s ? (int)console_request(s, ABI_CONSOLE_SYNC, 0, 0, NULL, 0) : -EINVAL;
}

static const struct file_ops console_ops = {
	.read = console_read,
	.write = console_write,
	.seek = file_seek_none,
	.poll = console_poll,
	.ioctl = console_ioctl,
	.fsync = console_fsync,
};
// Regular files and devices like /dev/null: always ready (epoll refuses them), and they seek.
static const struct file_ops console_regular_ops = {
	.read = console_read,
	.write = console_write,
	.seek = console_seek,
	.ioctl = console_ioctl,
	.fsync = console_fsync,
};

// --- inodes of what is no terminal --------------------------------------------------------------------------

static void inode_from_stat(struct inode *i, const struct abi_console_stat *st)
{
	i->mode = st->mode;
	i->uid = st->uid;
	i->gid = st->gid;
	i->nlink = (uint32_t)st->nlink;
	i->size = st->size;
	i->blocks = st->blocks;
	i->rdev = st->rdev;
	i->ino = st->ino;
	i->atime_ns = (uint64_t)st->atime_ns;
	i->mtime_ns = (uint64_t)st->mtime_ns;
	i->ctime_ns = (uint64_t)st->ctime_ns;
	i->btime_ns = 0;
}

static int stream_getattr(struct inode *i)
{
	struct console_stream *s = i->fs;
	int err = console_stat(s);
	if (!err)
		inode_from_stat(i, &s->stat);
	return err;
}

static int stream_setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ~(uint32_t)(ATTR_SIZE | ATTR_ATIME | ATTR_MTIME))
		return -EPERM; // mode and owner of a host file are not the program's to change
	if (a->valid & ATTR_SIZE) {
		int64_t n = console_request(i->fs, ABI_CONSOLE_TRUNCATE, (int64_t)a->size, 0, NULL, 0);
		if (n < 0)
			return (int)n;
	}
	return stream_getattr(i);
}

// By /dev/stdout and /proc/self/fd/1.
static int stream_reopen(struct inode *i, struct file *f)
{
	f->fs = i->fs;
	return 0;
}

static const struct inode_ops stream_inode_ops = {
	.open = stream_reopen,
	.getattr = stream_getattr,
	.setattr = stream_setattr,
};

static int stream_open_file(struct console_stream *s, struct file **out)
{
	struct inode *i = inode_alloc(&console_super, s->stat.mode);
	if (!i)
		return -ENOMEM;
	inode_from_stat(i, &s->stat);
	i->fs = s;
	i->ops = &stream_inode_ops;
	i->fops = S_ISREG(i->mode) || S_ISCHR(i->mode) ? &console_regular_ops : &console_ops;
	i->name = S_ISCHR(i->mode) && i->rdev == DEVICE(1, 3) ? "/dev/null"
		  : s->number == 0			      ? "/dev/stdin"
		  : s->number == 1			      ? "/dev/stdout"
							      : "/dev/stderr";
	int err = file_create_inode(i, s->stat.flags & (O_ACCMODE | O_APPEND), out);
	inode_put(i);
	if (!err)
		(*out)->fs = s;
	return err;
}

// --- the terminal --------------------------------------------------------------------------------------------

struct tty *console_terminal(void)
{
	console_probe();
	for (unsigned n = 0; n < STREAMS; n++)
		if (console_streams[n].terminal)
			return &console_tty;
	return NULL;
}

int console_terminal_open(struct file *f)
{
	if (!console_terminal())
		return -ENXIO;
	f->ops = &console_ops;
	f->fs = NULL;
	tty_acquire(&console_tty, f);
	return 0;
}

int console_device_open(struct inode *i, struct file *f)
{
	(void)i;
	return console_terminal_open(f);
}

static const struct inode_ops terminal_inode_ops = {.open = console_device_open};

// /dev/tty: whatever the process's controlling terminal is.
int tty_current_open(struct inode *i, struct file *f)
{
	struct tty *t = process_current()->tty;
	(void)i;
	if (!t)
		return -ENXIO;
	return t == &console_tty ? console_terminal_open(f) : pty_current_open ? pty_current_open(t, f) : -ENXIO;
}

// The terminal appears as /dev/pts/0, so that ttyname(3) finds what fstat(2) tells.
static int terminal_make_node(struct console_stream *s)
{
	struct inode *i = static_dir_find(tty_pts, "0", 1);
	if (i) {
		inode_put(i);
		return 0;
	}
	i = inode_alloc(tty_pts->super, S_IFCHR | 0620);
	if (i) {
		i->ops = &terminal_inode_ops;
		i->rdev = console_tty.device;
		i->uid = s->stat.uid;
		i->gid = s->stat.gid;
		i->mode = S_IFCHR | (s->stat.mode & 07777);
	}
	return static_dir_add(tty_pts, "0", i);
}

static int terminal_open_file(struct console_stream *s, struct file **out)
{
	struct path p;
	int err = terminal_make_node(s);
	if (!err)
		err = path_lookup(AT_FDCWD, "/dev/pts/0", 0, &p);
	if (err)
		return err;
	struct inode *i = path_inode(&p);
	i->fops = &console_ops;
	err = file_create_inode(i, (s->stat.flags & O_ACCMODE) | O_LARGEFILE, out);
	if (!err) {
		(*out)->path = p; // the reference goes along
		(*out)->fs = s;
	} else {
		path_put(&p);
	}
	return err;
}

int console_open_standard(struct files *t)
{
	struct process *p = process_first();
	console_probe();
	for (unsigned n = 0; n < STREAMS; n++) {
		struct console_stream *s = &console_streams[n];
		struct file *f;
		if (!s->present)
			continue;
		int err = s->terminal && tty_pts ? terminal_open_file(s, &f) : stream_open_file(s, &f);
		if (!err)
			err = files_install_at(t, (int)n, f);
		if (err)
			return err;
		if (s->terminal && p) {
			p->tty = &console_tty;
			console_tty.session = p->sid;
			console_tty.group = p->pgid;
		}
	}
	return 0;
}
