// SPDX-License-Identifier: MIT
//
// Socket options of AF_UNIX: socket(7), unix(7).
#include <linux/time_types.h>

#include "unix/private.h"

#define LIMIT_MIN 2304
#define LIMIT_MAX 425984

static int set_timeout(uint64_t *ns, const void *val, unsigned len)
{
	struct __kernel_old_timeval tv;
	if (len < sizeof tv)
		return -EINVAL;
	if (user_get(tv, (const struct __kernel_old_timeval *)val))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	*ns = tv.tv_sec < 0 ? 0 : (uint64_t)tv.tv_sec * NSEC_PER_SEC + (uint64_t)tv.tv_usec * 1000;
	return 0;
}

int unix_set_option(struct unix_socket *s, int level, int name, const void *val, unsigned len)
{
	int value;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (name == SO_RCVTIMEO_OLD)
		return set_timeout(&s->receive_timeout_ns, val, len);
	if (name == SO_SNDTIMEO_OLD)
		return set_timeout(&s->send_timeout_ns, val, len);
	if (len < sizeof value)
		return -EINVAL;
	if (user_get(value, (const int *)val))
		return -EFAULT;
	switch (name) {
	case SO_PASSCRED:
		s->pass_credentials = value;
		return 0;
	case SO_SNDBUF: // what the peer may hold of ours
	case SO_SNDBUFFORCE:
		s->peer->limit = value < LIMIT_MIN / 2	 ? LIMIT_MIN
				 : value > LIMIT_MAX / 2 ? LIMIT_MAX
							 : (size_t)value * 2;
		return 0;
	case SO_RCVBUF: // no meaning here, as on Linux
	case SO_RCVBUFFORCE:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_BROADCAST:
	case SO_DONTROUTE:
	case SO_LINGER:
	case SO_PRIORITY:
	case SO_TIMESTAMP_OLD:
		return 0;
	}
	return -ENOPROTOOPT;
}

static int put_option(const void *data, unsigned size, void *val, void *len)
{
	int room;
	if (user_get(room, (int *)len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	room = (int)MIN((unsigned)room, size);
	return user_write(val, data, (size_t)room) || user_put(room, (int *)len) ? -EFAULT : 0;
}

static int put_timeout(uint64_t ns, void *val, void *len)
{
	struct __kernel_old_timeval tv = {.tv_sec = (long)(ns / NSEC_PER_SEC),
					  .tv_usec = (long)(ns % NSEC_PER_SEC / 1000)};
	return put_option(&tv, sizeof tv, val, len);
}

int unix_get_option(struct unix_socket *s, int level, int name, void *val, void *len)
{
	int value = 0;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_TYPE:
		value = s->type;
		break;
	case SO_DOMAIN:
		value = AF_UNIX;
		break;
	case SO_PASSCRED:
		value = s->pass_credentials;
		break;
	case SO_SNDBUF:
		value = (int)s->peer->limit;
		break;
	case SO_RCVBUF:
		value = (int)s->limit;
		break;
	case SO_PROTOCOL:
	case SO_ERROR:
	case SO_ACCEPTCONN:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_BROADCAST:
		break;
	case SO_PEERCRED:
		return put_option(&s->peer->cred, sizeof s->peer->cred, val, len);
	case SO_RCVTIMEO_OLD:
		return put_timeout(s->receive_timeout_ns, val, len);
	case SO_SNDTIMEO_OLD:
		return put_timeout(s->send_timeout_ns, val, len);
	default:
		return -ENOPROTOOPT;
	}
	return put_option(&value, sizeof value, val, len);
}
