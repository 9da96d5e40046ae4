#!/usr/bin/env python3
"""Single sign-on: who gets in, as whom, and every way in which nobody may."""
import json
import os
import pathlib
import subprocess
import time
import urllib.parse

from fake_idp import SigningKey
from server_harness import PASSWORD, refused, run
from sign_on import ANN, BOB, CALLBACK, URL, Browser, denied, relax, site

ALOFT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/cli/aloft"


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


def case_a_key_changes_and_keeps_its_name():
    with site() as (server, provider):
        provider.person = ANN
        assert Browser(server, provider).sign_in() == "/"
        provider.rotate(kid=provider.key.kid)
        assert Browser(server, provider).sign_in() == "/"
        provider.rotate(kid=provider.key.kid)
        denied(server, provider, 9708)
        assert provider.asked.count("/keys") == 2, "not fetched for every token with a wrong signature"


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


def case_every_way_to_prove_the_client():
    for methods, settings in ((("client_secret_post",), None), (("none",), {"client_secret_file": None})):
        with site(methods=methods, settings=settings) as (server, provider):
            provider.person = ANN
            assert Browser(server, provider).sign_in() == "/" and not provider.complaints
    with site() as (server, provider):
        provider.person, provider.client_secret = ANN, "changed at the provider"
        denied(server, provider, 9703)


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
