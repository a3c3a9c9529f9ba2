// SPDX-License-Identifier: MIT
//
// whelk build: a program, its libraries and files into one file (docs/images.md). The parts:
//
//   tree.c   the files of the image, in memory by name; contents stay where they are until they are written
//   host.c   files of the host into the tree;   tar.c  an archive into the tree
//   calls.c  what the programs in it can call, by tools/syscan
//   specialise.c  a kernel of the calls alone;   components.c  what is in a kernel
//   write.c  the tree and the manifest as abi/app.h says;   main.c  the command
#ifndef WHELK_BUILD_TREE_H
#define WHELK_BUILD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "abi/app.h"
#include "tools/lib/grow.h"
#include "tools/syscan/result.h"

struct entry {
	char *name;
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint64_t size;
	char *link;	     // symbolic link: where to
	char *source;	     // file: of the host, or NULL:
	const uint8_t *data; // its bytes
	struct entry *same;  // file: has the contents of that one (a hard link)
	dev_t dev;	     // of `source`
	ino_t ino;
	struct entry *parent, **child;
	size_t children;
	uint64_t at;   // write.c: offset of the contents
	uint32_t node; // write.c: its number
};

struct manifest {
	const char *exec, *cwd;
	char **argv, **env; // NULL-terminated
	size_t args, envs;
	uint64_t memory, calls[APP_CALLS / 64];
	uint32_t cpus, flags;
	bool names_proc, names_sys;	 // some program has such a path in it
	enum named opens;		 // the most that open and openat can name
	bool futex_other;			 // more may be asked of futexes than to wait and to wake
	bool names_terminals;		 // ptmx, pts
	bool maps_shared;		 // and shared anonymous memory
	unsigned sockets;		 // families: SOCKETS_*
	bool script;			 // the program is one
	const char *kernel[APP_KERNELS]; // files; NULL: none
	char **component;		 // in one of them at least; sorted
	size_t components;
};

// Says one sentence and ends with status 125.
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // allocated

struct entry *tree_new(void);
// A child with this name, made if there is none; what it was before is forgotten.
struct entry *tree_child(struct entry *dir, const char *name, size_t len);
struct entry *tree_find(const struct entry *dir, const char *name, size_t len); // or NULL
// The entry of an absolute path, links followed but a last one if `last` is false; `make`: missing parts become
// directories. NULL: it is not there, or a file is in the way.
struct entry *tree_path(struct entry *root, const char *path, bool make, bool last);
void tree_sort(struct entry *e);

// host.c. Path `host` of the host as `guest`, with all beneath it; `guest` NULL: under its own name, and the links and
// directories that lead to it.
void host_add(struct entry *root, const char *host, const char *guest);
char *host_read(const char *path, size_t *size); // or NULL and errno

// tar.c
bool tar_is(const uint8_t *data, size_t size);
void tar_add(struct entry *root, const char *name, const uint8_t *data, size_t size);

// calls.c
struct calls {
	uint64_t allowed[APP_CALLS / 64];
	unsigned unresolved; // places whose number is not known
	bool loads_at_run_time;
	bool names_proc, names_sys; // "/proc", "/sys" are texts in them
	enum named opens;
	bool futex_other, maps_shared, names_terminals;
	unsigned sockets; // SOCKETS_*
};
// One program and what it loads, `named` (of --dlopen) among it. With `into`, its files come into that tree.
void calls_of_program(struct calls *c, const char *path, const char *root, char **named, size_t nameds,
		      struct entry *into);
// All programs and libraries of a tree whose files are at `root` of the host.
void calls_of_tree(struct calls *c, const struct entry *tree, const char *root);
bool path_stays(const char *path);		     // of a program or library: in the image as on the host
int calls_record(struct calls *c, const char *path); // of whelk run --trace
bool calls_allow(struct calls *c, const char *name); // false: there is no such call
void calls_complete(struct calls *c);		     // adds what those bring with them
const char *call_name(unsigned nr);		     // or NULL

bool call_has_handler(unsigned nr);

// prune.c. In the kernel's archive, operations of files that none of these calls can ask for become NULL.
// Returns false if the archive is damaged.
bool prune(uint8_t *archive, size_t size, const struct manifest *m, bool files);
// specialise.c
bool manifest_allows(const struct manifest *m, unsigned nr);
// A kernel of the manifest's calls, made in directory `work`, of what lies beside whelk in `directory`.
const char *specialise(struct manifest *m, const char *directory, const char *work, const char *platform);

// components.c. Those in a kernel, by the linker's map of it. The compartment that has them all, as abi/app.h says.
void components_add(struct manifest *m, const char *map);
char *components_compartment(const struct manifest *m);
// write.c
void image_write(struct entry *root, const struct manifest *m, const char *path);

#endif
