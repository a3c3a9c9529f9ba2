// SPDX-License-Identifier: MIT
//
// Stubs and jumps of x86-64, and which instructions may be moved into a stub. A stub:
//
//	<the window, its RIP-relative operand adjusted>
//	lea at+2(%rip), %rcx	what `syscall` leaves in rcx; call_entry sees to r11
//	jmp *area(%rip)		the area's first word: call_entry
//
// Intel SDM volume 2, chapter 2 and appendix A; AMD APM volume 3.
#define COMPONENT "patch"
#include <linux/errno.h>

#include "base/string.h"
#include "base/util.h"
#include "debug/debug.h"
#include "mm/uaccess.h"
#include "patch/length.h"
#include "patch/private.h"
#include "sched/sched.h"

#define DECODE_MAX (64u << 10) // bytes from a function's start to a site

#define LEA_SIZE 7u
#define JMP_SIZE 6u
_Static_assert(WINDOW_MAX + LEA_SIZE + JMP_SIZE + 1 <= STUB_SIZE, "a stub holds any instruction");

// The program's code as it was before any site was patched, a piece at a time.
struct reader {
	uint64_t at, end; // what comes next; never read beyond end
	uint64_t from, size; // what buf holds
	uint8_t buf[256];
};

// The next instruction and its bytes, without stepping over it. NULL: none, or not one.
static const uint8_t *peek(struct reader *r, struct insn *insn)
{
	if (r->at >= r->from + r->size || (r->at + WINDOW_MAX > r->from + r->size && r->from + r->size < r->end)) {
		int64_t n = user_read_some(r->buf, (const void *)r->at, MIN(sizeof(r->buf), r->end - r->at));
		if (n <= 0)
			return NULL;
		r->from = r->at;
		r->size = (uint64_t)n;
		site_original(mm_current(), r->buf, r->from, r->size);
	}
	const uint8_t *p = r->buf + (r->at - r->from);
	return insn_length(p, r->from + r->size - r->at, insn) < 0 ? NULL : p;
}

// --- which instructions may be moved ----------------------------------------------------------------------------

// One-byte opcodes that compute, move data, push or pop, and go on to the next instruction.
static bool plain_one_byte(const struct insn *i)
{
	uint8_t op = i->opcode, reg = i->modrm >> 3 & 7;
	if (op < 0x40) // add or adc sbb and sub xor cmp
		return (op & 7) < 6;
	if ((op >= 0x50 && op <= 0x5f) || op == 0x63 || op == 0x68 || op == 0x6a || op == 0x69 || op == 0x6b)
		return true; // push pop movsxd imul
	if (op >= 0x80 && op <= 0x8b)
		return op != 0x82;
	if (op == 0x8d || op == 0x90 || op == 0x98 || op == 0x99 || op == 0xa8 || op == 0xa9)
		return true; // lea nop cdqe cqo test
	if (op >= 0xb0 && op <= 0xbf)
		return true; // mov immediate
	if (op == 0xc0 || op == 0xc1 || (op >= 0xd0 && op <= 0xd3))
		return true; // shifts
	if (op == 0xc6 || op == 0xc7)
		return reg == 0;
	if (op == 0xf6 || op == 0xf7)
		return reg < 4; // test not neg; not the divisions
	return (op == 0xfe || op == 0xff) && reg < 2; // inc dec
}

static bool plain_two_byte(const struct insn *i)
{
	uint8_t op = i->opcode;
	return op == 0x10 || op == 0x11 || op == 0x1f || op == 0x28 || op == 0x29 || // movups nop movaps
	       (op >= 0x40 && op <= 0x4f) ||					      // cmov
	       op == 0x6e || op == 0x6f || op == 0x7e || op == 0x7f || op == 0xd6 ||  // movd movdqa movq
	       (op >= 0x90 && op <= 0x9f) || op == 0xa3 || op == 0xaf ||	      // setcc bt imul
	       op == 0xb6 || op == 0xb7 || op == 0xbe || op == 0xbf || op == 0xef;    // movzx movsx pxor
}

static bool movable(const struct insn *i)
{
	if (i->encoding != INSN_LEGACY || i->branch || i->ends_flow)
		return false;
	if (i->rip_relative && i->prefixes & INSN_ADDRESS_SIZE)
		return false; // at EIP: nobody means that
	return i->map == INSN_MAP_ONE_BYTE ? plain_one_byte(i) : i->map == INSN_MAP_0F && plain_two_byte(i);
}

