// SPDX-License-Identifier: MIT
//
// /proc/self: maps, status, stat, cmdline, comm, exe, fd, environ, auxv, mem, limits, task, and some of /proc.
// run: first second
#include "test.h"

#include <dirent.h>
#include <sys/auxv.h>

// The number after "name:" in a file of lines.
static long field(const char *file, const char *name)
{
	const char *p = read_text(file);
	size_t n = strlen(name);
	for (; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, name, n) && p[n] == ':')
			return atol(p + n + 1);
	return -1;
}

struct map {
	unsigned long from, to, offset;
	char prot[8], path[300];
};
static bool map_of(const void *address, struct map *m)
{
	FILE *f = fopen("/proc/self/maps", "r");
	NEED(f);
	char line[600];
	unsigned long last = 0;
	bool found = false;
	while (fgets(line, sizeof line, f)) {
		struct map x = {0};
		NEED(sscanf(line, "%lx-%lx %7s %lx %*s %*s %299[^\n]", &x.from, &x.to, x.prot, &x.offset, x.path) >= 4);
		CHECK(x.from >= last && x.to > x.from); // in order, without overlap
		last = x.to;
		if ((unsigned long)address >= x.from && (unsigned long)address < x.to) {
			*m = x;
			found = true;
		}
	}
	fclose(f);
	return found;
}

static void *thread(void *arg)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", gettid());
	pthread_setname_np(pthread_self(), "a-thread");
	CHECK(!strcmp(read_text(path), "a-thread\n"));
	CHECK(!strcmp(read_text("/proc/thread-self/comm"), "a-thread\n"));
	CHECK(!strcmp(read_text("/proc/self/comm"), "proc_self\n"));
	CHECK_EQ(field("/proc/self/status", "Threads"), 2);
	return NULL;
}

