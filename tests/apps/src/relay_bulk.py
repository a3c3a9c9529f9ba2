# SPDX-License-Identifier: MIT
#
# tests/apps/relay-bulk.test. guest: serves. host PORT: takes 256 MiB, which a sender that nobody wakes does not give in time.
import socket
import sys
import time

N = 256 << 20
if sys.argv[1] == "guest":
    s = socket.create_server(("0.0.0.0", 7001))
    print("ready", flush=True)
    c, _ = s.accept()
    block = bytes(1 << 20)
    for _ in range(N >> 20):
        c.sendall(block)
    sys.exit(0)
end, got = time.monotonic() + 20, 0
while True:  # the monitor hears of a listener a moment after the program
    try:
        c = socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=20)
        break
    except ConnectionRefusedError:
        if time.monotonic() > end:
            raise
        time.sleep(0.05)
while time.monotonic() < end and (data := c.recv(1 << 20)):
    got += len(data)
print(got)
sys.exit(got != N)
