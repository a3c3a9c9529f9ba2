// SPDX-License-Identifier: MIT
//
// The carrier: asked in the words of abi/net.h, answered by lwIP at once or when frames come.
#define COMPONENT "inet"
#include "debug/debug.h"
#include "inet/lwip/private.h"

static bool is_stream(const struct inet_socket *i) { return i->s.type == SOCK_STREAM; }

static int open(struct inet_socket *i)
{
	if (!lwip_link_up())
		return -ENETUNREACH;
	int err = is_stream(i) ? lwip_stream_open(i) : lwip_datagram_open(i);
	if (!err)
		i->id = 1;
	return err;
}

static void ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a)
{
	if (is_stream(i))
		lwip_stream_ask(i, op, value, a);
	else if (op == ABI_NET_BIND)
		lwip_datagram_bind(i, a);
	lwip_done();
}

static int send(struct inet_socket *i, enum abi_net_op op, struct socket_io *io, size_t len,
		const struct abi_net_address *to)
{
	int n = op == ABI_NET_DATAGRAM ? lwip_datagram_send(i, io, len, to) : lwip_stream_send(i, io, len);
	lwip_done();
	return n;
}

static void close(struct inet_socket *i, bool reset)
{
	if (i->carried && is_stream(i))
		lwip_stream_close(i, reset);
	else if (i->carried)
		lwip_datagram_close(i);
	i->carried = NULL;
	i->id = 0;
	lwip_done();
}

static const struct inet_carrier carrier = {
	.open = open,
	.ask = ask,
	.send = send,
	.close = close,
	.poll = lwip_link_poll,
	.unsent = lwip_stream_unsent,
};

const struct inet_carrier *inet_lwip_start(void)
{
	int err = lwip_link_start();
	if (err)
		debug_notice("no network: error %d", -err);
	return err ? NULL : &carrier;
}
