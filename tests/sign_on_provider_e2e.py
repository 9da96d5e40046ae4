#!/usr/bin/env python3
"""Single sign-on: which provider a server and its tenants ask, how it may behave, and that they go on whatever it does."""
import concurrent.futures
import contextlib
import pathlib
import subprocess
import tempfile
import time

import scratch
from fake_idp import Provider
from server_harness import PROGRAM, Refused, Server, ready_device, refused, run
from sign_on import ANN, CALLBACK, Browser, denied, site
from tenants_harness import command, service, until


def case_without_a_provider_nobody_is_sent_anywhere():
    server = Server()
    try:
        server.start().set_up()
        assert server.call("GET", "/api/v1/sso") == {}
        refused(404, 9700, server.call, "GET", "/api/v1/sso/login")
        refused(404, 9700, server.call, "GET", CALLBACK + "?code=c&state=s")
    finally:
        server.destroy()
    with site(setup=False) as (server, provider):
        provider.person = ANN
        denied(server, provider, 9634)
        server.set_up()
        assert Browser(server, provider).sign_in() == "/"


def case_the_provider_is_down_slow_or_full_of_nonsense_and_the_server_goes_on():
    with site() as (server, provider):
        provider.person = ANN
        provider.stop()
        denied(server, provider, 9701)
        provider.start()
        time.sleep(5.5)  # what failed is not asked for again at once
        assert Browser(server, provider).sign_in() == "/"
        provider.document = {"issuer": "https://localhost/another"}
        browsers = [Browser(server, provider) for _ in range(12)]
        waiting = [browser.visit_provider(browser.begin()) for browser in browsers]
        provider.delay_s = 4
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            began = time.monotonic()
            backs = [pool.submit(browser.get, back) for browser, back in zip(browsers, waiting)]
            slowest = 0
            while not all(back.done() for back in backs):
                asked = time.monotonic()
                server.call("GET", "/healthz")
                server.operator("GET", "/api/v1/devices")
                slowest = max(slowest, time.monotonic() - asked)
            assert time.monotonic() - began > 4, "the provider was slow"
            assert slowest < 2, f"the server stood still for {slowest:.1f} s"
            assert all(back.result()[1]["Location"] == "/" for back in backs)
        provider.delay_s = 0


def case_at_most_so_many_wait_for_a_slow_provider():
    with site() as (server, provider):
        provider.person, provider.delay_s = ANN, 3
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            outcomes = [pool.submit(Browser(server, provider).begin) for _ in range(24)]
            outcomes = [outcome.result() for outcome in outcomes]
        assert outcomes.count("/login") == 8, "16 at once; the others hear at once that they have to wait"
        provider.delay_s = 0
        browser = Browser(server, provider)
        numbers = []
        for _ in range(10):
            browser.begin()
            numbers.append(browser.failure())
        assert 9062 in numbers, "30 a minute from one address"


def case_the_provider_must_be_public_unless_it_is_said_otherwise():
    with site(settings={"private_addresses": "false"}) as (server, provider):
        provider.person = ANN
        denied(server, provider, 9701)
        assert not provider.asked, "nothing was sent"
    with site(settings={"ca_file": None}) as (server, provider):
        denied(server, provider, 9701)
    with site(settings={"client_id": '"another"'}) as (server, provider):
        browser = Browser(server, provider)
        address = browser.begin()
        assert "client_id=another" in address


def case_the_provider_is_the_own_sites_and_no_tenants():
    with site() as (server, provider):
        server.stop()
        server.arguments += ["--tenant-domain", "fleet.example"]
        server.start(server.port)
        server.operator("POST", "/api/v1/tenants", {"name": "acme"})
        tenant = {"Host": "acme.fleet.example"}
        assert server.call("GET", "/api/v1/sso", headers=tenant) == {}
        refused(404, 9700, server.call, "GET", "/api/v1/sso/login", headers=tenant)
        provider.person = ANN
        browser = Browser(server, provider)
        assert browser.sign_in() == "/"
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers={**tenant, "Cookie": "__Host-aloft-session=" + browser.cookies["__Host-aloft-session"]})


def case_a_tenants_people_sign_in_at_its_own_provider():
    with service("acme", "beta") as (server, acme, beta):
        folders = {}
        for tenant in (acme, beta):
            folders[tenant] = scratch.folder("sso", server.folder)
        url = {tenant: f"https://{tenant.host}:{server.port}" for tenant in (acme, beta)}
        providers = {tenant: Provider(folders[tenant], url[tenant] + CALLBACK) for tenant in (acme, beta)}
        try:
            assert acme.call("GET", "/api/v1/sso") == {}
            device = ready_device(acme, "cam-01")
            for tenant in (acme, beta):
                told = command(server, "sso", tenant.name, str(providers[tenant].settings(folders[tenant]))).stdout
                assert told == f"register at the provider: {url[tenant]}{CALLBACK}\n"
                until(lambda t=tenant: "provider" in sso_of(t))
            browsers = {}
            for tenant in (acme, beta):
                providers[tenant].person = ANN
                browsers[tenant] = Browser(tenant, providers[tenant], url[tenant])
                assert browsers[tenant].sign_in() == "/"
                assert browsers[tenant].session()["issuer"] == providers[tenant].issuer
            # A session, and an answer of the provider, is good at the tenant whose it is.
            for one, other in ((acme, beta), (beta, acme)):
                assert one.call("GET", "/api/v1/session", headers=browsers[other].console(), raw=True)[0] == 401
                way = browsers[one].visit_provider(browsers[one].begin())
                assert browsers[other].get(way)[1]["Location"] == "/login"
            assert server.call("GET", "/api/v1/sso") == {}, "the own site has none"
            assert device.poll()[0] == 200
            server.kill()
            server.start(server.port)
            assert browsers[acme].session()["user"] == "oidc:ann"
            # Another provider's people are nobody, devices and passwords go on, and so they do with a file that is no good any more.
            assert command(server, "sso", "acme", str(folders[acme] / "nothing.toml"), check=False).returncode == 1
            command(server, "sso", "acme", "none")
            until(lambda: sso_of(acme) == {})
            assert browsers[acme].session() is None and acme.operator("GET", "/api/v1/session")["user"] == "admin"
            assert device.poll()[0] == 200 and browsers[beta].session()["user"] == "oidc:ann"
            server.stop()
            (beta.data / "sso.toml").write_text("nonsense")
            server.start(server.port)
            assert sso_of(beta) == {} and beta.operator("GET", "/api/v1/session")["user"] == "admin"
            assert "tenant beta: nobody signs in" in server.log_tail()
        finally:
            for provider in providers.values():
                provider.stop()


def sso_of(tenant):
    with contextlib.suppress(Refused):
        return tenant.call("GET", "/api/v1/sso")
    return {"not": "served"}


def case_a_bad_file_is_told_at_the_start():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "sso.toml"
        path.write_text('name = "x"\nissuer = "http://id.example"\nclient_id = "c"\n[roles]\na = ["admin"]\n')
        program = [PROGRAM, "--data", folder + "/data", "--sso", path, "--listen", "127.0.0.1:0"]
        for arguments, status, words in (([], 2, "--url"), (["--url", "https://x"], 1, "E8002")):
            done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=60)
            assert done.returncode == status and words in done.stdout + done.stderr, done


run(globals())
