# SPDX-License-Identifier: MIT
#
# A client that asks one server much at a time: http_load.py URL CONNECTIONS ROUNDS [METHOD:]PATH...
# Each connection asks for every PATH in every round, in an order of its own; a method with a body sends one that PATH makes.
# Every answer to the same question must be the same; each is printed once: status, length, hash, headers that matter. An
# https URL's certificate is not looked at. Connections are kept as long as the server does so.
import hashlib
import http.client
import random
import ssl
import sys
import threading
import urllib.parse

url, connections, rounds, paths = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
host = urllib.parse.urlsplit(url)
answers, wrong, lock = {}, [], threading.Lock()


def connect():
    if host.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(host.hostname, host.port, timeout=20, context=context)
    return http.client.HTTPConnection(host.hostname, host.port, timeout=20)


def run(number):
    order, c = random.Random(number), connect()
    for _ in range(rounds):
        for what in order.sample(paths, len(paths)):
            method, _, path = what.rpartition(":")
            body = hashlib.sha256(path.encode()).hexdigest().encode() * 1000 if method in ("POST", "PUT") else None
            c.request(method or "GET", path, body, {"Accept-Encoding": "gzip", "X-Number": str(number)})
            r = c.getresponse()
            data = r.read()
            head = [f"{k}: {v}" for k in ("Content-Type", "Content-Encoding", "Location", "X-Answer") if (v := r.headers[k])]
            got = f"{what} {r.status} {len(data)} {hashlib.sha256(data).hexdigest()[:16]} {', '.join(head)}"
            with lock:
                if answers.setdefault(what, got) != got:
                    wrong.append(got)


def guarded(number):
    try:
        run(number)
    except Exception as e:
        with lock:
            wrong.append(f"connection {number}: {e!r}")


threads = [threading.Thread(target=guarded, args=(n,)) for n in range(connections)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("\n".join(answers[w] for w in paths if w in answers))
print("\n".join(wrong[:10]))
sys.exit(bool(wrong))
