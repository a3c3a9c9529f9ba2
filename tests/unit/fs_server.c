// SPDX-License-Identifier: MIT
//
// The file server against a temporary directory: operations, attempts to get out, bad messages, bad
// rings. Linked with the sources fs_server.mk names.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/dev/fs.h"
#include "monitor/dev/virtq.h"
#include "monitor/memory.h"

#define CHECK_NOTE strerror(errno)
#include "check.h"

int memory_dax_grow(struct memory *m, uint64_t end)
{
	(void)m;
	(void)end;
	return 0;
}

static struct fs *fs;
static char top[] = "/tmp/whelk-unit-XXXXXX";
static uint64_t rw, ro;
static uint8_t *dax;
static _Alignas(8) uint8_t reply[1 << 16];
static size_t reply_len;

// One call: arguments in two parts. The error; the payload is in `reply`.
static int call2(uint32_t op, uint64_t node, const void *a, size_t al, const void *b, size_t bl)
{
	struct fuse_in_header h = {.len = (uint32_t)(sizeof(h) + al + bl), .opcode = op, .unique = 7, .nodeid = node};
	uint8_t *in = malloc(sizeof(h) + al + bl);
	struct {
		struct fuse_out_header h;
		uint8_t data[sizeof(reply)];
	} *out = calloc(1, sizeof(*out));

	memcpy(in, &h, sizeof(h));
	if (al)
		memcpy(in + sizeof(h), a, al);
	if (bl)
		memcpy(in + sizeof(h) + al, b, bl);
	size_t n = fs_message(fs, in, sizeof(h) + al + bl, out, sizeof(*out));
	CHECK(n >= sizeof(out->h) && out->h.len == n && out->h.unique == 7);
	int err = out->h.error;
	reply_len = n - sizeof(out->h);
	CHECK(!err || reply_len == 0);
	memcpy(reply, out->data, reply_len);
	free(in);
	free(out);
	return err;
}

static int call(uint32_t op, uint64_t node, const void *a, size_t al) { return call2(op, node, a, al, NULL, 0); }

static int lookup(uint64_t dir, const char *name, uint64_t *id)
{
	int err = call(FUSE_LOOKUP, dir, name, strlen(name) + 1);

	if (!err) {
		CHECK(reply_len == sizeof(struct fuse_entry_out));
		*id = ((struct fuse_entry_out *)reply)->nodeid;
	}
	return err;
}

static int open_node(uint64_t id, uint32_t flags, uint64_t *fh)
{
	struct fuse_open_in in = {.flags = flags};
	int err = call(FUSE_OPEN, id, &in, sizeof(in));

	if (!err)
		*fh = ((struct fuse_open_out *)reply)->fh;
	return err;
}

static int create(uint64_t dir, const char *name, uint32_t flags, uint32_t mode, uint64_t *id, uint64_t *fh)
{
	struct fuse_create_in in = {.flags = flags, .mode = mode};
	int err = call2(FUSE_CREATE, dir, &in, sizeof(in), name, strlen(name) + 1);

	if (!err) {
		CHECK(reply_len == sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out));
		*id = ((struct fuse_entry_out *)reply)->nodeid;
		*fh = ((struct fuse_open_out *)(reply + sizeof(struct fuse_entry_out)))->fh;
	}
	return err;
}

static int rw_call(uint32_t op, uint64_t id, uint64_t fh, uint64_t off, const void *data, uint32_t size)
{
	struct fuse_write_in in = {.fh = fh, .offset = off, .size = size};
	return call2(op, id, &in, sizeof(in), data, data ? size : 0);
}

