// SPDX-License-Identifier: MIT
//
// A tar archive (ustar, with pax and GNU long names) of a root file system. Owners, modes and times are the archive's.
// Every size is checked against what is there; devices, sockets and FIFOs are left out.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/build/tree.h"

#define BLOCK 512

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2],
		user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "tar");

// What a header before the file's own has said.
struct said {
	char *name, *link;
	bool sized, timed;
	uint64_t size;
	int64_t mtime;
};

static bool number(const char *s, size_t len, uint64_t *out)
{
	size_t i = 0;
	*out = 0;
	if (*s & (char)0x80) { // base 256
		if (*s & 0x40)
			return false;
		for (*out = *s & 0x3f, i = 1; i < len; i++) {
			if (*out >> 55)
				return false;
			*out = *out << 8 | (uint8_t)s[i];
		}
		return true;
	}
	while (i < len && s[i] == ' ')
		i++;
	for (; i < len && s[i] >= '0' && s[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(s[i] - '0');
	return i == len || !s[i] || s[i] == ' ';
}

static bool sum_is_right(const struct header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	uint64_t want, sum = 0;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	return number(h->sum, sizeof(h->sum), &want) && want == sum;
}

bool tar_is(const uint8_t *data, size_t size)
{
	return size >= BLOCK && !memcmp(data + 257, "ustar", 5) && sum_is_right((const struct header *)data);
}

static char *copy(const void *s, size_t max)
{
	return text("%.*s", (int)strnlen(s, max), (const char *)s);
}

static void set(char **what, char *to)
{
	free(*what);
	*what = to;
}

// pax: "LENGTH KEY=VALUE\n" again and again.
static void read_pax(struct said *said, const char *p, size_t left)
{
	while (left) {
		char *end;
		unsigned long len = strtoul(p, &end, 10);
		size_t head = (size_t)(end - p) + 1;
		if (len <= head || len > left || *end != ' ' || p[len - 1] != '\n')
			return;
		const char *key = p + head, *value = memchr(key, '=', len - head);
		if (value) {
			value++;
			size_t n = (size_t)(p + len - 1 - value);
			if (!strncmp(key, "path=", 5))
				set(&said->name, copy(value, n));
			else if (!strncmp(key, "linkpath=", 9))
				set(&said->link, copy(value, n));
			else if (!strncmp(key, "size=", 5))
				said->sized = true, said->size = strtoull(value, NULL, 10);
			else if (!strncmp(key, "mtime=", 6))
				said->timed = true, said->mtime = strtoll(value, NULL, 10);
		}
		p += len;
		left -= len;
	}
}

static void add(struct entry *root, const char *archive, const struct header *h, const struct said *said, char *name,
		const uint8_t *data, uint64_t size)
{
	uint64_t mode, uid, gid, mtime;
	if (!number(h->mode, sizeof(h->mode), &mode) || !number(h->uid, sizeof(h->uid), &uid) ||
	    !number(h->gid, sizeof(h->gid), &gid) || !number(h->mtime, sizeof(h->mtime), &mtime))
		fail("%s: the entry %s is damaged", archive, name);
	if (h->type && !strchr("01257", h->type)) {
		fprintf(stderr, "whelk: build: %s is left out: it is no file, directory or link\n", name);
		return;
	}
	struct entry *e = tree_path(root, name, true, false), *same = NULL;
	char *link = said->link ? text("%s", said->link) : copy(h->link, sizeof(h->link));
	if (h->type == '1') {
		same = tree_path(root, link, false, false);
		if (!same || !S_ISREG(same->mode))
			fail("%s: %s is a hard link to %s, which is not there before it", archive, name, link);
		same = same->same ? same->same : same;
	}
	if (!e || (e != root && e->children && h->type != '5'))
		fail("%s: %s is there twice, as a file and as a directory", archive, name);
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	e->mtime = said->timed ? said->mtime : (int64_t)mtime;
	e->data = NULL;
	set(&e->link, NULL);
	e->same = same == e ? NULL : same;
	e->mode = (uint32_t)mode & 07777;
	e->mode |= h->type == '5' ? S_IFDIR : h->type == '2' ? S_IFLNK : S_IFREG;
	if (h->type == '2') {
		e->link = text("%s", link);
		e->size = strlen(link);
		if (!e->size || e->size >= PATH_MAX)
			fail("%s: the link %s leads nowhere", archive, name);
	} else if (same) {
		e->size = same->size;
		e->data = same->data;
	} else if (h->type != '5') {
		e->size = size;
		e->data = data;
	}
	free(link);
}

void tar_add(struct entry *root, const char *archive, const uint8_t *data, size_t size)
{
	struct said said = {0};
	size_t at = 0;
	while (at + BLOCK <= size && data[at]) {
		const struct header *h = (const struct header *)(data + at);
		uint64_t len;
		if (!sum_is_right(h) || !number(h->size, sizeof(h->size), &len))
			fail("%s: it is damaged at byte %zu", archive, at);
		if (said.sized && h->type != 'x' && h->type != 'g')
			len = said.size;
		if (strchr("12345", h->type) && h->type)
			len = 0;
		at += BLOCK;
		if (len > size - at)
			fail("%s: it is cut off inside an entry of %lu bytes", archive, (unsigned long)len);
		const uint8_t *body = data + at;
		if (h->type == 'x') {
			char *pax = xrealloc(NULL, len + 1, 1); // terminated, for strtoul
			memcpy(pax, body, len);
			pax[len] = 0;
			read_pax(&said, pax, len);
			free(pax);
		} else if (h->type == 'L') {
			set(&said.name, copy(body, len));
		} else if (h->type == 'K') {
			set(&said.link, copy(body, len));
		} else if (h->type != 'g') {
			char *name = said.name ? text("%s", said.name)
				     : *h->prefix && !memcmp(h->magic, "ustar", 6)
					     ? text("%.155s/%.100s", h->prefix, h->name)
					     : copy(h->name, sizeof(h->name));
			add(root, archive, h, &said, name, body, len);
			free(name);
			set(&said.name, NULL);
			set(&said.link, NULL);
			said = (struct said){0};
		}
		at += (len + BLOCK - 1) / BLOCK * BLOCK;
		if (at > size)
			fail("%s: it is cut off", archive);
	}
	set(&said.name, NULL);
	set(&said.link, NULL);
}
