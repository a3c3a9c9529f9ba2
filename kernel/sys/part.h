// SPDX-License-Identifier: MIT
//
// What a specialised kernel can be without. The core calls these functions, and no other of their components, and only
// if they are there: a reference from here does not bring them into the kernel (they are weak). An ordinary kernel has
// them all. Which calls bring which: tools/build/specialise.c.
#ifndef WHELK_SYS_PART_H
#define WHELK_SYS_PART_H

// clang warns of a weak name that a file does not declare, which no option turns off; not in a header of the system's.
#pragma GCC system_header

#pragma weak arch_signal_push
#pragma weak console_event
#pragma weak console_open_standard
#pragma weak devfs_mount
#pragma weak devfs_terminals
#pragma weak devpts_mount
#pragma weak epoll_file_released
#pragma weak exec_script
#pragma weak fifo_open
#pragma weak futex_pi_call
#pragma weak futex_pi_owner_died
#pragma weak futex_pi_thread_exit
#pragma weak futex_thread_exit
#pragma weak futex_two_call
#pragma weak inet_finish
#pragma weak inet_format_dev
#pragma weak inet_format_if_inet6
#pragma weak inet_format_route
#pragma weak inet_format_sockets
#pragma weak inet_init
#pragma weak inet_queue_event
#pragma weak inet_start
#pragma weak msg_format
#pragma weak open_last_create
#pragma weak open_tmpfile
#pragma weak overlay_create
#pragma weak patch_ahead
#pragma weak patch_settle
#pragma weak patch_trapped
#pragma weak posix_timers_delete
#pragma weak procfs_mount
#pragma weak ptmx_open
#pragma weak pty_current_open
#pragma weak sched_rseq_leave
#pragma weak sem_format
#pragma weak shm_format
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
#pragma weak vfs_mkdir

// Calls `function` if the kernel has it.
#define PART(function, ...)                    \
	do {                                   \
		if (function)                  \
			function(__VA_ARGS__); \
	} while (0)

#endif
