#!/usr/bin/env python3
"""aloft-server as operators and devices see it: first start, enrolment, deployments, artifacts, reports, logs, live events."""
import gzip
import hashlib
import json
import os
import pathlib
import re
import threading
import time
import urllib.parse

from server_harness import PASSWORD, Device, Refused, Server, Signer, ready_device, refused, run, site


def wait_for_held_poll(server):
    while b"aloft_requests_running 2\n" not in server.call("GET", "/metrics"):
        time.sleep(0.02)


def upload(server, bundle):
    return server.operator("POST", "/api/v1/releases", bundle)


def deploy(server, release, *names):
    return server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": list(names)})["deployments"]


def case_first_start_needs_the_printed_token_and_works_once():
    server = Server()
    try:
        server.start()
        setup = {"user": "admin", "password": PASSWORD}
        refused(401, 9063, server.call, "POST", "/api/v1/setup", {**setup, "token": "A" * 43})
        refused(400, 9065, server.call, "POST", "/api/v1/setup", {**setup, "token": server.setup_token, "password": "short"})
        server.set_up()
        refused(409, 9064, server.call, "POST", "/api/v1/setup", {**setup, "token": server.setup_token})
        refused(401, 9061, server.call, "POST", "/api/v1/login", {"user": "admin", "password": "wrong password"})
        refused(401, 9061, server.call, "POST", "/api/v1/login", {"user": "nobody", "password": PASSWORD})
        token = server.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})["token"]
        headers = {"Authorization": "Bearer " + token}
        session = server.call("GET", "/api/v1/session", headers=headers)
        assert session["user"] == "admin" and session["certificate_sha256"] == server.fingerprint
        server.call("POST", "/api/v1/logout", headers=headers)
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=headers)
        database = (server.folder / "data/fleet.db").read_bytes() + (server.folder / "data/fleet.db-wal").read_bytes()
        for secret in (PASSWORD, token, server.setup_token.split(".")[0]):
            assert secret.encode() not in database, "a secret lies in the database"
    finally:
        server.destroy()


def case_a_browser_logs_in_by_cookie_and_no_foreign_page_uses_it():
    with site() as server:
        status, headers, body = server.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD, "cookie": True}, raw=True)
        set_cookie = headers["Set-Cookie"]
        assert status == 200 and b"token" not in body, "a script of the page never sees the session's secret"
        assert all(word in set_cookie.split("; ") for word in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/")), set_cookie
        cookie = {"Cookie": set_cookie.split(";")[0]}
        own = {**cookie, "X-Aloft-Console": "1"}
        assert server.call("GET", "/api/v1/session", headers=cookie)["user"] == "admin"
        refused(403, 9090, server.call, "POST", "/api/v1/tokens", {"note": "x"}, headers=cookie)
        refused(403, 9090, server.call, "POST", "/api/v1/tokens", {"note": "x"}, headers={**own, "Sec-Fetch-Site": "cross-site"})
        refused(403, 9090, server.call, "POST", "/api/v1/logout", headers=cookie)
        server.call("POST", "/api/v1/tokens", {"note": "x"}, headers=own)
        _, headers, _ = server.call("POST", "/api/v1/logout", headers=own, raw=True)
        assert "Max-Age=0" in headers["Set-Cookie"]
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=cookie)


def case_logins_are_limited():
    with site() as server:
        for _ in range(20):
            error = None
            try:
                server.call("POST", "/api/v1/login", {"user": "admin", "password": "wrong password"})
            except Refused as caught:
                error = caught
            if error.status == 429:
                break
        assert error.status == 429 and error.number == 9062 and error.headers["Retry-After"]


