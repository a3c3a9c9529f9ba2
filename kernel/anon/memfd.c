// SPDX-License-Identifier: MIT
//
// memfd_create(2): a file of tmpfs without a name.
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "base/string.h"
#include "sys/syscalls.h"
#include "tmpfs/tmpfs.h"
#include "vfs/vfs.h"

#define NAME_MAX_MEMFD 249 // what Linux leaves of NAME_MAX after "memfd:"
#define MFD_SEALS_KNOWN (MFD_CLOEXEC | MFD_ALLOW_SEALING)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC	16u
#endif

long sys_memfd_create(const char *uname, unsigned flags)
{
	char name[sizeof "memfd:" + NAME_MAX_MEMFD] = "memfd:";
	struct inode *i;
	struct file *f;
	if (flags & ~(MFD_SEALS_KNOWN | MFD_NOEXEC_SEAL | MFD_EXEC)) // MFD_HUGETLB too: there is no pool of huge pages
		return -EINVAL;
	if ((flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) == (MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	int64_t len = user_string(name + 6, uname, sizeof name - 6);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	int err = tmpfs_create_anonymous(name, 0, &i);
	if (err)
		return err;
	if (flags & MFD_NOEXEC_SEAL)
		i->mode &= ~0111u;
	if (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL))
		i->seals = 0;
	err = file_create_inode(i, O_RDWR | O_LARGEFILE, &f);
	inode_put(i);
	if (err)
		return err;
	return fd_install(f, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}
