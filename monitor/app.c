// SPDX-License-Identifier: MIT
#include "monitor/app.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/util.h"

#define NAME_LIMIT 255
#define LISTS_LIMIT 4096u // texts in a list
#define LINKS_LIMIT 40

static int bad(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int bad(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int read_at(int fd, void *to, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(offset + done));
		if (n <= 0)
			return n ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

bool app_is(int fd)
{
	char magic[sizeof(APP_MAGIC) - 1];
	return !read_at(fd, magic, sizeof(magic), 0) && !memcmp(magic, APP_MAGIC, sizeof(magic));
}

static bool hash_is(const void *data, size_t len, const uint8_t want[32])
{
	struct sha256 s;
	uint8_t hash[32];
	sha256_init(&s);
	sha256_add(&s, data, len);
	sha256_end(&s, hash);
	return !memcmp(hash, want, sizeof(hash));
}

// --- head -------------------------------------------------------------------------------------------------

static bool part_fits(const struct app_part *p, uint64_t file_size)
{
	uint64_t end;
	return !add_overflow(p->offset, p->size, &end) && end <= file_size && (!p->size || p->offset >= APP_HEAD_SIZE);
}

int app_check_head(const struct app_head *h, uint64_t file_size, char *why, size_t size)
{
	struct app_head copy = *h;
	if (memcmp(h->magic, APP_MAGIC, sizeof(h->magic)))
		return bad(why, size, "it is no image of whelk build");
	if (h->version != APP_VERSION || h->size != sizeof(*h))
		return bad(why, size, "it is an image of version %u, and this whelk reads version %u", h->version,
			   APP_VERSION);
	memset(copy.hash, 0, sizeof(copy.hash));
	if (!hash_is(&copy, sizeof(copy), h->hash))
		return bad(why, size, "its manifest is damaged: the hash is another");
	if (h->file_size != file_size || file_size > INT64_MAX)
		return bad(why, size, "it is cut off: %lu bytes of %lu are there", file_size, h->file_size);
	bool ok = part_fits(&h->index, file_size) && part_fits(&h->data, file_size);
	for (unsigned i = 0; i < APP_KERNELS; i++)
		ok = ok && part_fits(&h->kernel[i], file_size) && h->kernel[i].size <= APP_KERNEL_MAX;
	if (!ok || !h->nodes || h->nodes > APP_NODES_MAX || h->text_size > APP_TEXT_MAX ||
	    h->index.size != h->nodes * sizeof(struct app_node) + h->text_size)
		return bad(why, size, "a part of it is outside of the file, or of a wrong size");
	return 0;
}

// --- index ------------------------------------------------------------------------------------------------

// The text at `at`, terminated inside the texts; or NULL.
static const char *text_at(const struct app *a, uint64_t at)
{
	if (at >= a->head.text_size || !memchr(a->text + at, 0, a->head.text_size - at))
		return NULL;
	return a->text + at;
}

static bool list_ok(const struct app *a, struct app_list list)
{
	uint64_t at = list.text;
	for (uint32_t i = 0; i < list.count; i++) {
		const char *s = text_at(a, at);
		if (!s || i == LISTS_LIMIT)
			return false;
		at += strlen(s) + 1;
	}
	return true;
}

static bool path_ok(const struct app *a, uint32_t at)
{
	const char *s = text_at(a, at);
	return s && *s == '/' && strlen(s) < PATH_MAX;
}

static bool name_ok(const struct app *a, uint32_t at)
{
	const char *s = text_at(a, at);
	return s && *s && strlen(s) <= NAME_LIMIT && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

// Children lie behind their parent, in one run, sorted: so there are no cycles, and each has one parent.
static bool directory_ok(const struct app *a, uint32_t n)
{
	const struct app_node *d = &a->node[n];
	if (!d->children)
		return true;
	if (d->at <= n || d->at >= a->head.nodes || d->children > a->head.nodes - d->at)
		return false;
	for (uint64_t i = d->at; i < d->at + d->children; i++)
		if (a->node[i].parent != n || !name_ok(a, a->node[i].name) ||
		    (i > d->at && strcmp(a->text + a->node[i - 1].name, a->text + a->node[i].name) >= 0))
			return false;
	return true;
}

static bool node_ok(const struct app *a, uint32_t n)
{
	const struct app_node *x = &a->node[n], *parent = &a->node[x->parent < a->head.nodes ? x->parent : 0];
	uint64_t end;
	if (n && (x->parent >= n || !S_ISDIR(parent->mode) || n < parent->at || n - parent->at >= parent->children))
		return false;
	switch (x->mode & ~07777u) {
	case S_IFDIR:
		return directory_ok(a, n);
	case S_IFREG:
		return n && !x->children && !add_overflow(x->at, x->size, &end) && end <= a->head.data.size;
	case S_IFLNK: {
		const char *to = text_at(a, x->at);
		return n && !x->children && to && *to && strlen(to) == x->size && x->size < PATH_MAX;
	}
	default:
		return false;
	}
}

// All components together, with plain calls between them, is what there is.
static int check_compartments(const struct app *a, char *why, size_t size)
{
	struct app_list list = a->head.compartments;
	const char *name = a->text + list.text, *gate = list.count ? strchr(name, ' ') : NULL;
	if (list.count > 1)
		return bad(why, size, "its manifest has %u compartments, and this whelk keeps the whole kernel in one", list.count);
	if (!gate || gate == name || !gate[1] || gate[1] == ' ')
		return bad(why, size, "its manifest does not say in which compartment the kernel is");
	size_t len = strcspn(++gate, " ");
	if (!gate[len] || !gate[len + 1])
		return bad(why, size, "its manifest has a compartment with no components");
	if (len != 4 || strncmp(gate, "none", len) != 0)
		return bad(why, size, "its manifest puts gate %.*s before compartment %.*s, and this whelk has no gate but none",
			   (int)MIN(len, 40ul), gate, (int)MIN((unsigned long)(gate - name - 1), 40ul), name);
	return 0;
}

int app_check_index(const struct app *a, char *why, size_t size)
{
	const struct app_head *h = &a->head;
	if (!S_ISDIR(a->node[0].mode) || a->node[0].parent)
		return bad(why, size, "its first file is no directory");
	for (uint32_t n = 0; n < h->nodes; n++)
		if (!node_ok(a, n))
			return bad(why, size, "number %u of its files is damaged", n);
	if (!path_ok(a, h->exec) || !path_ok(a, h->cwd) || !h->argv.count || !list_ok(a, h->argv) ||
	    !list_ok(a, h->env) || !list_ok(a, h->compartments))
		return bad(why, size, "its manifest names things that are not there");
	if (h->cpus > 64 || h->memory > 1ull << 46)
		return bad(why, size, "its manifest asks for more CPUs or memory than there can be");
	return check_compartments(a, why, size);
}

// --- opening ------------------------------------------------------------------------------------------------

static void *read_part(int fd, const struct app_part *p, const char *what, char *why, size_t size)
{
	void *data = malloc(p->size + 1);
	int err = data ? read_at(fd, data, p->size, p->offset) : -ENOMEM;
	if (err)
		bad(why, size, "its %s cannot be read: %s", what, strerror(-err));
	else if (!hash_is(data, p->size, p->hash))
		bad(why, size, "its %s is damaged: the hash is another", what);
	else
		return data;
	free(data);
	return NULL;
}

int app_open(struct app *a, int fd, char *why, size_t size)
{
	struct stat st;
	*a = (struct app){.fd = -1};
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return bad(why, size, "it is not a regular file");
	if (st.st_size < APP_HEAD_SIZE)
		return bad(why, size, "it is cut off: %ld bytes are less than its head", (long)st.st_size);
	int err = read_at(fd, &a->head, sizeof(a->head), 0);
	if (err)
		return bad(why, size, "it cannot be read: %s", strerror(-err));
	err = app_check_head(&a->head, (uint64_t)st.st_size, why, size);
	if (err)
		return err;
	a->node = read_part(fd, &a->head.index, "index", why, size);
	if (!a->node)
		return -EINVAL;
	a->text = (const char *)(a->node + a->head.nodes);
	err = app_check_index(a, why, size);
	if (err) {
		free(a->node);
		a->node = NULL;
		return err;
	}
	a->fd = fd;
	return 0;
}

void app_close(struct app *a)
{
	if (!a->node)
		return;
	close(a->fd);
	free(a->node);
	*a = (struct app){.fd = -1};
}

void *app_kernel(const struct app *a, unsigned platform, size_t *len, char *why, size_t size)
{
	const struct app_part *p = &a->head.kernel[platform - 1];
	if (!p->size) {
		bad(why, size, "it has no kernel for this platform; --platform takes the other");
		return NULL;
	}
	*len = p->size;
	return read_part(a->fd, p, "kernel", why, size);
}

int app_check_data(const struct app *a, char *why, size_t size)
{
	const struct app_part *p = &a->head.data;
	static uint8_t room[1 << 16];
	struct sha256 s;
	uint8_t hash[32];
	sha256_init(&s);
	for (uint64_t at = 0; at < p->size;) {
		size_t n = MIN(sizeof(room), p->size - at);
		int err = read_at(a->fd, room, n, p->offset + at);
		if (err)
			return bad(why, size, "its files cannot be read: %s", strerror(-err));
		sha256_add(&s, room, n);
		at += n;
	}
	sha256_end(&s, hash);
	return memcmp(hash, p->hash, sizeof(hash)) ? bad(why, size, "its files are damaged: the hash is another") : 0;
}

// --- names ------------------------------------------------------------------------------------------------

uint32_t app_lookup(const struct app *a, uint32_t dir, const char *name)
{
	uint64_t low = a->node[dir].at, high = low + a->node[dir].children;
	if (!S_ISDIR(a->node[dir].mode))
		return 0;
	while (low < high) {
		uint64_t mid = (low + high) / 2;
		int order = strcmp(name, a->text + a->node[mid].name);
		if (!order)
			return (uint32_t)mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

int64_t app_find(const struct app *a, const char *path)
{
	char todo[PATH_MAX], next[PATH_MAX];
	uint32_t at = 0;
	unsigned links = 0;
	if ((size_t)snprintf(todo, sizeof(todo), "%s", path) >= sizeof(todo))
		return -ENAMETOOLONG;
	for (char *p = todo; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");
		char *rest = p + n;
		bool more = *rest;
		*rest = '\0';
		if (!S_ISDIR(a->node[at].mode))
			return -ENOTDIR;
		if (!strcmp(p, "..")) {
			at = a->node[at].parent;
		} else if (strcmp(p, ".") != 0) {
			uint32_t child = app_lookup(a, at, p);
			if (!child)
				return -ENOENT;
			if (S_ISLNK(a->node[child].mode)) {
				const char *to = a->text + a->node[child].at;
				int len = snprintf(next, sizeof(next), "%s/%s", to, more ? rest + 1 : "");
				if (++links > LINKS_LIMIT || (size_t)len >= sizeof(next))
					return -ELOOP;
				at = *to == '/' ? 0 : at;
				strcpy(todo, next);
				p = todo;
				continue;
			}
			at = child;
		}
		p = rest + more;
	}
	return at;
}

char **app_list(const struct app *a, struct app_list list)
{
	char **v = calloc(list.count + 1, sizeof(*v));
	const char *s = a->text + list.text;
	for (uint32_t i = 0; v && i < list.count; i++, s += strlen(s) + 1)
		v[i] = (char *)(uintptr_t)s;
	return v;
}