def case_strangers_may_knock_so_often():
    with site() as server:
        secret = server.enrolment_secret()
        waiting = Device(server, "waiting")
        assert waiting.enrol() is False
        error = None
        for number in range(40):
            try:
                Device(server, f"stranger-{number}").enrol()
            except Refused as caught:
                error = caught
                break
        assert number == 29, number  # the first was the one that waits
        assert error.status == 429 and error.number == 9062 and 1 <= int(error.headers["Retry-After"]) <= 60
        for _ in range(40):
            assert waiting.enrol() is False, "who is known may ask again"
        refused(429, 9062, Device(server, "late").enrol, secret)


def case_a_whole_site_may_enrol_from_one_address():
    with site() as server:
        for number in range(45):
            assert Device(server, f"cam-{number}").enrol(server.enrolment_secret()) is True


def case_operators_survive_a_restart_and_api_tokens_can_be_revoked():
    with site() as server:
        made = server.operator("POST", "/api/v1/tokens", {"note": "ci"})
        script = {"Authorization": "Bearer " + made["token"]}
        assert server.stop() == 0
        server.start()
        assert server.call("GET", "/api/v1/session", headers=script)["user"] == "admin"
        assert [t["note"] for t in server.operator("GET", "/api/v1/tokens")["tokens"] if t["kind"] == "api"] == ["ci"]
        server.operator("DELETE", f"/api/v1/tokens/{made['id']}")
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=script)


def case_every_operator_route_refuses_strangers():
    spec = (pathlib.Path(os.environ["ALOFT_SOURCE"]) / "docs/openapi.yaml").read_text()
    import yaml
    with site() as server:
        for path, item in yaml.safe_load(spec)["paths"].items():
            for method, operation in item.items():
                if method == "parameters" or operation.get("security") == []:
                    continue
                concrete = path.replace("{id}", "1").replace("{name}", "x").replace("{sha256}", "0" * 64)
                for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
                    refused(401, 9060, server.call, method.upper(), concrete, b"" if method in ("post", "put") else None, headers=headers)


def case_a_token_enrols_one_device():
    with site() as server:
        secret = server.enrolment_secret()
        device = Device(server, "cam-01")
        assert device.enrol(secret) is True
        assert device.enrol(secret) is True, "the same device may ask again"
        refused(401, 9024, Device(server, "cam-02").enrol, secret)
        refused(401, 9024, Device(server, "cam-03").enrol, "nonsense")
        refused(409, 9023, Device(server, "cam-01").enrol, server.enrolment_secret())
        tokens = server.operator("GET", "/api/v1/enrolment-tokens")["enrolment_tokens"]
        assert [t.get("used_by") for t in tokens] == [None, "cam-01"]
        assert device.authenticate().poll()[2] == {}


def case_a_device_without_token_waits_for_acceptance():
    with site() as server:
        device = Device(server, "cam-01")
        assert device.enrol() is False
        refused(403, 9021, device.authenticate)
        assert [d["name"] for d in server.operator("GET", "/api/v1/devices?status=pending")["devices"]] == ["cam-01"]
        server.operator("POST", "/api/v1/devices/cam-01/accept")
        assert device.enrol() is True
        device.authenticate()
        assert device.poll()[0] == 200
        server.operator("POST", "/api/v1/devices/cam-01/reject")
        refused(403, 9022, server.call, "GET", "/api/device/v1/assignment", headers=device.headers)
        refused(403, 9022, device.enrol)
        server.operator("DELETE", "/api/v1/devices/cam-01")
        refused(401, 9060, server.call, "GET", "/api/device/v1/assignment", headers=device.headers)


