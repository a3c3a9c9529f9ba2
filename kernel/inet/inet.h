// SPDX-License-Identifier: MIT
//
// The families AF_INET and AF_INET6, and what AF_NETLINK tells about their interfaces: ip(7), tcp(7), udp(7). What
// stays in the machine goes from socket to socket; the rest is the monitor's (abi/net.h).
#ifndef WHELK_INET_H
#define WHELK_INET_H

#include <stdbool.h>

#include "base/api.h"

struct text;

void inet_init(void);		   // boot, after the heap
void inet_start(void);		   // before the first program; may sleep
void inet_finish(void);		   // the program's sockets are closed: until what they sent has arrived, for a moment
API void inet_queue_event(void);   // ABI_EVENT_QUEUE was taken
API bool inet_poll_queues(void);   // takes what the monitor told; whether there was something

// /proc/net/*
API void inet_format_sockets(struct text *t SHARED, bool stream, bool v6);
API void inet_format_dev(struct text *t SHARED);
API void inet_format_route(struct text *t SHARED);
API void inet_format_if_inet6(struct text *t SHARED);

#endif
