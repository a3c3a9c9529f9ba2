// SPDX-License-Identifier: MIT
//
// execve(2): find out everything that can go wrong while the old program still exists, then
// replace it. After the point of no return an error can only kill.
#include "exec/exec.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/string.h"
#include "devfs/random.h"
#include "base/format.h"
#include "exec/private.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/errno_name.h"
#include "sys/part.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "uring/uring.h"
#include "debug/debug.h"

#define SCRIPT_DEPTH 5	 // of scripts that name scripts, as Linux
#define BRK_RANDOM   (32ull << 20)

// Everything known about the program to be, before the old one goes.
struct exec {
	struct elf elf, interpreter;
	bool has_interpreter;
	struct inode *held;	  // not to be written to while it is made ready and runs
	char path[EXEC_PATH_MAX]; // as the caller named it: AT_EXECFN, comm
};

int exec_open(int dirfd, const char *path, int flags, struct file **out)
{
	int err = vfs_open(dirfd, path, O_RDONLY | flags, 0, out);
	if (err)
		return err;
	struct inode *i = (*out)->inode;
	err = (i->mode & 0170000) != 0100000 ? -EACCES : inode_permission(i, 1);
	if (!err && i->write_count)
		err = -ETXTBSY;
	if (err)
		file_put(*out);
	return err;
}

// `file` is the program's; it goes with *x or is put.
static int prepare(struct exec *x, struct file *file, struct exec_args *args)
{
	struct file *next;
	int err;
	for (int depth = 0; (err = exec_script ? exec_script(file, x->path, args, &next) : 0) > 0; depth++) {
		file_put(file);
		file = next;
		if (depth == SCRIPT_DEPTH) {
			err = -ELOOP;
			break;
		}
	}
	if (!err)
		err = inode_deny_write(file->inode);
	if (err) {
		file_put(file);
		return err;
	}
	x->held = file->inode;
	inode_get(x->held);
	err = elf_read(file, &x->elf);
	if (err)
		return err;

	char *path = heap_alloc(EXEC_PATH_MAX);
	if (!path)
		return -ENOMEM;
	int n = elf_interpreter(&x->elf, path, EXEC_PATH_MAX);
	err = n < 0 ? n : 0;
	if (n > 0) {
		const struct abi_boot *boot = plat_boot();
		const char *libc = plat_boot_string(boot->libc_off);
		bool other = *libc && strcmp(path, plat_boot_string(boot->interp_off)) == 0;
		err = exec_open(AT_FDCWD, other ? libc : path, 0, &file);
		if (!err)
			err = elf_read(file, &x->interpreter);
		if (err == -ENOEXEC)
			err = -ELIBBAD;
		x->has_interpreter = !err;
	}
	heap_free(path);
	return err;
}

static void release(struct exec *x)
{
	elf_free(&x->elf);
	elf_free(&x->interpreter);
	if (x->held) {
		inode_allow_write(x->held);
		inode_put(x->held);
	}
	heap_free(x);
}

static void set_comm(struct thread *t, const char *path)
{
	const char *base = strrchr(path, '/');
	memset(t->comm, 0, sizeof(t->comm));
	string_copy(t->comm, base ? base + 1 : path, sizeof(t->comm));
}

// The point of no return: the address space is new, other threads are gone.
static int replace(struct exec *x, struct exec_args *args, struct frame *frame)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	struct mm *mm = mm_create(), *old = p->mm;
	if (!mm)
		return -ENOMEM;
	process_kill_others();
	PART(uring_cancel_process, p);
	time_process_exec(p);
	process_exec_ids(p);
	vfs_thread_promote(t);
	files_close_on_exec(p->files);
	sighand_reset_exec(p->sighand);
	t->signal.alt_sp = t->signal.alt_size = 0;
	t->signal.alt_flags = 2; // SS_DISABLE
	t->clear_child_tid = NULL;
	t->rseq = NULL;
	t->futex.robust_list = NULL;
	p->mm = mm;
	mm_activate(mm);
	mm_put(old);

	int err = elf_map(mm, &x->elf, false);
	if (!err && x->has_interpreter)
		err = elf_map(mm, &x->interpreter, true);
	if (err)
		return err;
	mm->brk_start = mm->brk_end = ALIGN_UP(x->elf.brk, PAGE_SIZE) +
				      ALIGN_DOWN(random_u64() % BRK_RANDOM, PAGE_SIZE);
	int64_t sp = stack_build(mm, args, x->path, &x->elf, x->has_interpreter ? &x->interpreter : NULL);
	if (sp < 0)
		return (int)sp;
	mm->exe = x->elf.file;
	file_get(mm->exe);
	inode_deny_write(mm->exe->inode); // it is denied already: this is for the life of mm
	file_format_path(mm->exe, p->exec_path, sizeof(p->exec_path));
	set_comm(t, x->path);
	const struct elf *first = x->has_interpreter ? &x->interpreter : &x->elf;
	arch_frame_init_exec(frame, first->header.e_entry + first->bias, (uint64_t)sp);
	return 0;
}

