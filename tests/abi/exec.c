// SPDX-License-Identifier: MIT
//
// execve replaces the program in place: arguments, environment, descriptors and FD_CLOEXEC, what is kept and what is
// reset; scripts; execveat; errors that leave the old program as it was. The program calls itself with a stage.
#include "test.h"

#include <sys/mman.h>

extern char **environ;
static char exe[4096];

static void stage(const char *name, char *const *env)
{
	char *argv[] = {"exec-test", (char *)name, "an argument", "", NULL};
	fflush(stdout);
	execve("/proc/self/exe", argv, env);
	NEED(!"execve");
}

static void handler(int sig, siginfo_t *info, void *context)
{
}
static void *forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void *exec_from_thread(void *arg)
{
	char *env[] = {NULL};
	stage("thread", env);
	return NULL;
}

static void first(void)
{
	// Errors: the program goes on.
	char *argv[] = {"x", NULL};
	CHECK_ERR(execve("none", argv, environ), ENOENT);
	CHECK_ERR(execve(".", argv, environ), EACCES);
	int fd = make_file("plain", "text without a meaning");
	CHECK_ERR(execve("plain", argv, environ), EACCES);
	CHECK_EQ(fchmod(fd, 0755), 0);
	CHECK_ERR(execve("plain", argv, environ), ETXTBSY); // still open for writing
	close(fd);
	CHECK_ERR(execve("plain", argv, environ), ENOEXEC);
	CHECK_ERR(execve("plain/x", argv, environ), ENOTDIR);
	close(make_file("empty", ""));
	chmod("empty", 0755);
	CHECK_ERR(execve("empty", argv, environ), ENOEXEC);
	close(make_file("elf",
		"\177ELF\2\1\1 and then nonsense that is long enough for a whole header, or almost: 0123456789012345"));
	chmod("elf", 0755);
	CHECK_ERR(execve("elf", argv, environ), ENOEXEC);
	close(make_file("badscript", "#!/no/such/interpreter\n"));
	chmod("badscript", 0755);
	CHECK_ERR(execve("badscript", argv, environ), ENOENT);
	CHECK_ERR(execve((char *)8, argv, environ), EFAULT);
	CHECK_ERR(execve("/proc/self/exe", (char **)8, environ), EFAULT);
	static char big[200000];
	memset(big, 'b', sizeof big - 1);
	char *huge[] = {"x", big, NULL};
	CHECK_ERR(execve("/proc/self/exe", huge, environ), E2BIG); // one string above 128 KiB
	static char *many[3000];
	big[2000] = 0;
	for (int i = 0; i < 2999; i++)
		many[i] = big;
	CHECK_ERR(execve("/proc/self/exe", many, environ), E2BIG); // 6 MB in all, above a quarter of the stack
	CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, "none", argv, environ, 0), ENOENT);

	// What the next program should find.
	fd = make_file("kept", "kept open");
	NEED(lseek(fd, 5, SEEK_SET) == 5 && dup2(fd, 40) == 40 && dup3(fd, 41, O_CLOEXEC) == 41);
	set_handler(SIGUSR1, handler, 0);
	signal(SIGUSR2, SIG_IGN);
	mask(SIG_BLOCK, SIGTERM);
	raise(SIGTERM);
	umask(027);
	stack_t ss = {.ss_sp = map_anon(1 << 16, PROT_READ | PROT_WRITE), .ss_size = 1 << 16};
	NEED(sigaltstack(&ss, NULL) == 0);
	NEED(mkdir("dir", 0755) == 0 && chdir("dir") == 0);
	start(forever, NULL);
	char pid[32];
	snprintf(pid, sizeof pid, "PID=%d", getpid());
	char *env[] = {"ONE=1", "EMPTY=", pid, NULL};
	stage("second", env);
}

static void second(int argc, char **argv)
{
	printf("second: %d arguments, \"%s\" \"%s\" \"%s\"\n", argc, argv[0], argv[2], argv[3]);
	CHECK(!strcmp(getenv("ONE"), "1") && !strcmp(getenv("EMPTY"), "") && !getenv("HOME"));
	CHECK_EQ(atoi(getenv("PID")), getpid());
	CHECK_EQ(gettid(), getpid());
	CHECK_EQ(lseek(40, 0, SEEK_CUR), 5);
	CHECK_ERR(fcntl(41, F_GETFD), EBADF);
	struct sigaction sa;
	CHECK_EQ(sigaction(SIGUSR1, NULL, &sa), 0);
	CHECK(sa.sa_handler == SIG_DFL);
	CHECK_EQ(sigaction(SIGUSR2, NULL, &sa), 0);
	CHECK(sa.sa_handler == SIG_IGN);
	sigset_t s;
	sigprocmask(SIG_BLOCK, NULL, &s);
	CHECK(sigismember(&s, SIGTERM) && !sigismember(&s, SIGUSR1));
	sigpending(&s);
	CHECK(sigismember(&s, SIGTERM));
	stack_t ss;
	CHECK_EQ(sigaltstack(NULL, &ss), 0);
	CHECK_EQ(ss.ss_flags, SS_DISABLE);
	CHECK_EQ(umask(022), 027);
	CHECK_EQ(access("../kept", F_OK), 0); // the same directory
	CHECK(!strstr(read_text("/proc/self/status"), "Threads:\t2"));
	CHECK(!strcmp(read_text("/proc/self/comm"), "exe\n"));
	signal(SIGTERM, SIG_IGN);
	mask(SIG_UNBLOCK, SIGTERM);
	// From a thread that is not the first: it becomes the first.
	start(exec_from_thread, NULL);
	for (;;)
		pause();
}

static void script(void)
{
	CHECK_EQ(gettid(), getpid());
	// A script of this program: "interpreter optional-argument path arguments".
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	NEED(n > 0);
	NEED(symlink(exe, "interpreter") == 0); // its own path may hold spaces
	close(make_file("script", "#! ./interpreter  script one\nthe rest does not matter\n"));
	chmod("script", 0755);
	char *argv[] = {"lost", "last", NULL}, *env[] = {NULL};
	fflush(stdout);
	execve("./script", argv, env);
	NEED(!"execve of a script");
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		first();
	} else if (!strcmp(argv[1], "second")) {
		second(argc, argv);
	} else if (!strcmp(argv[1], "thread")) {
		script();
	} else if (!strcmp(argv[1], "script one")) {
		printf("script: %d arguments, \"%s\" \"%s\"\n", argc, argv[2], argv[3]);
		fflush(stdout);
		int fd = open("/proc/self/exe", O_PATH);
		char *again[] = {"by-fd", "last", NULL}, *env[] = {NULL};
		syscall(SYS_execveat, fd, "", again, env, AT_EMPTY_PATH);
		NEED(!"execveat");
	} else {
		printf("last: %d arguments, \"%s\"\n", argc, argv[0]);
		return test_end();
	}
	return 1;
}
