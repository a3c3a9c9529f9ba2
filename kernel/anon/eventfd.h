// SPDX-License-Identifier: MIT
//
// Event counters for the kernel's own use: who completes asynchronous requests adds to one.
#ifndef WHELK_EVENTFD_H
#define WHELK_EVENTFD_H

#include <stdbool.h>

#include "base/api.h"

struct file;

API bool file_is_eventfd(const struct file *f SHARED);
API void eventfd_signal(struct file *f SHARED); // adds 1; a full counter stays as it is; does not sleep

#endif
