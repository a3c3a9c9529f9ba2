// SPDX-License-Identifier: MIT
//
// whelk doctor: what this machine offers, one line each, and what to do about what is missing.
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/doctor.h"
#include "monitor/help.h"
#include "monitor/jail.h"
#include "monitor/message.h"

static unsigned missing, missing_kvm, missing_linux; // for both platforms, for one
static unsigned *count = &missing;

void doctor_say(enum doctor_grade grade, const char *what, const char *advice, const char *fmt, ...)
{
	static const char *const mark[] = {"ok", "note", "MISSING"};
	va_list ap;
	printf("%-8s %-10s ", mark[grade], what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (advice)
		printf("%-19s -> %s\n", "", advice);
	*count += grade == DOCTOR_MISSING;
}

// --- KVM ----------------------------------------------------------------------------------------------

static const char *kvm_kind(void)
{
	static const char *const module[] = {"kvm_pvm", "kvm_intel", "kvm_amd"}; // kvm_pvm may be loaded beside another
	char path[40];
	for (size_t i = 0; i < ARRAY_SIZE(module); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", module[i]);
		if (access(path, F_OK) == 0)
			return module[i];
	}
	return "kind unknown";
}

// Nanoseconds of one exit to the monitor and back, the best of some; 0: could not be measured.
static uint64_t measure(int vcpu_fd)
{
	uint64_t best = 0;
	for (int i = 0; i < 200; i++) {
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		if (ioctl(vcpu_fd, KVM_RUN, 0))
			return 0;
		clock_gettime(CLOCK_MONOTONIC, &b);
		uint64_t ns = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
		if (!best || ns < best)
			best = ns;
	}
	return best;
}

static uint64_t exit_cost(int kvm_fd)
{
	int vm = ioctl(kvm_fd, KVM_CREATE_VM, 0), vcpu = -1, size = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	uint8_t *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_run *run = MAP_FAILED;
	struct kvm_userspace_memory_region r = {.memory_size = PAGE_SIZE, .userspace_addr = (uint64_t)(uintptr_t)page};
	uint64_t ns = 0;
	if (vm < 0 || size <= 0 || page == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r) ||
	    (vcpu = ioctl(vm, KVM_CREATE_VCPU, 0)) < 0)
		goto out;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run != MAP_FAILED && arch_doctor_guest(vcpu, page) == 0 && ioctl(vcpu, KVM_RUN, 0) == 0 &&
	    run->exit_reason == KVM_EXIT_IO)
		ns = measure(vcpu);
out:
	if (run != MAP_FAILED)
		munmap(run, (size_t)size);
	if (page != MAP_FAILED)
		munmap(page, PAGE_SIZE);
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	return ns;
}

static void check_kvm_features(int fd, bool pvm)
{
	static const struct {
		int cap;
		const char *name;
	} need[] = {
		{KVM_CAP_IMMEDIATE_EXIT, "leave on request (Linux 4.13)"},
		{KVM_CAP_XCRS, "control of vector state"},
		{KVM_CAP_MP_STATE, "more than one virtual CPU"},
		{KVM_CAP_VCPU_ATTRIBUTES, "vCPU attributes (Linux 5.16)"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(need) - pvm; i++) // kvm_pvm does without the last
		if (ioctl(fd, KVM_CHECK_EXTENSION, need[i].cap) <= 0)
			doctor_say(DOCTOR_MISSING, "KVM", "a newer host kernel has it", "no %s", need[i].name);
}

static void check_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		const char *advice =
			errno == EACCES || errno == EPERM
				? "add yourself to its group: sudo usermod -aG kvm $USER, then log in again"
				: "turn virtualisation on in the firmware (or ask for nested virtualisation) and load kvm_intel or kvm_amd";
		doctor_say(DOCTOR_MISSING, "KVM", advice, "/dev/kvm: %s", strerror(errno));
		return;
	}
	const char *kind = kvm_kind();
	int api = ioctl(fd, KVM_GET_API_VERSION, 0);
	uint64_t ns = api == KVM_API_VERSION ? exit_cost(fd) : 0;
	if (api != KVM_API_VERSION)
		doctor_say(DOCTOR_MISSING, "KVM", NULL, "%s, API version %d; whelk needs %d", kind, api,
			   KVM_API_VERSION);
	else if (!ns)
		doctor_say(DOCTOR_NOTE, "KVM", NULL, "%s, the cost of an exit could not be measured", kind);
	else
		doctor_say(
			ns < 5000 ? DOCTOR_OK : DOCTOR_NOTE, "KVM",
			ns < 5000
				? NULL
				: "exits are dear here (nested or emulated): system calls stay in the guest, files and start-up take longer",
			"%s, an exit and back takes %lu.%lu us", kind, ns / 1000, ns / 100 % 10);
	if (api == KVM_API_VERSION)
		check_kvm_features(fd, strcmp(kind, "kvm_pvm") == 0);
	close(fd);
}

// --- the host --------------------------------------------------------------------------------------------

static void check_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	doctor_say(DOCTOR_OK, "CPUs", NULL, "%d of %ld for this process", n, sysconf(_SC_NPROCESSORS_ONLN));
}

