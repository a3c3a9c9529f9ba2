// SPDX-License-Identifier: MIT
//
// Making and freeing sockets of AF_INET and AF_INET6; the files of /proc/net about them.
#include "base/format.h"
#include "inet/private.h"

#define AF_COUNT 2

struct inet_socket *inet_new(const struct socket_ops *ops, int family, int type, int protocol)
{
	struct inet_socket *i = heap_new(struct inet_socket);
	if (!i)
		return NULL;
	socket_init(&i->s, ops, family, type, protocol);
	i->local.family = (uint16_t)family;
	list_init(&i->link);
	list_init(&i->backlog);
	list_init(&i->asked);
	list_init(&i->pending_link);
	inet_option_defaults(i);
	return i;
}

void inet_free(struct inet_socket *i)
{
	list_remove(&i->pending_link);
	inet_port_leave(i);
	socket_purge(&i->s);
	heap_free(i);
}

static int create(int family, int type, int protocol, struct socket **out)
{
	bool stream = type == SOCK_STREAM;
	if (type == SOCK_RAW)
		return -EPERM; // that takes CAP_NET_RAW, which nobody has here
	if (!stream && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol < 0 || protocol > 255)
		return -EINVAL;
	if (protocol && protocol != (stream ? IPPROTO_TCP : IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	struct inet_socket *i = inet_new(stream ? &inet_stream_ops : &inet_datagram_ops, family, type,
					 stream ? IPPROTO_TCP : IPPROTO_UDP);
	if (!i)
		return -ENOMEM;
	*out = &i->s;
	return 0;
}

static int create4(int type, int protocol, struct socket **out) { return create(AF_INET, type, protocol, out); }
static int create6(int type, int protocol, struct socket **out) { return create(AF_INET6, type, protocol, out); }

void inet_init(void)
{
	socket_register(AF_INET, create4);
	socket_register(AF_INET6, create6);
	socket_register(AF_NETLINK, inet_netlink_create);
}

// --- /proc/net --------------------------------------------------------------------------------------------------------

struct listing {
	struct text *t;
	bool stream, v6;
	unsigned count;
};

static void put_address(struct text *t, const struct abi_net_address *a, bool v6)
{
	uint32_t word[4] = {0};
	memcpy(word, a->ip, a->family == AF_INET ? 4 : 16);
	if (v6 && a->family == AF_INET) {
		word[3] = word[0];
		word[2] = word[3] ? 0xffff0000 : 0;
		word[0] = 0;
	}
	for (int n = 0; n < (v6 ? 4 : 1); n++)
		text_append(t, "%08X", word[n]);
	text_append(t, ":%04X ", a->port);
}

static void put_socket(struct inet_socket *i, void *arg)
{
	struct listing *l = arg;
	if (l->v6 != (i->s.family == AF_INET6))
		return;
	unsigned st = i->state == INET_LISTENS ? 10 : i->state == INET_CONNECTED ? 1 : i->state == INET_CONNECTING ? 2 : 7;
	text_append(l->t, "%4u: ", l->count++);
	put_address(l->t, &i->local, l->v6);
	put_address(l->t, &i->remote, l->v6);
	text_append(l->t, "%02X %08lX:%08lX 00:00000000 00000000     0        0 %lu 1 0000000000000000%s\n", st, i->sent,
		    i->state == INET_LISTENS ? i->pending : i->s.queued, i->s.ino, l->stream ? " 100 0 0 10 0" : " 0");
}

void inet_format_sockets(struct text *t, bool stream, bool v6)
{
	struct listing l = {t, stream, v6, 0};
	text_append(t, v6 ? "  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
			    "tm->when retrnsmt   uid  timeout inode\n"
			  : "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
	inet_port_each(stream ? SOCK_STREAM : SOCK_DGRAM, put_socket, &l);
}

void inet_format_dev(struct text *t)
{
	text_append(t, "Inter-|   Receive                                                |  Transmit\n"
		       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
		       "compressed\n");
	for (int n = 0; n < 2; n++)
		text_append(t, "%6s: %7lu %7lu    0    0    0     0          0         0 %8lu %7lu    0    0    0     0       0          0\n",
			    n ? "eth0" : "lo", n ? inet_link.received_bytes : 0, n ? inet_link.received : 0, n ? inet_link.sent_bytes : 0,
			    n ? inet_link.sent : 0);
}

void inet_format_route(struct text *t)
{
	uint32_t ip, gateway, mask = inet_link.prefix4 ? __builtin_bswap32(~0u << (32 - inet_link.prefix4)) : 0;
	memcpy(&ip, inet_link.ip4, 4);
	memcpy(&gateway, inet_link.gateway4, 4);
	text_append(t, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
	if (gateway)
		text_append(t, "eth0\t00000000\t%08X\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", gateway);
	text_append(t, "eth0\t%08X\t00000000\t0001\t0\t0\t0\t%08X\t0\t0\t0\n", ip & mask, mask);
}

void inet_format_if_inet6(struct text *t)
{
	text_append(t, "00000000000000000000000000000001 01 80 10 80       lo\n");
	for (unsigned n = 0; n < inet_link.count6; n++) {
		const uint8_t *ip = inet_link.ip6[n];
		for (int k = 0; k < 16; k++)
			text_append(t, "%02x", ip[k]);
		text_append(t, " 02 40 %02x 80     eth0\n", ip[0] == 0xfe ? 0x20 : 0);
	}
}
