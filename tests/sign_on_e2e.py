#!/usr/bin/env python3
"""Single sign-on of the real server at a strict identity provider: who gets in, as whom, and every way in which nobody may."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import scratch
from fake_idp import Provider, SigningKey
from server_harness import PASSWORD, Refused, Server, ready_device, refused, run
from tenants_harness import command, service, until

ALOFT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/cli/aloft"
URL = "https://updates.example"
CALLBACK = "/api/v1/sso/callback"
ANN = {"sub": "ann", "preferred_username": "ann.smith", "groups": ["fleet-admins", "everybody"]}
BOB = {"sub": "bob/7", "email": "bob@example.com", "groups": ["CN=ops,OU=example", "staff"]}


class Browser:
    """Keeps cookies and follows redirects as a browser does, one step after the other."""

    def __init__(self, server, provider, url=URL):
        self.server, self.provider, self.url, self.cookies = server, provider, url, {}

    def get(self, path, **headers):
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        status, answer, data = self.server.call("GET", path, headers=headers, raw=True)
        for line in answer.get_all("Set-Cookie", []):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return status, answer, data

    def console(self):
        """The headers of the console's own requests, of who is signed in."""
        return {"X-Aloft-Console": "1", "Cookie": "__Host-aloft-session=" + self.cookies["__Host-aloft-session"]}

    def begin(self, next_page=None):
        """To the provider's address, or to the login page."""
        status, answer, _ = self.get("/api/v1/sso/login" + (f"?next={urllib.parse.quote(next_page)}" if next_page else ""))
        assert status == 303, status
        return answer["Location"]

    def visit_provider(self, address):
        """The address that the provider sends the browser back to, at this server."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        context = ssl.create_default_context(cafile=str(self.provider.ca_file))
        try:
            urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context)).open(address, timeout=30)
        except urllib.error.HTTPError as error:
            assert error.code == 302, (error.code, error.read())
            assert error.headers["Location"].startswith(self.url + CALLBACK + "?"), error.headers["Location"]
            return error.headers["Location"].removeprefix(self.url)
        raise AssertionError("the provider does not send the browser back")

    def sign_in(self, next_page=None):
        """Where it ends."""
        address = self.begin(next_page)
        if address == "/login":
            return address
        return self.get(self.visit_provider(address))[1]["Location"]

    def failure(self):
        """The number that the login page shows."""
        return json.loads(self.get("/api/v1/sso")[2]).get("failure", {}).get("number")

    def session(self):
        status, _, data = self.get("/api/v1/session")
        return json.loads(data) if status == 200 else None


@contextlib.contextmanager
def site(setup=True, methods=("client_secret_basic",), settings=None):
    folder = scratch.folder("sso")
    provider = Provider(folder, URL + CALLBACK, methods=methods)
    server = Server(folder=folder, arguments=["--url", URL, "--sso", str(provider.settings(folder, **(settings or {})))])
    try:
        # Its address is made up, so the port is read from what it listens on.
        start(server)
        if setup:
            server.set_up()
        yield server, provider
    finally:
        with contextlib.suppress(OSError):
            provider.stop()
        server.destroy()


def start(server):
    """The printed address is the one people use; the port is another."""
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server.port = port
    return server.start(port)


def denied(server, provider, number, browser=None):
    """A sign-in that ends at the login page with this number, and lets nobody in. The person that it was is not bothered by that."""
    browser = browser or Browser(server, provider)
    assert browser.sign_in() == "/login", "nobody may get in"
    found = browser.failure()
    assert found == number, f"expected E{number}, got E{found}"
    assert browser.session() is None and "__Host-aloft-session" not in browser.cookies
    assert browser.failure() is None, "told once"


def relax(server, provider):
    """A good sign-in, after which the attempts from this address count from zero."""
    claims, forge, person, document = provider.claims, provider.forge, provider.person, provider.document
    provider.claims, provider.forge, provider.person, provider.document = {}, None, ANN, {}
    assert Browser(server, provider).sign_in() == "/"
    provider.claims, provider.forge, provider.person, provider.document = claims, forge, person, document


def case_people_sign_in_with_the_roles_of_their_groups():
    with site() as (server, provider):
        assert server.call("GET", "/api/v1/sso") == {"provider": {"name": "Example Corp"}}
        for person, user, roles in ((ANN, "oidc:ann", ["admin"]), (BOB, "oidc:bob%2f7", ["viewer", "operator", "releaser"])):
            provider.person = person
            browser = Browser(server, provider)
            status, answer, _ = browser.get(browser.visit_provider(browser.begin("/devices?status=pending")))
            assert (status, answer["Location"]) == (303, "/devices?status=pending")
            words = answer.get_all("Set-Cookie")[0].split("; ")
            assert all(word in words for word in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/")), words
            assert answer["Referrer-Policy"] == "no-referrer" and answer["Cache-Control"] == "no-store"
            session = browser.session()
            assert (session["user"], session["roles"], session["issuer"]) == (user, roles, provider.issuer), session
            assert session["display"] in ("ann.smith", "bob@example.com") and "__Host-aloft-sso" not in browser.cookies
        users = {u["name"]: u for u in server.operator("GET", "/api/v1/users")["users"]}
        assert users["oidc:ann"]["display"] == "ann.smith" and users["oidc:ann"]["issuer"] == provider.issuer and "issuer" not in users["admin"]
        entry = next(e for e in server.operator("GET", "/api/v1/audit")["entries"] if e["user"] == "oidc:ann")
        assert (entry["path"], entry["status"]) == (CALLBACK, 303) and "code" not in entry["detail"]
        assert not provider.complaints and provider.asked.count("/keys") == 1, "the keys are kept"


def case_no_secret_is_in_logs_or_in_the_database():
    with site() as (server, provider):
        provider.person = ANN
        browser = Browser(server, provider)
        provider.forge = "stranger"
        back = browser.visit_provider(browser.begin())
        ticket = browser.cookies["__Host-aloft-sso"]
        browser.get(back)
        provider.forge = None
        assert browser.sign_in() == "/"
        secrets = [*provider.spent, *provider.tokens, provider.client_secret, browser.cookies["__Host-aloft-session"], ticket,
                   urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["state"][0]]
        server.stop()
        kept = b"".join(path.read_bytes() for path in [server.folder / "log", *(server.folder / "data").glob("fleet.db*")])
        assert b"E9708" in kept, "that somebody could not sign in is in the log"
        for secret in secrets:
            assert len(secret) > 20 and secret.encode() not in kept


def case_tokens_that_are_not_for_this_sign_in_let_nobody_in():
    now = int(time.time())
    other_groups = {"groups": ["everybody", "Fleet-Admins", "fleet-admins "]}
    cases = [(9709, {"nonce": "n" * 43}), (9709, {"nonce": None}), (9709, {"aud": "another"}), (9709, {"aud": None}), (9709, {"aud": ["aloft", "another"]}),
             (9709, {"azp": "another"}), (9709, {"exp": now - 300}), (9709, {"exp": None}), (9709, {"iat": now - 3600}), (9709, {"iat": now + 3600}),
             (9709, {"iss": "https://evil.example"}), (9709, {"sub": None}), (9709, {"sub": ""}), (9710, {"groups": None}), (9710, {"groups": []}),
             (9710, other_groups), (9710, {"groups": {"fleet-admins": True}}), (9706, "none"), (9706, "hmac"), (9708, "stranger")]
    with site() as (server, provider):
        for index, (number, lie) in enumerate(cases):
            if index % 10 == 9:
                relax(server, provider)
            provider.person = {"sub": "eve", "groups": ["fleet-admins"]}
            provider.claims, provider.forge = (lie, None) if isinstance(lie, dict) else ({}, lie)
            denied(server, provider, number)
        provider.claims, provider.forge = {"aud": ["aloft", "another"], "azp": "aloft", "exp": now + 600.5}, None
        assert Browser(server, provider).sign_in() == "/"
        names = [u["name"] for u in server.operator("GET", "/api/v1/users")["users"]]
        assert names == ["admin", "oidc:ann", "oidc:eve"], names


def case_an_answer_is_good_once_and_for_one_browser():
    with site() as (server, provider):
        provider.person = ANN
        browser, thief, mallory = (Browser(server, provider) for _ in range(3))
        back = browser.visit_provider(browser.begin())
        kept = dict(browser.cookies)
        # Somebody who has read the address has no cookie for it; with one of their own, state and PKCE tell them apart.
        assert thief.get(back)[1]["Location"] == "/login" and thief.failure() == 9704
        own = mallory.visit_provider(mallory.begin())
        assert mallory.get(back)[1]["Location"] == "/login" and mallory.failure() == 9704
        mallory.begin()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
        own_state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(mallory.visit_provider(mallory.begin())).query))["state"]
        assert mallory.get(CALLBACK + "?" + urllib.parse.urlencode({**query, "state": own_state}))[1]["Location"] == "/login"
        assert mallory.failure() == 9703 and provider.complaints == ["token: the code is another sign-in's"]
        # The thief's try has spent the code, so the owner begins again; then the same answer a second time is nothing, even with the same cookie.
        browser = Browser(server, provider)
        back = browser.visit_provider(browser.begin())
        kept = dict(browser.cookies)
        assert browser.get(back)[1]["Location"] == "/"
        asked = len(provider.asked)
        browser.cookies = dict(kept)
        assert browser.get(back)[1]["Location"] == "/login" and browser.failure() == 9704 and len(provider.asked) == asked
        # A cookie that is not the server's own, and one that is changed.
        for value in ("", "AAAA", "A" * 400, kept["__Host-aloft-sso"][:-2] + "AA"):
            forger = Browser(server, provider)
            forger.cookies["__Host-aloft-sso"] = value
            assert forger.get(back)[1]["Location"] == "/login" and forger.failure() == 9704
        # What the provider does not say, or says for another.
        relax(server, provider)
        for change in ({"iss": "https://evil.example"}, {"iss": None}):
            browser = Browser(server, provider)
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(browser.visit_provider(browser.begin())).query))
            query = {key: value for key, value in {**query, **change}.items() if value is not None}
            assert browser.get(CALLBACK + "?" + urllib.parse.urlencode(query))[1]["Location"] == "/login" and browser.failure() == 9709
        browser = Browser(server, provider)
        state = urllib.parse.parse_qs(urllib.parse.urlsplit(browser.begin()).query)["state"][0]
        assert browser.get(f"{CALLBACK}?state={state}")[1]["Location"] == "/login" and browser.failure() == 9702, "no code"
        assert own


def case_the_way_back_leads_to_this_server_only():
    with site() as (server, provider):
        provider.person = ANN
        for evil in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
            assert Browser(server, provider).sign_in(evil) == "/"
        provider.denial = "access_denied"
        browser = Browser(server, provider)
        assert browser.sign_in() == "/login"
        failure = json.loads(browser.get("/api/v1/sso")[2])["failure"]
        assert failure["number"] == 9703 and "access_denied" in failure["message"] and "not today" in failure["message"]


def case_keys_change_without_a_word():
    with site() as (server, provider):
        provider.person = ANN
        assert Browser(server, provider).sign_in() == "/"
        provider.rotate("ES256")
        assert Browser(server, provider).sign_in() == "/"
        assert provider.asked.count("/keys") == 2
        old, provider.key = provider.key, SigningKey()  # signs with what it does not publish
        denied(server, provider, 9707)
        assert provider.asked.count("/keys") == 2, "not fetched for every token with an unknown key"
        provider.key = old
        assert Browser(server, provider).sign_in() == "/"


def case_who_loses_the_groups_loses_everything():
    with site() as (server, provider):
        provider.person = ANN
        browser = Browser(server, provider)
        assert browser.sign_in() == "/"
        own = browser.console()
        made = server.call("POST", "/api/v1/tokens", {"note": "ci"}, headers=own)
        month = 30 * 86_400_000
        assert 0 < made["expires_ms"] - made["created_ms"] <= month
        refused(400, 9069, server.call, "POST", "/api/v1/tokens", {"note": "ci", "expires_in_s": 40 * 86_400}, headers=own)
        script = {"Authorization": "Bearer " + made["token"]}
        # Fewer groups at the next sign-in: fewer rights at once, for what was there before too.
        assert server.call("GET", "/api/v1/users", headers=script)
        provider.person = {**ANN, "groups": ["staff"]}
        assert Browser(server, provider).sign_in() == "/"
        refused(403, 9075, server.call, "GET", "/api/v1/users", headers=script)
        assert server.call("GET", "/api/v1/session", headers=script)["roles"] == ["viewer"]
        # None: it is over.
        provider.person = {**ANN, "groups": ["everybody"]}
        denied(server, provider, 9710)
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers=script)
        assert browser.session() is None
        entry = next(e for e in server.operator("GET", "/api/v1/audit")["entries"] if e["user"] == "oidc:ann")
        assert (entry["status"], entry["error"]) == (403, 9710), entry


def case_users_from_outside_are_kept_outside():
    with site() as (server, provider):
        provider.person = BOB
        browser = Browser(server, provider)
        assert browser.sign_in() == "/"
        path = "/api/v1/users/" + urllib.parse.quote("oidc:bob%2f7", safe="")
        refused(409, 9633, server.operator, "PUT", path, {"roles": ["admin"]})
        refused(409, 9633, server.operator, "PUT", path, {"password": PASSWORD})
        refused(400, 9069, server.operator, "POST", "/api/v1/users", {"name": "oidc:x", "password": PASSWORD, "roles": ["admin"]})
        for password in ("", PASSWORD):
            refused(401, 9061, server.call, "POST", "/api/v1/login", {"user": "oidc:bob%2f7", "password": password})
        own = browser.console()
        refused(409, 9633, server.call, "PUT", "/api/v1/session/password", {"old_password": "", "password": PASSWORD}, headers=own)
        # An administrator from outside does not count as the last one.
        provider.person = ANN
        assert Browser(server, provider).sign_in() == "/"
        refused(409, 9631, server.operator, "DELETE", "/api/v1/users/admin")
        server.operator("DELETE", path)
        assert browser.session() is None
        # Neither another provider's people nor, without one, anybody keeps a foot in the door; with the first one again they do.
        ann = Browser(server, provider)
        assert ann.sign_in() == "/"
        arguments = server.arguments
        for other in ([], ["--url", URL, "--sso", str(other_settings(server.folder, provider))]):
            server.stop()
            server.arguments = other
            server.start(server.port)
            assert ann.session() is None
        server.stop()
        server.arguments = arguments
        server.start(server.port)
        assert ann.session()["user"] == "oidc:ann"


def other_settings(folder, provider):
    text = (folder / "sso.toml").read_text().replace(provider.issuer, "https://localhost:1/other")
    path = folder / "other.toml"
    path.write_text(text)
    return path


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
            folders[tenant] = pathlib.Path(tempfile.mkdtemp(prefix="aloft-sso-", dir=server.folder))
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


def case_every_way_to_prove_the_client():
    for methods, settings in ((("client_secret_post",), None), (("none",), {"client_secret_file": None})):
        with site(methods=methods, settings=settings) as (server, provider):
            provider.person = ANN
            assert Browser(server, provider).sign_in() == "/" and not provider.complaints
    with site() as (server, provider):
        provider.person, provider.client_secret = ANN, "changed at the provider"
        denied(server, provider, 9703)


def case_a_bad_file_is_told_at_the_start():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "sso.toml"
        path.write_text('name = "x"\nissuer = "http://id.example"\nclient_id = "c"\n[roles]\na = ["admin"]\n')
        from server_harness import PROGRAM
        command = [PROGRAM, "--data", folder + "/data", "--sso", path, "--listen", "127.0.0.1:0"]
        for arguments, status, words in (([], 2, "--url"), (["--url", "https://x"], 1, "E8002")):
            done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
            assert done.returncode == status and words in done.stdout + done.stderr, done


def case_the_command_line_takes_a_token_of_theirs():
    with site() as (server, provider):
        provider.person = BOB
        browser = Browser(server, provider)
        assert browser.sign_in() == "/"
        own = browser.console()
        token = server.call("POST", "/api/v1/tokens", {"note": "laptop"}, headers=own)["token"]
        environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(server.folder / "config")}

        def aloft(*words, text=""):
            return subprocess.run([ALOFT, *words], input=text, capture_output=True, text=True, timeout=60, env=environment, start_new_session=True)
        address = f"https://127.0.0.1:{server.port}"
        wrong = aloft("login", address, "--api-token", "--password-stdin", "--fingerprint", server.fingerprint, text="nonsense\n")
        assert wrong.returncode == 1 and "E9060" in wrong.stderr, wrong
        done = aloft("login", address, "--api-token", "--password-stdin", "--fingerprint", server.fingerprint, text=token + "\n")
        assert done.returncode == 0 and "oidc:bob%2f7" in done.stdout, done
        assert aloft("device", "list").returncode == 0
        assert "E9075" in aloft("user", "list").stderr
        assert aloft("logout").returncode == 0
        refused(401, 9060, server.call, "GET", "/api/v1/session", headers={"Authorization": "Bearer " + token})


run(globals())
