// SPDX-License-Identifier: MIT
//
// Options of sockets: socket(7). What is kept here is told back; families act on what concerns them.
#include <linux/capability.h>
#include <linux/time_types.h>

#include "socket/socket.h"
#include "proc/process.h"

#define SEND_MIN    4608
#define RECEIVE_MIN 2304
#define BUFFER_MAX  212992 // net.core.wmem_max, rmem_max

#define SET(field) offsetof(struct socket, set.field)
enum { BOOL = 1, READ_ONLY = 2 };
static const struct simple { // ints that nothing but a family looks at
	uint16_t name, offset, flags;
} simple[] = {
	{SO_REUSEADDR, SET(reuse_address), BOOL}, {SO_REUSEPORT, SET(reuse_port), BOOL}, {SO_KEEPALIVE, SET(keep_alive), BOOL},
	{SO_BROADCAST, SET(broadcast), BOOL}, {SO_DONTROUTE, SET(dont_route), BOOL}, {SO_OOBINLINE, SET(out_of_band_inline), BOOL},
	{SO_NO_CHECK, SET(no_check), BOOL}, {SO_TIMESTAMP_OLD, SET(timestamp), BOOL}, {SO_TIMESTAMPNS_OLD, SET(timestamp_ns), BOOL},
	{SO_PASSCRED, SET(pass_credentials), BOOL}, {SO_INCOMING_CPU, SET(incoming_cpu), 0}, {SO_BUSY_POLL, SET(busy_poll), 0},
	{SO_RXQ_OVFL, SET(overflow), BOOL}, {SO_NOFCS, SET(no_fcs), BOOL}, {SO_SELECT_ERR_QUEUE, SET(select_errors), BOOL},
	{SO_PRIORITY, SET(priority), 0}, {SO_MARK, SET(mark), 0}, {SO_RCVLOWAT, SET(low_water), 0}, {SO_ZEROCOPY, SET(zero_copy), BOOL},
	{SO_SNDBUF, SET(send_limit), READ_ONLY}, {SO_RCVBUF, SET(receive_limit), READ_ONLY}, {SO_TYPE, offsetof(struct socket, type), READ_ONLY},
	{SO_DOMAIN, offsetof(struct socket, family), READ_ONLY}, {SO_PROTOCOL, offsetof(struct socket, protocol), READ_ONLY},
};

static int *simple_find(struct socket *s, int name, unsigned *flags)
{
	for (unsigned i = 0; i < ARRAY_SIZE(simple); i++)
		if (simple[i].name == name) {
			*flags = simple[i].flags;
			return (int *)((char *)s + simple[i].offset);
		}
	return NULL;
}

static int set_timeout(uint64_t *ns, const struct socket_option *o)
{
	struct __kernel_old_timeval tv;
	if (o->len < sizeof tv)
		return -EINVAL;
	memcpy(&tv, o->bytes, sizeof tv);
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	*ns = tv.tv_sec < 0 || (uint64_t)tv.tv_sec > TIME_NEVER / NSEC_PER_SEC / 4
		      ? 0
		      : (uint64_t)tv.tv_sec * NSEC_PER_SEC + (uint64_t)tv.tv_usec * 1000;
	return 0;
}

// The program's number is doubled, for what the kernel itself needs: socket(7).
static void set_buffer(int *limit, int value, int least, bool force)
{
	uint32_t most = force ? 0x3fffffff : BUFFER_MAX; // a negative number is the most
	*limit = MAX((int)MIN((uint32_t)value, most) * 2, least);
}

