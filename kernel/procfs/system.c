// SPDX-License-Identifier: MIT
//
// /proc files about the machine: proc(5).
#include <linux/errno.h>

#include "base/format.h"
#include "devfs/random.h"
#include "inet/inet.h"
#include "ipc/ipc.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "proc/info.h"
#include "proc/process.h"
#include "procfs/private.h"
#include "sched/sched.h"
#include "sys/part.h"
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

// Of a component that may not be in this kernel.
static int show_part(struct text *t, void *arg)
{
	((void (*)(struct text *))arg)(t);
	return 0;
}

enum { STREAMS = 1, V6 = 2 };

static int show_sockets(struct text *t, void *arg)
{
	uint64_t what = (uint64_t)arg;
	inet_format_sockets(t, what & STREAMS, what & V6);
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

// Path and text: vfs_add_texts().
static const char texts[] =
	TEXT_FILE("filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\nnodev\tfuse")
	TEXT_FILE("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled")
	TEXT_FILE("cmdline", "whelk")
	TEXT_FILE("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
	TEXT_FILE("vmstat", "nr_free_pages 0")
	TEXT_FILE("interrupts", "           CPU0")
	TEXT_FILE("sys/kernel/ostype", "Linux")
	TEXT_FILE("sys/kernel/pid_max", "4194304")
	TEXT_FILE("sys/kernel/threads-max", "65536")
	TEXT_FILE("sys/kernel/ngroups_max", "32")
	TEXT_FILE("sys/kernel/cap_last_cap", "40")
	TEXT_FILE("sys/kernel/randomize_va_space", "2")
	TEXT_FILE("sys/kernel/core_pattern", "core")
	TEXT_FILE("sys/kernel/seccomp", "")
	TEXT_FILE("sys/kernel/sched_rr_timeslice_ms", "4")
	TEXT_FILE("sys/kernel/random/entropy_avail", "256")
	TEXT_FILE("sys/kernel/random/poolsize", "256")
	TEXT_FILE("sys/kernel/shmmax", "18446744073692774399")
	TEXT_FILE("sys/kernel/shmall", "18446744073692774399")
	TEXT_FILE("sys/kernel/shmmni", "4096")
	TEXT_FILE("sys/kernel/msgmax", "8192")
	TEXT_FILE("sys/kernel/msgmnb", "16384")
	TEXT_FILE("sys/kernel/msgmni", "32000")
	TEXT_FILE("sys/kernel/sem", "32000\t1024000000\t500\t32000")
	TEXT_FILE("sys/vm/overcommit_memory", "0")
	TEXT_FILE("sys/vm/max_map_count", "65530")
	TEXT_FILE("sys/vm/swappiness", "0")
	TEXT_FILE("sys/vm/mmap_min_addr", "65536")
	TEXT_FILE("sys/vm/overcommit_ratio", "50")
	TEXT_FILE("sys/fs/file-max", "9223372036854775807")
	TEXT_FILE("sys/fs/nr_open", "1048576")
	TEXT_FILE("sys/fs/pipe-max-size", "1048576")
	TEXT_FILE("sys/fs/file-nr", "0\t0\t9223372036854775807")
	TEXT_FILE("sys/fs/dentry-state", "0\t0\t45\t0\t0\t0")
	TEXT_FILE("sys/fs/mqueue/msg_default", "10")
	TEXT_FILE("sys/fs/mqueue/msg_max", "10")
	TEXT_FILE("sys/fs/mqueue/msgsize_default", "8192")
	TEXT_FILE("sys/fs/mqueue/msgsize_max", "8192")
	TEXT_FILE("sys/fs/mqueue/queues_max", "256")
	TEXT_FILE("sys/net/core/somaxconn", "4096")
	TEXT_FILE("sys/net/ipv4/ip_local_port_range", "32768\t60999")
	TEXT_FILE("sys/net/ipv4/tcp_allowed_congestion_control", "reno cubic")
	TEXT_FILE("sys/net/ipv4/tcp_congestion_control", "cubic");

static const struct entry {
	const char *path;
	text_show_fn show;
	const void *arg;
} files[] = {
	{"meminfo", show_meminfo, NULL},
	{"cpuinfo", show_cpuinfo, NULL},
	{"stat", show_stat, NULL},
	{"uptime", show_uptime, NULL},
	{"loadavg", show_loadavg, NULL},
	{"version", show_version, NULL},
	{"sys/kernel/osrelease", show_fn, (const void *)info_release},
	{"sys/kernel/version", show_fn, (const void *)info_version},
	{"sys/kernel/hostname", show_fn, (const void *)info_hostname},
	{"sys/kernel/domainname", show_fn, (const void *)info_domainname},
	{"sys/kernel/random/boot_id", show_uuid, "boot"},
	{"sys/kernel/random/uuid", show_uuid, NULL},
	{"locks", show_part, (const void *)vfs_format_locks},
	{"sysvipc/shm", show_part, (const void *)shm_format},
	{"sysvipc/sem", show_part, (const void *)sem_format},
	{"sysvipc/msg", show_part, (const void *)msg_format},
}, net_files[] = {
	{"dev", show_part, (const void *)inet_format_dev},
	{"route", show_part, (const void *)inet_format_route},
	{"if_inet6", show_part, (const void *)inet_format_if_inet6},
	{"tcp", show_sockets, (const void *)STREAMS},
	{"tcp6", show_sockets, (const void *)(STREAMS | V6)},
	{"udp", show_sockets, (const void *)0},
	{"udp6", show_sockets, (const void *)V6},
};

static int add_all(struct inode *dir, const struct entry *e, size_t n)
{
	int err = 0;
	for (; !err && n; n--, e++)
		if (e->show != show_part || e->arg)
			err = static_dir_add_path(dir, e->path, vfs_text_file(dir->super, 0444, e->show, (void *)(uintptr_t)e->arg));
	return err;
}

int procfs_add_system(struct super *s, struct inode *root)
{
	int err = vfs_add_texts(root, texts);
	if (!err)
		err = add_all(root, files, ARRAY_SIZE(files));
	if (!err)
		err = static_dir_add(root, "mounts", static_link_create(s, "self/mounts"));
	return err ? err : static_dir_add(root, "net", static_link_create(s, "self/net"));
}

struct inode *procfs_net_dir(struct super *s)
{
	struct inode *dir = static_dir_create(s, 0555, NULL, NULL);
	if (!dir || !inet_format_sockets || !add_all(dir, net_files, ARRAY_SIZE(net_files)))
		return dir;
	inode_put(dir);
	return NULL;
}
