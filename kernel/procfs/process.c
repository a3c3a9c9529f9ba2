// SPDX-License-Identifier: MIT
//
// /proc/PID: proc(5). Files find the process by number each time they are read, so that a directory
// that outlives its process reads as empty.
#include <linux/errno.h>

#include "base/format.h"
#include "base/string.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "procfs/private.h"
#include "time/time.h"
#include "tty/tty.h"

static struct process *process_of(void *arg)
{
	return process_find((int)(uintptr_t)arg);
}

static char state_letter(const struct thread *t)
{
	return t->on_cpu || t->state == THREAD_RUNNABLE ? 'R' : 'S';
}

static void show_stat_of(struct text *t, struct process *p, struct thread *thread, struct cpu_times times)
{
	struct mm *mm = p->mm;
	text_append(t,
		    "%d (%s) %c %d %d %d %u %d 0 %lu 0 %lu 0 %lu %lu 0 0 %d %d %u 0 %lu %lu %lu %lu %lu %lu %lu 0 0 "
		    "%lu 0 0 0 0 0 0 17 %u %d %d 0 0 0 %lu %lu %lu %lu %lu %lu %lu 0\n",
		    thread->tid, thread->comm, state_letter(thread), p->ppid, p->pgid, p->sid,
		    p->tty ? tty_number(p->tty) : 0, p->tty ? tty_foreground(p->tty) : -1, p->faults_minor,
		    p->faults_major, times.user_ns / 10000000, times.kernel_ns / 10000000, 20 + thread->nice,
		    thread->nice, p->thread_count, (thread->start_ns) / 10000000, mm->mapped_pages * PAGE_SIZE,
		    mm->resident_pages, ~0ul, mm->code_start, mm->code_end, mm->stack_top, p->pending.set, thread->cpu,
		    thread->rt_priority, thread->policy, mm->data_start, mm->data_end, mm->brk_start, mm->arg_start,
		    mm->arg_end, mm->env_start, mm->env_end);
}

static int show_stat(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		show_stat_of(t, p, p->leader, process_times(p));
	return 0;
}

static int show_statm(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		text_append(t, "%lu %lu 0 %lu 0 %lu 0\n", p->mm->mapped_pages, p->mm->resident_pages,
			    (p->mm->code_end - p->mm->code_start) / PAGE_SIZE, p->mm->mapped_pages);
	return 0;
}

static void show_status_of(struct text *t, struct process *p, struct thread *thread)
{
	const struct credentials *c = &p->cred;
	struct mm *mm = p->mm;
	uint64_t ignored = 0, caught = 0;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		uint64_t h = p->sighand->action[i].handler;
		if (h == 1)
			ignored |= 1ull << i;
		else if (h)
			caught |= 1ull << i;
	}
	text_append(t, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n"
		    "TracerPid:\t0\n", thread->comm,
		    p->fs ? p->fs->umask : 0, state_letter(thread),
		    state_letter(thread) == 'R' ? "running" : "sleeping", p->pid, thread->tid, p->ppid);
	text_append(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%d\nGroups:\t", c->uid, c->euid, c->suid,
		    c->fsuid, c->gid, c->egid, c->sgid,
		    c->fsgid, MAX(64, files_max(p->files)));
	for (unsigned i = 0; i < c->group_count; i++)
		text_append(t, "%u ", c->groups[i]);
	text_append(t, "\nVmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n"
		    "VmData:\t%8lu kB\nVmStk:\t     132 kB\nVmExe:\t%8lu kB\nVmSwap:\t       0 kB\n",
		    mm->mapped_pages * 4, mm->mapped_pages * 4, mm->locked_pages * 4, mm->peak_resident_pages * 4,
		    mm->resident_pages * 4,
		    (mm->brk_end - mm->brk_start) / 1024, (mm->code_end - mm->code_start) / 1024);
	text_append(t, "Threads:\t%u\nSigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n"
		    "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", p->thread_count,
		    p->queued_signals, (unsigned long)p->rlimit[RLIMIT_SIGPENDING].rlim_cur, thread->signal.pending.set,
		    p->pending.set, thread->signal.blocked, ignored, caught);
	text_append(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n"
		    "NoNewPrivs:\t%d\nSeccomp:\t0\n", c->cap_inheritable,
		    c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient, c->no_new_privs);
	uint64_t cpus = thread->affinity & sched_cpu_mask();
	text_append(t, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", cpus);
	for (int first = 0, n = 0; n < 64; n++)
		if (cpus & (1ull << n)) {
			int last = n;
			while (last < 63 && cpus & (1ull << (last + 1)))
				last++;
			text_append(t, last > n ? "%s%d-%d" : "%s%d", first++ ? "," : "", n, last);
			n = last;
		}
	text_append(t, "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%lu\n"
		    "nonvoluntary_ctxt_switches:\t%lu\n", thread->switches_voluntary,
		    thread->switches_involuntary);
}

