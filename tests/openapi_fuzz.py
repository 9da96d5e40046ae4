#!/usr/bin/env python3
"""Every operation of docs/openapi.yaml, spoilt in every way of openapi_requests.py, on the real aloft-server: never 500, never a hang, every
refusal with a number and a message, and nothing changed by what was refused.

openapi_fuzz.py [--seed N] [--rounds N] [--per-operation N] [--only TEXT]
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import random
import socket
import sqlite3
import time

from openapi_requests import ODD_SEGMENTS, ODD_VALUES, Spec, spoil_json
from server_harness import Server, Signer, ready_device, swu_of

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW")
LIMIT_S = 20
MAY_END_THE_TOKEN = ("logout", "changeOwnPassword", "deleteToken")
EVERYTHING = None  # for a chance: all members that a body may have
# What changes without a request: by the clock, by rollouts at work, by webhooks.
BY_ITSELF = {"audit", "webhook_deliveries", "webhooks"}
TIMES_OF_USE = {b"last_seen_ms", b"used_ms"}  # written by the clock, long after the request
BY_ROLLOUTS = {"rollouts", "rollout_devices", "rollout_events", "deployments", "transitions"}
ROLLOUTS_AT_WORK = "SELECT count(*) FROM rollouts WHERE state IN (1,2,3,4)"


class Contents:
    """What the server keeps, table by table, without what moves by itself."""

    def __init__(self, file):
        self.database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        self.database.text_factory = bytes
        tables = [row[0].decode() for row in self.database.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")]
        self.queries = {}
        for table in sorted(set(tables) - BY_ITSELF):
            columns = [row[1].decode() for row in self.database.execute(f"PRAGMA table_info({table})") if row[1] not in TIMES_OF_USE]
            where = " WHERE key<>'probe'" if table == "settings" else ""
            self.queries[table] = f"SELECT {','.join(columns)} FROM {table}{where} ORDER BY {','.join(columns[:2])}"

    def now(self):
        return {table: hashlib.sha256(repr(self.database.execute(query).fetchall()).encode()).digest() for table, query in self.queries.items()}

    def rollouts_work(self):
        return self.database.execute(ROLLOUTS_AT_WORK).fetchone()[0] != 0


class Site:
    """A server, or a tenant of one, with something of everything, and somebody for each kind of token."""

    def __init__(self, server=None, data=None):
        self.server = server or Server(arguments=["--deltas", "off", "--tenant-domain", "updates.test"], plain=True).start().set_up()
        signer = Signer(self.server.folder)
        self.bundle = signer.bundle("9", b"x" * 3000)
        self.releases = [self.operator("POST", "/api/v1/releases", signer.bundle(v, v.encode() * 2000)) for v in ("1", "2", "3")]
        self.operator("POST", "/api/v1/releases?product=lab-gateway&hardware=rev-a", swu_of("4"))
        self.devices = [ready_device(self.server, f"cam-0{n}") for n in range(1, 6)]
        self.device = self.devices[0]
        self.deployment = self.operator("POST", "/api/v1/deployments", {"release": self.releases[1]["id"], "devices": ["cam-01"]})["deployments"][0]
        self.device.report(self.deployment["id"], "accepted")
        self.withdrawable = self.operator("POST", "/api/v1/deployments", {"release": self.releases[1]["id"], "devices": ["cam-05"]})["deployments"][0]
        made = self.operator("POST", "/api/v1/ddi/devices", {"name": "ddi-01", "product": "lab-gateway", "hardware": "rev-a"})
        self.target = {"Authorization": "TargetToken " + made["token"]}
        self.ddi_deployment = self.operator("POST", "/api/v1/deployments", {"release": self.releases[2]["id"], "devices": ["ddi-01"]})["deployments"][0]
        self.operator("POST", "/api/v1/ddi/devices", {"name": "ddi-02", "product": "lab-gateway", "hardware": "rev-a"})
        self.operator("POST", "/api/v1/groups", {"name": "lab", "description": "", "filter": "name==cam-*"})
        self.operator("POST", "/api/v1/groups", {"name": "bench", "description": ""})
        self.operator("POST", "/api/v1/users", {"name": "vera", "password": "correct horse battery", "roles": ["viewer"]})
        self.operator("POST", "/api/v1/users", {"name": "bert", "password": "correct horse battery", "roles": ["operator"]})
        self.viewer = self.token_of("vera")
        self.rollout = self.operator("POST", "/api/v1/rollouts", {"name": "r", "release": self.releases[2]["id"], "filter": "name==cam-03"})
        if server is None:
            self.operator("POST", "/api/v1/tenants", {"name": "acme"})
        self.contents = Contents(data or self.server.folder / "data/fleet.db")
        self.asset = next((line.split('"')[0] for line in self.server.call("GET", "/", raw=True)[2].decode("latin-1").split("/assets/")[1:]), "none.js")

    def operator(self, *arguments):
        return self.server.operator(*arguments)

    def token_of(self, user):
        return {"Authorization": "Bearer " + self.server.call("POST", "/api/v1/login", {"user": user, "password": "correct horse battery"})["token"]}

    def throw_away_token(self):
        """An administrator's, for requests that may end it."""
        made = self.operator("POST", "/api/v1/tokens", {"note": "fuzz"})
        return made["id"], {"Authorization": "Bearer " + made["token"]}


