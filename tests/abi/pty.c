// SPDX-License-Identifier: MIT
//
// Pseudo-terminals: line editing, echo, signals' characters, raw mode, size, hang-up.
#include "test.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;

static void type(const char *text)
{
	CHECK_EQ(write(m, text, strlen(text)), (long)strlen(text));
}

// What comes out of fd, with control characters shown.
static void show(const char *what, int fd)
{
	char b[512];
	struct pollfd p = {fd, POLLIN, 0};
	printf("%s:", what);
	for (int wait = 200; poll(&p, 1, wait) > 0 && (p.revents & POLLIN); wait = 5) {
		long r = read(fd, b, sizeof b);
		if (r <= 0)
			break;
		for (long i = 0; i < r; i++)
			if (b[i] < ' ' || b[i] > '~')
				printf("\\%o", (unsigned char)b[i]);
			else
				putchar(b[i]);
		putchar('|');
	}
	printf("\n");
}

int main(void)
{
	struct winsize ws = {.ws_row = 33, .ws_col = 99}, got = {0};
	char name[64];
	NEED(openpty(&m, &s, name, NULL, &ws) == 0);
	CHECK(!strncmp(name, "/dev/pts/", 9));
	CHECK(isatty(m) && isatty(s));
	CHECK(!strcmp(ttyname(s), name));
	CHECK_EQ(ioctl(s, TIOCGWINSZ, &got), 0);
	CHECK(got.ws_row == 33 && got.ws_col == 99);
	ws.ws_col = 120;
	CHECK_EQ(ioctl(m, TIOCSWINSZ, &ws), 0);
	CHECK_EQ(ioctl(s, TIOCGWINSZ, &got), 0);
	CHECK_EQ(got.ws_col, 120);
	struct stat st;
	CHECK_EQ(fstat(s, &st), 0);
	CHECK(S_ISCHR(st.st_mode));

	struct termios t;
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
	CHECK(t.c_oflag & ONLCR);
	CHECK_EQ(t.c_cc[VINTR], 3);
	CHECK_EQ(t.c_cc[VERASE], 0177);
	CHECK_EQ(t.c_cc[VEOF], 4);

	// Lines: nothing to read before the newline; erase and kill edit; what is written is echoed.
	type("helxx");
	struct pollfd p = {s, POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 30), 0);
	type("\177\177lo\n");
	show("line", s);
	show("echo", m);
	type("wrong\025right\n");
	show("kill", s);
	show("kill echo", m);
	type("one two\027three\nnext line\n");
	show("two lines", s);
	show("echo", m);
	type("no newline\004");
	show("eof after text", s);
	show("echo", m);
	type("\004");
	char b[16];
	CHECK_EQ(read(s, b, sizeof b), 0);
	CHECK_EQ(write(s, "out\n", 4), 4);
	show("output", m);
	type("a\rb\n"); // ICRNL
	show("carriage return", s);
	show("echo", m);

	// Raw: byte for byte.
	struct termios raw = t;
	cfmakeraw(&raw);
	CHECK_EQ(tcsetattr(s, TCSANOW, &raw), 0);
	type("x\003\177\r");
	show("raw", s);
	show("no echo", m);
	CHECK_EQ(write(s, "a\nb", 3), 3);
	show("raw output", m);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 1;
	CHECK_EQ(tcsetattr(s, TCSANOW, &raw), 0);
	int64_t begin = now_ms();
	CHECK_EQ(read(s, b, 4), 0);
	CHECK(now_ms() - begin >= 80);
	int n = 0;
	type("abc");
	sleep_ms(20);
	CHECK_EQ(ioctl(s, FIONREAD, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(tcflush(s, TCIFLUSH), 0);
	CHECK_EQ(ioctl(s, FIONREAD, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
	struct termios back;
	CHECK_EQ(tcgetattr(s, &back), 0);
	CHECK_EQ(back.c_lflag, t.c_lflag);

	// Nobody is left at the other end.
	CHECK_EQ(close(s), 0);
	CHECK_ERR(read(m, b, 1), EIO);
	s = open(name, O_RDWR | O_NOCTTY);
	CHECK(s >= 0);
	CHECK_EQ(write(m, "q\n", 2), 2);
	CHECK_EQ(read(s, b, 16), 2);
	close(m);
	CHECK_EQ(read(s, b, 1), 0);
	CHECK_ERR(write(s, "x", 1), EIO);
	CHECK_ERR(open(name, O_RDWR | O_NOCTTY), ENOENT); // gone with its master
	int file = make_file("f", "");
	CHECK_EQ(isatty(file), 0);
	CHECK_EQ(errno, ENOTTY);
	return test_end();
}
