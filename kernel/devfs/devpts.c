// SPDX-License-Identifier: MIT
//
// /dev/pts, where pseudo-terminals appear (tty/pty.c). A part (sys/part.h).
#include <linux/errno.h>
#include <linux/magic.h>

#include "devfs/devfs.h"
#include "tty/tty.h"
#include "vfs/static_dir.h"

int devpts_mount(void)
{
	static struct super devpts = {.type = "devpts", .magic = DEVPTS_SUPER_MAGIC};
	devpts.dev = super_new_dev();
	struct inode *root = static_dir_create(&devpts, 0755, NULL, NULL);
	struct inode *ptmx = root ? inode_alloc(&devpts, S_IFCHR | 0666) : NULL;
	if (!ptmx)
		return -ENOMEM;
	ptmx->rdev = DEVICE(5, 2);
	int err = static_dir_add(root, "ptmx", ptmx);
	if (err)
		return err;
	tty_init(root);
	return vfs_mount("/dev/pts", &devpts, root, "devpts", "gid=5,mode=620,ptmxmode=666");
}
