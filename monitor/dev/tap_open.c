// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/link.h"
#include "monitor/dev/tap.h"
#include "monitor/message.h"

#define TUN "/dev/net/tun"
#define MTU_MIN 576

// The same for each run on this host, so that neighbours' tables stay true; another on other hosts.
static void choose_mac(const char *name, uint8_t mac[6])
{
	char id[64] = "";
	uint64_t hash = 0xcbf29ce484222325;
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);
	if (fd >= 0)
		close(fd);
	id[n < 0 ? 0 : n] = '\0';
	for (const char *s = id; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3;
	for (const char *s = name; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
	mac[0] = (uint8_t)((mac[0] & ~1) | 2); // of one interface, administered locally
}

static int refuse(const char *name, int err)
{
	if (err == -EPERM || err == -EACCES)
		message("option --net: tap=%s: it is not yours; root makes it so with ip tuntap add %s mode tap user NAME", name, name);
	else if (err == -EBUSY)
		message("option --net: tap=%s: another program uses it", name);
	else if (err == -EINVAL)
		message("option --net: tap=%s: this interface is no tap", name);
	else
		message("option --net: tap=%s: %s", name, strerror(-err));
	return err;
}

static int attach(int fd, const char *name, struct abi_link *link, bool new)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int head = (int)ABI_LINK_HEAD, err = 0;
	strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &r) || ioctl(fd, TUNSETVNETHDRSZ, &head))
		return -errno;
	if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
		return -errno;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCGIFMTU, &r))
		err = -errno;
	link->mtu = (uint16_t)r.ifr_mtu;
	if (!err && (r.ifr_mtu < MTU_MIN || r.ifr_mtu > (int)ABI_LINK_FRAME_MAX - 14))
		err = -ERANGE;
	if (!err && new && !ioctl(s, SIOCGIFFLAGS, &r)) {
		r.ifr_flags |= IFF_UP;
		err = ioctl(s, SIOCSIFFLAGS, &r) ? -errno : 0;
	}
	if (s >= 0)
		close(s);
	return err;
}

int tap_open(const char *name, struct abi_link *link)
{
	bool new = !if_nametoindex(name);
	int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int err = -errno;
		message("option --net: tap=%s: %s: %s", name, TUN, strerror(errno));
		return err;
	}
	int err = attach(fd, name, link, new);
	if (err) {
		close(fd);
		return refuse(name, err);
	}
	choose_mac(name, link->mac);
	if (new)
		message("option --net: the interface %s was made; it lasts as long as the machine", name);
	return fd;
}
