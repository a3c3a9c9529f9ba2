// SPDX-License-Identifier: MIT
//
// The file server's life, its queues, and the dispatch of one message.
#include "monitor/dev/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

static const struct fs_op {
	int (*fn)(struct fs_call *c);
	uint16_t min_arg;
	uint16_t flags;
} ops[] = {
#define X(op, fn, min, flags) [FUSE_##op] = {fs_op_##fn, min, flags},
	FS_OPS(X)
#undef X
};

const char *fs_name(const struct fs_call *c, size_t off, size_t *end)
{
	if (off >= c->arg_len)
		return NULL;
	const char *s = (const char *)c->arg + off;
	size_t len = strnlen(s, c->arg_len - off);
	if (len == c->arg_len - off || len == 0 || len > 255)
		return NULL;
	if (memchr(s, '/', len) || !strcmp(s, ".") || !strcmp(s, ".."))
		return NULL;
	if (end)
		*end = off + len + 1;
	return s;
}

int fs_op_nothing(struct fs_call *c)
{
	(void)c;
	return 0;
}

int fs_op_init(struct fs_call *c)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 36,
		.max_readahead = FS_MAX_IO,
		.flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES |
			 (c->fs->slot_count ? FUSE_MAP_ALIGNMENT : 0),
		.max_write = FS_MAX_IO,
		.max_pages = FS_MAX_IO / PAGE_SIZE,
		.map_alignment = PAGE_SHIFT,
		.time_gran = 1,
		.max_background = 64,
		.congestion_threshold = 48,
	};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = MIN(sizeof(out), c->room);
	return 0;
}

// The mount a node belongs to says whether changes are allowed at all.
static bool node_readonly(struct fs *fs, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	bool readonly = true;

	pthread_mutex_lock(&fs->lock);
	if (slot < fs->node_slots && fs->node[slot])
		readonly = fs->mount[fs->node[slot]->mount].readonly;
	pthread_mutex_unlock(&fs->lock);
	return readonly;
}

static int call_run(struct fs_call *c)
{
	if (c->in.opcode >= ARRAY_SIZE(ops) || !ops[c->in.opcode].fn)
		return -ENOSYS;
	const struct fs_op *op = &ops[c->in.opcode];
	if (c->arg_len < op->min_arg)
		return -EINVAL;
	if ((c->in.nodeid & FS_APP_NODE) && c->in.opcode != FUSE_BATCH_FORGET)
		return op->flags & FS_CHANGES ? -EROFS : fs_app_call(c);
	if ((op->flags & FS_CHANGES) && node_readonly(c->fs, c->in.nodeid))
		return -EROFS;
	return op->fn(c);
}

size_t fs_serve(struct fs *fs, struct fs_server *s, struct virtq_chain *chain)
{
	struct fs_call c = {.fs = fs, .server = s, .chain = chain, .arg = s->arg, .reply = s->reply};
	struct fuse_out_header out = {.len = sizeof(out)};

	if (virtq_copy_in(chain, 0, &c.in, sizeof(c.in)) != sizeof(c.in))
		return 0;
	size_t take = c.in.opcode == FUSE_WRITE ? sizeof(struct fuse_write_in) : FS_ARG_MAX;
	c.arg_len = virtq_copy_in(chain, sizeof(c.in), s->arg, take);
	memset(s->arg + c.arg_len, 0, 8);
	bool no_reply = c.in.opcode < ARRAY_SIZE(ops) && (ops[c.in.opcode].flags & FS_NO_REPLY);
	if (chain->out_len < sizeof(out) && !no_reply)
		return 0;
	c.room = no_reply ? 0 : MIN(chain->out_len - sizeof(out), (size_t)FS_REPLY_MAX);

	int err = call_run(&c);
	if (no_reply)
		return 0;
	out.unique = c.in.unique;
	out.error = err;
	if (!err) {
		if (c.reply_len > c.room) {
			out.error = -ERANGE;
		} else {
			virtq_copy_out(chain, sizeof(out), c.reply, c.reply_len);
			out.len += c.reply_len + c.direct_len;
		}
	}
	virtq_copy_out(chain, 0, &out, sizeof(out));
	return out.len;
}

// Serves what is in the ring; at most two rings full per call, so a guest that keeps filling it
// does not keep this thread from noticing that the machine ends.
static bool server_drain(struct fs *fs, struct fs_server *s)
{
	bool any = false;

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < 2 * s->q.size; i++) {
		if (virtq_pop(&s->q, &s->chain) != 1)
			break;
		size_t written = fs_serve(fs, s, &s->chain);
		virtq_push(&s->q, s->chain.head, (uint32_t)written);
		any = true;
	}
	pthread_mutex_unlock(&s->lock);
	return any;
}

static void *worker_main(void *arg)
{
	struct fs *fs = arg;
	uint64_t count;

	if (fs->config.worker_enter && fs->config.worker_enter(fs->config.worker_arg))
		return NULL; // never on without its jail
	while (!__atomic_load_n(&fs->stop, __ATOMIC_ACQUIRE)) {
		if (read(fs->worker_event, &count, sizeof(count)) < 0 && errno != EINTR)
			break;
		while (!__atomic_load_n(&fs->stop, __ATOMIC_ACQUIRE) &&
		       server_drain(fs, &fs->server[ABI_QUEUE_FS_ASYNC]))
			fs->config.event(fs->config.event_arg, ABI_EVENT_QUEUE);
	}
	return NULL;
}

