# SPDX-License-Identifier: MIT
#
# The host's side of tests/apps/tap.test: talks to tap_guest.py at the addresses given, and says what is wrong.
import hashlib
import socket
import sys
import threading

sys.argv, addresses = sys.argv[:1], sys.argv[1:]
N = 3 << 20
bad = []


def check(ok, what):
    if not ok:
        bad.append(what)
        print("FAIL:", what)


def pattern(n, seed):
    block = hashlib.sha256(seed.encode()).digest() * 128
    return (block * (n // len(block) + 1))[:n]


def connect(a, port):
    return socket.create_connection((a, port), timeout=20)


def read_all(c):
    got = bytearray()
    while data := c.recv(1 << 16):
        got += data
    return bytes(got)


def send(a, n):
    c = connect(a, 7000)
    data = pattern(n, f"{a} {n}")
    c.sendall(data)
    c.shutdown(socket.SHUT_WR)
    check(read_all(c).decode() == f"{n} {hashlib.sha256(data).hexdigest()}", f"{n} bytes to {a}")


def packets(fn):  # what went over the interface meanwhile: the machine's, the host's
    def now():
        with open("/proc/net/dev") as f:
            counts = next(line for line in f if "tap0:" in line).split(":")[1].split()
        return int(counts[1]), int(counts[9])

    before = now()
    fn()
    return tuple(b - a for a, b in zip(before, now()))


for a in addresses:
    cut = N // 1440  # so many frames, did the card not cut them and the host not leave them whole
    count = packets(lambda: send(a, N))[1]
    check(count < cut // 2, f"{N} bytes to {a} in {count} frames")
    count = packets(lambda: read_all(connect(a, 7001)))[0]
    check(count < cut // 2, f"{N} bytes from {a} in {count} frames")
    for n in (0, 1, 1459, 1461, N):
        send(a, n)
    check(read_all(connect(a, 7001)) == pattern(N, "give"), f"{N} bytes from {a}")
    threads = [threading.Thread(target=send, args=(a, 100000 + k)) for k in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    u = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(5)
    for n in (0, 1, 1472, 1473, 9000, 60000):  # the longer ones in fragments
        data = pattern(n, "datagram")
        u.sendto(data, (a, 7002))
        check(u.recv(65536) == data[::-1], f"a datagram of {n} bytes, to {a} and back")
    try:
        connect(a, 7999)
        check(False, f"{a} has no port 7999")
    except ConnectionRefusedError:
        pass
c = connect(addresses[0], 7000)  # a reset of ours does no harm
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
c.sendall(b"x" * 5000)
c.close()
send(addresses[0], 1000)
check(read_all(connect(addresses[0], 7003)) == pattern(200000, "last"), "what was sent just before the program's end")
sys.exit(1 if bad else 0)