def case_devices_are_found_by_what_they_say_of_themselves():
    with site() as server:
        one, two = ready_device(server, "cam-01"), ready_device(server, "cam-02", version="2.10")
        server.call("PUT", "/api/device/v1/inventory", {"attributes": {"modem": "EC25", "site": "roof north"}}, headers=one.headers)
        refused(400, 1007, server.call, "PUT", "/api/device/v1/inventory", {"attributes": {"a b": "x"}}, headers=one.headers)
        refused(400, 1007, server.call, "PUT", "/api/device/v1/inventory", {"attributes": {"a": 5}}, headers=one.headers)
        shown = server.operator("GET", "/api/v1/devices/cam-01")
        assert shown["attributes"] == {"modem": "EC25", "site": "roof north"} and shown["tags"] == [] and shown["update_status"] == "registered"
        server.operator("POST", "/api/v1/tags/beta/devices", {"add": ["cam-02"]})
        server.operator("POST", "/api/v1/groups", {"name": "modems", "filter": "attribute.modem==*,tag==beta"})
        server.operator("POST", "/api/v1/groups", {"name": "hand", "description": "by hand"})
        server.operator("POST", "/api/v1/groups/hand/devices", {"add": ["cam-01"]})

        def found(q):
            return [d["name"] for d in server.operator("GET", "/api/v1/devices?q=" + urllib.parse.quote(q))["devices"]]

        assert found("attribute.modem==ec25") == ["cam-01"] and found("attribute.modem!=ec25") == ["cam-02"]
        assert found("version=gt=2.9") == ["cam-02"] and found("group==modems") == ["cam-01", "cam-02"] and found("group==hand") == ["cam-01"]
        assert found("name==cam-*;(tag==beta,attribute.site=='roof north')") == ["cam-01", "cam-02"]
        server.call("PUT", "/api/device/v1/inventory", {"attributes": {}}, headers=one.headers)
        assert found("group==modems") == ["cam-02"], "a device that no longer matches leaves at once"
        assert server.operator("POST", "/api/v1/filter-check", {"filter": "lastseen>5"}) == {"device_count": 2, "steady": False}
        mistake = refused(400, 9611, server.operator, "GET", "/api/v1/devices?q=colour==red")
        assert "position 1" in mistake.body["error"]["message"]
        refused(400, 9610, server.operator, "POST", "/api/v1/filter-check", {"filter": "name=='"})
        refused(400, 9615, server.operator, "POST", "/api/v1/groups", {"name": "late", "filter": "lastseen<5"})
        refused(409, 9601, server.operator, "POST", "/api/v1/groups", {"name": "HAND"})
        refused(409, 9602, server.operator, "POST", "/api/v1/groups/modems/devices", {"add": ["cam-01"]})
        server.operator("PUT", "/api/v1/device-types", {"product": "lab-gateway", "description": "gateway", "hardware": [{"hardware": "rev-b"}]})
        [kind] = server.operator("GET", "/api/v1/device-types")["device_types"]
        assert [(h["hardware"], h["described"], h["device_count"]) for h in kind["hardware"]] == [("rev-a", False, 2), ("rev-b", True, 0)]
        server.kill()
        server.start()
        assert found("group==modems") == ["cam-02"] and server.operator("GET", "/api/v1/tags")["tags"] == [{"tag": "beta", "device_count": 1}]
        server.operator("DELETE", "/api/v1/groups/hand")
        assert [g["name"] for g in server.operator("GET", "/api/v1/groups")["groups"]] == ["modems"]


def case_a_backup_while_it_runs_comes_back_whole():
    import subprocess
    from server_harness import PROGRAM
    with site() as server:
        signer = Signer(server.folder)
        bundle = signer.bundle("2", os.urandom(600_000))
        release = upload(server, bundle)
        device = ready_device(server, "cam-01")
        deploy(server, release, "cam-01")
        copy = server.folder / "copy"
        subprocess.run([PROGRAM, "--data", server.folder / "data", "--backup-to", copy], check=True, capture_output=True)
        ready_device(server, "cam-02")
        assert subprocess.run([PROGRAM, "--data", server.folder / "data", "--backup-to", copy], capture_output=True).returncode == 1
        assert subprocess.run([PROGRAM, "--data", server.folder / "data", "--restore-from", copy], capture_output=True).returncode == 1
        fingerprint = server.fingerprint
        server.kill()
        (server.folder / "data").rename(server.folder / "lost")
        subprocess.run([PROGRAM, "--data", server.folder / "data", "--restore-from", copy], check=True, capture_output=True)
        server.start()
        assert server.fingerprint == fingerprint, "devices pin the certificate"
        assert [d["name"] for d in server.operator("GET", "/api/v1/devices")["devices"]] == ["cam-01"]
        assert device.poll()[2]["deployment"]["artifact_sha256"] == release["sha256"]
        assert server.call("GET", f"/api/device/v1/artifacts/{release['sha256']}", headers=device.headers) == bundle


