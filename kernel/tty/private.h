// SPDX-License-Identifier: MIT
//
// A terminal as tty/ sees it: what job control needs of any, and the pair of a pseudo-terminal.
#ifndef WHELK_TTY_PRIVATE_H
#define WHELK_TTY_PRIVATE_H

#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/tty.h>

#include "base/string.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "tty/tty.h"

struct tty {
	unsigned device;     // as st_rdev has it
	int session, group;  // controlling session, its foreground group; 0: none
};

struct winsize_k { // struct winsize
	unsigned short row, col, xpixel, ypixel;
};

// TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY; -ENOIOCTLCMD for others.
int64_t tty_job_ioctl(struct tty *t, unsigned cmd, uint64_t arg);
void tty_acquire(struct tty *t, struct file *f); // open(2) by a session leader without O_NOCTTY
void tty_signal_group(struct tty *t, int sig);
void tty_forget(struct tty *t);			  // it goes: nobody's controlling terminal any more
extern struct inode *tty_pts;			  // the directory of slaves
#define TTY_UNKNOWN_IOCTL (-515)

struct tty *console_terminal(void); // NULL: the host gave no terminal
int console_terminal_open(struct file *f);
int pty_current_open(struct tty *t, struct file *f); // /dev/tty of a process whose terminal is a pty

#endif
