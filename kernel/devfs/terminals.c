// SPDX-License-Identifier: MIT
//
// The terminals of /dev: tty, console, and where the kernel has them, ptmx and /dev/pts. See devfs.h.
#include <linux/errno.h>

#include "devfs/devfs.h"
#include "sys/part.h"
#include "tty/tty.h"

static int tty_device_open(struct inode *i, struct file *f)
{
	switch (i->rdev & 0xff) {
	case 0:
		return tty_current_open(i, f);
	case 1:
		return console_device_open(i, f);
	case 2:
		return ptmx_open ? ptmx_open(i, f) : -ENXIO;
	}
	return -ENXIO;
}

int devfs_terminals(void)
{
	device_register(5, tty_device_open);
	return devpts_mount ? devpts_mount() : 0;
}
