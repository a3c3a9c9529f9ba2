// SPDX-License-Identifier: MIT
//
// io_uring_register(2): files, buffers, an event counter, and what this kernel can do.
#include "anon/eventfd.h"
#include "sys/syscalls.h"
#include "uring/private.h"

#define FILES_MAX   32768u
#define BUFFERS_MAX 16384u
#define BUFFER_SIZE_MAX (1ul << 30)

// --- files -----------------------------------------------------------------------------------------------------------

static int file_for(int fd, struct file **out)
{
	*out = fd == -1 ? NULL : file_from_fd(fd);
	if (fd == -1)
		return 0;
	if (!*out)
		return -EBADF;
	if (uring_of(*out)) { // they would hold each other
		file_put(*out);
		return -EBADF;
	}
	return 0;
}

static void files_free(struct file **file, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (file[i])
			file_put(file[i]);
	heap_free(file);
}

// `fds` NULL: all empty.
static long register_files(struct uring *u, const int *fds, unsigned count)
{
	long err = 0;
	if (u->file)
		return -EBUSY;
	if (!count)
		return -EINVAL;
	if (count > FILES_MAX || count > process_limit(RLIMIT_NOFILE))
		return -EMFILE;
	struct file **file = heap_zalloc(count * sizeof *file);
	if (!file)
		return -ENOMEM;
	for (unsigned i = 0; fds && i < count && !err; i++) {
		int fd;
		err = user_get(fd, fds + i) ? -EFAULT : file_for(fd, &file[i]);
	}
	if (!err && u->file)
		err = -EBUSY; // somebody was faster
	if (err) {
		files_free(file, count);
		return err;
	}
	u->file = file;
	u->files = count;
	return 0;
}

static long unregister_files(struct uring *u)
{
	struct file **file = u->file;
	unsigned count = u->files;
	if (!file)
		return -ENXIO;
	u->file = NULL;
	u->files = 0;
	files_free(file, count);
	return 0;
}

long uring_update_files(struct uring *u, unsigned offset, const void *fds, unsigned count)
{
	unsigned done = 0;
	long err = 0;
	if (!u->file)
		return -ENXIO;
	if (offset > u->files || count > u->files - offset)
		return -EINVAL;
	for (; done < count; done++) {
		int fd;
		struct file *f;
		if (user_get(fd, (const int *)fds + done)) {
			err = -EFAULT;
			break;
		}
		if (fd == IORING_REGISTER_FILES_SKIP)
			continue;
		if ((err = file_for(fd, &f)))
			break;
		if (offset + done >= u->files) { // they went while the list was read
			if (f)
				file_put(f);
			break;
		}
		struct file *old = u->file[offset + done];
		u->file[offset + done] = f;
		if (old)
			file_put(old);
	}
	return done ? (long)done : err;
}

// --- buffers ---------------------------------------------------------------------------------------------------------

// They are not pinned: memory that goes while it is registered is a fault of the request that names it.
static long register_buffers(struct uring *u, const void *iov, unsigned count)
{
	if (u->buffer)
		return -EBUSY;
	if (!count || count > BUFFERS_MAX)
		return -EINVAL;
	struct iter_segment *b = heap_alloc(count * sizeof *b);
	if (!b)
		return -ENOMEM;
	long err = user_read(b, iov, count * sizeof *b);
	for (unsigned i = 0; i < count && !err; i++)
		if (!b[i].base && b[i].len)
			err = -EFAULT;
		else if (b[i].base &&
			 (!b[i].len || b[i].len > BUFFER_SIZE_MAX || !user_range_ok((uint64_t)b[i].base, b[i].len)))
			err = -EFAULT;
	if (!err && u->buffer)
		err = -EBUSY;
	if (err) {
		heap_free(b);
		return err;
	}
	u->buffer = b;
	u->buffers = count;
	return 0;
}

static long unregister_buffers(struct uring *u)
{
	if (!u->buffer)
		return -ENXIO;
	heap_free(u->buffer);
	u->buffer = NULL;
	u->buffers = 0;
	return 0;
}

// --- the rest --------------------------------------------------------------------------------------------------------

static long register_eventfd(struct uring *u, const void *arg, unsigned count, bool async)
{
	int fd;
	if (count != 1)
		return -EINVAL;
	if (u->eventfd)
		return -EBUSY;
	if (user_get(fd, (const int *)arg))
		return -EFAULT;
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	if (!file_is_eventfd(f)) {
		file_put(f);
		return -EINVAL;
	}
	u->eventfd = f;
	u->eventfd_async = async;
	return 0;
}

