# SPDX-License-Identifier: MIT
#
# Sourced by the tests of --net tap=IF, before lib.sh would be: makes the kernels with lwIP, goes into a network namespace of
# its own and makes the interface tap0 there. Then $ips is for `--ip`, and guest runs a machine.
# What fetches the source needs the host's network, so it comes before; one at a time, since two runs may share the tree.
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${TAP_TEST_INSIDE-}" ] && [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
	TAP_TEST_MADE=$(timeout 600 flock "$root/Makefile" make -s -C "$root" tap 2>&1 && echo made) || :
	export TAP_TEST_MADE
	TAP_TEST_INSIDE=1 exec unshare -n "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
[ "$NATIVE_ONLY" != 1 ] || skip "nothing in it runs natively"
[ -n "${TAP_TEST_INSIDE-}" ] || skip "it takes root to make a network namespace"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
need python3 python3
need ip iproute2
need busybox busybox-static
case $TAP_TEST_MADE in
*made) ;;
*) skip "make tap failed: $TAP_TEST_MADE" ;;
esac

python=$(python3 -c 'import sys; print(sys.executable)')
ips='--ip 192.0.2.2/24,192.0.2.1 --ip fd55::2/64,fd55::1'
make_tap() {
	ip tuntap add dev tap0 mode tap || die "no tap interface can be made"
	ip addr add 192.0.2.1/24 dev tap0
	ip -6 addr add fd55::1/64 dev tap0 nodad
	ip link set tap0 up
}
ip link set lo up
make_tap

# guest ARGS: `whelk run --net tap=tap0 ARGS`
guest() {
	# shellcheck disable=SC2086
	timeout -k 5 "$LIMIT" env -i $BASE_ENV "$WHELK" run --net tap=tap0 -c 2 -v "$T/whelk:/data" -w /data "$@" </dev/null
}

# serve NAME: starts tap_guest.py and waits until it serves; its pid in $server, what it says in $T/out/NAME.
serve() {
	cp "$SRC/tap_guest.py" "$T/whelk/"
	# shellcheck disable=SC2086
	guest $ips -- "$python" tap_guest.py >"$T/out/$1" 2>&1 &
	server=$!
	for _ in $(seq 200); do
		grep -qs ready "$T/out/$1" && break
		sleep 0.1
	done
}
