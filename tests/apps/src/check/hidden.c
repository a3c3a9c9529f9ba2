// SPDX-License-Identifier: MIT
//
// A system call whose number only a run can show.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	return argc > 1 ? (int)syscall(atol(argv[1])) : 0;
}
