# SPDX-License-Identifier: MIT
#
# Sourced after lib.sh by tests of servers: a server runs natively, then under `whelk run -p`, and real clients on the host
# ask both the same. A test is a function that is called once for each side, and what it asks is compared:
#
#	session() {
#		serve redis "$port" /usr/bin/redis-server --port "$port"     # in the background, until the port answers
#		ask get redis-cli -p "$port" get key                          # output and status: the same on both sides
#		load set redis-benchmark -p "$port" -t set -q                 # has to succeed; what it prints may differ
#		stop redis                                                    # SIGTERM; how it ends is compared, too
#	}
#	sessions session
#
# $side is native or whelk; $port is a port of the host that was free, the same on both sides, and the guest's too; more by
# `free_port NAME`. Clients run in $T/$side, which is the server's directory: $home is its path as the server sees it ($T/native, /data);
# $host is the host's loopback interface as it sees it (with options='--net user:host-loopback').
# Before `serve`, as before `both`: cpus, mem, env, limit (120: the server's whole life), in; and options, further words for
# `whelk run`; ports, "HOST:GUEST ..." instead of the one; answers, a command that succeeds once the server is up (default: a
# connection to the port); errors=any, the server may say on standard error what it does not natively.
# `wait_port PORT`: for further ports of a server's. `inside NAME PROGRAM ARGS`: a client under Whelk of a server on the host.
# Before `ask`: limit (30), stdin, filter, and want, the status (0). `told NAME REGEX`: waits until the server's output has that.

SIDES='native whelk'
asked=
servers=
given=
cpus=1 mem=512M env= limit= stdin=/dev/null in=data filter=cat want=0
options= ports= answers= errors=same

# free_port NAME: sets $NAME to a port nobody listens at and no client is given. Two tests may run at once.
free_port() {
	while :; do
		port_try=$((21000 + ($(od -An -N2 -tu2 /dev/urandom)) % 2000))
		port_hex=$(printf ':%04X' $port_try)
		case " $given " in *" $port_try "*) continue ;; esac
		grep -qs "^ *[0-9]*: [0-9A-F]*$port_hex " /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 || break
	done
	given="$given $port_try"
	eval "$1=$port_try"
}
free_port port

# serve NAME PORT PROGRAM ARGS: PORT - if it has none.
serve() {
	serving=$1 at=$2
	out=$T/out/$1.$side
	shift 2
	if [ "$side" = native ] || [ "$NATIVE_ONLY" = 1 ]; then
		dir=$T/$side
		[ "$in" = data ] || dir=$T/$side.tmp
		(
			cd "$dir" || exit 1
			# shellcheck disable=SC2086
			exec timeout -k 5 "${limit:-120}" env -i $BASE_ENV $env "$@"
		) <"$stdin" >"$out.out" 2>"$out.err" &
	else
		dir=/data
		[ "$in" = data ] || dir=/tmp
		[ "$at" = - ] || ports=${ports:-$at:$at}
		# shellcheck disable=SC2046,SC2086
		timeout -k 5 "${limit:-120}" env -i $BASE_ENV $env "$WHELK" run --stats -m "$mem" -c "$cpus" --syscalls "$SYSCALLS" $options \
			$(for p in $ports; do echo "-p $p"; done) -v "$T/whelk:/data" -w "$dir" \
			$(for kv in $BASE_ENV $env; do echo "-e $kv"; done) -- "$@" <"$stdin" >"$out.out" 2>"$out.err" &
	fi
	eval "pid_$serving=$! errors_$serving=\$errors"
	servers="$servers $serving"
	serve_answers=$answers
	cpus=1 mem=512M env= limit= stdin=/dev/null in=data options= ports= answers= errors=same
	[ "$at" != - ] || [ -n "$serve_answers" ] || return 0
	serve_tries=0
	until { [ -n "$serve_answers" ] && eval "$serve_answers"; } >/dev/null 2>&1 || { [ -z "$serve_answers" ] && open_port "$at"; }; do
		serve_tries=$((serve_tries + 1))
		alive "$serving" && [ $serve_tries -lt 300 ] || {
			show_end "$out.err"
			show_end "$out.out"
			die "$serving ($side) does not answer at port $at"
		}
		sleep 0.1
	done
}

# open_port PORT: somebody listens there.
open_port() {
	timeout 2 bash -c ": <>/dev/tcp/127.0.0.1/$1" 2>/dev/null
}

alive() {
	eval "kill -0 \$pid_$1" 2>/dev/null
}

