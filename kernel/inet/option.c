// SPDX-License-Identifier: MIT
//
// Options: tcp(7), ip(7), ipv6(7), udp(7). Those in the table are kept and told; some the monitor is told too, because
// its socket acts on them. What the host's own TCP decides (windows, congestion) is stored without effect.
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "inet/interface.h"
#include "inet/private.h"


enum { V6ONLY_ROW, TTL_ROW };

static const struct row {
	uint8_t level, name;
	uint8_t tell; // 1 + ABI_NET_OPTION_*; 0: nobody
	bool boolean;
	int normal, min, max;
} rows[] = {
	[V6ONLY_ROW] = {IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, 0, true, 0, 0, 0},
	[TTL_ROW] = {IPPROTO_IP, 2 /* IP_TTL */, 0, false, 64, -1, 255},
	{IPPROTO_TCP, TCP_NODELAY, 1 + ABI_NET_OPTION_NODELAY, true, 0, 0, 0},
	{IPPROTO_TCP, TCP_MAXSEG, 0, false, 536, 88, 32767},
	{IPPROTO_TCP, TCP_CORK, 1 + ABI_NET_OPTION_CORK, true, 0, 0, 0},
	{IPPROTO_TCP, TCP_KEEPIDLE, 1 + ABI_NET_OPTION_KEEPIDLE, false, 7200, 1, 32767},
	{IPPROTO_TCP, TCP_KEEPINTVL, 1 + ABI_NET_OPTION_KEEPINTVL, false, 75, 1, 32767},
	{IPPROTO_TCP, TCP_KEEPCNT, 1 + ABI_NET_OPTION_KEEPCNT, false, 9, 1, 127},
	{IPPROTO_TCP, TCP_SYNCNT, 0, false, 6, 1, 127},
	{IPPROTO_TCP, TCP_LINGER2, 0, false, 60, -0x7fffffff, 120},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, false, 0, 0, 0x7fffffff},
	{IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, false, 0, 0, 0x7fffffff},
	{IPPROTO_TCP, TCP_QUICKACK, 0, true, 1, 0, 0},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, 1 + ABI_NET_OPTION_USER_TIMEOUT, false, 0, 0, 0x7fffffff},
	{IPPROTO_TCP, TCP_FASTOPEN, 0, false, 0, 0, 0x7fffffff},
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, false, 0, 0, 1},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, false, 0, -0x7fffffff, 0x7fffffff},
	{IPPROTO_TCP, TCP_SAVE_SYN, 0, false, 0, 0, 2},
	{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 0, false, 0, 0, 1},
	{IPPROTO_UDP, UDP_NO_CHECK6_TX, 0, true, 0, 0, 0},
	{IPPROTO_UDP, UDP_NO_CHECK6_RX, 0, true, 0, 0, 0},
	{IPPROTO_UDP, UDP_GRO, 0, true, 0, 0, 0},
	{IPPROTO_IP, 1 /* IP_TOS */, 0, false, 0, 0, 255},
	{IPPROTO_IP, 8 /* IP_PKTINFO */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 10 /* IP_MTU_DISCOVER */, 0, false, 1, 0, 5},
	{IPPROTO_IP, 11 /* IP_RECVERR */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 12 /* IP_RECVTTL */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 13 /* IP_RECVTOS */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 15 /* IP_FREEBIND */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 19 /* IP_TRANSPARENT */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 21 /* IP_MINTTL */, 0, false, 0, 0, 255},
	{IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, 0, true, 0, 0, 0},
	{IPPROTO_IP, 33 /* IP_MULTICAST_TTL */, 0, false, 1, -1, 255},
	{IPPROTO_IP, 34 /* IP_MULTICAST_LOOP */, 0, true, 1, 0, 0},
	{IPPROTO_IP, 49 /* IP_MULTICAST_ALL */, 0, true, 1, 0, 0},
	{IPPROTO_IPV6, 16 /* IPV6_UNICAST_HOPS */, 0, false, 64, -1, 255},
	{IPPROTO_IPV6, 18 /* IPV6_MULTICAST_HOPS */, 0, false, 1, -1, 255},
	{IPPROTO_IPV6, 19 /* IPV6_MULTICAST_LOOP */, 0, true, 1, 0, 0},
	{IPPROTO_IPV6, 23 /* IPV6_MTU_DISCOVER */, 0, false, 1, 0, 5},
	{IPPROTO_IPV6, 25 /* IPV6_RECVERR */, 0, true, 0, 0, 0},
	{IPPROTO_IPV6, 49 /* IPV6_RECVPKTINFO */, 0, true, 0, 0, 0},
	{IPPROTO_IPV6, 51 /* IPV6_RECVHOPLIMIT */, 0, true, 0, 0, 0},
	{IPPROTO_IPV6, 66 /* IPV6_RECVTCLASS */, 0, true, 0, 0, 0},
	{IPPROTO_IPV6, 67 /* IPV6_TCLASS */, 0, false, 0, -1, 255},
};
_Static_assert(ARRAY_SIZE(rows) <= INET_OPTIONS, "INET_OPTIONS");

