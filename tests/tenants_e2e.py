#!/usr/bin/env python3
"""Several tenants of one aloft-server: what is one's is nobody else's. docs/tenants.md."""
import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import socket
import threading
import time

import openapi_fuzz
from ddi_e2e import Client
from openapi_requests import Spec
from server_harness import PASSWORD, Device, Signer, deploy, ready_device, refused, run, upload
from tenants_harness import DOMAIN, Tenant, found, service, until

SOURCE = pathlib.Path(os.environ["ALOFT_SOURCE"])


def case_bad_names_are_told_and_unknown_ones_tell_nothing():
    with service("acme") as (server, acme):
        for name in ("", "A", "-a", "a.b", "../x", "default", "a" * 41, "ä"):
            refused(400, 9081, server.operator, "POST", "/api/v1/tenants", {"name": name})
        for host in ("UPPER.test", "a b", DOMAIN, "acme." + DOMAIN, "1.2.3.4"):
            refused(400, 9084, server.operator, "POST", "/api/v1/tenants", {"name": "beta", "host": host})
        refused(409, 9082, server.operator, "POST", "/api/v1/tenants", {"name": "acme"})
        refused(404, 9083, server.operator, "GET", "/api/v1/tenants/beta")
        refused(404, 9083, server.operator, "PUT", "/api/v1/tenants/beta", {"suspended": True})
        refused(404, 9083, server.operator, "DELETE", "/api/v1/tenants/beta")
        server.operator("POST", "/api/v1/tenants", {"name": "sleepy"})
        server.operator("PUT", "/api/v1/tenants/sleepy", {"suspended": True})
        answers = set()
        for host in ("beta", "sleepy", "a.acme", "-", "acme.acme"):
            status, headers, body = server.call("GET", "/api/v1/session", headers={"Host": f"{host}.{DOMAIN}"}, raw=True)
            answers.add((status, body))
        assert len(answers) == 1 and answers.pop()[0] == 404, "one that sleeps looks like one that is not there"
        # A client of hawkBit's protocol is told the same by a tenant that does not know it, that sleeps, and that is not there.
        told = set()
        for tenant in ("acme", "ACME", "sleepy", "beta", "default", "%2e."):
            for headers in ({}, {"Authorization": "TargetToken x"}, {"Authorization": "GatewayToken x"}):
                if tenant != "%2e.":
                    status, _, body = server.call("GET", f"/{tenant}/controller/v1/dev-1", headers=headers, raw=True)
                    told.add((status, body))
        assert len(told) == 1 and told.pop()[0] == 401
        told = {server.call("GET", f"/{tenant}/controller/v1/{'a' * 65}", raw=True)[::2] for tenant in ("acme", "beta")}
        assert len(told) == 1
        assert b"sleepy" not in server.call("GET", "/metrics") and b"acme" not in server.call("GET", "/metrics")


def case_the_same_names_and_ids_are_two_things():
    with service("acme", "beta") as (server, acme, beta):
        signer = Signer(server.folder)
        sites = {"acme": acme, "beta": beta, "own": server}
        bundles, releases, devices = {}, {}, {}
        for name, site in sites.items():
            bundles[name] = signer.bundle("2", name.encode() * 5000)
            releases[name] = upload(site, bundles[name])
            devices[name] = ready_device(site, "cam-01", version="1-" + name)
            site.operator("POST", "/api/v1/users", {"name": "olga", "password": PASSWORD + name, "roles": ["operator"]})
            assert releases[name]["id"] == 1 and deploy(site, releases[name], "cam-01")[0]["id"] == 1
        for name, site in sites.items():
            others = [other for other in sites if other != name]
            assert [d["version"] for d in site.operator("GET", "/api/v1/devices")["devices"]] == ["1-" + name]
            assert [r["sha256"] for r in site.operator("GET", "/api/v1/releases")["releases"]] == [releases[name]["sha256"]]
            offered = devices[name].poll()[2]["deployment"]
            assert offered["artifact_sha256"] == releases[name]["sha256"]
            path = "/api/device/v1/artifacts/"
            assert site.call("GET", path + releases[name]["sha256"], headers=devices[name].headers) == bundles[name]
            for other in others:
                # A device, a session and a password of another are nothing here, and neither are its files by their digests.
                refused(401, 9060, site.call, "GET", "/api/device/v1/assignment", headers=devices[other].headers)
                refused(401, 9060, site.call, "GET", path + releases[name]["sha256"], headers=devices[other].headers)
                refused(403, 9067, site.call, "GET", path + releases[other]["sha256"], headers=devices[name].headers)
                refused(401, 9060, site.call, "GET", "/api/v1/devices", headers=sites[other].admin)
                refused(401, 9061, site.call, "POST", "/api/v1/login", {"user": "olga", "password": PASSWORD + other})
                assert not list((site.data if name != "own" else server.folder / "data").glob(f"blobs/*/{releases[other]['sha256']}"))
            devices[name].report(1, "failed" if name == "acme" else "committed")
        assert acme.operator("GET", "/api/v1/deployments/1")["state"] == "failed"
        assert beta.operator("GET", "/api/v1/deployments/1")["state"] == server.operator("GET", "/api/v1/deployments/1")["state"] == "committed"


