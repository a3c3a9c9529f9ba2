// SPDX-License-Identifier: MIT
//
// A network card for the guest (abi/link.h) whose other end is a tap interface of the host's: one thread carries frames
// between the two queues and the interface. They are read and written where they lie in guest memory. Their heads are
// checked; what else is in them is for the host's kernel to judge.
#ifndef WHELK_MONITOR_DEV_TAP_H
#define WHELK_MONITOR_DEV_TAP_H

#include <stdbool.h>

#include "abi/boot.h"

struct memory;
struct tap;

struct tap_config {
	struct memory *memory;
	struct abi_queue tx, rx;
	int fd;			  // tap_open(); the caller's to close
	uint32_t spin_ns;	  // how long its thread looks for work before it sleeps, at most
	void (*event)(void *arg); // there is news in rx; no answer is needed
	bool (*idle)(void *arg);  // some CPU of the guest sleeps
	int (*enter)(void *arg);  // on the thread, before anything else: 0, or it ends
	void *arg;
};

// Attaches to the interface, or makes it if there is none and that is allowed; fills mac and mtu of *link.
// A descriptor, or -errno after a message.
int tap_open(const char *name, struct abi_link *link);

int tap_create(struct tap **out, const struct tap_config *config);
int tap_start(struct tap *t);
void tap_notify(struct tap *t); // the guest rang; from any thread
int tap_wake_fd(const struct tap *t); // an eventfd that does as tap_notify()
void tap_destroy(struct tap *t);

#endif
