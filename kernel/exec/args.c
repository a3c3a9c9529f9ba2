// SPDX-License-Identifier: MIT
//
// Argument and environment strings on their way from one program to the next.
#include <linux/errno.h>

#include "base/string.h"
#include "exec/private.h"
#include "mm/heap.h"

static int args_room(struct exec_args *a, size_t more)
{
	if (a->len + more > EXEC_STRINGS_MAX)
		return -E2BIG;
	if (a->len + more <= a->size)
		return 0;
	size_t size = MAX(a->size * 2, (size_t)4096);
	while (size < a->len + more)
		size *= 2;
	char *buf = heap_realloc(a->buf, size);
	if (!buf)
		return -ENOMEM;
	a->buf = buf;
	a->size = size;
	return 0;
}

int args_add(struct exec_args *a, const char *s, size_t len)
{
	int err = args_room(a, len + 1);
	if (err)
		return err;
	memcpy(a->buf + a->len, s, len);
	a->buf[a->len + len] = '\0';
	a->len += len + 1;
	return 0;
}

int args_add_user(struct exec_args *a, const char *s)
{
	for (size_t want = 256;; want *= 8) {
		int err = args_room(a, want);
		if (err && (err != -E2BIG || a->len + 256 > EXEC_STRINGS_MAX))
			return err;
		int64_t n = user_string(a->buf + a->len, s, MIN(a->size, (size_t)EXEC_STRINGS_MAX) - a->len);
		if (n >= EXEC_STRING_MAX)
			return -E2BIG;
		if (n >= 0) {
			a->len += (size_t)n + 1;
			return 0;
		}
		if (n != -ENAMETOOLONG)
			return (int)n;
		if (a->len + want >= EXEC_STRINGS_MAX)
			return -E2BIG;
	}
}

int args_prepend(struct exec_args *a, const char *s)
{
	size_t len = strlen(s) + 1;
	int err = args_room(a, len);
	if (err)
		return err;
	memmove(a->buf + len, a->buf, a->len);
	memcpy(a->buf, s, len);
	a->len += len;
	a->argc++;
	return 0;
}

void args_drop_first(struct exec_args *a)
{
	size_t len = strlen(a->buf) + 1;
	memmove(a->buf, a->buf + len, a->len - len);
	a->len -= len;
	a->argc--;
}

void args_free(struct exec_args *a)
{
	heap_free(a->buf);
	a->buf = NULL;
}
