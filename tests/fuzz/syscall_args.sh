#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/fuzz/syscall_args.sh SECONDS: a program makes random system calls with random arguments under whelk.
# The program may end as it will, also by a signal; the kernel may not panic, nor the monitor fail or hang.
[ -e /dev/kvm ] || {
	echo "no /dev/kvm"
	exit 77
}
dir=build/fuzz
cc -O1 -g -static -o "$dir/syscall_args" tests/fuzz/syscall_args.c || exit 1
end=$(($(date +%s) + $1)) runs=0
seed=${FUZZ_SEED:-$(date +%s)}
while [ "$(date +%s)" -lt "$end" ]; do
	timeout -k 5 60 ./whelk run -m 64M -c 2 -v "$PWD/$dir:/fuzz:ro" /fuzz/syscall_args "$seed" >"$dir/syscall_args.out" 2>&1 </dev/null
	status=$?
	if [ $status -eq 125 ] || [ $status -eq 126 ] || [ $status -eq 127 ] || grep -q 'kernel panic' "$dir/syscall_args.out"; then
		echo "seed $seed: status $status"
		tail -n 25 "$dir/syscall_args.out"
		exit 1
	fi
	if [ $status -eq 124 ]; then
		echo "seed $seed: it hangs"
		exit 1
	fi
	runs=$((runs + 1)) seed=$((seed + 1))
done
echo "$runs runs"
