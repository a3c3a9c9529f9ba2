// SPDX-License-Identifier: MIT
//
// hostfs and the overlay against the real file server, in one process: requests go through real rings.
// "Guest-physical" addresses are this process's own, so the sanitizers see every buffer of both
// sides. What the kernel has beneath (heap, pages, inodes, mm) is small stubs here; the upper file
// system is a stub, too. Linked with the sources fs_client.mk names.
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>
#include <stdarg.h>

#include "base/format.h"
#include "check.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "drivers/fuse.h"
#include "hostfs/hostfs.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "monitor/dev/fs.h"
#include "monitor/memory.h"
#include "overlay/overlay.h"
#include "plat/plat.h"
#include "running.h"
#include "time/time.h"
#include "tmpfs/tmpfs.h"

// The C library's headers clash with the kernel's: what is needed of it is declared here.
void *malloc(size_t);
void *calloc(size_t, size_t);
void *realloc(void *, size_t);
void *aligned_alloc(size_t, size_t);
void free(void *);
int vprintf(const char *, va_list);
int snprintf(char *, size_t, const char *, ...);
int fflush(void *);
char *mkdtemp(char *);
int system(const char *);
int open(const char *, int, ...);
int close(int);
int symlink(const char *, const char *);
int unlink(const char *);
int rename(const char *, const char *);
int usleep(unsigned);
long read(int, void *, size_t);
long write(int, const void *, size_t);
void *mmap(void *, size_t, int, int, int, long);
void *memcpy(void *restrict, const void *restrict, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
char *strdup(const char *);
int clock_gettime(int, struct __kernel_timespec *);

// --- the platform --------------------------------------------------------------------------------------------

#define BASE 0x1000 // guest-physical 0 is this address here: memory_range() must not see NULL

uint64_t plat_direct_va = BASE;
static struct abi_boot boot;
static struct fs *server;
static struct memory memory = {.ram = (uint8_t *)BASE, .ram_size = 1ull << 47};
static uint8_t *dax;
static uint32_t events;
static unsigned exits;

const struct abi_boot *plat_boot(void) { return &boot; }
const void *plat_window(uint64_t offset, uint64_t len)
{
	(void)offset;
	(void)len;
	return NULL; // files are read through the ring
}
void plat_queue_notify(const struct abi_queue *q)
{
	exits++;
	fs_queue_notify(server, (unsigned)(q - boot.queue));
}
int memory_dax_grow(struct memory *m, uint64_t end) { return m && end ? 0 : -1; }
static void event(void *arg, uint32_t e)
{
	(void)arg;
	__atomic_or_fetch(&events, e, __ATOMIC_SEQ_CST);
}
uint64_t time_mono_ns(void)
{
	struct __kernel_timespec t;
	clock_gettime(1, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}
uint64_t time_wall_ns(void) { return 1000; }
uint64_t time_wall_coarse_ns(void) { return 1000; }
_Noreturn void debug_panic(const char *component, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("%s: ", component);
	vprintf(fmt, ap);
	printf("\n");
	fflush(NULL);
	__builtin_trap();
}

// --- memory ----------------------------------------------------------------------------------------------------

struct page_stub {
	struct page page;
	void *mem;
};
static long pages_live, heap_live;
static bool heap_fail;

void *heap_alloc(size_t n) { return heap_live++, malloc(n ? n : 1); }
void *heap_zalloc(size_t n) { return heap_live++, calloc(1, n ? n : 1); }
void *heap_realloc(void *p, size_t n)
{
	heap_live += !p;
	return realloc(p, n);
}
void heap_free(void *p)
{
	heap_live -= p != NULL;
	free(p);
}
char *heap_strdup(const char *s) { return heap_live++, strdup(s); }
struct page *page_alloc(unsigned order, unsigned flags)
{
	if (heap_fail && order)
		return NULL;
	struct page_stub *p = calloc(1, sizeof(*p));
	p->page.refs = 1;
	p->mem = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	memset(p->mem, flags & PAGE_ZERO ? 0 : 0xa5, PAGE_SIZE << order);
	pages_live++;
	return &p->page;
}
void page_put_last(struct page *p)
{
	CHECK(p->refs == 1);
	free(((struct page_stub *)p)->mem);
	free(p);
	pages_live--;
}
uint64_t page_phys(const struct page *p) { return (uint64_t)((const struct page_stub *)p)->mem - BASE; }
void *page_virt(const struct page *p) { return ((const struct page_stub *)p)->mem; }
static struct page_reclaimer *reclaimer;
void page_reclaimer_register(struct page_reclaimer *r) { reclaimer = r; }
void page_account_cached(int64_t delta) { (void)delta; }
static unsigned unmaps;
void mm_unmap_inode(struct inode *i, uint64_t first, uint64_t last, bool private_too)
{
	(void)i, (void)first, (void)last, (void)private_too;
	unmaps++;
}

// Kernel iters are all there is.
int64_t iter_write(struct iter *it, const void *src, size_t len)
{
	size_t n = MIN(len, it->left);
	memcpy((char *)it->one.base + it->offset, src, n);
	it->offset += n;
	it->left -= n;
	return (int64_t)n;
}
int64_t iter_read(struct iter *it, void *dst, size_t len)
{
	size_t n = MIN(len, it->left);
	memcpy(dst, (char *)it->one.base + it->offset, n);
	it->offset += n;
	it->left -= n;
	return (int64_t)n;
}
static void iter_set(struct iter *it, void *p, size_t len)
{
	*it = (struct iter){.left = len, .kernel = true, .one = {p, len}};
}

// --- sched, vfs ------------------------------------------------------------------------------------------------

static struct thread self;
static __attribute__((constructor)) void begin(void) { running(&self); }
int waitq_sleep_uninterruptible(struct waitq *q)
{
	(void)q;
	while (!__atomic_exchange_n(&events, 0, __ATOMIC_SEQ_CST))
		usleep(50);
	drivers_queue_event();
	return 0;
}
int waitq_wake_some(struct waitq *q, int n, unsigned key) { return (void)q, (void)n, (void)key, 0; }
void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	list_init(&m->q.waiters);
}
void mutex_wait(struct mutex *m) { (void)m; }
void mutex_hand_on(struct mutex *m) { (void)m; }
void sched_poll(void) {}
static long inodes_live;
struct inode *inode_alloc(struct super *s, uint32_t mode)
{
	struct inode *i = heap_zalloc(sizeof(*i));
	i->super = s;
	i->refs = i->nlink = 1;
	i->mode = mode;
	list_init(&i->mappings);
	inodes_live++;
	return i;
}
void inode_free(struct inode *i)
{
	inodes_live--;
	heap_free(i);
}
void inode_get(struct inode *i) { i->refs++; }
void inode_put(struct inode *i)
{
	CHECK(i->refs > 0);
	if (--i->refs == 0)
		i->ops->release(i);
}
uint64_t super_new_dev(void)
{
	static uint64_t n = 16;
	return n++;
}
int file_create_inode(struct inode *i, uint32_t flags, struct file **out)
{
	struct file *f = heap_zalloc(sizeof(*f));
	*f = (struct file){.refs = 1, .ops = i->fops, .inode = i, .flags = flags};
	inode_get(i);
	int err = i->ops->open ? i->ops->open(i, f) : 0;
	if (err) {
		inode_put(i);
		heap_free(f);
		return err;
	}
	*out = f;
	return 0;
}
void file_put_last(struct file *f)
{
	CHECK(f->refs == 1);
	if (f->ops->release)
		f->ops->release(f);
	inode_put(f->inode);
	heap_free(f);
}
int64_t file_read_kernel(struct file *f, void *buf, size_t len, int64_t pos)
{
	struct iter it;
	iter_set(&it, buf, len);
	return f->ops->read(f, &it, &pos);
}
int64_t file_write_kernel(struct file *f, const void *buf, size_t len, int64_t pos)
{
	struct iter it;
	iter_set(&it, (void *)(uintptr_t)buf, len);
	return f->ops->write(f, &it, &pos);
}

// A memory file system of anonymous files, as much as the overlay needs.
static void mem_release(struct inode *i)
{
	heap_free(i->fs);
	inode_free(i);
}
static int64_t mem_read(struct file *f, struct iter *to, int64_t *pos)
{
	uint64_t size = f->inode->size, at = (uint64_t)*pos;
	int64_t n = at < size ? iter_write(to, (char *)f->inode->fs + at, MIN(to->left, size - at)) : 0;
	*pos += n;
	return n;
}
static int mem_setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_SIZE) {
		i->fs = heap_realloc(i->fs, a->size + 1);
		if (a->size > i->size)
			memset((char *)i->fs + i->size, 0, a->size - i->size);
		i->size = a->size;
	}
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_MTIME)
		i->mtime_ns = a->mtime_ns;
	return 0;
}
static int64_t mem_write(struct file *f, struct iter *from, int64_t *pos)
{
	uint64_t end = (uint64_t)*pos + from->left;
	if (end > f->inode->size)
		mem_setattr(f->inode, &(struct iattr){.valid = ATTR_SIZE, .size = end});
	int64_t n = iter_read(from, (char *)f->inode->fs + *pos, from->left);
	*pos += n;
	return n;
}
static const struct inode_ops mem_ops = {.setattr = mem_setattr, .release = mem_release};
static const struct file_ops mem_fops = {.read = mem_read, .write = mem_write};
static struct super mem_super;
static int mem_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
	*out = inode_alloc(dir->super, mode);
	(*out)->ops = &mem_ops;
	(*out)->fops = &mem_fops;
	return 0;
}
static const struct inode_ops mem_dir_ops = {.tmpfile = mem_tmpfile, .release = mem_release};
int tmpfs_create(struct super **s, struct inode **root)
{
	*s = &mem_super;
	*root = inode_alloc(&mem_super, S_IFDIR | 0755);
	(*root)->ops = &mem_dir_ops;
	return 0;
}

