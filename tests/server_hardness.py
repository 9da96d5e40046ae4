#!/usr/bin/env python3
"""aloft-server under bad input and bad luck: malformed requests, slow clients, a full disk, kill -9."""
import contextlib
import http.client
import os
import pathlib
import random
import resource
import socket
import subprocess
import threading
import time

import scratch
from server_harness import Refused, Server, Signer, ready_device, run

GOOD = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def raw(server, text, timeout=60):
    """Sends bytes, returns all that comes until the server closes, or one whole answer that keeps the connection."""
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(data)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def post(path, body, length=None, extra=""):
    body = body if isinstance(body, bytes) else body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode("latin-1") + body


def malformed(server, admin, device, sha256):
    operator, bearer = f"Authorization: {admin['Authorization']}\r\n", f"Authorization: {device.headers['Authorization']}\r\n"
    enrol, login, reports = "/api/device/v1/enrol", "/api/v1/login", "/api/device/v1/reports"

    def get(target, extra=""):
        return f"GET {target} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"

    yield "binary noise", os.urandom(4000), (400, 431, None)
    yield "a TLS hello on a plain port", b"\x16\x03\x01\x02\x00" + os.urandom(500), (400, None)
    yield "no version", "GET /\r\n\r\n", (400,)
    yield "HTTP/3.7", "GET / HTTP/3.7\r\n\r\n", (400,)
    yield "a method of its own", "BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", (405,)
    yield "the wrong method", "DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", (405,)
    yield "an unknown path", get("/api/v2/devices"), (404,)
    yield "an absolute target", get("http://x/healthz"), (400,)
    yield "an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", (400, 405)
    for target in ("/../etc/passwd", "/assets/../../etc/passwd", "/assets/%2e%2e", "/assets/..%2f..%2fetc%2fpasswd", "//healthz", "/assets/%00",
                   "/assets/a%5cb", "/assets/%zz", "/assets/%4", "/healthz/", "/a?x=1&x=2", "/a?" + "&".join(f"k{i}=1" for i in range(99)),
                   "/" + "a/" * 40 + "a", "/" + "a" * 5000, "/assets/\x7f", "/assets/\xff\xfe"):
        yield "target " + target[:40], get(target), (400, 404)
    yield "huge header", get("/healthz", "X: " + "a" * 20000 + "\r\n"), (431,)
    yield "many headers", get("/healthz", "".join(f"X{i}: 1\r\n" for i in range(5000))), (431,)
    yield "a header without colon", get("/healthz", "nonsense\r\n"), (400,)
    yield "a header with a control character", get("/healthz", "X: a\x01b\r\n"), (400, 200)
    yield "a body where none belongs", post("/healthz", "x"), (405, 413)
    yield "two lengths", "POST " + login + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", (400,)
    smuggled = "GET /api/v1/devices HTTP/1.1\r\nHost: x\r\n\r\n"
    for coding in ("identity", "xchunked", "chunked, identity", "gzip, chunked", "chunked\r\nTransfer-Encoding: chunked", "identity\r\nTransfer-Encoding: chunked",
                   "chunked, chunked", ""):
        yield f"the coding {coding!r}", f"POST {login} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n{smuggled}", (400,)
    for coding in ("chunked", "identity"):
        yield f"{coding} in HTTP/1.0", f"POST {login} HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", (400,)
    yield "no host", "GET /healthz HTTP/1.1\r\n\r\n", (400,)
    yield "no host in HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", (200,)
    yield "two hosts", get("/healthz", "Host: y\r\n"), (400,)
    yield "a negative length", post(login, "{}", length=-1), (400,)
    yield "an enormous length", post(login, "{}", length=2**63), (400, 413)
    yield "an impossible length", post(login, "{}", length=10**30), (400, 413)
    yield "a body over the limit", post(login, b" " * (65 << 10)), (413,)
    yield "a log over the limit", post(reports, b" " * (3 << 20), extra=bearer), (413,)
    yield "length and chunks", f"POST {login} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", (400,)
    yield "a bad chunk", f"POST {login} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)
    yield "a chunk over the limit", f"POST {login} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\nx", (413,)
    yield "a chunk of 2^64", f"POST {login} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx", (400, 413)
    yield "an upload in chunks", f"POST /api/v1/releases HTTP/1.1\r\nHost: x\r\n{operator}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", (411,)
    yield "an upload of 2^62 bytes", post("/api/v1/releases", "x", length=2**62, extra=operator), (413,)
    for name, body in (("no JSON", "x"), ("nothing", ""), ("an array", "[]"), ("null", "null"), ("half", '{"user":'), ("deep", "[" * 10000 + "]" * 10000),
                       ("deep objects", '{"a":' * 5000 + "1" + "}" * 5000), ("twice", '{"user":"a","user":"b"}'), ("bad UTF-8", b'{"user":"\xff\xfe"}'),
                       ("a byte order mark", b"\xef\xbb\xbf{}"), ("trailing", "{} {}"), ("a surrogate", '{"user":"\\ud800","password":"x"}'),
                       ("an infinite number", '{"user":1e999}'), ("wrong types", '{"user":1,"password":{}}'), ("zero byte", '{"user":"\\u0000","password":"x"}')):
        for path in (login, "/api/v1/setup", enrol, "/api/device/v1/challenge", "/api/device/v1/token"):
            yield f"{name} to {path}", post(path, body), (400, 401, 409, 429)
    for body in ('{"reports":1,"version":"1"}', '{"reports":[1],"version":"1"}', '{"reports":[],"version":1}', '{"reports":[{}],"version":"1"}',
                 '{"reports":[{"deployment":-1,"sequence":1,"time_ms":1,"state":"failed"}],"version":"1"}',
                 '{"reports":[{"deployment":1.5,"sequence":1,"time_ms":1,"state":"failed"}],"version":"1"}',
                 '{"reports":[{"deployment":1,"sequence":0,"time_ms":1,"state":"failed"}],"version":"1"}',
                 '{"reports":[{"deployment":1,"sequence":18446744073709551615,"time_ms":1,"state":"failed"}],"version":"1"}',
                 '{"reports":[{"deployment":1,"sequence":1,"time_ms":1,"state":"exploded"}],"version":"1"}',
                 '{"reports":[' + ",".join(['{"deployment":1,"sequence":1,"time_ms":1,"state":"failed"}'] * 257) + '],"version":"1"}'):
        yield "reports " + body[:60], post(reports, body, extra=bearer), (400,)
    for body in ('{"release":"1","devices":["a"]}', '{"release":1,"devices":[]}', '{"release":1,"devices":[1]}', '{"release":1,"devices":["../x"]}',
                 '{"release":1,"devices":["cam-01","cam-01"]}', '{"release":99999999999,"devices":["a"]}'):
        yield "deploy " + body, post("/api/v1/deployments", body, extra=operator), (400,)
    for target in ("/api/v1/deployments/0", "/api/v1/deployments/-1", "/api/v1/deployments/2147483648", "/api/v1/deployments/1e3", "/api/v1/devices/.x",
                   "/api/v1/devices/a%20b", "/api/v1/devices?limit=0", "/api/v1/devices?limit=9999999", "/api/v1/devices?status=x",
                   "/api/v1/deployments?before=-1", "/api/v1/deployments?active=maybe", "/api/v1/releases?limit=x"):
        yield target, get(target, operator), (400,)
    for target in ("/api/v1/deployments/77", "/api/v1/releases/77", "/api/v1/devices/nobody", "/api/v1/deployments/77/log", "/api/v1/deployments/77/events"):
        yield target, get(target, operator), (404,)
    yield "a bad event id", get("/api/v1/deployments/1/events", operator + "Last-Event-ID: x\r\n"), (400, 404)
    yield "a wait too long", get("/api/device/v1/assignment?wait=301", bearer), (400,)
    for name in ("0" * 63, "0" * 65, sha256.upper(), "..", "%2e%2e%2ffleet.db", "fleet.db", "g" * 64):
        yield "artifact " + name[:20], get("/api/device/v1/artifacts/" + name, bearer), (400, 403)
    for text in ("bytes=99999999999-", "bytes=-0", f"bytes={2**64 - 1}-"):
        yield "range " + text, get("/api/device/v1/artifacts/" + sha256, bearer + f"Range: {text}\r\n"), (416,)
    for text in ("bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1-2,3-4", "x", f"bytes=-{2**70}", "bytes=0x0-"):
        yield "range " + text, get("/api/device/v1/artifacts/" + sha256, bearer + f"Range: {text}\r\n"), (200,)
    yield "a bearer token of 10 kB", get("/api/v1/devices", "Authorization: Bearer " + "~" * 10000 + "\r\n"), (401,)


