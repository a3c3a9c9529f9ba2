# SPDX-License-Identifier: MIT
#
# Sourced by every tests/apps/NAME.test: runs a program natively and under `whelk run` and compares.
#
# A test says what it needs (`need PROGRAM PACKAGE`), puts the same input into both sides' directories
# (`input NAME <FILE`), runs steps (`both NAME PROGRAM ARGS`), ends with `compare_files` if the program
# wrote files, and `finish`. Each side has its own directory, which is the current directory of its
# steps: $T/native natively, and $T/whelk, mounted on /data by -v, under whelk. So a step names files
# relative to it and must not print where it is. Steps with `in=tmp` run in the guest's own /tmp instead.
#
# Always: both sides get the same environment and nothing else; every run has a time limit; nothing is
# left in /tmp. The native run must end as the step says (status 0, or want=N), or the test is broken
# and fails. Variables before `both` (as in `cpus=2 want=1 both ...`) hold for that step when given so:
#   cpus mem      of the machine (1, 512M)          want    expected exit status (0)
#   limit         seconds for one run (60, or WHELK_LIMIT)          stdin   file to read (/dev/null)
#   in            data or tmp (data)                env     further K=V words
#   filter        command both outputs pass before they are compared (cat)
#
# Under whelk 95 in 100 system calls must be made by jumps, not by trap, once a program has run for 100 ms (docs/patching.md):
# in the whole test, and in each step of thousands of calls. WHELK_TRAPS=FILE gets a line for each step: test, step, calls,
# of them trapped, calls after 100 ms, of them trapped.
#
# Environment: WHELK is the program under test (default: whelk at the project's root); WHELK_SYSCALLS=trap runs it so. With
# WHELK_NATIVE_ONLY=1 the second run is native too: that tests the tests, whose output must be repeatable.

set -u
umask 022
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
SRC=$HERE/src
BUILD=${WHELK_TEST_BUILD:-$ROOT/build/apps}
WHELK=${WHELK:-$ROOT/whelk}
NATIVE_ONLY=${WHELK_NATIVE_ONLY:-0}
SYSCALLS=${WHELK_SYSCALLS:-patch}
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
BASE_ENV='PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb TZ=UTC'
MANY_CALLS=3000 # of one step
FEW_CALLS=20    # of a whole test: in fewer, one that is trapped is more than 5 in 100
later_calls=0 later_traps=0 # of the test so far, after 100 ms
any_traps=0    # 1: the test's programs may well be trapped
steps=0
failed=0
LIMIT=${WHELK_LIMIT:-60}
cpus=1 mem=512M want=0 limit=$LIMIT stdin=/dev/null in=data env= filter=cat

skip() {
	echo "skipped: $*"
	exit 77
}

# The test itself cannot go on.
die() {
	echo "FAIL: $*"
	exit 1
}

# need PROGRAM PACKAGE: skips the test where PROGRAM is missing. An absolute path is taken as it is.
need() {
	command -v "$1" >/dev/null 2>&1 || skip "no $1 (package $2)"
}

tmpdir() {
	T=$(mktemp -d "${TMPDIR:-/tmp}/whelk-app.XXXXXX") || exit 1
	trap 'rm -rf "$T"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$T/native" "$T/whelk" "$T/native.tmp" "$T/whelk.tmp" "$T/out"
}

# input NAME: standard input becomes file NAME on both sides, with a fixed time.
input() {
	mkdir -p "$(dirname "$T/native/$1")" "$(dirname "$T/whelk/$1")"
	cat >"$T/native/$1"
	# At the end of a pipe this is a subshell, where an exit does not end the test: the next step does.
	[ -s "$T/native/$1" ] || echo "$1" >>"$T/out/no-input"
	cp "$T/native/$1" "$T/whelk/$1"
	touch -d '2024-01-02 03:04:05' "$T/native/$1" "$T/whelk/$1"
}

# program FILE NAME: an executable for both sides.
program() {
	input "$2" <"$1"
	chmod 755 "$T/native/$2" "$T/whelk/$2"
}

