// SPDX-License-Identifier: MIT
//
// --net MODE, and --ip ADDRESS/LENGTH[,GATEWAY] for a machine with a network card.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/message.h"
#include "monitor/options.h"

static int bad(const char *option, const char *s, const char *want)
{
	message("option %s: '%s' is not %s", option, s, want);
	return -EINVAL;
}

static bool interface_name(const char *s)
{
	size_t n = strlen(s);
	if (!n || n >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (isspace((unsigned char)*s) || *s == '/' || *s == ':')
			return false;
	return true;
}

int options_parse_net(struct options *o, const char *s)
{
	o->net = strcmp(s, "none") != 0;
	o->net_loopback = strcmp(s, "user:host-loopback") == 0;
	o->tap = strncmp(s, "tap=", 4) ? NULL : s + 4;
	if (o->tap)
		return interface_name(o->tap) ? 0 : bad("--net", s, "tap= and the name of an interface");
	return !o->net || o->net_loopback || !strcmp(s, "user") ? 0
								: bad("--net", s, "'user', 'user:host-loopback', 'tap=INTERFACE' or 'none'");
}

static bool is_multicast(int family, const uint8_t *ip) { return family == AF_INET ? ip[0] >= 224 : ip[0] == 0xff; }

int options_parse_ip(struct options *o, const char *s)
{
	static const char want[] = "ADDRESS/LENGTH[,GATEWAY]";
	char *copy = strdup(s), *gateway = copy ? strchr(copy, ',') : NULL, *length = NULL, *end = NULL;
	uint8_t ip[16] = {0}, router[16] = {0};
	if (gateway)
		*gateway++ = '\0';
	if (copy)
		length = strchr(copy, '/');
	if (length)
		*length++ = '\0';
	int family = copy && strchr(copy, ':') ? AF_INET6 : AF_INET;
	unsigned long bits = length && isdigit((unsigned char)*length) ? strtoul(length, &end, 10) : 0;
	bool ok = length && end && !*end && bits >= 1 && bits <= (family == AF_INET ? 32 : 128) &&
		  inet_pton(family, copy, ip) == 1 && ip[0] && ip[0] != 127 && !is_multicast(family, ip) &&
		  (!gateway || (inet_pton(family, gateway, router) == 1 && !is_multicast(family, router)));
	free(copy);
	if (!ok)
		return bad("--ip", s, want);
	if (family == AF_INET) {
		memcpy(o->link.ip4, ip, 4);
		memcpy(o->link.gateway4, router, 4);
		o->link.prefix4 = (uint8_t)bits;
	} else {
		memcpy(o->link.ip6, ip, 16);
		memcpy(o->link.gateway6, router, 16);
		o->link.prefix6 = (uint8_t)bits;
	}
	return 0;
}

int options_check_net(const struct options *o)
{
	if (o->port_count && !o->net)
		message("option -p: with --net none nothing leads to the machine");
	else if (o->port_count && o->tap)
		message("option -p: with --net tap the machine has an address of its own, and all of its ports");
	else if ((o->link.prefix4 || o->link.prefix6) && !o->tap)
		message("option --ip: only with --net tap=INTERFACE");
	else
		return 0;
	return -EINVAL;
}
