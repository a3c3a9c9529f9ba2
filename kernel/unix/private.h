// SPDX-License-Identifier: MIT
//
// A socket of AF_UNIX, and the names it may have.
#ifndef WHELK_UNIX_PRIVATE_H
#define WHELK_UNIX_PRIVATE_H

#include "socket/socket.h"
#include "unix/unix.h"

enum unix_state { UNIX_IDLE, UNIX_LISTENS, UNIX_CONNECTED };

struct unix_socket {
	struct socket s;
	struct list link; // all of them
	uint32_t refs;	  // its file, those who point at it as their peer, packets on their way that it sent
	enum unix_state state;
	bool open;		  // its file is; or it waits to be accepted
	struct unix_socket *peer; // with a reference; NULL: none. Datagrams: where they go
	struct socket_address name; // len 0: none
	struct inode *inode;	  // of a name in the file system, with a reference
	size_t sent;		  // bytes of its own that wait at others
	struct list backlog;	  // connections nobody accepted yet, by pending_link
	struct list pending_link;
	unsigned pending, backlog_max;
	struct socket_credentials cred, peer_cred;
};

static inline struct unix_socket *unix_of(struct socket *s) { return container_of(s, struct unix_socket, s); }

extern struct list unix_all;
void unix_get(struct unix_socket *u);
void unix_put(struct unix_socket *u);

// name.c
int unix_bind(struct socket *s, const struct socket_address *a);
int unix_autobind(struct unix_socket *u);
// Who has that name, with a reference: -ECONNREFUSED, -EPROTOTYPE, and what looking up a path says.
int unix_find(const struct socket_address *a, int type, struct unix_socket **out);
void unix_unname(struct unix_socket *u);

// connect.c
int unix_connect(struct socket *s, const struct socket_address *a, bool nonblock);
int unix_listen(struct socket *s, unsigned backlog);
int unix_accept(struct socket *s, bool nonblock, struct socket **out);
int unix_new(int type, struct unix_socket **out); // refs 1

// transfer.c
int64_t unix_send(struct socket *s, struct socket_io *io);

#endif