// --- helpers of the tests ------------------------------------------------------------------------------------------

static char top[] = "/tmp/whelk-unit-XXXXXX";
static struct inode *root; // of the writable mount
static uint8_t big[5 << 20], copy[5 << 20];

static const char *host(const char *name)
{
	static char path[2][300];
	static int turn;
	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}
static void host_put(const char *name, const void *data, size_t len)
{
	int fd = open(host(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0 && write(fd, data, len) == (long)len);
	close(fd);
}
static long host_get(const char *name, void *data, size_t len)
{
	int fd = open(host(name), O_RDONLY);
	if (fd < 0)
		return -1;
	long n = read(fd, data, len);
	close(fd);
	return n;
}
static struct inode *find(struct inode *dir, const char *name)
{
	struct inode *i = NULL;
	int err = dir->ops->lookup(dir, name, strlen(name), &i);
	CHECK(err == 0 || err == -ENOENT);
	return i;
}
static struct file *open_file(struct inode *i, uint32_t flags)
{
	struct file *f;
	CHECK(file_create_inode(i, flags, &f) == 0);
	return f;
}

struct names {
	struct dir_emit emit;
	char text[20000];
	unsigned count, stop;
	int64_t next;
};
static bool names_emit(struct dir_emit *d, const char *name, size_t len, uint64_t ino, unsigned type, int64_t next_pos)
{
	struct names *n = (struct names *)d;
	(void)ino, (void)type;
	if (n->count == n->stop)
		return false;
	n->next = next_pos;
	if (name[0] == '.')
		return true;
	size_t at = strlen(n->text);
	memcpy(n->text + at, name, len);
	n->text[at + len] = ' ';
	n->text[at + len + 1] = 0;
	n->count++;
	return true;
}
static bool listed(const struct names *n, const char *name)
{
	for (const char *s = n->text; *s; s++)
		if ((s == n->text || s[-1] == ' ') && memcmp(s, name, strlen(name)) == 0 && s[strlen(name)] == ' ')
			return true;
	return false;
}
// Lists in pieces of `step` names.
static void list(struct inode *dir, struct names *n, unsigned step)
{
	struct file *f = open_file(dir, O_RDONLY | O_DIRECTORY);
	int64_t pos = 0;
	*n = (struct names){.emit = {names_emit}};
	for (unsigned before = ~0u; before != n->count;) {
		before = n->count;
		n->stop = n->count + step;
		CHECK(f->ops->readdir(f, &n->emit, &pos) == 0);
	}
	file_put(f);
}

// --- hostfs ---------------------------------------------------------------------------------------------------------

static void test_read(void)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 65537, 1 << 20, (1 << 20) + 5, sizeof(big) - 3};
	static const size_t steps[] = {1 << 21, 131072, 70001, 4096};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
			host_put("r", big, sizes[s]);
			usleep(25000);
			struct inode *i = find(root, "r");
			struct file *f = open_file(i, O_RDONLY);
			size_t at = 0;
			memset(copy, 0, sizeof(copy));
			for (;;) {
				int64_t n = file_read_kernel(f, copy + at, MIN(steps[k], sizeof(copy) - at),
							     (int64_t)at);
				CHECK(n >= 0);
				if (!n)
					break;
				at += (size_t)n;
			}
			CHECK(at == sizes[s] && memcmp(copy, big, at) == 0);
			unsigned before = exits; // what was read is here
			usleep(10);
			if (at)
				CHECK(file_read_kernel(f, copy, 100, (int64_t)(at / 2)) > 0 && exits == before);
			CHECK(memcmp(copy, big + at / 2, MIN(100ul, at - at / 2)) == 0);
			file_put(f);
			inode_put(i);
		}
	}
}

