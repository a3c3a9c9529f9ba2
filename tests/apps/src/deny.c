// SPDX-License-Identifier: MIT
//
// deny NUMBER[,NUMBER...] PROGRAM [ARG]...: runs it where these system calls fail with ENOSYS, as a host's kernel or a
// container would have it.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sock_filter f[64] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)}};
	unsigned short n = 1;
	if (argc < 3)
		return 2;
	for (char *s = argv[1]; *s && n < 60; s += *s == ',') {
		f[n++] = (struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)strtoul(s, &s, 10)};
		f[n++] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS};
	}
	f[n++] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {n, f};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 3;
	execvp(argv[2], argv + 2);
	return 4;
}
