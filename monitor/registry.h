// SPDX-License-Identifier: MIT
//
// Machines with a name, and what is known of each: files in one directory of the user's, $XDG_RUNTIME_DIR/whelk,
// else /run/whelk (root) or /tmp/whelk-UID.
//
//   NAME.state  facts, written before the machine is jailed; its monitor holds a lock on it (fcntl(2), F_OFD_SETLK)
//   NAME.page   struct registry_page, which the monitor keeps mapped
//   NAME.log    what a background machine writes
//
// The lock alone says whether a machine is there: the host's kernel lets go of it however the monitor ends. A machine
// that is gone without having recorded its end was killed. One that never started its program, and one that has ended
// and was to be removed, does not exist: whoever comes by takes its files away.
#ifndef WHELK_MONITOR_REGISTRY_H
#define WHELK_MONITOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/boot.h"
#include "monitor/machine.h"
#include "monitor/options.h"

#define REGISTRY_MAGIC	  0x316567617077ull

// Written by stores alone, so that a jailed monitor needs no call for it.
struct registry_page {
	uint64_t magic;
	uint64_t started_ns;	// CLOCK_MONOTONIC when the program began; 0: it has not
	int64_t started, ended; // seconds since 1970, or 0
	int32_t status;		// once `ended` is set
	uint32_t pad;
	uint64_t exits[ABI_MAX_CPUS][MACHINE_EXITS];
};

struct registry_entry {
	char name[OPTIONS_NAME_MAX + 1];
	bool alive; // its monitor runs
	bool killed; // it ended without a word
	bool log, remove;
	pid_t pid, guest; // 0: not known (yet)
	int64_t created;
	uint64_t memory;
	unsigned cpus;
	int status; // -1: none yet
	const char *platform, *command, *json; // never NULL; of `text`
	struct registry_page page;
	char *text;
};

// The directory; without `create` -ENOENT says that there is none. Other failures come with a message.
int registry_open(bool create);

// The locked, empty state file of a new machine, open for reading and writing, and the name it got: `name`, or, if that
// is NULL, one made of `base`. What an ended machine of this name left is gone. -errno after a message.
int registry_claim(int dir, const char *name, const char *base, char got[OPTIONS_NAME_MAX + 1]);
// From then on `fd` may be closed: a descriptor that can only read keeps the lock. Or -errno.
int registry_hold(int dir, const char *name, int fd);
int registry_create(int dir, const char *name, const char *suffix, int flags); // a descriptor or -errno

// 0, or -ENOENT (no such machine; the others too come without a message).
int registry_read(int dir, const char *name, struct registry_entry *e);
void registry_free(struct registry_entry *e);
// All there are, oldest first. The number, or -errno after a message.
int registry_list(int dir, struct registry_entry **list);
void registry_list_free(struct registry_entry *list, int count);

// The monitor's process as pidfd_open(2) gives it, or -ESRCH: it is gone.
int registry_pidfd(int dir, const struct registry_entry *e);

// Keeps what is needed to tell how a machine ended, even if somebody removes it meanwhile. 0 or -ENOENT.
struct registry_watch {
	int pidfd; // readable when the machine has ended; -1: it has
	int page_fd, log_fd; // log_fd -1: none
};
int registry_watch(int dir, const char *name, struct registry_watch *w);
int registry_watch_status(const struct registry_watch *w);
void registry_watch_close(struct registry_watch *w);

// Takes an ended machine's files away. -EBUSY: it runs.
int registry_remove(int dir, const char *name);

#endif
