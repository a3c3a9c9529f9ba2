// SPDX-License-Identifier: MIT
//
// The tracer's line: "[tid] name(args) = result". The line is written when the call has returned, with
// strings and structures the program passes in read beforehand (execve and the like destroy them);
// calls that never return are written on entry.
#include "sys/trace.h"

#include <linux/errno.h>

#include "base/string.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/errno_name.h"

#define LINE_SIZE 512

static uint64_t wanted[8]; // bit per call number
static bool show_tid;

static bool filter_has(const char *filter, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = filter; *p;) {
		const char *end = strchr(p, ',');
		size_t n = end ? (size_t)(end - p) : strlen(p);
		if (n == len && memcmp(p, word, n) == 0)
			return true;
		p += n + (end != NULL);
	}
	return false;
}

void trace_init(const char *filter)
{
	static const char class_name[][8] = {"other",	"file",	   "desc", "memory", "signal",
					     "network", "process", "time", "futex",  "sched"};
	for (unsigned nr = 0; nr < sys_count && nr < 64 * ARRAY_SIZE(wanted); nr++) {
		const char *name = sys_name(nr);
		if (name &&
		    (!*filter || filter_has(filter, name) || filter_has(filter, class_name[sys_row(nr)->class])))
			wanted[nr / 64] |= 1ull << nr % 64;
	}
	trace_on = true;
}

static void line_write(const char *buf, size_t len)
{
	static struct abi_console_request req;
	while (len) {
		req = (struct abi_console_request){.op = ABI_CONSOLE_WRITE, .stream = 2, .buffer_count = 1};
		req.buffer[0] = (struct abi_buffer){plat_virt_to_phys(buf), len};
		int64_t n = plat_console(&req);
		if (n == -EAGAIN) {
			arch_pause();
			continue;
		}
		if (n <= 0)
			return;
		buf += n;
		len -= (size_t)n;
	}
}

// Kernel stacks lie in the direct map, but lines outlive a sleep: one buffer per kernel stack frame.
struct line {
	char buf[LINE_SIZE];
	struct text text;
};

static void line_begin(struct line *line)
{
	line->text = (struct text){line->buf, LINE_SIZE - 1, 0};
	struct thread *t = thread_current();
	if (t->process->thread_count > 1)
		show_tid = true;
	if (show_tid)
		text_append(&line->text, "[%5d] ", t->tid);
}

static void line_end(struct line *line)
{
	size_t len = MIN(line->text.len, (size_t)LINE_SIZE - 2);
	line->buf[len++] = '\n';
	line_write(line->buf, len);
}

static bool never_returns(uint64_t nr)
{
	return nr == __NR_exit || nr == __NR_exit_group || nr == __NR_execve || nr == __NR_rt_sigreturn;
}

static void append_call(struct line *line, uint64_t nr, const struct frame *frame, uint64_t result, bool entering)
{
	const struct sys_row *row = sys_row(nr);
	if (!row)
		text_append(&line->text, "syscall_%lu(", nr);
	else
		text_append(&line->text, "%s(", sys_name(nr));
	for (int i = 0; row && i < SYS_MAX_ARGS && sys_row_arg(row, i); i++) {
		if (i)
			text_append(&line->text, ", ");
		// read(2)-like calls: what the buffer holds now is worth seeing only after the call
		trace_decode(&line->text, sys_row_arg(row, i), frame_arg(frame, i), result, entering);
	}
	text_append(&line->text, ")");
}

bool trace_enter(uint64_t nr, const struct frame *frame)
{
	if (nr < 64 * ARRAY_SIZE(wanted) && !(wanted[nr / 64] & (1ull << nr % 64)))
		return false;
	if (!never_returns(nr))
		return true;
	struct line line;
	line_begin(&line);
	append_call(&line, nr, frame, 0, true);
	line_end(&line);
	return nr == __NR_execve;
}

void trace_leave(uint64_t nr, const struct frame *frame, long result)
{
	struct line line;
	line_begin(&line);
	if (nr == __NR_execve) {
		if (result == 0)
			return;
		text_append(&line.text, "execve(...)");
	} else {
		append_call(&line, nr, frame, (uint64_t)result, false);
	}
	const char *name;
	const struct sys_row *row = sys_row(nr);
	if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
		text_append(&line.text, " = ? (interrupted by a signal)");
	else if (result < 0 && result >= -4095 && (name = errno_name((int)-result)))
		text_append(&line.text, " = -1 %s", name);
	else if (row && row->class == CLASS_MEMORY && (uint64_t)result > PAGE_SIZE)
		text_append(&line.text, " = 0x%lx", result);
	else
		text_append(&line.text, " = %ld", result);
	line_end(&line);
}

void trace_signal(int sig, int code, uint64_t addr)
{
	struct line line;
	line_begin(&line);
	text_append(&line.text, "--- SIG%s {si_code=%d, si_addr=0x%lx} ---", signal_name(sig), code, addr);
	line_end(&line);
}

void trace_exit(int status)
{
	struct line line;
	line_begin(&line);
	if (status & 0x7f)
		text_append(&line.text, "+++ killed by SIG%s +++", signal_name(status & 0x7f));
	else
		text_append(&line.text, "+++ exited with %d +++", status >> 8 & 0xff);
	line_end(&line);
}
