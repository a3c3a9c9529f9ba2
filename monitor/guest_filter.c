// SPDX-License-Identifier: MIT
//
// The system-call filter of a guest's process. Whatever is not called from the nucleus's one instruction is the
// program's, and becomes SIGSYS: the guest's own kernel answers it. From that instruction a few calls are let
// through, each with the arguments the kernel uses; anything else there ends the process. Program and kernel share
// a privilege level, so what is listed here is what a hostile program can do to the host:
//
//   mmap           of descriptors it was given (guest RAM, files shown to it), shared, below the program's end; or
//                  private, if it can never be written and so never be a copy; to read, where the kernel sees the file
//                  window (plat_window)
//   madvise        MADV_POPULATE_WRITE: faults that it could take one by one
//   munmap         below the program's end: the direct map, the kernel and the nucleus stay what they are
//   futex          waiting and waking, on its own memory
//   timer_settime  its own timers (timer_create is over)
//   tgkill         the one signal, to its own threads
//   recvmsg        on its sockets, where the monitor sends it files and streams; close: what came from there
//   recvfrom, sendto  data of streams that the monitor connected or accepted; no addresses
//   setsockopt     TCP_NODELAY and TCP_CORK of those
//   epoll_pwait2   waiting for them; write: to the eventfd that ends such a wait
//   restart_syscall  a futex of the above that a stop and a continuation have interrupted
//   arch_prctl     its threads' FS and GS, on hosts that want to be asked (abi/process.h)
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "abi/boot.h"
#include "abi/process.h"
#include "base/util.h"
#include "monitor/guest.h"
#include "monitor_arch.h"

// Address and length are compared by their upper halves: together they stay below the program's end and 4 GiB, from
// where ABI_VA_GUARD keeps the direct map away.
#define END_HIGH ((uint32_t)(ABI_VA_USER_END >> 32))
#define WINDOW_HIGH ((uint32_t)(ABI_VA_DAX >> 32))
#define WINDOW_END_HIGH ((uint32_t)(ABI_VA_NUCLEUS >> 32) - 1) // a length below 4 GiB does not lead out of it
_Static_assert(ABI_VA_GUARD >= 1ull << 32, "ABI_VA_GUARD");

#define HIGH(n) (offsetof(struct seccomp_data, args) + 8 * (n) + 4)
#define LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))

struct program {
	struct sock_filter *insn;
	size_t count, room;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->count < p->room)
		p->insn[p->count] = (struct sock_filter){ code, yes, no, k };
	p->count++;
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}
static void answer(struct program *p, uint32_t action)
{
	put(p, BPF_RET | BPF_K, action, 0, 0);
}

// Each refuses at once when the test fails.
static void refuse_unless(struct program *p, uint16_t test, uint32_t k, bool wanted)
{
	put(p, (uint16_t)(BPF_JMP | test | BPF_K), k, wanted, !wanted);
	answer(p, SECCOMP_RET_KILL_PROCESS);
}

static void need_equal(struct program *p, size_t offset, uint32_t value)
{
	load(p, offset);
	refuse_unless(p, BPF_JEQ, value, true);
}

static void need_no_bits(struct program *p, size_t offset, uint32_t bits)
{
	load(p, offset);
	refuse_unless(p, BPF_JSET, bits, false);
}

// [arg 0, + arg 1) is the program's: each upper half is below the end's, and their sum too.
static void need_program_range(struct program *p)
{
	load(p, HIGH(1));
	refuse_unless(p, BPF_JGE, END_HIGH, false);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	load(p, HIGH(0));
	refuse_unless(p, BPF_JGE, END_HIGH, false);
	put(p, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
	refuse_unless(p, BPF_JGE, END_HIGH, false);
}

// The tests of one call, as a block to jump over.
static void put_call(struct program *p, uint32_t nr, void (*tests)(struct program *, uint32_t), uint32_t value)
{
	size_t jump = p->count;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 0);
	tests(p, value);
	answer(p, SECCOMP_RET_ALLOW);
	if (jump < p->room)
		p->insn[jump].jf = (uint8_t)(p->count - jump - 1);
}

static void test_mmap(struct program *p, uint32_t unused)
{
	(void)unused;
	load(p, HIGH(0));
	size_t below = p->count, above = below + 1;
	put(p, BPF_JMP | BPF_JGE | BPF_K, WINDOW_HIGH, 0, 0);
	put(p, BPF_JMP | BPF_JGE | BPF_K, WINDOW_END_HIGH, 0, 0);
	need_equal(p, HIGH(1), 0);
	need_equal(p, LOW(2), PROT_READ);
	size_t over = p->count;
	put(p, BPF_JMP | BPF_JA, 0, 0, 0);
	if (over < p->room) {
		p->insn[below].jf = (uint8_t)(p->count - below - 1);
		p->insn[above].jt = (uint8_t)(p->count - above - 1);
	}
	need_program_range(p);
	need_no_bits(p, LOW(2), ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC));
	need_equal(p, HIGH(3), 0);
	if (over < p->room)
		p->insn[over].k = (uint32_t)(p->count - over - 1);
	load(p, LOW(3));
	put(p, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)MAP_POPULATE, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, MAP_SHARED | MAP_FIXED, 5, 0);
	refuse_unless(p, BPF_JEQ, MAP_PRIVATE | MAP_FIXED, true);
	need_no_bits(p, LOW(2), PROT_WRITE);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif

