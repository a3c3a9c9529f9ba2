// SPDX-License-Identifier: MIT
//
// The host's signals are this platform's exceptions, interrupts and system calls. A handler runs on the CPU's signal
// stack, with no signal blocked; it makes the frame the kernel expects on a kernel stack and goes on there, so the
// signal stack is free again and the host never hears of a return: registers are the kernel's to restore.
//
// What was interrupted: the program (frame at the top of the thread's kernel stack), the exit window (the frame is
// there already), the quick window (the call is made anew), or other kernel text (an exception continues below it;
// a kick goes back at once, since whoever sets `pending` is answered on the way out).
#define COMPONENT "plat"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/audit.h>

#include "arch/arch.h"
#include "arch/x86_64/private.h"
#include "plat/linux/private.h"
#include "plat/plat.h"
#include "sys/entry.h"

// siginfo_t and ucontext_t as far as they are used (asm/sigcontext.h, asm/ucontext.h).
struct host_siginfo {
	int signo, errno_, code, pad;
	uint64_t call_addr; // SIGSYS
	int call;
	unsigned arch;
};

enum { R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP,
       RIP, RFLAGS, SEGMENTS, ERROR, VECTOR, OLDMASK, CR2 };

struct host_context {
	uint64_t flags, link, stack[3];
	uint64_t reg[23];
};

#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_PF 14
#define SS_USER	  0x2bu
#define FLAG_IF	  0x200u

extern const char kernel_text_start[], kernel_text_end[], exit_window[], exit_window_end[], nucleus_start[];
extern const char quick_window[], quick_window_end[], quick_interrupted[];

static bool in_kernel(uint64_t pc) { return pc >= (uint64_t)nucleus_start && pc < (uint64_t)kernel_text_end; }
static bool in_exit_window(uint64_t pc) { return pc >= (uint64_t)exit_window && pc < (uint64_t)exit_window_end; }

static struct frame *top_frame(void) { return (struct frame *)(arch_cpu()->kernel_sp - sizeof(struct frame)); }

static void fill(struct frame *f, const uint64_t *r)
{
	*f = (struct frame){
		.r15 = r[R15], .r14 = r[R14], .r13 = r[R13], .r12 = r[R12], .rbp = r[RBP], .rbx = r[RBX], .r11 = r[R11],
		.r10 = r[R10], .r9 = r[R9], .r8 = r[R8], .rax = r[RAX], .rcx = r[RCX], .rdx = r[RDX], .rsi = r[RSI],
		.rdi = r[RDI], .orig_rax = FRAME_NO_CALL, .rip = r[RIP], .cs = r[SEGMENTS] & 0xffff,
		.rflags = r[RFLAGS] | FLAG_IF, .rsp = r[RSP], .ss = SS_USER,
	};
}

// An exception in the kernel: the frame goes below what was interrupted (the kernel has no red zone).
static _Noreturn void trap_in_kernel(const uint64_t *r, const struct trap *trap)
{
	struct frame *f = (struct frame *)(r[RSP] & -16ull) - 1;
	struct trap *t = (struct trap *)f - 1;
	fill(f, r);
	*t = *trap;
	upcall_trap_kernel(f, t);
}

static _Noreturn void trap_in_program(struct frame *f, const struct trap *trap)
{
	struct trap *t = (struct trap *)f - 1;
	*t = *trap;
	upcall_trap(f, t);
}

// The program goes on by the exit window even if nothing is pending: a second kick may come while this one is looked
// at, finds kernel text and goes back, and the window sees what it was about.
static _Noreturn void interrupted(uint64_t *r)
{
	uint64_t pc = r[RIP];
	if (pc >= (uint64_t)quick_window && pc < (uint64_t)quick_window_end)
		r[RIP] = (uint64_t)quick_interrupted;
	if (in_kernel(pc) && !in_exit_window(pc))
		upcall_resume(r);
	if (!in_kernel(pc))
		fill(top_frame(), r);
	upcall_events(top_frame());
}

// PLAT_TLS_LENT: the host has switched to another process and back, and the program has come to its thread pointer.
static bool tls_taken_back(int sig, const uint64_t *r)
{
	const uint64_t around = 1ull << 32;
	uint64_t fs;
	if (plat_tls != PLAT_TLS_LENT || sig != SIGSEGV || r[VECTOR] != VECTOR_PF ||
	    r[CR2] - (ABI_BASES_NOWHERE - around) >= 2 * around)
		return false;
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	if (fs != ABI_BASES_NOWHERE)
		return false;
	arch_thread_set_tls(arch_current(), arch_thread_get_tls(arch_current()));
	return true;
}

// What the host says of an exception is what the processor said. A call the program makes by another gate than
// `syscall` would be a protection fault in a machine.
static struct trap trap_of(int sig, const uint64_t *r)
{
	if (sig == SIGSYS)
		return (struct trap){.vector = VECTOR_GP};
	if (sig == SIGILL) // the host raises it by itself too, and says nothing of a vector then
		return (struct trap){.vector = VECTOR_UD};
	if (sig == SIGBUS && r[VECTOR] == VECTOR_PF)
		return (struct trap){.vector = TRAP_NO_MEMORY, .error = r[ERROR], .addr = r[CR2]};
	return (struct trap){.vector = (uint32_t)r[VECTOR], .error = r[ERROR], .addr = r[CR2]};
}

_Noreturn void signal_arrived(int sig, const struct host_siginfo *info, struct host_context *context)
{
	uint64_t *r = context->reg;
	bool kernel = in_kernel(r[RIP]);
	if (sig == ABI_PROCESS_SIGNAL && info->code == SI_TIMER)
		timer_expired();
	// or sent by a process of the host, not raised by what runs here
	if (sig == ABI_PROCESS_SIGNAL || info->code <= 0)
		interrupted(r);
	if (r[RIP] == (uint64_t)trap_probe_end)
		upcall_resume(r);
	if (sig == SIGSYS && !kernel && info->arch == AUDIT_ARCH_X86_64) {
		struct frame *f = top_frame();
		fill(f, r);
		f->orig_rax = r[RAX];
		upcall_call(f, entry_syscall);
	}
	if (!kernel && tls_taken_back(sig, r))
		interrupted(r);
	struct trap trap = trap_of(sig, r);
	if (kernel && !in_exit_window(r[RIP]))
		trap_in_kernel(r, &trap);
	struct frame *f = top_frame();
	if (kernel) // the program's frame could not be resumed: that is an exception of the program
		f->orig_rax = FRAME_NO_CALL;
	else
		fill(f, r);
	trap_in_program(f, &trap);
}
