// SPDX-License-Identifier: MIT
//
// The card under lwIP: its frames, addresses (given, by DHCP, announced by routers) and timers.
#define COMPONENT "inet"
#include "debug/debug.h"
#include "devfs/random.h"
#include "drivers/frames.h"
#include "inet/lwip/private.h"
#include "plat/plat.h"
#include "time/time.h"

#include <lwip/dhcp.h>
#include <lwip/ethip6.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#include "inet/lwip/include/hooks.h"

#define DHCP_WAIT_NS	(15 * NSEC_PER_SEC)
#define CHECKED_BY_CARD (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP) // where a frame's head says so

static struct netif card;
static struct timer timer;
static struct waitq addressed;

static const struct abi_link *given(void) { return &plat_boot()->link; }
static bool is_zero(const uint8_t *ip, size_t len)
{
	while (len--)
		if (ip[len])
			return false;
	return true;
}

// --- what lwIP finds in the kernel ----------------------------------------------------------------------------

u32_t sys_now(void) { return (u32_t)(time_mono_ns() / 1000000); }
uint32_t lwip_port_random(void) { return (uint32_t)random_u64(); }
u32_t lwip_port_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
	(void)local, (void)local_port, (void)remote, (void)remote_port;
	return (u32_t)random_u64();
}
_Noreturn void lwip_port_assert(const char *what, int line) { panic("lwIP, line %d: %s", line, what); }

const ip6_addr_t *lwip_port_gateway6(struct netif *n, const ip6_addr_t *to)
{
	static ip6_addr_t gateway;
	(void)n, (void)to;
	if (is_zero(given()->gateway6, 16))
		return NULL; // a router that announced itself
	memcpy(gateway.addr, given()->gateway6, 16);
	if (ip6_addr_lacks_zone(&gateway, IP6_UNICAST))
		ip6_addr_assign_zone(&gateway, IP6_UNICAST, &card);
	return &gateway;
}

// The Internet's checksum, not complemented. Eight bytes at a time: their sum folds to the same 16 bits.
uint16_t lwip_port_checksum(const void *data, int len)
{
	const uint8_t *p = data;
	uint64_t sum = 0, word;
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		sum += word;
		sum += sum < word;
	}
	word = 0;
	for (int n = 0; n < len; n++)
		word |= (uint64_t)p[n] << 8 * n;
	sum += word;
	sum += sum < word;
	for (int n = 0; n < 4; n++)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

// --- frames ----------------------------------------------------------------------------

static void sent(void *token) { pbuf_free(token); }

struct taken { // in a buffer's front room
	struct pbuf_custom custom;
	void *buffer;
};
_Static_assert(sizeof(struct taken) <= FRAMES_ROOM, "FRAMES_ROOM");

static void give_back(struct pbuf *p) { frames_give_back(((struct taken *)p)->buffer); }

static void came(const struct virtio_net_hdr_v1 *head, const struct frames_piece *piece, unsigned count)
{
	struct pbuf *whole = NULL;
	bool trusted = head->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID);
	uint32_t total = 0;
	for (unsigned n = 0; n < count; n++) {
		struct taken *t = piece[n].buffer;
		unsigned skip = n ? 0 : sizeof *head;
		t->buffer = piece[n].buffer;
		t->custom.custom_free_function = give_back;
		struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, (u16_t)(piece[n].len - skip), PBUF_REF, &t->custom,
						     (char *)piece[n].buffer + FRAMES_ROOM + skip, (u16_t)(piece[n].len - skip));
		total += p->len;
		if (total > 0xffff) // than lwIP can count; a sender's next try is shorter
			pbuf_free(p);
		else if (whole)
			pbuf_cat(whole, p);
		else
			whole = p;
	}
	if (total > 0xffff) {
		pbuf_free(whole);
		return;
	}
	card.chksum_flags = (u16_t)(trusted ? card.chksum_flags & ~CHECKED_BY_CARD : card.chksum_flags | CHECKED_BY_CARD);
	inet_link.received++;
	inet_link.received_bytes += whole->tot_len;
	if (card.input(whole, &card))
		pbuf_free(whole);
}

static const struct frames_user user = {.came = came, .sent = sent};

// --- timers ----------------------------------------------------------------------------

