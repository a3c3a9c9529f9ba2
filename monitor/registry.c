// SPDX-License-Identifier: MIT
#include "monitor/registry.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/message.h"

#define TEXT_MAX     (8u << 20)
#define TRIES	     40 // somebody who only cleans up holds a lock for a moment
#define TRY_AGAIN_NS 5000000

typedef char file_name[OPTIONS_NAME_MAX + 8];

static const char *file_of(file_name out, const char *name, const char *suffix)
{
	snprintf(out, sizeof(file_name), "%s.%s", name, suffix);
	return out;
}

// --- the directory --------------------------------------------------------------------------------------

static int refuse(const char *path, const char *why)
{
	message("%s cannot keep the state of machines: %s", path, why);
	return -EPERM;
}

int registry_open(bool create)
{
	char path[4096];
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	if (runtime && *runtime == '/' && strlen(runtime) < sizeof(path) - 16)
		snprintf(path, sizeof(path), "%s/whelk", runtime);
	else if (geteuid() == 0)
		snprintf(path, sizeof(path), "/run/whelk");
	else
		snprintf(path, sizeof(path), "/tmp/whelk-%u", geteuid());
	if (create && mkdir(path, 0700) && errno != EEXIST)
		return refuse(path, strerror(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !create)
		return -ENOENT;
	if (fd < 0)
		return refuse(path, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 077))
		return fd;
	close(fd);
	return refuse(path,
		      st.st_uid != geteuid() ? "it belongs to another user" : "other users may enter it; chmod 700 it");
}

// --- the lock -------------------------------------------------------------------------------------------

static int lock(int fd, int type)
{
	struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET};
	return fcntl(fd, F_OFD_SETLK, &l) ? -errno : 0;
}

static bool locked(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static void pause_a_little(void) { nanosleep(&(struct timespec){.tv_nsec = TRY_AGAIN_NS}, NULL); }

// Whether it is still the file of that name, which may have been removed before it was locked.
static bool in_place(int dir, const char *file, int fd)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && fstatat(dir, file, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static int open_locked(int dir, const char *file, int flags)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = openat(dir, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
		if (fd < 0)
			return -errno;
		int err = lock(fd, F_WRLCK);
		if (!err && in_place(dir, file, fd))
			return fd;
		close(fd);
		if (err && err != -EAGAIN && err != -EACCES)
			return err;
		if (err)
			pause_a_little();
	}
	return -EBUSY;
}

static void unlink_all(int dir, const char *name)
{
	static const char *const suffix[] = {"log", "page", "state"}; // what holds the lock goes last
	file_name file;
	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++)
		unlinkat(dir, file_of(file, name, suffix[i]), 0);
}

int registry_remove(int dir, const char *name)
{
	file_name file;
	int fd = open_locked(dir, file_of(file, name, "state"), 0);
	if (fd < 0)
		return fd;
	unlink_all(dir, name);
	close(fd);
	return 0;
}

// --- a new machine ----------------------------------------------------------------------------------------

static void make_name(const char *base, char got[OPTIONS_NAME_MAX + 1])
{
	uint32_t r = 0;
	char word[24];
	size_t n = 0;
	const char *slash = strrchr(base, '/');
	for (const char *s = slash ? slash + 1 : base; *s && n < sizeof(word) - 1; s++)
		if (isalnum((unsigned char)*s) || (n && strchr("_.-", *s)))
			word[n++] = *s;
	word[n] = '\0';
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint32_t)getpid();
	snprintf(got, OPTIONS_NAME_MAX + 1, "%s-%06x", n ? word : "machine", r & 0xffffff);
}

int registry_claim(int dir, const char *name, const char *base, char got[OPTIONS_NAME_MAX + 1])
{
	file_name file;
	struct stat st;
	for (;;) {
		if (name)
			snprintf(got, OPTIONS_NAME_MAX + 1, "%s", name);
		else
			make_name(base, got);
		int fd = open_locked(dir, file_of(file, got, "state"), O_CREAT | O_APPEND);
		if (fd == -EBUSY && !name)
			continue;
		if (fd == -EBUSY)
			message("option --name: a machine '%s' is running", name);
		else if (fd < 0)
			message("the state of machine '%s' cannot be kept: %s", got, strerror(-fd));
		if (fd < 0)
			return fd;
		if (!name && fstat(fd, &st) == 0 && st.st_size) { // somebody may still want its status
			close(fd);
			continue;
		}
		file_name other;
		unlinkat(dir, file_of(other, got, "log"), 0);
		unlinkat(dir, file_of(other, got, "page"), 0);
		if (ftruncate(fd, 0) == 0)
			return fd;
		int err = -errno;
		message("the state of machine '%s' cannot be kept: %s", got, strerror(-err));
		close(fd);
		return err;
	}
}

