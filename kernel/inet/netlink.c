// SPDX-License-Identifier: MIT
//
// NETLINK_ROUTE, as far as getifaddrs(3) and getaddrinfo(3) ask: lists of links, addresses and routes, rtnetlink(7).
// Nothing can be changed.
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "inet/interface.h"
#include "inet/private.h"
#include "proc/process.h"

#define REQUEST_MAX 4096
#define REPLY_MAX   2048

struct netlink_socket {
	struct socket s;
	uint32_t port;
};

struct reply {
	char *data;
	size_t len;
	uint32_t seq, port;
	struct nlmsghdr *head; // of the message being written
};

static void *put(struct reply *r, const void *data, size_t len)
{
	char *at = r->data + r->len;
	size_t room = NLMSG_ALIGN(len);
	if (r->len + room > REPLY_MAX) // the few interfaces there are fit
		return NULL;
	memset(at, 0, room);
	if (data)
		memcpy(at, data, len);
	r->len += room;
	return at;
}

static void begin(struct reply *r, uint16_t type, const void *body, size_t len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_MULTI, .nlmsg_seq = r->seq, .nlmsg_pid = r->port};
	r->head = put(r, &h, sizeof h);
	put(r, body, len);
}

static void attribute(struct reply *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr a = {.rta_len = (uint16_t)(sizeof a + len), .rta_type = type};
	put(r, &a, sizeof a);
	put(r, data, len);
}

static void end(struct reply *r)
{
	r->head->nlmsg_len = (uint32_t)(r->data + r->len - (char *)r->head);
}

static const char *const name[2] = {"lo", "eth0"};

static void links(struct reply *r)
{
	static const uint8_t none[6];
	for (int n = 0; n < 2; n++) {
		struct ifinfomsg m = {.ifi_type = n ? ARPHRD_ETHER : ARPHRD_LOOPBACK,
				      .ifi_index = n + 1,
				      .ifi_flags = IFF_UP | IFF_RUNNING | IFF_LOWER_UP | (n ? IFF_BROADCAST | IFF_MULTICAST : IFF_LOOPBACK)};
		uint32_t mtu = n ? (uint32_t)inet_link.mtu : 65536;
		uint8_t up = 6; // IF_OPER_UP
		begin(r, RTM_NEWLINK, &m, sizeof m);
		attribute(r, IFLA_IFNAME, name[n], strlen(name[n]) + 1);
		attribute(r, IFLA_MTU, &mtu, sizeof mtu);
		attribute(r, IFLA_OPERSTATE, &up, 1);
		attribute(r, IFLA_ADDRESS, n ? inet_link.mac : none, 6);
		end(r);
	}
}

static void address(struct reply *r, int at, bool v6, const uint8_t *ip, uint8_t prefix)
{
	size_t len = v6 ? 16 : 4;
	bool local = v6 && ip[0] == 0xfe;
	struct ifaddrmsg m = {.ifa_family = v6 ? AF_INET6 : AF_INET,
			      .ifa_prefixlen = prefix,
			      .ifa_flags = IFA_F_PERMANENT,
			      .ifa_scope = local ? RT_SCOPE_LINK : at ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST,
			      .ifa_index = (uint32_t)at + 1};
	begin(r, RTM_NEWADDR, &m, sizeof m);
	attribute(r, IFA_ADDRESS, ip, len);
	if (!v6) {
		uint8_t broadcast[4];
		for (int n = 0; n < 4; n++)
			broadcast[n] = (uint8_t)(ip[n] | (prefix < 32 ? ~0u >> prefix : 0) >> (24 - 8 * n));
		attribute(r, IFA_LOCAL, ip, len);
		if (at)
			attribute(r, IFA_BROADCAST, broadcast, 4);
		attribute(r, IFA_LABEL, name[at], strlen(name[at]) + 1);
	}
	end(r);
}

static void addresses(struct reply *r, uint8_t family)
{
	static const uint8_t loopback4[4] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};
	if (family != AF_INET6) {
		address(r, 0, false, loopback4, 8);
		address(r, 1, false, inet_link.ip4, inet_link.prefix4);
	}
	if (family && family != AF_INET6)
		return;
	address(r, 0, true, loopback6, 128);
	for (unsigned n = 0; n < inet_link.count6; n++)
		address(r, 1, true, inet_link.ip6[n], 64);
}