static int set_value(struct socket *s, int name, const struct socket_option *o)
{
	unsigned flags;
	bool privileged = process_capable(CAP_NET_ADMIN);
	int *simple_at = simple_find(s, name, &flags), value = o->value;
	if (name == SO_MARK && !privileged)
		return -EPERM;
	if (name == SO_PRIORITY && !privileged && (value < 0 || value > 6))
		return -EPERM;
	if (name == SO_RCVLOWAT)
		value = value < 0 ? 0x7fffffff : MAX(value, 1);
	if (simple_at && !(flags & READ_ONLY)) {
		*simple_at = flags & BOOL ? value != 0 : value;
		return 0;
	}
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUF:
	case SO_RCVBUFFORCE: {
		bool force = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE, send = name == SO_SNDBUF || name == SO_SNDBUFFORCE;
		if (force && !privileged)
			return -EPERM;
		set_buffer(send ? &s->set.send_limit : &s->set.receive_limit, value, send ? SEND_MIN : RECEIVE_MIN, force);
		socket_wake(s, EPOLLOUT);
		return 0;
	}
	case SO_LINGER:
		if (o->len < sizeof s->set.linger)
			return -EINVAL;
		memcpy(s->set.linger, o->bytes, sizeof s->set.linger);
		s->set.linger[0] = s->set.linger[0] != 0;
		return 0;
	case SO_MAX_PACING_RATE: {
		uint64_t rate = (unsigned)value;
		if (o->len >= sizeof rate)
			memcpy(&rate, o->bytes, sizeof rate);
		s->set.no_pacing = ~rate;
		return 0;
	}
	case SO_PASSSEC: // nothing has a security label
		return 0;
	}
	return -ENOPROTOOPT;
}

int socket_set_option(struct socket *s, int level, int name, const void *val, unsigned len)
{
	struct socket_option o;
	if ((int)len < 0)
		return -EINVAL;
	memset(&o, 0, sizeof o);
	o.len = MIN(len, (unsigned)sizeof o.bytes);
	if (o.len && user_read(o.bytes, val, o.len))
		return -EFAULT;
	if (level != SOL_SOCKET)
		return s->ops->set_option ? s->ops->set_option(s, level, name, &o) : -EOPNOTSUPP;
	if (len < sizeof o.value)
		return -EINVAL;
	int err = -ENOPROTOOPT;
	if (name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW)
		err = set_timeout(&s->receive_timeout_ns, &o);
	else if (name == SO_SNDTIMEO_OLD || name == SO_SNDTIMEO_NEW)
		err = set_timeout(&s->send_timeout_ns, &o);
	else
		err = set_value(s, name, &o);
	if ((err && err != -ENOPROTOOPT) || !s->ops->set_option)
		return err;
	int more = s->ops->set_option(s, level, name, &o);
	return more == -ENOPROTOOPT ? err : more;
}

static void get_timeout(uint64_t ns, struct socket_option *o)
{
	struct __kernel_old_timeval tv = {.tv_sec = (long)(ns / NSEC_PER_SEC), .tv_usec = (long)(ns % NSEC_PER_SEC / 1000)};
	o->len = sizeof tv;
	memcpy(o->bytes, &tv, sizeof tv);
}

static int get_value(struct socket *s, int name, struct socket_option *o)
{
	unsigned flags;
	int *simple_at = simple_find(s, name, &flags);
	if (simple_at) {
		o->value = *simple_at;
		return 0;
	}
	switch (name) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		get_timeout(s->receive_timeout_ns, o);
		return 0;
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		get_timeout(s->send_timeout_ns, o);
		return 0;
	case SO_ERROR:
		o->value = -socket_error(s);
		return 0;
	case SO_SNDLOWAT:
		o->value = 1;
		return 0;
	case SO_LINGER:
		o->len = sizeof s->set.linger;
		memcpy(o->bytes, s->set.linger, o->len);
		return 0;
	case SO_COOKIE:
	case SO_MAX_PACING_RATE: {
		uint64_t is = name == SO_COOKIE ? s->ino : ~s->set.no_pacing;
		o->len = sizeof is;
		memcpy(o->bytes, &is, o->len);
		return 0;
	}
	case SO_ACCEPTCONN:
	case SO_PASSSEC:
	case SO_INCOMING_NAPI_ID:
		return 0;
	}
	return -ENOPROTOOPT;
}

int socket_get_option(struct socket *s, int level, int name, void *val, void *len)
{
	struct socket_option o;
	int room, err = -ENOPROTOOPT;
	if (user_get(room, (int *)len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	memset(&o, 0, sizeof o);
	o.len = sizeof o.value;
	if (s->ops->get_option)
		err = s->ops->get_option(s, level, name, &o);
	else if (level != SOL_SOCKET)
		err = -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && level == SOL_SOCKET)
		err = get_value(s, name, &o);
	if (err)
		return err;
	room = MIN(room, (int)o.len);
	return user_write(val, o.bytes, (size_t)room) || user_put(room, (int *)len) ? -EFAULT : 0;
}