static void put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void start(void)
{
	char path[256];

	CHECK(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/in", top);
	CHECK(mkdir(path, 0755) == 0);
	put("secret", "secret");
	put("in/file", "hello, file");
	int dir = open(path, O_PATH | O_DIRECTORY);
	CHECK(dir >= 0 && mkdirat(dir, "sub", 0755) == 0 && symlinkat("/", dir, "rootlink") == 0);
	CHECK(symlinkat("../secret", dir, "uplink") == 0 && mkfifoat(dir, "pipe", 0644) == 0);
	void *p = mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(p != MAP_FAILED);
	dax = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	static struct memory memory;
	struct fs_mount mounts[] = {{.fd = dir}, {.fd = dir, .readonly = true}};
	struct fs_config config = {
		.memory = &memory, .mount = mounts, .mount_count = 2, .dax_base = dax, .dax_size = 4 << 20};
	CHECK(fs_create(&fs, &config) == 0);
	close(dir);
	rw = fs_root_node(fs, 0);
	ro = fs_root_node(fs, 1);
	CHECK(rw == FUSE_ROOT_ID && ro != rw);
}

static void test_escape(void)
{
	static const char *const bad[] = {"..", ".", "", "/", "/etc", "sub/..", "../secret", "sub/", "a/b"};
	char lots[5000];
	uint64_t id, fh;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(lookup(rw, bad[i], &id) == -EINVAL);
		CHECK(create(rw, bad[i], O_RDWR, 0644, &id, &fh) == -EINVAL);
		CHECK(call(FUSE_UNLINK, rw, bad[i], strlen(bad[i]) + 1) == -EINVAL);
	}
	CHECK(call(FUSE_LOOKUP, rw, "file", 4) == -EINVAL); // not terminated
	memset(lots, 'a', sizeof(lots));
	lots[sizeof(lots) - 1] = 0;
	CHECK(lookup(rw, lots, &id) == -EINVAL);
	lots[256] = 0;
	CHECK(lookup(rw, lots, &id) == -EINVAL);
	// What lies after a NUL is not looked at.
	CHECK(call(FUSE_LOOKUP, rw, "file\0/../../secret", 19) == 0);
	// Links are links: never followed, never opened, not a directory.
	CHECK(lookup(rw, "rootlink", &id) == 0);
	CHECK(S_ISLNK(((struct fuse_entry_out *)reply)->attr.mode));
	uint64_t link = id;
	CHECK(lookup(link, "etc", &id) == -ENOTDIR);
	CHECK(open_node(link, O_RDONLY, &fh) != 0 && create(link, "x", O_RDWR, 0644, &id, &fh) == -EACCES);
	CHECK(call(FUSE_READLINK, link, NULL, 0) == 0 && reply_len == 1 && reply[0] == '/');
	CHECK(lookup(rw, "uplink", &id) == 0 && open_node(id, O_RDONLY, &fh) != 0);
	CHECK(create(rw, "uplink", O_RDWR, 0644, &id, &fh) != 0);
	// Truncation and attributes of a link stay with the link.
	struct fuse_setattr_in set = {.valid = FATTR_SIZE, .size = 0};
	CHECK(call(FUSE_SETATTR, id, &set, sizeof(set)) != 0);
	// A FIFO can be looked at only; opening would hang.
	CHECK(lookup(rw, "pipe", &id) == 0 && open_node(id, O_RDONLY, &fh) == -ENXIO &&
	      open_node(id, O_RDWR, &fh) == -ENXIO);
	CHECK(create(rw, "pipe", O_RDONLY, 0644, &id, &fh) == -ENXIO);
	// Nodes and handles that never were.
	for (uint64_t n = 0; n < 4000; n = n * 3 + 1000) {
		CHECK(lookup(n, "file", &id) == -ESTALE && open_node(n << 32, O_RDONLY, &fh) == -ESTALE);
		CHECK(rw_call(FUSE_READ, rw, n, 0, NULL, 10) == -EBADF);
	}
	struct fuse_mknod_in dev = {.mode = S_IFCHR | 0666, .rdev = 0x103};
	CHECK(call2(FUSE_MKNOD, rw, &dev, sizeof(dev), "null", 5) == -EPERM);
	char path[256], text[16] = "";
	snprintf(path, sizeof(path), "%s/secret", top);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, sizeof(text)) == 6);
	close(fd);
}

// The parent is swapped for a link between two calls: the old directory is meant, or nothing.
static void test_swap(void)
{
	char a[256], b[256];
	uint64_t dir, id, fh;

	CHECK(lookup(rw, "sub", &dir) == 0);
	CHECK(create(dir, "one", O_RDWR, 0644, &id, &fh) == 0);
	snprintf(a, sizeof(a), "%s/in/sub", top);
	snprintf(b, sizeof(b), "%s/in/moved", top);
	CHECK(rename(a, b) == 0 && symlink("/", a) == 0);
	CHECK(lookup(dir, "etc", &id) == -ENOENT && lookup(dir, "one", &id) == 0);
	CHECK(unlink(a) == 0 && rename(b, a) == 0);
}