int registry_hold(int dir, const char *name, int fd)
{
	file_name file;
	int kept = openat(dir, file_of(file, name, "state"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (kept < 0)
		return -errno;
	int err = lock(fd, F_RDLCK); // which keeps others from F_WRLCK, and shares with this one
	if (!err)
		err = lock(kept, F_RDLCK);
	if (!err)
		return kept;
	close(kept);
	return err;
}

int registry_create(int dir, const char *name, const char *suffix, int flags)
{
	file_name file;
	int fd = openat(dir, file_of(file, name, suffix), flags | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

// --- reading ----------------------------------------------------------------------------------------------

static char *read_all(int fd)
{
	struct stat st;
	if (fstat(fd, &st) || st.st_size > TEXT_MAX)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static void set_fact(struct registry_entry *e, const char *key, const char *value)
{
	if (strcmp(key, "pid") == 0)
		e->pid = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(key, "guest") == 0)
		e->guest = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(key, "created") == 0)
		e->created = strtoll(value, NULL, 10);
	else if (strcmp(key, "memory") == 0)
		e->memory = strtoull(value, NULL, 10);
	else if (strcmp(key, "cpus") == 0)
		e->cpus = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "log") == 0)
		e->log = true;
	else if (strcmp(key, "remove") == 0)
		e->remove = true;
	else if (strcmp(key, "platform") == 0)
		e->platform = value;
	else if (strcmp(key, "command") == 0)
		e->command = value;
	else if (strcmp(key, "json") == 0)
		e->json = value;
}

// Lines "KEY VALUE"; one that is still being written has no end.
static void parse(struct registry_entry *e)
{
	char *end, *line = e->text;
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value = '\0';
		set_fact(e, line, value + 1);
	}
}

static bool read_page(int dir, const char *name, struct registry_page *page)
{
	file_name file;
	int fd = openat(dir, file_of(file, name, "page"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && pread(fd, page, sizeof(*page), 0) == sizeof(*page) && page->magic == REGISTRY_MAGIC;
	if (fd >= 0)
		close(fd);
	if (!ok)
		memset(page, 0, sizeof(*page));
	return ok;
}

// The lock is looked at first: what is read after it was free is final.
static int read_entry(int dir, const char *name, int fd, struct registry_entry *e)
{
	*e = (struct registry_entry){.status = -1, .platform = "", .command = "", .json = "[]"};
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->alive = locked(fd);
	e->text = read_all(fd);
	if (!e->text)
		return -EIO;
	parse(e);
	read_page(dir, name, &e->page);
	if (e->page.ended)
		e->status = e->page.status & 255;
	else if (!e->alive) {
		e->killed = true;
		e->status = 128 + 9;
	}
	return 0;
}

static bool rubbish(const struct registry_entry *e) { return !e->alive && (!e->page.started || e->remove); }

// Looks again under the lock: meanwhile it may be another of the same name.
static void sweep(int dir, const char *name)
{
	file_name file;
	struct registry_entry e;
	int fd = open_locked(dir, file_of(file, name, "state"), 0);
	if (fd < 0)
		return;
	if (read_entry(dir, name, fd, &e) == 0 && rubbish(&e))
		unlink_all(dir, name);
	registry_free(&e);
	close(fd);
}

int registry_read(int dir, const char *name, struct registry_entry *e)
{
	file_name file;
	if (!options_name_valid(name))
		return -ENOENT;
	int fd = openat(dir, file_of(file, name, "state"), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int err = read_entry(dir, name, fd, e);
	close(fd);
	if (err || !rubbish(e))
		return err;
	registry_free(e);
	sweep(dir, name);
	return -ENOENT;
}

void registry_free(struct registry_entry *e)
{
	free(e->text);
	e->text = NULL;
}

static int older_first(const void *a, const void *b)
{
	const struct registry_entry *x = a, *y = b;
	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

int registry_list(int dir, struct registry_entry **list)
{
	int count = 0, copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	*list = NULL;
	if (!d) {
		message("the state of machines cannot be read: %s", strerror(errno));
		return -EIO;
	}
	for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
		char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".state"))
			continue;
		*dot = '\0';
		struct registry_entry e, *more;
		if (registry_read(dir, entry->d_name, &e))
			continue;
		more = realloc(*list, (size_t)(count + 1) * sizeof(e));
		if (!more)
			abort();
		*list = more;
		more[count++] = e;
	}
	closedir(d);
	if (count)
		qsort(*list, (size_t)count, sizeof(**list), older_first);
	return count;
}

void registry_list_free(struct registry_entry *list, int count)
{
	for (int i = 0; i < count; i++)
		registry_free(&list[i]);
	free(list);
}

// The number is the monitor's if the lock is held after the descriptor was made: it had the number then.
int registry_pidfd(int dir, const struct registry_entry *e)
{
	file_name file;
	if (!e->alive || e->pid <= 0)
		return -ESRCH;
	int pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
	if (pidfd < 0)
		return -errno;
	int fd = openat(dir, file_of(file, e->name, "state"), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool alive = fd >= 0 && locked(fd);
	struct registry_entry now = {.text = NULL};
	alive = alive && read_entry(dir, e->name, fd, &now) == 0 && now.pid == e->pid; // no other of that name
	registry_free(&now);
	if (fd >= 0)
		close(fd);
	if (alive)
		return pidfd;
	close(pidfd);
	return -ESRCH;
}

int registry_watch(int dir, const char *name, struct registry_watch *w)
{
	file_name file;
	struct registry_entry e;
	int err = registry_read(dir, name, &e);
	if (err)
		return -ENOENT;
	w->page_fd = openat(dir, file_of(file, name, "page"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	w->log_fd = e.log ? openat(dir, file_of(file, name, "log"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	int pidfd = registry_pidfd(dir, &e);
	w->pidfd = pidfd < 0 ? -1 : pidfd;
	registry_free(&e);
	return 0;
}

int registry_watch_status(const struct registry_watch *w)
{
	struct registry_page page;
	bool ended = pread(w->page_fd, &page, sizeof(page), 0) == sizeof(page) && page.magic == REGISTRY_MAGIC &&
		     page.ended;
	return ended ? page.status & 255 : 128 + 9;
}

void registry_watch_close(struct registry_watch *w)
{
	int fd[] = {w->pidfd, w->page_fd, w->log_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
}
