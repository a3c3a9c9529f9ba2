// SPDX-License-Identifier: MIT
//
// The reader of images (monitor/app.c): any head, any index. What it accepts must be safe to walk: every file is looked
// up by its path, and links end. Hashes would keep the fuzzer out, so the two checks are called without them.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "monitor/app.h"

// Input: a head, nodes, texts; sizes follow from its length.
static bool make(struct app *a, const uint8_t *data, size_t len)
{
	if (len < sizeof(a->head))
		return false;
	memcpy(&a->head, data, sizeof(a->head));
	size_t rest = len - sizeof(a->head), nodes = a->head.nodes % 64 + 1;
	if (rest < nodes * sizeof(*a->node))
		return false;
	a->head.nodes = (uint32_t)nodes;
	a->head.text_size = rest - nodes * sizeof(*a->node);
	a->node = malloc(rest ? rest : 1); // of exactly this size: the sanitizer sees one byte too many
	memcpy(a->node, data + sizeof(a->head), rest);
	a->text = (const char *)(a->node + nodes);
	return true;
}

static void walk(const struct app *a)
{
	for (uint32_t n = 1; n < a->head.nodes; n++) {
		const struct app_node *x = &a->node[n];
		if (app_lookup(a, x->parent, a->text + x->name) != n)
			abort(); // each can be found, and by its own name
		unsigned deep = 0;
		for (uint32_t up = n; up; up = a->node[up].parent)
			if (++deep > a->head.nodes)
				abort(); // a cycle
		if (S_ISLNK(x->mode))
			app_find(a, a->text + x->at);
		if (S_ISREG(x->mode) && x->at + x->size > a->head.data.size)
			abort();
	}
	app_find(a, a->text + a->head.exec);
	app_find(a, a->text + a->head.cwd);
	free(app_list(a, a->head.argv));
	free(app_list(a, a->head.env));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct app a = {.fd = -1};
	struct app_head head = {0};
	char why[200] = "";
	memcpy(&head, data, len < sizeof(head) ? len : sizeof(head));
	if (!app_check_head(&head, head.file_size, why, sizeof(why)) == !!*why)
		abort(); // a reason for each refusal and only for those
	if (!make(&a, data, len))
		return 0;
	*why = '\0';
	if (!app_check_index(&a, why, sizeof(why)))
		walk(&a);
	else if (!*why)
		abort();
	free(a.node);
	return 0;
}