def case_malformed_requests_get_clear_answers_and_harm_nothing():
    server = Server(plain=True)
    try:
        server.start().set_up()
        release = server.operator("POST", "/api/v1/releases", Signer(server.folder).bundle("2", b"x" * 5000))
        device = ready_device(server, "cam-01")
        server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["cam-01"]})
        count = 0
        for name, request, expected in malformed(server, server.admin, device, release["sha256"]):
            answer = raw(server, request)
            status = status_of(answer)
            assert status in expected, f"{name}: {answer[:300]!r}"
            assert answer.count(b"HTTP/1.1 ") <= 1, f"{name}: what came behind it was taken for a request: {answer!r}"
            if status is not None and status >= 400:
                assert b'{"error":{"message":"' in answer and b'"number":' in answer, f"{name}: {answer[:300]!r}"
            if status == 416:
                assert b"\r\nContent-Range: bytes */%d\r\n" % release["size_bytes"] in answer, f"{name}: {answer[:300]!r}"
            count += 1
        assert count > 100 and status_of(raw(server, GOOD)) == 200
        assert server.process.poll() is None and server.stop() == 0
    finally:
        server.destroy()


def case_every_cut_of_a_request_is_survived():
    server = Server(plain=True)
    try:
        server.start().set_up()
        whole = post("/api/v1/login", '{"user":"admin","password":"x"}', extra="Expect: 100-continue\r\n")
        for end in range(len(whole)):
            assert status_of(raw(server, whole[:end])) in (None, 100, 400), end
        assert status_of(raw(server, GOOD + GOOD)) == 200 and raw(server, GOOD + GOOD).count(b"HTTP/1.1 200") == 2, "pipelined requests"
    finally:
        server.destroy()


