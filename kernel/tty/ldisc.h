// SPDX-License-Identifier: MIT
//
// N_TTY's line discipline as pure state: bytes come in from the keyboard's side (ldisc_input), are edited,
// echoed and kept until read; bytes from the program are processed on their way out (ldisc_output).
// Never sleeps and wakes nobody: pty.c does. termios(3).
#ifndef WHELK_TTY_LDISC_H
#define WHELK_TTY_LDISC_H

#include <asm/termbits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LDISC_SIZE 4096

struct ldisc {
	struct termios termios;
	uint8_t buf[LDISC_SIZE];
	uint64_t mark[LDISC_SIZE / 64]; // ends of lines; on a 0 byte: end of file, not part of the data
	uint32_t head, tail;		// bytes [tail, head), counting up for ever
	uint32_t line_start;		// where the line being edited begins
	uint32_t lines;			// complete ones
	uint32_t column, line_column;	// of the cursor; where the line began
	bool literal;			// VLNEXT was typed
	bool stopped;			// VSTOP
	bool erasing;			// within ECHOPRT's \.../
	void *arg;
	void (*echo)(void *arg, const char *buf, size_t len); // to the other side
	void (*signal)(void *arg, int sig);
	void (*flush_output)(void *arg);
	void (*start_stop)(void *arg, bool stopped);
};

void ldisc_init(struct ldisc *l);
void ldisc_set_termios(struct ldisc *l, const struct termios *t);
bool ldisc_input(struct ldisc *l, uint8_t c); // false: no room, not taken
bool ldisc_has_room(const struct ldisc *l);
bool ldisc_readable(const struct ldisc *l);   // a read would give something (a line, or VMIN bytes)
size_t ldisc_available(const struct ldisc *l);
// Takes up to `len` bytes, at most one line in canonical mode. *eof: end of file stood there.
size_t ldisc_read(struct ldisc *l, uint8_t *out, size_t len, bool *eof);
void ldisc_flush_input(struct ldisc *l);
// What to send for one byte written: its length (0..8 bytes in out).
size_t ldisc_output(struct ldisc *l, uint8_t c, char out[8]);

#endif
