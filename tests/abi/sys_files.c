// SPDX-License-Identifier: MIT
//
// What programs read under /sys to count the CPUs, and how the count agrees everywhere.
#include "test.h"

#include <dirent.h>
#include <sched.h>
#include <sys/sysinfo.h>

int main(void)
{
	cpu_set_t set;
	CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
	// All that are online, of which this program may have been given some only. They are numbered without gaps.
	int n = 1, last, listed = 0, shown = 0;
	if (sscanf(read_text("/sys/devices/system/cpu/online"), "0-%d\n", &last) == 1)
		n = last + 1;
	else
		CHECK(!strcmp(read_text("/sys/devices/system/cpu/online"), "0\n"));
	CHECK_EQ(get_nprocs(), n);
	CHECK(CPU_COUNT(&set) >= 1 && CPU_COUNT(&set) <= n);
	CHECK(get_nprocs_conf() >= n);
	CHECK(read_text("/sys/devices/system/cpu/possible")[0] == '0');
	DIR *d = opendir("/sys/devices/system/cpu");
	NEED(d);
	for (struct dirent *e; (e = readdir(d));)
		listed += !strncmp(e->d_name, "cpu", 3) && e->d_name[3] >= '0' && e->d_name[3] <= '9';
	closedir(d);
	CHECK(listed >= n);
	for (const char *p = read_text("/proc/cpuinfo"); (p = strstr(p, "processor\t:")); p++)
		shown++;
	CHECK_EQ(shown, n);
	shown = 0;
	for (const char *p = read_text("/proc/stat"); (p = strstr(p, "\ncpu")); p++)
		shown++;
	CHECK_EQ(shown, n);
	CHECK_ERR(open("/sys/none", O_RDONLY), ENOENT);
	struct stat st;
	CHECK_EQ(stat("/sys", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	return test_end();
}
