// SPDX-License-Identifier: MIT
//
// A network card for the guest, instead of the host's sockets (abi/net.h): frames of Ethernet in the queues of a virtio
// network device (virtio 1.2, section 5.1). Each begins with a struct virtio_net_hdr_v1. Of what the guest sends, a chain
// is one frame; what it gets fills as many buffers as it takes (mergeable buffers). There is no negotiation: the features
// are CSUM, GUEST_CSUM, HOST_TSO4 and 6, GUEST_TSO4 and 6, MRG_RXBUF and EVENT_IDX (2.7.7, 2.7.10), so checksums may be left to the device and lack in
// what comes, and TCP may be longer than the MTU both ways. abi_boot.flags has ABI_FLAG_LINK then.
#ifndef WHELK_ABI_LINK_H
#define WHELK_ABI_LINK_H

#include <stdint.h>

#define ABI_LINK_HEAD	    12u		// sizeof(struct virtio_net_hdr_v1)
#define ABI_LINK_FRAME_MAX  (65535u + 14u) // bytes without the head
#define ABI_LINK_BUFFER_MIN 64u		// of a buffer the guest offers
#define ABI_LINK_SEGMENT_MIN 256u	// gso_size of a frame that is to be cut

struct abi_link {
	uint8_t mac[6];
	uint16_t mtu;
	uint8_t prefix4, prefix6;
	uint8_t pad[2];
	uint8_t ip4[4], gateway4[4];   // all zero: ask DHCP; no gateway
	uint8_t ip6[16], gateway6[16]; // all zero: what a router announces
};
_Static_assert(sizeof(struct abi_link) == 52, "abi_link layout");

#endif
