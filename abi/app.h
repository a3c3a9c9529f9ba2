// SPDX-License-Identifier: MIT
//
// A program in one file, made by `whelk build`: kernels, manifest, a read-only tree of files. All numbers are
// little-endian; whoever reads them checks each (monitor/app.c). docs/images.md has the picture.
//
//   head     one page: struct app_head, zero behind it
//   index    struct app_node[], then the text: NUL-terminated names, link targets and lists
//   kernels  one for each platform
//   data     contents of files; those of a page or more begin on a page of the file
#ifndef WHELK_ABI_APP_H
#define WHELK_ABI_APP_H

#include <stdint.h>

#define APP_MAGIC     "WHELKAPP" // 8 bytes
#define APP_VERSION   2
#define APP_HEAD_SIZE 4096
#define APP_KERNELS   2 // ABI_PLATFORM_* - 1
#define APP_CALLS     512
#define APP_NODES_MAX (1u << 22)
#define APP_TEXT_MAX  (256u << 20)
#define APP_KERNEL_MAX (64u << 20)

struct app_part {
	uint64_t offset, size;
	uint8_t hash[32]; // SHA-256 of these bytes
};

struct app_list { // `count` texts, one after another
	uint32_t count, text;
};

struct app_head {
	char magic[8];
	uint32_t version, size; // of this struct
	uint8_t hash[32];	// SHA-256 of this struct with zeros here
	uint64_t file_size;
	struct app_part index, kernel[APP_KERNELS], data; // a kernel of size 0: none

	uint32_t nodes;	    // in the index; node 0 is the root directory
	uint32_t flags;	    // APP_*
	uint64_t text_size; // behind the nodes
	// the manifest
	uint64_t calls[APP_CALLS / 64]; // bit N: system call N is allowed (with APP_ENFORCE)
	uint64_t memory;		// bytes; 0: as whelk run has it
	uint32_t cpus;			// 0: likewise
	uint32_t exec, cwd;		// texts: guest paths
	uint32_t pad;
	struct app_list argv, env;
	// One text for each compartment of the kernel: "NAME GATE COMPONENT...", words with one space between; GATE is the
	// mechanism by which others call into it (kernel/gate/), "none" for a plain call.
	struct app_list compartments;
};
#define APP_ENFORCE	1u // calls outside of `calls` are refused
#define APP_SPECIALISED 2u // the kernels have no more calls than these

struct app_node {
	uint32_t mode;	   // directory, regular file or symbolic link, and permissions
	uint32_t uid, gid;
	uint32_t parent;   // node; smaller than this one's number (root: 0)
	uint32_t name;	   // text
	uint32_t children; // directory: how many, sorted by name
	uint64_t at;	   // directory: its first child; file: offset in data; link: text
	uint64_t size;	   // bytes of file or link
	int64_t mtime;
};
_Static_assert(sizeof(struct app_part) == 48 && sizeof(struct app_node) == 48, "app layout");
_Static_assert(sizeof(struct app_head) == 56 + 4 * 48 + 16 + 64 + 8 + 16 + 24, "app layout");

#endif
