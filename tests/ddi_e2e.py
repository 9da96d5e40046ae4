#!/usr/bin/env python3
"""hawkBit's device protocol on the real aloft-server, by clients of Python that have the habits of those in the field: docs/ddi.md."""
import hashlib
import http.client
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import time

import scratch
from server_harness import Device, Refused, Server, Signer, deploy, ready_device, refused, run, site


class Client:
    """One controller. Builds feedback addresses itself and follows links as they are, as every known client does."""

    def __init__(self, server, name, token=None, gateway=None, tenant="default"):
        self.server, self.name = server, name
        self.base = f"/{tenant}/controller/v1/{name}"
        self.headers = {"Authorization": f"TargetToken {token}"} if token else {"Authorization": f"GatewayToken {gateway}"} if gateway else {}

    def get(self, rest="", **headers):
        status, answer, data = self.server.call("GET", self.base + rest, headers={**self.headers, **headers}, raw=True)
        if status >= 400:
            raise Refused(status, json.loads(data), answer)
        assert status != 200 or data, "SWUpdate 2022.12 never returns from an empty answer"
        return json.loads(data) if answer.get("Content-Type") == "application/json" and data else data

    def follow(self, href):
        origin = href.split(self.base)[0]
        assert origin.startswith("http"), href
        return self.get(href[len(origin) + len(self.base):])

    def send(self, method, rest, body):
        status, answer, data = self.server.call(method, self.base + rest, body, headers={**self.headers, "Content-Type": "application/json"}, raw=True)
        if status >= 400:
            raise Refused(status, json.loads(data), answer)
        return status

    def feedback(self, action, execution, finished="none", channel="deploymentBase", **status):
        body = {"id": int(action), "time": "20261125T120000", "status": {"result": {"finished": finished}, "execution": execution, "details": ["m"], **status}}
        return self.send("POST", f"/{channel}/{action}/feedback", body)

    def links(self):
        return self.get()["_links"]


def add_client(server, name="dev-1", product="lab-gateway", hardware="rev-a"):
    made = server.operator("POST", "/api/v1/ddi/devices", {"name": name, "product": product, "hardware": hardware})
    assert made["protocol"] == "hawkbit" and made["status"] == "accepted"
    return Client(server, name, made["token"])


def release(server, version="2", content=b"image"):
    return server.operator("POST", "/api/v1/releases", Signer(server.folder).bundle(version, content))


def case_only_devices_that_show_who_they_are_get_an_answer():
    with site() as server:
        client = add_client(server)
        assert client.get()["config"]["polling"]["sleep"] == "00:05:00"
        Client(server, "dev-1", client.headers["Authorization"].split()[1], tenant="DEFAULT").get()
        refused(401, 9060, Client(server, "dev-1").get)
        refused(401, 9060, Client(server, "dev-1", "x" * 43).get)
        refused(401, 9060, Client(server, "dev-2", client.headers["Authorization"].split()[1]).get)
        refused(401, 9060, Client(server, "dev-1", "0" * 64).get)
        refused(404, 9720, Client(server, "dev-1", "x", tenant="acme").get)
        native = ready_device(server, "native")
        refused(401, 9060, Client(server, "native", native.headers["Authorization"].split()[1]).get)
        refused(409, 9023, server.operator, "POST", "/api/v1/ddi/devices", {"name": "native", "product": "p", "hardware": "h"})
        refused(409, 9023, Device(server, "dev-1").enrol, server.enrolment_secret())
        new = server.operator("POST", "/api/v1/ddi/devices/dev-1/token")["token"]
        refused(401, 9060, client.get)
        Client(server, "dev-1", new).get()
        server.operator("POST", "/api/v1/devices/dev-1/reject")
        refused(403, 9022, Client(server, "dev-1", new).get)
        server.operator("DELETE", "/api/v1/devices/dev-1")
        refused(401, 9060, Client(server, "dev-1", new).get)
        database = (server.folder / "data/fleet.db").read_bytes() + (server.folder / "data/fleet.db-wal").read_bytes()
        assert new.encode() not in database, "a token lies in the database"


