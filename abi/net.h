// SPDX-License-Identifier: MIT
//
// Sockets of the host for the guest. The guest has no network card: its kernel keeps what stays inside (loopback), and
// asks the monitor to connect, listen and carry datagrams outside with the host's own sockets. Two virtqueues: what
// the guest asks lies in ABI_QUEUE_NET_TX, one buffer each, given back when it is done with; what the monitor tells
// goes into the buffers of ABI_QUEUE_NET_RX. Each begins with a struct abi_net; its data follows.
#ifndef WHELK_ABI_NET_H
#define WHELK_ABI_NET_H

#include <stdint.h>

#define ABI_NET_BUFFER (32u << 10) // bytes of a buffer, the head included; also of those in TX, at most
#define ABI_NET_WINDOW (256u << 10) // bytes of a stream the monitor tells before the guest gives credit
#define ABI_NET_ACCEPT 64u	    // connections of a listener that the program has not accepted

// In the used ring's flags of ABI_QUEUE_NET_TX, beside VRING_USED_F_NO_NOTIFY: the monitor will look by itself in a moment. A
// guest that runs lets it; one that goes to sleep rings for what it has put there since it rang last.
#define ABI_NET_NAPS 2u

#define ABI_NET_RESUME 2u // in the value of DATA, SHUTDOWN and CLOSE

// The guest's own addresses and what stands for the host: the defaults of user-mode networking everywhere.
#define ABI_NET_GUEST	0x0a00020fu // 10.0.2.15
#define ABI_NET_GATEWAY 0x0a000202u // 10.0.2.2: the host's loopback interface, where that is allowed
#define ABI_NET_DNS	0x0a000203u // 10.0.2.3, port 53: the host's name server

struct abi_net_address {
	uint16_t family; // AF_INET or AF_INET6; 0: none
	uint16_t port;	 // in the CPU's order
	uint32_t scope;	 // of IPv6: the interface
	uint8_t ip[16];	 // in the network's order; IPv4 has the first four
};
_Static_assert(sizeof(struct abi_net_address) == 24, "abi_net_address layout");

// A socket's number: a slot, and a generation that tells late news about its last user from news about this one.
#define ABI_NET_SLOT_BITS 18
#define ABI_NET_SLOTS	  (1u << ABI_NET_SLOT_BITS)
#define ABI_NET_BY_HOST	  (1u << 31) // it was accepted: the monitor chose the number

struct abi_net {
	uint32_t op;	 // ABI_NET_*
	uint32_t socket;
	uint32_t value;
	uint32_t len;	 // bytes behind this head
	struct abi_net_address a, b;
};
_Static_assert(sizeof(struct abi_net) == 64, "abi_net layout");

enum abi_net_op {
	// The guest asks. A socket is made by the first three and is gone after CLOSE or an ERROR of one of them.
	ABI_NET_CONNECT = 1, // a stream to `a`. Answered by CONNECTED or ERROR
	ABI_NET_LISTEN,	     // for streams to `a`, value: backlog. ACCEPTED follow; without a port that leads here, nothing does
	ABI_NET_BIND,	     // a datagram socket at `a`, which may have no port. value 1: it has no use for IPv4
	// Of a stream. It comes back with the number of bytes that were taken, which are the host's to send. Fewer than all:
	// the stream is full. Nothing more is taken then (SHUTDOWN and CLOSE neither; those come back with 1 when they are
	// done) before the guest has been told ROOM, all has come back, and the rest comes again, the first with
	// ABI_NET_RESUME. So what a peer does not read waits in the guest, and not in the queue.
	ABI_NET_DATA,	     // value 1: a guest that sleeps is to be woken when it is sent
	ABI_NET_DATAGRAM,    // to `a`
	ABI_NET_CREDIT,	     // value: bytes the program has read
	ABI_NET_TAKEN,	     // the program has accepted it
	ABI_NET_SHUTDOWN,    // no more data will come
	ABI_NET_CLOSE,	     // value 1: with a reset, at any time
	ABI_NET_OPTION,	     // value: ABI_NET_OPTION_*, a.scope: what to set it to
	ABI_NET_RELAY,	     // of a direct stream: the guest could not take its descriptor. Data is to be told after all

	// The monitor tells.
	// b.scope of these two, 1: the stream is direct. Its descriptor has been sent to the guest's process (abi/process.h),
	// which receives and sends by itself; neither DATA nor RECEIVED, END and ERROR come then. The process's
	// epoll says nothing of a stream before its message is in the queue.
	ABI_NET_CONNECTED = 32,
	ABI_NET_ACCEPTED, // value: the new socket; a: the peer, b: the local address
	ABI_NET_RECEIVED,	// data of a stream
	ABI_NET_CAME,		// a datagram from `a`; value: its whole length, if it was cut
	ABI_NET_END,		// the peer will send no more
	ABI_NET_ERROR,		// value: errno; a stream is broken, a datagram was refused
	ABI_NET_ROOM,		// the host can take more of a stream that was full
};

enum abi_net_option {
	ABI_NET_OPTION_NODELAY,
	ABI_NET_OPTION_KEEPALIVE,
	ABI_NET_OPTION_KEEPIDLE,
	ABI_NET_OPTION_KEEPINTVL,
	ABI_NET_OPTION_KEEPCNT,
	ABI_NET_OPTION_CORK,
	ABI_NET_OPTION_BROADCAST,
	ABI_NET_OPTION_USER_TIMEOUT,
	ABI_NET_OPTIONS,
};

#endif
