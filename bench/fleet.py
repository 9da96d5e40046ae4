#!/usr/bin/env python3
"""A fleet on the real aloft-server: thousands of simulated devices in one process, each with its own key, its own token and a held poll
over a connection of its own, and two rollouts to all of them. Prints what the server spent.

bench/fleet.py [--devices N] [--json] [--check]     --check: exit with 1 when a story does not end as it must (the labelled test)
"""
import argparse
import asyncio
import json
import os
import pathlib
import resource
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("ALOFT_BUILD", str(ROOT / "build/release"))
sys.path.insert(0, str(ROOT / "tests"))
from arguments import at_least, understood  # noqa: E402
from server_harness import Device, Server, Signer, b64url  # noqa: E402

AT_ONCE = 24  # the server lets 30 strangers a minute knock from one address; those with a good token do not count once they are in
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Line:
    """One kept connection that speaks just enough HTTP/1.1."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, method, path, headers, body=None):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.writer.write((head + f"Content-Length: {len(data)}\r\n\r\n").encode() + data)
        status = int((await self.reader.readuntil(b"\r\n")).split()[1])
        length, tag = 0, None
        while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            if name.lower() == "etag":
                tag = value.strip()
        answer = await self.reader.readexactly(length) if status != 304 and length else b""
        assert status < 400, f"{method} {path}: {status} {answer}"
        return status, tag, json.loads(answer) if answer[:1] in (b"{", b"[") else answer

    def close(self):
        if self.writer:
            self.writer.close()


class SimulatedDevice(Device):
    """Good, failing or silent; carries out what it is assigned as fast as it can."""

    def __init__(self, server, name, nature):
        super().__init__(server, name)
        self.nature, self.heard, self.ended = nature, None, None

    async def enrol_and_prove(self, line, admin):
        _, _, token = await line.ask("POST", "/api/v1/enrolment-tokens", admin, {"note": "bench"})
        from cryptography.hazmat.primitives import serialization
        public = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        await line.ask("POST", "/api/device/v1/enrol", {}, {"name": self.name, "public_key": public, "product": self.product, "hardware": self.hardware,
                                                            "version": self.version, "token": token["token"].split(".")[0]})
        _, _, challenge = await line.ask("POST", "/api/device/v1/challenge", {}, {"name": self.name})
        text = f"aloft device token v1\n{self.name}\n{challenge['nonce']}\n".encode()
        _, _, answer = await line.ask("POST", "/api/device/v1/token", {}, {"name": self.name, "nonce": challenge["nonce"], "signature": b64url(self.key.sign(text))})
        self.headers = {"Authorization": "Bearer " + answer["token"]}

    async def live(self, started):
        line, tag = Line(self.server.port), None
        try:
            while True:
                wanted = {**self.headers, **({"If-None-Match": tag} if tag else {})}
                status, tag, answer = await line.ask("GET", f"/api/device/v1/assignment?wait={300 if tag else 0}", wanted)
                started.add(self.name)
                assigned = answer.get("deployment") if status == 200 else None
                if not assigned or self.nature == "silent":
                    continue
                self.heard, self.sequence = time.monotonic(), 0
                for state in ("accepted", "armed", "failed" if self.nature == "failing" else "committed"):
                    self.sequence += 1
                    if state == "committed":
                        self.version = assigned["version"]
                    report = {"deployment": assigned["id"], "sequence": self.sequence, "time_ms": int(time.time() * 1000), "state": state}
                    await line.ask("POST", "/api/device/v1/reports", self.headers, {"reports": [report], "version": self.version})
                self.ended = time.monotonic()
        finally:
            line.close()


class Usage:
    """What the server's process has used."""

    def __init__(self, pid):
        self.pid, self.begin = pid, time.monotonic()
        self.cpu = self.cpu_s()

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def memory_mib(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1024

    def spent(self):
        return {"wall_s": round(time.monotonic() - self.begin, 2), "cpu_s": round(self.cpu_s() - self.cpu, 2), "rss_mib": round(self.memory_mib(), 1)}


async def in_parallel(server, devices, work):
    waiting = list(reversed(devices))

    async def worker():
        line = Line(server.port)
        while waiting:
            await work(line, waiting.pop())
        line.close()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def follow(line, admin, rollout, states):
    while True:
        _, _, shown = await line.ask("GET", f"/api/v1/rollouts/{rollout['id']}", admin)
        if shown["state"] in states:
            return shown
        await asyncio.sleep(0.1)


def nature_of(index):
    """Fixed, so that every run is the same: 3 % fail, 1 % are silent."""
    return "failing" if index % 100 in (7, 37, 71) else ("silent" if index % 100 == 53 else "good")


async def roll_out(server, admin, line, devices, release, **plan):
    usage = Usage(server.process.pid)
    _, _, rollout = await line.ask("POST", "/api/v1/rollouts", admin, {"name": "bench", "release": release["id"], "filter": "name==dev-*", **plan})
    made_s = time.monotonic() - usage.begin
    begin = time.monotonic()
    for device in devices:
        device.heard = device.ended = None
    await line.ask("POST", f"/api/v1/rollouts/{rollout['id']}/start", admin, {})
    shown = await follow(line, admin, rollout, ("finished", "paused"))
    heard = sorted(device.heard - begin for device in devices if device.heard)
    return {**usage.spent(), "made_ms": round(made_s * 1000), "state": shown["state"], "counts": shown["counts"], "reason": shown.get("reason", ""), **when_heard(heard)}


def when_heard(heard):
    """heard: seconds, rising, until each device that heard of the rollout did."""
    told = {"heard_median_s": round(statistics.median(heard), 3), "heard_last_s": round(heard[-1], 3)} if heard else {}
    return {**told, **({"reached_1000_s": round(heard[999], 3)} if len(heard) >= 1000 else {})}


async def story(server, signer, count):
    admin = server.admin
    releases = [server.operator("POST", "/api/v1/releases", signer.bundle(v, v.encode() * 4000)) for v in ("2", "3")]
    line = Line(server.port)
    devices = [SimulatedDevice(server, f"dev-{index:05}", "good") for index in range(count)]
    report = {"devices": count}
    usage = Usage(server.process.pid)
    await in_parallel(server, devices, lambda one, device: device.enrol_and_prove(one, admin))
    report["enrol"] = usage.spent()
    usage, started = Usage(server.process.pid), set()
    tasks = [asyncio.create_task(device.live(started)) for device in devices]
    while len(started) < count:
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                task.result()
    report["connect"] = usage.spent()
    usage = Usage(server.process.pid)
    await asyncio.sleep(10)
    report["idle_10s"] = usage.spent()
    begin = time.monotonic()
    _, _, preview = await line.ask("POST", "/api/v1/rollout-preview", admin, {"name": "x", "release": releases[0]["id"], "filter": "name==dev-*"})
    report["preview_ms"] = round((time.monotonic() - begin) * 1000)
    assert preview["members"] == count
    report["good"] = await roll_out(server, admin, line, devices, releases[0])
    for index, device in enumerate(devices):
        device.nature = nature_of(index)
    report["stopped"] = await roll_out(server, admin, line, devices, releases[1], deadline_s=60,
                                       waves=[{"permille": 10}, {"permille": 100}, {"permille": 1000}],
                                       gates=[{"failure": "any", "max_permille": 20 if count >= 5000 else 10, "min_sample": 200}])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return report


def check(report):
    count = report["devices"]
    assert report["good"]["state"] == "finished" and report["good"]["counts"]["committed"] == count, report["good"]
    stopped = report["stopped"]
    attempted = count - stopped["counts"]["waiting"]
    assert stopped["state"] == "paused" and "failed in any way" in stopped["reason"], stopped
    assert attempted <= count * 0.13, f"{attempted} devices had got it when it stopped"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=at_least(1), default=9900, help="at most 9,900: the server takes 10,000 connections")
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a story does not end as it must")
    arguments = parser.parse_args()
    understood()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard > arguments.devices + 200, f"the limit of open files is {hard}"
    server = Server(plain=True)
    try:
        server.start().set_up()
        report = asyncio.run(story(server, Signer(server.folder), arguments.devices))
    finally:
        server.destroy()
    print(json.dumps(report, indent=None if arguments.json else 2))
    if arguments.check:
        check(report)


if __name__ == "__main__":
    main()