static void worker_wake(struct fs *fs)
{
	uint64_t one = 1;

	// Only a full counter could refuse, and then the worker is awake.
	if (write(fs->worker_event, &one, sizeof(one)) < 0)
		return;
}

void fs_queue_notify(struct fs *fs, unsigned queue)
{
	if (queue == ABI_QUEUE_FS_SYNC)
		server_drain(fs, &fs->server[ABI_QUEUE_FS_SYNC]);
	else if (queue == ABI_QUEUE_FS_ASYNC)
		worker_wake(fs);
}

int fs_start(struct fs *fs)
{
	int err = -pthread_create(&fs->worker, NULL, worker_main, fs);
	fs->worker_running = err == 0;
	return err;
}

static void server_destroy(struct fs_server *s)
{
	free(s->arg);
	free(s->reply);
	pthread_mutex_destroy(&s->lock);
}

static int server_init(struct fs *fs, struct fs_server *s, const struct abi_queue *where)
{
	pthread_mutex_init(&s->lock, NULL);
	s->arg = malloc(FS_ARG_MAX + 8);
	s->reply = malloc(FS_REPLY_MAX);
	if (!s->arg || !s->reply)
		return -ENOMEM;
	s->q.broken = true; // size 0: a queue nobody uses
	return where->size ? virtq_attach(&s->q, fs->config.memory, where) : 0;
}

static void limits_set(struct fs *fs)
{
	struct rlimit r = {1024, 1024};

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	getrlimit(RLIMIT_NOFILE, &r);
	rlim_t max = MIN(r.rlim_cur, (rlim_t)1 << 17);
	// A part stays for the monitor itself.
	unsigned share = max > 256 ? (unsigned)(max - 128) / 2 : 64;
	fs->fd_max = MIN(share, 16384u);
	fs->handle_max = share;
}

int fs_create(struct fs **out, const struct fs_config *config)
{
	if (config->mount_count > ABI_MAX_MOUNTS)
		return -EINVAL;
	struct fs *fs = calloc(1, sizeof(*fs));
	if (!fs)
		return -ENOMEM;
	fs->config = *config;
	fs->config.mount = NULL;
	fs->proc_fd = fs->worker_event = -1;
	list_init(&fs->lru);
	pthread_mutex_init(&fs->lock, NULL);
	pthread_mutex_init(&fs->dax_lock, NULL);
	limits_set(fs);
	umask(0); // the guest has applied the program's

	int err = server_init(fs, &fs->server[0], &config->sync);
	if (!err)
		err = server_init(fs, &fs->server[1], &config->async);
	if (!err)
		err = fs_node_init(fs);
	if (!err)
		err = fs_dax_init(fs);
	if (!err && (fs->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = -errno;
	if (!err && (fs->worker_event = eventfd(0, EFD_CLOEXEC)) < 0)
		err = -errno;
	for (unsigned i = 0; !err && i < config->mount_count; i++) {
		fs->mount[i].readonly = config->mount[i].readonly;
		err = config->mount[i].app ? fs_app_root(fs, i, config->mount[i].app)
					   : fs_node_root(fs, i, config->mount[i].fd);
		fs->mount_count = i + 1;
	}
	if (err) {
		fs_destroy(fs);
		return err;
	}
	*out = fs;
	return 0;
}

void fs_destroy(struct fs *fs)
{
	if (fs->worker_running) {
		__atomic_store_n(&fs->stop, true, __ATOMIC_RELEASE);
		worker_wake(fs);
		pthread_join(fs->worker, NULL);
	}
	fs_handle_destroy(fs);
	fs_dax_destroy(fs);
	fs_node_destroy(fs);
	server_destroy(&fs->server[0]);
	server_destroy(&fs->server[1]);
	if (fs->proc_fd >= 0)
		close(fs->proc_fd);
	if (fs->worker_event >= 0)
		close(fs->worker_event);
	pthread_mutex_destroy(&fs->lock);
	pthread_mutex_destroy(&fs->dax_lock);
	free(fs);
}

uint64_t fs_root_node(const struct fs *fs, unsigned mount) { return fs->mount[mount].node; }

size_t fs_message(struct fs *fs, const void *in, size_t in_len, void *out, size_t out_len)
{
	struct fs_server *s = &fs->server[0];
	struct virtq_chain *c = &s->chain;

	pthread_mutex_lock(&s->lock);
	c->segment[0] = (struct iovec){(void *)(uintptr_t)in, in_len};
	c->segment[1] = (struct iovec){out, out_len};
	c->in = c->segment;
	c->out = c->segment + 1;
	c->in_count = c->out_count = 1;
	c->in_len = in_len;
	c->out_len = out_len;
	size_t n = fs_serve(fs, s, c);
	pthread_mutex_unlock(&s->lock);
	return n;
}
