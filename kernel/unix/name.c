// SPDX-License-Identifier: MIT
//
// Names: a path, whose inode is then the name, or bytes after a zero (abstract). Few sockets have one: a list does.
#include <linux/fcntl.h>

#include "unix/private.h"

#define FAMILY_LEN sizeof(uint16_t)
#define NAME_MAX_LEN (FAMILY_LEN + 108) // struct sockaddr_un

static bool is_abstract(const struct socket_address *a) { return !a->bytes[FAMILY_LEN]; }

static int check(const struct socket_address *a)
{
	return a->len <= FAMILY_LEN || a->len > NAME_MAX_LEN || a->family != AF_UNIX ? -EINVAL : 0;
}

static struct unix_socket *find_abstract(const struct socket_address *a, int type)
{
	struct unix_socket *u;
	list_for_each(u, &unix_all, link)
		if (u->open && u->name.len == a->len && !memcmp(u->name.bytes, a->bytes, a->len) && u->s.type == type)
			return u;
	return NULL;
}

// The path in `a`, terminated.
static const char *path_of(const struct socket_address *a, char buf[static NAME_MAX_LEN + 1])
{
	memcpy(buf, a->bytes + FAMILY_LEN, a->len - FAMILY_LEN);
	buf[a->len - FAMILY_LEN] = 0;
	return buf;
}

int unix_autobind(struct unix_socket *u)
{
	static uint32_t next;
	struct socket_address a = {.len = FAMILY_LEN + 6, .family = AF_UNIX};
	if (u->name.len)
		return 0;
	for (unsigned tries = 0; tries < 0x100000; tries++, next++) {
		for (int i = 0; i < 5; i++)
			a.bytes[FAMILY_LEN + 1 + i] = "0123456789abcdef"[next >> (16 - 4 * i) & 15];
		if (find_abstract(&a, u->s.type))
			continue;
		u->name = a;
		return 0;
	}
	return -ENOSPC;
}

int unix_bind(struct socket *s, const struct socket_address *a)
{
	struct unix_socket *u = unix_of(s);
	char buf[NAME_MAX_LEN + 1];
	if (a->len == FAMILY_LEN && a->family == AF_UNIX)
		return u->name.len ? -EINVAL : unix_autobind(u);
	int err = check(a);
	if (!err && u->name.len) {
		struct path p;
		err = -EINVAL;
		if (!is_abstract(a) && !path_lookup(AT_FDCWD, path_of(a, buf), 0, &p)) {
			path_put(&p);
			err = -EADDRINUSE; // Linux makes the node first
		}
	}
	if (err)
		return err;
	if (is_abstract(a)) {
		if (find_abstract(a, s->type))
			return -EADDRINUSE;
	} else {
		struct inode *i;
		const char *path = path_of(a, buf);
		err = vfs_mknod(AT_FDCWD, path, S_IFSOCK | 0777, 0, &i);
		if (err)
			return err == -EEXIST ? -EADDRINUSE : err;
		if (u->name.len) { // another thread was faster: the node stays, as on Linux
			inode_put(i);
			return -EINVAL;
		}
		u->inode = i;
	}
	u->name = *a;
	if (!is_abstract(a)) // told back terminated
		u->name.len = (unsigned)(FAMILY_LEN + strlen(path_of(a, buf)) + 1);
	return 0;
}

int unix_find(const struct socket_address *a, int type, struct unix_socket **out)
{
	struct unix_socket *u = NULL, *at;
	char buf[NAME_MAX_LEN + 1];
	int err = check(a);
	if (err)
		return err;
	if (is_abstract(a)) {
		u = find_abstract(a, type);
	} else {
		struct path p;
		err = path_lookup(AT_FDCWD, path_of(a, buf), LOOKUP_FOLLOW, &p);
		if (err)
			return err;
		struct inode *i = path_inode(&p);
		err = inode_permission(i, 2);
		list_for_each(at, &unix_all, link)
			if (at->open && at->inode == i)
				u = at;
		path_put(&p);
		if (err)
			return err;
		if (u && u->s.type != type)
			return -EPROTOTYPE;
	}
	if (!u)
		return -ECONNREFUSED;
	unix_get(*out = u);
	return 0;
}

void unix_unname(struct unix_socket *u)
{
	if (u->inode)
		inode_put(u->inode);
	u->inode = NULL;
}