def case_a_gateway_acts_for_any_device_and_brings_new_ones():
    with site() as server:
        gateway = server.operator("POST", "/api/v1/ddi/gateways", {"note": "roof", "product": "lab-gateway", "hardware": "rev-a"})
        client = Client(server, "new-1", gateway=gateway["token"])
        assert "configData" in client.links()
        shown = server.operator("GET", "/api/v1/devices/new-1")
        assert (shown["product"], shown["hardware"], shown["status"], shown["protocol"]) == ("lab-gateway", "rev-a", "accepted", "hawkbit")
        known = add_client(server, "dev-1")
        assert Client(server, "dev-1", gateway=gateway["token"]).get() and known.get()
        assert "token" not in server.operator("GET", "/api/v1/ddi/gateways")["gateways"][0]
        assert server.stop() == 0
        server.start()
        assert client.get()
        server.operator("DELETE", f"/api/v1/ddi/gateways/{gateway['id']}")
        refused(401, 9060, client.get)
        chosen = server.operator("POST", "/api/v1/ddi/gateways", {"product": "p", "hardware": "h", "token": "taken-from-hawkbit-0815"})
        assert chosen["token"] == "taken-from-hawkbit-0815"
        assert Client(server, "moved", gateway="taken-from-hawkbit-0815").get()
        for bad in ("short", "-looks-like-an-option"):
            refused(400, 9069, server.operator, "POST", "/api/v1/ddi/gateways", {"product": "p", "hardware": "h", "token": bad})


def case_an_update_is_shown_fetched_and_reported():
    with site() as server:
        client = add_client(server)
        made = release(server, content=b"x" * 300_000)
        assert "deploymentBase" not in client.links()
        action = deploy(server, made, "dev-1")[0]["id"]
        answer = client.follow(client.links()["deploymentBase"]["href"])
        assert answer["id"] == str(action), "ids travel as text"
        assert answer["deployment"]["download"] == answer["deployment"]["update"] == "forced"
        assert "maintenanceWindow" not in answer["deployment"]
        chunk, = answer["deployment"]["chunks"]
        assert chunk["part"] == "bApp" and chunk["version"] == "2"
        artifact, = chunk["artifacts"]
        data = client.follow(artifact["_links"]["download"]["href"])
        assert artifact["_links"]["download"] == artifact["_links"]["download-http"]
        assert len(data) == artifact["size"] == made["size_bytes"]
        for name in ("md5", "sha1", "sha256"):
            assert artifact["hashes"][name] == hashlib.new(name, data).hexdigest(), name
        assert client.follow(artifact["_links"]["md5sum"]["href"]) == f"{artifact['hashes']['md5']}  {artifact['filename']}".encode()
        assert client.get(f"/softwaremodules/{made['id']}/artifacts") == [artifact]
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "accepted"
        assert client.feedback(action, "download") == 200
        assert client.feedback(action, "proceeding", result={"finished": "none", "progress": {"cnt": 1, "of": 4}}) == 200
        shown = server.operator("GET", f"/api/v1/deployments/{action}")
        assert (shown["state"], shown["progress_permille"]) == ("installing", 250)
        history = client.get(f"/deploymentBase/{action}?c=-77&actionHistory=2")["actionHistory"]
        assert history == {"status": "RUNNING", "messages": ["m", "m"]}
        assert len(client.get(f"/deploymentBase/{action}?actionHistory=-1")["actionHistory"]["messages"]) == 3
        assert client.feedback(action, "closed", "success") == 200
        assert client.feedback(action, "closed", "success") == 200, "its answer may have got lost"
        refused(410, 9721, client.feedback, action, "closed", "failure")
        shown = server.operator("GET", "/api/v1/devices/dev-1")
        assert (shown["version"], shown["update_status"]) == ("2", "in_sync")
        assert client.follow(client.links()["installedBase"]["href"])["deployment"]["chunks"] == answer["deployment"]["chunks"]
        refused(404, 9040, client.get, f"/deploymentBase/{action}")
        refused(404, 9040, client.feedback, 4711, "closed")
        other = add_client(server, "dev-2")
        refused(403, 9067, other.get, f"/softwaremodules/{made['id']}/artifacts/{artifact['filename']}")
        refused(404, 9040, other.feedback, action, "closed", "success")


