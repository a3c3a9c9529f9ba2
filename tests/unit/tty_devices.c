// SPDX-License-Identifier: MIT
//
// /dev: memory devices, random numbers, pseudo-terminals, and the console over a pretended host.
#include "vfs_boot.h"

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/termbits.h>

#include "devfs/chacha.h"
#include "devfs/devfs.h"
#include "devfs/random.h"
#include "tty/tty.h"

// --- the pretended host: 0 a terminal, 1 a regular file, 2 closed --------------------------------------------

uint64_t plat_direct_va;
static struct abi_boot boot_block;
static char host_file[256], host_typed[64];
static int64_t host_pos, host_size, typed_len;
static uint32_t host_ready;

const struct abi_boot *plat_boot(void) { return &boot_block; }
static struct abi_console_start start; // nothing is known: it is asked for
const struct abi_console_start *plat_console_start(void) { return &start; }
uint32_t plat_console_take_ready(void) { return host_ready; }
bool arch_random64(uint64_t *out) { return out == NULL; }
uint64_t arch_cycles(void) { return 1; }

int64_t plat_console(struct abi_console_request *r)
{
	char *buf = (char *)r->buffer[0].gpa;
	int64_t len = r->buffer_count ? (int64_t)r->buffer[0].len : 0;
	bool at = r->op == ABI_CONSOLE_PWRITE || r->op == ABI_CONSOLE_PREAD;
	int64_t pos = at ? r->arg : host_pos;
	if (r->stream == 2)
		return -EBADF;
	switch (r->op) {
	case ABI_CONSOLE_STAT: {
		struct abi_console_stat st = {.mode = r->stream ? 0100644 : 020620,
					      .nlink = 1,
					      .rdev = 136 << 8,
					      .ino = 42,
					      .size = (uint64_t)host_size};
		st.flags = r->stream ? O_WRONLY : O_RDWR;
		memcpy(buf, &st, sizeof st);
		return 0;
	}
	case ABI_CONSOLE_IOCTL:
		return r->stream == 0 && (r->arg == TCGETS || r->arg == TIOCGWINSZ) ? 0 : -ENOTTY;
	case ABI_CONSOLE_READ:
		if (!typed_len)
			return -EAGAIN;
		len = MIN(len, typed_len);
		memcpy(buf, host_typed, (size_t)len);
		typed_len -= len;
		return len;
	case ABI_CONSOLE_WRITE:
	case ABI_CONSOLE_PWRITE:
		len = MIN(len, 10); // the host takes little at once
		memcpy(host_file + pos, buf, (size_t)len);
		if (!at)
			host_pos += len;
		host_size = MAX(host_size, pos + len);
		return len;
	case ABI_CONSOLE_SEEK:
		return host_pos = r->arg;
	case ABI_CONSOLE_POLL:
		return (typed_len ? POLLIN : 0) | POLLOUT;
	}
	return -ENOTTY;
}

static void user_types(void)
{
	memcpy(host_typed, "typed\n", 6);
	typed_len = 6;
	host_ready = 1;
	console_event();
}

// ----------------------------------------------------------------------------------------------------------------

