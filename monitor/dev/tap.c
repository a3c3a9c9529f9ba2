// SPDX-License-Identifier: MIT
//
// The thread sleeps in epoll; while it is awake the guest need not ring, and a guest that is awake is interrupted only
// when it has not looked for a moment: as in net.c.
#include "monitor/dev/tap.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "abi/process.h"
#include "base/util.h"
#include "monitor/dev/virtq.h"

#define LOOK_NS	     100000ull // a guest that runs looks at its queue within this, or is interrupted
#define BATCH	     64u       // frames of one direction before the other's turn
#define HELD_MAX     64u       // buffers of one frame
#define LONGEST	     (ABI_LINK_HEAD + ABI_LINK_FRAME_MAX)

struct tap {
	struct tap_config config;
	struct virtq tx, rx;
	struct virtq_chain chain;
	struct { // buffers of rx taken and not filled yet
		uint16_t head[HELD_MAX];
		struct iovec piece[HELD_MAX];
		unsigned count;
		size_t bytes;
	} held;
	struct iovec sending[VIRTQ_MAX_SEGMENTS + 1];
	int epoll, wake;
	uint32_t spin_ns;
	bool readable;	   // the interface has frames, as far as is known
	bool told;	   // something was given back
	bool stop, running; // atomic
	pthread_t thread;
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

// --- to the guest -----------------------------------------------------------------------------------------------------

// Whether the longest frame fits into what the guest has offered.
static bool has_room(struct tap *t)
{
	while (t->held.bytes < LONGEST && t->held.count < HELD_MAX && virtq_pop(&t->rx, &t->chain) == 1) {
		if (t->chain.out_count != 1 || t->chain.in_count || t->chain.out_len < ABI_LINK_BUFFER_MIN) {
			virtq_push(&t->rx, t->chain.head, 0); // of no use
			continue;
		}
		t->held.head[t->held.count] = t->chain.head;
		t->held.piece[t->held.count++] = t->chain.out[0];
		t->held.bytes += t->chain.out_len;
	}
	return t->held.bytes >= LONGEST || t->held.count == HELD_MAX;
}

static void give(struct tap *t, size_t bytes)
{
	unsigned used = 0;
	for (size_t left = bytes; left; used++)
		left -= MIN(left, t->held.piece[used].iov_len);
	uint8_t count[2] = {(uint8_t)used, 0};
	memcpy((uint8_t *)t->held.piece[0].iov_base + offsetof(struct virtio_net_hdr_v1, num_buffers), count, sizeof(count));
	for (unsigned i = 0; i < used; i++) {
		size_t len = MIN(bytes, t->held.piece[i].iov_len);
		virtq_push(&t->rx, t->held.head[i], (uint32_t)len);
		bytes -= len;
		t->held.bytes -= t->held.piece[i].iov_len;
	}
	t->held.count -= used;
	memmove(t->held.head, t->held.head + used, t->held.count * sizeof(t->held.head[0]));
	memmove(t->held.piece, t->held.piece + used, t->held.count * sizeof(t->held.piece[0]));
	t->told = true;
}

static bool receive(struct tap *t)
{
	unsigned count = 0;
	while (t->readable && count < BATCH && has_room(t)) {
		ssize_t n = readv(t->config.fd, t->held.piece, (int)t->held.count);
		if (n >= (ssize_t)ABI_LINK_HEAD) {
			give(t, (size_t)n);
			count++;
		} else if (n < 0 && errno != EINTR) {
			t->readable = false; // EAGAIN; or the interface went down
		}
	}
	return count;
}

// --- from the guest ---------------------------------------------------------------------------------------------------

// Whether what the host's kernel is to be told of a frame of `len` bytes lies within it, and is asked for what the card
// offers (abi/link.h): no more pieces are made of it than its length allows.
static bool head_good(const struct virtio_net_hdr_v1 *h, size_t len)
{
	bool sum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM || (sum && h->csum_start + h->csum_offset + 2u > len))
		return false;
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	return sum && (h->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 || h->gso_type == VIRTIO_NET_HDR_GSO_TCPV6) &&
	       h->hdr_len > h->csum_start && h->hdr_len <= len && h->gso_size >= ABI_LINK_SEGMENT_MIN;
}

// What the interface does not take is lost, as on a wire. The head is the monitor's copy: the guest may still write to its own.
static void send_frame(struct tap *t, const struct virtq_chain *c)
{
	struct virtio_net_hdr_v1 head;
	if (c->out_count || c->in_len <= sizeof(head) || c->in_len > sizeof(head) + ABI_LINK_FRAME_MAX)
		return;
	virtq_copy_in(c, 0, &head, sizeof(head));
	if (!head_good(&head, c->in_len - sizeof(head)))
		return;
	t->sending[0] = (struct iovec){&head, sizeof(head)};
	unsigned count = virtq_slice(c->in, c->in_count, sizeof(head), c->in_len, t->sending + 1);
	if (writev(t->config.fd, t->sending, (int)count + 1) < 0)
		return;
}

