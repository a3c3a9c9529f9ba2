// SPDX-License-Identifier: MIT
//
// /proc files about the machine: proc(5).
#include <linux/errno.h>

#include "base/format.h"
#include "devfs/random.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "proc/info.h"
#include "proc/process.h"
#include "procfs/private.h"
#include "sched/sched.h"
#include "time/time.h"
#include "tmpfs/tmpfs.h"

static int show_meminfo(struct text *t, void *arg)
{
	struct page_info i;
	(void)arg;
	page_info(&i);
	uint64_t shmem = tmpfs_pages() * 4;
	text_append(t, "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n"
		    "Buffers:               0 kB\nCached:         %8lu kB\n",
		    i.total * 4, i.free * 4, (i.free + i.cached) * 4, i.cached * 4 + shmem);
	text_append(t, "SwapCached:            0 kB\nActive:         %8lu kB\nInactive:              0 kB\n"
		    "SwapTotal:             0 kB\nSwapFree:              0 kB\n",
		    (i.total - i.free) * 4);
	text_append(t, "Dirty:                 0 kB\nWriteback:             0 kB\nAnonPages:      %8lu kB\n"
		    "Mapped:                0 kB\nShmem:          %8lu kB\n",
		    (i.total - i.free - i.cached) * 4, shmem);
	text_append(t, "CommitLimit:    %8lu kB\nCommitted_AS:          0 kB\nVmallocTotal:   34359738367 kB\n"
		    "HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n",
		    i.total * 4);
	return 0;
}

static int show_cpuinfo(struct text *t, void *arg)
{
	(void)arg;
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++)
		arch_format_cpuinfo(t, n);
	return 0;
}

static int show_stat(struct text *t, void *arg)
{
	uint64_t now = time_mono_ns(), idle = 0, runnable, load[3];
	unsigned cpus = plat_boot()->cpu_count;
	(void)arg;
	for (unsigned n = 0; n < cpus; n++)
		idle += sched_idle_ns(n);
	text_append(t, "cpu  %lu 0 0 %lu 0 0 0 0 0 0\n", (now * cpus > idle ? now * cpus - idle : 0) / 10000000,
		    idle / 10000000);
	for (unsigned n = 0; n < cpus; n++)
		text_append(t, "cpu%u %lu 0 0 %lu 0 0 0 0 0 0\n", n,
			    (now > sched_idle_ns(n) ? now - sched_idle_ns(n) : 0) / 10000000,
			    sched_idle_ns(n) / 10000000);
	sched_stats(&runnable, load);
	text_append(t, "intr %lu\nctxt %lu\nbtime %lu\nprocesses 1\nprocs_running %lu\nprocs_blocked 0\n",
		    plat_stats()->interrupts, plat_stats()->switches,
		    (unsigned long)((time_wall_ns() - time_mono_ns()) / NSEC_PER_SEC), runnable);
	return 0;
}

static int show_uptime(struct text *t, void *arg)
{
	uint64_t cs = (time_mono_ns() + (uint64_t)plat_clock_boot_offset_ns()) / 10000000,
		 idle = sched_idle_ns(0) / 10000000;
	(void)arg;
	text_append(t, "%lu.%02lu %lu.%02lu\n", cs / 100, cs % 100, idle / 100, idle % 100);
	return 0;
}

static int show_loadavg(struct text *t, void *arg)
{
	uint64_t runnable, load[3];
	(void)arg;
	sched_stats(&runnable, load);
	for (int i = 0; i < 3; i++)
		text_append(t, "%lu.%02lu ", load[i] >> 16, (load[i] & 0xffff) * 100 >> 16);
	text_append(t, "%lu/%u 1\n", runnable, process_first() ? process_first()->thread_count : 0);
	return 0;
}

static int show_version(struct text *t, void *arg)
{
	(void)arg;
	text_append(t, "Linux version %s (whelk) %s\n", info_release(), info_version());
	return 0;
}

static int show_fn(struct text *t, void *arg)
{
	text_append(t, "%s\n", ((const char *(*)(void))arg)());
	return 0;
}

static int show_text(struct text *t, void *arg)
{
	text_append(t, "%s\n", (const char *)arg);
	return 0;
}