static void test_madvise(struct program *p, uint32_t unused)
{
	(void)unused;
	need_equal(p, LOW(2), MADV_POPULATE_WRITE);
}

static void test_munmap(struct program *p, uint32_t unused)
{
	(void)unused;
	need_program_range(p);
}

static void test_futex(struct program *p, uint32_t unused)
{
	(void)unused;
	load(p, LOW(1));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, FUTEX_WAKE, 2, 0);
	refuse_unless(p, BPF_JEQ, FUTEX_WAIT_BITSET, true);
}

static void test_first(struct program *p, uint32_t value)
{
	need_equal(p, LOW(0), value);
}

static void test_message(struct program *p, uint32_t unused)
{
	(void)unused;
	load(p, LOW(0));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, ABI_PROCESS_SOCKET, 2, 0);
	refuse_unless(p, BPF_JEQ, ABI_PROCESS_STREAMS, true);
}

static void need_file(struct program *p)
{
	load(p, LOW(0));
	refuse_unless(p, BPF_JGE, ABI_PROCESS_FILES, true);
}

// recvfrom, sendto. What is not connected has no use for them: there is no address.
static void test_data(struct program *p, uint32_t flags)
{
	need_file(p);
	need_no_bits(p, LOW(3), ~flags);
	need_equal(p, LOW(4), 0);
	need_equal(p, HIGH(4), 0);
}

static void test_option(struct program *p, uint32_t unused)
{
	(void)unused;
	need_file(p);
	need_equal(p, LOW(1), IPPROTO_TCP);
	load(p, LOW(2));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, TCP_NODELAY, 2, 0);
	refuse_unless(p, BPF_JEQ, TCP_CORK, true);
}

static void test_poll(struct program *p, uint32_t unused)
{
	(void)unused;
	need_equal(p, LOW(0), ABI_PROCESS_POLL);
	need_equal(p, LOW(4), 0);
	need_equal(p, HIGH(4), 0);
}

static void test_tgkill(struct program *p, uint32_t pid)
{
	need_equal(p, LOW(0), pid);
	need_equal(p, LOW(2), ABI_PROCESS_SIGNAL);
}

static void test_close(struct program *p, uint32_t unused)
{
	(void)unused;
	need_file(p);
}

static void test_base(struct program *p, uint32_t unused)
{
	static const uint32_t code[2] = ARCH_BASE_CODES;
	(void)unused;
	load(p, LOW(0));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, code[0], 2, 0);
	refuse_unless(p, BPF_JEQ, code[1], true);
}

static void test_nothing(struct program *p, uint32_t unused)
{
	(void)p;
	(void)unused;
}

int guest_filter_build(uint64_t *insn, size_t room, uint64_t ip, pid_t pid, enum abi_process_bases bases)
{
	static const size_t ip_low = offsetof(struct seccomp_data, instruction_pointer);
	struct program p = { .insn = (struct sock_filter *)insn, .room = room };
	load(&p, offsetof(struct seccomp_data, arch));
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 1, 0);
	answer(&p, SECCOMP_RET_TRAP);
	load(&p, ip_low);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ip, 1, 0);
	answer(&p, SECCOMP_RET_TRAP);
	load(&p, ip_low + 4);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(ip >> 32), 1, 0);
	answer(&p, SECCOMP_RET_TRAP);
	load(&p, offsetof(struct seccomp_data, nr));
	put_call(&p, SYS_futex, test_futex, 0);
	put_call(&p, SYS_mmap, test_mmap, 0);
	put_call(&p, SYS_madvise, test_madvise, 0);
	put_call(&p, SYS_munmap, test_munmap, 0);
	put_call(&p, SYS_timer_settime, test_nothing, 0);
	put_call(&p, SYS_tgkill, test_tgkill, (uint32_t)pid);
	put_call(&p, SYS_recvfrom, test_data, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
	put_call(&p, SYS_sendto, test_data, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
	put_call(&p, SYS_epoll_pwait2, test_poll, 0);
	put_call(&p, SYS_write, test_first, ABI_PROCESS_KICK);
	put_call(&p, SYS_setsockopt, test_option, 0);
	put_call(&p, SYS_recvmsg, test_message, 0);
	put_call(&p, SYS_close, test_close, 0);
	put_call(&p, SYS_restart_syscall, test_nothing, 0);
	if (bases != ABI_BASES_OWN)
		put_call(&p, ARCH_BASE_CALL, test_base, 0);
	answer(&p, SECCOMP_RET_KILL_PROCESS);
	return p.count <= room ? (int)p.count : -E2BIG;
}
