# SPDX-License-Identifier: MIT
#
# Sourced by every bench/NAME/run. A bench measures pairs of runs with bench/pair.c and prints, with `figure`
# or `limit`, one line per figure.
#
# Environment: WHELK (default: whelk at the project's root), PAIRS (pairs of runs, default 5),
# WHELK_PLATFORM (kvm or linux; default: whelk's own choice).
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WHELK=${WHELK:-$ROOT/whelk}
PAIRS=${PAIRS:-5}
B=$ROOT/build/bench
LC_ALL=C
export LC_ALL

die() {
	echo "bench: $*" >&2
	exit 1
}

need() {
	command -v "$1" >/dev/null 2>&1 || die "no $1: install Debian's package $2"
}

# build NAME SOURCE FLAGS...
build() {
	mkdir -p "$B"
	[ "$B/$1" -nt "$ROOT/$2" ] || {
		b_out=$B/$1 b_src=$ROOT/$2
		shift 2
		cc -O2 "$@" -o "$b_out" "$b_src" || die "cannot build $b_src"
	}
}

pair() {
	"$B/pair" -n "$PAIRS" "$@" || die "$(basename "$(dirname "$0")"): a run failed"
}

row() {
	printf '%-44s %12s %12s %8s %10s  %s\n' "$@"
}

# target KVM LINUX: what is asked of the platform in use
target() {
	[ "${WHELK_PLATFORM:-}" = linux ] && echo "$2" || echo "$1"
}

# figure TITLE UNIT 'NATIVE WHELK RATIO' TARGET: the ratio must be TARGET at least.
figure() {
	# shellcheck disable=SC2086
	set -- "$1" "$2" "$4" $3
	ok=$(awk -v r="$6" -v t="$3" 'BEGIN { print (r >= t) ? "ok" : "MISSED" }')
	row "$1" "$4 $2" "$5 $2" "$6" ">= $3" $ok
}

# limit TITLE UNIT NATIVE WHELK TARGET: the figure must be TARGET at most.
limit() {
	ok=$(awk -v v="$4" -v t="$5" 'BEGIN { print (v <= t) ? "ok" : "MISSED" }')
	row "$1" "$3 $2" "$4 $2" - "<= $5 $2" $ok
}

# Some mebibytes of what this system has in its libraries: compresses as programs and text do.
sample() {
	cat /usr/lib/x86_64-linux-gnu/*.so.* /usr/lib/x86_64-linux-gnu/*.a /usr/bin/* 2>/dev/null | head -c "$1"
}

[ -x "$WHELK" ] || die "no program $WHELK: run make first"
T=$(mktemp -d "${TMPDIR:-/tmp}/whelk-bench.XXXXXX") || exit 1
S=
trap 'rm -rf "$T" "$S"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$T/data"
PROGRAM=$WHELK
if [ -n "${WHELK_PLATFORM:-}" ]; then # a program that is whelk with the option; bench/boot does without its shell
	printf '#!/bin/sh\nshift\nexec "%s" run --platform %s "$@"\n' "$WHELK" "$WHELK_PLATFORM" >"$T/whelk"
	chmod 755 "$T/whelk"
	WHELK=$T/whelk
fi
build pair bench/pair.c
