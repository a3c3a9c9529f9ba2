// SPDX-License-Identifier: MIT
#include "monitor/json.h"

#include <string.h>

// Length of the UTF-8 sequence at s, 0 if it is none: RFC 3629.
static unsigned utf8(const unsigned char *s)
{
	unsigned n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void json_string(FILE *f, const char *text)
{
	putc('"', f);
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		unsigned n;
		if (*s == '"' || *s == '\\') {
			fprintf(f, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(f, "\\u%04x", *s);
		} else if (*s < 0x80) {
			putc(*s, f);
		} else if ((n = utf8(s)) != 0) {
			fwrite(s, 1, n, f);
			s += n - 1;
		} else {
			fputs("\\ufffd", f);
		}
	}
	putc('"', f);
}
