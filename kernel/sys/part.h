// SPDX-License-Identifier: MIT
//
// What a specialised kernel can be without. The core calls these functions, and no other of their components, and only
// if they are there: a reference from here does not bring them into the kernel (they are weak). An ordinary kernel has
// them all. Which calls bring which: tools/build/specialise.c.
#ifndef WHELK_SYS_PART_H
#define WHELK_SYS_PART_H

#pragma weak console_event
#pragma weak console_open_standard
#pragma weak devfs_mount
#pragma weak epoll_file_released
#pragma weak fifo_open
#pragma weak inet_finish
#pragma weak inet_init
#pragma weak inet_queue_event
#pragma weak inet_start
#pragma weak notify_dentry_slow
#pragma weak notify_inode_gone
#pragma weak overlay_create
#pragma weak patch_settle
#pragma weak patch_trapped
#pragma weak posix_timers_delete
#pragma weak procfs_mount
#pragma weak sysfs_mount
#pragma weak tmpfs_create
#pragma weak tmpfs_create_anonymous
#pragma weak trace_enter
#pragma weak trace_exit
#pragma weak trace_init
#pragma weak trace_leave
#pragma weak trace_signal
#pragma weak tty_detach
#pragma weak unix_init
#pragma weak uring_cancel_process

// Calls `function` if the kernel has it.
#define PART(function, ...)                    \
	do {                                   \
		if (function)                  \
			function(__VA_ARGS__); \
	} while (0)

#endif