def known_values(site):
    return {"release": site.releases[1]["id"], "rollback_release": site.releases[0]["id"], "add": ["cam-02"], "remove": ["cam-03"], "measure": "crash-reboots",
            "waves": [{"permille": 500, "soak_s": 60}], "window": {"from": "22:00", "until": "04:00"}, "start_at_ms": 4_000_000_000_000, "deadline_s": 86400,
            "rate_growth": {"factor_percent": 150, "interval_s": 60}, "devices": ["cam-02"], "filter": "name==cam-*", "name": "cam-02",
            "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
            "host": "ota.roof.test", "product": "lab-gateway", "hardware": "rev-a", "version": "1", "deployment": site.deployment["id"], "sequence": 7, "time_ms": 1, "state": "downloading",
            "password": "correct horse battery", "old_password": "wrong horse battery", "url": "https://127.0.0.1:9/hook", "permille": 500, "roles": ["viewer"],
            "attributes": {"modem": "ec25"}, "data": {"modem": "ec25"}, "reboots": {"watchdog": 1}, "metrics": {"t": {"count": 1, "sum": 1.5, "last": 1.5}}}


def path_values(site, operation):
    ids = {"releases": site.releases[0]["id"], "rollouts": site.rollout["id"], "deployments": site.deployment["id"], "controller": site.ddi_deployment["id"]}
    first = operation.path.split("/")
    kind = "controller" if "controller" in first else first[3] if len(first) > 3 else first[1]
    names = {"tenants": "acme", "groups": "bench" if first[-1] == "devices" else "lab", "users": "bert", "tags": "north", "ddi": "ddi-02"}
    module = site.releases[2]["id"] if "softwaremodules" in first else ids.get(kind, 1)
    if first[-1] == "cancel" and kind == "deployments":
        module = site.withdrawable["id"]
    name = {"reject": "cam-04", "cancel": "cam-03"}.get(first[-1], names.get(kind, "cam-02"))
    return {"id": str(module), "name": name, "sha256": site.releases[1]["sha256"], "tenant": "default", "controller": "ddi-01",
            "file": site.asset if "assets" in first else site.releases[2]["file_name"]}


def good_headers(site, operation):
    """Of somebody who may; what may end the token gets one of its own."""
    if "ddi" in operation.item["tags"] and operation.path.startswith("/{"):
        return dict(site.target)
    if {"device": []} in operation.item.get("security", []):
        return dict(site.device.headers)
    if operation.item.get("security") == []:
        return {}
    if operation.item["operationId"] in MAY_END_THE_TOKEN:
        return site.throw_away_token()[1]
    return dict(site.server.admin)


def good_body(site, spec, operation, chance):
    if operation.body is None:
        return None
    kind, schema = operation.body
    if kind != "application/json":
        return site.bundle
    known = known_values(site)
    known["name"] = {"/api/v1/users": "carla", "/api/v1/groups": "roof", "/api/v1/ddi/devices": "ddi-02", "/api/device/v1/enrol": "cam-09", "/api/v1/tenants": "roof"}.get(operation.path, "cam-02")
    if operation.item["operationId"] in ("ddiFeedback", "ddiCancelFeedback", "ddiConfirm"):
        return {"id": str(site.ddi_deployment["id"]), "time": "20260101T120000", "status": {"result": {"finished": "none"}, "execution": "proceeding", "details": ["m"]}}
    if operation.item["operationId"] == "ddiConfigData":
        return {"mode": "merge", "data": {"modem": "ec25"}}
    body = spec.example(schema, known, chance)
    if "filter" in body:
        body.pop("group", None)
    if operation.path.endswith("/enrol"):
        body.pop("token", None)
    if operation.path.endswith("/rollouts") or operation.path.endswith("-preview"):
        body.setdefault("filter", "name==cam-*")
    return body


