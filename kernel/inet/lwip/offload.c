// SPDX-License-Identifier: MIT
//
// What the card does in lwIP's place (abi/link.h): TCP's checksums, and the cutting of long segments. lwIP makes segments
// that fit the MTU; those that continue each other are joined here to one frame, whose head says how long each is to be
// again. So lwIP's congestion control knows nothing of it. A frame leaves when something else is sent, or when whoever
// called into lwIP is through with it: lwip_done().
#include "abi/link.h"
#include "drivers/frames.h"
#include "inet/lwip/private.h"

#include <lwip/inet_chksum.h>
#include <lwip/netif.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>

#define PIECES	    (FRAMES_PIECES - 1)
#define HEADERS_MAX (SIZEOF_ETH_HDR + IP6_HLEN + 60) // TCP's with options
#define IP_MAX	    65535u

struct headers { // Ethernet's, IP's and TCP's, in what differs from segment to segment zero
	uint8_t bytes[HEADERS_MAX];
	unsigned len;
	unsigned tcp; // where it begins
	bool v6;
	uint16_t id; // of IPv4
	uint32_t seq;
	uint8_t flags;	  // TCP_FIN, TCP_PSH
	uint32_t payload; // bytes
};

static struct {
	struct headers h; // of the first segment; flags of all, and their payload
	uint32_t segment; // bytes of each but the last
	bool last;	  // nothing may follow
	struct virtq_buffer piece[PIECES];
	struct pbuf *owner[PIECES];
	unsigned pieces, owners;
} joined; // h.len: 0, there is none

static struct ip_hdr *ip4(struct headers *h) { return (void *)(h->bytes + SIZEOF_ETH_HDR); }
static struct ip6_hdr *ip6(struct headers *h) { return (void *)(h->bytes + SIZEOF_ETH_HDR); }
static struct tcp_hdr *tcp(struct headers *h) { return (void *)(h->bytes + h->tcp); }

// Whether it is TCP as lwIP makes it: without options of IP's and not a fragment, all headers in one piece.
static bool headers_of(const struct pbuf *b, struct headers *h)
{
	const uint8_t *frame = b->payload;
	const struct eth_hdr *eth = b->payload;
	if (b->len < SIZEOF_ETH_HDR + IP_HLEN + TCP_HLEN)
		return false;
	h->v6 = eth->type == PP_HTONS(ETHTYPE_IPV6);
	h->tcp = SIZEOF_ETH_HDR + (h->v6 ? IP6_HLEN : IP_HLEN);
	if ((!h->v6 && eth->type != PP_HTONS(ETHTYPE_IP)) || b->len < h->tcp + TCP_HLEN)
		return false;
	h->len = h->tcp + TCPH_HDRLEN_BYTES((const struct tcp_hdr *)(frame + h->tcp));
	if (b->len < h->len || h->len > HEADERS_MAX)
		return false;
	memcpy(h->bytes, frame, h->len);
	if (h->v6 ? IP6H_NEXTH(ip6(h)) != IP_PROTO_TCP
		  : IPH_V(ip4(h)) != 4 || IPH_HL_BYTES(ip4(h)) != IP_HLEN || IPH_PROTO(ip4(h)) != IP_PROTO_TCP ||
			    IPH_OFFSET(ip4(h)) & PP_HTONS(IP_MF | IP_OFFMASK))
		return false;
	h->payload = b->tot_len - h->len;
	if (h->v6) {
		IP6H_PLEN_SET(ip6(h), 0);
	} else {
		h->id = IPH_ID(ip4(h));
		IPH_ID_SET(ip4(h), 0);
		IPH_LEN_SET(ip4(h), 0);
		IPH_CHKSUM_SET(ip4(h), 0);
	}
	h->seq = lwip_ntohl(tcp(h)->seqno);
	h->flags = TCPH_FLAGS(tcp(h)) & (TCP_FIN | TCP_PSH);
	tcp(h)->seqno = 0;
	tcp(h)->chksum = 0;
	tcp(h)->_hdrlen_rsvd_flags &= PP_HTONS((u16_t)~(TCP_FIN | TCP_PSH));
	return true;
}