def case_roles_bound_what_users_may():
    with site() as server:
        signer = Signer(server.folder)
        release = upload(server, signer.bundle("2", b"x" * 5000))
        ready_device(server, "cam-01")

        def user(name, *roles):
            server.operator("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "roles": list(roles)})
            return {"Authorization": "Bearer " + server.call("POST", "/api/v1/login", {"user": name, "password": PASSWORD})["token"]}

        viewer, worker, second = user("viv", "viewer"), user("olga", "operator"), user("anna", "approver", "releaser")
        assert server.call("GET", "/api/v1/session", headers=worker)["roles"] == ["operator"]
        plan = {"name": "x", "release": release["id"], "filter": "name==*", "needs_approval": True}
        for headers in (viewer, second):
            refused(403, 9075, server.call, "POST", "/api/v1/rollouts", plan, headers=headers)
            refused(403, 9075, server.call, "DELETE", "/api/v1/devices/cam-01", headers=headers)
            assert server.call("GET", "/api/v1/devices", headers=headers)["devices"]
            assert server.call("POST", "/api/v1/rollout-preview", plan, headers=headers)["members"] == 1
        refused(403, 9075, server.call, "DELETE", f"/api/v1/releases/{release['id']}", headers=worker)
        for path in ("/api/v1/users", "/api/v1/audit"):
            refused(403, 9075, server.call, "GET", path, headers=worker)
        rollout = server.call("POST", "/api/v1/rollouts", plan, headers=worker)
        refused(403, 9075, server.call, "POST", f"/api/v1/rollouts/{rollout['id']}/approve", {}, headers=worker)
        assert server.call("POST", f"/api/v1/rollouts/{rollout['id']}/approve", {}, headers=second)["approved_by"] == "anna"
        server.operator("PUT", "/api/v1/users/olga", {"roles": ["viewer"]})
        refused(403, 9075, server.call, "POST", f"/api/v1/rollouts/{rollout['id']}/start", {}, headers=worker)
        refused(409, 9631, server.operator, "PUT", "/api/v1/users/admin", {"roles": ["viewer"]})
        refused(409, 9631, server.operator, "DELETE", "/api/v1/users/admin")
        refused(400, 9632, server.operator, "POST", "/api/v1/users", {"name": "x", "password": PASSWORD, "roles": ["king"]})
        refused(409, 9046, server.operator, "POST", "/api/v1/users", {"name": "viv", "password": PASSWORD, "roles": ["viewer"]})
        refused(401, 9061, server.call, "PUT", "/api/v1/session/password", {"old_password": "wrong password", "password": PASSWORD + "2"}, headers=viewer)
        server.call("PUT", "/api/v1/session/password", {"old_password": PASSWORD, "password": PASSWORD + "2"}, headers=viewer)
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=viewer)
        server.call("POST", "/api/v1/login", {"user": "viv", "password": PASSWORD + "2"})
        server.operator("DELETE", "/api/v1/users/anna")
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=second)
        server.kill()
        server.start()
        assert [u["name"] for u in server.operator("GET", "/api/v1/users")["users"]] == ["admin", "olga", "viv"]
        entries = server.operator("GET", "/api/v1/audit?limit=1000")["entries"]
        story = [(e["user"], e["method"], e["path"], e.get("status")) for e in reversed(entries)]
        assert ("olga", "POST", "/api/v1/rollouts", 201) in story and ("viv", "POST", "/api/v1/rollouts", 403) in story
        assert ("anna", "POST", f"/api/v1/rollouts/{rollout['id']}/approve", 200) in story and ("", "POST", "/api/v1/login", 200) in story
        assert all(PASSWORD not in json.dumps(e) for e in entries), "a password lies in the audit log"
        assert [e["user"] for e in server.operator("GET", "/api/v1/audit?user=anna")["entries"]] == ["anna", "anna", "anna"]


