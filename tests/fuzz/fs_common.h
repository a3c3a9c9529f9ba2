// SPDX-License-Identifier: MIT
//
// A small directory and a server on it, for the fuzzers of the file server. Each input gets a fresh
// server; the directory stays (files are limited to 1 MiB) and goes at the end. A file outside of it
// must never change or be seen: fuzz_check() aborts otherwise.
#ifndef WHELK_TESTS_FUZZ_FS_COMMON_H
#define WHELK_TESTS_FUZZ_FS_COMMON_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/dev/fs.h"
#include "monitor/memory.h"

// Random, so that the fuzzer cannot have put it into an input.
static char fuzz_secret[33];

static char fuzz_top[] = "/tmp/whelk-fuzz-XXXXXX";
static struct fs_mount fuzz_mount[2];
static uint8_t *fuzz_dax;

int memory_dax_grow(struct memory *m, uint64_t end)
{
	(void)m;
	(void)end;
	return 0;
}

static void fuzz_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", fuzz_top);
	if (system(command))
		return;
}

static void fuzz_put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static void fuzz_start(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	int back = open(".", O_PATH | O_DIRECTORY);
	char path[64];

	if (!mkdtemp(fuzz_top) || chdir(fuzz_top))
		abort();
	atexit(fuzz_remove);
	uint8_t random[16];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	for (unsigned i = 0; i < sizeof(random); i++)
		snprintf(fuzz_secret + 2 * i, 3, "%02x", random[i]);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	fuzz_put("secret", fuzz_secret);
	if (mkdir("in", 0755) || mkdir("in/d", 0755) || symlink("/", "in/l") || symlink("../secret", "in/s") ||
	    mkfifo("in/p", 0644))
		abort();
	fuzz_put("in/f", "contents of a file");
	if (fchdir(back) || close(back))
		abort();
	snprintf(path, sizeof(path), "%s/in", fuzz_top);
	fuzz_mount[0] = (struct fs_mount){.fd = open(path, O_PATH | O_DIRECTORY)};
	fuzz_mount[1] = (struct fs_mount){.fd = fuzz_mount[0].fd, .readonly = true};
	uint8_t *p = mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	fuzz_dax = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
}

static void fuzz_no_event(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
}

static struct fs *fuzz_server(struct memory *memory, const struct abi_queue *sync)
{
	struct fs_config config = {.memory = memory, .mount = fuzz_mount, .mount_count = 2, .dax_base = fuzz_dax,
				   .dax_size = 4 << 20, .event = fuzz_no_event};
	struct fs *fs;

	if (sync)
		config.sync = *sync;
	if (fs_create(&fs, &config))
		abort();
	return fs;
}

// Whether the secret lies in [p, p + len). Not memmem: libFuzzer learns from the C library's comparisons.
static bool fuzz_leaks(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + sizeof(fuzz_secret) - 1 <= len; i++) {
		size_t k = 0;
		while (k < sizeof(fuzz_secret) - 1 && p[i + k] == (uint8_t)fuzz_secret[k])
			k++;
		if (k == sizeof(fuzz_secret) - 1)
			return true;
	}
	return false;
}

static void fuzz_check(void)
{
	uint8_t text[sizeof(fuzz_secret)];
	char path[64];

	snprintf(path, sizeof(path), "%s/secret", fuzz_top);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text)) != sizeof(fuzz_secret) - 1 || !fuzz_leaks(text, sizeof(text) - 1))
		abort();
	close(fd);
}

#endif