# compile OUTPUT SOURCE... -- COMMAND...: runs COMMAND (with OUT for the output's path) unless the output
# is newer than the sources. Two tests may do it at once: the last rename wins.
compile() {
	compile_out=$BUILD/$1
	shift
	compile_stale=0
	while [ "$1" != -- ]; do
		[ "$compile_out" -nt "$1" ] || compile_stale=1
		shift
	done
	shift
	[ $compile_stale -eq 1 ] || return 0
	mkdir -p "$BUILD"
	OUT=$compile_out.$$ timeout 300 sh -c "$*" >"$T/out/compile" 2>&1 || {
		cat "$T/out/compile"
		rm -f "$compile_out.$$"
		die "cannot build $(basename "$compile_out")"
	}
	mv "$compile_out.$$" "$compile_out"
}

# Text that is the same on every machine: lines of numbers, words and hexadecimal.  text LINES SEED
text() {
	awk -v n="$1" -v s="$2" 'BEGIN {
		split("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau", w, " ")
		for (i = 0; i < n; i++) {
			s = (s * 16807) % 2147483647
			printf "%d %s %s %08x\n", s % 1000, w[s % 19 + 1], w[int(s / 19) % 19 + 1], s
		}
	}'
}

# native NAME PROGRAM ARGS: standard output, error and status go to $T/out/NAME.native.{out,err,status}.
native() {
	run_side native "$@"
}

# whelk NAME PROGRAM ARGS: likewise, under whelk.
whelk() {
	run_side whelk "$@"
}

run_side() {
	side=$1 step=$2
	out=$T/out/$2.$side
	shift 2
	if [ "$side" = native ] || [ "$NATIVE_ONLY" = 1 ]; then
		dir=$T/$side
		[ "$in" = data ] || dir=$T/$side.tmp
		(
			cd "$dir" || exit 1
			# shellcheck disable=SC2086
			exec timeout -k 5 "$limit" env -i $BASE_ENV $env "$@"
		) <"$stdin" >"$out.out" 2>"$out.err"
	else
		dir=/data
		[ "$in" = data ] || dir=/tmp
		# shellcheck disable=SC2086
		timeout -k 5 "$limit" env -i $BASE_ENV $env "$WHELK" run --stats -m "$mem" -c "$cpus" --syscalls "$SYSCALLS" -v "$T/whelk:/data" -w "$dir" \
			$(for kv in $BASE_ENV $env; do echo "-e $kv"; done) -- "$@" <"$stdin" >"$out.out" 2>"$out.err"
	fi
	echo $? >"$out.status"
	[ "$side" = native ] || [ "$NATIVE_ONLY" = 1 ] || [ "$SYSCALLS" != patch ] || judge_traps "$out.err"
}

# judge_traps FILE: FILE ends with what --stats prints. Once the program has started, 95 in 100 of its calls are made by jumps.
judge_traps() {
	# shellcheck disable=SC2046
	set -- "$1" $(sed -n -e 's/^system calls *\([0-9]*\), of them \([0-9]*\) trapped$/\1 \2/p' \
		-e 's/^  after 100 ms *\([0-9]*\), of them \([0-9]*\) trapped$/\1 \2/p' "$1")
	[ -z "${WHELK_TRAPS:-}" ] || echo "$(basename "$0" .test) $step ${2:-0} ${3:-0} ${4:-0} ${5:-0}" >>"$WHELK_TRAPS"
	[ $any_traps = 0 ] || return 0
	later_calls=$((later_calls + ${4:-0})) later_traps=$((later_traps + ${5:-0}))
	[ "${4:-0}" -lt $MANY_CALLS ] || [ $((${5:-0} * 20)) -le "$4" ] || bad "$step: of $4 calls after 100 ms $5 were trapped"
}