def closed_after(connection, step):
    """Seconds until the server has closed; `step` is done about every half second."""
    begin = time.monotonic()
    connection.settimeout(0.5)
    while time.monotonic() - begin < 120:
        try:
            step(connection)
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begin


def case_slow_clients_are_dropped_and_others_served():
    server, secure = Server(plain=True), Server()
    try:
        server.start().set_up()
        secure.start().set_up()
        release = server.operator("POST", "/api/v1/releases", Signer(server.folder).bundle("2", os.urandom(30_000_000)))
        device = ready_device(server, "cam-01")
        server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["cam-01"]})
        times = {}

        def client(name, port, first, step, receive_buffer=None):
            with socket.socket() as connection:
                if receive_buffer:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
                connection.connect(("127.0.0.1", port))
                connection.sendall(first)
                times[name] = closed_after(connection, step)

        def nothing(_):
            pass

        def trickle(connection):
            connection.sendall(b"a")

        artifact = f"GET /api/device/v1/artifacts/{release['sha256']} HTTP/1.1\r\nHost: x\r\nAuthorization: {device.headers['Authorization']}\r\n\r\n".encode()
        threads = [threading.Thread(target=client, args=arguments) for arguments in (
            ("no handshake", secure.port, b"", nothing),
            ("half a handshake", secure.port, b"\x16\x03\x01\x02\x00\x01", nothing),
            ("a slow header", server.port, b"GET / HTTP/1.1\r\nX: ", trickle),
            ("a slow body", server.port, b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", trickle))]
        for thread in threads:
            thread.start()
        sleeper = socket.socket()
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.connect(("127.0.0.1", server.port))
        sleeper.sendall(artifact)
        answered = 0
        while any(thread.is_alive() for thread in threads):
            assert server.call("GET", "/healthz")["status"] == "ok"
            answered += 1
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        limits = {"no handshake": 10, "half a handshake": 10, "a slow header": 10, "a slow body": 30}
        for name, limit in limits.items():
            assert limit - 1 <= times[name] <= limit + 15, f"{name}: dropped after {times[name]:.1f} s"
        deadline = time.monotonic() + 60
        while b"aloft_connections_open 1\n" not in server.call("GET", "/metrics"):
            assert time.monotonic() < deadline, "a client that does not read is never dropped"
            time.sleep(0.2)
        sleeper.close()
        assert answered > 20
    finally:
        server.destroy()
        secure.destroy()


def fill_up(server, device, deployment, refusals):
    """Reports until the disk is full; the sequence numbers that were acknowledged. refusals: (status, number) that may end it."""
    acknowledged = []
    for sequence in range(1, 100_000):
        try:
            device.send([{"deployment": deployment, "sequence": sequence, "time_ms": 1, "state": "downloading", "message": "m" * 4000}])
        except Refused as error:
            assert (error.status, error.number) in refusals, error
            return acknowledged
        acknowledged.append(sequence)
    raise AssertionError("the disk never filled up")


def check_full_disk(server, make_room, refusals=((507, 9001),)):
    bundle = Signer(scratch.folder("signer", server.folder)).bundle("2", b"x" * 5000)
    release = server.operator("POST", "/api/v1/releases", bundle)
    device = ready_device(server, "cam-01")
    [deployment] = server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["cam-01"]})["deployments"]
    try:
        server.operator("POST", "/api/v1/releases", Signer(server.folder).bundle("3", os.urandom(9_000_000)))
        raise AssertionError("a bundle larger than the disk was taken")
    except Refused as error:
        assert error.status == 507 and error.number == 9001, error
    assert not list((server.folder / "data/incoming").iterdir()), "the upload left something behind"
    acknowledged = fill_up(server, device, deployment["id"], refusals)
    shown = server.operator("GET", f"/api/v1/deployments/{deployment['id']}")
    assert [t["sequence"] for t in shown["transitions"]] == [0] + acknowledged
    server.kill()
    make_room()
    server.start(server.port)
    shown = server.operator("GET", f"/api/v1/deployments/{deployment['id']}")
    assert [t["sequence"] for t in shown["transitions"]][:len(acknowledged) + 1] == [0] + acknowledged
    device.sequence = len(acknowledged) + 10
    device.report(deployment["id"], "committed")
    assert len(server.operator("GET", "/api/v1/releases")["releases"]) == 1


def case_a_file_size_limit_is_a_full_disk():
    server = Server()
    limit = [3 << 20]
    server.preexec = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit[0], resource.RLIM_INFINITY))
    try:
        server.start().set_up()

        def make_room():
            limit[0] = 1 << 30

        # SQLite takes a file over its limit for a failing disk.
        check_full_disk(server, make_room, refusals=((507, 9001), (500, 9000)))
    finally:
        server.destroy()


