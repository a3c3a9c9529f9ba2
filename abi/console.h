// SPDX-License-Identifier: MIT
//
// Standard input, output and error: three host descriptors the program may use, whatever
// they are (terminal, pipe, regular file, /dev/null). One request at a time: the kernel fills
// `request`, rings ABI_DOORBELL_CONSOLE, and reads the answer from the same place. No request
// blocks in the monitor: where the host would, the answer is -EAGAIN, and ABI_EVENT_CONSOLE
// follows when the stream is ready for what was asked.
#ifndef WHELK_ABI_CONSOLE_H
#define WHELK_ABI_CONSOLE_H

#include <stdint.h>

enum abi_console_op {
	ABI_CONSOLE_READ = 1, // buffers <- host; result: bytes, 0 at end of file, -errno
	ABI_CONSOLE_WRITE,    // buffers -> host; result: bytes, -errno (-EPIPE without a signal)
	ABI_CONSOLE_POLL,     // arg: POLLIN|POLLOUT wanted; result: revents now; arms ABI_EVENT_CONSOLE for the rest
	ABI_CONSOLE_SEEK,     // arg, arg2: offset, whence; result: new offset, -ESPIPE
	ABI_CONSOLE_STAT,     // buffer 0 <- struct abi_console_stat
	// arg: TCGETS TCSETS{,W,F} TIOCGWINSZ TIOCSWINSZ TCFLSH TCSBRK FIONREAD; buffer 0: the argument
	ABI_CONSOLE_IOCTL,
	ABI_CONSOLE_TRUNCATE, // arg: length
	ABI_CONSOLE_SYNC,
	ABI_CONSOLE_PREAD, // arg: offset
	ABI_CONSOLE_PWRITE, // arg: offset
};

struct abi_console_stat { // the fields of stat(2) a program may look at
	uint64_t dev, ino, nlink, size, blocks, rdev;
	uint32_t mode, uid, gid, blksize;
	int64_t atime_ns, mtime_ns, ctime_ns;
	uint32_t flags; // open flags of the host descriptor: O_ACCMODE | O_APPEND
	uint32_t pad;
};
_Static_assert(sizeof(struct abi_console_stat) == 96, "abi_console_stat layout");

struct abi_buffer {
	uint64_t gpa;
	uint64_t len;
};

#define ABI_CONSOLE_BUFFERS 32

struct abi_console_request {
	uint32_t op;	 // enum abi_console_op
	uint32_t stream; // 0, 1 or 2
	int64_t arg, arg2;
	int64_t result;
	uint32_t buffer_count;
	uint32_t pad;
	struct abi_buffer buffer[ABI_CONSOLE_BUFFERS];
};

// What is there when the machine starts, so that the kernel need not ask.
struct abi_console_start {
	uint32_t known;	    // bit n: stream n, in stat[n] and
	uint32_t terminals; // bit n
	struct abi_console_stat stat[3];
};

struct abi_console {
	// bit 2*stream: readable, 2*stream+1: writable; set by the monitor with ABI_EVENT_CONSOLE, exchanged by the
	// kernel
	uint32_t ready;
	uint32_t pad;
	struct abi_console_request request;
	struct abi_console_start start;
};

#endif
