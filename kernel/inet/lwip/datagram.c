// SPDX-License-Identifier: MIT
//
// Datagrams: one udp_pcb for each socket that talks outside.
#include "inet/lwip/private.h"

#include <lwip/udp.h>

static void came(void *arg, struct udp_pcb *p, struct pbuf *b, const ip_addr_t *from, u16_t port)
{
	struct inet_socket *i = arg, *at;
	struct abi_net_address sender, to;
	struct socket_address name;
	(void)p;
	lwip_address_back(from, port, &sender);
	lwip_address_back(ip_current_dest_addr(), i->local.port, &to);
	at = inet_port_find(SOCK_DGRAM, &to, &sender); // of several at one port, lwIP tells the first
	if (!at)
		at = i;
	inet_address_put(at, &sender, &name);
	struct socket_packet *packet = socket_packet_new(b->tot_len, &name);
	if (packet) {
		pbuf_copy_partial(b, packet->data, b->tot_len, 0);
		inet_datagram_came(at, &sender, packet);
	}
	pbuf_free(b);
}

int lwip_datagram_open(struct inet_socket *i)
{
	ip_addr_t local;
	u8_t type;
	lwip_address_local(i, &local, &type);
	struct udp_pcb *p = udp_new_ip_type(i->s.family == AF_INET ? IPADDR_TYPE_V4 : IPADDR_TYPE_ANY);
	if (!p)
		return -ENOMEM;
	ip_set_option(p, SOF_REUSEADDR | SOF_BROADCAST); // who may do what is decided above
	udp_recv(p, came, i);
	i->carried = p;
	return 0;
}

void lwip_datagram_bind(struct inet_socket *i, const struct abi_net_address *a)
{
	ip_addr_t local;
	u8_t type;
	lwip_address_local(i, &local, &type);
	udp_bind(i->carried, type == IPADDR_TYPE_ANY ? IP_ANY_TYPE : &local, a->port);
}

int lwip_datagram_send(struct inet_socket *i, struct socket_io *io, size_t len, const struct abi_net_address *a)
{
	struct udp_pcb *p = i->carried;
	ip_addr_t to;
	if (!p)
		return -ENETUNREACH;
	if (lwip_link_full())
		return -EAGAIN;
	struct pbuf *b = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);
	if (!b)
		return -ENOBUFS;
	int64_t n = len ? iter_read(&io->it, b->payload, len) : 0;
	if (n < (int64_t)len || i->carried != p) {
		pbuf_free(b);
		return n < (int64_t)len ? -EFAULT : -ENETUNREACH;
	}
	lwip_address(a, &to);
	err_t err = udp_sendto(p, b, &to, a->port);
	pbuf_free(b);
	return err ? lwip_errno(err) : (int)n;
}

void lwip_datagram_close(struct inet_socket *i) { udp_remove(i->carried); }