int main(int argc, char **argv)
{
	char link[4096], path[64];
	ssize_t n = readlink("/proc/self", link, sizeof link - 1);
	NEED(n > 0);
	link[n] = 0;
	CHECK_EQ(atoi(link), getpid());
	n = readlink("/proc/self/exe", link, sizeof link - 1);
	NEED(n > 0);
	link[n] = 0;
	CHECK(link[0] == '/' && strstr(link, "/proc_self"));
	struct stat a, b;
	CHECK(stat("/proc/self/exe", &a) == 0 && stat(link, &b) == 0 && a.st_ino == b.st_ino);

	// cmdline: the arguments, each ended by a zero.
	int fd = open("/proc/self/cmdline", O_RDONLY);
	char cmd[4096];
	n = read(fd, cmd, sizeof cmd);
	CHECK_EQ(n, (long)(strlen(argv[0]) + 1 + 6 + 7));
	CHECK(n > 14 && !memcmp(cmd + n - 13, "first\0second", 13));
	CHECK(!strcmp(read_text("/proc/self/comm"), "proc_self\n"));
	n = open("/proc/self/environ", O_RDONLY);
	CHECK(read(n, cmd, sizeof cmd) > 10 && memmem(cmd, 500, "HOME=/root", 10));

	// maps.
	struct map m;
	CHECK(map_of(main, &m) && m.prot[2] == 'x' && strstr(m.path, "/proc_self"));
	CHECK(map_of(&a, &m) && !strcmp(m.path, "[stack]") && !strcmp(m.prot, "rw-p"));
	CHECK(map_of(malloc(10), &m) && !strcmp(m.path, "[heap]"));
	CHECK(map_of((void *)printf, &m) && strstr(m.path, "libc.so.6"));
	CHECK(map_of((void *)getauxval(AT_SYSINFO_EHDR), &m) && !strcmp(m.path, "[vdso]"));
	int file = make_file("mapped file", "12345");
	CHECK_EQ(ftruncate(file, 3 * PAGE), 0);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
	CHECK(map_of(p, &m) && !strcmp(m.prot, "r--s") && m.offset == PAGE && m.to - m.from == PAGE && strstr(m.path,
		"/mapped file"));
	unlink("mapped file");
	CHECK(map_of(p, &m) && strstr(m.path, "/mapped file (deleted)"));

	// fd: one entry for each, and reading one opens the same file.
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	n = readlink(path, link, sizeof link);
	CHECK(n > 0 && memmem(link, n, "/mapped file (deleted)", 22));
	int again = open(path, O_RDWR);
	CHECK_EQ(fstat(again, &a), 0);
	CHECK_EQ(fstat(file, &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	int ends[2], found = 0;
	NEED(pipe(ends) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	n = readlink(path, link, sizeof link - 1);
	CHECK(n > 0 && !strncmp(link, "pipe:[", 6));
	DIR *d = opendir("/proc/self/fd");
	NEED(d);
	for (struct dirent *e; (e = readdir(d));)
		found += e->d_name[0] != '.' && fcntl(atoi(e->d_name), F_GETFD) >= 0;
	closedir(d);
	int open_now = 0;
	for (int i = 0; i < 1024; i++)
		open_now += fcntl(i, F_GETFD) >= 0;
	CHECK_EQ(found, open_now + 1);
	CHECK_ERR(readlink("/proc/self/fd/777", link, 10), ENOENT);
	lseek(file, 3, SEEK_SET);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
	CHECK_EQ(field(path, "pos"), 3);

	CHECK_EQ(field("/proc/self/status", "Pid"), getpid());
	CHECK_EQ(field("/proc/self/status", "Tgid"), getpid());
	CHECK_EQ(field("/proc/self/status", "PPid"), getppid());
	CHECK_EQ(field("/proc/self/status", "Threads"), 1);
	long rss = field("/proc/self/status", "VmRSS"), size = field("/proc/self/status", "VmSize");
	CHECK(rss > 100 && size > rss);
	char *more = map_anon(16 << 20, PROT_READ | PROT_WRITE);
	memset(more, 1, 16 << 20);
	CHECK(field("/proc/self/status", "VmRSS") >= rss + (15 << 10));
	CHECK(field("/proc/self/status", "VmSize") >= size + (16 << 10));
	long pages = 0, resident = 0;
	CHECK_EQ(sscanf(read_text("/proc/self/statm"), "%ld %ld", &pages, &resident), 2);
	CHECK(pages * 4 >= size && resident * 4 >= 16 << 10);

	int pid = 0, ppid = 0, threads = 0;
	char name[32] = "", state = 0;
	CHECK_EQ(sscanf(read_text("/proc/self/stat"),
		"%d (%31[^)]) %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", &pid,
			name, &state, &ppid, &threads), 5);
	CHECK(pid == getpid() && ppid == getppid() && state == 'R' && threads == 1 && !strcmp(name, "proc_self"));
	join(start(thread, NULL));

	// mem reads and writes the program's memory.
	int mem = open("/proc/self/mem", O_RDWR);
	static int variable = 4711;
	int value = 0;
	CHECK_EQ(pread(mem, &value, sizeof value, (off_t)(uintptr_t)&variable), 4);
	CHECK_EQ(value, 4711);
	CHECK(strstr(read_text("/proc/self/limits"), "Max open files"));
	CHECK(field("/proc/meminfo", "MemTotal") > 10000);
	CHECK(strstr(read_text("/proc/meminfo"), "MemAvailable:"));
	CHECK(strstr(read_text("/proc/cpuinfo"), "processor"));
	CHECK(atof(read_text("/proc/uptime")) > 0);
	CHECK(strstr(read_text("/proc/version"), "Linux version"));
	CHECK(strstr(read_text("/proc/filesystems"), "tmpfs"));
	CHECK(strstr(read_text("/proc/self/mounts"), " / "));
	CHECK(strstr(read_text("/proc/mounts"), "/proc proc "));
	CHECK(!strncmp(read_text("/proc/stat"), "cpu ", 4));
	CHECK(atol(read_text("/proc/sys/kernel/pid_max")) > 0);
	CHECK(atol(read_text("/proc/sys/fs/file-max")) > 0);
	CHECK(atol(read_text("/proc/sys/vm/max_map_count")) >= 65530);
	CHECK(!strcmp(read_text("/proc/sys/kernel/ostype"), "Linux\n"));
	CHECK(read_text("/proc/loadavg")[0] >= '0');
	CHECK_ERR(open("/proc/none", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/999999/stat", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/newfile", O_CREAT | O_WRONLY, 0600), ENOENT);
	return test_end();
}
