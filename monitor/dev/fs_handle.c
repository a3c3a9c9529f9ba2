// SPDX-License-Identifier: MIT
//
// Open files. A handle's number is a slot and a generation: a stale one is told apart.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

static struct fs_handle *handle_by_id(struct fs *fs, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= fs->handle_slots || !fs->handle[slot] || fs->handle[slot]->id != id)
		return NULL;
	return fs->handle[slot];
}

static int handle_slot(struct fs *fs, uint32_t *slot)
{
	for (uint32_t i = 0; i < fs->handle_slots; i++) {
		uint32_t at = (fs->handle_generation + i) % fs->handle_slots;
		if (!fs->handle[at]) {
			*slot = at;
			return 0;
		}
	}
	unsigned want = fs->handle_slots ? fs->handle_slots * 2 : 64;
	struct fs_handle **t = realloc(fs->handle, want * sizeof(*t));
	if (!t)
		return -ENOMEM;
	for (unsigned i = fs->handle_slots; i < want; i++)
		t[i] = NULL;
	*slot = fs->handle_slots;
	fs->handle = t;
	fs->handle_slots = want;
	return 0;
}

int fs_handle_create(struct fs *fs, struct fs_node *n, int fd, bool writable, bool directory, uint64_t *id)
{
	struct fs_handle *h = calloc(1, sizeof(*h));
	uint32_t slot = 0;
	int err = -ENOMEM;

	if (!h)
		goto fail;
	pthread_mutex_lock(&fs->lock);
	err = fs->handle_count < fs->handle_max ? handle_slot(fs, &slot) : -ENFILE;
	if (!err) {
		fs->handle_generation = (fs->handle_generation + 1) & 0x7fffffff;
		*h = (struct fs_handle){
			.id = (uint64_t)fs->handle_generation << 32 | slot,
			.fd = fd,
			.writable = writable,
			.directory = directory,
			.node = n,
		};
		pthread_mutex_init(&h->dir_lock, NULL);
		fs->handle[slot] = h;
		fs->handle_count++;
		n->pins++;
		*id = h->id;
	}
	pthread_mutex_unlock(&fs->lock);
	if (!err)
		return 0;
	free(h);
fail:
	close(fd);
	return err;
}

int fs_handle_pin(struct fs *fs, uint64_t id, struct fs_handle **out)
{
	pthread_mutex_lock(&fs->lock);
	struct fs_handle *h = handle_by_id(fs, id);
	if (h) {
		h->pins++;
		*out = h;
	}
	pthread_mutex_unlock(&fs->lock);
	return h ? 0 : -EBADF;
}

static void handle_free(struct fs *fs, struct fs_handle *h)
{
	fs_node_unpin(fs, h->node);
	close(h->fd);
	pthread_mutex_destroy(&h->dir_lock);
	free(h);
}

void fs_handle_unpin(struct fs *fs, struct fs_handle *h)
{
	pthread_mutex_lock(&fs->lock);
	bool last = --h->pins == 0 && h->closed;
	pthread_mutex_unlock(&fs->lock);
	if (last)
		handle_free(fs, h);
}

int fs_handle_release(struct fs *fs, uint64_t id)
{
	bool last = false;

	pthread_mutex_lock(&fs->lock);
	struct fs_handle *h = handle_by_id(fs, id);
	if (h) {
		fs->handle[(uint32_t)id] = NULL;
		fs->handle_count--;
		h->closed = true;
		last = h->pins == 0;
	}
	pthread_mutex_unlock(&fs->lock);
	if (last)
		handle_free(fs, h);
	return h ? 0 : -EBADF;
}

void fs_handle_destroy(struct fs *fs)
{
	for (unsigned i = 0; i < fs->handle_slots; i++)
		if (fs->handle[i])
			handle_free(fs, fs->handle[i]);
	free(fs->handle);
}