static void test_write(void)
{
	struct inode *i, *again;

	CHECK(root->ops->create(root, "w", 1, S_IFREG | 0600, 0, &i) == 0 && (i->mode & 0777) == 0600);
	struct file *f = open_file(i, O_RDWR);
	CHECK(file_write_kernel(f, "hello world", 11, 0) == 11 && i->size == 11);
	CHECK(host_get("w", copy, 100) == 11 && memcmp(copy, "hello world", 11) == 0); // on the host at once
	CHECK(file_read_kernel(f, copy, 100, 0) == 11);
	CHECK(file_write_kernel(f, "J", 1, 0) == 1 && file_read_kernel(f, copy, 100, 0) == 11 && copy[0] == 'J');
	CHECK(file_write_kernel(f, big, sizeof(big) - 5000, 5000) == sizeof(big) - 5000);
	CHECK(file_read_kernel(f, copy, sizeof(copy), 0) == sizeof(big));
	CHECK(memcmp(copy, "Jello world\0\0", 13) == 0 && memcmp(copy + 5000, big, sizeof(big) - 5000) == 0);
	f->flags |= O_APPEND;
	CHECK(file_write_kernel(f, "end", 3, 7) == 3 && i->size == sizeof(big) + 3);
	struct iattr a = {.valid = ATTR_SIZE, .size = 6};
	CHECK(i->ops->setattr(i, &a) == 0 && i->size == 6 && file_read_kernel(f, copy, 100, 0) == 6);
	a.size = 9000;
	CHECK(i->ops->setattr(i, &a) == 0 && file_read_kernel(f, copy, 9999, 0) == 9000);
	CHECK(copy[5] == ' ' && copy[6] == 0 && copy[8999] == 0);
	// One inode under two names, and after the first is gone.
	CHECK(root->ops->link(root, "w2", 2, i) == 0 && i->nlink == 2);
	again = find(root, "w2");
	CHECK(again == i);
	inode_put(again);
	CHECK(root->ops->unlink(root, "w", 1, i) == 0 && root->ops->rename(root, "w2", 2, root, "w3", 2, 0) == 0);
	CHECK(file_read_kernel(f, copy, 5, 0) == 5 && memcmp(copy, "Jello", 5) == 0);
	CHECK(f->ops->fsync(f, false) == 0 && f->ops->fallocate(f, 0, 0, 20000) == 0 && i->size == 20000);
	CHECK(i->ops->getattr(i) == 0 && i->nlink == 1 && find(root, "w") == NULL);
	CHECK(root->ops->unlink(root, "w3", 2, i) == 0);
	file_put(f);
	inode_put(i);
	CHECK(host_get("w3", copy, 1) == -1);
}