static const struct row *find(int level, int name)
{
	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
		if (rows[n].level == level && rows[n].name == name)
			return &rows[n];
	return NULL;
}

void inet_option_defaults(struct inet_socket *i)
{
	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
		i->option[n] = rows[n].normal;
	if (i->s.type == SOCK_STREAM) {
		i->s.set.send_limit = 16384;	// the middle numbers of net.ipv4.tcp_wmem and tcp_rmem
		i->s.set.receive_limit = 131072;
	}
}

bool inet_option_v6only(const struct inet_socket *i) { return i->option[V6ONLY_ROW]; }

static void tell(struct inet_socket *i, enum abi_net_option option, int value)
{
	struct abi_net_address a = {.scope = (uint32_t)value};
	if (inet_direct_option(i, option, value))
		return;
	inet_outside_ask(i, ABI_NET_OPTION, option, &a);
}

void inet_option_tell(struct inet_socket *i)
{
	if (i->s.set.keep_alive)
		tell(i, ABI_NET_OPTION_KEEPALIVE, 1);
	if (i->s.set.broadcast)
		tell(i, ABI_NET_OPTION_BROADCAST, 1);
	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
		if (rows[n].tell && i->option[n] != rows[n].normal)
			tell(i, rows[n].tell - 1, i->option[n]);
}

// Levels that a socket of this kind has; of others nothing is read.
static bool knows(const struct socket *s, int level)
{
	return level == IPPROTO_IP || level == s->protocol || (level == IPPROTO_IPV6 && s->family == AF_INET6);
}

int inet_option_set(struct socket *s, int level, int name, const struct socket_option *o)
{
	struct inet_socket *i = inet_of(s);
	int value = o->len >= sizeof(int) ? o->value : o->bytes[0];
	if (level == SOL_SOCKET) { // stored already
		if (name == SO_KEEPALIVE)
			tell(i, ABI_NET_OPTION_KEEPALIVE, s->set.keep_alive);
		if (name == SO_BROADCAST)
			tell(i, ABI_NET_OPTION_BROADCAST, s->set.broadcast);
		return name == SO_BINDTODEVICE ? 0 : -ENOPROTOOPT;
	}
	if (!knows(s, level))
		return -ENOPROTOOPT;
	if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
		bool reno = o->len >= 4 && !memcmp(o->bytes, "reno", 4);
		if (!reno && (o->len < 4 || memcmp(o->bytes, "cubi", 4)))
			return -ENOENT;
		i->reno = reno;
		return 0;
	}
	if (level == IPPROTO_TCP && name == TCP_ULP)
		return -ENOENT; // no `tls`
	if ((level == IPPROTO_IP && name >= 35 && name <= 40) || (level == IPPROTO_IPV6 && (name == 20 || name == 21)) ||
	    (level == IPPROTO_IP && name == 32) || (level == IPPROTO_IPV6 && name == 17))
		return 0; // groups: nothing is sent to any in this machine
	const struct row *r = find(level, name);
	if (o->len < sizeof(int) && level != IPPROTO_IP) // ip(7) takes a byte too, and nothing for 0
		return -EINVAL;
	if (!r)
		return -ENOPROTOOPT;
	if (!r->boolean && (value < r->min || value > r->max || (!value && r == &rows[TTL_ROW])))
		return -EINVAL;
	bool multicast_ttl = level == IPPROTO_IP && name == 33, needs_byte = multicast_ttl || (level == IPPROTO_IP && (name == 15 || name == 34));
	if ((multicast_ttl && s->type == SOCK_STREAM) || (needs_byte && !o->len))
		return -EINVAL;
	if (r == &rows[V6ONLY_ROW] && i->local.port)
		return -EINVAL;
	i->option[r - rows] = r->boolean ? value != 0 : value == -1 && r->min == -1 ? r->normal : value;
	if (r->tell)
		tell(i, r->tell - 1, i->option[r - rows]);
	return 0;
}