static int show_status(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		show_status_of(t, p, p->leader);
	return 0;
}

static int show_maps(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		mm_format_maps(p->mm, t, false);
	return 0;
}

static int show_smaps(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		mm_format_maps(p->mm, t, true);
	return 0;
}

// A range of the program's memory as bytes: cmdline, environ.
static void show_range(struct text *t, uint64_t start, uint64_t end)
{
	char buf[256];
	while (start < end) {
		size_t n = MIN((size_t)(end - start), sizeof(buf));
		if (user_read(buf, (const void *)start, n))
			return;
		for (size_t i = 0; i < n; i++, t->len++)
			if (t->len < t->size)
				t->buf[t->len] = buf[i];
		start += n;
	}
}

static int show_cmdline(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		show_range(t, p->mm->arg_start, p->mm->arg_end);
	return 0;
}

static int show_environ(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		show_range(t, p->mm->env_start, p->mm->env_end);
	return 0;
}

static int show_auxv(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	const char *bytes = p ? (const char *)p->mm->auxv : "";
	for (size_t i = 0; p && i < p->mm->auxv_words * sizeof(uint64_t); i++, t->len++)
		if (t->len < t->size)
			t->buf[t->len] = bytes[i];
	return 0;
}

static int show_comm(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		text_append(t, "%s\n", p->leader->comm);
	return 0;
}

static void limit_text(char *buf, size_t size, uint64_t value)
{
	if (value == RLIM64_INFINITY)
		string_copy(buf, "unlimited", size);
	else
		format(buf, size, "%lu", value);
}

