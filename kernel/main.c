// SPDX-License-Identifier: MIT
//
// The boot order, top to bottom. The monitor has built the address space and the CPU state; the
// first CPU arrives in kernel_main() on its boot stack and becomes the idle loop after handing
// the rest of the boot to a thread, because mounting and loading may sleep.
#define COMPONENT "boot"
#include "main.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "debug/debug.h"
#include "devfs/devfs.h"
#include "drivers/drivers.h"
#include "exec/exec.h"
#include "hostfs/hostfs.h"
#include "inet/inet.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "overlay/overlay.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "procfs/procfs.h"
#include "sched/sched.h"
#include "sys/manifest.h"
#include "sys/part.h"
#include "sys/quick.h"
#include "sys/trace.h"
#include "sysfs/sysfs.h"
#include "tmpfs/tmpfs.h"
#include "tty/tty.h"
#include "unix/unix.h"
#include "vfs/vfs.h"

// What the monitor offers as mount n, with an overlay where it asks for one.
static int mount_host(unsigned n)
{
	const struct abi_mount *m = &plat_boot()->mount[n];
	struct super *super;
	struct inode *root;
	int err = hostfs_mount(n, &super, &root);
	if (!err && overlay_create && m->flags & ABI_MOUNT_OVERLAY)
		err = overlay_create(super, root, &super, &root);
	if (err)
		return err;
	if (n == 0)
		return vfs_mount_root(super, root);
	const char *path = plat_boot_string(m->path_off);
	return vfs_mount(path, super, root, path, m->flags & ABI_MOUNT_READONLY ? "ro" : "rw");
}

static int mount_tmpfs(const char *path)
{
	struct super *super;
	struct inode *root;
	int err = tmpfs_create(&super, &root);
	return err ? err : vfs_mount(path, super, root, "tmpfs", "rw");
}

static void mount_all(void)
{
	static const char *const tmpfs_dirs[] = {"/tmp", "/run", "/dev/shm"};
	int err = mount_host(0);
	if (err)
		panic("the root file system cannot be mounted: error %d", -err);
	if (devfs_mount && (err = devfs_mount()) != 0)
		panic("/dev cannot be mounted: error %d", -err);
	if ((procfs_mount && (err = procfs_mount()) != 0) || (sysfs_mount && (err = sysfs_mount()) != 0))
		panic("/proc or /sys cannot be mounted: error %d", -err);
	for (unsigned i = 0; tmpfs_create && overlay_create && i < ARRAY_SIZE(tmpfs_dirs); i++)
		if ((err = mount_tmpfs(tmpfs_dirs[i])) != 0)
			debug_notice("%s: no tmpfs there: error %d", tmpfs_dirs[i], -err);
	for (unsigned n = 1; n < plat_boot()->mount_count; n++)
		if ((err = mount_host(n)) != 0)
			debug_notice("-v %s cannot be mounted: error %d",
				     plat_boot_string(plat_boot()->mount[n].path_off), -err);
}

// The first thread of the first process: from here on the kernel may sleep.
static void start_program(void *unused)
{
	(void)unused;
	const struct abi_boot *boot = plat_boot();
	struct process *p = process_current();
	mount_all();
	p->fs = fs_context_create();
	if (!p->fs)
		panic("no memory for the first process");
	p->fs->umask = boot->umask;
	struct path cwd;
	if (path_lookup(AT_FDCWD, plat_boot_string(boot->cwd_off), LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &cwd) == 0) {
		path_put(&p->fs->cwd);
		p->fs->cwd = cwd;
	} else {
		debug_notice("%s: no such directory; starting in /", plat_boot_string(boot->cwd_off));
	}
	PART(console_open_standard, p->files);
	if (boot->flags & ABI_FLAG_TRACE && !trace_init)
		debug_notice("--trace: the specialised kernel has no tracer");
	else if (boot->flags & ABI_FLAG_TRACE)
		trace_init(plat_boot_string(boot->trace_off));
	manifest_init();
	quick_init();
	PART(inet_start);
	exec_first(); // returns to the program or ends the machine
}

_Noreturn void kernel_main(void)
{
	page_init();
	mm_init();
	sched_init();
	vfs_init();
	drivers_init();
	PART(unix_init);
	PART(inet_init);

	struct process *first;
	int err = process_create_first(&first);
	if (err)
		panic("the first process cannot be made: error %d", -err);
	arch_thread_init(first->leader, start_program, NULL);
	thread_start(first->leader);
	sched_cpu_main();
}

_Noreturn void kernel_cpu_main(unsigned cpu)
{
	(void)cpu;
	sched_cpu_main();
}
