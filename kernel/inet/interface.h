// SPDX-License-Identifier: MIT
//
// netdevice(7). <linux/if.h> wants the C library's headers.
#ifndef WHELK_INET_INTERFACE_H
#define WHELK_INET_INTERFACE_H

#include <stdint.h>

#define IFF_UP	      0x1
#define IFF_BROADCAST 0x2
#define IFF_LOOPBACK  0x8
#define IFF_RUNNING   0x40
#define IFF_MULTICAST 0x1000
#define IFF_LOWER_UP  0x10000
#define ARPHRD_ETHER  1
#define ARPHRD_LOOPBACK 772

struct interface_address { // struct sockaddr
	uint16_t family;
	uint8_t data[14];
};

struct interface_request { // struct ifreq
	char name[16];
	union {
		struct interface_address address;
		int index, mtu;
		short flags;
		uint8_t room[24];
	};
};
_Static_assert(sizeof(struct interface_request) == 40, "struct ifreq");

struct interface_list { // struct ifconf
	int len;
	void *requests;
};

#endif
