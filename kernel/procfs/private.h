// SPDX-License-Identifier: MIT
//
// What procfs's files share.
#ifndef WHELK_PROCFS_PRIVATE_H
#define WHELK_PROCFS_PRIVATE_H

#include "procfs/procfs.h"
#include "vfs/static_dir.h"
#include "vfs/text_file.h"
#include "vfs/vfs.h"

struct process;
struct thread;

// system.c: the files that are not about a process.
int procfs_add_system(struct super *s, struct inode *root);
struct inode *procfs_net_dir(struct super *s); // /proc/PID/net, to which /proc/net leads
// process.c: /proc/PID with everything in it, for the process of that number.
struct inode *procfs_process_dir(struct super *s, int pid);
// memory.c: mem, of the running process (there is no other).
struct inode *procfs_memory(struct super *s);
// descriptors.c: fd/ and fdinfo/.
struct inode *procfs_fd_dir(struct super *s, int pid, bool info);

#endif
