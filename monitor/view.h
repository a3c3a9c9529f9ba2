// SPDX-License-Identifier: MIT
//
// What the machine shows of the host, looked at from the host: guest paths are opened as the guest will see them.
#ifndef WHELK_MONITOR_VIEW_H
#define WHELK_MONITOR_VIEW_H

#include <limits.h>

#include "monitor/machine.h"
#include "monitor/options.h"

struct view {
	struct machine_mount mount[ABI_MAX_MOUNTS]; // 0: the root
	unsigned mount_count;
	char cwd[PATH_MAX], program[PATH_MAX]; // guest paths
	const struct app *app; // the image that is the root; or NULL
	const char *interp, *libc; // of --libc=fast: the interpreter, and what stands in for it; or NULL
};

// The root is the host's, or `app`.
int view_open(struct view *v, const struct options *o, const struct app *app); // 0, or -errno after a message
void view_close(struct view *v);
// A new descriptor for a guest path, or -1 and errno. Links stay inside their mount.
int view_open_path(const struct view *v, const char *path, uint64_t flags);
// The file system the kernel puts over this path ("/tmp", "/proc", ...), so that the host's is not seen; or NULL.
const char *view_hidden(const struct view *v, const char *path);

// 0, or the exit status after a message.
int view_choose_cwd(struct view *v, const struct options *o);
int view_find_program(struct view *v, const struct options *o);
int view_choose_libc(struct view *v, const struct options *o); // after the program was found

#endif
