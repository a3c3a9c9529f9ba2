// SPDX-License-Identifier: MIT
//
// Streams: one tcp_pcb for each socket that is not this machine's own affair, i->carried. lwIP frees it when a connection
// breaks, and says so first.
#include "inet/lwip/private.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define PIECE_MAX  32768u // copied at a time; tcp_write() takes less than 64 KiB
#define QUEUE_FULL (TCP_SND_QUEUELEN - 64)

static struct tcp_pcb *pcb_of(struct inet_socket *i) { return i->carried; }

static void option(struct inet_socket *i, uint32_t name, int value)
{
	struct tcp_pcb *p = pcb_of(i);
	if (p->state == LISTEN) // a connection gets it when it is accepted
		return;
	switch (name) {
	case ABI_NET_OPTION_NODELAY:
		if (value)
			tcp_nagle_disable(p);
		else
			tcp_nagle_enable(p);
		break;
	case ABI_NET_OPTION_KEEPALIVE:
		if (value)
			ip_set_option(p, SOF_KEEPALIVE);
		else
			ip_reset_option(p, SOF_KEEPALIVE);
		break;
	case ABI_NET_OPTION_KEEPIDLE:
		p->keep_idle = (u32_t)value * 1000;
		break;
	case ABI_NET_OPTION_KEEPINTVL:
		p->keep_intvl = (u32_t)value * 1000;
		break;
	case ABI_NET_OPTION_KEEPCNT:
		p->keep_cnt = (u32_t)value;
		break;
	case ABI_NET_OPTION_CORK:
		i->corked = value;
		break;
	}
	if (!i->corked && p->unsent)
		tcp_output(p);
}

// --- what lwIP tells --------------------------------------------------------------------------------------------------

static err_t came(void *arg, struct tcp_pcb *p, struct pbuf *b, err_t err)
{
	struct inet_socket *i = arg;
	(void)p, (void)err;
	if (!b) {
		inet_stream_ended(i);
		return ERR_OK;
	}
	struct socket_packet *packet = socket_packet_new(b->tot_len, NULL);
	if (!packet)
		return ERR_MEM; // lwIP keeps it, and tries again
	pbuf_copy_partial(b, packet->data, b->tot_len, 0);
	pbuf_free(b);
	socket_queue(&i->s, packet);
	return ERR_OK;
}

static err_t acknowledged(void *arg, struct tcp_pcb *p, u16_t len)
{
	struct inet_socket *i = arg;
	(void)p;
	i->sent -= MIN(i->sent, (size_t)len);
	inet_stream_space(i);
	if (!list_empty(&inet_outside_room.waiters))
		waitq_wake(&inet_outside_room, 0x7fffffff, EPOLLOUT);
	return ERR_OK;
}

static void broke(void *arg, err_t err)
{
	struct inet_socket *i = arg;
	bool refused = i->state == INET_CONNECTING && (err == ERR_RST || err == ERR_CLSD);
	i->carried = NULL;
	inet_stream_failed(i, refused ? ECONNREFUSED : -lwip_errno(err));
}

static void join(struct inet_socket *i, struct tcp_pcb *p)
{
	i->carried = p;
	tcp_arg(p, i);
	tcp_recv(p, came);
	tcp_sent(p, acknowledged);
	tcp_err(p, broke);
}

static void part(struct tcp_pcb *p)
{
	tcp_arg(p, NULL);
	if (p->state == LISTEN) {
		tcp_accept(p, NULL);
		return;
	}
	tcp_recv(p, NULL);
	tcp_sent(p, NULL);
	tcp_err(p, NULL);
}

static err_t connected(void *arg, struct tcp_pcb *p, err_t err)
{
	struct inet_socket *i = arg;
	(void)err; // always none
	lwip_address_back(&p->local_ip, p->local_port, &i->local);
	inet_stream_connected(i);
	return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	struct inet_socket *listener = arg, *i;
	struct abi_net_address local, remote;
	if (err || !p || !listener)
		return ERR_VAL;
	lwip_half_open_end(p);
	lwip_address_back(&p->local_ip, p->local_port, &local);
	lwip_address_back(&p->remote_ip, p->remote_port, &remote);
	listener = inet_stream_target(listener, &local, &remote);
	i = inet_new(&inet_stream_ops, listener->s.family, SOCK_STREAM, IPPROTO_TCP);
	if (!i)
		return ERR_MEM; // it resets the connection
	i->local = local;
	i->remote = remote;
	i->state = INET_CONNECTED;
	i->id = 1;
	join(i, p);
	tcp_backlog_delayed(p);
	inet_stream_accepted(listener, i);
	inet_option_tell(i);
	return ERR_OK;
}

// --- what it is asked -------------------------------------------------------------------------------------------------