static void test_change_by_host(void)
{
	host_put("c", "first", 5);
	struct inode *i = find(root, "c"), *j;
	struct file *f = open_file(i, O_RDONLY);
	CHECK(file_read_kernel(f, copy, 100, 0) == 5 && memcmp(copy, "first", 5) == 0);
	host_put("c", "second", 6); // the same file with other contents: seen at the next open
	struct file *g = open_file(i, O_RDONLY);
	CHECK(file_read_kernel(g, copy, 100, 0) == 6 && memcmp(copy, "second", 6) == 0);
	file_put(g);
	host_put("d", "other file", 10); // another file under the name
	CHECK(rename(host("d"), host("c")) == 0);
	usleep(25000);
	CHECK(!root->ops->revalidate(root, "c", 1, i));
	j = find(root, "c");
	CHECK(j != i && file_read_kernel(f, copy, 100, 0) == 6);
	inode_put(j);
	file_put(f);
	inode_put(i);
	// Truncated behind our back while blocks are cached.
	host_put("c", big, 300000);
	usleep(25000);
	i = find(root, "c");
	f = open_file(i, O_RDONLY);
	CHECK(file_read_kernel(f, copy, 100000, 0) == 100000);
	host_put("c", big, 10);
	usleep(25000);
	CHECK(i->ops->getattr(i) == 0 && file_read_kernel(f, copy, 100, 0) == 10);
	file_put(f);
	inode_put(i);
}

