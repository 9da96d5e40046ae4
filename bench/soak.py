"""The real aloft-server under a mixed load for as long as one likes, at a modest rate: devices come, poll, report, wait, fetch and go, while
operators read, change things, run rollouts, sign in and watch, and a receiver takes webhooks. Whatever must not grow is sampled after each round."""
import contextlib
import http.client
import http.server
import json
import os
import random
import statistics
import threading
import time

from crowd import Crowd, Usage, name_of, tokens
from server_harness import PASSWORD, Refused

DEVICES, REPORTERS = 500, 100  # the reporters are the last of those that poll; they have deployments
EXTRA = range(DEVICES + 1, DEVICES + 41)  # for rollouts and downloads
RELEASE_BYTES = 2_000_000
ROUND_S = 20
WARM_UP_MIB = 40  # of store, written by reports without a pause: fills its page cache
REFUSED_EACH = 50  # webhook
JOIN_S = 90  # a job takes no longer
# Members of a sample that must not grow.
WATCHED = ("rss_mib", "open_files", "threads", "wal_mib")


class Receiver:
    """Takes webhooks, refuses some, keeps nothing."""

    def __init__(self):
        self.taken = self.refused = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802  pylint: disable=invalid-name
                self.rfile.read(int(self.headers["Content-Length"]))
                refuse = (receiver.taken + receiver.refused) % REFUSED_EACH == REFUSED_EACH - 1
                receiver.refused += refuse
                receiver.taken += not refuse
                self.send_response(500 if refuse else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Workers:
    """Jobs that are done again and again until the block ends, each once at least. One that fails, or does not come to its end then, fails the block."""

    def __init__(self):
        self.ended, self.threads, self.failure, self.done = threading.Event(), [], None, {}

    def begin(self, job, pause_s):
        def work():
            going = True
            while going:
                try:
                    job()
                    self.done[job.__name__] += 1
                except Exception as failure:  # pylint: disable=broad-except
                    self.failure = (job.__name__, failure)
                    self.ended.set()
                going = not self.ended.wait(pause_s)
        self.done[job.__name__] = 0
        self.threads.append(threading.Thread(target=work, name=job.__name__))
        self.threads[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(JOIN_S)
        if kind is None:
            assert self.failure is None, self.failure
            late = [thread.name for thread in self.threads if thread.is_alive()]
            assert not late, f"after {JOIN_S} s not at their end: {late}"


class Jobs:
    def __init__(self, server, release):
        self.server, self.release, self.number = server, release, 0
        self.chance = random.Random(1)
        self.device_tokens = [token for _, token in tokens(server.folder, EXTRA)]

    def operators_read(self):
        connection = self.server.connect()
        for path in ("/api/v1/devices?limit=50", "/api/v1/deployments?active=true&limit=50", "/metrics", "/api/v1/audit?limit=10", "/healthz",
                     "/nowhere", "/api/v1/rollouts?limit=5", "/api/v1/groups", "/", f"/api/v1/devices/{name_of(EXTRA[0])}/why"):
            self.server.call("GET", path, headers=self.server.admin, raw=True, connection=connection)
        connection.close()

    def operators_change(self):
        """A tag, a group by it, a rollout to it that is aborted, and back."""
        self.number += 1
        names, tag = [name_of(index) for index in EXTRA[1:]], f"soak-{self.number % 5}"
        operator = self.server.operator
        operator("POST", f"/api/v1/tags/{tag}/devices", {"add": names})
        operator("POST", "/api/v1/groups", {"name": tag, "filter": f"tag=={tag}"})
        plan = {"name": f"soak {self.number}", "release": self.release["id"], "filter": f"group=={tag}"}
        rollout = operator("POST", "/api/v1/rollouts", plan)["id"]
        operator("POST", f"/api/v1/rollouts/{rollout}/start", {})
        deadline = time.monotonic() + 30
        while operator("GET", f"/api/v1/rollouts/{rollout}")["counts"]["offered"] < len(names):
            assert time.monotonic() < deadline, "the rollout does not get to its devices"
            time.sleep(0.5)
        self.devices_fetch()
        operator("POST", f"/api/v1/rollouts/{rollout}/abort", {})
        operator("DELETE", f"/api/v1/groups/{tag}")
        operator("POST", f"/api/v1/tags/{tag}/devices", {"remove": names})
        operator("POST", "/api/v1/enrolment-tokens", {"note": "soak"})

    def devices_fetch(self):
        """Some of those that have a deployment take all of it, some a part, some go in the middle."""
        path = "/api/device/v1/artifacts/" + self.release["sha256"]
        for token in self.device_tokens[1:]:
            headers = {"Authorization": "Bearer " + token}
            kind = self.chance.randrange(3)
            if kind == 1:
                headers["Range"] = f"bytes={self.chance.randrange(RELEASE_BYTES)}-"
            connection = self.server.connect()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == (206 if kind == 1 else 200), answer.status
            answer.read(200_000 if kind == 2 else None)
            connection.close()

    def people_sign_in(self):
        login = self.server.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})
        self.server.call("POST", "/api/v1/logout", {}, headers={"Authorization": "Bearer " + login["token"]})
        with contextlib.suppress(Refused):
            self.server.call("POST", "/api/v1/login", {"user": "nobody", "password": "wrong"})

    def somebody_watches(self):
        connection = self.server.connect(timeout=60)
        connection.request("GET", "/api/v1/events", headers=self.server.admin)
        answer = connection.getresponse()
        end = time.monotonic() + 25
        while time.monotonic() < end and answer.readline():
            pass
        connection.close()