static void test_readonly(void)
{
	struct fuse_setattr_in set = {.valid = FATTR_MODE, .mode = 0777};
	struct fuse_mkdir_in mk = {.mode = 0755};
	struct fuse_rename_in mv = {.newdir = ro};
	struct fuse_link_in ln = {0};
	uint64_t id, fh, other;

	CHECK(lookup(ro, "file", &id) == 0);
	CHECK(create(ro, "new", O_RDWR, 0644, &other, &fh) == -EROFS);
	CHECK(open_node(id, O_RDWR, &fh) == -EROFS && open_node(id, O_WRONLY, &fh) == -EROFS);
	CHECK(open_node(id, O_TRUNC, &fh) == -EROFS);
	CHECK(call(FUSE_SETATTR, id, &set, sizeof(set)) == -EROFS && call(FUSE_UNLINK, ro, "file", 5) == -EROFS);
	CHECK(call2(FUSE_MKDIR, ro, &mk, sizeof(mk), "d", 2) == -EROFS && call(FUSE_RMDIR, ro, "sub", 4) == -EROFS);
	CHECK(call2(FUSE_RENAME, ro, &mv, sizeof(mv), "file\0other", 11) == -EROFS);
	CHECK(call2(FUSE_SYMLINK, ro, "l", 2, "target", 7) == -EROFS);
	CHECK(lookup(rw, "file", &other) == 0);
	mv.newdir = ro; // from a writable mount into one that is not
	CHECK(call2(FUSE_RENAME, rw, &mv, sizeof(mv), "file\0other", 11) == -EXDEV);
	ln.oldnodeid = id; // a name in the writable mount for a file of the other
	CHECK(call2(FUSE_LINK, rw, &ln, sizeof(ln), "ln", 3) == -EXDEV);
	CHECK(open_node(id, O_RDONLY, &fh) == 0);
	CHECK(rw_call(FUSE_WRITE, id, fh, 0, "x", 1) == -EROFS);
	CHECK(rw_call(FUSE_WRITE, rw, fh, 0, "x", 1) == -EBADF); // the node says writable, the handle does not
	struct fuse_fallocate_in fa = {.fh = fh, .length = 100};
	CHECK(call(FUSE_FALLOCATE, rw, &fa, sizeof(fa)) == -EBADF);
	struct fuse_setupmapping_in map = {.fh = fh, .len = 4096, .flags = FUSE_SETUPMAPPING_FLAG_WRITE};
	CHECK(call(FUSE_SETUPMAPPING, rw, &map, sizeof(map)) == -EACCES);
}

