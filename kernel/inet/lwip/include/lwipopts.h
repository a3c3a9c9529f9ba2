// SPDX-License-Identifier: MIT
//
// What lwIP is built with (lwip/opt.h has the rest): one thread at a time (the kernel lock), callbacks instead of
// sockets, memory from the kernel's heap with no pools of its own.
#ifndef WHELK_LWIPOPTS_H
#define WHELK_LWIPOPTS_H

#define NO_SYS			   1
#define SYS_LIGHTWEIGHT_PROT	   0
#define LWIP_NETCONN		   0
#define LWIP_SOCKET		   0
#define LWIP_RAW		   0
#define LWIP_DNS		   0
#define LWIP_STATS		   0
#define LWIP_NETIF_HOSTNAME	   1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_TIMERS		   1

// Memory
#define MEM_LIBC_MALLOC		   1
#define MEMP_MEM_MALLOC		   1
#define mem_clib_malloc		   heap_alloc
#define mem_clib_free		   heap_free
#define mem_clib_calloc(n, size)   heap_zalloc((n) * (size))
#define MEM_ALIGNMENT		   16
#define LWIP_SUPPORT_CUSTOM_PBUF   1
#define LWIP_PBUF_REF_T		   u16_t

// The link
#define LWIP_ARP		   1
#define ARP_TABLE_SIZE		   64
#define ARP_QUEUEING		   1
#define ARP_QUEUE_LEN		   16
#define LWIP_NETIF_TX_SINGLE_PBUF  0
#define ETHARP_TRUST_IP_MAC	   0
// The interface's flags say what the device does instead (link.c)
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1

// IP
#define LWIP_IPV4		   1
#define LWIP_ICMP		   1
#define LWIP_IGMP		   0
#define LWIP_DHCP		   1
#define DHCP_DOES_ARP_CHECK	   0
#define IP_REASSEMBLY		   1
#define IP_REASS_MAX_PBUFS	   256
#define IP_FRAG			   1
#define LWIP_IPV6		   1
#define LWIP_IPV6_NUM_ADDRESSES	   4
#define IPV6_FRAG_COPYHEADER	   1 // pointers are wider than the header has room for
#define LWIP_IPV6_MLD		   1
#define LWIP_IPV6_AUTOCONFIG	   1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0 // an address is of use at once
#define LWIP_ND6_QUEUEING	   1
#define LWIP_ND6_NUM_NEIGHBORS	   32
#define LWIP_ND6_NUM_DESTINATIONS  64
#define LWIP_HOOK_FILENAME	   "inet/lwip/include/hooks.h"
#define LWIP_HOOK_ND6_GET_GW	   lwip_port_gateway6

// TCP and UDP
#define SO_REUSE		   1
#define LWIP_UDP		   1
#define LWIP_TCP		   1
#define TCP_MSS			   65000 // at most: the interface's MTU says how much of it
#define TCP_OVERSIZE		   1460
#define TCP_WND			   (512 << 10)
#define TCP_SND_BUF		   (512 << 10)
#define TCP_SND_QUEUELEN	   4096
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1 // about the low-water marks of lwIP's own sockets
#define TCP_WND_UPDATE_THRESHOLD   (64 << 10)
#define LWIP_WND_SCALE		   1
#define TCP_RCV_SCALE		   4
#define LWIP_TCP_SACK_OUT	   1
#define LWIP_TCP_TIMESTAMPS	   1
#define LWIP_TCP_KEEPALIVE	   1
#define TCP_LISTEN_BACKLOG	   1
#define LWIP_TCP_PCB_NUM_EXT_ARGS  1 // half_open.c
#define TCP_QUEUE_OOSEQ		   1
#define TCP_OOSEQ_MAX_BYTES	   TCP_WND
#define TCP_MSL			   30000UL
#define LWIP_HOOK_TCP_ISN	   lwip_port_isn

#endif
