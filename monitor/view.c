// SPDX-License-Identifier: MIT
//
// Mounts, the working directory and the search for the program, before there is a machine.
#include "monitor/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/elfcheck.h"
#include "monitor/message.h"
#include "monitor_arch.h"

#define LIBC_DIR	 "/run/whelk/libc" // in the guest
#define LIBC_NAME	 "libc.so"
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int open_mount(struct view *v, const char *host, const char *guest, bool readonly, bool overlay,
		      const char *option)
{
	int fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int err = -errno;
		message("option %s: %s: %s", option, host, strerror(errno));
		return err;
	}
	v->mount[v->mount_count++] = (struct machine_mount){fd, guest, readonly, overlay, NULL};
	return 0;
}

// --libc=fast: its directory, before -v directories, which may cover it.
static int open_libc(struct view *v)
{
	char dir[PATH_MAX], file[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash)
		snprintf(slash, sizeof(dir) - (size_t)(slash - dir), "/libc/lib");
	snprintf(file, sizeof(file), "%s/" LIBC_NAME, dir);
	if (access(file, R_OK | X_OK)) {
		message("option --libc: %s: %s; make libc makes it", file, strerror(errno));
		return -ENOENT;
	}
	v->interp = ARCH_MUSL;
	v->libc = LIBC_DIR "/" LIBC_NAME;
	return open_mount(v, dir, LIBC_DIR, true, false, "--libc");
}

int view_open(struct view *v, const struct options *o, const struct app *app)
{
	int err = 0;
	v->app = app;
	if (app)
		v->mount[v->mount_count++] = (struct machine_mount){-1, "/", true, true, app};
	else
		err = open_mount(v, o->root ? o->root : "/", "/", true, true, "--root");
	if (!err && o->libc_fast && o->volume_count == ARRAY_SIZE(o->volume)) {
		message("option --libc: it takes the place of one -v directory, of which there are %u",
			o->volume_count);
		err = -EINVAL;
	}
	if (!err && o->libc_fast)
		err = open_libc(v);
	for (unsigned i = 0; !err && i < o->volume_count; i++)
		err = open_mount(v, o->volume[i].host, o->volume[i].guest, o->volume[i].readonly, false, "-v");
	return err;
}

void view_close(struct view *v)
{
	while (v->mount_count)
		if (v->mount[--v->mount_count].fd >= 0)
			close(v->mount[v->mount_count].fd);
}

static bool beneath(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

// The mount that shows guest path `path`, and the rest of the path beneath it.
static const struct machine_mount *mount_of(const struct view *v, const char *path, const char **rest)
{
	const struct machine_mount *best = &v->mount[0];
	size_t longest = 0;
	for (unsigned i = 1; i < v->mount_count; i++)
		if (beneath(path, v->mount[i].path) && strlen(v->mount[i].path) > longest) {
			best = &v->mount[i];
			longest = strlen(best->path);
		}
	*rest = path + longest;
	while (**rest == '/')
		(*rest)++;
	return best;
}

int view_open_path(const struct view *v, const char *path, uint64_t flags)
{
	const char *rest;
	const struct machine_mount *m = mount_of(v, path, &rest);
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, m->fd, *rest ? rest : ".", &how, sizeof(how));
}

const char *view_hidden(const struct view *v, const char *path)
{
	static const char *const own[] = {"/tmp", "/run", "/dev", "/proc", "/sys"};
	const char *rest;
	if (mount_of(v, path, &rest) != &v->mount[0])
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (beneath(path, own[i]))
			return own[i];
	return NULL;
}

int view_choose_cwd(struct view *v, const struct options *o)
{
	if (!o->cwd) {
		if (strcmp(o->root, "/") != 0 || !getcwd(v->cwd, sizeof(v->cwd)))
			strcpy(v->cwd, "/");
		return 0;
	}
	snprintf(v->cwd, sizeof(v->cwd), "%s", o->cwd);
	if (view_hidden(v, v->cwd))
		return 0; // only the kernel can tell
	int fd = view_open_path(v, v->cwd, O_PATH | O_DIRECTORY);
	if (fd < 0) {
		message("option -w: %s: %s", o->cwd, strerror(errno));
		return CMD_FAILED;
	}
	close(fd);
	return 0;
}

