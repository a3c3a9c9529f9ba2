// SPDX-License-Identifier: MIT
//
// The help texts. Every option of options.c is here. man.awk makes the manual page of them: an option is a line
// that begins with blanks and a dash, its text is two blanks away or more.
#include "monitor/help.h"

const char help_main[] =
	"Usage: whelk COMMAND [ARGUMENT]...\n"
	"\n"
	"Runs an unmodified Linux program in a small virtual machine of its own.\n"
	"\n"
	"  run PROGRAM [ARG]...   run a program; see whelk run --help\n"
	"  doctor                 say what this machine offers and what is missing\n"
	"  --version              the version\n"
	"  --help                 this text\n"
	"\n"
	"Examples:\n"
	"  whelk run /bin/busybox uname -a\n"
	"  whelk run -m 256M -c 2 -v ./data:/data:ro -w /data python3 script.py\n"
	"  whelk run --trace=file /usr/bin/ls /\n";

const char help_run[] =
	"Usage: whelk run [OPTION]... [--] PROGRAM [ARG]...\n"
	"  -m, --memory SIZE      memory of the machine: 512M, 2G (512M)\n"
	"  -c, --cpus N           virtual CPUs, 1 to 64 (those of the host, at most 8)\n"
	"  -v, --volume H:G[:ro]  host directory H is directory G in the machine\n"
	"  -e, --env NAME[=VALUE] set a variable, or pass the one from here\n"
	"  -w, --workdir DIR      working directory in the machine (the one here)\n"
	"      --env-file FILE    variables, one NAME=VALUE a line\n"
	"      --root DIR         root file system (/); writes to it stay in memory\n"
	"      --hostname NAME    name of the machine (whelk)\n"
	"      --user UID[:GID]   user and group of the program (yours)\n"
	"      --trace[=FILTER]   print system calls; FILTER: names and classes, by comma\n"
	"      --stats            print counters at the end\n"
	"      --verbose          the platform, the jail; registers when a signal kills\n"
	"      --platform NAME    kvm, linux (a jailed process) or auto, kvm first (auto)\n"
	"      --syscalls HOW     patch: call sites become jumps; trap: they stay (patch)\n"
	"      --libc WHICH       own: the program's; fast: for programs of musl, one that\n"
	"                         calls the kernel by jumps, made by make libc (own)\n"
	"      --kernel FILE      another kernel than the one built in\n"
	"      --no-jail          do not confine the monitor (debugging)\n"
	"  -h, --help             this text\n"
	"A PROGRAM without a slash is looked up in PATH. PATH, HOME, TERM, LANG, LC_*, TZ\n"
	"and USER are passed from here; /tmp, /run, /dev, /proc, /sys are the machine's.\n"
	"Ctrl-C goes to the program, three in two seconds end it all. Classes of FILTER:\n"
	"file desc memory signal network process time futex sched other. Exit status: the\n"
	"program's; 128+N: killed by signal N; 125: whelk failed; 126: the program cannot\n"
	"be executed; 127: it was not found.\n";

const char help_doctor[] =
	"Usage: whelk doctor\n"
	"\n"
	"Looks at KVM, the processor, memory and limits of this machine, and says what\n"
	"to do about what is missing, and which platform `whelk run` takes.\n"
	"Exit status: 0 when `whelk run` can work, else 1.\n";
