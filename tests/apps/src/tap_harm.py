# SPDX-License-Identifier: MIT
#
# The host's side of tests/apps/tap-faults.test: does what its first argument says to tap_guest.py at the address that
# follows, and says how that no longer serves.
import hashlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

what, host = sys.argv[1:3]
N = 3 << 20
random.seed(55)


def answers(within, n=100000):  # the server takes and tells what it took
    data = os.urandom(n)
    end = time.monotonic() + within
    while True:
        try:
            with socket.create_connection((host, 7000), timeout=3) as c:
                c.settimeout(10)
                c.sendall(data)
                c.shutdown(socket.SHUT_WR)
                got = b""
                while piece := c.recv(1000):
                    got += piece
            assert got.decode() == f"{n} {hashlib.sha256(data).hexdigest()}", got
            return
        except OSError as e:
            if time.monotonic() > end:
                sys.exit(f"no answer within {within} s: {e}")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    s = (s & 0xFFFF) + (s >> 16)
    return ~(s + (s >> 16)) & 0xFFFF


def ip4(payload, proto, source, length=None, ihl=5, fragment=0):
    h = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, 20 + len(payload) if length is None else length, random.getrandbits(16),
                    fragment, 64, proto, 0, socket.inet_aton(source), socket.inet_aton(host))
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def tcp(source, sport, dport, flags, offset=5, options=b"", data=b"", urgent=0):
    h = struct.pack("!HHIIBBHHH", sport, dport, random.getrandbits(32), 0, offset << 4, flags, 65535, 0, urgent) + options + data
    pseudo = socket.inet_aton(source) + socket.inet_aton(host) + struct.pack("!BBH", 0, 6, len(h))
    return h[:16] + struct.pack("!H", checksum(pseudo + h)) + h[18:]


RATE = 10000  # a second: a place is another's after 12 ms


def flood(port):  # 400 senders that do not exist, and 40,000 first packets
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    stop = threading.Event()
    sent = [0]

    def send():
        begin = time.monotonic()
        while not stop.is_set():
            if sent[0] > (time.monotonic() - begin) * RATE:
                time.sleep(0.001)
                continue
            source = f"198.51.100.{random.randrange(1, 255)}"
            try:
                s.sendto(ip4(tcp(source, random.randrange(1024, 65536), port, 2), 6, source), (host, 0))
                sent[0] += 1
            except OSError:
                time.sleep(0.001)

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(1)  # every place is taken by now
    for _ in range(5):
        answers(10)
    while sent[0] < 40000:
        time.sleep(0.1)
    answers(10)
    stop.set()
    sender.join()
    answers(10)


def garbage():
    with open("/proc/net/arp") as f:
        mac = next(line.split()[3] for line in f if line.startswith(host + " "))
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("tap0", 0))
    ethernet = bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1"
    us = "192.0.2.1"

    def frame(kind, data):
        s.send((ethernet + struct.pack("!H", kind) + data)[:1514])

    whole = ip4(tcp(us, 999, 7000, 2), 6, us)
    for n in range(0, 60):  # shorter than their headers say, ever so
        frame(0x800, whole[:n])
    for length in (0, 19, 20, 21, 39, 41, 1500, 65535):
        frame(0x800, ip4(tcp(us, 999, 7000, 2), 6, us, length=length))
    for ihl in (0, 1, 4, 6, 15):
        frame(0x800, ip4(tcp(us, 999, 7000, 2), 6, us, ihl=ihl))
    for offset in range(16):
        for n in (0, 1, 39, 40):
            frame(0x800, ip4(tcp(us, 999, 7000, 2, offset=offset, options=os.urandom(n)), 6, us))
    for kind in range(256):  # options whose lengths are wrong
        frame(0x800, ip4(tcp(us, 999, 7000, 2, offset=10, options=bytes([kind, 255]) + os.urandom(18)), 6, us))
        frame(0x800, ip4(tcp(us, 999, 7000, 2, offset=6, options=bytes([kind, 0, 2, 4])), 6, us))
    for flags in range(64):
        frame(0x800, ip4(tcp(us, 999, 7000, flags, data=b"x" * 99, urgent=65535), 6, us))
    for length in (0, 7, 8, 9, 1000, 65535):  # UDP
        frame(0x800, ip4(struct.pack("!HHHH", 999, 7002, length, 0) + b"data", 17, us))
    for _ in range(500):  # fragments that overlap, are never whole, and end beyond 64 KiB
        frame(0x800, ip4(os.urandom(random.choice((1, 8, 100, 1480))), 17, us, fragment=random.getrandbits(14)))
    for _ in range(500):  # IPv6: chains of headers
        h = struct.pack("!IHBB", 0x60000000, random.choice((0, 8, 40, 65535)), random.choice((0, 6, 17, 43, 44, 58, 60)), 64)
        frame(0x86DD, h + socket.inet_pton(socket.AF_INET6, "fd55::1") + socket.inet_pton(socket.AF_INET6, "fd55::2") + os.urandom(random.randrange(200)))
    for _ in range(3000):  # anything
        frame(random.choice((0x800, 0x86DD, 0x806, 0x8100)), os.urandom(random.randrange(1, 200)))
    for _ in range(3000):  # a good one, with bytes changed
        bad = bytearray(random.choice((whole, ip4(struct.pack("!BBHI", 8, 0, 0, 0) + b"ping" * 9, 1, us))))
        for _ in range(3):
            bad[random.randrange(len(bad))] = random.getrandbits(8)
        frame(0x800, bytes(bad))
    answers(10)


def reset():
    for n in range(100):
        with socket.create_connection((host, 7000 + n % 2), timeout=20) as c:
            if n % 2:
                c.recv(1000)
            else:
                c.sendall(b"x" * 100000)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    answers(10)


def stall():  # peers that do not read what they asked for, until they do
    peers = [socket.create_connection((host, 7001), timeout=30) for _ in range(20)]
    time.sleep(3)
    answers(10)
    block = hashlib.sha256(b"give").digest() * 128
    right = (block * (N // len(block) + 1))[:N]
    for c in peers:
        got = bytearray()
        while piece := c.recv(1 << 16):
            got += piece
        assert got == right, f"a peer that stalled got {len(got)} bytes"
    answers(10)


def down():  # with a transfer under way
    c = socket.create_connection((host, 7001), timeout=60)
    got = bytearray(c.recv(1000))
    subprocess.run(["ip", "link", "set", "tap0", "down"], check=True)
    time.sleep(2)
    subprocess.run(["ip", "link", "set", "tap0", "up"], check=True)
    while piece := c.recv(1 << 16):
        got += piece
    assert len(got) == N, len(got)
    answers(20)


if what == "flood":
    flood(int(sys.argv[3]))
else:
    globals()[what]()