static void get_info(struct inet_socket *i, struct socket_option *o)
{
	static const uint8_t state[] = {[INET_IDLE] = 7, [INET_LISTENS] = 10, [INET_CONNECTING] = 2, [INET_CONNECTED] = 1, [INET_CLOSED] = 7};
	struct tcp_info info = {
		.tcpi_state = state[i->state],
		.tcpi_rto = 200000,
		.tcpi_snd_mss = 1460,
		.tcpi_rcv_mss = 1460,
		.tcpi_pmtu = 1500,
		.tcpi_advmss = 1460,
		.tcpi_snd_cwnd = 10,
		.tcpi_snd_ssthresh = 0x7fffffff,
		.tcpi_reordering = 3,
		.tcpi_rcv_space = 14600,
		.tcpi_unacked = i->state == INET_LISTENS ? i->pending : 0,
		.tcpi_sacked = i->state == INET_LISTENS ? i->backlog_max : 0,
	};
	if (i->state == INET_CONNECTED && i->s.shut_read)
		info.tcpi_state = i->s.shut_write ? 7 : 8;
	o->len = MIN(sizeof info, sizeof o->bytes);
	memcpy(o->bytes, &info, o->len);
}

int inet_option_get(struct socket *s, int level, int name, struct socket_option *o)
{
	struct inet_socket *i = inet_of(s);
	if (level == SOL_SOCKET) {
		if (name != SO_ACCEPTCONN)
			return -ENOPROTOOPT;
		o->value = i->state == INET_LISTENS;
		return 0;
	}
	if (!knows(s, level))
		return s->family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;
	if (level == IPPROTO_TCP && name == TCP_INFO) {
		get_info(i, o);
		return 0;
	}
	if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
		o->len = 16;
		string_copy((char *)o->bytes, i->reno ? "reno" : "cubic", 16);
		return 0;
	}
	bool connected = i->remote.family && i->state == INET_CONNECTED;
	if (level == IPPROTO_IP && name == 14 /* IP_MTU */) {
		o->value = inet_where(&i->remote) != INET_OUTSIDE ? 65535 : inet_link.mtu;
		return connected ? 0 : -ENOTCONN;
	}
	const struct row *r = find(level, name);
	if (!r)
		return -ENOPROTOOPT;
	o->value = i->option[r - rows];
	if (level == IPPROTO_TCP && name == TCP_MAXSEG && connected && o->value == r->normal)
		o->value = 1460;
	return 0;
}

// --- ioctl ------------------------------------------------------------------------------------------------------------

static const struct interface {
	const char *name;
	int index;
	short flags;
} interfaces[] = {
	{"lo", 1, IFF_UP | IFF_LOOPBACK | IFF_RUNNING},
	{"eth0", 2, IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST},
};

static bool is_link(const struct interface *at) { return at->index == 2; }

