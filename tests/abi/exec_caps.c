// SPDX-License-Identifier: MIT
//
// Capabilities when ids change and at execve: capabilities(7). Each step runs this program anew. Which capabilities the
// bounding set lacks differs from host to host, so one is looked at that containers keep.
#include "test.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#define BIT (1u << CAP_NET_BIND_SERVICE)

struct caps {
	struct __user_cap_data_struct low, high;
};

static struct caps get(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct caps c = {0};
	CHECK_EQ(syscall(SYS_capget, &h, &c), 0);
	return c;
}

static void set(struct caps c)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	CHECK_EQ(syscall(SYS_capset, &h, &c), 0);
}

static void show(const char *when)
{
	struct caps c = get();
	printf("%s: permitted %d effective %d inheritable %d ambient %d\n", when, !!(c.low.permitted & BIT), !!(c.low.effective & BIT),
	       !!(c.low.inheritable & BIT), prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0));
}

static _Noreturn void next(const char *step)
{
	fflush(stdout);
	execl("/proc/self/exe", "exec_caps", step, NULL);
	abort();
}

static void raise_ambient(void)
{
	struct caps c = get();
	c.low.inheritable |= BIT;
	set(c);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0), 0);
}

int main(int argc, char **argv)
{
	if (geteuid() && argc == 1) {
		printf("skipped: needs root\n");
		return 77;
	}
	switch (argc > 1 ? atoi(argv[1]) : 0) {
	case 0: // root gets back at execve what it gave away, and effective ones by becoming root again
		set((struct caps){.low = {.permitted = get().low.permitted}});
		show("root, given away");
		CHECK_EQ(syscall(SYS_setuid, 0), 0);
		show("setuid(0) changes nothing");
		next("1");
	case 1:
		show("after execve");
		CHECK_EQ(syscall(SYS_setresuid, -1, 1234, -1), 0);
		show("effective user 1234");
		CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
		show("and back");
		raise_ambient();
		CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
		CHECK_EQ(syscall(SYS_setresuid, 1234, 1234, 1234), 0);
		show("user 1234 that keeps them"); // permitted ones only
		raise_ambient();
		next("2");
	case 2:
		show("after execve, one ambient");
		CHECK_EQ(get().low.permitted, BIT);
		CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
		CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
		show("not ambient any more");
		next("3");
	case 3:
		show("after execve");
		CHECK_EQ(get().low.permitted, 0);
		CHECK_EQ(getuid(), 1234);
	}
	return test_end();
}