static long unregister_eventfd(struct uring *u)
{
	struct file *f = u->eventfd;
	if (!f)
		return -ENXIO;
	u->eventfd = NULL;
	file_put(f);
	return 0;
}

static long probe(void *arg, unsigned count)
{
	struct io_uring_probe head = {.last_op = IORING_OP_LAST - 1, .ops_len = IORING_OP_LAST};
	static const struct io_uring_probe zero;
	struct io_uring_probe given;
	count = MIN(count, (unsigned)IORING_OP_LAST);
	if (user_get(given, (struct io_uring_probe *)arg))
		return -EFAULT;
	if (memcmp(&given, &zero, sizeof zero))
		return -EINVAL;
	head.ops_len = (uint8_t)count;
	if (user_put(head, (struct io_uring_probe *)arg))
		return -EFAULT;
	for (unsigned i = 0; i < count; i++) {
		struct io_uring_probe_op op = {.op = (uint8_t)i,
					       .flags = uring_ops[i].issue ? IO_URING_OP_SUPPORTED : 0};
		if (user_put(op, ((struct io_uring_probe *)arg)->ops + i))
			return -EFAULT;
	}
	return 0;
}

static long enable(struct uring *u)
{
	if (!u->disabled)
		return -EBADFD;
	u->disabled = false;
	u->issuer = thread_current();
	return 0;
}

static long files_update(struct uring *u, const void *arg, unsigned count)
{
	struct io_uring_files_update up;
	if (!count)
		return -EINVAL;
	if (user_get(up, (const struct io_uring_files_update *)arg))
		return -EFAULT;
	return up.resv ? -EINVAL : uring_update_files(u, up.offset, (const void *)up.fds, count);
}

// Only empty tables, which is what liburing asks for in this form.
static long register_files2(struct uring *u, const void *arg, unsigned size)
{
	struct io_uring_rsrc_register r;
	if (size != sizeof r)
		return -EINVAL;
	if (user_get(r, (const struct io_uring_rsrc_register *)arg))
		return -EFAULT;
	if (r.flags & ~IORING_RSRC_REGISTER_SPARSE || r.resv2 || r.tags ||
	    ((r.flags & IORING_RSRC_REGISTER_SPARSE) && r.data))
		return -EINVAL;
	return register_files(u, (const int *)r.data, r.nr);
}

long sys_io_uring_register(int fd, unsigned opcode, void *arg, unsigned nr_args)
{
	struct file *f = file_from_fd(fd);
	struct uring *u = f ? uring_of(f) : NULL;
	long n = !f ? -EBADF : !u ? -EOPNOTSUPP : opcode >= IORING_REGISTER_LAST ? -EINVAL : 0;
	if (!n && (u->flags & IORING_SETUP_SINGLE_ISSUER) && u->issuer && u->issuer != thread_current())
		n = -EEXIST;
	if (n)
		goto out;
	switch (opcode) {
	case IORING_REGISTER_BUFFERS:
		n = arg ? register_buffers(u, arg, nr_args) : -EFAULT;
		break;
	case IORING_UNREGISTER_BUFFERS:
		n = arg || nr_args ? -EINVAL : unregister_buffers(u);
		break;
	case IORING_REGISTER_FILES:
		n = arg ? register_files(u, arg, nr_args) : -EFAULT;
		break;
	case IORING_UNREGISTER_FILES:
		n = arg || nr_args ? -EINVAL : unregister_files(u);
		break;
	case IORING_REGISTER_FILES_UPDATE:
		n = files_update(u, arg, nr_args);
		break;
	case IORING_REGISTER_FILES2:
		n = register_files2(u, arg, nr_args);
		break;
	case IORING_REGISTER_EVENTFD:
	case IORING_REGISTER_EVENTFD_ASYNC:
		n = register_eventfd(u, arg, nr_args, opcode == IORING_REGISTER_EVENTFD_ASYNC);
		break;
	case IORING_UNREGISTER_EVENTFD:
		n = arg || nr_args ? -EINVAL : unregister_eventfd(u);
		break;
	case IORING_REGISTER_PROBE:
		n = arg && nr_args <= 256 ? probe(arg, nr_args) : -EINVAL;
		break;
	case IORING_REGISTER_ENABLE_RINGS:
		n = arg || nr_args ? -EINVAL : enable(u);
		break;
	default:
		n = -EINVAL;
	}
out:
	if (f)
		file_put(f);
	return n;
}