// Does any branch in [start, end) aim into the `len` bytes at `at`?
static bool aimed_at(uint64_t start, uint64_t end, uint64_t at, uint64_t len)
{
	struct reader r = {.at = start, .end = end};
	struct insn insn;
	while (r.at < end && peek(&r, &insn)) {
		r.at += insn.length;
		if (insn.branch && r.at + (uint64_t)(int64_t)insn.target - at < len)
			return true;
	}
	return r.at != end; // not understood: not safe
}

// Bytes that are a `syscall` if entered in their middle: somebody may do just that.
static bool hides_syscall(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (p[i] == 0x0f && p[i + 1] == 0x05)
			return true;
	return false;
}

int code_window(uint64_t start, uint64_t end, uint64_t at, uint8_t bytes[WINDOW_MAX], uint8_t *length)
{
	struct reader r = {.at = start, .end = end};
	struct insn insn, last = {0};
	const uint8_t *p;
	bool found = false;
	uint32_t aims = 0; // bit n: a branch aims n bytes before `at`
	if (end - start > DECODE_MAX)
		return -ENOSPC;
	while (r.at < end && (p = peek(&r, &insn)) != NULL) {
		found |= r.at == at && p[0] == 0x0f && p[1] == 0x05;
		r.at += insn.length;
		if (r.at == at) {
			last = insn;
			memcpy(bytes, p, insn.length);
		}
		uint64_t before = at - (r.at + (uint64_t)(int64_t)insn.target);
		if (insn.branch && before < WINDOW_MAX)
			aims |= 1u << before;
	}
	*length = last.length;
	if (!found || !last.length)
		return -ENOENT;
	// A jump past a prefix, say. And code that is not understood is not safe.
	bool entered = aims & ((1u << last.length) - 2) || r.at != end;
	return !movable(&last) || hides_syscall(bytes, last.length) || entered ? -EINVAL : 0;
}

size_t code_scan(const uint8_t *code, size_t len)
{
	const uint64_t ones = ~0ull / 255;
	uint64_t next;
	for (size_t i = 0; i + SYSCALL_SIZE <= len; i++) {
		for (; i + 1 + sizeof(next) <= len; i += sizeof(next)) { // a step for all bytes that have no 05 behind them
			memcpy(&next, code + i + 1, sizeof(next));
			next ^= 5 * ones;
			if ((next - ones) & ~next & 128 * ones)
				break;
		}
		for (size_t stop = MIN(i + sizeof(next), len - 1); i < stop; i++)
			if (code[i] == 0x0f && code[i + 1] == 0x05)
				return i;
		i--;
	}
	return len;
}

uint64_t code_signal_return(uint64_t early)
{
	// mov $__NR_rt_sigreturn, %rax; syscall
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	uint8_t is[1 + sizeof(code)];
	return user_get(is, (const void *)early) || memcmp(is + 1, code, sizeof(code)) ? 0 : early + 1;
}

// int3, or what assemblers fill with: nop of any length.
static bool is_padding(const struct insn *i, const uint8_t *p)
{
	bool nop = i->encoding == INSN_LEGACY &&
		   ((i->map == INSN_MAP_ONE_BYTE && i->opcode == 0x90) || (i->map == INSN_MAP_0F && i->opcode == 0x1f));
	return nop || *p == 0xcc;
}

uint64_t code_find_padding(uint64_t start, uint64_t end, uint64_t limit, uint64_t window)
{
	struct reader r = {.at = start, .end = limit};
	struct insn insn;
	const uint8_t *p;
	uint64_t run = 0; // where padding began that follows an instruction that never goes on
	uint8_t hop[HOP_SIZE];
	bool dead = false;
	if (limit - start > DECODE_MAX)
		return 0;
	while (r.at < limit && (p = peek(&r, &insn)) != NULL) {
		run = !dead || !is_padding(&insn, p) ? 0 : run ? run : r.at;
		dead = run || insn.ends_flow;
		r.at += insn.length;
		if (run && r.at - run >= JUMP_SIZE && code_make_hop(hop, window, run) &&
		    !site_occupies(mm_current(), run, JUMP_SIZE) && !aimed_at(start, MAX(end, run), run, JUMP_SIZE))
			return run;
	}
	return 0;
}

// --- calls ------------------------------------------------------------------------------------------------------

static int64_t distance_at(const uint8_t *p)
{
	int32_t d;
	memcpy(&d, p, sizeof(d));
	return d;
}