class Request:
    def __init__(self, site, spec, operation, chance):
        self.operation, self.method = operation, operation.method
        self.body, self.headers = good_body(site, spec, operation, chance), good_headers(site, operation)
        self.kind = operation.body[0] if operation.body else None
        self.segments = []
        values = path_values(site, operation)
        if operation.item["operationId"] == "deleteToken":
            values["id"] = str(site.throw_away_token()[0])
        for part in operation.path.split("/")[1:]:
            self.segments.append(values[part[1:-1]] if part.startswith("{") else part)
        self.variable = [i for i, part in enumerate(operation.path.split("/")[1:]) if part.startswith("{")]
        self.query = []
        self.ways = []

    def target(self):
        return "/" + "/".join(self.segments) + ("?" + "&".join(self.query) if self.query else "")

    def data(self):
        if isinstance(self.body, (bytes, type(None))):
            return self.body
        return json.dumps(self.body).encode()


def spoil_token(chance, site, request):
    word = chance.choice(("none", "none", "garbage", "device", "viewer", "target", "empty", "long", "bytes", "basic"))
    request.headers.pop("Authorization", None)
    given = {"garbage": "Bearer " + "q" * 43, "device": site.device.headers["Authorization"], "viewer": site.viewer["Authorization"],
             "target": site.target["Authorization"], "empty": "Bearer ", "long": "Bearer " + "~" * 9000, "bytes": "Bearer \xff\xfe\x80",
             "basic": "Basic YWRtaW46YWRtaW4="}.get(word)
    if given:
        request.headers["Authorization"] = given
    return "token " + word


def spoil_method(chance, _, request):
    request.method = chance.choice(METHODS)
    return "method " + request.method


def spoil_path(chance, _, request):
    at = chance.choice(request.variable or range(len(request.segments)))
    request.segments[at] = chance.choice(ODD_SEGMENTS)
    return "segment " + request.segments[at][:20]


def spoil_query(chance, site, request):
    names = [p["name"] for p in request.operation.item["parameters"] if p["in"] == "query"] + ["unheard-of", "limit", "before"]
    for _ in range(chance.choice((1, 1, 2, 60))):
        value = chance.choice(ODD_SEGMENTS) if chance.random() < 0.7 else str(chance.choice(ODD_VALUES))[:500].encode("utf-8", "replace").hex()
        # A wait that is granted is no hang.
        name = chance.choice(names)
        request.query.append(f"{name}={'301' if name == 'wait' and value.isdigit() else value}")
    return "query " + request.query[0][:30]


def spoil_body(chance, _, request):
    if request.kind == "application/json" or request.body is None:
        way, request.body = spoil_json(chance, request.body if request.body is not None else {})
        return "body " + way
    data = bytearray(request.body)
    way = chance.choice(("cut", "flipped", "noise", "none", "huge numbers"))
    if way == "cut":
        data = data[:chance.randrange(len(data))]
    if way == "flipped":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if way == "noise":
        data = chance.randbytes(3000)
    if way == "huge numbers":
        data[16:32] = b"\xff" * 16
    request.body = b"" if way == "none" else bytes(data)
    return "file " + way


def spoil_header(chance, _, request):
    name = chance.choice(("Content-Type", "Content-Encoding", "If-None-Match", "Range", "Accept", "Last-Event-ID", "Host", "X-Forwarded-For", "Cookie", "Expect"))
    request.headers[name] = chance.choice(("", "x", "*/*", "text/xml", "gzip", "bytes=5-1", "bytes=0-,0-,0-", "\"" + "a" * 3000 + "\"", "__Host-aloft-session=x", "0", "\xff\xfe"))
    return f"header {name}"


def spoilt(chance, site, spec, operation):
    request = Request(site, spec, operation, chance)
    ways = [spoil_token, spoil_method, spoil_path, spoil_query, spoil_header] + [spoil_body] * (5 if operation.body else 1)
    for way in dict.fromkeys(chance.sample(ways, chance.choice((1, 1, 1, 2)))):
        request.ways.append(way(chance, site, request))
    return request


