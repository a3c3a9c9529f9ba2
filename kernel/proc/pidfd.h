// SPDX-License-Identifier: MIT
//
// Files that stand for processes.
#ifndef WHELK_PROC_PIDFD_H
#define WHELK_PROC_PIDFD_H

#include "base/api.h"

struct file;
struct process;

API struct process *pidfd_process(struct file *f SHARED); // NULL: another kind of file

#endif
