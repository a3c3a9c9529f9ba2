// SPDX-License-Identifier: MIT
//
// The help texts. Every option of options.c is here. man.awk makes the manual page of them: an option is a line
// that begins with blanks and a dash, its text is two blanks away or more.
#include "monitor/help.h"

// A screen has 24 lines, the last is the prompt's.
const char help_main[] =
	"Usage: whelk COMMAND [ARGUMENT]...\n"
	"Runs an unmodified Linux program in a small virtual machine of its own.\n"
	"\n"
	"  run PROGRAM [ARG]...   run a program\n"
	"  ps                     machines in the background, and others with a name\n"
	"  logs NAME              what a machine in the background has written\n"
	"  stop NAME...           SIGTERM to its program; after a while the machine's end\n"
	"  kill NAME...           the machine's end at once, or another signal\n"
	"  wait NAME...           wait for its end, print its exit status\n"
	"  stats [NAME]...        CPU time, memory, exits\n"
	"  rm NAME...             forget a machine that has ended\n"
	"  doctor                 say what this machine offers and what is missing\n"
	"  check PROGRAM          what becomes of the system calls a program can make\n"
	"  build PROGRAM          one file of program, libraries and kernel\n"
	"  inspect IMAGE          say what is in such a file\n"
	"  --version              the version\n"
	"  --help                 this text; whelk COMMAND --help: a command's\n"
	"\n"
	"Examples:\n"
	"  whelk run /bin/busybox uname -a\n"
	"  whelk run -m 256M -c 2 -v ./data:/data:ro -w /data python3 script.py\n"
	"  whelk run -d --name web ./server; whelk logs -f web; whelk stop web\n";

const char help_run[] =
	"Usage: whelk run [OPTION]... [--] PROGRAM|IMAGE [ARG]...\n"
	"  -m, --memory SIZE      memory of the machine: 512M, 2G (512M)\n"
	"  -c, --cpus N           virtual CPUs, 1 to 64 (those of the host, at most 8)\n"
	"  -v, --volume H:G[:ro]  host directory H is directory G in the machine\n"
	"  -e, --env NAME[=VALUE] set a variable, or pass the one from here\n"
	"  -w, --workdir DIR      working directory in the machine (the one here)\n"
	"  -p, --publish P[:Q]    port P of the host's 127.0.0.1 is Q in the machine;\n"
	"                         ADDRESS:P:Q elsewhere, P/udp:Q; 0 as P: a free one\n"
	"  -d, --detach           in the background: prints the machine's name when the\n"
	"                         program runs; see whelk ps, logs, stop\n"
	"      --name NAME        of the machine (with -d: one is made)\n"
	"      --rm               forget the machine when it has ended\n"
	"      --trace[=FILTER]   print system calls; FILTER: of names and classes:\n"
	"                         file desc memory signal network process time futex\n"
	"                         sched other\n"
	"      --stats            print counters at the end\n"
	"      --verbose          the platform, the jail; registers when a signal kills\n"
	"      --platform NAME    kvm, linux (a jailed process) or auto, kvm first (auto)\n"
	"  -h, --help[=all]       this text; all: the other options too\n"
	"A PROGRAM without a slash is looked up in PATH. Ctrl-C goes to it, three within\n"
	"two seconds end it all. Exit status: the program's; 128+N: killed by signal N;\n"
	"125: whelk failed; 126: the program cannot be executed; 127: it was not found.\n";

// The rest of it.
const char help_run_all[] =
	"      --net MODE         user: to the outside by the host's sockets, not to its\n"
	"                         127.0.0.1; user:host-loopback: there too, as 10.0.2.2;\n"
	"                         none; tap=IF: a network card of its own, whose other\n"
	"                         end is the host's interface IF, see docs/network.md\n"
	"                         (user)\n"
	"      --ip A/LEN[,GW]    with tap: address and router, of IPv4, IPv6 or, given\n"
	"                         twice, both (DHCP; what IPv6's routers announce)\n"
	"      --env-file FILE    variables, one NAME=VALUE a line\n"
	"      --root DIR         root file system (/); writes to it stay in memory\n"
	"      --hostname NAME    name of the machine (whelk)\n"
	"      --user UID[:GID]   user and group of the program (yours)\n"
	"      --syscalls HOW     patch: call sites become jumps; trap: they stay (patch)\n"
	"      --libc WHICH       own: the program's; fast: for programs of musl, one\n"
	"                         that calls the kernel by jumps, made by make libc (own)\n"
	"      --kernel FILE      another kernel than the one built in\n"
	"      --no-jail          do not confine the monitor (debugging)\n"
	"PATH, HOME, TERM, LANG, LC_*, TZ and USER are passed from here; /tmp, /run,\n"
	"/dev, /proc, /sys are the machine's. An IMAGE of whelk build brings arguments,\n"
	"to which ARGs are added, environment, working directory and limits, unless\n"
	"options say other ones; nothing is passed.\n";

