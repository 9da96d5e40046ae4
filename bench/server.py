#!/usr/bin/env python3
"""The real aloft-server on one core under a crowd of devices with TLS connections of their own: what a poll, an idle connection and a
durable report cost, how fast a deployment arrives, what a million devices need, and whether anything grows.

bench/server.py [--json] [--only PART,...] [--devices N] [--soak SECONDS]
parts: connections, million, soak. docs/benchmarks.md says what the numbers mean; the exit status is 1 when a target is missed.
"""
import argparse
import json
import os
import pathlib
import resource
import sqlite3
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("ALOFT_BUILD", str(ROOT / "build/release"))
sys.path.insert(0, str(ROOT / "tests"))
from arguments import at_least, some_of, understood  # noqa: E402
from crowd import Crowd, Usage, fill, name_of, take_core  # noqa: E402
from server_harness import Server, Signer  # noqa: E402
from soak import DEVICES, EXTRA, RELEASE_BYTES, soak  # noqa: E402

PARTS = ("connections", "million", "soak")
CONNECTIONS = 10_000
MILLION = 1_000_000
REPORTERS_OF_MILLION = 2000  # have another deployment, and are passed over
SERVER_CORE, LOAD_CORE = 0, 1
PRIORITY = -12  # other work on the machine then costs the measurement less
# Member, least or most, and the value.
TARGETS = (("polls_per_cpu_s", "least", 90_000), ("tls_idle_kb", "most", 20), ("durable_reports_per_s", "least", 10_000),
           ("reach_1000_ms", "most", 1000), ("million_start_s", "most", 20), ("preview_ms", "most", 200), ("rollout_start_s", "most", 30),
           ("poll_p99_ms", "most", 50), ("million_rss_mib", "most", 1536), ("soak_rss_mib_growth", "most", 2),
           ("soak_open_files_growth", "most", 2), ("soak_threads_growth", "most", 0), ("soak_wal_mib_growth", "most", 4), ("soak_store_pace", "most", 1.2))


def say(text):
    print(f"     {text}", file=sys.stderr, flush=True)


def on_server_core():
    take_core(SERVER_CORE, PRIORITY)


def on_load_core():
    take_core(LOAD_CORE, PRIORITY)


def filled_server(count, arguments=(), release_bytes=4000, preexec=on_server_core, **more):
    """A server that has been set up and restarted with so many devices, and a release. Its first start is not counted."""
    server = Server(arguments=["--max-connections", str(CONNECTIONS + 100), *arguments], preexec=preexec)
    server.start().set_up()
    signer = Signer(server.folder)
    release = server.operator("POST", "/api/v1/releases", signer.bundle("2", b"2" * release_bytes))
    assert server.stop() == 0
    fill(server.folder, count, release=release, **more)
    begin = time.monotonic()
    server.start(server.port)
    return server, signer, release, time.monotonic() - begin


def measure_polls(server, crowd, report):
    usage = Usage(server.process.pid)
    tally = crowd.do("poll", 15, 0)
    cpu = usage.cpu_s()
    answered = tally["statuses"]["304"]
    assert set(tally["statuses"]) == {"304"} and tally["lost"] == 0, tally
    report["polls_per_cpu_s"] = round(answered / cpu)
    report["polls_per_s"] = round(answered / tally["seconds"])


def measure_reports(server, crowd, report):
    usage = Usage(server.process.pid)
    tally = crowd.do("report", 15)
    cpu = usage.cpu_s()
    server.kill()  # at once: what was acknowledged must be there
    acknowledged = tally["statuses"]["200"]
    assert set(tally["statuses"]) == {"200"} and tally["lost"] == 0, tally
    database = sqlite3.connect(server.folder / "data/fleet.db")
    kept = database.execute("SELECT count(*) FROM transitions WHERE sequence IS NOT NULL").fetchone()[0]
    database.close()
    assert kept == acknowledged, f"{acknowledged} reports were acknowledged, {kept} are there after kill -9"
    report["durable_reports_per_s"] = round(acknowledged / tally["seconds"])
    report["durable_reports_per_cpu_s"] = round(acknowledged / cpu)
    report["report_p99_ms"] = round(tally["p99_ms"], 1)
    server.start(server.port)


