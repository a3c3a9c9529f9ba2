// SPDX-License-Identifier: MIT
//
// Sessions and process groups of a process without children.
#include "test.h"

int main(void)
{
	pid_t me = getpid();
	if (getpgrp() == me) { // who leads a group cannot begin a session
		CHECK_ERR(setsid(), EPERM);
	} else {
		CHECK_EQ(setsid(), me);
		CHECK_EQ(getpgrp(), me);
		CHECK_EQ(getsid(0), me);
	}
	bool leader = getsid(0) == me;
	CHECK_ERR(setsid(), EPERM);
	CHECK_EQ(getpgid(0), me);
	CHECK_EQ(getpgid(me), me);
	CHECK_EQ(syscall(SYS_getpgrp), me);
	CHECK_EQ(getsid(me), getsid(0));
	if (leader) { // it stays where it is
		CHECK_ERR(setpgid(0, 0), EPERM);
		CHECK_ERR(setpgid(me, me), EPERM);
	}
	CHECK_ERR(setpgid(0, -1), EINVAL);
	CHECK_ERR(setpgid(999999, 0), ESRCH);
	CHECK_ERR(getpgid(-1), ESRCH);
	CHECK_ERR(getsid(-1), ESRCH);
	if (leader)
		CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO); // a new session has no terminal
	return test_end();
}