const char help_ps[] =
	"Usage: whelk ps [OPTION]...\n"
	"Lists machines that run in the background or have a name.\n"
	"  -a, --all              also those that have ended, with their exit status\n"
	"  -q, --quiet            names only\n"
	"      --json             an array of objects, for programs\n"
	"  -h, --help             this text\n"
	"An ended machine is kept until whelk rm, or until a machine gets its name.\n"
	"States: starting, running, exited, killed (its monitor ended without a word).\n"
	"They are kept in $XDG_RUNTIME_DIR/whelk, else /run/whelk (root) or\n"
	"/tmp/whelk-UID, a directory of the user's own.\n";

const char help_logs[] =
	"Usage: whelk logs [OPTION]... NAME\n"
	"Prints what a machine in the background has written to standard output and\n"
	"error, in the order of writing; the last 16 MiB are kept.\n"
	"  -f, --follow           go on until the machine has ended\n"
	"  -n, --tail N           begin with the last N lines\n"
	"  -h, --help             this text\n";

const char help_stop[] =
	"Usage: whelk stop [OPTION]... NAME...\n"
	"Sends SIGTERM to the program and waits; if it does not end, the machine does.\n"
	"  -t, --time SECONDS     how long to wait; -1: for ever (10)\n"
	"  -h, --help             this text\n"
	"Exit status: 0 when all machines have ended, 1 when one does not exist.\n";

const char help_kill[] =
	"Usage: whelk kill [OPTION]... NAME...\n"
	"Ends machines at once; their exit status is 137.\n"
	"  -s, --signal SIGNAL    instead send the program TERM, INT, HUP, QUIT, USR1,\n"
	"                         USR2 or WINCH (KILL: the machine ends)\n"
	"  -h, --help             this text\n"
	"Exit status: 0, or 1 when a machine does not run.\n";

const char help_wait[] =
	"Usage: whelk wait NAME...\n"
	"Waits until machines have ended and prints the exit status of each, in a line.\n"
	"Exit status: 0, or 1 when a machine does not exist.\n";

const char help_stats[] =
	"Usage: whelk stats [OPTION]... [NAME]...\n"
	"Shows what machines use, those that are named or all that run: CPU time, memory\n"
	"of the host's (PSS: its share of pages that are shared) and of how much at most,\n"
	"exits from the guest to the monitor, time since the program began.\n"
	"      --json             an array of objects, for programs\n"
	"      --no-stream        without effect: it is shown once\n"
	"  -h, --help             this text\n"
	"Exit status: 0, or 1 when a machine does not run.\n";

const char help_rm[] =
	"Usage: whelk rm [OPTION]... NAME...\n"
	"Forgets machines that have ended: exit status and log.\n"
	"  -f, --force            kill the machine first if it runs\n"
	"  -h, --help             this text\n"
	"Exit status: 0, or 1 when a machine does not exist, or runs.\n";

const char help_doctor[] =
	"Usage: whelk doctor\n"
	"\n"
	"Looks at KVM, the processor, memory and limits of this machine, and says what\n"
	"to do about what is missing, and which platform `whelk run` takes.\n"
	"Exit status: 0 when `whelk run` can work, else 1.\n";

const char help_inspect[] =
	"Usage: whelk inspect [OPTION]... IMAGE\n"
	"Checks an image of whelk build and lists what is in it: kernels, program,\n"
	"arguments, environment, limits, the system calls it may make, files.\n"
	"      --json             one object, for programs\n"
	"  -h, --help             this text\n"
	"Exit status: 0, or 125 when the image is damaged or none.\n";
