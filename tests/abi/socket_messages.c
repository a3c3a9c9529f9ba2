// SPDX-License-Identifier: MIT
//
// Several messages in one call, sendto and recvfrom without addresses, on a pair of datagram sockets.
#include "test.h"

#include <sys/socket.h>
#include <sys/uio.h>

int main(void)
{
	int s[2];
	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0);
	char in[4][16] = {"one", "three", "seventeen"}, out[4][16] = {{0}};
	struct iovec iv[4], ov[4];
	struct mmsghdr im[4] = {{{0}, 0}}, om[4] = {{{0}, 0}};
	for (int i = 0; i < 4; i++) {
		iv[i] = (struct iovec){in[i], strlen(in[i])};
		ov[i] = (struct iovec){out[i], 8};
		im[i].msg_hdr.msg_iov = &iv[i];
		om[i].msg_hdr.msg_iov = &ov[i];
		im[i].msg_hdr.msg_iovlen = om[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK_EQ(sendmmsg(s[0], im, 3, 0), 3);
	CHECK_EQ(im[1].msg_len, 5);
	CHECK_EQ(recvmmsg(s[1], om, 4, 0, NULL), 3);
	for (int i = 0; i < 3; i++)
		printf("%u %s %d\n", om[i].msg_len, out[i], om[i].msg_hdr.msg_flags & MSG_TRUNC);
	CHECK_ERR(recvmmsg(s[1], om, 4, 0, NULL), EAGAIN);
	CHECK_EQ(sendto(s[1], "back", 4, 0, NULL, 0), 4);
	CHECK_EQ(recvfrom(s[0], in[0], 16, 0, NULL, NULL), 4);
	CHECK_ERR(recvfrom(s[0], in[0], 16, MSG_DONTWAIT, NULL, NULL), EAGAIN);
	CHECK_EQ(send(s[1], "truncated", 9, 0), 9);
	CHECK_EQ(recv(s[0], in[0], 2, MSG_TRUNC), 9);
	CHECK_ERR(listen(0, 1), ENOTSOCK);
	CHECK_ERR(accept(777, NULL, NULL), EBADF);
	CHECK_ERR(connect(777, NULL, 0), EBADF);
	CHECK_ERR(bind(777, NULL, 0), EBADF);
	CHECK_ERR(accept(s[0], NULL, NULL), EOPNOTSUPP);
	return test_end();
}