def case_an_artifact_that_another_has_is_uploaded_as_if_nobody_had_it():
    with service("acme", "beta") as (server, acme, beta):
        bundle = Signer(server.folder).bundle("2", b"x" * 90_000)
        first = upload(acme, bundle)
        second = upload(beta, bundle)
        assert first["sha256"] == second["sha256"] and first["id"] == second["id"] == 1
        acme.operator("DELETE", "/api/v1/releases/1")
        device = ready_device(beta, "cam-01")
        deploy(beta, second, "cam-01")
        assert beta.call("GET", "/api/device/v1/artifacts/" + second["sha256"], headers=device.headers) == bundle, "the other's is its own"


def case_enrolment_tokens_let_in_where_they_were_made():
    with service("acme", "beta") as (server, acme, beta):
        made = acme.operator("POST", "/api/v1/enrolment-tokens", {"note": "roof"})
        assert made["url"] == f"https://acme.{DOMAIN}:{server.port}" and made["token"].endswith("." + server.fingerprint)
        assert "url" not in server.operator("POST", "/api/v1/enrolment-tokens", {"note": "own"}), "nobody said where the own site is"
        secret = made["token"].split(".")[0]
        for site in (beta, server):
            refused(401, 9024, Device(site, "cam-01").enrol, secret)
            assert site.operator("GET", "/api/v1/devices")["devices"] == []
        assert Device(acme, "cam-01").enrol(secret) is True


def case_hawkbit_clients_name_their_tenant_in_the_path_or_by_host():
    with service("acme", "beta") as (server, acme, beta):
        bundle = Signer(server.folder).bundle("2", b"x" * 20_000)
        tokens = {}
        for site in (acme, beta):
            made = site.operator("POST", "/api/v1/ddi/devices", {"name": "dev-1", "product": "lab-gateway", "hardware": "rev-a"})
            tokens[site.name] = made["token"]
            deploy(site, upload(site, bundle), "dev-1")
        gateway = acme.operator("POST", "/api/v1/ddi/gateways", {"product": "lab-gateway", "hardware": "rev-a"})["token"]
        for name in ("acme", "ACME"):
            base = Client(server, "dev-1", tokens["acme"], tenant=name).get()["_links"]["deploymentBase"]["href"]
            assert f"/{name}/controller/v1/dev-1/deploymentBase/1" in base and "127.0.0.1" in base, base
        for tenant in ("acme", "default"):
            base = Client(acme, "dev-1", tokens["acme"], tenant=tenant).get()["_links"]["deploymentBase"]["href"]
            assert base.startswith(f"https://acme.{DOMAIN}/{tenant}/controller/v1/dev-1/"), base
        refused(401, 9060, Client(server, "dev-1", tokens["beta"], tenant="acme").get)
        refused(401, 9060, Client(server, "dev-1", tokens["acme"]).get)
        refused(401, 9060, Client(beta, "dev-1", tokens["acme"]).get)
        refused(401, 9060, Client(acme, "dev-1", tokens["beta"], tenant="beta").get)
        for tenant in ("beta", "default", "gone"):
            refused(401, 9060, Client(server, "dev-9", gateway=gateway, tenant=tenant).get)
        Client(server, "dev-9", gateway=gateway, tenant="acme").get()
        assert [d["name"] for d in acme.operator("GET", "/api/v1/devices")["devices"]] == ["dev-1", "dev-9"]
        assert [d["name"] for d in beta.operator("GET", "/api/v1/devices")["devices"]] == ["dev-1"]


def case_behind_a_proxy_that_ends_tls_hawkbit_clients_are_led_to_https():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with service(plain=True, port=port, arguments=["--url", f"https://{DOMAIN}"]) as (server,):
        acme = Tenant(server, "acme", server.operator("POST", "/api/v1/tenants", {"name": "acme"})).set_up()
        for site in (acme, server):
            token = site.operator("POST", "/api/v1/ddi/devices", {"name": "dev-1", "product": "lab-gateway", "hardware": "rev-a"})["token"]
            deploy(site, upload(site, Signer(server.folder).bundle("2", b"x" * 9000)), "dev-1")
            ways = [(site, "default", {})] if site is server else [(acme, "default", {}), (server, "acme", {"Host": DOMAIN})]
            for way, tenant, headers in ways:
                client = Client(way, "dev-1", token, tenant=tenant)
                links = client.get(**headers)["_links"]
                told = json.dumps([links, client.get("/deploymentBase/1", **headers)])
                hrefs = re.findall(r'"href": "([^"]+)"', told)
                host = acme.host if way is acme else DOMAIN
                assert len(hrefs) > 3 and all(href.startswith(f"https://{host}/{tenant}/controller/v1/dev-1/") for href in hrefs), told