static void check_memory(void)
{
	char line[128];
	unsigned long available = 0, total = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "MemTotal: %lu", &total);
		sscanf(line, "MemAvailable: %lu", &available);
	}
	if (f)
		fclose(f);
	bool enough = available >= 64u << 10;
	doctor_say(enough ? DOCTOR_OK : DOCTOR_NOTE, "memory",
		   enough ? NULL : "a machine takes only what its program touches: try -m 64M",
		   "%lu MiB available of %lu MiB", available >> 10, total >> 10);
}

// Platform linux: the guest as a process.
static void check_process(void)
{
	unsigned action = SECCOMP_RET_TRAP;
	const char *lacks = arch_doctor_process();
	int fd = memfd_create("whelk-doctor", MFD_CLOEXEC);
	unsigned before = missing_linux;
	if (fd < 0)
		doctor_say(DOCTOR_MISSING, "process", "a newer host kernel has it", "memfd_create: %s",
			   strerror(errno));
	else
		close(fd);
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		doctor_say(DOCTOR_MISSING, "process", "a kernel with CONFIG_SECCOMP_FILTER", "seccomp: %s",
			   strerror(errno));
	if (lacks)
		doctor_say(DOCTOR_MISSING, "process", "a newer processor, or a host kernel that shows it", "no %s",
			   lacks);
	if (missing_linux == before)
		doctor_say(DOCTOR_OK, "process", NULL, "a guest can run as a jailed process");
}

static void check_limit(int resource, const char *name, rlim_t least, unsigned unit, const char *advice)
{
	struct rlimit l;
	char now[24] = "unlimited", most[24] = "unlimited";
	if (getrlimit(resource, &l))
		return;
	if (l.rlim_cur != RLIM_INFINITY)
		snprintf(now, sizeof(now), "%lu", l.rlim_cur / unit);
	if (l.rlim_max != RLIM_INFINITY)
		snprintf(most, sizeof(most), "%lu", l.rlim_max / unit);
	bool enough = l.rlim_max == RLIM_INFINITY || l.rlim_max >= least;
	doctor_say(enough ? DOCTOR_OK : DOCTOR_NOTE, name, enough ? NULL : advice, "%s%s, at most %s", now,
		   unit > 1 ? " KiB" : "", most);
}

static void check_kernel(void)
{
	struct utsname u;
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	uname(&u);
	long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
	if (fd < 0)
		doctor_say(DOCTOR_MISSING, "Linux", "Linux 5.6 has it; a container's filter may hide it",
			   "%s: openat2: %s", u.release, strerror(errno));
	else
		doctor_say(DOCTOR_OK, "Linux", NULL, "%s", u.release);
	if (fd >= 0)
		close((int)fd);
	if (access("/proc/self/fd", R_OK))
		doctor_say(DOCTOR_MISSING, "/proc", "mount it: mount -t proc proc /proc", "/proc/self/fd: %s",
			   strerror(errno));
}

static void check_jail(void)
{
	unsigned action = SECCOMP_RET_TRAP;
	bool filters = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
	doctor_say(filters ? DOCTOR_OK : DOCTOR_MISSING, "seccomp",
		   filters ? NULL : "a kernel with CONFIG_SECCOMP_FILTER; --no-jail runs without", "%s",
		   filters ? "system-call filters for the monitor's threads" : strerror(errno));
	int abi = jail_landlock_abi();
	if (abi >= 2)
		doctor_say(DOCTOR_OK, "Landlock", NULL, "ABI %d", abi);
	else
		doctor_say(DOCTOR_NOTE, "Landlock",
			   "Linux 5.19 or later with landlock in the kernel's lsm= list; whelk runs without",
			   abi ? "ABI %d is too old" : "none", abi);
}

int cmd_doctor(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return fputs(help_doctor, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
	if (argc > 1) {
		message("doctor takes no argument '%s'; see whelk doctor --help", argv[1]);
		return CMD_FAILED;
	}
	check_kernel();
	count = &missing_kvm;
	check_kvm();
	count = &missing_linux;
	check_process();
	count = &missing;
	arch_doctor_cpu();
	check_cpus();
	check_memory();
	check_limit(RLIMIT_NOFILE, "open files", 1024, 1,
		    "raise it with ulimit -Hn: the file server needs one for each file in use");
	check_limit(RLIMIT_NPROC, "processes", 64, 1,
		    "raise it with ulimit -u: a machine is one process with a thread for each vCPU and two more");
	check_limit(RLIMIT_MEMLOCK, "locked", 0, 1024, NULL);
	check_jail();
	if (missing_kvm && missing_linux)
		missing += MIN(missing_kvm, missing_linux);
	if (missing)
		printf("\nwhelk run cannot work here: %u thing%s missing\n", missing, missing > 1 ? "s are" : " is");
	else
		printf("\nwhelk run can work here: --platform auto takes %s\n",
		       !missing_kvm ? "kvm" : "linux, a jailed process, because KVM is missing");
	return fflush(stdout) ? CMD_FAILED : missing != 0;
}
