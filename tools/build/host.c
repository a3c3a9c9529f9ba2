// SPDX-License-Identifier: MIT
//
// Files of the host. Owner and group become root: who built the image is not part of it. Times are kept, but not
// beyond SOURCE_DATE_EPOCH.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/build/tree.h"

char *host_read(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		int err = fd < 0 ? errno : EINVAL;
		if (fd >= 0)
			close(fd);
		errno = err;
		return NULL;
	}
	char *data = xrealloc(NULL, (size_t)st.st_size + 1, 1);
	*size = 0;
	for (ssize_t n; *size < (size_t)st.st_size && (n = read(fd, data + *size, (size_t)st.st_size - *size)) > 0;)
		*size += (size_t)n;
	data[*size] = 0;
	close(fd);
	return data;
}

static int64_t time_of(const struct stat *st)
{
	const char *limit = getenv("SOURCE_DATE_EPOCH");
	int64_t most = limit ? strtoll(limit, NULL, 10) : INT64_MAX;
	return st->st_mtime < most ? st->st_mtime : most;
}

static void fill(struct entry *e, const char *host, const struct stat *st)
{
	char to[PATH_MAX];
	if (e->children && !S_ISDIR(st->st_mode))
		fail("%s: a directory of the image has this name", host);
	e->mode = st->st_mode & (S_IFMT | 0777);
	e->mtime = time_of(st);
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlink(host, to, sizeof(to) - 1);
		if (n <= 0)
			fail("%s: %s", host, strerror(errno));
		e->link = text("%.*s", (int)n, to);
		e->size = (uint64_t)n;
	} else if (S_ISREG(st->st_mode)) {
		if (access(host, R_OK))
			fail("%s: %s", host, strerror(errno));
		e->source = text("%s", host);
		e->size = (uint64_t)st->st_size;
		e->dev = st->st_dev;
		e->ino = st->st_ino;
	}
}

static void add(struct entry *e, const char *host);

static void add_children(struct entry *e, const char *host)
{
	DIR *dir = opendir(host);
	if (!dir)
		fail("%s: %s", host, strerror(errno));
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		char *path = text("%s/%s", host, d->d_name);
		struct stat st;
		if (!lstat(path, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
			add(tree_child(e, d->d_name, strlen(d->d_name)), path);
		else
			fprintf(stderr, "whelk: build: %s is left out: it is no file, directory or link\n", path);
		free(path);
	}
	closedir(dir);
}

static void add(struct entry *e, const char *host)
{
	struct stat st;
	if (lstat(host, &st))
		fail("%s: %s", host, strerror(errno));
	fill(e, host, &st);
	if (S_ISDIR(st.st_mode))
		add_children(e, host);
}

// An absolute path of the host, component by component: links are there as links, and what they lead to as well.
static void add_led(struct entry *root, const char *path, unsigned links)
{
	char done[PATH_MAX] = "";
	if (links > 40 || strlen(path) >= sizeof(done))
		fail("%s: %s", path, strerror(links > 40 ? ELOOP : ENAMETOOLONG));
	for (const char *p = path; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");
		struct stat st;
		snprintf(done + strlen(done), sizeof(done) - strlen(done), "/%.*s", (int)n, p);
		p += n;
		if (lstat(done, &st))
			fail("%s: %s", done, strerror(errno));
		struct entry *e = tree_path(root, done, true, false);
		if (!e)
			fail("%s: a file of the image is in the way", done);
		if (S_ISLNK(st.st_mode)) {
			fill(e, done, &st);
			char *slash = strrchr(done, '/');
			char *to = *e->link == '/' ? text("%s/%s", e->link, p)
						   : text("%.*s/%s/%s", (int)(slash - done), done, e->link, p);
			add_led(root, to, links + 1);
			free(to);
			return;
		}
		if (S_ISREG(st.st_mode))
			fill(e, done, &st);
		else if (!*(p + strspn(p, "/")))
			add(e, done);
	}
}

void host_add(struct entry *root, const char *host, const char *guest)
{
	char *whole = realpath(host, NULL);
	if (!whole)
		fail("%s: %s", host, strerror(errno));
	if (guest) {
		struct entry *e = tree_path(root, guest, true, true);
		if (!e)
			fail("%s: a file of the image is in the way", guest);
		add(e, whole);
	} else {
		char cwd[PATH_MAX] = "";
		if (*host != '/' && !getcwd(cwd, sizeof(cwd)))
			fail("the working directory: %s", strerror(errno));
		char *path = text("%s/%s", cwd, host);
		add_led(root, path, 0);
		free(path);
	}
	free(whole);
}