# told NAME REGEX: within 20 s the server has said so.
told() {
	told_tries=0
	until grep -qsE -- "$2" "$T/out/$1.$side.out" "$T/out/$1.$side.err"; do
		told_tries=$((told_tries + 1))
		[ $told_tries -lt 200 ] || {
			bad "$1 ($side) did not say $2"
			show_end "$T/out/$1.$side.err"
			return
		}
		sleep 0.1
	done
}

# A client, on the host.
client() {
	client_out=$T/out/$1.$side
	shift
	(
		cd "$T/$side" || exit 1
		exec timeout -k 5 "${limit:-30}" "$@"
	) <"$stdin" >"$client_out.out" 2>"$client_out.err"
	client_status=$?
	echo $client_status >"$client_out.status"
}

# ask NAME COMMAND
ask() {
	client "$@"
	if [ "$side" = native ]; then
		steps=$((steps + 1))
		asked="$asked $1"
	fi
	if [ $client_status != "$want" ]; then
		bad "$1 ($side): status $client_status, not $want:"
		show_end "$client_out.err"
		show_end "$client_out.out"
	fi
	sh -c "$filter" <"$client_out.out" >"$client_out.cmp"
	stdin=/dev/null filter=cat want=0 limit=
}

# load NAME COMMAND
load() {
	client "$@"
	steps=$((steps + 1))
	if [ $client_status != "$want" ]; then
		bad "$1 ($side): status $client_status, not $want:"
		show_end "$client_out.err"
		show_end "$client_out.out"
	fi
	stdin=/dev/null want=0 limit=
}

# stop NAME [SIGNAL]
stop() {
	eval "kill -s ${2:-TERM} \$pid_$1" 2>/dev/null || bad "$1 ($side) had ended before it was stopped"
	ended "$1"
}

# ended NAME: waits for the server, which ends by itself.
ended() {
	eval "wait \$pid_$1"
	echo $? >"$T/out/$1.$side.status"
	eval "pid_$1="
	case " $asked " in *" $1 "*) ;; *) asked="$asked $1" ;; esac
	: >"$T/out/$1.$side.cmp"
	[ "$side" = native ] || [ "$NATIVE_ONLY" = 1 ] || [ "$SYSCALLS" != patch ] || {
		step=$1
		judge_traps "$T/out/$1.whelk.err"
	}
	# What only Whelk says: of itself, of calls it lacks.
	eval "[ \$errors_$1 = any ]" || [ "$side" = native ] || ! grep -E '^whelk: ' "$T/out/$1.whelk.err" | grep -vE "^whelk: (killed by SIG|port )" >"$T/out/said" || {
		bad "$1: whelk had something to say:"
		show_end "$T/out/said"
	}
}

# wait_port PORT: somebody listens there, before 20 s are over. The host hears of a machine's listener a moment after its program.
wait_port() {
	port_tries=0
	until open_port "$1" || [ $port_tries -gt 200 ]; do
		sleep 0.1
		port_tries=$((port_tries + 1))
	done
}

# inside NAME PROGRAM ARGS: a client, natively and under whelk, of a server that runs on the host, which $host names. Before it as
# before `serve`; what it prints is compared, and its status has to be 0.
inside() {
	inside_name=$1
	shift
	options="--net user:host-loopback $options" serve "$inside_name" - "$@"
	ended "$inside_name"
	cp "$T/out/$inside_name.$side.out" "$T/out/$inside_name.$side.cmp"
	steps=$((steps + 1))
	[ "$(cat "$T/out/$inside_name.$side.status")" = 0 ] || {
		bad "$inside_name ($side): status $(cat "$T/out/$inside_name.$side.status")"
		show_end "$T/out/$inside_name.$side.err"
	}
}

# Nothing outlives the test.
end_servers() {
	for s in $servers; do
		eval "[ -z \"\${pid_$s:-}\" ] || { kill \$pid_$s; wait \$pid_$s; }" 2>/dev/null
	done
	rm -rf "$T"
}
trap end_servers EXIT

# sessions FUNCTION: on each side, then compares.
sessions() {
	asked=
	for side in $SIDES; do
		home=$T/$side host=127.0.0.1
		[ "$side" = native ] || [ "$NATIVE_ONLY" = 1 ] || home=/data host=10.0.2.2
		"$1"
	done
	for a in $asked; do
		n=$T/out/$a.native w=$T/out/$a.whelk
		[ -e "$w.status" ] || { bad "$a: was not asked under whelk"; continue; }
		[ "$(cat "$n.status")" = "$(cat "$w.status")" ] || {
			bad "$a: status $(cat "$w.status"), natively $(cat "$n.status")"
			show_end "$w.err"
			show_end "$w.out"
		}
		cmp -s "$n.cmp" "$w.cmp" || {
			bad "$a: the answer differs from the native server's"
			show_diff "$n.cmp" "$w.cmp"
		}
	done
}