static void test_data(void)
{
	uint64_t id, fh;
	char text[64];

	CHECK(create(rw, "data", O_RDWR | O_EXCL, 0600, &id, &fh) == 0);
	CHECK(create(rw, "data", O_RDWR | O_EXCL, 0600, &id, &fh) == -EEXIST);
	CHECK(rw_call(FUSE_WRITE, id, fh, 3, "hello", 5) == 0 && ((struct fuse_write_out *)reply)->size == 5);
	CHECK(rw_call(FUSE_READ, id, fh, 0, NULL, 100) == 0 && reply_len == 8 && memcmp(reply, "\0\0\0hello", 8) == 0);
	CHECK(rw_call(FUSE_READ, id, fh, UINT64_MAX, NULL, 100) == -EINVAL);
	CHECK(rw_call(FUSE_READ, id, fh, 100, NULL, 9) == 0 && reply_len == 0);
	CHECK(rw_call(FUSE_WRITE, id, fh, INT64_MAX, "x", 1) == -EFBIG);
	struct fuse_write_in liar = {.fh = fh, .size = 1000};
	CHECK(call2(FUSE_WRITE, id, &liar, sizeof(liar), "x", 1) == -EINVAL);
	struct fuse_setattr_in set = {
		.valid = FATTR_SIZE | FATTR_MODE | FATTR_MTIME, .size = 5, .mode = 0640, .mtime = 1000, .mtimensec = 5};
	CHECK(call(FUSE_SETATTR, id, &set, sizeof(set)) == 0);
	struct fuse_attr *a = &((struct fuse_attr_out *)reply)->attr;
	CHECK(a->size == 5 && (a->mode & 07777) == 0640 && a->mtime == 1000 && a->mtimensec == 5 && a->uid == getuid());
	// The handle outlives the name; so does the node.
	CHECK(call(FUSE_UNLINK, rw, "data", 5) == 0 && lookup(rw, "data", &id) == -ENOENT);
	CHECK(rw_call(FUSE_READ, id, fh, 3, NULL, 2) == 0 && memcmp(reply, "he", 2) == 0);
	CHECK(call(FUSE_GETATTR, id, NULL, 0) == 0 && ((struct fuse_attr_out *)reply)->attr.nlink == 0);
	struct fuse_release_in rel = {.fh = fh};
	CHECK(call(FUSE_RELEASE, id, &rel, sizeof(rel)) == 0 && call(FUSE_RELEASE, id, &rel, sizeof(rel)) == -EBADF);
	CHECK(rw_call(FUSE_READ, id, fh, 0, NULL, 1) == -EBADF);
	// Extended attributes: only user.*
	struct fuse_setxattr_in sx = {.size = 3};
	CHECK(lookup(rw, "file", &id) == 0);
	memcpy(text, "trusted.x\0abc", 13);
	CHECK(call2(FUSE_SETXATTR, id, &sx, FUSE_COMPAT_SETXATTR_IN_SIZE, text, 13) == -EOPNOTSUPP);
	memcpy(text, "user.x\0abc", 10);
	sx.size = 4000000;
	CHECK(call2(FUSE_SETXATTR, id, &sx, FUSE_COMPAT_SETXATTR_IN_SIZE, text, 10) == -EINVAL);
}

static void test_rename_and_list(void)
{
	struct fuse_mkdir_in mk = {.mode = 0755};
	struct fuse_rename2_in mv = {.newdir = rw};
	struct fuse_open_in op = {0};
	uint64_t dir, id, fh, again;
	char name[32];

	CHECK(call2(FUSE_MKDIR, rw, &mk, sizeof(mk), "many", 5) == 0);
	dir = ((struct fuse_entry_out *)reply)->nodeid;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "in/many/f%03d", i);
		put(name, "x");
	}
	CHECK(call(FUSE_OPENDIR, dir, &op, sizeof(op)) == 0);
	fh = ((struct fuse_open_out *)reply)->fh;
	unsigned seen = 0;
	for (uint64_t off = 0;;) {
		struct fuse_read_in in = {.fh = fh, .offset = off, .size = 4096};
		CHECK(call(FUSE_READDIRPLUS, dir, &in, sizeof(in)) == 0);
		if (!reply_len)
			break;
		for (size_t at = 0; at < reply_len;) {
			struct fuse_direntplus *d = (struct fuse_direntplus *)(reply + at);
			seen += d->dirent.name[0] == 'f' && d->entry_out.nodeid && d->entry_out.attr.size == 1;
			off = d->dirent.off;
			at += FUSE_DIRENTPLUS_SIZE(d);
		}
	}
	CHECK(seen == 500);
	// A node known by name only moves with its directory.
	CHECK(lookup(dir, "f007", &id) == 0);
	CHECK(call2(FUSE_RENAME2, rw, &mv, sizeof(mv), "many\0lots", 10) == 0);
	CHECK(open_node(id, O_RDONLY, &fh) == 0 && rw_call(FUSE_READ, id, fh, 0, NULL, 1) == 0 && reply[0] == 'x');
	CHECK(lookup(dir, "f008", &id) == 0 && lookup(dir, "f008", &again) == 0 && id == again);
	mv.newdir = rw;
	CHECK(call2(FUSE_RENAME2, dir, &mv, sizeof(mv), "f008\0out", 9) == 0 && open_node(id, O_RDONLY, &fh) == 0);
	// A different file under the name is not taken for the one that was looked up.
	CHECK(lookup(dir, "f009", &id) == 0);
	char a[256], b[256];
	snprintf(a, sizeof(a), "%s/in/lots/f010", top);
	snprintf(b, sizeof(b), "%s/in/lots/f009", top);
	CHECK(rename(a, b) == 0 && open_node(id, O_RDONLY, &fh) == -ESTALE);
	struct fuse_forget_in forget = {.nlookup = UINT64_MAX};
	struct {
		struct fuse_in_header h;
		struct fuse_forget_in f;
	} msg = {{.opcode = FUSE_FORGET, .nodeid = id}, forget};
	CHECK(fs_message(fs, &msg, sizeof(msg), NULL, 0) == 0 && call(FUSE_GETATTR, id, NULL, 0) == -ESTALE);
	msg.h.nodeid = rw; // roots cannot be forgotten
	CHECK(fs_message(fs, &msg, sizeof(msg), NULL, 0) == 0 && call(FUSE_GETATTR, rw, NULL, 0) == 0);
}