// A function that is only a jump: where it goes. jmp *slot(%rip) is what linkers make, behind endbr64 and bnd. Else
// `va` itself.
static uint64_t through_jump(uint64_t va)
{
	uint8_t code[11];
	uint64_t slot;
	if (user_get(code, (const void *)va))
		return va;
	uint64_t at = memcmp(code, (const uint8_t[]){0xf3, 0x0f, 0x1e, 0xfa}, 4) == 0 ? 4 : 0;
	at += code[at] == 0xf2;
	if (code[at] == 0xe9)
		return va + at + JUMP_SIZE + (uint64_t)distance_at(code + at + 1);
	if (code[at] != 0xff || code[at + 1] != 0x25 || at + JMP_SIZE > sizeof(code) ||
	    user_get(slot, (const void *)(va + at + JMP_SIZE + (uint64_t)distance_at(code + at + 2))))
		return va;
	return slot;
}

bool code_call_target(uint64_t ret, uint64_t *target)
{
	uint8_t code[6];
	if (user_get(code, (const void *)(ret - sizeof(code))))
		return false;
	if (code[1] == 0xe8) { // call
		*target = through_jump(ret + (uint64_t)distance_at(code + 2));
		return true;
	}
	if (code[0] == 0xff && code[1] == 0x15) // call *slot(%rip)
		return !user_get(*target, (const void *)(ret + (uint64_t)distance_at(code + 2)));
	if (code[4] != 0xff || (code[5] & 0xf8) != 0xd0)
		return false;
	// call *%register: where a thread or a callback begins. What is called may not have used the register since.
	const struct frame *f = thread_current()->frame;
	const uint64_t low[] = {f->rax, f->rcx, f->rdx, f->rbx, 0, f->rbp, f->rsi, f->rdi};
	const uint64_t high[] = {f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};
	*target = (code[3] == 0x41 ? high : low)[code[5] & 7];
	return true;
}

// --- writing ------------------------------------------------------------------------------------------------------

static bool put_distance(uint8_t *out, uint64_t next, uint64_t target)
{
	int64_t d = (int64_t)(target - next);
	int32_t d32 = (int32_t)d;
	memcpy(out, &d32, sizeof(d32));
	return d32 == d;
}

void code_make_jump(uint8_t out[JUMP_SIZE], uint64_t from, uint64_t to)
{
	out[0] = 0xe9;
	bool ok = put_distance(out + 1, from + JUMP_SIZE, to);
	assert(ok); // area_near()
}

void code_jump_range(const uint8_t bytes[JUMP_SIZE], uint8_t written, uint64_t from, uint64_t *lo, uint64_t *hi)
{
	int32_t d;
	memcpy(&d, bytes + 1, sizeof(d));
	uint32_t ours = (1u << 8 * (written - 1)) - 1;
	*lo = from + JUMP_SIZE + (uint64_t)(int64_t)(int32_t)((uint32_t)d & ~ours);
	*hi = *lo + ours;
}

bool code_make_hop(uint8_t out[HOP_SIZE], uint64_t from, uint64_t to)
{
	int64_t d = (int64_t)(to - (from + HOP_SIZE));
	out[0] = 0xeb;
	out[1] = (uint8_t)d;
	return (int8_t)d == d;
}

void code_make_area(void *page)
{
	uint64_t entry = (uint64_t)call_entry;
	memcpy(page, &entry, sizeof(entry));
}

int code_make_stub(uint8_t out[STUB_SIZE], uint64_t va, uint64_t area_va, uint64_t at, const uint8_t *window,
		   uint8_t length)
{
	struct insn insn;
	uint8_t *p = out;
	bool ok = insn_length(window, length, &insn) == length;
	assert(ok);
	memcpy(p, window, length);
	if (insn.rip_relative) {
		int32_t d;
		memcpy(&d, window + insn.disp_offset, sizeof(d));
		if (!put_distance(p + insn.disp_offset, va + length, at + (uint64_t)(int64_t)d))
			return -EINVAL;
	}
	p += length;
	memcpy(p, (uint8_t[]){0x48, 0x8d, 0x0d}, 3);
	if (!put_distance(p + 3, va + length + LEA_SIZE, at + SYSCALL_SIZE))
		return -EINVAL;
	p += LEA_SIZE;
	memcpy(p, (uint8_t[]){0xff, 0x25}, 2);
	put_distance(p + 2, va + length + LEA_SIZE + JMP_SIZE, area_va);
	out[STUB_SIZE - 1] = length;
	return 0;
}

uint64_t code_settle(const uint8_t stub[STUB_SIZE], uint64_t stub_va, uint64_t pc)
{
	uint8_t length = stub[STUB_SIZE - 1];
	int32_t d;
	memcpy(&d, stub + length + 3, sizeof(d));
	uint64_t at = stub_va + length + LEA_SIZE + (uint64_t)(int64_t)d - SYSCALL_SIZE;
	return pc == stub_va ? at - length : at; // the window done: rcx is the call's to change
}
