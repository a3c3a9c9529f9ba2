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

static int show_text(struct text *t, void *arg)
{
	text_append(t, "%s\n", (const char *)arg);
	return 0;
}

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

// path -> text; a NULL text: a function. Directories come of themselves.
static const struct {
	const char *path, *text;
	text_show_fn show;
} files[] = {
	{"devices/system/cpu/online", NULL, show_cpus},
	{"devices/system/cpu/possible", NULL, show_cpus},
	{"devices/system/cpu/present", NULL, show_cpus},
	{"devices/system/cpu/kernel_max", "63", NULL},
	{"devices/system/node/online", "0", NULL},
	{"devices/system/node/possible", "0", NULL},
	{"devices/system/node/has_memory", "0", NULL},
	{"devices/system/node/node0/cpulist", NULL, show_cpus},
	{"devices/system/node/node0/meminfo", NULL, show_node_memory},
	{"kernel/mm/transparent_hugepage/enabled", "[always] madvise never", NULL},
	{"kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never", NULL},
	{"kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152", NULL},
	{"kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0", NULL},
	{"fs/cgroup/.keep", "", NULL},
	{"block/.keep", "", NULL},
};

static int add_file(struct super *s, struct inode *dir, const char *path, struct inode *file)
{
	const char *slash;
	int err = 0;
	inode_get(dir);
	while ((slash = strchr(path, '/')) != NULL) {
		char name[32];
		size_t len = (size_t)(slash - path);
		struct inode *next = static_dir_find(dir, path, len);
		if (!next) {
			memcpy(name, path, len);
			name[len] = '\0';
			next = static_dir_create(s, 0555, NULL, NULL);
			if (next)
				inode_get(next);
			err = static_dir_add(dir, name, next);
		}
		inode_put(dir);
		dir = next;
		if (err || !dir)
			return -ENOMEM;
		path = slash + 1;
	}
	if (strcmp(path, ".keep"))
		err = static_dir_add(dir, path, file);
	else
		inode_put(file);
	inode_put(dir);
	return err;
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
	int err = root ? 0 : -ENOMEM;
	for (unsigned i = 0; !err && i < ARRAY_SIZE(files); i++) {
		struct inode *file = vfs_text_file(s, 0444, files[i].show ? files[i].show : show_text,
						   (void *)(uintptr_t)files[i].text);
		err = file ? add_file(s, root, files[i].path, file) : -ENOMEM;
	}
	for (unsigned n = 0; !err && n < plat_boot()->cpu_count; n++) {
		char path[48];
		static const char one[] = "1", zero[] = "0";
		format(path, sizeof(path), "devices/system/cpu/cpu%u/online", n);
		err = add_file(s, root, path, vfs_text_file(s, 0444, show_text, (void *)(uintptr_t)one));
		format(path, sizeof(path), "devices/system/cpu/cpu%u/topology/core_id", n);
		if (!err)
			err = add_file(s, root, path, vfs_text_file(s, 0444, show_number, (void *)(uintptr_t)n));
		format(path, sizeof(path), "devices/system/cpu/cpu%u/topology/physical_package_id", n);
		if (!err)
			err = add_file(s, root, path, vfs_text_file(s, 0444, show_text, (void *)(uintptr_t)zero));
	}
	return err ? err : vfs_mount("/sys", s, root, "sysfs", "rw");
}