def case_live_news_and_held_polls_are_a_tenants_own():
    with service("acme", "beta") as (server, acme, beta):
        release = {site: upload(site, Signer(server.folder).bundle("2", b"x" * 9000)) for site in (acme, beta)}
        device = {site: ready_device(site, "cam-01") for site in (acme, beta)}
        connection = server.connect()
        connection.request("GET", "/api/v1/events", headers={"Host": beta.host, **beta.admin})
        answer = connection.getresponse()
        assert answer.status == 200
        news = []
        reader = threading.Thread(target=lambda: news.extend(iter(answer.readline, b"")), daemon=True)
        reader.start()
        tag = {site: device[site].poll()[1] for site in (acme, beta)}
        held = {}
        threads = [threading.Thread(target=lambda s=site: held.update({s: (device[s].poll(tag[s], wait=4), time.monotonic())})) for site in (acme, beta)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        deploy(acme, release[acme], "cam-01")
        acme.operator("POST", "/api/v1/groups", {"name": "only-of-acme", "description": ""})
        for thread in threads:
            thread.join()
        assert held[acme][0][0] == 200 and held[acme][1] - begin < 3
        assert held[beta][0][0] == 304 and held[beta][1] - begin > 3.5, "the other's device was not woken"
        assert b"event: deployment" not in b"".join(news) and b"event: groups" not in b"".join(news)
        deploy(beta, release[beta], "cam-01")
        until(lambda: b"event: deployment" in b"".join(news))
        # Suspending ends what waits, at once and in order.
        server.operator("PUT", "/api/v1/tenants/beta", {"suspended": True})
        reader.join(10)
        assert not reader.is_alive() and not found(beta.call, "GET", "/healthz")
        assert acme.call("GET", "/healthz")["status"] == "ok"


def case_the_audit_log_and_numbers_are_a_tenants_own():
    with service("acme", "beta") as (server, acme, beta):
        acme.operator("POST", "/api/v1/groups", {"name": "only-of-acme", "description": ""})
        ready_device(acme, "cam-01")
        for site in (beta, server):
            assert "only-of-acme" not in json.dumps(site.operator("GET", "/api/v1/audit"))
        assert "only-of-acme" in json.dumps(acme.operator("GET", "/api/v1/audit"))
        entries = server.operator("GET", "/api/v1/audit")["entries"]
        assert [e["path"] for e in entries if e["path"].startswith("/api/v1/tenants")] == ["/api/v1/tenants"] * 2
        own = acme.call("GET", "/metrics").decode()
        assert 'aloft_devices{status="accepted"} 1' in own and "aloft_connections" not in own, "the whole server's are the service's"
        assert 'aloft_devices{status="accepted"} 0' in beta.call("GET", "/metrics").decode()
        every = server.operator("GET", "/api/v1/tenant-metrics").decode()
        assert 'aloft_tenant_devices{tenant="acme",status="accepted"} 1' in every and 'aloft_tenant_state{tenant="beta",state="running"} 1' in every
        refused(401, 9060, server.call, "GET", "/api/v1/tenant-metrics")
        refused(401, 9060, server.call, "GET", "/api/v1/tenants", headers=acme.admin)
        for path in ("/api/v1/tenants", "/api/v1/tenant-metrics", "/api/v1/tenants/beta"):
            refused(404, 9501, acme.operator, "GET", path)
        server.operator("POST", "/api/v1/users", {"name": "olga", "password": PASSWORD, "roles": ["operator", "releaser", "approver"]})
        headers = {"Authorization": "Bearer " + server.call("POST", "/api/v1/login", {"user": "olga", "password": PASSWORD})["token"]}
        refused(403, 9075, server.call, "GET", "/api/v1/tenants", headers=headers)
        refused(403, 9075, server.call, "DELETE", "/api/v1/tenants/beta", headers=headers)


def case_the_console_works_under_a_tenants_host():
    with service("acme", "beta") as (server, acme, beta):
        for page in ("/", "/devices", "/setup"):
            status, headers, body = acme.call("GET", page, raw=True)
            assert status == 200 and headers["Content-Type"].startswith("text/html")
        asset = body.decode("latin-1").split("/assets/")[1].split('"')[0]
        assert acme.call("GET", "/assets/" + asset, raw=True)[0] == 200
        _, headers, _ = acme.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD, "cookie": True}, raw=True)
        assert "Domain" not in headers["Set-Cookie"] and headers["Set-Cookie"].startswith("__Host-")
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Aloft-Console": "1"}
        acme.call("POST", "/api/v1/groups", {"name": "x", "description": ""}, headers=cookie)
        refused(403, 9090, acme.call, "POST", "/api/v1/groups", {"name": "y", "description": ""}, headers={**cookie, "Sec-Fetch-Site": "same-site"})
        for site in (beta, server):
            refused(401, 9060, site.call, "GET", "/api/v1/session", headers=cookie)