def case_changes_are_told_live():
    with site() as server:
        events = []

        def listen(after=None):
            connection = server.connect(timeout=20)
            connection.request("GET", "/api/v1/events", headers={**server.admin, **({"Last-Event-ID": after} if after else {})})
            answer, event = connection.getresponse(), {}
            while not any(e["event"] == "end" for e in events):
                line = answer.readline().decode().rstrip("\n")
                if line == "" and event:
                    events.append(event)
                    event = {}
                elif line and not line.startswith(":"):
                    key, value = line.split(": ", 1)
                    event[key] = value

        def heard(name, count=1):
            deadline = time.monotonic() + 15
            while sum(e["event"] == name for e in events) < count:
                assert time.monotonic() < deadline, events
                time.sleep(0.02)

        threading.Thread(target=listen, daemon=True).start()
        heard("hello")
        signer = Signer(server.folder)
        release = upload(server, signer.bundle("2", b"x" * 5000))
        device = ready_device(server, "cam-01")
        heard("device")
        deploy(server, release, "cam-01")
        heard("deployment")
        server.operator("POST", "/api/v1/groups", {"name": "g", "filter": "name==cam-01"})
        heard("groups")
        told = [json.loads(e["data"]) for e in events if e["event"] == "deployment"]
        assert told[0]["device"] == "cam-01" and told[0]["state"] == "offered"
        first = events[0]["id"]
        events.clear()
        threading.Thread(target=listen, args=(first,), daemon=True).start()
        heard("groups")
        events.clear()
        threading.Thread(target=listen, args=("5",), daemon=True).start()
        heard("reset")
        events.append({"event": "end"})


def case_a_nonce_is_good_once_and_for_one_key():
    with site() as server:
        device = ready_device(server, "cam-01")
        nonce = server.call("POST", "/api/device/v1/challenge", {"name": "cam-01"})["nonce"]
        text = f"aloft device token v1\ncam-01\n{nonce}\n".encode()
        from server_harness import b64url
        body = {"name": "cam-01", "nonce": nonce, "signature": b64url(device.key.sign(text))}
        server.call("POST", "/api/device/v1/token", body)
        refused(401, 9066, server.call, "POST", "/api/device/v1/token", body)
        other = Device(server, "cam-01")
        refused(401, 9060, other.authenticate)
        refused(401, 9066, Device(server, "stranger").authenticate)