static int show_limits(struct text *t, void *arg)
{
	static const char *const name[RLIM_NLIMITS][2] = {
		{"Max cpu time", "seconds"},	{"Max file size", "bytes"},	 {"Max data size", "bytes"},
		{"Max stack size", "bytes"},	{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
		{"Max processes", "processes"}, {"Max open files", "files"},	 {"Max locked memory", "bytes"},
		{"Max address space", "bytes"}, {"Max file locks", "locks"},	 {"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"}, {"Max nice priority", ""},	 {"Max realtime priority", ""},
		{"Max realtime timeout", "us"}};
	struct process *p = process_of(arg);
	text_append(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; p && i < RLIM_NLIMITS; i++) {
		const struct rlimit64 *r = &p->rlimit[i];
		char soft[24], hard[24];
		limit_text(soft, sizeof(soft), r->rlim_cur);
		limit_text(hard, sizeof(hard), r->rlim_max);
		text_append(t, "%-25s %-20s %-20s %-10s\n", name[i][0], soft, hard, name[i][1]);
	}
	return 0;
}

static int show_mounts(struct text *t, void *arg)
{
	(void)arg;
	vfs_format_mounts(t, false);
	return 0;
}

static int show_mountinfo(struct text *t, void *arg)
{
	(void)arg;
	vfs_format_mounts(t, true);
	return 0;
}

static int show_adj(struct text *t, void *arg)
{
	struct process *p = process_of(arg);
	if (p)
		text_append(t, "%d\n", p->oom_score_adj);
	return 0;
}

// --- links: exe, cwd, root ---------------------------------------------------------------------------

enum { LINK_EXE, LINK_CWD, LINK_ROOT };
struct link {
	int pid, kind;
};

static int link_follow(struct inode *i, struct mount **mount, struct dentry **dentry)
{
	struct link *l = i->fs;
	struct process *p = process_find(l->pid);
	if (!p || !p->fs)
		return -ENOENT;
	if (l->kind == LINK_EXE)
		return p->mm->exe ? file_path(p->mm->exe, mount, dentry) : -ENOENT;
	struct path *path = l->kind == LINK_CWD ? &p->fs->cwd : &p->fs->root;
	path_get(path);
	*mount = path->mount;
	*dentry = path->dentry;
	return 0;
}

static int64_t link_readlink(struct inode *i, char *buf, size_t size)
{
	struct link *l = i->fs;
	struct process *p = process_find(l->pid);
	char text[512];
	if (!p || !p->fs)
		return -ENOENT;
	int64_t n = l->kind != LINK_EXE
			    ? path_format(l->kind == LINK_CWD ? &p->fs->cwd : &p->fs->root, text, sizeof(text))
		    : p->mm->exe ? file_format_path(p->mm->exe, text, sizeof(text))
				 : -ENOENT;
	if (n > 0)
		memcpy(buf, text, MIN((size_t)n, size));
	return n;
}

static void link_release(struct inode *i)
{
	heap_free(i->fs);
	inode_free(i);
}

static const struct inode_ops link_ops = {.follow = link_follow, .readlink = link_readlink, .release = link_release};

static struct inode *link_create(struct super *s, int pid, int kind)
{
	struct link *l = heap_new(struct link);
	struct inode *i = l ? inode_alloc(s, 0120777) : NULL;
	if (!i) {
		heap_free(l);
		return NULL;
	}
	*l = (struct link){pid, kind};
	i->ops = &link_ops;
	i->fs = l;
	return i;
}

// --- task/TID ----------------------------------------------------------------------------------------

static int show_task_comm(struct text *t, void *arg)
{
	struct thread *thread = thread_find((int)(uintptr_t)arg);
	if (thread)
		text_append(t, "%s\n", thread->comm);
	return 0;
}

static int64_t store_task_comm(const char *buf, size_t len, void *arg)
{
	struct thread *thread = thread_find((int)(uintptr_t)arg);
	if (!thread)
		return -ESRCH;
	size_t n = MIN(len, sizeof(thread->comm) - 1);
	while (n && buf[n - 1] == '\n')
		n--;
	memset(thread->comm, 0, sizeof(thread->comm));
	memcpy(thread->comm, buf, n);
	return (int64_t)len;
}

static int show_task_stat(struct text *t, void *arg)
{
	struct thread *thread = thread_find((int)(uintptr_t)arg);
	if (thread)
		show_stat_of(t, thread->process, thread, thread_times(thread));
	return 0;
}

static int show_task_status(struct text *t, void *arg)
{
	struct thread *thread = thread_find((int)(uintptr_t)arg);
	if (thread)
		show_status_of(t, thread->process, thread);
	return 0;
}

static struct thread *task_find(struct inode *dir, const char *name, size_t len)
{
	int tid = 0;
	for (size_t i = 0; i < len && name[i] >= '0' && name[i] <= '9'; i++)
		tid = tid * 10 + (name[i] - '0');
	struct thread *t = thread_find(tid);
	return t && t->process->pid == (int)(uintptr_t)static_dir_arg(dir) ? t : NULL;
}

static bool task_still(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
	(void)inode;
	return task_find(dir, name, len);
}

static int task_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct thread *t = task_find(dir, name, len);
	int tid = t ? t->tid : 0;
	if (!t)
		return -ENOENT;
	struct inode *d = static_dir_create(dir->super, 0555, NULL, NULL);
	void *arg = (void *)(uintptr_t)tid;
	if (!d || static_dir_add(d, "comm", vfs_text_file_rw(dir->super, 0644, show_task_comm, store_task_comm, arg)) ||
	    static_dir_add(d, "stat", vfs_text_file(dir->super, 0444, show_task_stat, arg)) ||
	    static_dir_add(d, "status", vfs_text_file(dir->super, 0444, show_task_status, arg)) ||
	    static_dir_add(d, "fd", procfs_fd_dir(dir->super, t->process->pid, false)))
		return -ENOMEM;
	*out = d;
	return 0;
}

