// SPDX-License-Identifier: MIT
//
// Runs two commands in turn, A B A B ..., and prints the median of each and of their ratios pair by pair, so
// that what else the machine does falls on both alike. One unmeasured run of each comes first.
//
//	pair [-n PAIRS] [-r] [-i FILE] [-d DIR_A] A ARGS --- B ARGS
//
// Prints "MEDIAN_A MEDIAN_B RATIO": wall-clock seconds from fork to the end of the command, RATIO being A / B, so
// that 1 means B is as fast as A and less means it is slower. With -r what counts is the last number on
// standard output (a rate: more is better), and RATIO is B / A. -i: standard input of both; -d: where A runs.
// A run that ends with another status than 0, or takes 120 s, ends it all with status 1.
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAIRS 1000

static const char *input = "/dev/null", *dir_a;
static int rates;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double last_number(const char *text)
{
	double v = 0;

	for (const char *p = text; *p;) {
		char *end;
		if (isdigit((unsigned char)*p)) {
			v = strtod(p, &end);
			p = end;
		} else {
			p++;
		}
	}
	return v;
}

static double run(char **argv, const char *dir)
{
	static char text[1 << 16];
	size_t have = 0;
	ssize_t n;
	int fds[2], status = 0;

	if (pipe2(fds, O_CLOEXEC)) {
		perror("pair: pipe");
		exit(1);
	}
	double start = now();
	pid_t pid = fork();
	if (pid == 0) {
		int in = open(input, O_RDONLY);
		if (in < 0 || dup2(in, 0) < 0 || dup2(fds[1], 1) < 0 || (dir && chdir(dir)))
			_exit(126);
		alarm(120);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	// The rest of a long output is read and dropped.
	while ((n = read(fds[0], text + have, sizeof(text) - 1 - have)) > 0)
		have = have + (size_t)n < sizeof(text) - 1 ? have + (size_t)n : 0;
	text[have] = 0;
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "pair: %s failed (status %#x)\n", argv[0], status);
		exit(1);
	}
	double taken = now() - start;
	return rates ? last_number(text) : taken;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int main(int argc, char **argv)
{
	static double a[MAX_PAIRS], b[MAX_PAIRS], ratio[MAX_PAIRS];
	int opt, n = 5, split;

	while ((opt = getopt(argc, argv, "+n:ri:d:")) != -1) {
		if (opt == 'n')
			n = atoi(optarg);
		else if (opt == 'r')
			rates = 1;
		else if (opt == 'i')
			input = optarg;
		else if (opt == 'd')
			dir_a = optarg;
		else
			return 2;
	}
	for (split = optind; split < argc && strcmp(argv[split], "---"); split++)
		;
	if (split == optind || split + 1 >= argc || n < 1 || n > MAX_PAIRS) {
		fprintf(stderr, "usage: pair [-n PAIRS] [-r] [-i FILE] [-d DIR_A] A ARGS --- B ARGS\n");
		return 2;
	}
	argv[split] = NULL;
	run(argv + optind, dir_a);
	run(argv + split + 1, NULL);
	for (int i = 0; i < n; i++) {
		a[i] = run(argv + optind, dir_a);
		b[i] = run(argv + split + 1, NULL);
		ratio[i] = rates ? b[i] / a[i] : a[i] / b[i];
	}
	double ma = median(a, n), mb = median(b, n);
	// Rates are large, times are small.
	printf(rates ? "%.0f %.0f %.3f\n" : "%.4f %.4f %.3f\n", ma, mb, median(ratio, n));
	return 0;
}