// `keep`, `set`: bits of the address that stay, and that become 1.
static void put_ip(struct interface_address *to, const struct interface *at, uint32_t keep, uint32_t set)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	const uint8_t *ip = is_link(at) ? inet_link.ip4 : loopback;
	memset(to, 0, sizeof *to);
	to->family = AF_INET;
	for (int n = 0; n < 4; n++)
		to->data[2 + n] = (uint8_t)((ip[n] & keep >> (24 - 8 * n)) | set >> (24 - 8 * n));
}

static uint32_t mask(const struct interface *at)
{
	unsigned prefix = is_link(at) ? inet_link.prefix4 : 8;
	return prefix ? ~0u << (32 - prefix) : 0;
}

static int64_t interface_list(uint64_t arg)
{
	struct interface_list c;
	int len = 0;
	if (user_get(c, (struct interface_list *)arg))
		return -EFAULT;
	for (unsigned n = 0; n < ARRAY_SIZE(interfaces); n++) {
		struct interface_request r = {0};
		memcpy(r.name, interfaces[n].name, strlen(interfaces[n].name));
		put_ip(&r.address, &interfaces[n], ~0u, 0);
		if (c.requests && c.len - len < (int)sizeof r)
			break;
		if (c.requests && user_put(r, (char *)c.requests + len))
			return -EFAULT;
		len += (int)sizeof r;
	}
	c.len = len;
	return user_put(c, (struct interface_list *)arg);
}

static int64_t interface_ioctl(unsigned cmd, uint64_t arg)
{
	struct interface_request r;
	const struct interface *at = NULL;
	if (user_get(r, (struct interface_request *)arg))
		return -EFAULT;
	r.name[sizeof r.name - 1] = 0;
	for (unsigned n = 0; n < ARRAY_SIZE(interfaces); n++)
		if (cmd == SIOCGIFNAME ? r.index == interfaces[n].index : !strcmp(r.name, interfaces[n].name))
			at = &interfaces[n];
	if (!at)
		return -ENODEV;
	switch (cmd) {
	case SIOCGIFNAME:
		memcpy(r.name, at->name, strlen(at->name) + 1);
		break;
	case SIOCGIFINDEX:
		r.index = at->index;
		break;
	case SIOCGIFFLAGS:
		r.flags = at->flags;
		break;
	case SIOCGIFMTU:
		r.mtu = is_link(at) ? inet_link.mtu : 65536;
		break;
	case SIOCGIFADDR:
		put_ip(&r.address, at, ~0u, 0);
		break;
	case SIOCGIFNETMASK:
		put_ip(&r.address, at, 0, mask(at));
		break;
	case SIOCGIFBRDADDR:
		put_ip(&r.address, at, ~0u, ~mask(at));
		break;
	case SIOCGIFHWADDR:
		memset(&r.address, 0, sizeof r.address);
		r.address.family = is_link(at) ? ARPHRD_ETHER : ARPHRD_LOOPBACK;
		if (is_link(at))
			memcpy(r.address.data, inet_link.mac, 6);
		break;
	default:
		return -EPERM; // none of them changes
	}
	return user_put(r, (struct interface_request *)arg);
}

int64_t inet_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
	struct inet_socket *i = inet_of(s);
	int value;
	switch (cmd) {
	case FIONREAD:
		if (s->type == SOCK_STREAM && i->state == INET_LISTENS)
			return -EINVAL;
		inet_poll_queues();
		value = (int)(s->type == SOCK_STREAM || list_empty(&s->queue)
				      ? s->queued + inet_direct_queued(i)
				      : list_first(&s->queue, struct socket_packet, link)->len);
		return user_put(value, (int *)arg);
	case TIOCOUTQ:
		value = (int)(i->peer ? i->peer->s.queued : i->sent);
		return user_put(value, (int *)arg);
	case SIOCATMARK:
		value = 0;
		return user_put(value, (int *)arg);
	case SIOCGSTAMP_OLD:
	case SIOCGSTAMPNS_OLD:
		return -ENOENT; // no packet was stamped
	case SIOCGIFCONF:
		return interface_list(arg);
	}
	return cmd >= 0x8910 && cmd < 0x8990 ? interface_ioctl(cmd, arg) : -ENOTTY;
}
