// SPDX-License-Identifier: MIT
//
// Threads that keep as many CPUs busy as the argument says, until a signal ends them. Once all have run, the
// file "started" is written into the current directory.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static volatile unsigned long turns[8];

static void *spin(void *turn)
{
	for (;;)
		++*(volatile unsigned long *)turn;
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t t;

	if (n < 1 || n > 8)
		return 2;
	for (int i = 0; i < n; i++)
		if (pthread_create(&t, NULL, spin, (void *)&turns[i]))
			return 1;
	for (int i = 0; i < n; i++)
		while (!turns[i])
			sched_yield();
	int fd = open("started", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, "yes\n", 4) != 4 || close(fd))
		return 1;
	for (;;)
		pause();
}
