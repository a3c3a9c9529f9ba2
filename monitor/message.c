// SPDX-License-Identifier: MIT
//
// One line, one write(2): lines of several threads do not mix.
#include "monitor/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int message_verbose;
int message_fd = STDERR_FILENO;

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char text[1024], line[2100];
	size_t n = strlen(prefix);

	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(line, prefix, n);
	message_escape(line + n, sizeof(line) - n - 1, text, sizeof(text));
	n = strlen(line);
	line[n++] = '\n';
	// Nowhere is left to complain about a failure here.
	if (write(__atomic_load_n(&message_fd, __ATOMIC_SEQ_CST), line, n) < 0)
		return;
}

void message(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("whelk: ", fmt, ap);
	va_end(ap);
}

void message_plain(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

const char *message_escape(char *buf, size_t size, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < len && text[i] && n + 5 <= size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x20 && c != 0x7f) {
			buf[n++] = (char)c;
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = 'x';
		buf[n++] = hex[c >> 4];
		buf[n++] = hex[c & 15];
	}
	buf[n] = '\0';
	return buf;
}
