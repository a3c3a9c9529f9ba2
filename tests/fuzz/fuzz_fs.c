// SPDX-License-Identifier: MIT
//
// The file server's messages. An input is a sequence of: operation, node, length, arguments. Nodes and
// handles the server gave are offered again, so that sequences get somewhere.
#include "tests/fuzz/fs_common.h"

#include <linux/fuse.h>

static uint64_t nodes[16], handles[16];
static unsigned node_count, handle_count;

static void remember(uint32_t op, const uint8_t *payload, size_t len)
{
	if (len >= 40 && (op == FUSE_LOOKUP || op == FUSE_CREATE || op == FUSE_MKDIR || op == FUSE_SYMLINK ||
			  op == FUSE_MKNOD || op == FUSE_LINK))
		memcpy(&nodes[node_count++ % 16], payload, 8);
	if (len == sizeof(struct fuse_open_out) && (op == FUSE_OPEN || op == FUSE_OPENDIR))
		memcpy(&handles[handle_count++ % 16], payload, 8);
	if (op == FUSE_CREATE && len == sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out))
		memcpy(&handles[handle_count++ % 16], payload + sizeof(struct fuse_entry_out), 8);
}

static void message(struct fs *fs, uint8_t op, uint8_t node, uint8_t handle, const uint8_t *arg, size_t len)
{
	struct fuse_in_header h = {.opcode = op, .nodeid = node & 0x80 ? node : nodes[node % 16]};
	uint8_t *in = malloc(sizeof(h) + len), *out = malloc(8192);

	h.len = (uint32_t)(sizeof(h) + len);
	memcpy(in, &h, sizeof(h));
	memcpy(in + sizeof(h), arg, len);
	// Most arguments begin with a handle.
	bool has = op == FUSE_READ || op == FUSE_WRITE || op == FUSE_RELEASE || op == FUSE_RELEASEDIR ||
		   op == FUSE_READDIR || op == FUSE_READDIRPLUS || op == FUSE_FSYNC || op == FUSE_SETUPMAPPING ||
		   op == FUSE_FALLOCATE || op == FUSE_LSEEK || op == FUSE_COPY_FILE_RANGE;
	if (has && len >= 8 && !(handle & 0x80))
		memcpy(in + sizeof(h), &handles[handle % 16], 8);
	size_t room = handle & 0x40 ? 16 + (handle & 0x3f) : 8192;
	size_t n = fs_message(fs, in, sizeof(h) + len, out, room);
	if (n > room)
		abort();
	if (n >= sizeof(struct fuse_out_header) && ((struct fuse_out_header *)out)->error == 0) {
		remember(op, out + 16, n - 16);
		// A directory listing may say "s"; the contents of what it points at, never.
		if (fuzz_leaks(out, n))
			abort();
	}
	free(in);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory memory;
	static bool started;

	if (!started) {
		fuzz_start();
		started = true;
	}
	struct fs *fs = fuzz_server(&memory, NULL);
	node_count = handle_count = 0;
	memset(handles, 0, sizeof(handles));
	for (unsigned i = 0; i < 16; i++)
		nodes[i] = fs_root_node(fs, i & 1);
	while (size >= 4) {
		size_t len = data[3];
		if (len > size - 4)
			len = size - 4;
		message(fs, data[0], data[1], data[2], data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	fs_dax_repair(fs);
	fs_destroy(fs);
	fuzz_check();
	return 0;
}
