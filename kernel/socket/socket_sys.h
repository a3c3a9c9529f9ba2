// SPDX-License-Identifier: MIT
//
// What the two files of socket system calls share.
#ifndef WHELK_SOCKET_SYS_H
#define WHELK_SOCKET_SYS_H

#include "socket/socket.h"

// The socket of fd with its file referenced; else *err: -EBADF or -ENOTSOCK.
struct socket *socket_get(int fd, struct file **f, long *err);
// Addresses from and to the program; `len` is its length's place.
int socket_address_get(struct socket_address *a, const void *addr USER, unsigned len);
int socket_address_put(const struct socket_address *a, void *addr USER, void *len USER);

// sendmsg(2) and recvmsg(2) of who copied the message and its vector itself; `h` gets what recvmsg(2) tells.
struct message_head { // struct msghdr
	void *name;
	int name_len;
	void *iov;
	size_t iov_count;
	void *control;
	size_t control_len;
	unsigned flags;
};
long socket_send_message(struct file *f, struct socket *s, const struct message_head *h, const struct iter_segment *iov, unsigned flags);
long socket_receive_message(struct file *f, struct socket *s, struct message_head *h, const struct iter_segment *iov, unsigned flags);
int socket_put_results(const struct message_head *h, struct message_head *user);

#endif
