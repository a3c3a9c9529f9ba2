// SPDX-License-Identifier: MIT
#include "inet/lwip/private.h"

#include <lwip/err.h>
#include <lwip/netif.h>

void lwip_address(const struct abi_net_address *from, ip_addr_t *to)
{
	memset(to, 0, sizeof *to);
	if (from->family == AF_INET) {
		IP_SET_TYPE(to, IPADDR_TYPE_V4);
		memcpy(&ip_2_ip4(to)->addr, from->ip, 4);
		return;
	}
	IP_SET_TYPE(to, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(to)->addr, from->ip, 16);
	if (ip6_addr_lacks_zone(ip_2_ip6(to), IP6_UNKNOWN) && netif_default)
		ip6_addr_assign_zone(ip_2_ip6(to), IP6_UNKNOWN, netif_default);
}

void lwip_address_back(const ip_addr_t *from, uint16_t port, struct abi_net_address *to)
{
	bool v6 = IP_IS_V6(from);
	memset(to, 0, sizeof *to);
	to->family = v6 ? AF_INET6 : AF_INET;
	to->port = port;
	if (v6)
		memcpy(to->ip, ip_2_ip6(from)->addr, 16);
	else
		memcpy(to->ip, &ip_2_ip4(from)->addr, 4);
	if (v6 && ip6_addr_has_scope(ip_2_ip6(from), IP6_UNKNOWN))
		to->scope = 2; // eth0
}

void lwip_address_local(const struct inet_socket *i, ip_addr_t *local, u8_t *type)
{
	bool any = inet_where(&i->local) == INET_ANY;
	lwip_address(&i->local, local);
	*type = IP_GET_TYPE(local);
	if (any && i->local.family == AF_INET6 && !inet_option_v6only(i)) {
		*type = IPADDR_TYPE_ANY;
		IP_SET_TYPE(local, IPADDR_TYPE_ANY);
	}
}

int lwip_errno(err_t e)
{
	switch (e) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return -ENOBUFS;
	case ERR_RTE:
		return -ENETUNREACH;
	case ERR_USE:
		return -EADDRNOTAVAIL;
	case ERR_RST:
	case ERR_CLSD:
		return -ECONNRESET;
	case ERR_ABRT:
	case ERR_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EINVAL;
	}
}
