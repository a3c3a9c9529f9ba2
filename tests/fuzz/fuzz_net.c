// SPDX-License-Identifier: MIT
//
// The network's queues (monitor/dev/net*.c): the input is either what lies in guest memory, rings and all, or messages in
// rings that are in order. The host's sockets are pairs of our own: nothing leaves this process.
#include <sys/socket.h>

int fuzz_socket(int family, int type, int protocol);
int fuzz_connect(int fd, const struct sockaddr *to, socklen_t len);
int fuzz_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int fuzz_listen(int fd, int backlog);
ssize_t fuzz_sendto(int fd, const void *from, size_t len, int flags, const struct sockaddr *to, socklen_t to_len);
#include "monitor/dev/net.c" // its thread's steps, one by one

#define RAM   (64u << 10)
#define SIZE  16
#define PIECE 0x400u
#define PEERS 64
#include "tests/fuzz/net_queues.h"

static int peer[PEERS];
static unsigned peers;
static bool quiet; // the guest is told in memory only

int fuzz_socket(int family, int type, int protocol)
{
	int fd[2], small = 1; // so that streams are full soon
	(void)family, (void)protocol;
	if (peers == PEERS || socketpair(AF_UNIX, type, 0, fd))
		return -1;
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (send(fd[1], "what the host's peer says", 26, MSG_DONTWAIT) < 0 || (peers % 3 == 2 && shutdown(fd[1], SHUT_WR)))
		abort();
	peer[peers++] = fd[1];
	return fd[0];
}

int fuzz_connect(int fd, const struct sockaddr *to, socklen_t len) { return (void)fd, (void)to, (void)len, 0; }
int fuzz_listen(int fd, int backlog) { return (void)fd, (void)backlog, 0; }

int fuzz_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1234), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char one;
	if (recv(fd, &one, 1, MSG_DONTWAIT) <= 0)
		return -1;
	memcpy(from, &in, sizeof(in));
	*len = sizeof(in);
	return fuzz_socket(AF_INET, SOCK_STREAM | flags, 0);
}

ssize_t fuzz_sendto(int fd, const void *from, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	(void)to, (void)to_len;
	return send(fd, from, len, flags);
}

static void event(void *arg) { (void)arg; }
static bool idle(void *arg) { return (void)arg, !quiet; }
static int enter(void *arg) { return (void)arg, 0; }
static int pass(void *arg, int fd, uint32_t id) { return (void)arg, (void)fd, id & 1 ? -1 : 0; }
static int watch(void *arg, int fd, uint32_t id) { return (void)arg, (void)fd, id & 2 ? -1 : 0; }
static void keep(void *arg, int fd) { (void)arg, (void)fd; }

// --- the guest's side -------------------------------------------------------------------------------------------------

static void run(struct net *n)
{
	uint64_t since = 0;
	char some[2000];
	for (int i = 0; i < 4; i++) {
		for (unsigned p = 0; i == 2 && p < peers; p++)
			(void)!recv(peer[p], some, sizeof(some), MSG_DONTWAIT);
		serve_guest(n);
		serve_sockets(n);
		announce(n, &since);
		serve_host(n, 0);
	}
}

// A message of what the input says: which, of whom, what of the rest is as it should be, and the rest.
static void message(uint8_t *at, const uint8_t *data, size_t len, uint32_t told)
{
	struct abi_net m = {0};
	uint8_t how = len > 2 ? data[2] : 0;
	if (len > 3)
		memcpy(&m, data + 3, MIN(len - 3, sizeof(m)));
	m.op = len ? data[0] % (ABI_NET_RELAY + 2) : 0;
	m.socket = len > 1 && !(data[1] & 0x80) ? 1u + data[1] % 7 : told;
	if (how & 1)
		m.a = (struct abi_net_address){.family = AF_INET, .port = how & 2 ? 80 : 53, .ip = {10, 0, 2, how & 4 ? 2 : 3}};
	if (how & 8)
		m.len = PIECE - sizeof(m);
	if (how & 16)
		m.value %= 64;
	memcpy(at, &m, sizeof(m));
}

// Records of a length and as many bytes; one of length 0 lets the monitor run.
static void messages(struct net *n, const uint8_t *data, size_t size)
{
	uint16_t tx = 0, rx = SIZE;
	uint32_t told = ABI_NET_BY_HOST;
	while (size) {
		size_t take = MIN((size_t)*data++, --size);
		message(memory.ram + BUFFER(SIZE + tx % SIZE), data, take, told);
		data += take;
		size -= take;
		tx++;
		set(AVAIL(1) + 2, &tx, 2);
		if (!take || tx % 8 == 0) {
			run(n);
			for (unsigned i = 0; i < SIZE; i++) {
				const struct abi_net *news = (const struct abi_net *)(memory.ram + BUFFER(i));
				if (news->op == ABI_NET_ACCEPTED)
					told = news->value;
			}
			rx = (uint16_t)(n->rx.used_index + SIZE);
			set(AVAIL(0) + 2, &rx, 2);
		}
	}
	run(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int listener[2];
	struct net *n;
	if (!size)
		return 0;
	memory_begin(RAM);
	peers = 0;
	quiet = data[0] & 2;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, listener) || send(listener[1], "xxxx", 1, 0) < 0 || send(listener[1], "x", 1, 0) < 0)
		abort();
	struct net_port port[2] = {{.guest = 80, .fd = listener[0], .host.ss_family = AF_INET},
				   {.guest = 53, .fd = fuzz_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .datagram = true, .host.ss_family = AF_INET}};
	struct net_config c = {
		QUEUES,
		.port = port, .port_count = 2, .host_loopback = true,
		.event = event, .idle = idle, .enter = enter,
		.pass = data[0] & 4 ? pass : NULL, .watch = watch, .keep = keep,
	};
	if (net_create(&n, &c))
		abort();
	if (data[0] & 1) {
		rings_in_order();
		messages(n, data + 1, size - 1);
	} else {
		memory_from_input(data + 1, size - 1);
		run(n);
	}
	for (unsigned i = 0; i < peers; i++)
		close(peer[i]);
	close(listener[1]);
	flush_all(n);
	net_destroy(n);
	return 0;
}