static void test_mmap(void)
{
	struct fault_page p;

	host_put("m", big, 6000);
	usleep(25000);
	struct inode *i = find(root, "m");
	CHECK(i->ops->get_page(i, 1, false, &p) == 0 && p.page);
	CHECK(memcmp((void *)(p.phys + BASE), big + 4096, 6000 - 4096) == 0);
	CHECK(((uint8_t *)(p.phys + BASE))[6000 - 4096] == 0 && ((uint8_t *)(p.phys + BASE))[4095] == 0);
	struct fault_page q;
	CHECK(i->ops->get_page(i, 0, false, &q) == 0);
	page_put(q.page);
	CHECK(reclaimer->reclaim(1 << 20) == 1); // a mapped page stays
	CHECK(((uint8_t *)(p.phys + BASE))[0] == big[4096]);
	page_put(p.page);
	CHECK(i->ops->get_page(i, 2, false, &p) == -EFAULT && i->ops->get_page(i, ~0ull >> 13, false, &p) == -EFAULT);
	struct file *f = open_file(i, O_RDWR);
	CHECK(i->ops->get_page(i, 0, true, &p) == 0 && !p.page && p.writable && p.before == 0 && p.after == 1);
	dax[p.phys - ABI_GPA_DAX] ^= 0x55; // a store of the program
	CHECK(file_read_kernel(f, copy, 100, 0) == 100 && copy[0] == (big[0] ^ 0x55));
	CHECK(host_get("m", copy, 1) == 1 && copy[0] == (big[0] ^ 0x55));
	file_put(f);
	inode_put(i);

	host_put("M", big, sizeof(big));
	usleep(25000);
	i = find(root, "M");
	for (uint64_t n = 0; n < sizeof(big) / PAGE_SIZE; n += 100) {
		CHECK(i->ops->get_page(i, n, false, &p) == 0 && !p.page && !p.writable && p.before == n % 512);
		CHECK(p.after == MIN(511 - n % 512, sizeof(big) / PAGE_SIZE - 1 - n));
		CHECK(memcmp(dax + (p.phys - ABI_GPA_DAX), big + n * PAGE_SIZE, PAGE_SIZE) == 0);
	}
	struct iattr a = {.valid = ATTR_SIZE, .size = 100};
	CHECK(i->ops->setattr(i, &a) == 0 && i->ops->get_page(i, 1, false, &p) == -EFAULT);
	a.size = 3 << 20; // small, then large again
	CHECK(i->ops->setattr(i, &a) == 0 && i->ops->get_page(i, 700, false, &p) == 0 &&
	      dax[p.phys - ABI_GPA_DAX] == 0);
	inode_put(i);
}

