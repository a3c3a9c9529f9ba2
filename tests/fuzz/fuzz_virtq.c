// SPDX-License-Identifier: MIT
//
// The file server's ring: the input is what lies in guest memory when the guest rings. Half of the
// descriptors' addresses are brought into RAM, so that chains reach the server.
#include "tests/fuzz/fs_common.h"

#include <linux/virtio_ring.h>

#define RAM   (64u << 10)
#define SIZE  16
#define AVAIL 0x400
#define USED  0x800

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct abi_queue where = {.desc_gpa = 0, .avail_gpa = AVAIL, .used_gpa = USED, .size = SIZE};
	static struct memory memory;

	if (!memory.ram) {
		fuzz_start();
		memory.ram = malloc(RAM);
		memory.ram_size = RAM;
	}
	memset(memory.ram, 0, RAM);
	memcpy(memory.ram, data, size < RAM ? size : RAM);
	struct vring_desc *d = (struct vring_desc *)memory.ram;
	for (unsigned i = 0; i < SIZE; i += 2) {
		d[i].addr %= RAM;
		d[i].len %= 4096;
	}
	struct fs *fs = fuzz_server(&memory, &where);
	fs_queue_notify(fs, ABI_QUEUE_FS_SYNC);
	fs_queue_notify(fs, ABI_QUEUE_FS_SYNC);
	fs_queue_notify(fs, 7);
	fs_destroy(fs);
	fuzz_check();
	return 0;
}
