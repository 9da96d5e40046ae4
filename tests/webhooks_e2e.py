#!/usr/bin/env python3
"""Webhooks of the real server to a receiver that really listens: signatures, order, retries, kill -9, what is never shown, and where they may not go."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time

from rollouts_e2e import Fleet, act, make, upload, wait_for, wait_for_state
from server_harness import Server, Signer, ready_device, refused, run

ALOFT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/cli/aloft"


class Receiver:
    """Keeps what it took; `answer(body)` says with which status. It is not there while `up` is False."""

    def __init__(self):
        self.taken, self.refusals, self.answer = [], [], lambda body: 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802  pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answer(json.loads(body))
                (receiver.taken if status < 300 else receiver.refusals).append((dict(self.headers), body, time.time()))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?to=ops"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, event=None):
        return [json.loads(body) for _, body, _ in self.taken if event in (None, json.loads(body)["event"])]


@contextlib.contextmanager
def site(size=2, arguments=("--webhooks-to-private",)):
    server, receiver = Server(arguments=arguments), Receiver()
    fleet = Fleet(server)
    try:
        server.start().set_up()
        signer = Signer(server.folder)
        fleet.releases = [upload(server, signer, version) for version in ("2", "3")]
        fleet.devices = {name: ready_device(server, name) for name in (f"cam-{n:02}" for n in range(size))}
        yield server, fleet, receiver
    finally:
        fleet.stop()
        receiver.server.shutdown()
        server.destroy()


def hook(server, receiver, *events):
    return server.operator("POST", "/api/v1/webhooks", {"url": receiver.url, "events": list(events), "note": "test"})


def is_signed(secret, headers, body):
    parts = dict(part.split("=", 1) for part in headers["X-Aloft-Signature"].split(","))
    expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(int(parts["t"]) - time.time()) < 300


def case_what_happens_is_told_once_in_order_and_signed():
    with site() as (server, fleet, receiver):
        made = hook(server, receiver, "rollout", "deployment")
        fleet.begin()
        rollout = make(server, fleet.releases[0])
        act(server, rollout, "start")
        wait_for_state(server, rollout, "finished")
        wait_for(lambda: receiver.bodies("rollout") and receiver.bodies("rollout")[-1]["rollout"]["what"] == "last-wave-ended")
        assert [b["rollout"]["what"] for b in receiver.bodies("rollout")] == ["made", "start", "last-wave-ended"]
        ended = receiver.bodies("deployment")
        assert sorted(b["deployment"]["device"] for b in ended) == ["cam-00", "cam-01"]
        assert all(b["deployment"]["state"] == "committed" and b["deployment"]["rollout"] == rollout["id"] for b in ended)
        assert all(is_signed(made["secret"], headers, body) for headers, body, _ in receiver.taken)
        assert not is_signed("another secret", *receiver.taken[0][:2])
        ids = [headers["X-Aloft-Delivery"] for headers, _, _ in receiver.taken]
        assert len(set(ids)) == len(ids) and ids[0] == receiver.bodies()[0]["id"]
        log = server.operator("GET", f"/api/v1/webhooks/{made['id']}/deliveries")["deliveries"]
        assert len(log) == 5 and all(d["status"] == 200 and d["attempt"] == 1 for d in log)


def case_retries_outlive_a_kill_and_lose_nothing():
    with site(3) as (server, fleet, receiver):
        receiver.answer = lambda body: 503
        made = hook(server, receiver, "deployment")
        fleet.begin()
        for name in fleet.devices:
            server.operator("POST", "/api/v1/deployments", {"release": fleet.releases[0]["id"], "devices": [name]})
        wait_for(lambda: len(receiver.refusals) >= 3)
        gaps = [b[2] - a[2] for a, b in zip(receiver.refusals, receiver.refusals[1:])]
        assert gaps[0] >= 0.9 and gaps[1] >= 1.9, f"it waits longer each time: {gaps}"
        assert len({json.loads(body)["id"] for _, body, _ in receiver.refusals}) == 1, "the oldest first, until it is taken"
        server.kill()
        server.start(server.port)
        shown = server.operator("GET", "/api/v1/webhooks")["webhooks"][0]
        assert shown["attempts"] >= 3 and shown["failing_since_ms"] and "secret" not in shown
        time.sleep(0.5)
        receiver.answer = lambda body: 200
        wait_for(lambda: len(receiver.taken) == 3)
        assert sorted(b["deployment"]["device"] for b in receiver.bodies()) == sorted(fleet.devices)
        shown = wait_for(lambda: (lambda w: w if w["attempts"] == 0 else None)(server.operator("GET", "/api/v1/webhooks")["webhooks"][0]))
        assert "failing_since_ms" not in shown and shown["active"]
        log = server.operator("GET", f"/api/v1/webhooks/{made['id']}/deliveries")["deliveries"]
        assert [d["status"] for d in log[:3]] == [200, 200, 200] and log[-1]["status"] == 503


def case_a_receiver_that_is_gone_or_away_or_elsewhere():
    with site(1) as (server, fleet, receiver):
        receiver.answer = lambda body: 302
        moved = hook(server, receiver, "audit")
        server.operator("POST", "/api/v1/groups", {"name": "one"})
        wait_for(lambda: receiver.refusals)
        log = wait_for(lambda: server.operator("GET", f"/api/v1/webhooks/{moved['id']}/deliveries")["deliveries"])
        assert log[-1]["status"] == 302, "a redirect is not followed"
        receiver.answer = lambda body: 410
        gone = wait_for(lambda: (lambda w: w if not w["active"] else None)(server.operator("GET", "/api/v1/webhooks")["webhooks"][0]))
        assert "gone" in gone["off_reason"]
        receiver.answer = lambda body: 200
        server.operator("POST", "/api/v1/groups", {"name": "two"})
        server.operator("PUT", f"/api/v1/webhooks/{moved['id']}", {"active": True})
        server.operator("POST", "/api/v1/groups", {"name": "three"})
        told = wait_for(lambda: [b["audit"] for b in receiver.bodies("audit") if b["audit"]["path"] == "/api/v1/groups"])
        assert len(told) == 1 and told[0]["status"] == 201 and told[0]["user"] == "admin", "what happened while it was off is not told"
        server.operator("DELETE", f"/api/v1/webhooks/{moved['id']}")
        refused(404, 9650, server.operator, "GET", f"/api/v1/webhooks/{moved['id']}/deliveries")
        away = server.operator("POST", "/api/v1/webhooks", {"url": "http://127.0.0.1:1/", "events": ["audit"]})
        server.operator("POST", "/api/v1/groups", {"name": "four"})
        log = wait_for(lambda: server.operator("GET", f"/api/v1/webhooks/{away['id']}/deliveries")["deliveries"])
        assert "status" not in log[0] and "E7002" in log[0]["error"]


def case_the_servers_own_network_is_out_of_reach():
    with site(1, arguments=()) as (server, fleet, receiver):
        made = [server.operator("POST", "/api/v1/webhooks", {"url": url, "events": ["audit"]})
                for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), receiver.url.replace("127.0.0.1", "2130706433"))]
        server.operator("POST", "/api/v1/groups", {"name": "one"})
        for one in made:
            log = wait_for(lambda one=one: server.operator("GET", f"/api/v1/webhooks/{one['id']}/deliveries")["deliveries"])
            assert "status" not in log[0] and "E7019" in log[0]["error"], log[0]
        assert not receiver.taken and not receiver.refusals
        for url in ("ftp://example.com/", "https://", "https://user:pw@example.com/", "https://example%2ecom/", "https://example.com/a b", "file:///etc/passwd", "https://:443/", "https://example.com:99999/"):
            refused(400, 9651, server.operator, "POST", "/api/v1/webhooks", {"url": url, "events": ["audit"]})
        refused(400, 9651, server.operator, "POST", "/api/v1/webhooks", {"url": "https://example.com/", "events": ["weather"]})
        refused(400, 9651, server.operator, "POST", "/api/v1/webhooks", {"url": "https://example.com/", "events": []})


def case_secrets_stay_secret_and_only_administrators_look():
    with site(1) as (server, fleet, receiver):
        environment = {**os.environ, "ALOFT_SERVER": f"https://127.0.0.1:{server.port}", "ALOFT_FINGERPRINT": server.fingerprint,
                       "ALOFT_TOKEN": server.admin["Authorization"].split()[1]}

        def aloft(*arguments):
            return subprocess.run([ALOFT, "webhook", *arguments], env=environment, check=True, capture_output=True, text=True).stdout
        secret = aloft("create", receiver.url, "--event", "audit", "--note", "ops room").splitlines()[-1]
        assert len(secret) == 43
        number = str(server.operator("GET", "/api/v1/webhooks")["webhooks"][0]["id"])
        server.operator("POST", "/api/v1/groups", {"name": "one"})
        wait_for(lambda: receiver.taken)
        assert is_signed(secret, *receiver.taken[-1][:2])
        wait_for(lambda: "200" in aloft("deliveries", number))
        assert "ops room" in aloft("list") and secret not in aloft("list", "--json")
        aloft("disable", number)
        assert "off: by hand" in aloft("list")
        aloft("enable", number)
        server.stop()
        assert secret not in (server.folder / "log").read_text()
        server.start(server.port)
        assert secret not in json.dumps(server.operator("GET", "/api/v1/audit"))
        server.operator("POST", "/api/v1/users", {"name": "op", "password": "a long password", "roles": ["operator", "releaser", "approver"]})
        token = server.call("POST", "/api/v1/login", {"user": "op", "password": "a long password"})["token"]
        for method, path in (("GET", "/api/v1/webhooks"), ("POST", "/api/v1/webhooks"), ("GET", f"/api/v1/webhooks/{number}/deliveries")):
            refused(403, 9075, server.call, method, path, {} if method == "POST" else None, headers={"Authorization": "Bearer " + token})
        aloft("delete", number)
        assert server.operator("GET", "/api/v1/webhooks") == {"webhooks": []}


if __name__ == "__main__":
    run(globals())
