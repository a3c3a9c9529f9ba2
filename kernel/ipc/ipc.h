// SPDX-License-Identifier: MIT
//
// System V shared memory, semaphores and message queues, and POSIX message queues: sysvipc(7), mq_overview(7).
// Others reach them by system calls; these are the files of /proc/sysvipc.
#ifndef WHELK_IPC_H
#define WHELK_IPC_H

#include "base/api.h"

struct text;

API void shm_format(struct text *t SHARED);
API void sem_format(struct text *t SHARED);
API void msg_format(struct text *t SHARED);

#endif