static void routes(struct reply *r, uint8_t family)
{
	uint32_t out = 2;
	struct rtmsg m = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
			  .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
	if (family && family != AF_INET)
		return;
	begin(r, RTM_NEWROUTE, &m, sizeof m);
	attribute(r, RTA_GATEWAY, inet_link.gateway4, 4);
	attribute(r, RTA_OIF, &out, sizeof out);
	end(r);
}

static void answer(struct reply *r, const struct nlmsghdr *h, uint8_t family)
{
	int zero = 0;
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		links(r);
		break;
	case RTM_GETADDR:
		addresses(r, family);
		break;
	case RTM_GETROUTE:
		routes(r, family);
		break;
	default: {
		struct nlmsgerr e = {.error = h->nlmsg_type < RTM_BASE ? -EOPNOTSUPP : -EPERM, .msg = *h};
		begin(r, NLMSG_ERROR, &e, sizeof e);
		r->head->nlmsg_flags = 0;
		end(r);
		return;
	}
	}
	begin(r, NLMSG_DONE, &zero, sizeof zero);
	end(r);
}

static struct netlink_socket *netlink_of(struct socket *s) { return container_of(s, struct netlink_socket, s); }

static void put_name(uint32_t port, struct socket_address *out)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = port};
	out->len = sizeof a;
	memcpy(out->bytes, &a, sizeof a);
}

static void take_port(struct netlink_socket *n)
{
	static uint32_t next;
	if (!n->port)
		n->port = next++ ? 0x80000000u + next : (uint32_t)process_current()->pid;
}

static int64_t send(struct socket *s, struct socket_io *io)
{
	struct netlink_socket *n = netlink_of(s);
	size_t len = io->it.left;
	struct socket_address kernel;
	union {
		struct nlmsghdr head;
		char bytes[sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg)];
	} q = {0};
	if (len > REQUEST_MAX)
		return -EMSGSIZE;
	if (len < sizeof q.head + 1)
		return (int64_t)len;
	if (iter_read(&io->it, &q, MIN(len, sizeof q)) < 0)
		return -EFAULT;
	take_port(n);
	put_name(0, &kernel);
	struct socket_packet *p = socket_packet_new(REPLY_MAX, &kernel);
	if (!p)
		return -ENOBUFS;
	struct reply r = {.data = p->data, .seq = q.head.nlmsg_seq, .port = n->port};
	answer(&r, &q.head, (uint8_t)q.bytes[sizeof q.head]);
	p->len = r.len;
	socket_queue(s, p);
	return (int64_t)len;
}

static int bind(struct socket *s, const struct socket_address *at)
{
	const struct sockaddr_nl *a = (const void *)at->bytes;
	if (at->len < sizeof *a || a->nl_family != AF_NETLINK)
		return -EINVAL;
	netlink_of(s)->port = a->nl_pid;
	take_port(netlink_of(s));
	return 0;
}

static int connect(struct socket *s, const struct socket_address *at, bool nonblock)
{
	(void)at, (void)nonblock;
	take_port(netlink_of(s));
	return 0;
}

static int get_name(struct socket *s, enum socket_name peer, struct socket_address *out)
{
	put_name(peer ? 0 : netlink_of(s)->port, out);
	return 0;
}

static int drained(struct socket *s)
{
	(void)s;
	return 0;
}

static unsigned poll(struct socket *s)
{
	return EPOLLOUT | EPOLLWRNORM | (list_empty(&s->queue) ? 0 : EPOLLIN | EPOLLRDNORM);
}

static int set_option(struct socket *s, int level, int option, const struct socket_option *o)
{
	(void)s, (void)option, (void)o;
	return level == 270 /* SOL_NETLINK */ ? 0 : -ENOPROTOOPT;
}

static void release(struct socket *s)
{
	socket_purge(s);
	heap_free(netlink_of(s));
}

static const struct socket_ops ops = {
	.bind = bind,
	.connect = connect,
	.name = get_name,
	.send = send,
	.drained = drained,
	.poll = poll,
	.set_option = set_option,
	.release = release,
};

int inet_netlink_create(int type, int protocol, struct socket **out)
{
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	struct netlink_socket *n = heap_new(struct netlink_socket);
	if (!n)
		return -ENOMEM;
	socket_init(&n->s, &ops, AF_NETLINK, SOCK_DGRAM, protocol);
	*out = &n->s;
	return 0;
}
