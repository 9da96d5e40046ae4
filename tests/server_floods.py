#!/usr/bin/env python3
"""aloft-server under floods: more connections than it takes, clients that say nothing or dribble, a fleet that comes back all at once. It
tells whoever it cannot serve when to come again, its memory stays bounded, and it recovers without help.

server_floods.py [--devices N]     for the stampede; default 10,000
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import socket
import ssl
import sys
import time

from server_harness import Refused, run, site

sys.path.insert(0, str(pathlib.Path(os.environ.get("ALOFT_SOURCE", pathlib.Path(__file__).resolve().parent.parent)) / "bench"))
from crowd import Crowd, Usage, fill  # noqa: E402

LIMIT = 40
TURNED_AWAY = 256
GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
DEVICES = 10_000
AGAIN = 800  # devices that come back again and again
KIB_EACH = 56  # of the server's memory while all shake hands at once


def connected(server):
    # From an address of its own, see aloft-load.
    return socket.create_connection(("127.0.0.1", server.port), timeout=60, source_address=("127.0.0.3", 0))


def all_of(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except (ConnectionResetError, ssl.SSLError):
        pass
    return answer


def metric(server, name):
    text = server.call("GET", "/metrics").decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def until_well(server, within_s):
    begin = time.monotonic()
    while True:
        try:
            assert server.call("GET", "/healthz")["status"] == "ok"
            return time.monotonic() - begin
        except (Refused, OSError, ConnectionError):
            assert time.monotonic() < begin + within_s, "the server does not recover by itself"
            time.sleep(0.3)


def told_to_come_again(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 "), answer[:300]
    assert json.loads(body)["error"]["number"] == 9512, answer
    wait = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"retry-after:")).split(b":")[1])
    assert 10 <= wait <= 40 and b"Connection: close" in head, answer
    return wait


def case_who_comes_over_the_limit_hears_when_to_come_again():
    with site(plain=True, arguments=["--max-connections", str(LIMIT)]) as server:
        dribblers = [connected(server) for _ in range(LIMIT)]
        for one in dribblers:
            one.sendall(b"GET / HTTP/1.1\r\nX: ")
        time.sleep(0.5)
        waits = set()
        for _ in range(20):
            with connected(server) as connection:
                connection.sendall(GOOD)
                waits.add(told_to_come_again(all_of(connection)))
        assert len(waits) > 5, f"all are told to come again at the same time: {waits}"
        for _ in range(3):
            for one in dribblers:
                try:
                    one.sendall(b"a")
                except OSError:
                    pass
            time.sleep(1)
        took = until_well(server, 60)
        print(f"     well again {took:.1f} s after the last byte of {LIMIT} dribbled headers")
        assert metric(server, "aloft_connections_expired_total") >= LIMIT and metric(server, "aloft_connections_refused_total") >= 20
        for one in dribblers:
            one.close()


def case_handshakes_that_are_never_finished_keep_nobody_out_for_long():
    with site(arguments=["--max-connections", str(LIMIT)]) as server:
        silent = [connected(server) for _ in range(LIMIT)]
        for one in silent[::2]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01")
        time.sleep(0.5)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with connected(server) as plain, context.wrap_socket(plain) as connection:
            connection.sendall(GOOD)
            told_to_come_again(all_of(connection))
        print(f"     well again after {until_well(server, 60):.1f} s")
        for one in silent:
            one.close()


def case_connections_that_say_nothing_make_room():
    with site(plain=True, arguments=["--max-connections", str(LIMIT)]) as server:
        silent = [connected(server) for _ in range(LIMIT)]
        for one in silent[::2]:
            one.sendall(GOOD)
            assert one.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(6)
        for _ in range(LIMIT // 2):
            assert server.call("GET", "/healthz")["status"] == "ok"
        assert metric(server, "aloft_connections_evicted_total") >= 1
        kept = [connected(server) for _ in range(LIMIT)]
        for one in kept:  # a whole new set of clients gets in
            one.sendall(GOOD)
            assert one.recv(65536).startswith(b"HTTP/1.1 200")
        for one in silent + kept:
            one.close()


def case_a_flood_far_over_the_limit_costs_bounded_memory():
    count = 3000
    with site(plain=True, arguments=["--max-connections", str(LIMIT)]) as server:
        usage = Usage(server.process.pid)
        before = usage.memory_mib()
        flood = []
        for number in range(count):
            one = connected(server)
            try:
                one.sendall(b"GET / HTTP/1.1\r\nX: " if number < LIMIT else GOOD)
            except OSError:
                pass  # closed at once
            flood.append(one)
        grown = usage.memory_mib() - before
        answers = [all_of(one) for one in flood[LIMIT:]]
        told = [answer for answer in answers if answer]
        for answer in told:
            told_to_come_again(answer)
        assert len(told) >= TURNED_AWAY, f"only {len(told)} of {count} were told when to come again"
        print(f"     {count} connections: {len(told)} were told to come again, the rest was closed; {grown:.1f} MiB more")
        assert grown < 24, f"{grown:.1f} MiB more"
        for one in flood:
            one.close()
        until_well(server, 60)


@contextlib.contextmanager
def fleet(count, limit):
    with site(arguments=["--max-connections", str(limit)]) as server:
        assert server.stop() == 0
        fill(server.folder, count)
        server.start(server.port)
        with Crowd(server, range(1, count + 1)) as crowd:
            yield server, crowd, Usage(server.process.pid)


def case_a_fleet_larger_than_the_limit_that_comes_back_all_at_once_is_served():
    """A fifth more than the server takes: who comes over the limit gets the place of who has been idle for longest, or is told to come
    again, and everybody has been served in the end."""
    limit = DEVICES * 5 // 6
    with fleet(DEVICES, limit) as (server, crowd, usage):
        before = usage.memory_mib()
        tally = crowd.do("connect", DEVICES, 400)
        answers = tally["statuses"]
        assert answers.get("200", 0) + answers.get("304", 0) >= DEVICES and set(answers) <= {"200", "304", "503"}, tally
        evicted = metric(server, "aloft_connections_evicted_total")
        assert evicted >= DEVICES - limit, f"{evicted} made room for others: {tally}"
        peak = usage.memory_mib("VmHWM")
        print(f"     {DEVICES} devices, {limit} at a time, are back after {tally['seconds']:.1f} s: {answers}, {tally['lost']} connections lost; "
              f"{peak:.1f} MiB at most, {usage.cpu_s():.1f} CPU s")
        assert peak - before < DEVICES * KIB_EACH / 1024, f"{peak:.1f} MiB"
        crowd.do("drop")
        time.sleep(3)
        rest = usage.memory_mib()
        assert rest - before < 24 and until_well(server, 10) < 5, f"{rest:.1f} MiB are not given back"


def case_a_fleet_that_comes_back_again_and_again_costs_no_more_each_time():
    count = AGAIN
    with fleet(count, count + 100) as (server, crowd, usage):
        peaks, rests = [], []
        for _ in range(4):
            tally = crowd.do("connect", count, 400)
            assert tally["statuses"].get("200", 0) + tally["statuses"].get("304", 0) == count, tally
            assert set(tally["statuses"]) <= {"200", "304", "503"}, tally
            assert crowd.do("hold")["open"] == count
            peaks.append(usage.memory_mib())
            print(f"     {count} devices are back after {tally['seconds']:.1f} s, {tally['lost']} connections lost; {peaks[-1]:.1f} MiB")
            crowd.do("drop")
            time.sleep(3)  # the server notices
            rests.append(usage.memory_mib())
        assert peaks[3] - peaks[1] < 8 and rests[3] - rests[1] < 8, f"memory grows with each stampede: {peaks}, between them {rests}"
        assert rests[3] < peaks[3] - count / 100, f"memory is not given back: {peaks}, {rests}"
        assert server.call("GET", "/healthz")["status"] == "ok"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=DEVICES)
    DEVICES = parser.parse_args().devices
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run(globals())