bad() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# no_process_left WHAT TEXT: after a second or two no process has TEXT in its command line.
no_process_left() {
	tries=0
	while [ $tries -lt 20 ]; do
		left_over=
		for p in /proc/[0-9]*; do
			! { tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -qF -- "$2" || left_over="$left_over ${p#/proc/}"
		done
		[ -n "$left_over" ] || return 0
		sleep 0.1
		tries=$((tries + 1))
	done
	bad "$1: processes are left:$left_over"
}

# The end of a file, safe for a terminal and not too long.
show_end() {
	tail -n 12 "$1" | cut -c 1-300 | cat -v
}

# What differs, in 40 lines at most.
show_diff() {
	if LC_ALL=C grep -qU '[^[:print:][:space:]]' "$1" "$2" 2>/dev/null; then
		cmp "$1" "$2"
		ls -l "$1" "$2"
	else
		diff -u "$1" "$2" | head -n 40 | cut -c 1-300
	fi
}

# compare_out NAME: standard output and status of the two runs.
compare_out() {
	n=$T/out/$1.native w=$T/out/$1.whelk
	ns=$(cat "$n.status") ws=$(cat "$w.status")
	if [ "$ns" != "$want" ]; then
		show_end "$n.err"
		show_end "$n.out"
		bad "$1: the native run ended with status $ns, not $want"
		return
	fi
	if [ "$ws" != "$ns" ]; then
		bad "$1: status $ws, natively $ns; the end of standard error and output:"
		show_end "$w.err"
		show_end "$w.out"
		# A hung program hangs in its other steps too: do not wait for all of them.
		[ "$ws" != 124 ] && [ "$ws" != 137 ] || die "$1: no end within $limit s"
		return
	fi
	for o in "$n" "$w"; do
		sh -c "$filter" <"$o.out" >"$o.cmp"
	done
	cmp -s "$n.cmp" "$w.cmp" || {
		bad "$1: standard output differs from the native run's"
		show_diff "$n.cmp" "$w.cmp"
	}
}

# both NAME PROGRAM ARGS: one step, natively and under whelk, compared.
both() {
	[ ! -e "$T/out/no-input" ] || die "input could not be made: $(cat "$T/out/no-input")"
	steps=$((steps + 1))
	native "$@"
	whelk "$@"
	compare_out "$1"
	# In several shells an assignment before a function call outlives it: start from the defaults again.
	cpus=1 mem=512M want=0 limit=$LIMIT stdin=/dev/null in=data env= filter=cat
}

# compare_files: everything in the two sides' directories: names, types, modes, owners, sizes and bytes.
compare_files() {
	steps=$((steps + 1))
	for side in native whelk; do
		(cd "$T/$side" && find . -type f -printf '%p %y %m %U %G %s\n' -o -printf '%p %y %m %U %G %l\n' | sort) >"$T/out/list.$side"
	done
	cmp -s "$T/out/list.native" "$T/out/list.whelk" || {
		bad "the two sides left different files"
		show_diff "$T/out/list.native" "$T/out/list.whelk"
	}
	(cd "$T/native" && find . -type f) | sort >"$T/out/files"
	while read -r f; do
		cmp -s "$T/native/$f" "$T/whelk/$f" || {
			bad "file $f differs from the native run's"
			[ ! -f "$T/whelk/$f" ] || show_diff "$T/native/$f" "$T/whelk/$f"
		}
	done <"$T/out/files"
}

finish() {
	[ $later_calls -lt $FEW_CALLS ] || [ $((later_traps * 20)) -le $later_calls ] ||
		bad "of $later_calls calls after each program's first 100 ms $later_traps were trapped"
	if [ $failed -gt 0 ]; then
		echo "$failed of $steps steps failed"
		exit 1
	fi
	[ $steps -gt 0 ] || die "no step ran"
	echo "$steps steps ok"
	exit 0
}

if [ "$NATIVE_ONLY" != 1 ]; then
	[ "${WHELK_PLATFORM:-auto}" != kvm ] || { [ -r /dev/kvm ] && [ -w /dev/kvm ]; } || skip "no /dev/kvm"
	[ -x "$WHELK" ] || die "no program $WHELK: run make first"
fi
tmpdir
