// SPDX-License-Identifier: MIT
//
// Reading a program in one file (abi/app.h). After app_open() every number of head and index has been checked, in a
// copy of the monitor's own; contents of files are read from the file when they are asked for.
#ifndef WHELK_MONITOR_APP_H
#define WHELK_MONITOR_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/app.h"

struct app {
	int fd;
	struct app_head head;
	struct app_node *node; // head.nodes of them, then the text
	const char *text;
};

bool app_is(int fd); // it begins like one
// 0, or -errno with one sentence in `why`. The app owns fd from a success on.
int app_open(struct app *a, int fd, char *why, size_t size);
void app_close(struct app *a);
// The kernel for platform ABI_PLATFORM_*, checked and allocated; NULL with a sentence.
void *app_kernel(const struct app *a, unsigned platform, size_t *len, char *why, size_t size);
int app_check_data(const struct app *a, char *why, size_t size); // the hash of all contents

// The child of directory `dir` with this name: its number, or 0.
uint32_t app_lookup(const struct app *a, uint32_t dir, const char *name);
// A guest path, links followed: its number, or -errno.
int64_t app_find(const struct app *a, const char *path);
// The pointers of a list, NULL at the end, allocated.
char **app_list(const struct app *a, struct app_list list);

// The parts of app_open(), for bytes from anywhere.
int app_check_head(const struct app_head *h, uint64_t file_size, char *why, size_t size);
int app_check_index(const struct app *a, char *why, size_t size);

#endif
