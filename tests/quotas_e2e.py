#!/usr/bin/env python3
"""Quotas of the tenants of one aloft-server: what is over one is refused, told, and nothing else suffers. docs/tenants.md."""
import contextlib
import os
import threading
import time

from ddi_e2e import Client
from server_harness import PASSWORD, Device, Refused, Signer, deploy, ready_device, refused, run, upload
from tenants_harness import Tenant, command, service, until


def limit(server, tenant, **limits):
    return server.operator("PUT", f"/api/v1/tenants/{tenant.name}", {"limits": limits})


def quota(site, name):
    return next(q for q in site.operator("GET", "/api/v1/quotas")["quotas"] if q["quota"] == name)


def stored(tenant):
    return sum(f.stat().st_size for f in tenant.data.glob("blobs/*/*")) + sum(f.stat().st_size for f in tenant.data.glob("incoming/*"))


def case_what_a_tenant_may_have_is_set_and_shown_and_outlives_a_restart():
    with service("acme", "beta") as (server, acme, beta):
        assert quota(acme, "devices") == {"quota": "devices", "used": 0, "refused": 0}
        assert limit(server, acme, devices=5, artifact_bytes=1 << 20)["limits"] == {"devices": 5, "artifact_bytes": 1 << 20}
        assert quota(acme, "devices") == {"quota": "devices", "used": 0, "limit": 5, "refused": 0}
        assert limit(server, acme, artifact_bytes=None, users=2)["limits"] == {"devices": 5, "users": 2}
        assert "limit" not in quota(beta, "devices") and "limit" not in quota(server, "devices")
        for wrong in ({"gold": 1}, {"users": 0}, {"log_bytes": 5}, {"requests_per_s": 1}):
            refused(400, 9644, limit, server, acme, **wrong)
        for wrong in ({"devices": -1}, {"devices": "5"}, {"devices": 1.5}):
            refused(400, 1007, limit, server, acme, **wrong)
        refused(400, 9069, server.operator, "PUT", "/api/v1/tenants/acme", {})
        assert server.operator("GET", "/api/v1/tenants/acme")["limits"] == {"devices": 5, "users": 2}, "what was refused has changed nothing"
        assert acme.call("GET", "/api/v1/quotas", raw=True)[0] == 401
        server.kill()
        server.start(server.port)
        assert quota(acme, "devices")["limit"] == 5 and quota(acme, "users") == {"quota": "users", "used": 1, "limit": 2, "refused": 0}
        made = server.operator("POST", "/api/v1/tenants", {"name": "gamma", "limits": {"webhooks": 0}})
        assert made["limits"] == {"webhooks": 0}
        gamma = Tenant(server, "gamma", made).set_up()
        refused(409, 9640, gamma.operator, "POST", "/api/v1/webhooks", {"url": "https://x.test", "events": ["audit"]})
        refused(400, 9644, server.operator, "POST", "/api/v1/tenants", {"name": "delta", "limits": {"gold": 1}})
        # On the machine, too.
        assert command(server, "quota", "acme", "devices=7", "artifact_bytes=20M", "users=none").stdout == "artifact_bytes=20971520\ndevices=7\n"
        until(lambda: quota(acme, "devices")["limit"] == 7)
        assert "limit" not in quota(acme, "users")
        assert "E9644" in command(server, "quota", "acme", "gold=1", check=False).stderr
        assert command(server, "quota", "nobody", "devices=1", check=False).returncode == 1


def case_devices_over_it_wait_outside_and_those_inside_go_on():
    with service("acme") as (server, acme):
        limit(server, acme, devices=2)
        first = ready_device(acme, "cam-01")
        Device(acme, "cam-02").enrol()
        late = Device(acme, "cam-03")
        told = refused(429, 9642, late.enrol)
        assert int(told.headers["Retry-After"]) >= 60 and '"devices" is 2' in told.body["error"]["message"]
        secret = acme.enrolment_secret()
        refused(429, 9642, late.enrol, secret)
        refused(409, 9640, acme.operator, "POST", "/api/v1/ddi/devices", {"name": "dev-1", "product": "p", "hardware": "h"})
        gateway = acme.operator("POST", "/api/v1/ddi/gateways", {"product": "p", "hardware": "h"})["token"]
        refused(403, 9642, Client(acme, "dev-1", gateway=gateway).get)
        assert [d["name"] for d in acme.operator("GET", "/api/v1/devices")["devices"]] == ["cam-01", "cam-02"]
        # The limit falls below what is there: nothing of the running devices is refused.
        release = upload(acme, Signer(server.folder).bundle("2", b"x" * 9000))
        limit(server, acme, devices=0, artifact_bytes=0, releases=0, rollouts=0, enrolment_tokens=0, requests_per_s=2)
        until(lambda: try_deploy(acme, release))
        for _ in range(30):
            status, _, offered = first.poll()
            assert status == 200 and offered["deployment"]["version"] == "2"
        for n in range(30):
            assert first.report(1, "downloading", progress_permille=n)["stored"] == 1
        assert first.report(1, "committed")["stored"] == 1
        first.authenticate()
        assert first.server.call("PUT", "/api/device/v1/inventory", {"attributes": {"modem": "ec25"}}, headers=first.headers) is not None
        assert first.enrol() is True, "it is known"
        limit(server, acme, devices=3, requests_per_s=None)
        until(lambda: quota(acme, "devices")["limit"] == 3)
        assert late.enrol(secret) is True, "the token was not used up by what was refused"
        assert quota(acme, "devices")["refused"] >= 4


