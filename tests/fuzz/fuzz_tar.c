// SPDX-License-Identifier: MIT
//
// The reader of archives (tools/build/tar.c): any bytes. Each file's contents lie in the archive, links are not empty, and
// an archive that is refused is refused by fail(), which would end whelk build and here comes back.
#include <sanitizer/allocator_interface.h>
#include <setjmp.h>
#include <string.h>

#include "tools/build/tree.h"

#define LIVE 65536

FILE *fuzz_nowhere;
static jmp_buf back;

void fuzz_exit(int status)
{
	(void)status;
	longjmp(back, 1);
}

// A refusal leaves what it had allocated, as the end of the process would take it: remembered, to be freed.
static void *volatile live[LIVE];
static volatile size_t count;
static volatile bool watching;

static void note(const volatile void *p, size_t size)
{
	(void)size;
	if (watching && count < LIVE)
		live[count++] = (void *)p;
}

static void forget(const volatile void *p)
{
	for (size_t i = count; watching && i-- > 0;)
		if (live[i] == p) {
			live[i] = live[--count];
			return;
		}
}

static void look(const struct entry *e, const uint8_t *data, size_t len)
{
	const struct entry *of = e->same ? e->same : e;
	if (S_ISREG(e->mode) && of->data && (of->data < data || of->data > data + len || e->size > (size_t)(data + len - of->data)))
		abort();
	if (S_ISLNK(e->mode) != !!e->link || (e->link && (!*e->link || strlen(e->link) != e->size)))
		abort();
	for (size_t i = 0; i < e->children; i++) {
		if (e->child[i]->parent != e || !*e->child[i]->name || strchr(e->child[i]->name, '/'))
			abort();
		look(e->child[i], data, len);
	}
}

// Sums are made right, or nothing but the first header would ever be looked at.
static void mend(uint8_t *data, size_t len)
{
	for (size_t at = 0; at + 512 <= len; at += 512) {
		unsigned sum = 0;
		if (memcmp(data + at + 257, "ustar", 5) != 0)
			continue;
		for (size_t i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? ' ' : data[at + i];
		snprintf((char *)data + at + 148, 8, "%06o", sum);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1); // of exactly this size: the sanitizer sees one byte too many
	memcpy(copy, data, len);
	mend(copy, len);
	if (!fuzz_nowhere) {
		fuzz_nowhere = fopen("/dev/null", "w");
		if (!__sanitizer_install_malloc_and_free_hooks(note, forget))
			abort();
	}
	watching = true;
	if (tar_is(copy, len) && !setjmp(back)) {
		struct entry *root = tree_new();
		tar_add(root, "fuzz", copy, len);
		tree_sort(root);
		look(root, copy, len);
	}
	watching = false;
	while (count)
		free(live[--count]);
	free(copy);
	return 0;
}
