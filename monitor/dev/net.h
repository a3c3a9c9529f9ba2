// SPDX-License-Identifier: MIT
//
// Sockets of the host for the guest (abi/net.h): one thread serves both queues and waits for the host's sockets. The
// guest never names a file descriptor, only numbers of its own; where it may connect to is decided in net_map.c.
#ifndef WHELK_MONITOR_DEV_NET_H
#define WHELK_MONITOR_DEV_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"

struct memory;
struct net;

#define NET_PORTS_MAX 64

struct net_port { // -p: a port of the host that leads to one of the guest
	struct sockaddr_storage host; // where to listen; port 0: any
	uint16_t guest;
	bool datagram;
	int fd; // net_port_open(); -1
};

struct net_config {
	struct memory *memory;
	struct abi_queue tx, rx;
	const struct net_port *port; // open
	unsigned port_count;
	bool host_loopback;	     // the guest may connect to the host's loopback interface
	void (*event)(void *arg);    // there is news in rx; no answer is needed
	bool (*idle)(void *arg);     // some CPU of the guest sleeps
	int (*enter)(void *arg);     // on the thread, before anything else: 0, or it ends
	void *arg;
	// Gives the guest a connected stream itself (abi/net.h: direct), lets it see what happens to it, and takes part of
	// it back; NULL: everything is relayed
	int (*pass)(void *arg, int fd, uint32_t id);
	int (*watch)(void *arg, int fd, uint32_t id);
	void (*keep)(void *arg, int fd);
	void *pass_arg;
};

// Takes the host's port, so that nobody else does; p->fd. When -errno, nothing is open. p->host then has the port.
int net_port_open(struct net_port *p);

int net_create(struct net **out, const struct net_config *config);
int net_start(struct net *n);
void net_notify(struct net *n);	 // the guest rang; from any thread
int net_wake_fd(const struct net *n); // an eventfd that does as net_notify()
void net_destroy(struct net *n); // sends what the guest had sent, for a moment
void net_finish(struct net *n);	 // that, if it had anything; for a process that ends

#endif
