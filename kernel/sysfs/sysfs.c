// SPDX-License-Identifier: MIT
//
// /sys: what programs ask of it (CPUs, the one memory node, huge pages), as static text.
#include "sysfs/sysfs.h"

#include <linux/errno.h>
#include <linux/magic.h>

#include "base/string.h"
#include "mm/heap.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "vfs/static_dir.h"
#include "vfs/text_file.h"
#include "vfs/vfs.h"

static int show_number(struct text *t, void *arg)
{
	text_append(t, "%lu\n", (uint64_t)arg);
	return 0;
}

static int show_cpus(struct text *t, void *arg)
{
	unsigned n = plat_boot()->cpu_count;
	(void)arg;
	if (n > 1)
		text_append(t, "0-%u\n", n - 1);
	else
		text_append(t, "0\n");
	return 0;
}

static int show_node_memory(struct text *t, void *arg)
{
	struct page_info info;
	(void)arg;
	page_info(&info);
	text_append(t,
		    "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\nNode 0 MemUsed:        %8lu kB\n",
		    info.total * 4, info.free * 4, (info.total - info.free) * 4);
	return 0;
}

static const char texts[] = TEXT_FILE("devices/system/cpu/kernel_max", "63")
			    TEXT_FILE("devices/system/node/online", "0")
			    TEXT_FILE("devices/system/node/possible", "0")
			    TEXT_FILE("devices/system/node/has_memory", "0")
			    TEXT_FILE("devices/system/clocksource/clocksource0/current_clocksource", "tsc")
			    TEXT_FILE("kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
			    TEXT_FILE("kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never")
			    TEXT_FILE("kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152")
			    TEXT_FILE("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0")
			    TEXT_FILE("fs/cgroup/", "")
			    TEXT_FILE("block/", "");

static const struct {
	const char *path;
	text_show_fn show;
} files[] = {
	{"devices/system/cpu/online", show_cpus},
	{"devices/system/cpu/possible", show_cpus},
	{"devices/system/cpu/present", show_cpus},
	{"devices/system/node/node0/cpulist", show_cpus},
	{"devices/system/node/node0/meminfo", show_node_memory},
};

static int add_cpu(struct inode *root, unsigned n)
{
	static const struct {
		const char *format;
		long value; // below 0: the CPU's number
	} of_cpu[] = {{"devices/system/cpu/cpu%u/online", 1},
		      {"devices/system/cpu/cpu%u/topology/core_id", -1},
		      {"devices/system/cpu/cpu%u/topology/physical_package_id", 0}};
	char path[64];
	int err = 0;
	for (unsigned i = 0; !err && i < ARRAY_SIZE(of_cpu); i++) {
		void *value = (void *)(of_cpu[i].value < 0 ? n : (uint64_t)of_cpu[i].value);
		format(path, sizeof path, of_cpu[i].format, n);
		err = static_dir_add_path(root, path, vfs_text_file(root->super, 0444, show_number, value));
	}
	format(path, sizeof path, "../../cpu/cpu%u", n);
	char *target = heap_strdup(path);
	format(path, sizeof path, "devices/system/node/node0/cpu%u", n);
	return err || !target ? -ENOMEM : static_dir_add_path(root, path, static_link_create(root->super, target));
}

int sysfs_mount(void)
{
	struct super *s = heap_new(struct super);
	if (!s)
		return -ENOMEM;
	s->dev = super_new_dev();
	s->type = "sysfs";
	s->magic = SYSFS_MAGIC;
	struct inode *root = static_dir_create(s, 0555, NULL, NULL);
	int err = root ? vfs_add_texts(root, texts) : -ENOMEM;
	for (unsigned i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = static_dir_add_path(root, files[i].path, vfs_text_file(s, 0444, files[i].show, NULL));
	for (unsigned n = 0; !err && n < plat_boot()->cpu_count; n++)
		err = add_cpu(root, n);
	return err ? err : vfs_mount("/sys", s, root, "sysfs", "rw");
}
