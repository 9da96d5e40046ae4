#!/usr/bin/env python3
"""aloft-server beside strangers who want all of it, its time, its memory, its descriptors: whoever else asks is answered meanwhile."""
import contextlib
import os
import pathlib
import resource
import selectors
import socket
import ssl
import sys
import threading
import time

from server_harness import Signer, deploy, ready_device, refused, run, site, upload

sys.path.insert(0, str(pathlib.Path(os.environ.get("ALOFT_SOURCE", pathlib.Path(__file__).resolve().parent.parent)) / "bench"))
from crowd import Usage  # noqa: E402

GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Pipeliners:
    """Connections that send request after request without waiting for an answer, and throw away what comes."""

    def __init__(self, server, count):
        self.connections = [socket.create_connection(("127.0.0.1", server.port), timeout=60, source_address=("127.0.0.3", 0)) for _ in range(count)]
        self.ended, self.received = False, 0
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        block, ready = memoryview(GOOD * 1000), selectors.DefaultSelector()
        left = {}
        for one in self.connections:
            one.setblocking(False)
            ready.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
            left[one] = block
        while not self.ended:
            for key, events in ready.select(0.1):
                one = key.fileobj
                if events & selectors.EVENT_READ:
                    self.received += len(one.recv(1 << 20))
                if events & selectors.EVENT_WRITE:
                    left[one] = left[one][one.send(left[one]):] or block

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for one in self.connections:
            one.close()


def metric(server, name):
    text = server.call("GET", "/metrics").decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def slowest_answer(server, count):
    """Seconds, of so many requests on connections of their own."""
    slowest = 0
    for _ in range(count):
        begin = time.monotonic()
        assert server.call("GET", "/healthz")["status"] == "ok"
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


def case_clients_that_pipeline_leave_time_for_others():
    with site(plain=True) as server, Pipeliners(server, 100) as crowd:
        before = crowd.received
        slowest = slowest_answer(server, 5)  # a server that answers the crowd first does not come to it within the client's 30 s
        print(f"     {slowest * 1000:.0f} ms at most beside 100 clients that pipeline")
        deadline = time.monotonic() + 60
        while crowd.received < before + 100_000:
            assert time.monotonic() < deadline, "the crowd is not answered"
            time.sleep(0.1)


def reports_of(size):
    return f"POST /api/device/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()


def case_bodies_that_never_end_take_bounded_memory_and_hinder_no_small_ones():
    size, count = 2 << 20, 150
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with site() as server, contextlib.ExitStack() as opened:
        def sender(body):
            one = opened.enter_context(context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=60)))
            with contextlib.suppress(OSError):
                one.sendall(reports_of(size) + body)
            return one

        before = Usage(server.process.pid).memory_mib()
        senders = [sender(bytes(size - 1)) for _ in range(count)]
        grown = Usage(server.process.pid).memory_mib() - before
        print(f"     {count} bodies of 2 MiB that lack a byte: {grown:.1f} MiB")
        assert grown < 200, f"{grown:.1f} MiB"
        refused(401, 9061, server.call, "POST", "/api/v1/login", {"user": "admin", "password": "x" * 20})
        refused(401, 9060, server.call, "POST", "/api/device/v1/reports", {"reports": [], "version": "1"})
        upload(server, Signer(server.folder).bundle("2", bytes(3_000_000)))
        late = refused(503, 9513, server.call, "POST", "/api/device/v1/reports", b" " * size)
        assert 10 <= int(late.headers["Retry-After"]) <= 40, late.headers
        for one in senders:
            one.close()
        deadline = time.monotonic() + 10
        while metric(server, "aloft_request_bodies_bytes"):
            assert time.monotonic() < deadline, "what was held is not given back"
            time.sleep(0.1)
        refused(401, 9060, server.call, "POST", "/api/device/v1/reports", b" " * size)
        assert metric(server, "aloft_request_bodies_refused_total") > 0


def at_most_open(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def case_more_connections_than_open_files_are_not_taken():
    with site(plain=True, preexec=at_most_open(200)) as server:
        assert "allows 125 connections at once, not 10000" in server.log_tail(), server.log_tail()
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(180)]
        time.sleep(6)
        assert slowest_answer(server, 20) < 5 and metric(server, "aloft_connections_evicted_total") >= 1
        assert "Too many open files" not in server.log_tail(), server.log_tail()
        for one in idle:
            one.close()


def case_who_finds_no_descriptor_for_an_artifact_comes_again_and_idle_connections_make_room():
    with site(plain=True, preexec=at_most_open(160)) as server, contextlib.ExitStack() as opened:
        release = upload(server, Signer(server.folder).bundle("2", os.urandom(9_000_000)))
        device = ready_device(server, "cam-01")
        deploy(server, release, "cam-01")
        head = f"Host: x\r\nAuthorization: {device.headers['Authorization']}\r\n\r\n"

        def connected(request):
            one = opened.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(30)
            one.connect(("127.0.0.1", server.port))
            one.sendall(request)
            return one.recv(1000)

        for _ in range(15):
            assert connected(GOOD).startswith(b"HTTP/1.1 200")
        time.sleep(6)
        answers = [connected(f"GET /api/device/v1/artifacts/{release['sha256']} HTTP/1.1\r\n{head}".encode()) for _ in range(85)]
        statuses = [answer.split(b" ", 2)[1].decode() for answer in answers]
        print(f"     {statuses.count('200')} are sent an artifact at once, {statuses.count('503')} come again")
        assert set(statuses) == {"200", "503"}, statuses
        late = answers[statuses.index("503")]
        assert b"\r\nRetry-After: " in late and b'"number":9078' in late, late
        assert slowest_answer(server, 3) < 5 and metric(server, "aloft_connections_evicted_total") >= 1


run(globals())
