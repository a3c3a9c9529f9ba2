// SPDX-License-Identifier: MIT
//
// Runs until it is told to end, as tests/apps/background.test needs it. Its argument says what SIGTERM does:
// "handle": it says so and ends with status 7; "ignore": nothing; "default". SIGUSR1 is said, too. "big N" writes N MiB
// of numbered lines, then "end", then waits.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t term, usr1;

static void on_signal(int sig)
{
	if (sig == SIGTERM)
		term = 1;
	else
		usr1 = 1;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "default";
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t both, old;
	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGUSR1);
	sigprocmask(SIG_BLOCK, &both, &old);
	sigaction(SIGUSR1, &sa, NULL);
	if (strcmp(how, "handle") == 0)
		sigaction(SIGTERM, &sa, NULL);
	if (strcmp(how, "ignore") == 0)
		signal(SIGTERM, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	printf("started %s\n", how);
	fprintf(stderr, "on standard error\n");
	if (strcmp(how, "big") == 0 && argc > 2) {
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
		for (long line = 0; line < atol(argv[2]) * 16384; line++)
			printf("%063ld\n", line);
		printf("end\n");
		fflush(stdout);
	}
	while (!term) {
		sigsuspend(&old);
		if (usr1)
			printf("SIGUSR1 came\n");
		usr1 = 0;
	}
	printf("SIGTERM came\n");
	return 7;
}