void lwip_done(void)
{
	lwip_offload_flush();
	u32_t ms = sys_timeouts_sleeptime();
	uint64_t at = ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? TIME_NEVER : time_mono_ns() + (uint64_t)MAX(ms, 1u) * 1000000;
	if (at == TIME_NEVER)
		timer_stop(&timer);
	else if (!timer.armed || at < timer.deadline_ns)
		timer_start(&timer, at);
}

// Alone on the way into lwIP's timers: its callbacks may come to lwip_done().
static void tick(struct timer *t)
{
	(void)t;
	sys_check_timeouts();
	lwip_done();
}

bool lwip_link_poll(void)
{
	bool any = frames_poll();
	if (any) {
		lwip_done();
		if (!frames_full() && !list_empty(&inet_outside_room.waiters))
			waitq_wake(&inet_outside_room, 0x7fffffff, EPOLLOUT);
	}
	return any;
}

static void take_news(void) { lwip_link_poll(); }
bool lwip_link_full(void) { return frames_full(); }

// --- addresses ----------------------------------------------------------------------------

bool lwip_link_up(void) { return !is_zero(inet_link.ip4, 4) || inet_link.count6; }

// An interface's address has changed: what the rest of the kernel knows of it.
static void changed(struct netif *n)
{
	uint32_t mask = netif_ip4_netmask(n)->addr;
	memcpy(inet_link.ip4, &netif_ip4_addr(n)->addr, 4);
	memcpy(inet_link.gateway4, &netif_ip4_gw(n)->addr, 4);
	inet_link.prefix4 = (uint8_t)__builtin_popcount(mask);
	inet_link.count6 = 0;
	for (int k = 0; k < LWIP_IPV6_NUM_ADDRESSES; k++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(n, k)))
			memcpy(inet_link.ip6[inet_link.count6++], netif_ip6_addr(n, k)->addr, 16);
	if (!is_zero(inet_link.ip4, 4))
		waitq_wake_all(&addressed);
}

static err_t set_up(struct netif *n)
{
	n->name[0] = 'e';
	n->name[1] = 'n';
	n->hostname = "whelk";
	n->mtu = given()->mtu;
	n->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(n->hwaddr, given()->mac, ETH_HWADDR_LEN);
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP | NETIF_FLAG_MLD6;
	n->output = etharp_output;
	n->output_ip6 = ethip6_output;
	n->linkoutput = lwip_offload_output;
	n->chksum_flags &= (u16_t)~NETIF_CHECKSUM_GEN_TCP;
	return ERR_OK;
}

static void address6(void)
{
	ip6_addr_t ip;
	netif_create_ip6_linklocal_address(&card, 1);
	card.ip6_autoconfig_enabled = is_zero(given()->ip6, 16);
	if (is_zero(given()->ip6, 16))
		return;
	memset(&ip, 0, sizeof ip);
	memcpy(ip.addr, given()->ip6, 16);
	netif_ip6_addr_set(&card, 1, &ip);
	netif_ip6_addr_set_state(&card, 1, IP6_ADDR_PREFERRED);
}

static void address4(void)
{
	uint32_t mask = given()->prefix4 ? __builtin_bswap32(~0u << (32 - given()->prefix4)) : 0;
	ip4_addr_t ip, netmask = {mask}, gateway;
	memcpy(&ip.addr, given()->ip4, 4);
	memcpy(&gateway.addr, given()->gateway4, 4);
	if (ip.addr) {
		netif_set_addr(&card, &ip, &netmask, &gateway);
		return;
	}
	dhcp_start(&card);
	uint64_t until = time_mono_ns() + DHCP_WAIT_NS;
	while (is_zero(inet_link.ip4, 4) && time_mono_ns() < until) {
		lwip_done();
		waitq_sleep(&addressed, until);
	}
	if (is_zero(inet_link.ip4, 4))
		debug_notice("no DHCP server has answered: there is no IPv4 until one does");
}

int lwip_link_start(void)
{
	lwip_init();
	lwip_half_open_init();
	int err = frames_init(&user);
	if (err)
		return err;
	memset(&inet_link, 0, sizeof inet_link);
	memcpy(inet_link.mac, given()->mac, sizeof inet_link.mac);
	inet_link.mtu = given()->mtu;
	waitq_init(&addressed);
	timer.fn = tick;
	netif_add_noaddr(&card, NULL, set_up, ethernet_input);
	netif_set_status_callback(&card, changed);
	netif_set_default(&card);
	netif_set_up(&card);
	sched_watch_device(frames_has_news, take_news, NULL);
	address6();
	address4();
	changed(&card);
	lwip_done();
	return 0;
}