def case_a_deployment_reaches_a_waiting_device_and_its_story_is_kept():
    with site() as server:
        signer = Signer(server.folder)
        content = os.urandom(700_000)
        bundle = signer.bundle("2", content)
        release = upload(server, bundle)
        assert release["sha256"] == hashlib.sha256(bundle).hexdigest() and release["verified"] is False
        assert release["signers"] == ["CN=Test Signer"] and release["version"] == "2"
        assert upload(server, bundle)["id"] == release["id"], "the same bundle is the same release"
        device = ready_device(server, "cam-01")
        status, tag, assignment = device.poll()
        assert status == 200 and assignment == {} and device.poll(tag)[0] == 304
        answers = []
        poller = threading.Thread(target=lambda: answers.append((device.poll(tag, wait=60), time.monotonic())))
        poller.start()
        wait_for_held_poll(server)
        [deployment] = deploy(server, release, "cam-01")
        made = time.monotonic()
        poller.join(30)
        (status, tag, assignment), heard = answers[0]
        assert status == 200 and heard - made < 1.0, f"the device heard of it after {heard - made:.2f} s"
        assert assignment["deployment"] == {"id": deployment["id"], "version": "2", "artifact_sha256": release["sha256"],
                                            "artifact_size_bytes": len(bundle)}
        check_artifact(server, device, release, bundle)
        events, watcher = watch(server, deployment["id"])
        for state in ("accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial"):
            device.report(deployment["id"], state)
        device.report(deployment["id"], "rolled-back", error=8010, message="health check network failed")
        server.call("PUT", f"/api/device/v1/deployments/{deployment['id']}/log", b"line one\n", headers=device.headers)
        watcher.join(30)
        assert [json.loads(e["data"])["state"] for e in events] == ["offered", "accepted", "downloading", "installing", "verified", "armed",
                                                                     "rebooting", "on-trial", "rolled-back", "rolled-back"]
        assert events[-1]["event"] == "end" and json.loads(events[-2]["data"])["error"] == 8010
        resumed, watcher = watch(server, deployment["id"], after=events[4]["id"])
        watcher.join(30)
        assert [e["data"] for e in resumed] == [e["data"] for e in events[5:-1]] + [resumed[-1]["data"]]
        shown = server.operator("GET", f"/api/v1/deployments/{deployment['id']}")
        assert shown["state"] == "rolled-back" and shown["error"] == 8010 and shown["log"] is True and len(shown["transitions"]) == 9
        assert server.operator("GET", f"/api/v1/deployments/{deployment['id']}/log") == b"line one\n"
        assert device.poll()[2] == {}, "a finished deployment is no longer assigned"
        refused(403, 9067, server.call, "GET", f"/api/device/v1/artifacts/{release['sha256']}", headers=device.headers)
        server.operator("DELETE", f"/api/v1/releases/{release['id']}")
        assert "release" not in server.operator("GET", f"/api/v1/deployments/{deployment['id']}")
        assert not [f for f in (server.folder / "data/blobs").rglob("*") if f.is_file()]


def check_artifact(server, device, release, bundle):
    path = f"/api/device/v1/artifacts/{release['sha256']}"
    size = len(bundle)

    def get(**headers):
        return server.call("GET", path, headers={**device.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}, raw=True)

    status, headers, data = get()
    assert status == 200 and data == bundle and headers["Accept-Ranges"] == "bytes" and headers["ETag"] == f'"{release["sha256"]}"'
    for text, expected in (("bytes=0-0", bundle[:1]), ("bytes=100-199999", bundle[100:200000]), ("bytes=-5", bundle[-5:]),
                           (f"bytes={size - 1}-", bundle[-1:]), (f"bytes=5-{size * 9}", bundle[5:])):
        status, headers, data = get(Range=text)
        assert status == 206 and data == expected, text
        first, last = (0, 0) if text == "bytes=0-0" else (bundle.index(expected) if len(expected) > 9 else size - len(expected), 0)
        assert headers["Content-Range"].startswith(f"bytes {first}-") and headers["Content-Range"].endswith(f"/{size}"), headers["Content-Range"]
    assert get(Range="bytes=3-4", If_Range=headers["ETag"])[0] == 206
    assert get(Range="bytes=3-4", If_Range='"other"')[0] == 200
    assert get(Range=f"bytes={size}-")[0] == 416
    assert get(Range="bytes=1-2,5-6")[0] == 200 and get(Range="lines=1-2")[0] == 200
    status, headers, data = server.call("HEAD", path, headers=device.headers, raw=True)
    assert status == 200 and data == b"" and int(headers["Content-Length"]) == size


def watch(server, deployment, after=None):
    """Collects the events of a deployment in the background, until the stream ends."""
    events = []

    def collect():
        connection = server.connect()
        headers = {**server.admin, **({"Last-Event-ID": after} if after else {})}
        connection.request("GET", f"/api/v1/deployments/{deployment}/events", headers=headers)
        event = {}
        for line in connection.getresponse():
            line = line.decode().rstrip("\n")
            if line == "" and event:
                events.append(event)
                event = {}
            elif not line.startswith(":") and line:
                key, value = line.split(": ", 1)
                event[key] = value

    watcher = threading.Thread(target=collect)
    watcher.start()
    return events, watcher