static void test_dax(void)
{
	struct fuse_setupmapping_in map = {.len = 2 << 20, .flags = FUSE_SETUPMAPPING_FLAG_WRITE};
	uint64_t id, fh;
	char path[256];

	CHECK(create(rw, "mapped", O_RDWR, 0644, &id, &fh) == 0);
	map.fh = fh;
	CHECK(call(FUSE_SETUPMAPPING, id, &map, sizeof(map)) == -ERANGE); // nothing to map
	CHECK(rw_call(FUSE_WRITE, id, fh, 8192, "x", 1) == 0);
	CHECK(call(FUSE_SETUPMAPPING, id, &map, sizeof(map)) == 0);
	memcpy(dax, "mapped", 6);
	CHECK(rw_call(FUSE_READ, id, fh, 0, NULL, 6) == 0 && memcmp(reply, "mapped", 6) == 0 && dax[8192] == 'x');
	static const struct {
		uint64_t foffset, len, moffset;
	} bad[] = {{0, 4096, 4 << 20}, {0, 4096, UINT64_MAX & ~4095ull}, {1, 4096, 0}, {0, 4096, 5}, {0, 0, 0},
		   {0, UINT64_MAX, 0},
		   {0, 2 << 20, 4096}, {UINT64_MAX & ~4095ull, 4096, 0}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fuse_setupmapping_in in = {fh, bad[i].foffset, bad[i].len, 0, bad[i].moffset};
		CHECK(call(FUSE_SETUPMAPPING, id, &in, sizeof(in)) == -EINVAL);
	}
	// The file shrinks on the host: zero pages, not a fault.
	CHECK(!fs_dax_repair(fs));
	snprintf(path, sizeof(path), "%s/in/mapped", top);
	CHECK(truncate(path, 4096) == 0 && fs_dax_repair(fs) && dax[8192] == 0 && dax[0] == 'm');
	usleep(110000);
	CHECK(!fs_dax_repair(fs));
	struct {
		struct fuse_removemapping_in in;
		struct fuse_removemapping_one one;
	} rm = {{1}, {0, 2 << 20}};
	CHECK(call(FUSE_REMOVEMAPPING, id, &rm, sizeof(rm)) == 0);
	rm.in.count = UINT32_MAX;
	CHECK(call(FUSE_REMOVEMAPPING, id, &rm, sizeof(rm)) == -EINVAL);
}

static void test_host_kernel_fs(void)
{
	static struct memory memory;
	struct fs_mount m = {.fd = open("/", O_PATH | O_DIRECTORY), .readonly = true};
	struct fs_config config = {.memory = &memory, .mount = &m, .mount_count = 1};
	struct fs *mine = fs;
	uint64_t proc, id;

	CHECK(fs_create(&fs, &config) == 0);
	close(m.fd);
	CHECK(lookup(FUSE_ROOT_ID, "proc", &proc) == 0 && lookup(proc, "self", &id) == -ENOENT);
	CHECK(lookup(proc, "1", &id) == -ENOENT);
	struct fuse_open_in op = {0};
	CHECK(call(FUSE_OPENDIR, proc, &op, sizeof(op)) == 0);
	struct fuse_read_in in = {.fh = ((struct fuse_open_out *)reply)->fh, .size = 4096};
	CHECK(call(FUSE_READDIR, proc, &in, sizeof(in)) == 0 && reply_len == 0);
	fs_destroy(fs);
	fs = mine;
}

