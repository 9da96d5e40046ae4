#!/usr/bin/env python3
"""Tenants of one aloft-server are made, suspended, broken, copied and removed, while the others go on. docs/tenants.md."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from ddi_e2e import Client
from server_harness import PASSWORD, PROGRAM, Refused, Server, Signer, deploy, ready_device, refused, run, upload
from tenants_harness import DOMAIN, Tenant, command, found, names_of, service, until, works


def case_a_server_without_tenants_is_as_it_was():
    server = Server().start().set_up()
    try:
        assert server.call("GET", "/healthz", headers={"Host": "acme." + DOMAIN})["status"] == "ok"
        refused(409, 9085, server.operator, "POST", "/api/v1/tenants", {"name": "acme"})
        refused(404, 9720, Client(server, "dev-1", "x", tenant="acme").get)
        assert command(server, "add", "acme", check=False).returncode == 1
        assert not (server.folder / "data/tenants").exists() or not [p for p in (server.folder / "data/tenants").iterdir() if p.name != "lock"]
    finally:
        server.destroy()


def case_a_server_that_had_tenants_does_not_start_without_their_domain():
    with service("acme") as (server, _):
        server.stop()
        ended = subprocess.run([PROGRAM, "--data", server.folder / "data", "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
        assert ended.returncode == 1 and "E9085" in ended.stderr, "else its devices would knock at the own site"


def case_existing_data_and_addresses_stay_the_own_sites():
    server = Server().start().set_up()
    try:
        device = ready_device(server, "cam-01")
        server.stop()
        server.arguments = ["--tenant-domain", DOMAIN]
        server.start()
        assert [d["name"] for d in server.operator("GET", "/api/v1/devices")["devices"]] == ["cam-01"]
        for host in ("127.0.0.1", "localhost:1", DOMAIN, "elsewhere.test", DOMAIN.upper() + "."):
            assert server.call("GET", "/api/device/v1/assignment?wait=0", headers={**device.headers, "Host": host}) is not None
        refused(401, 9060, Client(server, "dev-1", "x", tenant="DEFAULT").get)
    finally:
        server.destroy()


def case_the_link_makes_one_administrator_and_survives_a_restart():
    with service() as (server,):
        made = server.operator("POST", "/api/v1/tenants", {"name": "acme"})
        assert made["state"] == "running" and made["setup_url"] == f"https://acme.{DOMAIN}:{server.port}/setup#{made['setup_token']}"
        assert made["setup_token"].endswith("." + server.fingerprint)
        acme = Tenant(server, "acme", made)
        renewed = server.operator("POST", "/api/v1/tenants/acme/setup-link", {})
        refused(401, 9063, acme.set_up)
        server.kill()
        server.start(server.port)
        for secret in (made["setup_token"], renewed["setup_token"]):
            files = b"".join(f.read_bytes() for f in acme.data.iterdir() if f.is_file())
            assert secret.split(".")[0].encode() not in files, "a secret lies on the disk"
        refused(401, 9063, server.call, "POST", "/api/v1/setup", {"token": "x", "user": "eve", "password": PASSWORD}, headers={"Host": acme.host})
        acme.setup_token = renewed["setup_token"]
        acme.set_up()
        refused(409, 9064, acme.call, "POST", "/api/v1/setup", {"token": renewed["setup_token"], "user": "eve", "password": PASSWORD})
        refused(409, 9086, server.operator, "POST", "/api/v1/tenants/acme/setup-link", {})
        assert "already" in command(server, "link", "acme", check=False).stderr


def case_acknowledged_changes_of_every_tenant_survive_kill_9():
    with service("acme", "beta", "gamma") as (server, *sites):
        written = {site: 0 for site in sites}
        ending = threading.Event()

        def write(site):
            with contextlib.suppress(Exception):
                while not ending.is_set():
                    site.operator("POST", "/api/v1/groups", {"name": f"{site.name}-{written[site]}", "description": ""})
                    written[site] += 1

        threads = [threading.Thread(target=write, args=(site,)) for site in sites]
        for thread in threads:
            thread.start()
        until(lambda: min(written.values()) > 3, 90)
        server.kill()
        ending.set()
        for thread in threads:
            thread.join()
        server.start(server.port)
        for site in sites:
            groups = {g["name"] for g in site.operator("GET", "/api/v1/groups")["groups"]}
            assert {f"{site.name}-{n}" for n in range(written[site])} <= groups
            assert all(g.startswith(site.name) for g in groups)


def case_a_backup_of_one_while_the_others_work():
    with service("acme", "beta") as (server, acme, beta):
        bundle = Signer(server.folder).bundle("2", os.urandom(300_000))
        release = upload(acme, bundle)
        device = ready_device(acme, "cam-01")
        deploy(acme, release, "cam-01")
        copy = server.folder / "copy"
        assert "1 artifacts" in command(server, "backup", "acme", copy).stdout
        assert sorted(p.name for p in copy.iterdir()) == ["blobs", "complete", "fleet.db"], "no key of the server is in it"
        ready_device(acme, "cam-02")
        polls = []
        other = ready_device(beta, "cam-09")
        ending = threading.Event()
        busy = threading.Thread(target=lambda: [polls.append(other.poll()[0]) for _ in iter(ending.is_set, True)])
        busy.start()
        assert command(server, "restore", "acme", copy, check=False).returncode == 1, "it is there"
        server.operator("DELETE", "/api/v1/tenants/acme")
        assert not found(acme.call, "GET", "/healthz") and not acme.data.exists()
        command(server, "restore", "acme", copy)
        until(lambda: found(acme.call, "GET", "/healthz"))
        ending.set()
        busy.join()
        assert [d["name"] for d in acme.operator("GET", "/api/v1/devices")["devices"]] == ["cam-01"]
        assert device.poll()[2]["deployment"]["artifact_sha256"] == release["sha256"], "the device's token is good as before"
        assert acme.call("GET", f"/api/device/v1/artifacts/{release['sha256']}", headers=device.headers) == bundle
        assert len(polls) > 5 and set(polls) == {200}


def case_a_backup_of_the_server_has_all_tenants_in_it():
    with service("acme", "beta") as (server, acme, beta):
        bundles, devices = {}, {}
        for site in (server, acme, beta):
            bundles[site] = Signer(server.folder).bundle("2", os.urandom(50_000))
            release = upload(site, bundles[site])
            devices[site] = ready_device(site, "cam-01")
            deploy(site, release, "cam-01")
        server.operator("PUT", "/api/v1/tenants/acme", {"limits": {"devices": 7}})
        server.operator("POST", "/api/v1/tenants", {"name": "gamma", "host": "ota.gamma.test"})
        server.operator("PUT", "/api/v1/tenants/gamma", {"suspended": True})
        copy, data = server.folder / "copy", server.folder / "data"
        told = subprocess.run([PROGRAM, "--data", data, "--backup-to", copy], check=True, capture_output=True, text=True).stdout
        assert "and 3 tenants" in told, told
        ready_device(acme, "cam-02")
        server.kill()
        data.rename(server.folder / "lost")
        (copy / "tenants/acme/complete").rename(server.folder / "mark")
        broken = subprocess.run([PROGRAM, "--data", data, "--restore-from", copy], capture_output=True, text=True)
        assert broken.returncode == 1 and "tenant acme" in broken.stderr and not (data / "fleet.db").exists()
        (server.folder / "mark").rename(copy / "tenants/acme/complete")
        shutil.rmtree(data)
        told = subprocess.run([PROGRAM, "--data", data, "--restore-from", copy], check=True, capture_output=True, text=True).stdout
        assert "and 3 tenants" in told, told
        server.start(server.port)
        for site in (server, acme, beta):
            assert [d["name"] for d in site.operator("GET", "/api/v1/devices")["devices"]] == ["cam-01"]
            sha256 = devices[site].poll()[2]["deployment"]["artifact_sha256"]
            assert site.call("GET", f"/api/device/v1/artifacts/{sha256}", headers=devices[site].headers) == bundles[site]
        standing = {t["name"]: t for t in server.operator("GET", "/api/v1/tenants")["tenants"]}
        assert standing["acme"]["limits"] == {"devices": 7} and standing["gamma"]["state"] == "suspended"
        assert standing["gamma"]["host"] == "ota.gamma.test"
        # One of them alone can be taken out of it, too.
        command(server, "restore", "twin", copy / "tenants/acme")
        until(lambda: found(Tenant(server, "twin", {}).call, "GET", "/healthz"))


def case_made_suspended_and_removed_on_the_machine():
    with service("acme") as (server, acme):
        added = command(server, "add", "beta", "--host", "ota.beta.test").stdout
        url = f"https://ota.beta.test:{server.port}"
        token = added.split("--setup ")[1].strip()
        assert f"tenant beta: {url}\n" in added and f"open {url}/setup#{token}\n" in added
        beta = Tenant(server, "beta", {"setup_token": token}, host="ota.beta.test")
        until(lambda: found(Tenant(server, "beta", {}).call, "GET", "/healthz"))
        beta.set_up()
        device = ready_device(beta, "cam-01")
        assert beta.operator("POST", "/api/v1/enrolment-tokens", {})["url"] == url
        listed = json.loads(command(server, "list", "--json").stdout)["tenants"]
        assert [(t["name"], t["state"]) for t in listed] == [("acme", "served"), ("beta", "served")]
        command(server, "suspend", "beta")
        until(lambda: not found(beta.call, "GET", "/healthz"))
        assert "beta  suspended" in command(server, "list").stdout
        refused(404, 9080, beta.call, "GET", "/api/device/v1/assignment", headers=device.headers)
        server.kill()
        server.start(server.port)
        assert not found(beta.call, "GET", "/healthz") and acme.call("GET", "/healthz")["status"] == "ok"
        command(server, "resume", "beta")
        until(lambda: found(beta.call, "GET", "/healthz"))
        assert device.poll()[0] == 200
        assert "--yes" in command(server, "remove", "beta", check=False).stderr
        command(server, "remove", "beta", "--yes")
        assert names_of(server) == ["acme"] or until(lambda: names_of(server) == ["acme"])
        assert sorted(p.name for p in (server.folder / "data/tenants").iterdir()) == ["acme", "lock", "service.json"]
        # Whoever has the name next has nothing of it.
        again = Tenant(server, "beta", server.operator("POST", "/api/v1/tenants", {"name": "beta"})).set_up()
        refused(401, 9060, again.call, "GET", "/api/device/v1/assignment", headers=device.headers)
        refused(401, 9060, again.call, "GET", "/api/v1/devices", headers=beta.admin)
        assert again.operator("GET", "/api/v1/devices")["devices"] == []


def case_one_that_is_removed_and_made_again_at_once_is_another():
    with service("acme") as (server, acme):
        ready_device(acme, "cam-01")
        server.process.send_signal(signal.SIGSTOP)
        try:  # while the server looks away
            (acme.data).rename(server.folder / "gone")
            made = command(server, "add", "acme").stdout
        finally:
            server.process.send_signal(signal.SIGCONT)
        fresh = Tenant(server, "acme", {"setup_token": made.split("--setup ")[1].strip()})
        until(lambda: not works(acme))
        until(lambda: found(fresh.call, "GET", "/healthz"))  # the old one goes first
        fresh.set_up()
        assert fresh.operator("GET", "/api/v1/devices")["devices"] == []


def case_a_tenant_whose_store_is_broken_disturbs_nobody():
    with service("acme", "beta") as (server, acme, beta):
        server.stop()
        (acme.data / "fleet.db").write_bytes(b"no database" * 1000)
        for more in acme.data.glob("fleet.db-*"):
            more.unlink()
        server.start(server.port)
        assert beta.operator("GET", "/api/v1/session")["user"] == "admin"
        assert not found(acme.call, "GET", "/healthz")
        standing = {t["name"]: t for t in server.operator("GET", "/api/v1/tenants")["tenants"]}
        assert standing["acme"]["state"] == "failed" and "E900" in standing["acme"]["problem"] and standing["beta"]["state"] == "running"
        server.operator("DELETE", "/api/v1/tenants/acme")
        assert names_of(server) == ["beta"]


def case_removing_under_load_answers_in_order():
    with service("acme", "beta") as (server, acme, beta):
        devices = [ready_device(acme, f"cam-{n:02}") for n in range(4)]
        tags = [d.poll()[1] for d in devices]
        problems, answers = [], []

        def poll(device, tag):
            while True:
                try:
                    answers.append(device.poll(tag, wait=1)[0])
                except Refused as error:
                    problems.append((error.status, error.number))
                if answers and answers[-1] == 404:
                    return

        threads = [threading.Thread(target=poll, args=pair) for pair in zip(devices, tags)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        server.operator("DELETE", "/api/v1/tenants/acme")
        for thread in threads:
            thread.join(15)
            assert not thread.is_alive()
        assert set(answers) <= {200, 304, 404} and not problems, (answers, problems)
        assert beta.call("GET", "/healthz")["status"] == "ok"


if __name__ == "__main__":
    run(globals())
