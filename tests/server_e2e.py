#!/usr/bin/env python3
"""aloft-server as devices see it: enrolment, deployments, artifacts, reports, logs; and the pages that it serves."""
import gzip
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse

import scratch
from server_harness import PROGRAM, Device, Refused, Signer, deploy, ready_device, refused, run, site, upload


def wait_for_held_poll(server):
    while b"aloft_requests_running 2\n" not in server.call("GET", "/metrics"):
        time.sleep(0.02)


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


def case_the_address_that_is_printed_is_one_where_it_answers():
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "--data", f"{folder}/data", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            told = process.stdout.readline()
            process.terminate()
        assert told.startswith("aloft-server listens on https://127.0.0.1:"), told
        for wrong in ("updates.example:8443", "https://", "ftp://updates.example"):
            done = subprocess.run([*command, "--url", wrong], capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 2 and "must be https://HOST" in done.stderr, done


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
    folder = scratch.folder("server")
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
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        for path in ("/nowhere", "/devices/cam-01/more"):
            status, headers, page = server.call("GET", path, headers=browser, raw=True)
            assert status == 404 and page == document and "default-src 'none'" in headers["Content-Security-Policy"]
            assert server.call("GET", path, headers={**browser, "If-None-Match": headers["ETag"]}, raw=True)[0] == 404
        for path in ("/api/v1/nowhere", "/default/controller/v2/cam-01"):
            refused(404, 9501, server.call, "GET", path, headers=browser)
        refused(404, 9501, server.call, "POST", "/nowhere", headers=browser)


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