static int show_uuid(struct text *t, void *arg)
{
	static uint64_t boot[2];
	uint64_t now[2], *u = arg ? boot : now;
	if (!arg || !boot[0]) {
		u[0] = (random_u64() & ~0xf000ull) | 0x4000;
		u[1] = (random_u64() & ~(3ull << 62)) | 2ull << 62;
	}
	text_append(t, "%08lx-%04lx-%04lx-%04lx-%012lx\n", u[0] >> 32, u[0] >> 16 & 0xffff, u[0] & 0xffff, u[1] >> 48,
		    u[1] & 0xffffffffffff);
	return 0;
}

static const struct entry {
	const char *name;
	text_show_fn show;
	const void *arg;
} root_files[] = {
	{"meminfo", show_meminfo, NULL},
	{"cpuinfo", show_cpuinfo, NULL},
	{"stat", show_stat, NULL},
	{"uptime", show_uptime, NULL},
	{"loadavg", show_loadavg, NULL},
	{"version", show_version, NULL},
	{"filesystems", show_text,
	 "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\nnodev\tfuse"},
	{"cgroups", show_text, "#subsys_name\thierarchy\tnum_cgroups\tenabled"},
	{"cmdline", show_text, "whelk"},
	{"swaps", show_text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"},
	{"vmstat", show_text, "nr_free_pages 0"},
	{"interrupts", show_text, "           CPU0"},
};
static const struct entry kernel_files[] = {
	{"osrelease", show_fn, (const void *)info_release}, {"version", show_fn, (const void *)info_version},
	{"hostname", show_fn, (const void *)info_hostname},
	{"domainname", show_fn, (const void *)info_domainname}, {"ostype", show_text, "Linux"},
	{"pid_max", show_text, "4194304"},
	{"threads-max", show_text, "65536"}, {"ngroups_max", show_text, "32"}, {"cap_last_cap", show_text, "40"},
	{"randomize_va_space", show_text, "2"},
	{"core_pattern", show_text, "core"}, {"seccomp", show_text, ""}, {"sched_rr_timeslice_ms", show_text, "4"},
};
static const struct entry random_files[] = {
	{"boot_id", show_uuid, "boot"}, {"uuid", show_uuid, NULL}, {"entropy_avail", show_text, "256"},
	{"poolsize", show_text, "256"},
};
static const struct entry vm_files[] = {
	{"overcommit_memory", show_text, "0"}, {"max_map_count", show_text, "65530"}, {"swappiness", show_text, "0"},
	{"mmap_min_addr", show_text, "65536"}, {"overcommit_ratio", show_text, "50"},
};
static const struct entry fs_files[] = {
	{"file-max", show_text, "9223372036854775807"}, {"nr_open", show_text, "1048576"},
	{"pipe-max-size", show_text, "1048576"},
	{"file-nr", show_text, "0\t0\t9223372036854775807"},
};
static const struct entry core_files[] = {{"somaxconn", show_text, "4096"}};

static int add_all(struct super *s, struct inode *dir, const struct entry *e, size_t n)
{
	int err = dir ? 0 : -ENOMEM;
	for (; !err && n; n--, e++)
		err = static_dir_add(dir, e->name, vfs_text_file(s, 0444, e->show, (void *)(uintptr_t)e->arg));
	return err;
}

static struct inode *add_dir(struct super *s, struct inode *parent, const char *name)
{
	struct inode *dir = parent ? static_dir_create(s, 0555, NULL, NULL) : NULL;
	return dir && static_dir_add(parent, name, dir) == 0 ? dir : NULL;
}

int procfs_add_system(struct super *s, struct inode *root)
{
	struct inode *sys = add_dir(s, root, "sys"), *kernel = add_dir(s, sys, "kernel");
	int err = add_all(s, root, root_files, ARRAY_SIZE(root_files));
	if (!err)
		err = static_dir_add(root, "mounts", static_link_create(s, "self/mounts"));
	if (!err)
		err = add_all(s, kernel, kernel_files, ARRAY_SIZE(kernel_files));
	if (!err)
		err = add_all(s, add_dir(s, kernel, "random"), random_files, ARRAY_SIZE(random_files));
	if (!err)
		err = add_all(s, add_dir(s, sys, "vm"), vm_files, ARRAY_SIZE(vm_files));
	if (!err)
		err = add_all(s, add_dir(s, sys, "fs"), fs_files, ARRAY_SIZE(fs_files));
	if (!err)
		err = add_all(s, add_dir(s, add_dir(s, sys, "net"), "core"), core_files, ARRAY_SIZE(core_files));
	return err;
}