// --- rings -------------------------------------------------------------------------------------------------

#define RAM (1 << 16)
static struct memory ram;
static struct vring_desc *desc;
static struct vring_avail *avail;
static struct virtq q;
static struct virtq_chain chain;

static void ring_reset(void)
{
	struct abi_queue where = {.desc_gpa = 0, .avail_gpa = 0x1000, .used_gpa = 0x2000, .size = 8};

	memset(ram.ram, 0, RAM);
	CHECK(virtq_attach(&q, &ram, &where) == 0);
	avail->idx = 1;
}

static void test_rings(void)
{
	ram.ram = malloc(RAM);
	ram.ram_size = RAM;
	desc = (struct vring_desc *)ram.ram;
	avail = (struct vring_avail *)(ram.ram + 0x1000);
	static const struct abi_queue bad[] = {{0, 0x1000, 0x2000, 0, 0},	  {0, 0x1000, 0x2000, 7, 0},
					       {0, 0x1000, 0x2000, 1u << 31, 0},  {RAM, 0x1000, 0x2000, 8, 0},
					       {0, UINT64_MAX - 1, 0x2000, 8, 0}, {0, 0x1000, RAM - 8, 8, 0},
					       {8, 0x1000, 0x2000, 8, 0}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(virtq_attach(&q, &ram, &bad[i]) == -EINVAL && virtq_pop(&q, &chain) == -EPROTO);

	ring_reset();
	desc[0] = (struct vring_desc){0x3000, 40, VRING_DESC_F_NEXT, 1};
	desc[1] = (struct vring_desc){0x4000, 16, VRING_DESC_F_WRITE, 0};
	CHECK(virtq_pop(&q, &chain) == 1 && chain.in_len == 40 && chain.out_len == 16 && virtq_pop(&q, &chain) == 0);
	virtq_push(&q, 0, 16);
	CHECK(*(uint16_t *)(ram.ram + 0x2002) == 1);

	struct {
		struct vring_desc d0, d1;
		uint16_t idx, head;
	} hostile[] = {
		{{0x3000, 40, VRING_DESC_F_NEXT, 0}, {0}, 1, 0},		     // a loop
		{{0x3000, 40, VRING_DESC_F_NEXT, 8}, {0}, 1, 0},		     // out of the table
		{{0x3000, 40, 0, 0}, {0}, 1, 8},				     // a head out of the table
		{{0x3000, 40, 0, 0}, {0}, 9, 0},				     // more than the ring holds
		{{RAM - 8, 9, 0, 0}, {0}, 1, 0},				     // over the end of RAM
		{{UINT64_MAX, 2, 0, 0}, {0}, 1, 0},				     // wraps
		{{0x3000, UINT32_MAX, 0, 0}, {0}, 1, 0},
		{{ABI_GPA_DAX, 16, 0, 0}, {0}, 1, 0},				     // not RAM
		{{0x3000, 16, VRING_DESC_F_INDIRECT, 0}, {0}, 1, 0},
		{{0x3000, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1}, {0x3000, 16, 0, 0}, 1, 0}, // wrong order
	};
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		ring_reset();
		desc[0] = hostile[i].d0;
		desc[1] = hostile[i].d1;
		avail->idx = hostile[i].idx;
		avail->ring[0] = hostile[i].head;
		CHECK(virtq_pop(&q, &chain) == -EPROTO && virtq_pop(&q, &chain) == -EPROTO);
	}
	free(ram.ram);
}

int main(void)
{
	char clean[128];

	start();
	test_escape();
	test_swap();
	test_data();
	test_rename_and_list();
	test_readonly();
	test_dax();
	test_host_kernel_fs();
	test_rings();
	fs_destroy(fs);
	snprintf(clean, sizeof(clean), "rm -rf %s", top);
	CHECK(system(clean) == 0);
	puts("ok fs_server");
	return 0;
}