static void test_list(void)
{
	static struct names n;
	struct inode *dir, *i;
	char name[32];

	CHECK(root->ops->mkdir(root, "many", 4, 0755, &dir) == 0);
	for (int k = 0; k < 700; k++) {
		snprintf(name, sizeof(name), "many/f%03d", k);
		host_put(name, "x", 1);
	}
	for (unsigned step = 1; step < 1000; step *= 7) {
		list(dir, &n, step);
		CHECK(n.count == 700);
	}
	// Nearly all lookups are answered by the listing, unless the host lets it grow old meanwhile.
	unsigned asked = 700;
	for (int tries = 0; tries < 50 && asked >= 140; tries++) {
		list(dir, &n, 10000);
		unsigned before = exits;
		for (int k = 0; k < 700; k++) {
			snprintf(name, sizeof(name), "f%03d", k);
			CHECK(listed(&n, name));
			i = find(dir, name);
			CHECK(i && i->size == 1);
			inode_put(i);
		}
		asked = exits - before;
	}
	CHECK(asked < 140);
	CHECK(root->ops->rmdir(root, "many", 4, dir) == -ENOTEMPTY);
	inode_put(dir);
}

static void test_names(void)
{
	struct inode *l, *d, *gone = find(root, "absent");
	char text[64];

	CHECK(!gone && root->ops->revalidate(root, "absent", 6, NULL));
	CHECK(root->ops->symlink(root, "l", 1, "target/of", &l) == 0 && l->ops->readlink(l, text, sizeof(text)) == 9);
	CHECK(memcmp(text, "target/of", 9) == 0);
	CHECK(root->ops->symlink(root, "l", 1, "x", &d) == -EEXIST);
	CHECK(root->ops->mkdir(root, "dd", 2, 0700, &d) == 0 && root->ops->rename(root, "l", 1, d, "ll", 2, 0) == 0);
	inode_put(l);
	CHECK(find(root, "l") == NULL && (l = find(d, "ll")) != NULL);
	CHECK(d->ops->unlink(d, "ll", 2, l) == 0 && root->ops->rmdir(root, "dd", 2, d) == 0);
	inode_put(l);
	inode_put(d);
	memset(copy, 'n', 300);
	CHECK(root->ops->lookup(root, (char *)copy, 300, &d) == -ENAMETOOLONG);
	CHECK(root->ops->lookup(root, "a/b", 3, &d) == -EINVAL);
}

static void test_short_memory(void)
{
	host_put("s", big, 2 << 20);
	usleep(25000);
	struct inode *i = find(root, "s");
	struct file *f = open_file(i, O_RDWR);
	heap_fail = true; // no contiguous memory at all
	CHECK(file_read_kernel(f, copy, 2 << 20, 0) == 2 << 20 && memcmp(copy, big, 2 << 20) == 0);
	CHECK(file_write_kernel(f, big + 77, 100000, 5) == 100000);
	heap_fail = false;
	CHECK(file_read_kernel(f, copy, 100000, 5) == 100000 && memcmp(copy, big + 77, 100000) == 0);
	file_put(f);
	inode_put(i);
}