int lwip_stream_open(struct inet_socket *i)
{
	ip_addr_t local;
	u8_t type;
	lwip_address_local(i, &local, &type);
	if (i->remote.family)
		type = i->remote.family == AF_INET6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4;
	struct tcp_pcb *p = tcp_new_ip_type(type);
	if (!p)
		return -ENOMEM;
	ip_set_option(p, SOF_REUSEADDR); // who may have which port is decided in inet/port.c
	join(i, p);
	return 0;
}

static void connect(struct inet_socket *i, const struct abi_net_address *a)
{
	struct tcp_pcb *p = pcb_of(i);
	ip_addr_t local, remote;
	u8_t type;
	lwip_address_local(i, &local, &type);
	lwip_address(a, &remote);
	if (IP_GET_TYPE(&local) != IP_GET_TYPE(&remote))
		local = *IP46_ADDR_ANY(IP_GET_TYPE(&remote));
	err_t err = tcp_bind(p, &local, i->local.port);
	if (!err)
		err = tcp_connect(p, &remote, a->port, connected);
	if (err)
		inet_stream_failed(i, -lwip_errno(err));
}

// How many wait for accept(2), and how many to be complete: half_open.c.
static void listen(struct inet_socket *i)
{
	struct tcp_pcb *p = pcb_of(i), *l;
	ip_addr_t local;
	u8_t type;
	if (p->state == LISTEN)
		return;
	lwip_address_local(i, &local, &type);
	err_t err = tcp_bind(p, type == IPADDR_TYPE_ANY ? IP_ANY_TYPE : &local, i->local.port);
	l = err ? NULL : tcp_listen_with_backlog_and_err(p, 0xff, &err);
	if (!l) { // nobody from outside finds it, then
		inet_outside_close(i, false);
		return;
	}
	i->carried = l;
	tcp_arg(l, i);
	tcp_accept(l, accepted);
	lwip_half_open_watch(l);
}

static void credit(struct tcp_pcb *p, uint32_t bytes)
{
	for (u16_t n; bytes; bytes -= n) {
		n = (u16_t)MIN(bytes, 0xffffu);
		tcp_recved(p, n);
	}
}

void lwip_stream_ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a)
{
	struct tcp_pcb *p = pcb_of(i);
	if (!p)
		return;
	switch (op) {
	case ABI_NET_CONNECT:
		connect(i, a);
		break;
	case ABI_NET_LISTEN:
		listen(i);
		break;
	case ABI_NET_CREDIT:
		credit(p, value);
		break;
	case ABI_NET_TAKEN:
		tcp_backlog_accepted(p);
		break;
	case ABI_NET_SHUTDOWN:
		tcp_shutdown(p, 0, 1);
		break;
	case ABI_NET_OPTION:
		option(i, value, (int)a->scope);
		break;
	default:
		break;
	}
}

int lwip_stream_send(struct inet_socket *i, struct socket_io *io, size_t len)
{
	struct tcp_pcb *p = pcb_of(i);
	struct iter before = io->it;
	if (!p)
		return -EPIPE;
	len = MIN(MIN(len, (size_t)PIECE_MAX), (size_t)tcp_sndbuf(p));
	if (!len || tcp_sndqueuelen(p) >= QUEUE_FULL) {
		lwip_link_poll();
		return -EAGAIN;
	}
	void *copy = heap_alloc(len);
	if (!copy)
		return -ENOBUFS;
	int64_t n = iter_read(&io->it, copy, len);
	if (n < 0 || i->carried != p) { // it may have slept
		heap_free(copy);
		return n < 0 ? -EFAULT : -EPIPE;
	}
	bool more = io->flags & MSG_MORE || i->corked;
	err_t err = tcp_write(p, copy, (u16_t)n, TCP_WRITE_FLAG_COPY | (more || io->it.left ? TCP_WRITE_FLAG_MORE : 0));
	heap_free(copy);
	if (err) {
		io->it = before;
		return err == ERR_MEM ? -ENOBUFS : lwip_errno(err);
	}
	i->sent += (size_t)n;
	if (!more)
		tcp_output(p);
	return (int)n;
}

void lwip_stream_close(struct inet_socket *i, bool reset)
{
	struct tcp_pcb *p = pcb_of(i);
	part(p);
	if (p->state != LISTEN && reset && p->state != CLOSED) {
		tcp_abort(p);
		return;
	}
	// The program has read what it was told of: lwIP would reset the connection for bytes it was not given credit for.
	if (p->state == ESTABLISHED || p->state == CLOSE_WAIT)
		credit(p, TCP_WND_MAX(p) - p->rcv_wnd);
	if (tcp_close(p) != ERR_OK)
		tcp_abort(p);
}

bool lwip_stream_unsent(void)
{
	lwip_link_poll();
	for (const struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		if (p->unsent || p->unacked || p->state == FIN_WAIT_1 || p->state == CLOSING || p->state == LAST_ACK)
			return true;
	return false;
}