def case_downloads_go_on_where_they_broke_off():
    with site() as server:
        client = add_client(server)
        made = release(server, content=bytes(range(256)) * 2000)
        action = deploy(server, made, "dev-1")[0]["id"]
        path = client.base + f"/softwaremodules/{made['id']}/artifacts/{made['file_name']}"
        whole = client.get(path[len(client.base):])

        def fetch(method="GET", **headers):
            return server.call(method, path, headers={**client.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}, raw=True)

        status, headers, data = fetch(Range="bytes=1000-")
        assert status == 206 and data == whole[1000:] and headers["Content-Range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
        tag = headers["ETag"]
        assert tag == f'"{made["sha1"]}"' and headers["Accept-Ranges"] == "bytes" and headers["Last-Modified"].endswith(" GMT")
        assert fetch(Range="bytes=5-9", If_Range=tag)[2] == whole[5:10]
        assert fetch(Range="bytes=5-9", If_Range='"other"')[0] == 200
        assert fetch(If_None_Match=tag)[0] == 304 and fetch(If_Match='"other"')[0] == 412 and fetch(If_Match=tag)[0] == 200
        assert fetch(Range=f"bytes={len(whole)}-")[0] == 416
        status, headers, data = fetch("HEAD")
        assert status == 200 and not data and int(headers["Content-Length"]) == len(whole)
        refused(404, 9068, client.get, f"/softwaremodules/{made['id']}/artifacts/other.swu")
        client.feedback(action, "closed", "failure")
        assert fetch()[0] == 200, "also after its end: RAUC may still be reading"


def case_a_failure_tells_why_even_when_it_is_no_json():
    with site() as server:
        client = add_client(server)
        action = deploy(server, release(server), "dev-1")[0]["id"]
        raw = b'{"id":7,"status":{"result":{"finished":"failure"},"execution":"closed","details":["[ERROR] cannot open "/dev/mtd3":\nno such device", "\xff"]}}'
        assert client.send("POST", f"/deploymentBase/{action}/feedback", raw) == 200
        shown = server.operator("GET", f"/api/v1/deployments/{action}")
        assert (shown["state"], shown["error"]) == ("failed", 9722)
        assert 'cannot open "/dev/mtd3":\nno such device' in shown["message"], shown["message"]
        refused(400, 1007, client.send, "POST", f"/deploymentBase/{action}/feedback", b"[]")


def case_a_cancelled_update_is_taken_back_until_the_device_has_answered():
    with site() as server:
        client = add_client(server)
        made = release(server)
        action = deploy(server, made, "dev-1")[0]["id"]
        client.get(f"/deploymentBase/{action}")
        refused(405, 9049, client.feedback, action, "closed", "success", channel="cancelAction")
        server.operator("POST", f"/api/v1/deployments/{action}/cancel")
        assert server.stop() == 0
        server.start()
        following = deploy(server, release(server, "3"), "dev-1")[0]["id"]
        href = client.links()["cancelAction"]["href"]
        assert "?" not in href and "deploymentBase" not in client.links()
        assert client.follow(href) == {"id": str(action), "cancelAction": {"stopId": str(action)}}
        refused(404, 9040, client.get, f"/deploymentBase/{action}")
        assert client.feedback(action, "proceeding") == 200, "what it still says does no harm"
        assert client.feedback(action, "canceled", "success", channel="cancelAction") == 200
        assert "cancelAction" in client.links(), "hawkBit takes only closed for an answer"
        assert client.feedback(action, "closed", "success", channel="cancelAction") == 200
        assert client.links()["deploymentBase"]["href"].endswith(f"/{following}")
        states = [(t["state"], t["from"]) for t in server.operator("GET", f"/api/v1/deployments/{action}")["transitions"]]
        assert states[-1] == ("cancelled", "device"), states


def case_what_is_download_only_is_not_shown_before_it_is_released():
    with site() as server:
        client = add_client(server)
        order = {"release": release(server)["id"], "devices": ["dev-1"], "policy": {"download_only": True}}
        action = server.operator("POST", "/api/v1/deployments", order)["deployments"][0]["id"]
        assert "deploymentBase" not in client.links()
        shown = server.operator("GET", f"/api/v1/deployments/{action}")
        assert shown["state"] == "deferred" and "waits for its release" in shown["message"], shown
        assert client.get(f"/deploymentBase/{action}")["deployment"]["update"] == "skip", "who asks all the same"
        server.operator("POST", f"/api/v1/deployments/{action}/release", {})
        assert client.links()["deploymentBase"]["href"].endswith(f"/{action}")
        assert client.get(f"/deploymentBase/{action}")["deployment"]["update"] == "forced"
        assert client.feedback(action, "closed", "success") == 200
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "committed"
        refused(409, 9043, server.operator, "POST", f"/api/v1/deployments/{action}/release", {})
        other = deploy(server, release(server, "3"), "dev-1")[0]["id"]
        refused(409, 9625, server.operator, "POST", f"/api/v1/deployments/{other}/release", {})
        refused(404, 9040, server.operator, "POST", "/api/v1/deployments/4711/release", {})


def case_a_device_too_late_to_stop_says_how_it_ended():
    with site() as server:
        client = add_client(server)
        action = deploy(server, release(server), "dev-1")[0]["id"]
        client.get(f"/deploymentBase/{action}")
        server.operator("POST", f"/api/v1/deployments/{action}/cancel")
        assert client.feedback(action, "rejected", "success", channel="cancelAction") == 200
        assert "cancelAction" not in client.links()
        assert client.feedback(action, "closed", "success") == 200
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "committed"
        assert server.operator("GET", "/api/v1/devices/dev-1")["version"] == "2"


def case_a_device_that_never_answers_a_cancellation_still_gets_the_next_update():
    with site() as server:
        client = add_client(server)
        action = deploy(server, release(server), "dev-1")[0]["id"]
        server.operator("POST", f"/api/v1/deployments/{action}/cancel")
        for _ in range(12):
            client.get(f"/cancelAction/{action}")
        assert "cancelAction" in client.links(), "nothing else waits"
        following = deploy(server, release(server, "3"), "dev-1")[0]["id"]
        assert client.links()["deploymentBase"]["href"].endswith(f"/{following}")


def case_what_devices_say_of_themselves_is_found_by_filters():
    with site() as server:
        client = add_client(server)
        server.operator("POST", "/api/v1/groups", {"name": "modems", "filter": "attribute.modem==*"})
        assert "configData" in client.links()
        body = {"id": "", "time": "20261125T120000", "status": {"result": {"finished": "success"}, "execution": "closed", "details": [""]}}
        assert client.send("PUT", "/configData", {**body, "data": {"modem": "ec25", "serial no": 17, "site": "a\nb"}}) == 200
        assert "configData" not in client.links(), "SWUpdate never installs while it is asked"
        shown = server.operator("GET", "/api/v1/devices/dev-1")
        assert shown["attributes"] == {"modem": "ec25", "serial_no": "17", "site": "a b"} and shown["groups"] == ["modems"]
        client.send("PUT", "/configData", {"mode": "merge", "data": {"site": "c", "aloft.hardware": "rev-b", "aloft.version": "1.5"}})
        shown = server.operator("GET", "/api/v1/devices/dev-1")
        assert (shown["hardware"], shown["version"], shown["attributes"]["site"], shown["attributes"]["modem"]) == ("rev-b", "1.5", "c", "ec25")
        client.send("PUT", "/configData", {"mode": "remove", "data": {"modem": ""}})
        assert server.operator("GET", "/api/v1/devices/dev-1")["groups"] == []
        client.send("PUT", "/configData", {"mode": "replace", "data": {}})
        assert server.operator("GET", "/api/v1/devices/dev-1")["attributes"] == {}
        refused(400, 1007, client.send, "PUT", "/configData", {"mode": "other", "data": {}})
        server.operator("POST", "/api/v1/ddi/devices/dev-1/attributes")
        assert "configData" in client.links()
        assert client.send("PUT", "/installedBase", {"name": "fw", "version": "1.6"}) == 201
        assert client.send("PUT", "/installedBase", {"name": "fw", "version": "1.6"}) == 200
        assert server.operator("GET", "/api/v1/devices/dev-1")["version"] == "1.6"


def rollout(server, made, **more):
    plan = {"release": made["id"], "filter": "name==*", "waves": [{"permille": 1000}], **more}
    answer = server.operator("POST", "/api/v1/rollouts", {"name": "r", **plan})
    server.operator("POST", f"/api/v1/rollouts/{answer['id']}/start")
    return answer["id"]


def until(what, timeout=20):
    end = time.monotonic() + timeout
    while not (value := what()):
        assert time.monotonic() < end, "this did not come in time"
        time.sleep(0.1)
    return value


def case_consent_is_asked_for_at_the_device():
    with site() as server:
        client = add_client(server)
        rollout(server, release(server), policy={"consent": True})
        href = until(lambda: client.links().get("confirmationBase"))["href"]
        action = int(href.rsplit("/", 1)[1])
        assert client.follow(href)["confirmation"]["chunks"][0]["version"] == "2"
        refused(404, 9040, client.get, f"/deploymentBase/{action}")
        refused(404, 9040, client.feedback, action, "closed", "success")
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "deferred"
        assert client.send("POST", f"/confirmationBase/{action}/feedback", {"confirmation": "denied", "details": ["busy"]}) == 200
        assert "confirmationBase" in client.links(), "it is asked again"
        assert client.send("POST", f"/confirmationBase/{action}/feedback", {"confirmation": "confirmed"}) == 200
        assert client.follow(client.links()["deploymentBase"]["href"])["deployment"]["update"] == "attempt"
        refused(404, 9040, client.send, "POST", f"/confirmationBase/{action}/feedback", {"confirmation": "denied"})
        client.feedback(action, "closed", "success")
        refused(410, 9721, client.send, "POST", f"/confirmationBase/{action}/feedback", {"confirmation": "denied"})


def case_consent_may_be_given_in_advance():
    with site() as server:
        client = add_client(server)
        shown = client.get("/confirmationBase")
        assert shown["autoConfirm"] == {"active": False}
        assert client.send("POST", "/confirmationBase/activateAutoConfirm", {"initiator": "joe", "remark": "always"}) == 200
        refused(409, 9723, client.send, "POST", "/confirmationBase/activateAutoConfirm", b"")
        assert server.stop() == 0
        server.start()
        assert client.get("/confirmationBase")["autoConfirm"]["initiator"] == "joe"
        rollout(server, release(server), policy={"consent": True})
        until(lambda: client.links().get("deploymentBase"))
        assert client.send("POST", "/confirmationBase/deactivateAutoConfirm", b"") == 200
        assert "confirmationBase" in client.links()


def case_outside_its_window_an_update_is_not_shown_and_skipping_it_is_no_success():
    with site() as server:
        client = add_client(server)
        hour = time.gmtime().tm_hour
        closed = {"window": {"from": f"{(hour + 6) % 24:02}:00", "until": f"{(hour + 8) % 24:02}:00"}}
        number = rollout(server, release(server), policy=closed)
        found = until(lambda: server.operator("GET", "/api/v1/deployments?device=dev-1")["deployments"])
        action = found[0]["id"]
        assert "deploymentBase" not in client.links()
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "deferred"
        answer = client.get(f"/deploymentBase/{action}")["deployment"]
        assert (answer["download"], answer["update"], answer["maintenanceWindow"]) == ("forced", "skip", "unavailable")
        assert client.feedback(action, "closed", "success") == 200
        shown = server.operator("GET", f"/api/v1/deployments/{action}")
        assert shown["state"] == "deferred", "SWUpdate closes what it is told to skip"
        # Where the device is, it is seven hours later: its window is open.
        client.send("PUT", "/configData", {"data": {"utc_offset": "+07:00"}})
        answer = client.follow(client.links()["deploymentBase"]["href"])["deployment"]
        assert (answer["update"], answer["maintenanceWindow"]) == ("forced", "available")
        assert client.feedback(action, "closed", "success") == 200
        assert server.operator("GET", f"/api/v1/deployments/{action}")["state"] == "committed"
        until(lambda: server.operator("GET", f"/api/v1/rollouts/{number}")["state"] == "finished")


def case_a_rollout_is_judged_by_these_devices_too():
    with site() as server:
        clients = [add_client(server, f"dev-{i}") for i in range(4)]
        made = release(server)
        number = rollout(server, made, waves=[{"count": 2}, {"permille": 1000}], gates=[{"failure": "any", "max_permille": 0, "min_sample": 1}])
        busy = until(lambda: len(has := [c for c in clients if "deploymentBase" in c.links()]) >= 2 and has)
        assert len(busy) == 2
        action = busy[0].follow(busy[0].links()["deploymentBase"]["href"])["id"]
        busy[0].feedback(action, "closed", "failure")
        shown = until(lambda: (r := server.operator("GET", f"/api/v1/rollouts/{number}"))["state"] == "paused" and r)
        assert shown["counts"]["failed"] == 1, shown
        why = server.operator("GET", f"/api/v1/devices/{busy[0].name}/why")
        assert why["verdict"] == "nothing", why
        assert sum("deploymentBase" in c.links() for c in clients) == 1, "the second wave stays at home"


def case_a_poll_that_changed_nothing_is_not_sent_again():
    with site() as server:
        client = add_client(server)
        status, headers, first = server.call("GET", client.base, headers=client.headers, raw=True)
        assert status == 200 and len(first) < 400, "small clients read into about a kilobyte"
        status, _, data = server.call("GET", client.base, headers={**client.headers, "If-None-Match": headers["ETag"]}, raw=True)
        assert status == 304 and not data
        deploy(server, release(server), "dev-1")
        assert server.call("GET", client.base, headers={**client.headers, "If-None-Match": headers["ETag"]}, raw=True)[0] == 200
        assert server.operator("GET", "/api/v1/ddi/settings") == {"poll_s": 300, "by_default": True}
        server.operator("PUT", "/api/v1/ddi/settings", {"poll_s": 5})
        server.stop()
        server.start(server.port)
        assert server.operator("GET", "/api/v1/ddi/settings") == {"poll_s": 5, "by_default": False}
        assert client.get()["config"]["polling"]["sleep"] == "00:00:05"
        refused(400, 9069, server.operator, "PUT", "/api/v1/ddi/settings", {"poll_s": 0})


class Authority:
    """Issues certificates for clients."""

    def __init__(self, folder, name):
        self.folder, self.key, self.certificate = folder, folder / f"{name}.key", folder / f"{name}.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                     "-keyout", self.key, "-out", self.certificate)

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def issue(self, subject, usage="clientAuth"):
        stem = self.folder / hashlib.sha256((subject + usage + self.key.name).encode()).hexdigest()[:16]
        request, certificate, key, extensions = (stem.with_suffix(s) for s in (".csr", ".pem", ".key", ".ext"))
        extensions.write_text(f"extendedKeyUsage={usage}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30", "-extfile", extensions,
                     "-out", certificate)
        return certificate, key


def case_a_certificate_shows_who_a_device_is():
    folder = scratch.folder("ddi")
    authority, stranger = Authority(folder, "devices"), Authority(folder, "others")
    server = Server(arguments=["--client-ca", str(authority.certificate)])
    try:
        server.start().set_up()
        add_client(server, "dev-1"), add_client(server, "dev-2")

        def ask(identity, name="dev-1"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if identity:
                context.load_cert_chain(*identity)
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
            connection.request("GET", f"/default/controller/v1/{name}")
            answer = connection.getresponse()
            number = json.loads(answer.read()).get("error", {}).get("number")
            connection.close()
            return (answer.status, number) if number == 9077 else answer.status

        good = authority.issue("/O=Vendor/CN=dev-1")
        assert ask(good) == 200 and ask(good, "dev-2") == 401 and ask(None) == 401
        assert ask(authority.issue("/CN=dev-3"), "dev-3") == 401, "it has to be registered"
        assert ask(authority.issue("/CN=dev-2/CN=dev-1")) == 401, "which of the two"
        for bad in (stranger.issue("/CN=dev-1"), authority.issue("/CN=dev-1", "serverAuth")):
            assert ask(bad) == (401, 9077)
        server.operator("POST", "/api/v1/devices/dev-1/reject")
        assert ask(good) == 403
    finally:
        server.destroy()
        shutil.rmtree(folder)


def case_links_lead_where_the_server_is_said_to_be():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(arguments=["--url", f"https://localhost:{port}"])
    try:
        server.start(port).set_up()
        client = add_client(server)
        assert client.links()["configData"]["href"] == f"https://localhost:{port}{client.base}/configData"
    finally:
        server.destroy()


if __name__ == "__main__":
    run(globals())
