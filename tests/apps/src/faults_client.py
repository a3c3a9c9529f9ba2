# SPDX-License-Identifier: MIT
#
# faults_client.py WHAT PORT: a peer that misbehaves, or many; says what the others saw of it, which is the same for every server
# that is sound. faults.test
import hashlib
import os
import random
import resource
import socket
import struct
import sys
import time

what, port = sys.argv[1], int(sys.argv[2])
RESET = struct.pack("ii", 1, 0)


def connect(receive_buffer=0):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(20)
    s.connect(("127.0.0.1", port))
    return s


def rest(s, pause=0.0):
    """Everything to the end: how much, and what."""
    total, digest = 0, hashlib.sha256()
    while True:
        piece = s.recv(65536)
        if not piece:
            return total, digest.hexdigest()[:16]
        total += len(piece)
        digest.update(piece)
        time.sleep(pause)


def get(name, s=None):
    s = s or connect()
    s.sendall(b"GET /%s HTTP/1.0\r\n\r\n" % name.encode())
    return s


def body(s, pause=0.0):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    return rest(s, pause)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


# Peers that ask for much and do not read; others are served. Then some read all, slowly, and some reset.
def stall(count=120):
    peers = [get("large", connect(4096)) for _ in range(count)]
    time.sleep(1)
    print("another", body(get("small")), body(get("large")))
    for s in peers[3:]:
        reset(s)
    print("late", [body(s, 0.001) for s in peers[:3]])
    print("after", body(get("small")))


# Peers that stop in the middle of a request, that only connect, that send an end at once; and resets at any moment.
def half(count=200):
    peers = [connect() for _ in range(count)]
    for n, s in enumerate(peers):
        if n % 4 == 1:
            s.sendall(b"GET /small HT")
        elif n % 4 == 2:
            s.shutdown(socket.SHUT_WR)
        elif n % 4 == 3:
            get("large", s)
    print("another", body(get("small")))
    for s in peers[: count // 2]:
        reset(s)
    for s in peers[count // 2 :]:
        s.close()
    print("after", body(get("small")))


# Lengths and bytes that no protocol has.
def garbage(probe, answer):
    seed = random.Random(7)
    heads = [
        b"*1000000000\r\n$3\r\nSET\r\n", b"*-1\r\n$-5\r\n", b"*3\r\n$99999999999999999999\r\n", b"*2\r\n$4\r\nPING\r\n$2147483647\r\n",
        b"set k 0 0 -1\r\n", b"set k 0 0 4294967295\r\nxx\r\n", b"set k 0 0 18446744073709551616\r\n", b"\x80\x01" + b"\xff" * 22,
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", b"\x16\x03\x01\xff\xff\x01",
    ]
    for n in range(200):
        s = connect()
        s.settimeout(0.02)
        try:
            s.sendall(heads[n % len(heads)] + seed.randbytes(seed.choice((0, 1, 100, 5000, 70000))))
            s.recv(1000)
        except OSError:
            pass
        if n % 3:
            reset(s)
        else:
            s.close()
    s = connect()
    s.sendall(probe.replace("~", "\r\n").encode())
    got = s.recv(1000).decode(errors="replace")
    print("after", got.startswith(answer) or got)


# More connections than there are descriptors: who has one is served, and when they go the others are.
def many(count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = [connect() for _ in range(count)]
    time.sleep(1)
    first = peers[0]
    print("first", body(get("small", first))[0] > 0)  # a server without descriptors says that it cannot open the file
    for s in peers[: count - 10]:
        s.close()
    print("last", [body(get("small", s)) for s in peers[-10:]])
    print("after", body(get("small")))


if what == "stall":
    stall()
elif what == "half":
    half()
elif what == "garbage":
    garbage(sys.argv[3], sys.argv[4])
elif what == "many":
    many(int(sys.argv[3]))
os._exit(0)
