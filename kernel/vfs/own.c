// SPDX-License-Identifier: MIT
//
// Which file table, root, working directory and umask a thread uses: those of its process, or its own
// after unshare(2) and in threads made by such a thread.
#define COMPONENT "vfs"
#include "vfs/private.h"

struct files *files_current(void)
{
	struct thread *t = thread_current();
	return t->own_files ? t->own_files : t->process->files;
}

struct fs_context *fs_current(void)
{
	struct thread *t = thread_current();
	return t->own_fs ? t->own_fs : t->process ? t->process->fs : NULL;
}

int vfs_unshare(bool fs, bool files)
{
	struct thread *t = thread_current();
	struct fs_context *c = fs ? fs_context_copy(fs_current()) : NULL;
	struct files *f = files ? files_copy(files_current()) : NULL;
	if ((fs && !c) || (files && !f)) {
		if (c)
			fs_context_put(c);
		if (f)
			files_put(f);
		return -ENOMEM;
	}
	if (c && t->own_fs)
		fs_context_put(t->own_fs);
	if (f && t->own_files)
		files_put(t->own_files);
	t->own_fs = c ? c : t->own_fs;
	t->own_files = f ? f : t->own_files;
	return 0;
}

void vfs_thread_inherit(struct thread *t)
{
	const struct thread *self = thread_current();
	t->own_fs = self->own_fs;
	t->own_files = self->own_files;
	if (t->own_fs)
		t->own_fs->refs++;
	if (t->own_files)
		files_get(t->own_files);
}

void vfs_thread_leaving(struct thread *t)
{
	struct fs_context *c = t->own_fs;
	struct files *f = t->own_files;
	t->own_fs = NULL;
	t->own_files = NULL;
	if (c)
		fs_context_put(c);
	if (f)
		files_put(f);
}

// execve: what the thread that remains used becomes the process's.
void vfs_thread_promote(struct thread *t)
{
	struct process *p = t->process;
	if (t->own_fs) {
		fs_context_put(p->fs);
		p->fs = t->own_fs;
		t->own_fs = NULL;
	}
	if (t->own_files) {
		files_put(p->files);
		p->files = t->own_files;
		t->own_files = NULL;
	}
}