def case_webhooks_and_rollouts_go_on_apart_and_after_kill_9():
    heard = {"acme": [], "beta": []}

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard[self.path[1:]].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with service("acme", "beta", arguments=["--webhooks-to-private"]) as (server, acme, beta):
        signer, device = Signer(server.folder), {}
        for site in (acme, beta):
            site.operator("POST", "/api/v1/webhooks", {"url": f"http://127.0.0.1:{receiver.server_port}/{site.name}", "events": ["deployment", "rollout"]})
            upload(site, signer.bundle("2", site.name.encode() * 3000))
            device[site] = ready_device(site, "cam-01")
        acme.operator("POST", "/api/v1/rollouts/" + str(acme.operator("POST", "/api/v1/rollouts", {"name": "of acme", "release": 1, "filter": "name==*"})["id"]) + "/start", {})
        until(lambda: device[acme].poll()[0] == 200 and device[acme].poll()[2].get("deployment"))
        server.kill()
        server.start(server.port)
        device[acme].report(1, "committed")
        until(lambda: acme.operator("GET", "/api/v1/rollouts/1")["state"] == "finished")
        until(lambda: any("deployment" in json.dumps(m) for m in heard["acme"]))
        assert heard["beta"] == [] and beta.operator("GET", "/api/v1/rollouts")["rollouts"] == [] and beta.operator("GET", "/api/v1/deployments")["deployments"] == []
    receiver.shutdown()


def case_every_operation_with_anothers_ids_and_credentials():
    spec = Spec(SOURCE / "docs/openapi.yaml")
    with service("acme", "beta") as (server, acme, beta):
        sites, marks = {}, {}
        for tenant in (acme, beta):
            sites[tenant] = openapi_fuzz.Site(tenant, tenant.data / "fleet.db")
            marks[tenant] = f"mark-of-{tenant.name}-7f3a".encode()
            device = sites[tenant].device
            tenant.call("PUT", "/api/device/v1/inventory", {"attributes": {"mark": marks[tenant].decode()}}, headers=device.headers)
            tenant.operator("POST", "/api/v1/groups", {"name": "mark", "description": marks[tenant].decode()})
            ready_device(tenant, "only-" + tenant.name)
            tenant.operator("POST", "/api/v1/releases", Signer(server.folder).bundle("of-" + tenant.name, os.urandom(2000)))
        counts = {}
        for here, there in ((acme, beta), (beta, acme)):
            for operation in spec.operations():
                request = openapi_fuzz.Request(sites[here], spec, operation, random.Random(str(operation)))
                open_to_all = operation.item.get("security") == [] and not operation.path.startswith("/{")
                before = sites[there].contents.now()
                status, _, body = send(there, request)
                counts[status] = counts.get(status, 0) + 1
                assert status < 500, f"{operation}: {status} {body[:300]}"
                assert marks[here] not in body and marks[there] not in body, f"{operation} tells of another: {body[:300]}"
                if open_to_all:
                    continue
                assert status in (401, 404) and (status == 401 or operation.path.startswith("/api/v1/tenant")), f"{operation}: {status} {body[:300]}"
                assert sites[there].contents.now() == before, f"{operation} has changed something of another"
                # With credentials that are good here, and what only the other has.
                stranger = openapi_fuzz.Request(sites[here], spec, operation, random.Random(str(operation)))
                stranger.headers = openapi_fuzz.good_headers(sites[there], operation)
                for at in stranger.variable:
                    stranger.segments[at] = {"cam-02": "only-" + here.name}.get(stranger.segments[at], stranger.segments[at])
                if operation.method == "GET" and operation.item["operationId"] != "watchEvents" and not operation.path.endswith("/events"):
                    status, _, body = send(there, stranger)
                    assert status < 500 and marks[here] not in body, f"{operation}: {status} {body[:300]}"
        assert counts[401] > 150, counts
        for tenant in (acme, beta):
            assert marks[tenant] in acme.service.call("GET", "/api/v1/groups", headers={"Host": tenant.host, **tenant.admin}, raw=True)[2], "the mark was there to be seen"


def send(site, request):
    """To the site, whoever the request was made for."""
    connection = site.service.connect(timeout=20)
    try:
        connection.request(request.method, request.target(), body=request.data(), headers={"Host": site.host, **request.headers})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read(65536)
    finally:
        connection.close()


if __name__ == "__main__":
    run(globals())
