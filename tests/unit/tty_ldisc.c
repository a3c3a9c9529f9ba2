// SPDX-License-Identifier: MIT
//
// The line discipline: editing, echo, signals, end of file, raw mode, output processing.
#include "vfs_stubs.h"

#include "tty/ldisc.h"

static char echoed[16384];
static size_t echo_len;
static int got_signal;

static void echo(void *arg, const char *buf, size_t len)
{
	(void)arg;
	memcpy(echoed + echo_len, buf, len);
	echo_len += len;
}
static void on_signal(void *arg, int sig) { (void)arg, got_signal = sig; }

static void type(struct ldisc *l, const char *text)
{
	for (; *text; text++)
		CHECK(ldisc_input(l, (uint8_t)*text));
}

static bool echo_is(const char *text)
{
	bool same = echo_len == strlen(text) && !memcmp(echoed, text, echo_len);
	if (!same)
		printf("echoed: %.*s\n", (int)echo_len, echoed);
	echo_len = 0;
	return same;
}

static bool reads(struct ldisc *l, const char *text)
{
	uint8_t buf[256];
	bool eof;
	size_t n = ldisc_read(l, buf, sizeof buf, &eof);
	return n == strlen(text) && !memcmp(buf, text, n) && !eof;
}

static struct ldisc *fresh(void)
{
	static struct ldisc l;
	ldisc_init(&l);
	l.echo = echo;
	l.signal = on_signal;
	echo_len = 0;
	got_signal = 0;
	return &l;
}

int main(void)
{
	uint8_t buf[16];
	bool eof;
	struct ldisc *l = fresh();

	type(l, "ab");
	CHECK(!ldisc_readable(l) && ldisc_available(l) == 0);
	type(l, "\r"); // ICRNL
	CHECK(ldisc_readable(l));
	CHECK(echo_is("ab\r\n"));
	CHECK(reads(l, "ab\n"));
	CHECK(!ldisc_readable(l));

	type(l, "helo\177\177llo\n"); // ERASE twice
	CHECK(echo_is("helo\b \b\b \bllo\r\n"));
	CHECK(reads(l, "hello\n"));
	type(l, "\177x\n"); // nothing to erase
	CHECK(echo_is("x\r\n") && reads(l, "x\n"));
	type(l, "one two\027zwei\n"); // WERASE
	CHECK(echo_is("one two\b \b\b \b\b \bzwei\r\n") && reads(l, "one zwei\n"));
	type(l, "abc\025de\n"); // KILL
	CHECK(echo_is("abc\b \b\b \b\b \bde\r\n") && reads(l, "de\n"));
	type(l, "\001\177b\n"); // ^A takes two places
	CHECK(echo_is("^A\b \b\b \bb\r\n") && reads(l, "b\n"));
	type(l, "\026\003\n"); // LNEXT: the next is data
	CHECK(got_signal == 0 && reads(l, "\003\n"));

	l = fresh();
	type(l, "partial\004"); // EOF after text: a line without a newline
	CHECK(reads(l, "partial"));
	type(l, "\004");
	CHECK(ldisc_readable(l));
	CHECK_EQ(ldisc_read(l, buf, sizeof buf, &eof), 0);
	CHECK(eof && !ldisc_readable(l));
	type(l, "first\nsecond\n"); // one line at a time, and a short buffer
	CHECK_EQ(ldisc_read(l, buf, 3, &eof), 3);
	CHECK(reads(l, "st\n") && reads(l, "second\n"));

	l = fresh();
	type(l, "gone\003"); // INTR flushes
	CHECK_EQ(got_signal, 2);
	CHECK(echo_is("gone^C") && !ldisc_readable(l));
	type(l, "\034");
	CHECK_EQ(got_signal, 3);
	type(l, "\032");
	CHECK_EQ(got_signal, 20);

	l = fresh();
	struct termios raw = l->termios; // raw, as cfmakeraw
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
	ldisc_set_termios(l, &raw);
	type(l, "a\r\003\177");
	CHECK(got_signal == 0 && echo_is("") && ldisc_available(l) == 4);
	CHECK(reads(l, "a\r\003\177"));
	raw.c_cc[VMIN] = 3;
	ldisc_set_termios(l, &raw);
	type(l, "ab");
	CHECK(!ldisc_readable(l));
	type(l, "c");
	CHECK(ldisc_readable(l));
	CHECK(reads(l, "abc"));
	int taken = 0;
	while (ldisc_input(l, 'x')) // the buffer ends
		taken++;
	CHECK_EQ(taken, LDISC_SIZE - 1);

	l = fresh(); // a line that is too long keeps its end
	for (int i = 0; i < 6000; i++)
		ldisc_input(l, 'y');
	echo_len = 0;
	l->echo = NULL;
	type(l, "\n");
	CHECK(ldisc_readable(l));
	CHECK(!ldisc_has_room(l) || l->head - l->tail < LDISC_SIZE);

	char out[8];
	l = fresh();
	CHECK_EQ(ldisc_output(l, '\n', out), 2);
	CHECK(out[0] == '\r' && out[1] == '\n');
	l->termios.c_oflag |= XTABS;
	ldisc_output(l, 'a', out);
	CHECK_EQ(ldisc_output(l, '\t', out), 7);
	l->termios.c_oflag &= ~(tcflag_t)OPOST;
	CHECK_EQ(ldisc_output(l, '\n', out), 1);
	printf("ok tty_ldisc\n");
	return 0;
}
