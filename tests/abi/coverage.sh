#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every system call of kernel/sys/syscalls.def that works in full or in part is named by some test beside this file,
# as the C library names it or as SYS_name. What cannot be tested against Linux is listed below, with the reason.
cd "$(dirname "$0")/../.." || exit 1
allowed='
	rt_sigreturn restart_syscall	every test with a handler makes them
	clock_settime settimeofday	natively they would set the clock of the host
	clock_adjtime adjtimex		likewise
	mbind set_mempolicy		stubs: one memory node
'
missing=
for call in $(awk '!/^#/ && ($3 == "full" || $3 == "part" || $3 == "stub") { print $1 }' kernel/sys/syscalls.def); do
	case $call in
	pread64 | pwrite64 | prlimit64 | getdents64) name=${call%64} ;;
	newfstatat) name=fstatat ;;
	eventfd2 | signalfd4) name=${call%[24]} ;;
	pselect6) name=pselect ;;
	exit_group) name=exit ;;
	mq_getsetattr) name=mq_getattr ;;
	rt_sigqueueinfo) name=sigqueue ;;
	rt_*) name=${call#rt_} ;;
	*) name=$call ;;
	esac
	grep -qwE "$call|$name|SYS_$call" tests/abi/*.c && continue
	echo "$allowed" | grep -qw "$call" || missing="$missing $call"
done
awk -v out=md -f kernel/sys/gen.awk kernel/sys/syscalls.def | cmp -s - docs/syscalls.md || {
	echo "docs/syscalls.md is not what the rows say: make docs"
	exit 1
}
[ -z "$missing" ] && exit 0
echo "no test names:$missing"
exit 1