static bool send_all(struct tap *t)
{
	unsigned count = 0;
	for (; count < BATCH && virtq_pop(&t->tx, &t->chain) == 1; count++) {
		send_frame(t, &t->chain);
		virtq_push(&t->tx, t->chain.head, 0);
	}
	t->told |= count;
	return count;
}

// --- the thread -------------------------------------------------------------------------------------------------------

// A guest that sleeps is woken at once; one that runs finds the news by itself, or is told after a moment.
static uint64_t announce(struct tap *t, uint64_t *since)
{
	if (!t->told) {
		*since = 0;
		return UINT64_MAX;
	}
	uint64_t now = now_ns();
	__atomic_thread_fence(__ATOMIC_SEQ_CST); // a guest that sleeps looked at the rings after it said so
	if (!t->config.idle(t->config.arg)) {
		if (!*since)
			*since = now;
		if (now < *since + LOOK_NS)
			return *since + LOOK_NS - now;
	}
	bool rx = virtq_wants_event(&t->rx), tx = virtq_wants_event(&t->tx);
	if (rx || tx)
		t->config.event(t->config.arg);
	t->told = false;
	*since = 0;
	return UINT64_MAX;
}

static bool stopped(const struct tap *t) { return __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE); }

static void wait_host(struct tap *t, uint64_t wait_ns)
{
	struct epoll_event e[2];
	uint64_t unused;
	struct timespec ts = {(time_t)(wait_ns / NSEC_PER_SEC), (long)(wait_ns % NSEC_PER_SEC)};
	int count = epoll_pwait2(t->epoll, e, 2, wait_ns == UINT64_MAX ? NULL : &ts, NULL);
	for (int i = 0; i < count; i++)
		if (e[i].data.fd == t->config.fd)
			t->readable = true;
		else if (read(t->wake, &unused, sizeof(unused)) < 0)
			continue;
}

// Who sleeps must be woken, which takes longer than most pauses last: abi_spin_next(). Whether there was something to do.
// Where the host has no processor left for it, others go first.
static bool look_a_while(struct tap *t)
{
	bool came = false;
	uint64_t now = now_ns(), until = now + t->spin_ns;
	for (; !came && now < until && !stopped(t); now = now_ns()) {
		sched_yield();
		t->readable = true;
		came = virtq_waiting(&t->tx) || receive(t);
	}
	t->spin_ns = abi_spin_next(t->spin_ns, t->config.spin_ns, came);
	return came;
}

static void *thread_main(void *arg)
{
	struct tap *t = arg;
	uint64_t since = 0;
	if (t->config.enter(t->config.arg))
		return NULL; // never on without its jail
	t->readable = true;
	while (!stopped(t)) {
		virtq_want_bell(&t->tx, false);
		virtq_want_bell(&t->rx, false);
		while (!stopped(t)) {
			bool any = send_all(t);
			any |= receive(t);
			announce(t, &since);
			if (!any && !look_a_while(t))
				break;
		}
		uint64_t wait = announce(t, &since);
		virtq_want_bell(&t->tx, true);
		virtq_want_bell(&t->rx, t->readable);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!virtq_waiting(&t->tx) && (!t->readable || !has_room(t)) && !stopped(t))
			wait_host(t, wait);
	}
	send_all(t);
	return NULL;
}

void tap_notify(struct tap *t)
{
	uint64_t one = 1;
	if (write(t->wake, &one, sizeof(one)) < 0) // a full counter: it is awake
		return;
}

int tap_wake_fd(const struct tap *t) { return t->wake; }

int tap_start(struct tap *t)
{
	int err = -pthread_create(&t->thread, NULL, thread_main, t);
	t->running = !err;
	return err;
}

int tap_create(struct tap **out, const struct tap_config *config)
{
	struct tap *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->config = *config;
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event wake = {.events = EPOLLIN, .data.fd = t->wake};
	struct epoll_event frames = {.events = EPOLLIN | EPOLLET, .data.fd = config->fd};
	int err = t->epoll < 0 || t->wake < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &wake) ||
				  epoll_ctl(t->epoll, EPOLL_CTL_ADD, config->fd, &frames)
			  ? -errno
			  : 0;
	if (!err)
		err = virtq_attach(&t->tx, config->memory, &config->tx);
	if (!err)
		err = virtq_attach(&t->rx, config->memory, &config->rx);
	if (err) {
		tap_destroy(t);
		return err;
	}
	*out = t;
	return 0;
}

void tap_destroy(struct tap *t)
{
	if (t->running) {
		__atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
		tap_notify(t);
		pthread_join(t->thread, NULL);
	}
	if (t->epoll >= 0)
		close(t->epoll);
	if (t->wake >= 0)
		close(t->wake);
	free(t);
}
