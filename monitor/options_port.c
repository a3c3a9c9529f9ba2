// SPDX-License-Identifier: MIT
//
// -p [ADDRESS:]HOST[/udp]:GUEST, or PORT for both. An address of IPv6 stands in brackets.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/message.h"
#include "monitor/options.h"

static const char want[] = "[ADDRESS:]HOST_PORT[/udp]:PORT";

static int bad(const char *s)
{
	message("option -p: '%s' is not %s", s, want);
	return -EINVAL;
}

// Cuts "/tcp" or "/udp" off.
static bool protocol(char *s, bool *datagram)
{
	char *slash = strchr(s, '/');
	if (!slash)
		return true;
	*slash++ = '\0';
	*datagram |= strcmp(slash, "udp") == 0;
	return *datagram || strcmp(slash, "tcp") == 0;
}

static bool number(const char *s, unsigned least, uint16_t *out)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);
	*out = (uint16_t)n;
	return isdigit((unsigned char)*s) && !*end && n >= least && n <= UINT16_MAX;
}

static bool address(const char *s, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, s, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return true;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return inet_pton(AF_INET6, s, &in6->sin6_addr) == 1;
}

static bool parse(char *s, struct net_port *p)
{
	char *host = NULL, *guest = strrchr(s, ':'), *ip = NULL;
	uint16_t port;
	if (guest) {
		host = s;
		*guest++ = '\0';
		ip = *host == '[' ? strchr(host, ']') : strrchr(host, ':');
	} else {
		guest = s;
	}
	if (ip) { // "ADDRESS:HOST", "[ADDRESS]:HOST"
		bool brackets = *host == '[';
		char *end = ip;
		ip = brackets ? host + 1 : host;
		*end = '\0';
		host = end + 1;
		if (brackets && *host++ != ':')
			return false;
	}
	if ((host && !protocol(host, &p->datagram)) || !protocol(guest, &p->datagram) || !number(guest, 1, &p->guest))
		return false;
	port = p->guest;
	if (host && !number(host, 0, &port))
		return false;
	return address(ip ? ip : "127.0.0.1", port, &p->host);
}

int options_parse_port(struct options *o, const char *s)
{
	struct net_port p = {.fd = -1};
	if (o->port_count == NET_PORTS_MAX) {
		message("option -p: at most %d ports", NET_PORTS_MAX);
		return -EINVAL;
	}
	char *copy = strdup(s);
	bool ok = copy && parse(copy, &p);
	free(copy);
	if (!ok)
		return bad(s);
	o->port[o->port_count++] = p;
	return 0;
}
