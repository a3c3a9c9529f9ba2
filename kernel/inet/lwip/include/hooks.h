// SPDX-License-Identifier: MIT
//
// What lwIP asks this kernel in places of its own.
#ifndef WHELK_LWIP_HOOKS_H
#define WHELK_LWIP_HOOKS_H

#include <lwip/ip_addr.h>

struct netif;

// The first sequence number of a connection.
u32_t lwip_port_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port);
// The router for what is not on the link, if one was named on the command line.
const ip6_addr_t *lwip_port_gateway6(struct netif *n, const ip6_addr_t *to);

#endif
