// SPDX-License-Identifier: MIT
//
// The socket layer: what a protocol family implements, and what it finds here. Everything that comes from the
// program (addresses, options, control messages) is copied and bounded before a family sees it.
#ifndef WHELK_SOCKET_H
#define WHELK_SOCKET_H

#include <asm/fcntl.h>
#include <asm/socket.h>
#include <linux/errno.h>

#include "base/string.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "poll/poll.h"
#include "sched/sched.h"
#include "vfs/vfs.h"

// What only the C library's headers have.
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
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
#define MSG_ERRQUEUE	0x2000
#define MSG_NOSIGNAL	0x4000
#define MSG_MORE	0x8000
#define MSG_WAITFORONE	0x10000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SHUT_RD		0
#define SHUT_WR		1
#define SHUT_RDWR	2

#define SOCKET_ADDRESS_MAX 128	  // struct sockaddr_storage
#define SOCKET_BUFFER	   212992 // net.core.wmem_default, rmem_default

struct socket_address {
	unsigned len; // 0: none
	union {
		uint16_t family;
		char bytes[SOCKET_ADDRESS_MAX];
	};
};

struct socket_credentials { // struct ucred
	int pid;
	uint32_t uid, gid;
};

// Control messages on their way to the program: struct cmsghdr.
struct socket_control {
	char *at; // USER; NULL: it wants none
	size_t left;
	bool cut; // MSG_CTRUNC
};

struct socket_io { // a send or receive
	struct iter it;
	unsigned flags;	    // MSG_* of the program
	unsigned out_flags; // MSG_* for it
	bool nonblock;
	struct socket_address address; // where to; of whom it came
	struct socket_control control;
	// SCM_RIGHTS, SCM_CREDENTIALS: what goes along
	struct file **file;
	unsigned files;
	bool has_cred;
	struct socket_credentials cred;
};

// What waits to be read: a datagram, or a piece of a stream.
struct socket_packet {
	struct list link;
	size_t len, off; // bytes of data; of those, read already
	char *data;	 // behind this struct, or in `block`
	void *block;	 // freed with it; NULL: none
	struct file **file; // each with a reference
	unsigned files;
	bool has_cred;
	struct socket_credentials cred;
	void (*taken)(struct socket_packet *p); // of the sender: it is read, or thrown away; may be NULL
	void *owner;				// its business
	unsigned from_len;			// the sender's address, 0: none
	char *from;
	char bytes[];
};

// An option's value, in kernel memory.
struct socket_option {
	unsigned len;
	union {
		int value;
		char bytes[256];
	};
};

struct socket {
	const struct socket_ops *ops;
	int family, type, protocol;
	uint64_t ino;	 // of its inode; 0: not accepted yet
	bool shut_read, shut_write;
	int error;	 // SO_ERROR, positive
	uint64_t send_timeout_ns, receive_timeout_ns; // 0: none
	struct waitq read_q, write_q;
	struct list queue; // socket_packet, to be read
	size_t queued;	   // bytes of them
	struct mutex reading; // one reader copies at a time
	struct { // SO_*, as getsockopt tells them
		int reuse_address, reuse_port, keep_alive, broadcast, dont_route, out_of_band_inline, no_check, priority, mark, low_water,
			timestamp, timestamp_ns, busy_poll, pass_credentials, incoming_cpu, zero_copy, overflow, no_fcs, select_errors;
		int linger[2];
		uint64_t no_pacing; // the complement of SO_MAX_PACING_RATE
		int send_limit, receive_limit; // bytes
	} set;
};

// Whose name: of the last, that of a peer too that is gone again.
enum socket_name { NAME_OWN, NAME_PEER, NAME_ACCEPTED };

