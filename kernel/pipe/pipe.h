// SPDX-License-Identifier: MIT
//
// Pipes and FIFOs: a ring of pages between readers and writers. pipe(7).
#ifndef WHELK_PIPE_H
#define WHELK_PIPE_H

#include "base/api.h"
#include "vfs/vfs.h"

struct pipe;

// Opens a FIFO inode: waits for the other side as fifo(7) says; sets file->ops and file->fs.
API int fifo_open(struct inode *i SHARED, struct file *f SHARED);
API int pipe_create(unsigned flags, struct file **reader OUT(1), struct file **writer OUT(1)); // O_NONBLOCK, O_DIRECT
API struct pipe *pipe_of(struct file *f SHARED); // NULL: f is no pipe
API size_t pipe_bytes(struct pipe *p SHARED);

// For splice: waits until there is something to read or room to write.
// >0 bytes, 0 end of file, -EPIPE (no signal), -EAGAIN.
API int64_t pipe_wait_data(struct pipe *p SHARED, bool nonblock);
API int64_t pipe_wait_room(struct pipe *p SHARED, bool nonblock);
// Copies without sleeping; `consume` false: tee. Bytes done.
API size_t pipe_take(struct pipe *p SHARED, void *buf OUT(len), size_t len, bool consume);
API size_t pipe_put(struct pipe *p SHARED, const void *buf IN(len), size_t len);
API void pipe_unread(struct pipe *p SHARED, const void *buf IN(len), size_t len); // back to the front

#endif
