// SPDX-License-Identifier: MIT
//
// A ring and its few words, for the tests of io_uring.
#pragma once
#include "test.h"

#include <linux/io_uring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct ring {
	int fd;
	struct io_uring_params p;
	char *memory;
	size_t size, sqe_size;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned tail; // entries made
};

UNUSED static unsigned *word(struct ring *r, unsigned offset) { return (unsigned *)(r->memory + offset); }

UNUSED static int ring_open(struct ring *r, unsigned entries, unsigned flags)
{
	*r = (struct ring){.p.flags = flags};
	r->fd = (int)syscall(SYS_io_uring_setup, entries, &r->p);
	if (r->fd < 0)
		return -1;
	size_t sq = r->p.sq_off.array + r->p.sq_entries * 4, cq = r->p.cq_off.cqes + r->p.cq_entries * sizeof *r->cqe;
	r->size = sq > cq ? sq : cq;
	r->memory = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	NEED(r->memory != MAP_FAILED);
	r->sqe_size = r->p.sq_entries * sizeof *r->sqe;
	r->sqe = mmap(NULL, r->sqe_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	NEED(r->sqe != MAP_FAILED);
	r->cqe = (struct io_uring_cqe *)(r->memory + r->p.cq_off.cqes);
	for (unsigned i = 0; i < r->p.sq_entries; i++)
		word(r, r->p.sq_off.array)[i] = i;
	return 0;
}

UNUSED static void ring_close(struct ring *r)
{
	munmap(r->memory, r->size);
	munmap(r->sqe, r->sqe_size);
	close(r->fd);
}

// The next entry; it counts at once, the kernel looks when it is entered.
UNUSED static struct io_uring_sqe *entry(struct ring *r, int op, int fd, const void *addr, unsigned len, uint64_t off,
					 uint64_t data)
{
	struct io_uring_sqe *s = &r->sqe[r->tail++ & (r->p.sq_entries - 1)];
	memset(s, 0, sizeof *s);
	s->opcode = (uint8_t)op;
	s->fd = fd;
	s->addr = (uintptr_t)addr;
	s->len = len;
	s->off = off;
	s->user_data = data;
	__atomic_store_n(word(r, r->p.sq_off.tail), r->tail, __ATOMIC_RELEASE);
	return s;
}

UNUSED static long enter(struct ring *r, unsigned submit, unsigned wait)
{
	return syscall(SYS_io_uring_enter, r->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

UNUSED static unsigned ready(struct ring *r)
{
	return __atomic_load_n(word(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE) - *word(r, r->p.cq_off.head);
}

// The next completion, waited for if need be. user_data 0: there is none.
struct completion {
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};

UNUSED static struct completion take(struct ring *r)
{
	struct completion none = {0};
	if (!ready(r) && enter(r, 0, 1) < 0)
		return none;
	unsigned *head = word(r, r->p.cq_off.head);
	struct io_uring_cqe *c = &r->cqe[*head & (r->p.cq_entries - 1)];
	none.user_data = c->user_data;
	none.res = c->res;
	none.flags = c->flags;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return none;
}

// One entry, submitted, and its result.
UNUSED static int one(struct ring *r)
{
	CHECK_EQ(enter(r, 1, 1), 1);
	return take(r).res;
}

#define EXPECT(ring, data, result)									\
	do {												\
		struct completion expect_c = take(ring);						\
		CHECK_EQ(expect_c.user_data, data);							\
		CHECK_EQ(expect_c.res, result);								\
	} while (0)