def send(site, request, chance):
    """(status, headers, body); strangers come from addresses of their own, since what is asked too often from one is refused."""
    source = f"127.{chance.randrange(1, 255)}.{chance.randrange(255)}.{chance.randrange(1, 255)}"
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=LIMIT_S, source_address=(source, 0))
    try:
        connection.putrequest(request.method, request.target(), skip_host="Host" in request.headers, skip_accept_encoding=True)
        data = request.data()
        for name, value in request.headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders()
        if data and request.headers.get("Expect") is None:
            try:
                connection.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused by its header
        elif data:
            connection.send(data)
        answer = connection.getresponse()
        live = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        return answer.status, answer.headers, b"" if live else answer.read()
    finally:
        connection.close()


def judge(site, request, status, headers, body, before):
    """What the server keeps after a refusal; nothing when the request was taken."""
    said = f"{request.method} {request.target()[:200]} ({', '.join(request.ways)}): {status} {body[:300]!r}"
    assert status < 500 or status == 503, said
    if status in (429, 503):
        assert headers.get("Retry-After", "").isdigit(), said
    if status < 400:
        return None
    if request.method != "HEAD":
        error = json.loads(body)["error"]
        assert isinstance(error["number"], int) and error["number"] > 0 and error["name"] and error["message"], said
    at_work = site.contents.rollouts_work()
    after = site.contents.now()
    changed = {table for table in after if after[table] != before[table]}
    if at_work:
        changed -= BY_ROLLOUTS
    assert not changed, f"what was refused has changed {sorted(changed)}: {said}"
    return after


def fuzz(site, spec, arguments):
    operations = [o for o in spec.operations() if arguments.only in str(o)]
    statuses, accepted, count, before = {}, set(), 0, None
    for operation in operations:  # as they are, so that what is spoilt below is known to be near to good
        if operation.item["operationId"] in ("logout", "deleteUser", "deleteDevice", "deleteRelease", "deleteGroup"):
            continue
        request = Request(site, spec, operation, EVERYTHING)
        if send(site, request, random.Random(0))[0] < 400:
            accepted.add(str(operation))
    for round_number in range(arguments.rounds):
        for index, operation in enumerate(operations):
            chance = random.Random(f"{arguments.seed}/{round_number}/{operation}")
            for _ in range(arguments.per_operation):
                request = spoilt(chance, site, spec, operation)
                before = site.contents.now() if before is None or operation.item["operationId"] in MAY_END_THE_TOKEN or site.contents.rollouts_work() else before
                try:
                    status, headers, body = send(site, request, chance)
                except (socket.timeout, http.client.HTTPException, OSError) as error:
                    raise AssertionError(f"{request.method} {request.target()[:200]} ({', '.join(request.ways)}): {error!r}") from error
                before = judge(site, request, status, headers, body, before)
                statuses[status] = statuses.get(status, 0) + 1
                count += 1
            if index % 20 == 0:
                assert site.server.call("GET", "/healthz")["status"] == "ok"
    return statuses, accepted, len(operations), count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("ALOFT_SEED", time.time_ns() % 1_000_000)))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--per-operation", type=int, default=8)
    parser.add_argument("--only", default="", metavar="PART", help="only operations with this in their method or path")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    begin = time.monotonic()
    spec = Spec(pathlib.Path(os.environ["ALOFT_SOURCE"]) / "docs/openapi.yaml")
    if not any(arguments.only in str(each) for each in spec.operations()):
        parser.error(f"--only: no operation has {arguments.only!r} in it")
    site = Site()
    try:
        statuses, accepted, operations, count = fuzz(site, spec, arguments)
        assert site.server.process.poll() is None and site.server.stop() == 0
    finally:
        site.server.destroy()
    print(f"{count} requests to {operations} operations in {time.monotonic() - begin:.0f} s: {dict(sorted(statuses.items()))}; {len(accepted)} take what the page says")
    if not arguments.only:
        missing = sorted(str(o) for o in spec.operations() if str(o) not in accepted)
        print("not as they are: " + ", ".join(missing))
        assert len(accepted) >= operations * 0.7, "too few operations take a request made from the page: what is spoilt is not near to good"
        assert statuses.get(400, 0) > count / 10 and sum(n for s, n in statuses.items() if s < 400) > count / 20, statuses


if __name__ == "__main__":
    main()
