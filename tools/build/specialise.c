// SPDX-License-Identifier: MIT
//
// A kernel with no more calls than the manifest: a dispatch table of these alone, in assembler, linked with the kernel's
// objects. What the table does not lead to stays out: whole objects first (they are in an archive), then functions
// (--gc-sections). Parts that the core only calls if they are there (kernel/sys/part.h) come with the calls below.
#include <asm/unistd.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/build/tree.h"

// What a call can do with files, and so needs of the kernel: each has what stands before it, but ANY's callers no streams.
enum { NEVER, ANY, STREAMS, MEMORY, DEVICES, FILES };

// A part is necessary when some call can do this much, or is this one.
static const struct {
	const char *symbol;
	int wants;
	unsigned call;
} part[] = {
	{"overlay_create", FILES, 0},
	{"tmpfs_create", MEMORY, 0},
	{"vfs_mkdir", FILES, 0},
	{"open_last_create", FILES, 0},
	{"open_tmpfile", FILES, 0},
	{"devfs_mount", MEMORY, 0},
	{"devfs_terminals", DEVICES, 0},
	{"console_open_standard", STREAMS, 0},
	{"patch_trapped", ANY, 0},
	{"fifo_open", NEVER, __NR_mknod},
	{"fifo_open", NEVER, __NR_mknodat},
	{"futex_thread_exit", NEVER, __NR_set_robust_list},
	{"sched_rseq_leave", NEVER, __NR_rseq},
	{"arch_signal_push", NEVER, __NR_rt_sigaction},
	{"exec_script", NEVER, __NR_execve},
	{"unix_init", NEVER, __NR_socketpair},
	{"exec_script", NEVER, __NR_execveat},
};

static bool is_of(unsigned nr, const unsigned *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == nr)
			return true;
	return false;
}

static int wants(const struct manifest *m, unsigned nr)
{
	static const unsigned nothing[] = {__NR_exit, __NR_exit_group, __NR_rt_sigreturn, __NR_restart_syscall};
	static const unsigned quiet[] = {__NR_arch_prctl,
					 __NR_brk,
					 __NR_clock_gettime,
					 __NR_futex,
					 __NR_getcpu,
					 __NR_getpid,
					 __NR_getrandom,
					 __NR_gettimeofday,
					 __NR_mmap,
					 __NR_mprotect,
					 __NR_munmap,
					 __NR_prlimit64,
					 __NR_rseq,
					 __NR_set_robust_list,
					 __NR_set_tid_address,
					 __NR_time};
	static const unsigned stream[] = {__NR_close, __NR_fcntl, __NR_fstat, __NR_ioctl, __NR_lseek, __NR_poll,
					  __NR_ppoll, __NR_read,  __NR_readv, __NR_write, __NR_writev};
	if (is_of(nr, nothing, sizeof(nothing) / sizeof(*nothing)))
		return NEVER;
	if (is_of(nr, quiet, sizeof(quiet) / sizeof(*quiet)))
		return ANY;
	if (is_of(nr, stream, sizeof(stream) / sizeof(*stream)))
		return STREAMS;
	if ((nr == __NR_open || nr == __NR_openat) && m->opens != NAMED_FILES)
		return m->opens == NAMED_NOTHING ? STREAMS : m->opens == NAMED_MEMORY ? MEMORY : DEVICES;
	return FILES;
}

bool manifest_allows(const struct manifest *m, unsigned nr)
{
	return m->calls[nr / 64] >> nr % 64 & 1;
}

static bool wanted(const struct manifest *m, int level)
{
	if (level == NEVER)
		return false;
	for (unsigned nr = 0; nr < APP_CALLS; nr++) {
		if (manifest_allows(m, nr) && wants(m, nr) >= level)
			return true;
	}
	return false;
}

static void table(const struct manifest *m, const char *path)
{
	FILE *f = fopen(path, "we");
	if (!f)
		fail("%s: %s", path, strerror(errno));
	fputs("\t.section .data.sys_handlers, \"aw\", @progbits\n\t.globl sys_handlers\n\t.hidden sys_handlers\n\t.balign 8\n"
	      "sys_handlers:\n",
	      f);
	for (unsigned nr = 0; nr < APP_CALLS; nr++) {
		if (manifest_allows(m, nr) && call_has_handler(nr))
			fprintf(f, "\t.quad sys_%s\n", call_name(nr));
		else
			fputs("\t.quad 0\n", f);
	}
	fputs("\t.section .note.GNU-stack, \"\", @progbits\n", f);
	if (fclose(f))
		fail("%s: %s", path, strerror(errno));
}

static void run(const char *command)
{
	if (system(command))
		fail("a specialised kernel cannot be linked: '%s' failed (package binutils)", command);
}

static void need(char **needs, const char *symbol)
{
	char *more = text("%s -u %s", *needs, symbol);
	free(*needs);
	*needs = more;
}

// The kernel's objects, without the operations that nobody asks for.
static char *pruned(const struct manifest *m, const char *archive, const char *work, bool files)
{
	char *from = text("%s/kernel.a", archive), *to = text("%s/kernel.a", work);
	size_t size;
	char *data = host_read(from, &size);
	if (!data)
		fail("%s: %s", from, strerror(errno));
	if (!prune((uint8_t *)data, size, m, files))
		fail("%s is damaged; make makes it", from);
	FILE *f = fopen(to, "we");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		fail("%s: %s", to, strerror(errno));
	free(data);
	free(from);
	return to;
}

const char *specialise(struct manifest *m, const char *directory, const char *work, const char *platform)
{
	char *source = text("%s/table.s", work), *object = text("%s/table.o", work);
	char *kernel = text("%s/kernel-%s.elf", work, platform), *map = text("%s.map", kernel), *needs = text("%s", "");
	char *archive = text("%s/specialise/%s", directory, platform);
	bool files = wanted(m, FILES);
	if (strchr(work, '\'') || strchr(directory, '\''))
		fail("a path with a quotation mark is nothing for the linker");
	if (access(archive, R_OK))
		fail("%s: %s; make makes it", archive, strerror(errno));
	table(m, source);
	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++)
		if (wanted(m, part[i].wants) || (part[i].call && manifest_allows(m, part[i].call)))
			need(&needs, part[i].symbol);
	if (m->names_proc && files)
		need(&needs, "procfs_mount");
	if (m->names_sys && files)
		need(&needs, "sysfs_mount");
	if (m->futex_other)
		need(&needs, "futex_two_call -u futex_pi_call -u futex_pi_owner_died -u futex_pi_thread_exit -u futex_thread_exit");
	if (m->maps_shared)
		need(&needs, "tmpfs_create_anonymous");
	if (files && m->names_terminals)
		need(&needs, "devpts_mount -u ptmx_open -u pty_current_open");
	if (m->sockets & SOCKETS_UNIX)
		need(&needs, "unix_init");
	if (m->sockets & SOCKETS_INET)
		need(&needs, "inet_init -u inet_start -u inet_queue_event -u inet_finish");
	if (m->script)
		need(&needs, "exec_script");
	char *objects = pruned(m, archive, work, files);
	run(text("as '%s' -o '%s'", source, object));
	run(text(
		"ld -pie --no-dynamic-linker -z text -z noexecstack -z max-page-size=4096 -z norelro -z pack-relative-relocs "
		"--gc-sections --build-id=none -n -s%s -L '%s' -T '%s/kernel.ld' -Map '%s' '%s' '%s' '%s/libgcc.a' -o '%s'",
		needs, archive, archive, map, object, objects, archive, kernel));
	components_add(m, map);
	free(map);
	return kernel;
}
