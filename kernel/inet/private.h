// SPDX-License-Identifier: MIT
#ifndef WHELK_INET_PRIVATE_H
#define WHELK_INET_PRIVATE_H

#include "abi/net.h"
#include "inet/inet.h"
#include "socket/socket.h"

#define IPPROTO_IP   0
#define IPPROTO_TCP  6
#define IPPROTO_UDP  17
#define IPPROTO_IPV6 41

enum inet_state { INET_IDLE, INET_LISTENS, INET_CONNECTING, INET_CONNECTED, INET_CLOSED };

// Options that are only stored and told, option.c.
#define INET_OPTIONS 44

struct inet_socket {
	struct socket s;
	enum inet_state state;
	struct abi_net_address local, remote; // family 0: none. IPv4 inside IPv6 is kept as IPv4
	bool chose_address;   // bind(2) named the address
	struct list link;     // of its port's bucket
	uint32_t id;	      // at the monitor; 0: it does not know it
	bool remote_told;     // connect(2) has returned success
	bool broken;	      // it was connected: a reset, or an error like it, ended that
	struct inet_socket *peer; // the other end, if that is in this machine
	void *carried;	      // the carrier's
	bool corked;	      // likewise
	size_t sent;	      // bytes under way to the monitor
	struct list asked;    // of a relayed stream, in order, until they are done: relay.c
	unsigned under_way;   // of them
	bool full, room;      // the monitor took only a part; it has said that it can take more
	bool lingers;	      // it is closed and released, and its carrier frees it when all is sent
	bool direct;	      // the host's socket is `fd` here: direct.c
	bool may_receive, may_send, hangs_up, unsure; // of such a one: as far as is known
	int fd;
	uint64_t emptied;     // plat_streams()->serial() when it had nothing more
	bool no_space;	      // somebody waits to send
	size_t uncredited;    // bytes read since it was told last
	struct list backlog;  // of a listener, by pending_link
	struct list pending_link;
	struct inet_socket *listener; // whose backlog it is in
	unsigned pending, backlog_max;
	int option[INET_OPTIONS];
	bool reno; // TCP_CONGESTION, which the host decides
};

static inline struct inet_socket *inet_of(struct socket *s) { return container_of(s, struct inet_socket, s); }

// --- address.c --------------------------------------------------------------------------------------------------

enum inet_where { INET_ANY, INET_LOOPBACK, INET_OWN, INET_MULTICAST, INET_OUTSIDE };
// From the program: -EINVAL (too short), -EAFNOSUPPORT.
int inet_address_get(const struct inet_socket *i, const struct socket_address *from, struct abi_net_address *to);
void inet_address_put(const struct inet_socket *i, const struct abi_net_address *from, struct socket_address *to);
enum inet_where inet_where(const struct abi_net_address *a);
bool inet_same_ip(const struct abi_net_address *a, const struct abi_net_address *b);
struct abi_net_address inet_any(int family, uint16_t port);
// The machine's own address that something to `to` comes from.
struct abi_net_address inet_source(const struct abi_net_address *to);

// --- interface.c: lo and eth0 ------------------------------------------------------------------------------------

#define INET_ADDRESSES6 5 // of eth0

struct inet_link { // eth0, as far as it is told; what the relay has by default
	uint8_t mac[6];
	int mtu;
	uint8_t ip4[4], gateway4[4], prefix4;
	unsigned count6;
	uint8_t ip6[INET_ADDRESSES6][16];
	uint64_t received_bytes, received, sent_bytes, sent; // frames
};
extern struct inet_link inet_link;

// --- port.c -------------------------------------------------------------------------------------------------------

// Takes the port of `a`, or a free one if it has none: -EADDRINUSE. i->local is set.
int inet_port_take(struct inet_socket *i, const struct abi_net_address *a);
void inet_port_leave(struct inet_socket *i);
// Whom something from `from` to `to` is for: a listener, a datagram socket. NULL: nobody.
struct inet_socket *inet_port_find(int type, const struct abi_net_address *to, const struct abi_net_address *from);
// Another listener than `i` on its port, or NULL.
struct inet_socket *inet_port_sibling(struct inet_socket *i);
void inet_port_each(int type, void (*fn)(struct inet_socket *i, void *arg), void *arg);

