// SPDX-License-Identifier: MIT
//
// A root file system and a process with descriptors, for tests that need them.
#ifndef WHELK_TEST_VFS_BOOT_H
#define WHELK_TEST_VFS_BOOT_H

#include <asm/fcntl.h>
#include <linux/errno.h>

#include "sys/syscalls.h"
#include "tmpfs/tmpfs.h"
#include "vfs_stubs.h"

static void test_boot(void)
{
	struct super *s;
	struct inode *root;
	CHECK_EQ(tmpfs_create(&s, &root), 0);
	CHECK_EQ(vfs_mount_root(s, root), 0);
	inode_put(root);
	test_process.fs = fs_context_create();
	test_process.files = files_create();
}

#endif