static void test_chacha(void)
{
	// RFC 8439, section 2.3.2.
	static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
	uint32_t key[8], out[16];
	for (uint32_t i = 0; i < 8; i++)
		key[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (4 * i + 3) << 24;
	chacha_block(key, 1, nonce, out);
	CHECK(out[0] == 0xe4e7f110 && out[1] == 0x15593bd1 && out[15] == 0x4e3c50a2);
	uint64_t a = random_u64(), b = random_u64();
	CHECK(a != b && a && b);
	uint8_t many[1000] = {0};
	random_bytes(many, sizeof many);
	int zero = 0;
	for (size_t i = 0; i < sizeof many; i++)
		zero += !many[i];
	CHECK(zero < 30);
}

static void test_memory(void)
{
	char buf[64] = "junk";
	int fd = (int)sys_open("/dev/null", O_RDWR, 0);
	CHECK_EQ(sys_write(fd, "x", 1), 1);
	CHECK_EQ(sys_read(fd, buf, 10), 0);
	sys_close(fd);
	fd = (int)sys_open("/dev/zero", O_RDONLY, 0);
	CHECK_EQ(sys_read(fd, buf, 10), 10);
	CHECK(!buf[0] && !buf[9]);
	sys_close(fd);
	fd = (int)sys_open("/dev/full", O_RDWR, 0);
	CHECK_EQ(sys_write(fd, "x", 1), -ENOSPC);
	sys_close(fd);
	fd = (int)sys_open("/dev/urandom", O_RDONLY, 0);
	CHECK_EQ(sys_read(fd, buf, 64), 64);
	sys_close(fd);
	struct stat st;
	CHECK(!sys_stat("/dev/null", &st) && st.st_rdev == 0x103 && st.st_mode == 020666);
	CHECK_EQ(sys_readlink("/dev/fd", buf, sizeof buf), 13);
	CHECK_EQ(sys_mknod("/made", 020666, 0x103), 0); // a node of one's own finds the driver
	fd = (int)sys_open("/made", O_WRONLY, 0);
	CHECK_EQ(sys_write(fd, "x", 1), 1);
	sys_close(fd);
	CHECK_EQ(sys_mknod("/none", 020666, 0xfe03), 0);
	CHECK_EQ(sys_open("/none", O_RDWR, 0), -ENXIO);
}

static void test_console(void)
{
	char buf[64];
	struct stat st;
	CHECK_EQ(console_open_standard(test_process.files), 0);
	CHECK_EQ(sys_write(2, "x", 1), -EBADF); // closed on the host
	CHECK(!sys_fstat(0, &st) && st.st_rdev == 0x8800 && S_ISCHR(st.st_mode));
	struct stat by_name;
	CHECK(!sys_stat("/dev/pts/0", &by_name) && by_name.st_ino == st.st_ino &&
	      by_name.st_dev == st.st_dev); // ttyname(3)
	struct file *f = file_from_fd(0);
	CHECK(file_format_path(f, buf, sizeof buf) > 0 && !strcmp(buf, "/dev/pts/0"));
	file_put(f);
	test_sleep = user_types;
	CHECK_EQ(sys_read(0, buf, sizeof buf), 6);
	CHECK(!memcmp(buf, "typed\n", 6));
	CHECK_EQ(sys_ioctl(0, TCGETS, (uint64_t)buf), 0);
	CHECK_EQ(sys_ioctl(1, TCGETS, (uint64_t)buf), -ENOTTY);
	int group;
	CHECK_EQ(sys_ioctl(0, TIOCGPGRP, (uint64_t)&group), 0);
	CHECK_EQ(group, 1);
	int fd = (int)sys_open("/dev/tty", O_RDWR, 0);
	CHECK(fd >= 0);
	sys_close(fd);

	CHECK_EQ(sys_write(1, "a line that is longer than ten\n", 31), 31);
	CHECK_EQ(host_size, 31);
	CHECK(!memcmp(host_file, "a line that is longer than ten\n", 31));
	CHECK_EQ(sys_pwrite64(1, "A", 1, 0), 1);
	CHECK(host_file[0] == 'A' && host_pos == 31);
	CHECK_EQ(sys_lseek(1, 5, 0), 5);
	CHECK_EQ(host_pos, 5);
	CHECK(!sys_fstat(1, &st) && st.st_size == 31 && S_ISREG(st.st_mode) && st.st_ino == 42);
	CHECK_EQ(sys_lseek(0, 0, 0), -ESPIPE);
}

static int master, slave;
static void type_line(void) { CHECK_EQ(sys_write(master, "ok\n", 3), 3); }

static void test_pty(void)
{
	char buf[256];
	int n = 0;
	test_process.tty = NULL;
	test_process.sid = test_process.pgid = 1;
	master = (int)sys_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);
	CHECK(master >= 0);
	CHECK_EQ(sys_ioctl(master, TIOCGPTN, (uint64_t)&n), 0);
	CHECK_EQ(n, 1); // 0 is the console
	CHECK_EQ(sys_open("/dev/pts/1", O_RDWR, 0), -EIO); // locked
	n = 0;
	CHECK_EQ(sys_ioctl(master, TIOCSPTLCK, (uint64_t)&n), 0);
	slave = (int)sys_open("/dev/pts/1", O_RDWR, 0);
	CHECK(slave >= 0);
	CHECK_EQ(tty_number(test_process.tty), 0x8801); // a session leader takes it
	test_sleep = type_line;
	CHECK_EQ(sys_read(slave, buf, sizeof buf), 3);
	CHECK_EQ(sys_read(master, buf, sizeof buf), 4);
	CHECK(!memcmp(buf, "ok\r\n", 4)); // echo
	CHECK_EQ(sys_write(slave, "out\n", 4), 4);
	CHECK_EQ(sys_read(master, buf, sizeof buf), 5);
	CHECK(!memcmp(buf, "out\r\n", 5));
	CHECK_EQ(sys_write(master, "one\ntwo\n", 8), 8);
	CHECK_EQ(sys_read(slave, buf, sizeof buf), 4); // one line a call
	CHECK_EQ(sys_read(slave, buf, sizeof buf), 4);
	CHECK_EQ(sys_write(master, "\003", 1), 1);
	CHECK_EQ(test_signal, SIGINT);
	unsigned short size[4] = {40, 120, 0, 0};
	CHECK_EQ(sys_ioctl(master, TIOCSWINSZ, (uint64_t)size), 0);
	CHECK_EQ(test_signal, SIGWINCH);
	size[0] = 0;
	CHECK_EQ(sys_ioctl(slave, TIOCGWINSZ, (uint64_t)size), 0);
	CHECK_EQ(size[0], 40);
	sys_read(master, buf, sizeof buf); // the echo so far

	struct termios t;
	CHECK_EQ(sys_ioctl(slave, TCGETS, (uint64_t)&t), 0);
	t.c_lflag = 0;
	t.c_oflag = 0;
	t.c_cc[VMIN] = 0;
	CHECK_EQ(sys_ioctl(slave, TCSETS, (uint64_t)&t), 0);
	CHECK_EQ(sys_read(slave, buf, 10), 0); // MIN 0 TIME 0: what there is
	CHECK_EQ(sys_write(master, "ab", 2), 2);
	CHECK_EQ(sys_read(slave, buf, 10), 2);
	t.c_cc[VMIN] = 2;
	CHECK_EQ(sys_ioctl(slave, TCSETS, (uint64_t)&t), 0);
	CHECK_EQ(sys_write(master, "cde", 3), 3);
	CHECK_EQ(sys_read(slave, buf, 10), 3);

	int other = (int)sys_ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK(other >= 0);
	sys_close(slave);
	sys_close(other);
	struct pollfd p = {master, POLLIN, 0};
	CHECK_EQ(sys_poll(&p, 1, 0), 1);
	CHECK(p.revents & POLLHUP);
	CHECK_EQ(sys_read(master, buf, 10), -EIO);
	slave = (int)sys_open("/dev/pts/1", O_RDWR, 0);
	CHECK(slave >= 0);
	sys_close(master); // hang-up
	CHECK_EQ(sys_read(slave, buf, 10), 0);
	CHECK_EQ(sys_write(slave, "x", 1), -EIO);
	CHECK(!test_process.tty);
	CHECK_EQ(sys_open("/dev/pts/1", O_RDWR, 0), -ENOENT);
	sys_close(slave);
}

int main(void)
{
	test_boot();
	CHECK_EQ(devfs_mount(), 0);
	test_chacha();
	test_console();
	test_memory();
	test_pty();
	printf("ok tty_devices\n");
	return 0;
}