// --- overlay --------------------------------------------------------------------------------------------------------

static void test_overlay(void)
{
	static struct names n;
	struct super *ls, *s;
	struct inode *lower, *o, *i, *j, *d, *e;

	host_put("ro/file", big, 200000);
	host_put("ro/two", "two", 3);
	host_put("ro/dir/inner", "inner", 5);
	CHECK(hostfs_mount(1, &ls, &lower) == 0 && overlay_create(ls, lower, &s, &o) == 0);

	// Contents: copied when first written, one inode before and after, old files follow.
	i = find(o, "file");
	uint64_t ino = i->ino;
	struct file *old = open_file(i, O_RDONLY), *f;
	CHECK(i->size == 200000 && file_read_kernel(old, copy, 200000, 0) == 200000 && memcmp(copy, big, 200000) == 0);
	f = open_file(i, O_RDWR);
	CHECK(file_write_kernel(f, "changed", 7, 100) == 7 && file_read_kernel(old, copy, 200, 0) == 200);
	CHECK(memcmp(copy + 100, "changed", 7) == 0 && memcmp(copy, big, 100) == 0 && i->size == 200000);
	CHECK(host_get("ro/file", copy, 200) == 200 && memcmp(copy, big, 200) == 0); // the host's is as it was
	file_put(f);
	file_put(old);
	j = find(o, "file");
	CHECK(j == i && i->ino == ino);
	inode_put(j);
	inode_put(i);
	i = find(o, "file"); // nobody held it: it is still the changed one
	f = open_file(i, O_RDONLY);
	CHECK(i->ino == ino && file_read_kernel(f, copy, 7, 100) == 7 && memcmp(copy, "changed", 7) == 0);
	file_put(f);

	// Attributes alone copy nothing.
	j = find(o, "two");
	struct iattr a = {.valid = ATTR_MODE, .mode = 0711};
	CHECK(j->ops->setattr(j, &a) == 0);
	inode_put(j);
	j = find(o, "two");
	CHECK((j->mode & 0777) == 0711 && j->size == 3 && j->ops->getattr(j) == 0 && (j->mode & 0777) == 0711);
	a = (struct iattr){.valid = ATTR_SIZE, .size = 1};
	CHECK(j->ops->setattr(j, &a) == 0 && j->size == 1 && j->ops->getattr(j) == 0 && j->size == 1);
	CHECK(o->ops->link(o, "hard", 4, j) == 0 && j->nlink == 2);
	CHECK(o->ops->unlink(o, "two", 3, j) == 0 && j->nlink == 1 && find(o, "two") == NULL);
	inode_put(j);
	j = find(o, "hard");
	CHECK(j->size == 1 && (j->mode & 0777) == 0711);
	CHECK(o->ops->unlink(o, "hard", 4, j) == 0 && find(o, "hard") == NULL);
	inode_put(j);

	// A lower directory moves, with what is in it; its old name is free.
	CHECK(o->ops->rename(o, "dir", 3, o, "moved", 5, 0) == 0 && find(o, "dir") == NULL);
	d = find(o, "moved");
	e = find(d, "inner");
	CHECK(e && e->size == 5);
	CHECK(o->ops->rmdir(o, "moved", 5, d) == -ENOTEMPTY);
	CHECK(d->ops->unlink(d, "inner", 5, e) == 0 && find(d, "inner") == NULL);
	inode_put(e);
	CHECK(d->ops->create(d, "inner", 5, S_IFREG | 0644, 0, &e) == 0 && e->size == 0);
	list(d, &n, 1);
	CHECK(n.count == 1 && listed(&n, "inner"));
	CHECK(o->ops->rename(d, "inner", 5, o, "file", 4, 0) == 0); // over the changed file
	inode_put(e);
	CHECK(i->nlink == 0);
	inode_put(i);
	e = find(o, "file");
	CHECK(e && e->size == 0);
	inode_put(e);
	CHECK(o->ops->rmdir(o, "moved", 5, d) == 0 && find(o, "moved") == NULL);
	inode_put(d);

	// A directory made where a lower one was is empty.
	CHECK(o->ops->mkdir(o, "dir", 3, 0755, &d) == 0 && find(d, "inner") == NULL);
	list(d, &n, 5);
	CHECK(n.count == 0);
	list(o, &n, 2);
	CHECK(listed(&n, "dir") && listed(&n, "file") && n.count == 2);
	CHECK(o->ops->rename(o, "dir", 3, o, "file", 4, 1) == -EEXIST);
	CHECK(o->ops->rename(o, "dir", 3, o, "file", 4, 2) == 0);
	i = find(o, "file");
	CHECK(S_ISDIR(i->mode) && i == d);
	inode_put(i);
	inode_put(d);
	CHECK(o->ops->symlink(o, "sl", 2, "to", &i) == 0 && i->ops->readlink(i, (char *)copy, 10) == 2);
	inode_put(i);
	CHECK(host_get("ro/two", copy, 9) == 3 && host_get("ro/dir/inner", copy, 9) == 5); // nothing reached the host
	inode_put(o);
	inode_put(lower);
}