def case_reports_are_idempotent_and_belong_to_their_device():
    with site() as server:
        signer = Signer(server.folder)
        release = upload(server, signer.bundle("2", b"x" * 5000))
        one, two = ready_device(server, "cam-01"), ready_device(server, "cam-02")
        [deployment] = deploy(server, release, "cam-01")
        reports = [{"deployment": deployment["id"], "sequence": n, "time_ms": n, "state": "downloading", "progress_permille": n} for n in range(1, 11)]
        assert one.send(reports) == {"stored": 10, "unknown": 0}
        assert one.send(reports) == {"stored": 0, "unknown": 0}
        assert two.send(reports) == {"stored": 0, "unknown": 10}
        refused(404, 9040, server.call, "PUT", f"/api/device/v1/deployments/{deployment['id']}/log", b"x", headers=two.headers)
        shown = server.operator("GET", f"/api/v1/deployments/{deployment['id']}")
        assert shown["progress_permille"] == 10 and len(shown["transitions"]) == 11


def case_deployments_fit_their_devices_and_come_one_at_a_time():
    with site() as server:
        signer = Signer(server.folder)
        release = upload(server, signer.bundle("2", b"x" * 5000))
        other = upload(server, signer.bundle("3", b"y" * 5000, hardware=("rev-b",)))
        foreign = upload(server, signer.bundle("2", b"z" * 5000, product="toaster"))
        ready_device(server, "cam-01"), ready_device(server, "cam-02")
        Device(server, "cam-03").enrol()
        refused(409, 9042, deploy, server, other, "cam-01")
        refused(409, 9042, deploy, server, foreign, "cam-01")
        refused(404, 9020, deploy, server, release, "cam-01", "nobody")
        refused(403, 9021, deploy, server, release, "cam-03")
        assert server.operator("GET", "/api/v1/deployments")["deployments"] == [], "all or none"
        [first] = deploy(server, release, "cam-01")
        refused(409, 9041, deploy, server, release, "cam-02", "cam-01")
        refused(409, 9031, server.operator, "DELETE", f"/api/v1/releases/{release['id']}")
        assert server.operator("POST", f"/api/v1/deployments/{first['id']}/cancel")["state"] == "cancelled"
        refused(409, 9043, server.operator, "POST", f"/api/v1/deployments/{first['id']}/cancel")
        [second] = deploy(server, release, "cam-01")
        assert [d["id"] for d in server.operator("GET", "/api/v1/deployments?active=true")["deployments"]] == [second["id"]]
        page = server.operator("GET", "/api/v1/deployments?limit=1")
        assert [d["id"] for d in page["deployments"]] == [second["id"]] and page["next_before"] == second["id"]
        rest = server.operator("GET", f"/api/v1/deployments?limit=1&before={second['id']}")
        assert [d["id"] for d in rest["deployments"]] == [first["id"]] and "next_before" not in rest


def case_what_really_happened_replaces_a_cancellation_that_came_too_late():
    with site() as server:
        release = upload(server, Signer(server.folder).bundle("2", b"x" * 5000))
        device = ready_device(server, "cam-01")
        [deployment] = deploy(server, release, "cam-01")
        device.report(deployment["id"], "rebooting")
        server.operator("POST", f"/api/v1/deployments/{deployment['id']}/cancel")
        device.report(deployment["id"], "on-trial")
        assert server.operator("GET", f"/api/v1/deployments/{deployment['id']}")["state"] == "cancelled"
        device.report(deployment["id"], "committed")
        assert server.operator("GET", f"/api/v1/deployments/{deployment['id']}")["state"] == "committed"


