// SPDX-License-Identifier: MIT
//
// lwIP as a carrier (inet/private.h). It runs under the kernel lock and never sleeps; whoever has called into it calls
// lwip_done() then, which sets the timer for what it wants to do next.
#ifndef WHELK_INET_LWIP_PRIVATE_H
#define WHELK_INET_LWIP_PRIVATE_H

#include "inet/private.h"

#include <lwip/ip_addr.h>
#include <lwip/pbuf.h>

// --- link.c -----------------------------------------------------------------------------------------------------------

int lwip_link_start(void); // -ENODEV, -ENOMEM; waits for addresses. May sleep
bool lwip_link_poll(void);
bool lwip_link_full(void);
bool lwip_link_up(void); // it has an address
void lwip_done(void);

// --- offload.c --------------------------------------------------------------------------------------------------------

struct netif;
err_t lwip_offload_output(struct netif *n, struct pbuf *b); // netif->linkoutput; it may wait for what continues it
void lwip_offload_flush(void);

// --- address.c --------------------------------------------------------------------------------------------------------

void lwip_address(const struct abi_net_address *from, ip_addr_t *to);
void lwip_address_back(const ip_addr_t *from, uint16_t port, struct abi_net_address *to);
// What the socket is bound to; *type is what its PCB must be able to talk to (enum lwip_ip_addr_type).
void lwip_address_local(const struct inet_socket *i, ip_addr_t *local, u8_t *type);
int lwip_errno(err_t e); // negative

// --- stream.c ---------------------------------------------------------------------------------------------------------

int lwip_stream_open(struct inet_socket *i);
void lwip_stream_ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a);
int lwip_stream_send(struct inet_socket *i, struct socket_io *io, size_t len);
void lwip_stream_close(struct inet_socket *i, bool reset);
bool lwip_stream_unsent(void);

// --- half_open.c ------------------------------------------------------------------------------------------------------

struct tcp_pcb;
void lwip_half_open_init(void);
void lwip_half_open_watch(struct tcp_pcb *listener);
void lwip_half_open_end(struct tcp_pcb *p); // it is complete

// --- datagram.c -------------------------------------------------------------------------------------------------------

int lwip_datagram_open(struct inet_socket *i);
void lwip_datagram_bind(struct inet_socket *i, const struct abi_net_address *a);
int lwip_datagram_send(struct inet_socket *i, struct socket_io *io, size_t len, const struct abi_net_address *to);
void lwip_datagram_close(struct inet_socket *i);

#endif
