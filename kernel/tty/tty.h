// SPDX-License-Identifier: MIT
//
// Terminals: pseudo-terminals with N_TTY's line discipline, and the console, which is whatever the
// host gives as standard input, output and error. pty(7), termios(3), ioctl_tty(2).
#ifndef WHELK_TTY_H
#define WHELK_TTY_H

#include "base/api.h"
#include "vfs/vfs.h"

struct tty;
struct files;

// Registers ptmx and the console's devices; `pts` is the directory where slaves appear (devfs makes it).
void tty_init(struct inode *pts);
// Descriptors 0, 1 and 2 of the first program. One the host has closed stays absent.
API int console_open_standard(struct files *t SHARED);
// ABI_EVENT_CONSOLE was taken: wakes who waits.
API void console_event(void);
// /dev/tty, /dev/console, /dev/tty0: device_register's open functions.
int console_device_open(struct inode *i, struct file *f);
int tty_current_open(struct inode *i, struct file *f);
int ptmx_open(struct inode *i, struct file *f);

// A process leaves its terminal (exit, setsid).
API void tty_detach(struct process *p SHARED);
API unsigned tty_number(struct tty *t SHARED); // for /proc/PID/stat: the device number, 0: none
API int tty_foreground(struct tty *t SHARED);  // foreground process group, -1: none

#endif