def case_bundles_are_checked_completely():
    with site() as server:
        bundle = Signer(server.folder).bundle("2", os.urandom(300_000))
        flipped = bytearray(bundle)
        flipped[-1] ^= 1
        for bad in (bundle[:-1], bundle + b"x", bytes(flipped), b"not a bundle at all" * 10, b""):
            try:
                upload(server, bad)
                raise AssertionError("a bad bundle was taken")
            except Refused as error:
                assert error.status == 422 and 2000 <= error.number < 4000, error
        assert server.operator("GET", "/api/v1/releases")["releases"] == []
        assert not [f for f in (server.folder / "data").rglob("*") if f.is_file() and f.parent.name not in ("data",)]


def case_with_trust_only_signed_bundles_are_taken():
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aloft-server-"))
    (folder / "trust").mkdir()
    signer = Signer(folder)
    (folder / "trust/signer.pem").write_bytes(signer.certificate.read_bytes())
    (folder / "other").mkdir()
    with site(folder=folder, arguments=["--trust", str(folder / "trust")]) as server:
        try:
            upload(server, Signer(folder / "other").bundle("2", b"x" * 5000))
            raise AssertionError("a stranger's bundle was taken")
        except Refused as error:
            assert error.status == 422 and 2000 <= error.number < 2100


def case_a_restart_keeps_everything_and_stops_long_polls_kindly():
    with site() as server:
        release = upload(server, Signer(server.folder).bundle("2", b"x" * 5000))
        device = ready_device(server, "cam-01")
        _, tag, _ = device.poll()
        answers = []
        poller = threading.Thread(target=lambda: answers.append(device.poll(tag, wait=300)))
        poller.start()
        wait_for_held_poll(server)
        begin = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - begin < 8
        poller.join(10)
        assert answers[0][0] == 304, "a held poll is answered at shutdown"
        fingerprint = server.fingerprint
        server.start()
        assert server.fingerprint == fingerprint
        [deployment] = deploy(server, release, "cam-01")
        assert device.poll(tag)[2]["deployment"]["id"] == deployment["id"], "a device's token outlives the server's process"


def case_pages_are_strict():
    with site() as server:
        document = server.call("GET", "/setup")
        assets = re.findall(rb'(?:src|href)="(/assets/[^"]+)"', document)
        assert any(name.endswith(b".js") for name in assets) and any(name.endswith(b".css") for name in assets)
        for path in ("/", "/setup", "/devices", "/devices/cam-01", "/deployments/7", *(name.decode() for name in assets)):
            status, headers, _ = server.call("GET", path, raw=True)
            policy = headers["Content-Security-Policy"]
            assert status == 200 and "default-src 'none'" in policy and "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(rb"<script(?![^>]*src=)|<style|style=| on[a-z]+=", document), "nothing inline"
        refused(404, 1001, server.call, "GET", "/assets/page.css")
        refused(404, 9501, server.call, "GET", "/nowhere")


def case_files_of_the_console_come_compressed_and_once():
    with site() as server:
        path = re.search(rb'src="(/assets/[^"]+\.js)"', server.call("GET", "/"))[1].decode()
        content = {}
        for accept, encoding in (("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), (None, "gzip")):
            status, headers, content[encoding] = server.call("GET", path, headers={"Accept-Encoding": accept} if accept else {}, raw=True)
            assert status == 200 and headers["Content-Encoding"] == encoding and headers["Vary"] == "Accept-Encoding"
            assert "immutable" in headers["Cache-Control"]
            again = server.call("GET", path, headers={"Accept-Encoding": accept or "", "If-None-Match": headers["ETag"]}, raw=True)
            assert again[0] == 304 and not again[2]
        assert len(content["br"]) < len(content["gzip"]) < len(gzip.decompress(content["gzip"])) / 2
        _, headers, _ = server.call("GET", "/", raw=True)
        assert headers["Cache-Control"] == "no-cache" and "Content-Encoding" not in headers
        assert server.call("GET", "/", headers={"If-None-Match": headers["ETag"]}, raw=True)[0] == 304
        assert server.call("HEAD", path, raw=True)[2] == b""


run(globals())