static int task_readdir(struct inode *dir, struct dir_emit *d, int64_t *pos)
{
	struct process *p = process_find((int)(uintptr_t)static_dir_arg(dir));
	struct thread *t;
	int64_t at = STATIC_DIR_DYNAMIC;
	if (!p)
		return 0;
	list_for_each(t, &p->threads, process_link) {
		char name[16];
		if (at++ < *pos)
			continue;
		int n = format(name, sizeof(name), "%d", t->tid);
		if (!d->emit(d, name, (size_t)n, (uint64_t)t->tid, 4, at))
			return 0;
		*pos = at;
	}
	return 0;
}

static const struct static_dir_hooks task_hooks = {.lookup = task_lookup, .readdir = task_readdir, .still = task_still};

struct inode *procfs_process_dir(struct super *s, int pid)
{
	static const struct {
		const char *name;
		text_show_fn show;
	} files[] = {
		{"stat", show_stat}, {"statm", show_statm}, {"status", show_status}, {"maps", show_maps}, {"smaps", show_smaps},
		{"cmdline", show_cmdline}, {"environ", show_environ}, {"auxv", show_auxv}, {"limits", show_limits},
		{"mounts", show_mounts}, {"mountinfo", show_mountinfo}, {"oom_score_adj", show_adj},
	};
	static const char texts[] = TEXT_FILE("oom_score", "0")
				    TEXT_FILE("cgroup", "0::/")
				    TEXT_FILE("coredump_filter", "00000033")
				    TEXT_FILE("wchan", "0")
				    TEXT_FILE("loginuid", "4294967295")
				    TEXT_FILE("sessionid", "4294967295")
				    TEXT_FILE("personality", "00000000")
				    TEXT_FILE("setgroups", "allow")
				    TEXT_FILE("uid_map", "         0          0 4294967295")
				    TEXT_FILE("gid_map", "         0          0 4294967295");
	struct process *p = process_find(pid);
	void *arg = (void *)(uintptr_t)pid;
	struct inode *dir = static_dir_create(s, 0555, NULL, arg);
	if (!dir)
		return NULL;
	int err = vfs_add_texts(dir, texts);
	for (unsigned i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = static_dir_add(dir, files[i].name, vfs_text_file(s, 0444, files[i].show, arg));
	if (err || static_dir_add(dir, "net", procfs_net_dir(s)) || static_dir_add(dir, "mem", procfs_memory(s)) ||
	    static_dir_add(dir, "exe", link_create(s, pid, LINK_EXE)) ||
	    static_dir_add(dir, "cwd", link_create(s, pid, LINK_CWD)) ||
	    static_dir_add(dir, "root", link_create(s, pid, LINK_ROOT)) ||
	    static_dir_add(dir, "fd", procfs_fd_dir(s, pid, false)) ||
	    static_dir_add(dir, "fdinfo", procfs_fd_dir(s, pid, true)) ||
	    static_dir_add(dir, "comm",
			   vfs_text_file_rw(s, 0644, show_comm, store_task_comm, (void *)(uintptr_t)p->leader->tid)) ||
	    static_dir_add(dir, "task", static_dir_create(s, 0555, &task_hooks, arg))) {
		inode_put(dir);
		return NULL;
	}
	return dir;
}
