#!/usr/bin/env python3
"""aloft-server beside strangers who want all of it, its time, its memory, its descriptors: whoever else asks is answered meanwhile."""
import selectors
import socket
import threading
import time

from server_harness import run, site

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
        time.sleep(0.5)
        slowest = slowest_answer(server, 20)
        assert crowd.received > 1_000_000, "the crowd is not answered"
        print(f"     {slowest * 1000:.0f} ms at most beside 100 clients that pipeline")
        assert slowest < 1, f"an answer took {slowest:.1f} s"


run(globals())
