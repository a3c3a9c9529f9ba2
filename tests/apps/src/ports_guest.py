# SPDX-License-Identifier: MIT
#
# What runs in the machine of tests/apps/ports.test: two listeners at port 7000, one for IPv4 and one for IPv6 alone, each
# of which says who it is. What a client says closes one of them; "end" closes what is left.
import selectors
import socket

PORT = 7000
four = socket.create_server(("0.0.0.0", PORT))
six = socket.socket(socket.AF_INET6)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
six.bind(("::", PORT))
six.listen()
open_ones = {"four": four, "six": six}
wait = selectors.DefaultSelector()
for name, s in open_ones.items():
    wait.register(s, selectors.EVENT_READ, name)
print("ready", flush=True)
while open_ones:
    for key, _ in wait.select():
        c, _ = key.fileobj.accept()
        c.sendall(f"{key.data} {c.family.name} {c.getpeername()[0]}\n".encode())
        said = c.recv(100).decode().strip()
        for name in list(open_ones):
            if said in (name, "end"):
                s = open_ones.pop(name)
                wait.unregister(s)
                s.close()
        c.sendall(b"done\n")
        c.close()