// --- outside.c: to the outside, by one of the carriers -------------------------------------------------------------

// `i` is carried from now on (i->id is not 0) and is told what comes for it; -ENETUNREACH, -ENFILE, -ENOMEM.
int inet_outside_open(struct inet_socket *i);
void inet_outside_ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a);
// Sends up to `len` of the next bytes of `io`: how many, -EFAULT, -ENOBUFS, -EAGAIN (no room: wait on inet_outside_room).
// May sleep.
int inet_outside_send(struct inet_socket *i, enum abi_net_op op, struct socket_io *io, size_t len,
		      const struct abi_net_address *to);
void inet_outside_close(struct inet_socket *i, bool reset);
extern struct waitq inet_outside_room;

// What they do, in the words of abi/net.h. `sent` of a socket is its own to count.
struct inet_carrier {
	int (*open)(struct inet_socket *i);
	void (*ask)(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a);
	int (*send)(struct inet_socket *i, enum abi_net_op op, struct socket_io *io, size_t len, const struct abi_net_address *to);
	void (*close)(struct inet_socket *i, bool reset);
	bool (*poll)(void);   // takes what has come
	bool (*unsent)(void); // whether something that was sent is not at its peer yet; NULL: never
};
extern const struct inet_carrier inet_relay; // relay.c: the host's sockets
const struct inet_carrier *inet_lwip_start(void); // lwip/: its own, over frames; NULL: not in this kernel. May sleep

// --- direct.c: streams of the host's that are used without the monitor, where the platform has them -------------------

bool inet_direct_take(struct inet_socket *i); // the monitor has sent its descriptor; false: it could not be taken
void inet_direct_refuse(uint32_t id);	      // nobody wants it any more
void inet_direct_leave(struct inet_socket *i);
int64_t inet_direct_fetch(struct socket *s, struct socket_io *io); // socket_ops.fetch
// What could be sent of the next bytes of `io`; -EAGAIN (wait on write_q), -EPIPE, ... May sleep.
int64_t inet_direct_send(struct inet_socket *i, struct socket_io *io, bool more);
bool inet_direct_option(struct inet_socket *i, enum abi_net_option option, int value); // whether it is its affair
bool inet_direct_readable(struct inet_socket *i);
size_t inet_direct_queued(struct inet_socket *i); // bytes the host has
struct inet_socket *inet_relay_find(uint32_t id);

// --- stream.c, datagram.c -----------------------------------------------------------------------------------------

struct inet_socket *inet_new(const struct socket_ops *ops, int family, int type, int protocol); // NULL: no memory
void inet_free(struct inet_socket *i);
int inet_name(struct socket *s, enum socket_name which, struct socket_address *out);
void inet_wake(struct inet_socket *i);
extern const struct socket_ops inet_stream_ops, inet_datagram_ops;
int inet_netlink_create(int type, int protocol, struct socket **out);

// News of the monitor's.
void inet_stream_space(struct inet_socket *i); // less is under way
void inet_stream_connected(struct inet_socket *i);
// Who gets a connection that `told` was told of: others may share the port, or have it for the other family. Asked once for each.
struct inet_socket *inet_stream_target(struct inet_socket *told, const struct abi_net_address *local,
				       const struct abi_net_address *remote);
void inet_stream_accepted(struct inet_socket *to, struct inet_socket *i); // connected
void inet_stream_ended(struct inet_socket *i);
void inet_stream_failed(struct inet_socket *i, int error);
void inet_datagram_came(struct inet_socket *i, const struct abi_net_address *from, struct socket_packet *p);

// --- option.c -----------------------------------------------------------------------------------------------------

void inet_option_defaults(struct inet_socket *i);
int inet_option_set(struct socket *s, int level, int name, const struct socket_option *o);
int inet_option_get(struct socket *s, int level, int name, struct socket_option *o);
bool inet_option_v6only(const struct inet_socket *i);
void inet_option_tell(struct inet_socket *i); // the monitor, what was set before it knew the socket
int64_t inet_ioctl(struct socket *s, unsigned cmd, uint64_t arg);

#endif