// 0, a count, or -errno. What is NULL does not exist in the family (-EOPNOTSUPP).
struct socket_ops {
	int (*bind)(struct socket *s, const struct socket_address *a);
	int (*connect)(struct socket *s, const struct socket_address *a, bool nonblock);
	int (*listen)(struct socket *s, unsigned backlog);
	int (*accept)(struct socket *s, bool nonblock, struct socket **out);
	int (*name)(struct socket *s, enum socket_name which, struct socket_address *out);
	int64_t (*send)(struct socket *s, struct socket_io *io);
	// Nothing is queued. 0: something may come. 1: nothing will, that is the end of the file. Or -errno.
	int (*drained)(struct socket *s);
	// More may be had than is queued: queues it, or moves it to `io` at once, when nothing is queued, and returns how
	// much; 0: look at the queue. May be NULL
	int64_t (*fetch)(struct socket *s, struct socket_io *io);
	void (*consumed)(struct socket *s, size_t bytes); // the queue is shorter; may be NULL
	int (*pair)(struct socket *a, struct socket *b); // socketpair(2)
	int (*shutdown)(struct socket *s, int how);
	unsigned (*poll)(struct socket *s); // EPOLL* now; the caller registered with both queues
	// SOL_SOCKET ones were stored already, and -ENOPROTOOPT says there is nothing more to do
	int (*set_option)(struct socket *s, int level, int name, const struct socket_option *o);
	int (*get_option)(struct socket *s, int level, int name, struct socket_option *o);
	int (*control)(struct socket *s, struct socket_io *io, int level, int type, const char *data, size_t len); // of sendmsg
	int (*ancillary)(struct socket *s, struct socket_io *io); // control messages of recvmsg, with socket_control_put()
	int64_t (*ioctl)(struct socket *s, unsigned cmd, uint64_t arg);
	void (*release)(struct socket *s); // the file is gone
};

// --- socket.c ---------------------------------------------------------------------------------------------------

typedef int (*socket_create_fn)(int type, int protocol, struct socket **out);
API void socket_register(int family, socket_create_fn create);
API void socket_init(struct socket *s SHARED, const struct socket_ops *ops SHARED, int family, int type, int protocol);
API int socket_create(int family, int type, int protocol, struct socket **out OUT(1));
// Takes the socket over, also on failure.
API int socket_open(struct socket *s SHARED, uint32_t flags, struct file **out OUT(1));
API struct socket *socket_of(struct file *f SHARED); // NULL: not a socket
API int socket_error(struct socket *s SHARED);	      // -errno once, then 0
API void socket_wake(struct socket *s SHARED, unsigned key); // readers and writers
// 0: look again. -EAGAIN: it may not wait, or the time is over. *deadline begins as TIME_NEVER.
API int socket_wait(struct waitq *q SHARED, bool nonblock, uint64_t timeout_ns, uint64_t *deadline INOUT(1));
API int64_t socket_broken(struct socket_io *io SHARED); // -EPIPE, and SIGPIPE unless the program does not want it
API void socket_files_put(struct file **file SHARED, unsigned count); // and frees the array

// --- queue.c ----------------------------------------------------------------------------------------------------------

// With room for `len` bytes and an address; not filled. NULL: no memory.
API struct socket_packet *socket_packet_new(size_t len, const struct socket_address *from IN(1));
// The same with the next bytes of `io`, and what goes along with them; -ENOBUFS, -EFAULT. A stream's may be shorter. May sleep.
API int socket_packet_from(struct socket *s SHARED, struct socket_io *io SHARED, size_t len,
			   const struct socket_address *from IN(1), struct socket_packet **out OUT(1));
API void socket_packet_free(struct socket_packet *p SHARED);
API void socket_queue(struct socket *s SHARED, struct socket_packet *p SHARED); // wakes the readers
API void socket_append(struct socket *s SHARED, struct socket_packet *p SHARED); // the same, and wakes nobody
API void socket_purge(struct socket *s SHARED);
API int64_t socket_receive(struct socket *s SHARED, struct socket_io *io SHARED); // recvmsg(2) for every family

// --- control.c ----------------------------------------------------------------------------------------------------

API int socket_control_read(struct socket *s SHARED, struct socket_io *io SHARED, const void *control USER, size_t len);
API int socket_control_put(struct socket_io *io SHARED, int level, int type, const void *data IN(len), size_t len);
API int socket_control_put_scm(struct socket *s SHARED, struct socket_io *io SHARED);

// --- option.c -------------------------------------------------------------------------------------------------------

API int socket_set_option(struct socket *s SHARED, int level, int name, const void *val USER, unsigned len);
API int socket_get_option(struct socket *s SHARED, int level, int name, void *val USER, void *len USER);

#endif