def measure_reach(server, crowd, release, first, report):
    """A deployment for 1,000 devices that wait, asked for by one request."""
    crowd.do("hold")
    time.sleep(3)
    begin = time.monotonic()
    crowd.begin("heard", 1000, 60)
    server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": [name_of(first + i) for i in range(1000)]})
    heard = [one - begin for one in crowd.end()["heard"]]
    assert len(heard) == 1000, f"{len(heard)} of 1,000 devices heard of their deployment"
    report["reach_1000_ms"] = round(statistics.median(heard) * 1000)
    report["reach_1000_last_ms"] = round(heard[-1] * 1000)


def measure_connections(report):
    half = CONNECTIONS // 2
    server, _, release, _ = filled_server(CONNECTIONS, deployments=half)
    try:
        with Crowd(server, range(1, CONNECTIONS + 1), half, on_load_core) as crowd:
            usage = Usage(server.process.pid)
            before = usage.memory_mib()
            tally = crowd.do("connect", 200, 300)
            assert sum(tally["statuses"].values()) >= CONNECTIONS and tally["lost"] == 0, tally
            report["connect_per_cpu_s"] = round(CONNECTIONS / usage.cpu_s())
            time.sleep(3)
            report["tls_idle_kb"] = round((usage.memory_mib() - before) * 1024 / CONNECTIONS, 1)
            say(f"{CONNECTIONS} connections: {report['tls_idle_kb']} KiB each")
            measure_polls(server, crowd, report)
            say(f"polls: {report['polls_per_cpu_s']} a CPU second, {report['polls_per_s']} a second")
            crowd.do("hold")
            time.sleep(3)
            report["tls_held_kb"] = round((usage.memory_mib() - before) * 1024 / CONNECTIONS, 1)
        time.sleep(2)
        with Crowd(server, range(1, half + 1), half, on_load_core) as crowd:
            crowd.do("connect", 200, 300)
            measure_reports(server, crowd, report)
            say(f"reports: {report['durable_reports_per_s']} a second, {report['durable_reports_per_cpu_s']} a CPU second")
        with Crowd(server, range(half + 1, half + 2001), 0, on_load_core) as crowd:
            crowd.do("connect", 200, 300)
            measure_reach(server, crowd, release, half + 1, report)
            say(f"a deployment reaches 1,000 of 2,000 waiting devices: median {report['reach_1000_ms']} ms, last {report['reach_1000_last_ms']} ms")
    finally:
        server.destroy()


def measure_preview(server, release, report):
    everybody = {"name": "x", "release": release["id"], "filter": "name==dev-*"}
    for member, plan in (("preview_ms", {**everybody, "filter": "attribute.site==roof-7 and attribute.modem==eg91"}), ("preview_all_ms", everybody)):
        times, connection = [], server.connect()
        for _ in range(5):
            begin = time.monotonic()
            shown = server.operator("POST", "/api/v1/rollout-preview", plan, connection=connection)
            times.append(time.monotonic() - begin)
        connection.close()
        assert shown["members"] > 0, shown
        report[member] = round(statistics.median(times) * 1000)
        report[member.replace("_ms", "_members")] = shown["members"]


class Meanwhile:
    """Polls of 1,000 devices, 500 a second, and durable reports of 2,000 others, 200 a second, for as long as the block."""

    def __init__(self, polls, reports, report, prefix):
        self.polls, self.reports, self.report, self.prefix = polls, reports, report, prefix

    def __enter__(self):
        self.polls.begin("poll", 900, 500)
        self.reports.begin("report", 900, 200)

    def __exit__(self, failure, *_):
        for crowd, kind, statuses in ((self.polls, "poll", {"200", "304"}), (self.reports, "report", {"200"})):
            crowd.begin("enough")
            tally = crowd.end()
            crowd.end()
            if failure:
                continue
            assert tally["lost"] == 0 and set(tally["statuses"]) <= statuses, tally
            for which in ("p50", "p99", "max"):
                self.report[f"{self.prefix}{kind}_{which}_ms"] = round(tally[which + "_ms"], 1)


