// SPDX-License-Identifier: MIT
//
// Connected pairs of AF_UNIX sockets, as socketpair(2) makes them: stream, datagram, sequenced packets.
#ifndef WHELK_UNIX_PRIVATE_H
#define WHELK_UNIX_PRIVATE_H

#include <asm/fcntl.h>
#include <asm/socket.h>
#include <linux/errno.h>

#include "base/string.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "vfs/vfs.h"

// What only the C library's headers have.
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_SEQPACKET	5
#define SOCK_CLOEXEC	O_CLOEXEC
#define SOCK_NONBLOCK	O_NONBLOCK
#define MSG_OOB		0x1
#define MSG_PEEK	0x2
#define MSG_CTRUNC	0x8
#define MSG_TRUNC	0x20
#define MSG_DONTWAIT	0x40
#define MSG_EOR		0x80
#define MSG_WAITALL	0x100
#define MSG_NOSIGNAL	0x4000
#define MSG_WAITFORONE	0x10000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SCM_RIGHTS	1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD	253

struct unix_credentials { // struct ucred
	int pid;
	uint32_t uid, gid;
};

struct unix_message {
	struct list link;
	struct file **file; // each with a reference
	unsigned files;
	struct unix_credentials cred;
	size_t len, off;
	char data[];
};

struct unix_socket {
	int type;
	uint32_t refs;	  // its file, and the peer's pointer
	struct unix_socket *peer; // with a reference; NULL: none
	bool open;	  // its file is
	bool shut_read, shut_write;
	bool pass_credentials;
	struct list queue; // messages to read
	size_t bytes;
	size_t limit;	  // bytes its peer may have queued here
	uint64_t send_timeout_ns, receive_timeout_ns; // 0: none
	struct unix_credentials cred; // of who made it
	struct waitq read_q, write_q;
};

struct unix_io { // a send or receive
	struct iter it;
	unsigned flags; // MSG_*
	bool nonblock;
	struct file **file; // descriptors to pass, or received
	unsigned files;
	struct unix_credentials cred;
	unsigned out_flags; // MSG_TRUNC
};

extern const struct file_ops unix_socket_ops;
struct unix_socket *unix_of(struct file *f); // NULL: not a socket
int unix_create_pair(int type, struct file *out[2], uint32_t flags);
int64_t unix_send(struct unix_socket *s, struct unix_io *io);
int64_t unix_receive(struct unix_socket *s, struct unix_io *io);
int unix_shutdown(struct unix_socket *s, int how);
int unix_set_option(struct unix_socket *s, int level, int name, const void *val, unsigned len);
int unix_get_option(struct unix_socket *s, int level, int name, void *val, void *len);
void unix_files_put(struct file **file, unsigned count); // and frees the array

#endif
