// SPDX-License-Identifier: MIT
//
// Process and user identities: reading them, changing them as root, groups and sessions, capabilities.
#include "test.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>

int main(void)
{
	CHECK(getpid() > 0 && getpid() == gettid());
	CHECK_EQ(getpid(), syscall(SYS_getpid));
	CHECK(getppid() >= 0);
	CHECK(getpgrp() >= 0 && getpgid(0) == getpgrp() && getpgid(getpid()) == getpgrp());
	CHECK_EQ(getsid(0), getsid(getpid()));
	CHECK_ERR(getpgid(999999), ESRCH);
	CHECK_ERR(getsid(999999), ESRCH);
	CHECK_ERR(setpgid(0, -1), EINVAL);
	uid_t r, e, s;
	gid_t rg, eg, sg;
	CHECK_EQ(getresuid(&r, &e, &s), 0);
	CHECK(r == getuid() && e == geteuid());
	CHECK_EQ(getresgid(&rg, &eg, &sg), 0);
	CHECK(rg == getgid() && eg == getegid());
	CHECK_ERR(getresuid((void *)8, &e, &s), EFAULT);
	gid_t groups[64];
	int n = getgroups(64, groups);
	CHECK(n >= 0 && getgroups(0, NULL) == n);
	CHECK_ERR(getgroups(-1, groups), EINVAL);

	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	CHECK_EQ(syscall(SYS_capget, &head, data), 0);
	head.version = 0x1234;
	CHECK_ERR(syscall(SYS_capget, &head, data), EINVAL);
	CHECK_EQ(head.version, _LINUX_CAPABILITY_VERSION_3);

	if (geteuid() == 0) { // as in most machines of tests
		CHECK(data[0].effective & 1u << CAP_CHOWN);
		CHECK_EQ(setgroups(3, (gid_t[]){7, 8, 9}), 0);
		CHECK_EQ(getgroups(64, groups), 3);
		CHECK(groups[0] == 7 && groups[2] == 9);
		CHECK_ERR(getgroups(2, groups), EINVAL);
		CHECK_EQ(setresgid(10, 20, 30), 0);
		CHECK_EQ(getresgid(&rg, &eg, &sg), 0);
		CHECK(rg == 10 && eg == 20 && sg == 30);
		CHECK_EQ(setfsgid(40), 20);
		CHECK_EQ(setfsgid(-1), 40);
		CHECK_EQ(setregid(-1, 21), 0);
		CHECK_EQ(setresuid(0, 1000, 0), 0);
		CHECK(geteuid() == 1000 && getuid() == 0);
		CHECK_EQ(seteuid(0), 0);
		CHECK_EQ(chmod(".", 0777), 0);
		CHECK_EQ(seteuid(1000), 0);
		CHECK_EQ(close(make_file("mine", "")), 0);
		struct stat st;
		CHECK_EQ(seteuid(0), 0);
		CHECK_EQ(stat("mine", &st), 0);
		CHECK_EQ(st.st_uid, 1000);
		CHECK_EQ(st.st_gid, 21);
		// Without root: no changes back, no files of others, no capabilities.
		CHECK_EQ(close(open("roots", O_CREAT | O_WRONLY, 0600)), 0);
		CHECK_EQ(setgid(50), 0);
		CHECK_EQ(setuid(1001), 0);
		CHECK_ERR(setuid(0), EPERM);
		CHECK_ERR(setresuid(0, 0, 0), EPERM);
		CHECK_ERR(setgroups(0, NULL), EPERM);
		CHECK_ERR(setreuid(0, 0), EPERM);
		CHECK_EQ(setfsuid(0), 1001); // unchanged, and it says what it was
		CHECK_EQ(setfsuid(-1), 1001);
		CHECK_ERR(setgid(0), EPERM);
		CHECK_EQ(setuid(1001), 0);
		CHECK_ERR(open("roots", O_RDONLY), EACCES);
		CHECK_ERR(chown("roots", 1001, 50), EPERM);
		CHECK_ERR(chmod("roots", 0644), EPERM);
		CHECK_ERR(access("roots", R_OK), EACCES);
		head.version = _LINUX_CAPABILITY_VERSION_3;
		memset(data, 0, sizeof data);
		CHECK_EQ(syscall(SYS_capset, &head, data), 0);
		data[0].effective = data[0].permitted = 1;
		CHECK_ERR(syscall(SYS_capset, &head, data), EPERM);
		head.version = _LINUX_CAPABILITY_VERSION_3;
		CHECK_EQ(syscall(SYS_capget, &head, data), 0);
		CHECK_EQ(data[0].effective | data[0].permitted, 0);
	}
	return test_end();
}