// --- start ----------------------------------------------------------------------------------------------------

static void queue_make(struct abi_queue *q, unsigned size)
{
	uint8_t *p = aligned_alloc(4096, 65536);
	memset(p, 0, 65536);
	*q = (struct abi_queue){(uint64_t)p - BASE, (uint64_t)p + 32768 - BASE, (uint64_t)p + 40960 - BASE, size, 0};
}

int main(void)
{
	struct super *s;
	char command[200];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	CHECK(mkdtemp(top));
	snprintf(command, sizeof(command), "mkdir -p %s/ro/dir", top);
	CHECK(system(command) == 0);
	uint8_t *p = mmap(NULL, 66ul << 20, 0, 0x4022, -1, 0); // MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE
	dax = (uint8_t *)ALIGN_UP((uint64_t)p, HUGE_SIZE);
	boot.ram_size = 64 << 20;
	boot.dax_size = 16 << 20;
	boot.queue_count = 2;
	queue_make(&boot.queue[0], 512);
	queue_make(&boot.queue[1], 64);
	struct fs_mount mounts[] = {{.fd = open(top, O_PATH | O_DIRECTORY)},
				    {.fd = open(host("ro"), O_PATH | O_DIRECTORY), .readonly = true}};
	struct fs_config config = {.memory = &memory, .sync = boot.queue[0], .async = boot.queue[1], .mount = mounts,
				   .mount_count = 2, .dax_base = dax, .dax_size = boot.dax_size, .event = event};
	CHECK(fs_create(&server, &config) == 0 && fs_start(server) == 0);
	boot.mount_count = 2;
	boot.mount[0].root_node = fs_root_node(server, 0);
	boot.mount[1] = (struct abi_mount){.root_node = fs_root_node(server, 1),
					   .flags = ABI_MOUNT_OVERLAY | ABI_MOUNT_READONLY};
	drivers_init();
	CHECK(fuse_has_dax() && hostfs_mount(0, &s, &root) == 0);

	test_read();
	test_write();
	test_change_by_host();
	test_mmap();
	test_list();
	test_names();
	test_short_memory();
	test_overlay();
	reclaimer->reclaim(1 << 20);

	snprintf(command, sizeof(command), "rm -rf %s", top);
	CHECK(system(command) == 0);
	fs_destroy(server);
	printf("ok fs_client\n");
	return 0;
}
