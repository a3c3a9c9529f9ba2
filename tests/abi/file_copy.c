// SPDX-License-Identifier: MIT
//
// sendfile, copy_file_range, splice, tee and vmsplice.
#include "test.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

static char data[200000], back[200000];

static void check_file(int fd, size_t n)
{
	memset(back, 0, sizeof back);
	CHECK_EQ(pread(fd, back, sizeof back, 0), (long)n);
	CHECK(!memcmp(data, back, n));
}

static void *drain(void *arg)
{
	size_t n = 0;
	for (long r; (r = read(*(int *)arg, back + n, 777)) > 0;)
		n += r;
	return (void *)n;
}

int main(void)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 31 + i / 257);
	int in = open("in", O_RDWR | O_CREAT, 0600), out = open("out", O_RDWR | O_CREAT, 0600), ends[2];
	NEED(write(in, data, sizeof data) == sizeof data);

	// sendfile with and without an offset of its own.
	off_t off = 0;
	CHECK_EQ(sendfile(out, in, &off, 100000), 100000);
	CHECK_EQ(off, 100000);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), (long)sizeof data);
	CHECK_EQ(lseek(in, 100000, SEEK_SET), 100000);
	CHECK_EQ(sendfile(out, in, NULL, 500000), 100000);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 200000);
	CHECK_EQ(sendfile(out, in, NULL, 10), 0);
	check_file(out, sizeof data);

	CHECK_EQ(ftruncate(out, 0), 0);
	loff_t from = 10, to = 0;
	CHECK_EQ(copy_file_range(in, &from, out, &to, 50000, 0), 50000);
	CHECK_EQ(from, 50010);
	CHECK_EQ(to, 50000);
	CHECK_EQ(pread(out, back, 50000, 0), 50000);
	CHECK(!memcmp(data + 10, back, 50000));
	CHECK_ERR(copy_file_range(in, NULL, out, NULL, 1, 77), EINVAL);
	from = 0;
	to = 100;
	CHECK_ERR(copy_file_range(in, &from, in, &to, 200, 0), EINVAL); // overlap
	from = 999999;
	CHECK_EQ(copy_file_range(in, &from, out, &to, 10, 0), 0);

	// A pipe on one side: splice.
	NEED(pipe(ends) == 0);
	off = 5;
	loff_t at = 5;
	CHECK_EQ(splice(in, &at, ends[1], NULL, 10000, 0), 10000);
	CHECK_EQ(at, 10005);
	CHECK_EQ(read(ends[0], back, sizeof back), 10000);
	CHECK(!memcmp(data + 5, back, 10000));
	CHECK_EQ(write(ends[1], data, 3000), 3000);
	CHECK_EQ(ftruncate(out, 0), 0);
	at = 0;
	CHECK_EQ(splice(ends[0], NULL, out, &at, 100000, 0), 3000);
	check_file(out, 3000);
	CHECK_ERR(splice(ends[0], NULL, out, &at, 10, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERR(splice(in, NULL, out, NULL, 10, 0), EINVAL);
	at = 0;
	CHECK_ERR(splice(ends[0], &at, out, NULL, 10, 0), ESPIPE);

	// tee copies, and takes nothing.
	int second[2];
	NEED(pipe(second) == 0);
	CHECK_EQ(write(ends[1], "teatime", 7), 7);
	CHECK_EQ(tee(ends[0], second[1], 100, 0), 7);
	char b[16] = "";
	CHECK_EQ(read(second[0], b, 16), 7);
	CHECK_EQ(read(ends[0], b + 8, 8), 7);
	CHECK(!memcmp(b, b + 8, 7));
	CHECK_EQ(write(ends[1], "splice", 6), 6);
	CHECK_EQ(splice(ends[0], NULL, second[1], NULL, 4, 0), 4);
	CHECK_EQ(read(second[0], b, 16), 4);
	CHECK_EQ(read(ends[0], b, 16), 2);
	struct iovec v[2] = {{data, 100}, {data + 1000, 200}};
	CHECK_EQ(vmsplice(second[1], v, 2, 0), 300);
	CHECK_EQ(read(second[0], back, 1000), 300);
	CHECK(!memcmp(back + 100, data + 1000, 200));

	// More than a pipe holds, to a reader.
	close(ends[0]);
	close(ends[1]);
	NEED(pipe(ends) == 0);
	pthread_t t = start(drain, &ends[0]);
	off = 0;
	size_t sent = 0;
	for (long r; sent < sizeof data && (r = sendfile(ends[1], in, &off, sizeof data)) > 0;)
		sent += r;
	CHECK_EQ(sent, sizeof data);
	close(ends[1]);
	CHECK_EQ((long)join(t), (long)sizeof data);
	CHECK(!memcmp(data, back, sizeof data));
	CHECK_ERR(sendfile(out, 777, NULL, 1), EBADF);
	CHECK_ERR(sendfile(open("in", O_RDONLY), in, NULL, 1), EBADF);
	return test_end();
}
