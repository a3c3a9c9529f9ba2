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

#endif