// 0: it can be executed; the status to exit with otherwise, `why` filled.
static int try_program(const struct view *v, const char *path, char *why, size_t size)
{
	struct stat st;
	struct elfcheck c;
	const char *hidden = view_hidden(v, path);
	if (hidden) {
		snprintf(why, size, "no such file: %s is the machine's own; give it a host directory with -v", hidden);
		return CMD_NOT_FOUND;
	}
	int fd = view_open_path(v, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		snprintf(why, size, "%s", errno == ENOENT ? "no such file" : strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? CMD_NOT_FOUND : CMD_NOT_EXECUTABLE;
	}
	int status = CMD_NOT_EXECUTABLE;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, size, S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
	} else if (!(st.st_mode & 0111)) {
		snprintf(why, size, "is not executable (no x permission)");
	} else if (elfcheck_file(fd, &c)) {
		snprintf(why, size, "%s", c.why);
	} else {
		int interp = c.interpreter[0] == '/' && !view_hidden(v, c.interpreter)
				     ? view_open_path(v, c.interpreter, O_PATH)
				     : -2;
		status = 0;
		if (interp == -1) {
			snprintf(why, size, "needs the interpreter %.200s: %s", c.interpreter,
				 errno == ENOENT ? "no such file" : strerror(errno));
			status = CMD_NOT_FOUND;
		} else if (interp >= 0) {
			close(interp);
		}
	}
	close(fd);
	return status;
}

static int search(struct view *v, const char *name, const char *path, char *why, size_t size)
{
	int worst = CMD_NOT_FOUND;
	for (const char *p = path; *name; p++) {
		char this[300];
		int len = (int)strcspn(p, ":");
		int n = snprintf(v->program, sizeof(v->program), "%.*s/%s", len, p, name);
		int status = CMD_NOT_FOUND;
		if (len && *p == '/' && (size_t)n < sizeof(v->program))
			status = try_program(v, v->program, this, sizeof(this));
		if (!status)
			return 0;
		if (status == CMD_NOT_EXECUTABLE) {
			worst = status;
			snprintf(why, size, "%s (%.*s)", this, len, p);
		}
		p += len;
		if (!*p)
			break;
	}
	return worst;
}

int view_find_program(struct view *v, const struct options *o)
{
	const char *name = o->argv[0], *path = options_getenv(o, "PATH");
	char why[400] = "not found in PATH";
	int status;
	if (strchr(name, '/')) {
		int n = *name == '/' ? snprintf(v->program, sizeof(v->program), "%s", name)
				     : snprintf(v->program, sizeof(v->program), "%s/%s", v->cwd, name);
		status = CMD_NOT_FOUND;
		if ((size_t)n < sizeof(v->program))
			status = try_program(v, v->program, why, sizeof(why));
		else
			snprintf(why, sizeof(why), "%s", strerror(ENAMETOOLONG));
	} else {
		status = search(v, name, path ? path : PATH_DEFAULT, why, sizeof(why));
	}
	if (status)
		message("%s: %s", name, why);
	return status;
}

// The interpreter of `path`, or of the program its first line names. "": none can be told.
static void interpreter_of(const struct view *v, const char *path, char *out, size_t size)
{
	struct elfcheck c = {.interpreter = ""};
	char head[2] = "#!";
	snprintf(out, size, "%s", path);
	for (int depth = 0; depth < 5 && head[0] == '#' && head[1] == '!'; depth++) { // scripts
		int fd = view_open_path(v, out, O_RDONLY | O_NONBLOCK);
		bool ok = fd >= 0 && pread(fd, head, sizeof(head), 0) == sizeof(head) && !elfcheck_file(fd, &c);
		if (fd >= 0)
			close(fd);
		snprintf(out, size, "%s", ok ? c.interpreter : "");
		if (!ok)
			return;
	}
}

int view_choose_libc(struct view *v, const struct options *o)
{
	char interpreter[PATH_MAX];
	if (!o->libc_fast)
		return 0;
	for (unsigned i = 2; i < v->mount_count; i++)
		if (beneath(LIBC_DIR, v->mount[i].path)) {
			message("option --libc: it needs " LIBC_DIR ", which the -v directory at %s covers",
				v->mount[i].path);
			return CMD_FAILED;
		}
	interpreter_of(v, v->program, interpreter, sizeof(interpreter));
	if (strcmp(interpreter, v->interp) == 0)
		return 0;
	message("option --libc: fast is for programs of musl, whose interpreter is %s; %s has %s", v->interp,
		v->program, *interpreter ? interpreter : "none");
	return CMD_FAILED;
}