def measure_rollout(server, release, count, report):
    """Everybody's turn at once: until each has its deployment on the disk; then all of it is taken back. Devices poll and report meanwhile."""
    usage = Usage(server.process.pid)
    path = "/api/v1/rollouts"
    with Crowd(server, range(count - 999, count + 1), 0, on_load_core) as polls, \
            Crowd(server, range(1, REPORTERS_OF_MILLION + 1), REPORTERS_OF_MILLION, on_load_core) as reports:
        for crowd in (polls, reports):
            crowd.do("connect", 100, 120)
        with Meanwhile(polls, reports, report, "quiet_"):
            time.sleep(5)
        with Meanwhile(polls, reports, report, "make_"):
            begin = time.monotonic()
            rollout = server.operator("POST", path, {"name": "bench", "release": release["id"], "filter": "name==dev-*"}, timeout=300)
            report["rollout_make_s"] = round(time.monotonic() - begin, 1)
        with Meanwhile(polls, reports, report, ""):
            begin, cpu = time.monotonic(), usage.cpu_s()
            server.operator("POST", f"{path}/{rollout['id']}/start", {}, timeout=300)
            report["rollout_open_s"] = round(time.monotonic() - begin, 1)
            while server.operator("GET", f"{path}/{rollout['id']}", timeout=300)["counts"]["offered"] < count - REPORTERS_OF_MILLION:
                assert time.monotonic() < begin + 900, "the rollout does not get to everybody"
                time.sleep(1)
            report["rollout_start_s"] = round(time.monotonic() - begin, 1)
            report["rollout_start_cpu_s"] = round(usage.cpu_s() - cpu, 1)
        with Meanwhile(polls, reports, report, "abort_"):
            begin = time.monotonic()
            aborted = server.operator("POST", f"{path}/{rollout['id']}/abort", {}, timeout=600)
            report["rollout_abort_s"] = round(time.monotonic() - begin, 1)
            assert aborted["counts"]["offered"] == 0, aborted["counts"]


def measure_million(report, count):
    server, _, release, start_s = filled_server(count, deployments=REPORTERS_OF_MILLION)
    try:
        report["devices"], report["million_start_s"] = count, round(start_s, 1)
        usage = Usage(server.process.pid)
        report["million_start_rss_mib"] = round(usage.memory_mib())
        say(f"{count} devices: start {report['million_start_s']} s, {report['million_start_rss_mib']} MiB")
        measure_preview(server, release, report)
        say(f"preview: {report['preview_ms']} ms for {report['preview_members']} devices, {report['preview_all_ms']} ms for all")
        measure_rollout(server, release, count, report)
        report["million_rss_mib"] = round(usage.memory_mib("VmHWM"))
        say(f"rollout: made in {report['rollout_make_s']} s, started in {report['rollout_start_s']} s, aborted in {report['rollout_abort_s']} s; "
            f"at most {report['million_rss_mib']} MiB")
        for phase in ("quiet_", "make_", "", "abort_"):
            say(f"{phase or 'start_'}: " + ", ".join(f"{kind} {'/'.join(str(report[f'{phase}{kind}_{which}_ms']) for which in ('p50', 'p99', 'max'))} ms"
                                                     for kind in ("poll", "report")))
    finally:
        server.destroy()


def measure_soak(report, seconds):
    server, _, release, _ = filled_server(EXTRA[-1], deployments=DEVICES, arguments=["--webhooks-to-private"], release_bytes=RELEASE_BYTES, preexec=None)
    try:
        soak(server, release, seconds, report, say)
    finally:
        server.destroy()


def verdicts(report):
    """(member, value, target, whether it is met) of what was measured."""
    for member, side, target in TARGETS:
        if member in report:
            yield member, report[member], ("at least " if side == "least" else "at most ") + f"{target:,}", \
                report[member] >= target if side == "least" else report[member] <= target


def main():
    parser = argparse.ArgumentParser(prog="./dev bench server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", type=some_of(*PARTS), default=PARTS, metavar="PART,...", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--devices", type=at_least(REPORTERS_OF_MILLION), default=MILLION, help="registered ones, for the part million")
    parser.add_argument("--soak", type=at_least(1), default=150, help="seconds; 3600 is the hour of the target")
    arguments = parser.parse_args()
    understood()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard > CONNECTIONS + 300, f"the limit of open files is {hard}; raise it with ulimit -n"
    report, parts = {}, arguments.only
    if list(parts) != ["soak"]:
        take_core(LOAD_CORE, PRIORITY, own_session=False)  # it waits most of the time, and measures
    if "connections" in parts:
        measure_connections(report)
    if "million" in parts:
        measure_million(report, arguments.devices)
    if "soak" in parts:
        measure_soak(report, arguments.soak)
    judged = list(verdicts(report))
    if arguments.json:
        print(json.dumps(report))
    else:
        for member, value, target, met in judged:
            print(f"{member:24} {value:>12,} {target:22} {'' if met else 'MISSED'}")
        for member in sorted(set(report) - {one[0] for one in judged}):
            print(f"{member:24} {report[member]:>12,}")
    raise SystemExit(0 if all(met for *_, met in judged) else 1)


if __name__ == "__main__":
    main()
