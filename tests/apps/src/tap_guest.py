# SPDX-License-Identifier: MIT
#
# What runs in the machine of tests/apps/tap.test. With an address as argument: what this machine's own is towards it.
import hashlib
import os
import socket
import sys
import threading

N = 3 << 20


def pattern(n, seed):
    block = hashlib.sha256(seed.encode()).digest() * 128
    return (block * (n // len(block) + 1))[:n]


def own(towards):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((towards, 9))
    print(s.getsockname()[0])


def take(c):  # everything to its end, then what it was
    h, n = hashlib.sha256(), 0
    while data := c.recv(1 << 16):
        h.update(data)
        n += len(data)
    c.sendall(f"{n} {h.hexdigest()}".encode())
    c.close()


def give(c):
    c.sendall(pattern(N, "give"))
    c.close()


def listen(port, fn, last=False):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)

    def loop():
        while True:
            c, _ = s.accept()
            if last:  # the machine ends at once, with everything still to be sent
                c.sendall(pattern(200000, "last"))
                os._exit(7)
            threading.Thread(target=fn, args=(c,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


if len(sys.argv) > 1:
    own(sys.argv[1])
    sys.exit(0)
listen(7000, take)
listen(7001, give)
listen(7003, None, last=True)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
u.bind(("::", 7002))
print("ready", flush=True)
while True:
    data, who = u.recvfrom(65536)
    u.sendto(data[::-1], who)