def case_a_full_file_system_loses_nothing():
    if os.geteuid() != 0:
        print("     (needs root for a small file system; the file size limit is tried alone)")
        return
    server = Server()
    data = server.folder / "data"
    data.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "aloft-test", data], check=True)
    try:
        server.start().set_up()
        check_full_disk(server, lambda: subprocess.run(["mount", "-o", "remount,size=60m", data], check=True))
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", "-l", data], check=True)
        server.destroy()


def hammer(server, device, deployment, acknowledged, ended):
    """Sends reports one after another; notes those that were answered."""
    connection = None
    while not ended.is_set():
        try:
            connection = connection or server.connect(timeout=10)
            device.report(deployment, "downloading", connection=connection)
            acknowledged.append(device.sequence)
        except (OSError, http.client.HTTPException):
            return


def case_kill_minus_nine_loses_nothing_that_was_acknowledged():
    seed = int(os.environ.get("ALOFT_SEED", time.time_ns() % 1_000_000))
    print(f"     seed {seed}")
    chance = random.Random(seed)
    server = Server()
    try:
        server.start().set_up()
        signer = Signer(server.folder)
        release = server.operator("POST", "/api/v1/releases", signer.bundle("1", b"x" * 5000))
        devices = [ready_device(server, f"cam-{n}") for n in range(8)]
        made = server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": [d.name for d in devices]})["deployments"]
        acknowledged = [[] for _ in devices]
        uploads = [release["sha256"]]
        for cycle in range(6):
            ended = threading.Event()
            threads = [threading.Thread(target=hammer, args=(server, d, m["id"], a, ended)) for d, m, a in zip(devices, made, acknowledged)]

            def upload(cycle=cycle):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    content = chance.randbytes(3_000_000)
                    uploads.append(server.operator("POST", "/api/v1/releases", signer.bundle(f"1.{cycle}", content))["sha256"])

            threads.append(threading.Thread(target=upload))
            for thread in threads:
                thread.start()
            before = sum(map(len, acknowledged))
            pause = chance.uniform(0.05, 1.0)
            while sum(map(len, acknowledged)) == before:
                time.sleep(0.01)
            time.sleep(pause)
            server.kill()
            ended.set()
            for thread in threads:
                thread.join()
            server.start(server.port)
            for deployment, sent in zip(made, acknowledged):
                kept = {t["sequence"] for t in server.operator("GET", f"/api/v1/deployments/{deployment['id']}")["transitions"]}
                assert set(sent) <= kept, f"lost after kill {cycle}: {sorted(set(sent) - kept)}"
            releases = {r["sha256"] for r in server.operator("GET", "/api/v1/releases")["releases"]}
            assert set(uploads) <= releases
            # What the killed one left is swept away before the first answer; a delta in the making may have a file there for a while.
            for left in list((server.folder / "data/incoming").iterdir()):
                patience = time.monotonic() + 20
                while left.exists() and time.monotonic() < patience:
                    time.sleep(0.05)
                assert not left.exists(), f"after kill {cycle}: {left.name}"
        assert sum(map(len, acknowledged)) > 50
        print(f"     {sum(map(len, acknowledged))} reports, {len(uploads)} uploads acknowledged")
    finally:
        server.destroy()


run(globals())