// 0: *frame starts the new program. -errno: the old one goes on.
static int execute(struct file *file, const char *path, struct exec_args *args, struct frame *frame)
{
	struct exec *x = heap_zalloc(sizeof(*x));
	if (!x) {
		file_put(file);
		return -ENOMEM;
	}
	string_copy(x->path, path, sizeof(x->path));
	int err = prepare(x, file, args);
	if (err)
		goto out;
	if (!args->argc)
		err = args_prepend(args, ""); // Linux 5.18: argv[0] always exists
	if (err)
		goto out;
	struct mm *old = mm_current();
	err = replace(x, args, frame);
	if (err && mm_current() != old) {
		release(x);
		args_free(args);
		debug_notice("%s: the program could not be put in place: %s", path,
			     errno_name(-err) ? errno_name(-err) : "error");
		process_exit(9);
	}
out:
	release(x);
	return err;
}

_Noreturn void exec_first(void)
{
	const struct abi_boot *boot = plat_boot();
	struct exec_args args = {0};
	int err = 0;
	const char *s = plat_boot_string(boot->argv_off);
	for (args.argc = 0; !err && args.argc < boot->argc; args.argc++, s += strlen(s) + 1)
		err = args_add(&args, s, strlen(s));
	s = plat_boot_string(boot->envp_off);
	for (args.envc = 0; !err && args.envc < boot->envc; args.envc++, s += strlen(s) + 1)
		err = args_add(&args, s, strlen(s));
	struct frame frame;
	const char *path = plat_boot_string(boot->exec_off);
	struct file *file;
	if (!err)
		err = exec_open(AT_FDCWD, path, 0, &file);
	if (!err)
		err = execute(file, path, &args, &frame);
	args_free(&args);
	if (err) {
		const char *name = errno_name(-err);
		debug_notice("%s: %s", path,
			     err == -ENOENT    ? "not found, or its interpreter is"
			     : err == -EACCES  ? "permission denied"
			     : err == -ENOEXEC ? "not an executable this machine can run"
			     : err == -ENOMEM  ? "not enough memory (-m)"
					       : name);
		plat_exit((err == -ENOENT ? 127 : 126) << 8);
	}
	plat_booted();
	arch_return_to_program(&frame);
}

static int copy_vector(struct exec_args *args, const void *uvec, unsigned *count)
{
	for (*count = 0; uvec; ++*count) {
		const char *s;
		if (user_get(s, (const char *const *)uvec + *count))
			return -EFAULT;
		if (!s)
			break;
		int err = args_add_user(args, s);
		if (err)
			return err;
	}
	return 0;
}

long sys_execveat(int dirfd, const char *upath, const void *argv, const void *envp, int flags)
{
	struct exec_args args = {0};
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	char *path = heap_alloc(EXEC_PATH_MAX);
	if (!path)
		return -ENOMEM;
	struct file *file = NULL;
	int64_t n = user_string(path, upath, EXEC_PATH_MAX);
	int err = n < 0 ? (int)n : 0;
	if (!err && !*path && !(flags & AT_EMPTY_PATH))
		err = -ENOENT;
	if (!err && !*path) // fexecve(3): the descriptor itself
		format(path, EXEC_PATH_MAX, "/proc/self/fd/%d", dirfd);
	if (!err)
		err = exec_open(dirfd, path, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, &file);
	if (err)
		goto out;
	err = copy_vector(&args, argv, &args.argc);
	if (!err)
		err = copy_vector(&args, envp, &args.envc);
	if (err)
		file_put(file);
	else
		err = execute(file, path, &args, thread_current()->frame);
	args_free(&args);
out:
	heap_free(path);
	return err;
}

long sys_execve(const char *path, const void *argv, const void *envp)
{
	return sys_execveat(AT_FDCWD, path, argv, envp, 0);
}
