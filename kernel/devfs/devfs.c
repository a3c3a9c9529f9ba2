// SPDX-License-Identifier: MIT
//
// Makes /dev. See devfs.h.
#include "devfs/devfs.h"

#include <linux/errno.h>
#include <linux/magic.h>

#include "base/string.h"
#include "devfs/memory.h"
#include "sys/part.h"
#include "tmpfs/tmpfs.h"

struct device_node {
	char name[12];
	uint16_t mode;
	uint8_t major, minor;
};

static const struct device_node device_nodes[] = {
	{"null", 0666, 1, 3},	 {"zero", 0666, 1, 5}, {"full", 0666, 1, 7},	{"random", 0666, 1, 8},
	{"urandom", 0666, 1, 9}, {"tty", 0666, 5, 0},  {"console", 0600, 5, 1}, {"ptmx", 0666, 5, 2},
};

static const char device_links[][2][16] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
};

static int devfs_fill(struct inode *root)
{
	struct inode *i;
	int err = 0;
	for (size_t n = 0; n < ARRAY_SIZE(device_nodes) && !err; n++) {
		const struct device_node *d = &device_nodes[n];
		err = root->ops->create(root, d->name, strlen(d->name), S_IFCHR | d->mode, DEVICE(d->major, d->minor),
					&i);
		if (!err) {
			i->uid = i->gid = 0;
			inode_put(i);
		}
	}
	for (size_t n = 0; n < ARRAY_SIZE(device_links) && !err; n++) {
		err = root->ops->symlink(root, device_links[n][0], strlen(device_links[n][0]), device_links[n][1], &i);
		if (!err)
			inode_put(i);
	}
	return err;
}

int devfs_mount(void)
{
	struct super *s;
	struct inode *root;
	int err = tmpfs_create(&s, &root);
	if (err)
		return err;
	s->type = "devtmpfs";
	root->mode = S_IFDIR | 0755;
	device_register(1, memory_device_open);
	err = devfs_fill(root);
	if (!err)
		err = vfs_mount("/dev", s, root, "devtmpfs", "mode=755");
	if (!err && devfs_terminals)
		err = devfs_terminals();
	return err;
}