// TCP's checksum of what the card does not sum: addresses, length, protocol. Not complemented (virtio 1.2, 5.1.6.2).
static uint16_t pseudo_sum(struct headers *h, uint32_t tcp_len)
{
	uint32_t sum = h->v6 ? lwip_port_checksum(&ip6(h)->src, 32) : lwip_port_checksum(&ip4(h)->src, 8);
	sum += PP_HTONS(IP_PROTO_TCP) + lwip_htons((u16_t)tcp_len);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void finish_headers(struct headers *h)
{
	uint32_t tcp_len = h->len - h->tcp + h->payload;
	if (h->v6) {
		IP6H_PLEN_SET(ip6(h), (u16_t)tcp_len);
	} else {
		IPH_ID_SET(ip4(h), h->id);
		IPH_LEN_SET(ip4(h), lwip_htons((u16_t)(IP_HLEN + tcp_len)));
		IPH_CHKSUM_SET(ip4(h), inet_chksum(ip4(h), IP_HLEN));
	}
	tcp(h)->seqno = lwip_htonl(h->seq);
	TCPH_SET_FLAG(tcp(h), h->flags);
	tcp(h)->chksum = pseudo_sum(h, tcp_len);
}

void lwip_offload_flush(void)
{
	struct headers *h = &joined.h;
	struct {
		struct virtio_net_hdr_v1 virtio;
		uint8_t headers[HEADERS_MAX];
	} head = {.virtio = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			     .csum_start = (uint16_t)h->tcp,
			     .csum_offset = offsetof(struct tcp_hdr, chksum)}};
	_Static_assert(sizeof head <= FRAMES_HEAD, "FRAMES_HEAD");
	unsigned head_len = sizeof head.virtio + h->len;
	if (!h->len)
		return;
	if (h->payload > joined.segment) {
		head.virtio.gso_type = h->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		head.virtio.gso_size = (uint16_t)joined.segment;
		head.virtio.hdr_len = (uint16_t)h->len;
	}
	finish_headers(h);
	memcpy(head.headers, h->bytes, h->len);
	h->len = 0;
	if (frames_send(&head, head_len, joined.piece, joined.pieces, (void **)joined.owner, joined.owners))
		for (unsigned n = 0; n < joined.owners; n++) // lost, as on a wire
			pbuf_free(joined.owner[n]);
}

// The data of `b`, from `skip` on; whether there was room for all of it.
static bool add(struct pbuf *b, unsigned skip, struct virtq_buffer *piece, unsigned *count)
{
	for (struct pbuf *p = b; p; skip = 0, p = p->next) {
		if (p->len == skip)
			continue;
		if (*count == PIECES)
			return false;
		piece[(*count)++] = (struct virtq_buffer){(uint8_t *)p->payload + skip, p->len - skip};
	}
	return true;
}

static bool continues(const struct headers *h)
{
	struct headers *j = &joined.h;
	return j->len && !joined.last && h->payload && h->payload <= joined.segment && h->seq == j->seq + j->payload &&
	       h->len == j->len && j->len - SIZEOF_ETH_HDR + j->payload + h->payload <= IP_MAX &&
	       !memcmp(h->bytes, j->bytes, h->len);
}

static err_t output_tcp(struct pbuf *b, const struct headers *h)
{
	unsigned pieces = joined.pieces;
	if (continues(h) && add(b, h->len, joined.piece, &joined.pieces)) {
		joined.h.payload += h->payload;
		joined.h.flags |= h->flags;
	} else {
		joined.pieces = pieces;
		lwip_offload_flush();
		joined.pieces = joined.owners = 0;
		if (!add(b, h->len, joined.piece, &joined.pieces))
			return ERR_BUF;
		joined.h = *h;
		joined.segment = h->payload;
	}
	if (h->payload) {
		pbuf_ref(b);
		joined.owner[joined.owners++] = b;
	}
	joined.last = joined.segment < ABI_LINK_SEGMENT_MIN || h->payload < joined.segment || h->flags & TCP_FIN;
	return ERR_OK;
}

static err_t output_as_it_is(struct pbuf *b)
{
	static const struct virtio_net_hdr_v1 head;
	struct virtq_buffer piece[PIECES];
	void *token = b;
	unsigned count = 0;
	lwip_offload_flush();
	if (!add(b, 0, piece, &count))
		return ERR_BUF;
	pbuf_ref(b);
	if (!frames_send(&head, sizeof head, piece, count, &token, 1))
		return ERR_OK;
	pbuf_free(b);
	return ERR_MEM;
}

err_t lwip_offload_output(struct netif *n, struct pbuf *b)
{
	struct headers h;
	(void)n;
	inet_link.sent++;
	inet_link.sent_bytes += b->tot_len;
	return headers_of(b, &h) ? output_tcp(b, &h) : output_as_it_is(b);
}