def try_deploy(tenant, release):
    with contextlib.suppress(Refused):
        return deploy(tenant, release, "cam-01")


def case_bytes_are_refused_before_they_come():
    with service("acme", "beta") as (server, acme, beta):
        signer = Signer(server.folder)
        small, large = signer.bundle("1", os.urandom(100_000)), signer.bundle("2", os.urandom(400_000))
        upload(acme, small)
        limit(server, acme, artifact_bytes=len(small) + 300_000)
        before = stored(acme)
        connection = server.connect()
        connection.putrequest("POST", "/api/v1/releases", skip_host=True)
        for name, value in {"Host": acme.host, **acme.admin, "Content-Length": str(len(large))}.items():
            connection.putheader(name, value)
        connection.endheaders()  # and not one byte of the body
        answer = connection.getresponse()
        assert answer.status == 413 and b'"number":9641' in answer.read()
        assert stored(acme) == before
        refused(413, 9641, upload, acme, large)
        assert stored(acme) == before and quota(acme, "artifact_bytes") == {
            "quota": "artifact_bytes", "used": len(small), "limit": len(small) + 300_000, "refused": 2}
        assert upload(beta, large)["version"] == "2", "the other's quota is another"
        limit(server, acme, artifact_bytes=len(small) + len(large))
        assert upload(acme, large)["version"] == "2", "just as much as there is room for"
        for n in (1, 2):
            acme.operator("DELETE", f"/api/v1/releases/{n}")
        assert quota(acme, "artifact_bytes")["used"] == 0 and stored(acme) == 0


def slowly(tenant, bundle, answers, hold):
    """An upload that stops in the middle until `hold` is set."""
    connection = tenant.service.connect()
    connection.putrequest("POST", "/api/v1/releases", skip_host=True)
    for name, value in {"Host": tenant.host, **tenant.admin, "Content-Length": str(len(bundle))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with contextlib.suppress(OSError):
        connection.send(bundle[:1000])
        hold.wait(20)
        connection.send(bundle[1000:])
    answers.append(connection.getresponse().status)


def case_of_two_uploads_at_once_that_do_not_both_fit_one_is_refused():
    with service("acme") as (server, acme):
        signer = Signer(server.folder)
        bundles = [signer.bundle(str(n), os.urandom(200_000)) for n in range(4)]
        limit(server, acme, artifact_bytes=len(bundles[0]) + 1000)
        answers, hold = [], threading.Event()
        first = threading.Thread(target=slowly, args=(acme, bundles[0], answers, hold))
        first.start()
        until(lambda: list(acme.data.glob("incoming/*")))
        refused(413, 9641, upload, acme, bundles[1])
        hold.set()
        first.join()
        assert answers == [201] and quota(acme, "artifact_bytes")["used"] == len(bundles[0])
        # What was given up in the middle keeps no room.
        acme.operator("DELETE", "/api/v1/releases/1")
        connection = server.connect()
        connection.putrequest("POST", "/api/v1/releases", skip_host=True)
        for name, value in {"Host": acme.host, **acme.admin, "Content-Length": str(len(bundles[1]))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(bundles[1][:5000])
        until(lambda: list(acme.data.glob("incoming/*")))
        connection.sock.close()
        until(lambda: not list(acme.data.glob("incoming/*")))
        # All of a crowd together do not come over it.
        limit(server, acme, artifact_bytes=2 * len(bundles[0]) + 1000)
        outcomes = []

        def go(bundle):
            try:
                outcomes.append(upload(acme, bundle)["sha256"] is not None)
            except Refused as error:
                outcomes.append(error.number)
            except OSError:
                outcomes.append("cut")  # it was refused while it was still sending

        threads = [threading.Thread(target=go, args=(bundle,)) for bundle in bundles]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count(True) <= 2, outcomes
        assert quota(acme, "artifact_bytes")["used"] == stored(acme) <= 2 * len(bundles[0]) + 1000


def case_what_people_and_scripts_make():
    with service("acme") as (server, acme):
        limit(server, acme, users=2, api_tokens=1, groups=1, webhooks=1, enrolment_tokens=1, rollouts=1, releases=1)
        release = upload(acme, Signer(server.folder).bundle("2", b"x" * 9000))
        ready_device(acme, "cam-01")
        plan = {"name": "all", "release": release["id"], "filter": "name==*", "waves": [{"permille": 1000}]}
        wishes = [("/api/v1/users", lambda n: {"name": f"u{n}", "password": PASSWORD, "roles": ["viewer"]}),
                  ("/api/v1/tokens", lambda n: {"note": "ci"}), ("/api/v1/groups", lambda n: {"name": f"g{n}", "description": ""}),
                  ("/api/v1/webhooks", lambda n: {"url": "https://x.test", "events": ["audit"]}), ("/api/v1/enrolment-tokens", lambda n: {"note": ""}),
                  ("/api/v1/rollouts", lambda n: plan)]
        for path, wish in wishes:
            assert acme.operator("POST", path, wish(1)), path
            refused(409, 9640, acme.operator, "POST", path, wish(2))
        refused(409, 9640, upload, acme, Signer(server.folder).bundle("3", b"y" * 9000))
        assert acme.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})["token"], "a session is no API token"
        acme.operator("DELETE", "/api/v1/users/u1")
        assert acme.operator("POST", "/api/v1/users", wishes[0][1](3))["name"] == "u3"
        acme.operator("POST", "/api/v1/rollouts/1/abort", {})
        assert acme.operator("POST", "/api/v1/rollouts", plan)["id"] == 2, "one that has ended makes room"
        refusals = [e for e in acme.operator("GET", "/api/v1/audit")["entries"] if e.get("error") == 9640]
        assert len(refusals) == 7, "who asked for too much stands in the audit log"


