// SPDX-License-Identifier: MIT
//
// The formatter of format.h: one pass over the format, every character goes through put(), which
// counts all of them and stores those that fit.
#include "base/format.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, plus, space, alt;
	int width, precision; // precision -1: not given
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_repeated(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const char *s, const struct spec *sp)
{
	int len = 0;

	if (!s)
		s = "(null)";
	while ((sp->precision < 0 || len < sp->precision) && s[len])
		len++;
	if (!sp->left)
		put_repeated(o, ' ', sp->width - len);
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		put_repeated(o, ' ', sp->width - len);
}

// `sign`: the character before the digits, or 0.
static void put_number(struct out *o, uint64_t v, unsigned base, bool upper, char sign, const struct spec *sp)
{
	char digits[24]; // 22 octal digits and the `#` zero
	int n = 0, prefix = 0, zeros, pad;
	const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	if (base == 16 && sp->alt && v)
		prefix = 2;
	for (uint64_t rest = v; rest; rest /= base)
		digits[n++] = alphabet[rest % base];
	if (!n && sp->precision != 0)
		digits[n++] = '0';
	if (base == 8 && sp->alt && (!n || digits[n - 1] != '0') && sp->precision <= n)
		digits[n++] = '0';

	zeros = sp->precision > n ? sp->precision - n : 0;
	pad = sp->width - (n + zeros + prefix + (sign != 0));
	if (pad > 0 && sp->zero && !sp->left && sp->precision < 0) {
		zeros += pad;
		pad = 0;
	}
	if (!sp->left)
		put_repeated(o, ' ', pad);
	if (sign)
		put(o, sign);
	if (prefix) {
		put(o, '0');
		put(o, upper ? 'X' : 'x');
	}
	put_repeated(o, '0', zeros);
	while (n)
		put(o, digits[--n]);
	if (sp->left)
		put_repeated(o, ' ', pad);
}

// A decimal number of the format itself, bounded so that a silly one cannot overflow.
static int parse_int(const char **p)
{
	int v = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (v < 100000)
			v = v * 10 + (**p - '0');
	return v;
}

static const char *parse_flags(const char *p, struct spec *sp)
{
	for (;; p++) {
		switch (*p) {
		case '-': sp->left = true; break;
		case '0': sp->zero = true; break;
		case '+': sp->plus = true; break;
		case ' ': sp->space = true; break;
		case '#': sp->alt = true; break;
		default: return p;
		}
	}
}

// Bytes of the argument: 1, 2, 4 or 8.
static const char *parse_length(const char *p, int *bytes)
{
	*bytes = sizeof(int);
	if (*p == 'h') {
		*bytes = sizeof(short);
		if (*++p == 'h') {
			*bytes = sizeof(char);
			p++;
		}
	} else if (*p == 'l' || *p == 'z' || *p == 'j') {
		*bytes = sizeof(long);
		if (*p++ == 'l' && *p == 'l')
			p++;
	}
	return p;
}

static int64_t sign_extend(uint64_t v, int bytes)
{
	int shift = 64 - bytes * 8;
	return (int64_t)(v << shift) >> shift;
}

static uint64_t zero_extend(uint64_t v, int bytes)
{
	int shift = 64 - bytes * 8;
	return v << shift >> shift;
}

int format_v(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = {buf, size, 0};
	va_list ap;

	va_copy(ap, args); // va_list may be an array type: only a copy can be passed on by address
	for (const char *p = fmt; *p; p++) {
		struct spec sp = {.precision = -1};
		int bytes;

		if (*p != '%') {
			put(&o, *p);
			continue;
		}
		p = parse_flags(p + 1, &sp);
		if (*p == '*') {
			sp.width = va_arg(ap, int);
			if (sp.width < 0) {
				sp.left = true;
				sp.width = sp.width == INT32_MIN ? 0 : -sp.width;
			}
			p++;
		} else {
			sp.width = parse_int(&p);
		}
		if (*p == '.') {
			p++;
			if (*p == '*') {
				sp.precision = va_arg(ap, int);
				p++;
			} else {
				sp.precision = parse_int(&p);
			}
		}
		p = parse_length(p, &bytes);
		switch (*p) {
		case 'd':
		case 'i': {
			int64_t v = bytes == 8 ? va_arg(ap, long) : sign_extend((uint64_t)va_arg(ap, int), bytes);
			char sign = v < 0 ? '-' : sp.plus ? '+' : sp.space ? ' ' : 0;
			put_number(&o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, false, sign, &sp);
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o': {
			uint64_t v = bytes == 8 ? va_arg(ap, unsigned long) : zero_extend(va_arg(ap, unsigned), bytes);
			put_number(&o, v, *p == 'u' ? 10 : *p == 'o' ? 8 : 16, *p == 'X', 0, &sp);
			break;
		}
		case 'c': {
			char c = (char)va_arg(ap, int); // may be NUL: put_text() would not print it
			if (!sp.left)
				put_repeated(&o, ' ', sp.width - 1);
			put(&o, c);
			if (sp.left)
				put_repeated(&o, ' ', sp.width - 1);
			break;
		}
		case 's': put_text(&o, va_arg(ap, const char *), &sp); break;
		case 'p':
			sp.alt = true;
			put_number(&o, (uint64_t)(uintptr_t)va_arg(ap, void *), 16, false, 0, &sp);
			break;
		case '%': put(&o, '%'); break;
		case '\0': p--; break; // a lone % at the end: the loop must still see the NUL
		default: // unknown: shown as it stands, so that it is noticed
			put(&o, '%');
			put(&o, *p);
		}
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = format_v(buf, size, fmt, ap);
	va_end(ap);
	return len;
}

void text_append(struct text *t, const char *fmt, ...)
{
	bool room = t->len < t->size;
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)format_v(room ? t->buf + t->len : NULL, room ? t->size - t->len : 0, fmt, ap);
	va_end(ap);
}
