// SPDX-License-Identifier: MIT
//
// Tables of operations (struct file_ops, struct inode_ops) keep functions in a kernel that nobody can call: a program
// that lists no directories needs no file system's readdir. In the kernel's objects each table has a section of its own,
// named after it, with a relocation for each operation. Those of operations that no call of the manifest leads to become
// none: the word is NULL, as in a table that has no such operation, and --gc-sections does the rest.
//
// A row names all calls that lead to an operation. A new user of an operation in the kernel is a new call in its row:
// a specialised kernel would find NULL there. Operations without a row are always kept.
#include <asm/unistd.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "tools/build/tree.h"
#include "vfs/vfs.h"

#define FILE_SLOT(name) sizeof(struct file_ops), offsetof(struct file_ops, name)
#define INODE_SLOT(name) sizeof(struct inode_ops), offsetof(struct inode_ops, name)
#define XATTRS \
	__NR_setxattr, __NR_lsetxattr, __NR_fsetxattr, __NR_getxattr, __NR_lgetxattr, __NR_fgetxattr, __NR_listxattr, \
		__NR_llistxattr, __NR_flistxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr
#define POLLS \
	__NR_poll, __NR_ppoll, __NR_select, __NR_pselect6, __NR_epoll_create, __NR_epoll_create1, __NR_io_setup
#define LISTS	__NR_getdents, __NR_getdents64
#define REMOVES __NR_unlink, __NR_unlinkat, __NR_rmdir, __NR_rename, __NR_renameat, __NR_renameat2

// io_uring asks for everything.
static const struct {
	size_t table, slot;
	bool files;	    // calls that name files need it as well (an overlay copies, opening truncates, ...)
	unsigned calls[14]; // zero-terminated; read(2), which is 0, has no row
} operation[] = {
	{FILE_SLOT(readdir), false, {LISTS, REMOVES}}, // what is removed must be empty
	{FILE_SLOT(poll), false, {POLLS, __NR_fcntl, __NR_ioctl}},
	{FILE_SLOT(ioctl), false, {__NR_ioctl}},
	{FILE_SLOT(fsync), true, {__NR_msync}},
	{FILE_SLOT(fallocate), false, {__NR_fallocate, __NR_madvise}},
	{FILE_SLOT(fcntl), false, {__NR_fcntl, __NR_ioctl}},
	{INODE_SLOT(link), false, {__NR_link, __NR_linkat}},
	{INODE_SLOT(unlink), false, {REMOVES, __NR_bind}},
	{INODE_SLOT(rmdir), false, {REMOVES}},
	{INODE_SLOT(rename), false, {REMOVES}},
	{INODE_SLOT(tmpfile), true, {0}},
	{INODE_SLOT(has_page), false, {__NR_mincore}},
	{INODE_SLOT(setattr), true, {__NR_fchmod, __NR_fchown, __NR_ftruncate}},
	{INODE_SLOT(getxattr), false, {XATTRS}},
	{INODE_SLOT(setxattr), false, {XATTRS}},
	{INODE_SLOT(listxattr), false, {XATTRS}},
	{INODE_SLOT(removexattr), false, {XATTRS}},
};

// Files of the host are opened for writing, and made, by calls that name files; the kernel itself only reads them.
static const struct {
	size_t table, slot;
} writing[] = {
	{FILE_SLOT(write)}, {INODE_SLOT(create)}, {INODE_SLOT(mkdir)}, {INODE_SLOT(symlink)},
};

static bool has_use(size_t table, size_t slot, const char *name, const struct manifest *m, bool files)
{
	if (manifest_allows(m, __NR_io_uring_setup))
		return true;
	if (!strncmp(name, "tmpfs_file_", 11) && !files && !m->maps_shared) // who would make one?
		return false;
	for (size_t i = 0; i < sizeof(writing) / sizeof(*writing); i++)
		if (writing[i].table == table && writing[i].slot == slot && !strncmp(name, "hostfs_", 7))
			return files;
	for (size_t i = 0; i < sizeof(operation) / sizeof(*operation); i++) {
		if (operation[i].table != table || operation[i].slot != slot)
			continue;
		bool used = files && operation[i].files;
		for (const unsigned *nr = operation[i].calls; *nr; nr++)
			used |= manifest_allows(m, *nr);
		return used;
	}
	return true;
}

static const void *part(const uint8_t *object, size_t size, uint64_t offset, uint64_t len)
{
	return offset <= size && len <= size - offset ? object + offset : NULL;
}

// The table whose relocations are in this section, or NULL.
static const char *table_name(const char *section)
{
	static const char *const prefix[] = {".rela.data.rel.ro.local.", ".rela.data.rel.ro."};
	for (size_t i = 0; i < sizeof(prefix) / sizeof(*prefix); i++) {
		size_t n = strlen(prefix[i]), len = strlen(section);
		if (!strncmp(section, prefix[i], n) && len > n + 3 && !strcmp(section + len - 3, "ops"))
			return section + n;
	}
	return NULL;
}

static bool prune_object(uint8_t *object, size_t size, const struct manifest *m, bool files)
{
	const Elf64_Ehdr *h = part(object, size, 0, sizeof(*h));
	const Elf64_Shdr *s = h ? part(object, size, h->e_shoff, (uint64_t)h->e_shnum * sizeof(*s)) : NULL;
	if (!s || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_type != ET_REL || h->e_shstrndx >= h->e_shnum)
		return false;
	const Elf64_Shdr *names = &s[h->e_shstrndx];
	const char *text = part(object, size, names->sh_offset, names->sh_size);
	if (!text || !names->sh_size || text[names->sh_size - 1])
		return false;
	for (unsigned i = 0; i < h->e_shnum; i++) {
		if (s[i].sh_type != SHT_RELA || s[i].sh_name >= names->sh_size || s[i].sh_info >= h->e_shnum)
			continue;
		const char *name = table_name(text + s[i].sh_name);
		size_t count = s[i].sh_size / sizeof(Elf64_Rela);
		if (!name)
			continue;
		if (!part(object, size, s[i].sh_offset, s[i].sh_size))
			return false;
		Elf64_Rela *r = (Elf64_Rela *)(object + s[i].sh_offset);
		for (size_t k = 0; k < count; k++)
			if (!has_use(s[s[i].sh_info].sh_size, r[k].r_offset, name, m, files))
				r[k].r_info = r[k].r_addend = 0; // R_X86_64_NONE
	}
	return true;
}

bool prune(uint8_t *archive, size_t size, const struct manifest *m, bool files)
{
	const size_t head = 60;
	size_t at = 8;
	if (size < at || memcmp(archive, "!<arch>\n", at) != 0)
		return false;
	while (at + head <= size) {
		char digits[11] = "";
		memcpy(digits, archive + at + 48, 10);
		unsigned long len = strtoul(digits, NULL, 10);
		bool own = archive[at] == '/' && (archive[at + 1] == ' ' || archive[at + 1] == '/'); // its index and names
		at += head;
		if (len > size - at || (!own && !prune_object(archive + at, len, m, files)))
			return false;
		at += len + len % 2;
	}
	return true;
}