def sample(server, records):
    pid = server.process.pid
    return {"rss_mib": round(Usage(pid).memory_mib(), 2), "open_files": len(os.listdir(f"/proc/{pid}/fd")), "records": records,
            "threads": len(os.listdir(f"/proc/{pid}/task")), "wal_mib": store_mib(server, "fleet.db-wal"), "store_mib": store_mib(server)}


def store_mib(server, name="fleet.db"):
    return round((server.folder / "data" / name).stat().st_size / 2**20, 2)


def warm_up(server, crowd):
    crowd.do("connect", 100, 60)
    deadline = time.monotonic() + 600
    while store_mib(server) < WARM_UP_MIB:
        assert time.monotonic() < deadline, "the store does not grow"
        crowd.do("report", 5)
    crowd.do("drop")


def one_round(pollers, reporters):
    begin = time.monotonic()
    for crowd, count in ((pollers, DEVICES - REPORTERS), (reporters, REPORTERS)):
        tally = crowd.do("connect", 100, 120)
        assert tally["statuses"].get("200", 0) + tally["statuses"].get("304", 0) == count, tally
    pollers.begin("poll", ROUND_S / 2, 300)
    reported = reporters.do("report", ROUND_S / 2, 50)
    polled = pollers.end()
    assert set(reported["statuses"]) == {"200"} and set(polled["statuses"]) == {"304"}, (reported, polled)
    for crowd in (pollers, reporters):
        crowd.do("hold")
    time.sleep(2)
    for crowd in (pollers, reporters):
        crowd.do("drop")
    time.sleep(max(2.0, begin + ROUND_S - time.monotonic()))
    return reported["statuses"]["200"]


def growth(samples, member):
    """Between the medians of the second and the last quarter: the first fills the caches."""
    quarter = max(1, len(samples) // 4)
    return statistics.median(one[member] for one in samples[-quarter:]) - statistics.median(one[member] for one in samples[quarter:2 * quarter])


def pace(samples):
    """How much faster the store grows in the last third than in the one before: 1, since the load is the same."""
    third = max(1, (len(samples) - 1) // 3)
    sizes = [one["store_mib"] + one["wal_mib"] for one in samples]
    return (sizes[-1] - sizes[-1 - third]) / max(0.1, sizes[-1 - third] - sizes[-1 - 2 * third])


def soak(server, release, seconds, report, say):
    """server: with DEVICES and EXTRA in it, the first DEVICES of them with deployments, and webhooks that may go to this machine. Fails when
    an answer is not what it should be; what has grown is put into the report."""
    receiver, samples, records = Receiver(), [], 0
    server.operator("POST", "/api/v1/webhooks", {"url": receiver.url, "events": ["rollout", "deployment", "audit"], "note": "soak"})
    jobs = Jobs(server, release)
    first = DEVICES - REPORTERS
    with Crowd(server, range(1, first + 1), first) as pollers, Crowd(server, range(first + 1, DEVICES + 1), DEVICES) as reporters, \
            Workers() as workers:
        warm_up(server, pollers)
        usage = Usage(server.process.pid)
        for job, pause_s in ((jobs.operators_read, 2), (jobs.operators_change, 15), (jobs.people_sign_in, 20), (jobs.somebody_watches, 1)):
            workers.begin(job, pause_s)
        while usage.wall_s() < seconds and workers.failure is None:
            records += one_round(pollers, reporters)
            samples.append(sample(server, records))
            if len(samples) % 15 == 1:
                say(f"{usage.wall_s():6.0f} s, {usage.cpu_s():.1f} CPU s: " + json.dumps(samples[-1]))
    assert receiver.taken > 0, "no webhook came"
    report["soak_s"], report["soak_rounds"], report["soak_cpu_s"] = round(usage.wall_s()), len(samples), round(usage.cpu_s(), 1)
    report["soak_reports"], report["soak_webhooks"] = records, receiver.taken
    for member in WATCHED:
        report[f"soak_{member}_growth"] = round(growth(samples, member), 2)
        report[f"soak_{member}"] = samples[-1][member]
    report["soak_store_mib_growth"] = round(samples[-1]["store_mib"] - samples[0]["store_mib"], 1)
    report["soak_store_pace"] = round(pace(samples), 2)
    say("resident, MiB: " + " ".join(f"{one['rss_mib']:.1f}" for one in samples[::max(1, len(samples) // 30)]))
    say(f"jobs done: {workers.done}, webhooks refused {receiver.refused}")