def case_a_script_that_asks_without_end_leaves_half_to_the_others():
    with service("acme", "beta") as (server, acme, beta):
        script = {"Authorization": "Bearer " + acme.operator("POST", "/api/v1/tokens", {"note": "loop"})["token"]}
        device = ready_device(acme, "cam-01")
        limit(server, acme, requests_per_s=10)
        ending, statuses, waits = threading.Event(), [], []

        def loop():
            connection = server.connect()
            while not ending.is_set():
                status, headers, _ = acme.call("GET", "/api/v1/session", headers=script, raw=True, connection=connection)
                statuses.append(status)
                if status == 429:
                    waits.append(int(headers["Retry-After"]))
                time.sleep(0.002)

        begin = time.monotonic()
        thread = threading.Thread(target=loop)
        thread.start()
        until(lambda: 429 in statuses)
        for _ in range(6):
            assert acme.operator("GET", "/api/v1/session")["user"] == "admin", "an administrator gets through"
            assert device.poll()[0] == 200 and beta.operator("GET", "/api/v1/session")["user"] == "admin"
            time.sleep(0.25)
        ending.set()
        thread.join()
        took = time.monotonic() - begin
        assert statuses.count(200) <= 10 + 5 * took + 1, (statuses.count(200), took)
        assert set(waits) == {1}
        refused_ones = quota(acme, "requests_per_s")
        assert refused_ones["limit"] == 10 and refused_ones["refused"] == statuses.count(429) and "used" not in refused_ones


def case_the_oldest_logs_make_room():
    with service("acme") as (server, acme):
        limit(server, acme, log_bytes=1 << 20)
        release = upload(acme, Signer(server.folder).bundle("2", b"x" * 9000))
        text = b"x" * (250 << 10)
        for n in range(6):
            device = ready_device(acme, f"cam-{n:02}")
            number = deploy(acme, release, device.name)[0]["id"]
            acme.call("PUT", f"/api/device/v1/deployments/{number}/log", text, headers=device.headers)
        kept = [n for n in range(1, 7) if acme.call("GET", f"/api/v1/deployments/{n}/log", headers=acme.admin, raw=True)[0] == 200]
        assert kept == [3, 4, 5, 6]
        assert quota(acme, "log_bytes")["used"] == 4 * len(text)


def case_the_numbers_are_metrics():
    with service("acme", "beta") as (server, acme, beta):
        limit(server, acme, devices=1)
        ready_device(acme, "cam-01")
        refused(429, 9642, Device(acme, "cam-02").enrol)
        own = acme.call("GET", "/metrics").decode()
        for line in ('aloft_quota_used{quota="devices"} 1', 'aloft_quota_limit{quota="devices"} 1', 'aloft_quota_refused_total{quota="devices"} 1'):
            assert line + "\n" in own, line
        assert 'aloft_quota_limit{' not in beta.call("GET", "/metrics").decode()
        every = server.operator("GET", "/api/v1/tenant-metrics").decode()
        assert 'aloft_quota_used{tenant="acme",quota="devices"} 1\n' in every and 'aloft_quota_used{tenant="beta",quota="devices"} 0\n' in every
        assert every.count("# TYPE aloft_quota_used gauge\n") == 1


def case_a_backup_brings_no_quota_and_restoring_can_set_one():
    with service("acme") as (server, acme):
        limit(server, acme, devices=1)
        ready_device(acme, "cam-01")
        command(server, "backup", "acme", server.folder / "copy")
        command(server, "restore", "twin", server.folder / "copy", "--quota", "devices=3")
        twin = Tenant(server, "twin", {})
        twin.admin = {"Authorization": "Bearer " + until(lambda: log_in(twin))}
        assert quota(twin, "devices") == {"quota": "devices", "used": 1, "limit": 3, "refused": 0}


def log_in(tenant):
    with contextlib.suppress(Refused):
        return tenant.call("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})["token"]


if __name__ == "__main__":
    run(globals())
