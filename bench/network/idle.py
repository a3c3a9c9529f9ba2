#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# idle.py PID HOST PORT COUNT: holds COUNT idle connections to the redis at HOST:PORT, in the process PID or below it, and asks
# once by the last and the first of them. Prints bytes of memory (PSS) that the processes have more, for each connection.
import glob
import resource
import socket
import sys
import time


def family(pid):
    found = [pid]
    for task in glob.glob("/proc/%d/task/*/children" % pid):
        for child in open(task).read().split():
            found += family(int(child))
    return found


def memory(pid):
    total = 0
    for p in family(pid):
        for line in open("/proc/%d/smaps_rollup" % p):
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def ask(connection):
    connection.settimeout(10)
    connection.sendall(b"PING\r\n")
    if connection.recv(100) != b"+PONG\r\n":
        sys.exit("idle.py: a connection does not answer")


pid, host, port, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
connections = [socket.create_connection((host, port), 10)]
ask(connections[0])
time.sleep(1)
before = memory(pid)
while len(connections) <= count:
    connections.append(socket.create_connection((host, port), 10))
ask(connections[-1])
ask(connections[0])
time.sleep(1)
print((memory(pid) - before) // count)
