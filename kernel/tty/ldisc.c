// SPDX-License-Identifier: MIT
//
// The line discipline. See ldisc.h.
#include "tty/ldisc.h"

#include <asm/signal.h>

#include "base/string.h"
#include "base/util.h"

#define AT(n) ((n) % LDISC_SIZE)
#define NO_CHAR 0 // _POSIX_VDISABLE

static bool flag_i(const struct ldisc *l, tcflag_t f) { return l->termios.c_iflag & f; }
static bool flag_o(const struct ldisc *l, tcflag_t f) { return l->termios.c_oflag & f; }
static bool flag_l(const struct ldisc *l, tcflag_t f) { return l->termios.c_lflag & f; }
static bool is_cc(const struct ldisc *l, int which, uint8_t c) { return c == l->termios.c_cc[which] && c != NO_CHAR; }

static bool marked(const struct ldisc *l, uint32_t n) { return l->mark[AT(n) / 64] >> AT(n) % 64 & 1; }

static void set_mark(struct ldisc *l, uint32_t n, bool on)
{
	uint64_t bit = 1ull << AT(n) % 64;
	if (on)
		l->mark[AT(n) / 64] |= bit;
	else
		l->mark[AT(n) / 64] &= ~bit;
}

void ldisc_init(struct ldisc *l)
{
	static const cc_t cc[NCCS] = {[VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
				      [VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
				      [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22};
	memset(l, 0, sizeof *l);
	l->termios.c_iflag = ICRNL | IXON;
	l->termios.c_oflag = OPOST | ONLCR;
	l->termios.c_cflag = B38400 | CS8 | CREAD;
	l->termios.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	memcpy(l->termios.c_cc, cc, sizeof cc);
}

void ldisc_set_termios(struct ldisc *l, const struct termios *t)
{
	bool was = flag_l(l, ICANON), is = t->c_lflag & ICANON;
	l->termios = *t;
	l->literal = false;
	if (is && !was) { // what is there becomes the line being edited
		l->line_start = l->tail;
		l->lines = 0;
		memset(l->mark, 0, sizeof l->mark);
	} else if (!is && was) {
		for (uint32_t n = l->tail; n != l->head; n++) // an end-of-file mark is no data
			if (marked(l, n) && !l->buf[AT(n)])
				l->buf[AT(n)] = l->termios.c_cc[VEOF];
		memset(l->mark, 0, sizeof l->mark);
		l->lines = 0;
		l->line_start = l->head;
	}
	if (!(t->c_iflag & IXON) && l->stopped) {
		l->stopped = false;
		if (l->start_stop)
			l->start_stop(l->arg, false);
	}
}

size_t ldisc_available(const struct ldisc *l)
{
	return flag_l(l, ICANON) ? (l->lines ? l->line_start - l->tail : 0) : l->head - l->tail;
}
bool ldisc_has_room(const struct ldisc *l)
{
	return l->head - l->tail < LDISC_SIZE - 1 || (flag_l(l, ICANON) && !l->lines);
}

bool ldisc_readable(const struct ldisc *l)
{
	if (flag_l(l, ICANON))
		return l->lines > 0;
	uint32_t min = l->termios.c_cc[VTIME] ? 1 : l->termios.c_cc[VMIN];
	return l->head - l->tail >= (min ? min : 1);
}

void ldisc_flush_input(struct ldisc *l)
{
	l->head = l->tail = l->line_start = 0;
	l->lines = 0;
	l->literal = false;
	memset(l->mark, 0, sizeof l->mark);
}

// --- output ---------------------------------------------------------------------------------------------

size_t ldisc_output(struct ldisc *l, uint8_t c, char out[8])
{
	size_t n = 0;
	if (!flag_o(l, OPOST)) {
		out[0] = (char)c;
		return 1;
	}
	switch (c) {
	case '\n':
		if (flag_o(l, ONLRET))
			l->column = 0;
		if (flag_o(l, ONLCR)) {
			out[n++] = '\r';
			l->column = 0;
		}
		out[n++] = '\n';
		return n;
	case '\r':
		if (flag_o(l, ONOCR) && !l->column)
			return 0;
		if (flag_o(l, OCRNL)) {
			out[0] = '\n';
			if (flag_o(l, ONLRET))
				l->column = 0;
			return 1;
		}
		l->column = 0;
		out[0] = '\r';
		return 1;
	case '\t': {
		uint32_t spaces = 8 - (l->column & 7);
		l->column += spaces;
		if ((l->termios.c_oflag & TABDLY) != XTABS) {
			out[0] = '\t';
			return 1;
		}
		memset(out, ' ', spaces);
		return spaces;
	}
	case '\b':
		if (l->column)
			l->column--;
		break;
	default:
		if (flag_o(l, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (c >= ' ' && c != 127 && (c & 0xc0) != 0x80) // the rest of a UTF-8 sequence takes no place
			l->column++;
	}
	out[0] = (char)c;
	return 1;
}

// --- echo ---------------------------------------------------------------------------------------------------

static void send(struct ldisc *l, const char *text, size_t len)
{
	if (l->echo && len)
		l->echo(l->arg, text, len);
}

static void echo_raw(struct ldisc *l, uint8_t c)
{
	char out[8];
	send(l, out, ldisc_output(l, c, out));
}

static bool is_control(uint8_t c) { return (c < ' ' && c != '\t') || c == 127; }

static void echo_char(struct ldisc *l, uint8_t c)
{
	if (flag_l(l, ECHOCTL) && is_control(c) && c != '\n') {
		char text[2] = {'^', (char)(c ^ 0100)};
		send(l, text, 2);
		l->column += 2;
	} else {
		echo_raw(l, c);
	}
}

// --- editing --------------------------------------------------------------------------------------------------

static void append(struct ldisc *l, uint8_t c)
{
	l->buf[AT(l->head)] = c;
	set_mark(l, l->head, false);
	l->head++;
}

static void end_line(struct ldisc *l, uint8_t c)
{
	append(l, c);
	set_mark(l, l->head - 1, true);
	l->line_start = l->head;
	l->lines++;
	l->line_column = l->column;
}

// The column the cursor stands at after the line up to `end`.
static uint32_t column_at(const struct ldisc *l, uint32_t end)
{
	uint32_t column = l->line_column;
	for (uint32_t n = l->line_start; n != end; n++) {
		uint8_t c = l->buf[AT(n)];
		if (c == '\t')
			column = (column | 7) + 1;
		else if (is_control(c))
			column += flag_l(l, ECHOCTL) ? 2 : 0;
		else if ((c & 0xc0) != 0x80 || !flag_i(l, IUTF8))
			column++;
	}
	return column;
}

static void erase_one(struct ldisc *l)
{
	do // with IUTF8 a whole character
		l->head--;
	while (flag_i(l, IUTF8) && l->head != l->line_start && (l->buf[AT(l->head)] & 0xc0) == 0x80);
}

static void echo_erased(struct ldisc *l)
{
	uint32_t to = column_at(l, l->head);
	while (l->column > to) {
		send(l, "\b \b", 3);
		l->column--;
	}
}

static void erase_char(struct ldisc *l, uint8_t c)
{
	if (l->head == l->line_start)
		return;
	erase_one(l);
	if (!flag_l(l, ECHO))
		return;
	if (flag_l(l, ECHOE))
		echo_erased(l);
	else
		echo_char(l, c);
}

static void erase_word(struct ldisc *l)
{
	bool seen = false;
	while (l->head != l->line_start) {
		uint8_t c = l->buf[AT(l->head - 1)];
		bool word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c >= 128;
		if (!word && seen)
			break;
		seen |= word;
		erase_one(l);
	}
	if (flag_l(l, ECHO))
		echo_erased(l);
}

static void erase_line(struct ldisc *l, uint8_t c)
{
	l->head = l->line_start;
	if (!flag_l(l, ECHO))
		return;
	if (flag_l(l, ECHOK) && flag_l(l, ECHOKE) && flag_l(l, ECHOE)) {
		echo_erased(l);
	} else {
		echo_char(l, c);
		if (flag_l(l, ECHOK))
			echo_raw(l, '\n');
	}
}

static void reprint(struct ldisc *l, uint8_t c)
{
	if (!flag_l(l, ECHO))
		return;
	echo_char(l, c);
	echo_raw(l, '\n');
	l->line_column = l->column;
	for (uint32_t n = l->line_start; n != l->head; n++)
		echo_char(l, l->buf[AT(n)]);
}

// --- input ------------------------------------------------------------------------------------------------------

static bool input_signal(struct ldisc *l, uint8_t c)
{
	int sig = is_cc(l, VINTR, c) ? SIGINT : is_cc(l, VQUIT, c) ? SIGQUIT : is_cc(l, VSUSP, c) ? SIGTSTP : 0;
	if (!sig)
		return false;
	if (!flag_l(l, NOFLSH)) {
		ldisc_flush_input(l);
		if (l->flush_output)
			l->flush_output(l->arg);
	}
	if (flag_l(l, ECHO))
		echo_char(l, c);
	if (l->signal)
		l->signal(l->arg, sig);
	return true;
}

static bool input_flow(struct ldisc *l, uint8_t c)
{
	bool start = is_cc(l, VSTART, c), stop = is_cc(l, VSTOP, c);
	if (!start && !stop) {
		if (l->stopped && flag_i(l, IXANY)) {
			l->stopped = false;
			l->start_stop(l->arg, false);
		}
		return false;
	}
	bool to = start ? false : true;
	if (l->stopped != to) {
		l->stopped = to;
		if (l->start_stop)
			l->start_stop(l->arg, to);
	}
	return true;
}

// Canonical mode's own characters.
static bool input_edit(struct ldisc *l, uint8_t c)
{
	if (is_cc(l, VERASE, c))
		erase_char(l, c);
	else if (is_cc(l, VKILL, c))
		erase_line(l, c);
	else if (flag_l(l, IEXTEN) && is_cc(l, VWERASE, c))
		erase_word(l);
	else if (flag_l(l, IEXTEN) && is_cc(l, VREPRINT, c))
		reprint(l, c);
	else if (is_cc(l, VEOF, c))
		end_line(l, 0);
	else if (c == '\n') {
		if (flag_l(l, ECHO) || flag_l(l, ECHONL))
			echo_raw(l, '\n');
		end_line(l, c);
	} else if (is_cc(l, VEOL, c) || (flag_l(l, IEXTEN) && is_cc(l, VEOL2, c))) {
		if (flag_l(l, ECHO))
			echo_char(l, c);
		end_line(l, c);
	} else {
		return false;
	}
	return true;
}

static bool input_plain(struct ldisc *l, uint8_t c)
{
	// In canonical mode the last place is kept for the end of the line.
	uint32_t limit = LDISC_SIZE - 1 - (flag_l(l, ICANON) ? 1 : 0);
	if (l->head - l->tail >= limit) {
		if (!flag_l(l, ICANON))
			return false;
		if (flag_i(l, IMAXBEL))
			send(l, "\a", 1);
		return true; // an overlong line loses what does not fit
	}
	if (l->head == l->line_start)
		l->line_column = l->column;
	if (flag_l(l, ECHO))
		echo_char(l, c);
	append(l, c);
	return true;
}

bool ldisc_input(struct ldisc *l, uint8_t c)
{
	if (!ldisc_has_room(l))
		return false;
	if (flag_i(l, ISTRIP))
		c &= 0x7f;
	if (l->literal) {
		l->literal = false;
		return input_plain(l, c);
	}
	if (flag_i(l, IXON) && input_flow(l, c))
		return true;
	if (flag_l(l, ISIG) && input_signal(l, c))
		return true;
	if (c == '\r') {
		if (flag_i(l, IGNCR))
			return true;
		if (flag_i(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && flag_i(l, INLCR)) {
		c = '\r';
	}
	if (flag_l(l, ICANON)) {
		if (flag_l(l, IEXTEN) && is_cc(l, VLNEXT, c)) {
			l->literal = true;
			if (flag_l(l, ECHO) && flag_l(l, ECHOCTL))
				send(l, "^\b", 2);
			return true;
		}
		if (input_edit(l, c))
			return true;
	}
	return input_plain(l, c);
}

size_t ldisc_read(struct ldisc *l, uint8_t *out, size_t len, bool *eof)
{
	bool canonical = flag_l(l, ICANON);
	uint32_t end = canonical ? l->line_start : l->head;
	size_t n = 0;
	*eof = false;
	if (canonical && !l->lines)
		return 0;
	while (l->tail != end) {
		uint8_t c = l->buf[AT(l->tail)];
		bool last = canonical && marked(l, l->tail);
		if (last && !c) { // end of file: taken even when the buffer is full, as part of this line
			*eof = n == 0;
		} else {
			if (n == len)
				break;
			out[n++] = c;
		}
		set_mark(l, l->tail, false);
		l->tail++;
		if (last) {
			l->lines--;
			break;
		}
	}
	return n;
}
