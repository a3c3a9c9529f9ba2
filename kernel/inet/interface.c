// SPDX-License-Identifier: MIT
#include "inet/private.h"

struct inet_link inet_link = {
	.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
	.mtu = 65520,
	.ip4 = {10, 0, 2, 15},
	.gateway4 = {10, 0, 2, 2},
	.prefix4 = 24,
	.count6 = 1,
	.ip6 = {{0xfd, 0, 0, 2, [15] = 15}},
};
_Static_assert(ABI_NET_GUEST == 0x0a00020f && ABI_NET_GATEWAY == 0x0a000202, "abi/net.h");
