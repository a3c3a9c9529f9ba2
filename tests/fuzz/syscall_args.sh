#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/fuzz/syscall_args.sh SECONDS: a program makes random system calls with random arguments under whelk.
# The program may end as it will, also by a signal; the kernel may not panic, nor the monitor fail or hang.
# Platforms take turns where there is /dev/kvm.
platforms=linux
[ ! -r /dev/kvm ] || [ ! -w /dev/kvm ] || platforms='kvm linux'
# Of its own: another run in the same tree may be at work.
dir=$(mktemp -d "${TMPDIR:-/tmp}/whelk-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cc -O1 -g -static -o "$dir/syscall_args" tests/fuzz/syscall_args.c || exit 1
end=$(($(date +%s) + $1)) runs=0
seed=${FUZZ_SEED:-$(date +%s)}
while [ "$(date +%s)" -lt "$end" ]; do
	# shellcheck disable=SC2086
	set -- $platforms "$1"
	platform=$1
	shift
	[ $# -eq 1 ] || platforms="$1 $platform"
	timeout -k 5 60 ./whelk run --platform "$platform" -m 64M -c 2 -v "$dir:/fuzz:ro" /fuzz/syscall_args "$seed" >"$dir/out" 2>&1 </dev/null
	status=$?
	if [ $status -eq 125 ] || [ $status -eq 126 ] || [ $status -eq 127 ] || grep -q 'kernel panic' "$dir/out"; then
		echo "seed $seed: status $status"
		tail -n 25 "$dir/out"
		exit 1
	fi
	# 137 with no word of whelk's: timeout had to kill it.
	if [ $status -eq 124 ] || { [ $status -eq 137 ] && ! grep -qa 'whelk: ' "$dir/out"; }; then
		echo "seed $seed: it hangs"
		exit 1
	fi
	runs=$((runs + 1)) seed=$((seed + 1))
done
echo "$runs runs"
