#!/usr/bin/env python3
"""aloft-server as operators see it: first start, logins, roles, audit, live events, backup."""
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

from server_harness import PASSWORD, PROGRAM, Refused, Server, Signer, deploy, ready_device, refused, run, site, upload


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


def case_a_session_says_where_devices_reach_the_server_once_somebody_has_said_it():
    with site() as server:
        assert "url" not in server.operator("GET", "/api/v1/session")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"https://localhost:{port}"
    server = Server(arguments=["--url", url])
    try:
        server.start(port).set_up()
        assert server.operator("GET", "/api/v1/session")["url"] == url
    finally:
        server.destroy()


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


def case_a_backup_while_it_runs_comes_back_whole():
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


def case_a_session_says_which_operations_its_roles_allow():
    import yaml
    spec = yaml.safe_load((pathlib.Path(os.environ["ALOFT_SOURCE"]) / "docs/openapi.yaml").read_text())["paths"]
    known = {f"{method.upper()} {path}": operation for path, item in spec.items() for method, operation in item.items() if method != "parameters"}
    endless = ("POST /api/v1/logout", "GET /api/v1/events")
    with site() as server:
        for role in ("viewer", "operator", "releaser", "approver", "admin"):
            server.operator("POST", "/api/v1/users", {"name": role + "-1", "password": PASSWORD, "roles": [role]})
            login = server.call("POST", "/api/v1/login", {"user": role + "-1", "password": PASSWORD})
            headers = {"Authorization": "Bearer " + login["token"]}
            told = set(server.call("GET", "/api/v1/session", headers=headers)["operations"])
            assert told <= set(known), told - set(known)
            for name, operation in known.items():
                method, path = name.split()
                if not path.startswith("/api/v1/") or operation.get("security") == [] or name in endless:
                    continue
                concrete = path.replace("{id}", "999999").replace("{name}", "nobody").replace("{sha256}", "0" * 64)
                number = None
                try:
                    server.call(method, concrete, b"" if method in ("POST", "PUT") else None, headers=headers)
                except Refused as caught:
                    number = caught.number
                assert (number == 9075) == (name not in told), (role, name, number)


def case_an_escaped_letter_in_an_address_opens_no_door():
    # What these do is not the same twice, or has no end.
    apart = ("/api/v1/login", "/api/v1/setup", "/api/v1/logout", "/api/v1/events")
    with site() as server:
        printed = subprocess.run([PROGRAM, "--data", server.folder / "other", "--list-routes"], check=True, capture_output=True, text=True).stdout
        routes = [line.split() for line in printed.splitlines() if line.split()[1] not in apart]
        people = {"nobody": {}}
        for role in ("viewer", "operator", "releaser", "approver"):
            server.operator("POST", "/api/v1/users", {"name": role, "password": PASSWORD, "roles": [role]})
            login = server.call("POST", "/api/v1/login", {"user": role, "password": PASSWORD})
            people[role] = {"Authorization": "Bearer " + login["token"]}
        connection = server.connect()

        def answer(method, path, headers):
            body = b"{}" if method in ("POST", "PUT") else None
            status, _, data = server.call(method, path, body, headers=headers, raw=True, connection=connection)
            return status, json.loads(data)["error"]["number"] if status >= 400 else 0

        tried = 0
        for role, headers in people.items():
            for method, pattern in routes:
                segments = [{"{id}": "999999", "{sha256}": "0" * 64}.get(s, s if not s.startswith("{") else "nobody") for s in pattern.split("/")]
                plain = answer(method, "/".join(segments), headers)
                for at, segment in enumerate(segments):
                    if not segment or pattern.split("/")[at].startswith("{"):
                        continue
                    escaped = segments[:at] + [f"%{ord(segment[0]):02x}" + segment[1:]] + segments[at + 1:]
                    assert answer(method, "/".join(escaped), headers) == plain, (role, method, "/".join(escaped), plain)
                    tried += 1
        assert tried > 1000
        refused(401, 9061, server.call, "POST", "/api/v1/%6cogin", {"user": "admin", "password": "wrong password"})
        last = server.operator("GET", "/api/v1/audit?limit=1")["entries"][0]
        assert (last["path"], last["status"], last["user"]) == ("/api/v1/%6cogin", 401, ""), last


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


class Listener:
    """Reads a stream of events until it ends."""

    def __init__(self, server, address, headers):
        self.text, self.ended, begun = b"", threading.Event(), threading.Event()

        def listen():
            connection = server.connect(timeout=40)
            connection.request("GET", address, headers=headers)
            answer = connection.getresponse()
            while line := answer.readline():
                self.text += line
                begun.set()
            self.ended.set()

        threading.Thread(target=listen, daemon=True).start()
        assert begun.wait(15), "the stream says nothing"


def case_live_events_end_with_the_access_that_they_were_opened_by():
    with site() as server:
        release = upload(server, Signer(server.folder).bundle("2", b"x" * 5000))
        ready_device(server, "cam-01")
        deploy(server, release, "cam-01")
        one = f"/api/v1/deployments/{server.operator('GET', '/api/v1/deployments')['deployments'][0]['id']}/events"

        def login(user, password=PASSWORD):
            return {"Authorization": "Bearer " + server.call("POST", "/api/v1/login", {"user": user, "password": password})["token"]}

        def token(user):
            made = server.call("POST", "/api/v1/tokens", {"note": "ci"}, headers=user)
            return made["id"], {"Authorization": "Bearer " + made["token"]}

        for name in ("bob", "eve", "joe"):
            server.operator("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "roles": ["viewer"]})
        bob, eve, joe = login("bob"), login("eve"), login("joe")
        number, script = token(joe)
        headers = {"bob": bob, "bob's token": token(bob)[1], "eve": eve, "joe's token": script, "joe": joe, "admin": server.admin}
        feeds = {who: Listener(server, "/api/v1/events", h) for who, h in headers.items()}
        watched = {who: Listener(server, one, h) for who, h in headers.items()}
        server.operator("DELETE", "/api/v1/users/bob")
        server.call("PUT", "/api/v1/session/password", {"old_password": PASSWORD, "password": PASSWORD + "2"}, headers=eve)
        server.call("DELETE", f"/api/v1/tokens/{number}", headers=joe)
        ready_device(server, "cam-secret")
        server.operator("POST", one.replace("/events", "/cancel"), {})
        for who in ("bob", "bob's token", "eve", "joe's token"):
            assert feeds[who].ended.wait(20) and b"cam-secret" not in feeds[who].text, (who, feeds[who].text)
            assert watched[who].ended.wait(20) and b"cancelled" not in watched[who].text, (who, watched[who].text)
        for who in ("joe", "admin"):
            assert watched[who].ended.wait(20) and b"event: end" in watched[who].text, (who, watched[who].text)
            deadline = time.monotonic() + 15
            while b"cam-secret" not in feeds[who].text:
                assert time.monotonic() < deadline and not feeds[who].ended.is_set(), (who, feeds[who].text)
                time.sleep(0.02)


run(globals())
