// SPDX-License-Identifier: MIT
//
// sethostname and setdomainname. Natively in a UTS namespace of its own, so that the host keeps its name; where that
// cannot be had nothing is tried natively.
#include "test.h"

#include <sched.h>
#include <sys/utsname.h>

static void names_are(const char *node, const char *domain)
{
	struct utsname u;
	char host[65] = "";
	CHECK_EQ(uname(&u), 0);
	CHECK_EQ(strcmp(u.nodename, node), 0);
	CHECK_EQ(strcmp(u.domainname, domain), 0);
	CHECK_EQ(gethostname(host, sizeof host), 0);
	CHECK_EQ(strcmp(host, node), 0);
}

int main(void)
{
	struct utsname u;
	NEED(uname(&u) == 0);
	bool own = strstr(u.version, "Whelk") != NULL;
	if (!own && unshare(CLONE_NEWUTS) && unshare(CLONE_NEWUSER | CLONE_NEWUTS))
		return test_end();
	char longest[66];
	memset(longest, 'n', 65);
	longest[65] = 0;
	CHECK_EQ(sethostname("first", 5), 0);
	CHECK_EQ(setdomainname("example.org", 11), 0);
	names_are("first", "example.org");
	CHECK_EQ(sethostname("secondary", 6), 0); // no more than is said
	names_are("second", "example.org");
	CHECK_ERR(sethostname(longest, 65), EINVAL);
	CHECK_ERR(sethostname("x", -1), EINVAL);
	CHECK_ERR(setdomainname(longest, 65), EINVAL);
	CHECK_ERR(setdomainname("x", -1), EINVAL);
	CHECK_ERR(sethostname((void *)8, 4), EFAULT);
	CHECK_ERR(setdomainname((void *)8, 4), EFAULT);
	names_are("second", "example.org");
	CHECK_EQ(sethostname(longest, 64), 0);
	CHECK_EQ(setdomainname("", 0), 0);
	names_are(longest + 1, "");
	return test_end();
}
