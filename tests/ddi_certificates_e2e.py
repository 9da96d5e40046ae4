#!/usr/bin/env python3
"""Certificates that devices of hawkBit's protocol show: each tenant judges by its own authorities. docs/ddi.md, docs/tenants.md."""
import contextlib
import datetime
import http.client
import json
import shutil
import socket
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import scratch
from ddi_e2e import Authority
from server_harness import PASSWORD, Server, refused, run
from tenants_harness import DOMAIN, service

PATH = "/api/v1/ddi/authorities"
DEVICE = {"name": "dev-1", "product": "gateway", "hardware": "rev-a"}


class Shown:
    """A connection, with a certificate or without, that names a host in its handshake (a site's own, if nothing else is said)."""

    def __init__(self, server, identity=None, host=None, session=None, version=None):
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        if version:
            self.context.maximum_version = version
        if identity:
            self.context.load_cert_chain(*identity)
        self.connect(server, host, session)

    def connect(self, server, host=None, session=None):
        self.port = server.port
        self.connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30)
        self.connection.sock = self.context.wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname=host, session=session)

    def ask(self, host=None, tenant="default", name="dev-1", **headers):
        """The status, and the error's number and text."""
        self.connection.request("GET", f"/{tenant}/controller/v1/{name}", headers={"Host": host or f"127.0.0.1:{self.port}", **headers})
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        return answer.status, body.get("error", {}).get("number", 0), body.get("error", {}).get("message", "")

    def close(self):
        self.connection.close()


def ask(server, identity, host=None, **more):
    shown = Shown(server, identity, host)
    with contextlib.closing(shown):
        return shown.ask(host, **more)


def revocation_list(authority, *certificates, days=7):
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    now = datetime.datetime.utcnow()
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(now - datetime.timedelta(days=30)).next_update(now + datetime.timedelta(days=days))
    for certificate in certificates:
        serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def set_authorities(site, *authorities, lists=""):
    return site.operator("PUT", PATH, {"pem": "".join(a.certificate.read_text() for a in authorities) + lists})


@contextlib.contextmanager
def authorities(*names):
    folder = scratch.folder("certificates")
    try:
        yield [Authority(folder, name) for name in names]
    finally:
        shutil.rmtree(folder)


def case_each_tenant_takes_what_its_own_authorities_have_issued():
    with authorities("own-ca", "acme-ca", "beta-ca") as (own, one, two), service("acme", "beta", "gamma", arguments=["--client-ca", str(own.certificate)]) as (server, acme, beta, gamma):
        for site in (server, acme, beta, gamma):
            site.operator("POST", "/api/v1/ddi/devices", DEVICE)
        set_authorities(acme, one), set_authorities(beta, two)
        places = {"own": (server, None, "default"), "acme by host": (server, acme.host, "default"), "acme by path": (server, None, "acme"),
                  "beta by host": (server, beta.host, "BETA"), "beta by path": (server, None, "Beta"), "gamma by host": (server, gamma.host, "default"),
                  "gamma by path": (server, None, "gamma")}
        for name, authority in {"own": own, "acme": one, "beta": two}.items():
            identity = authority.issue("/O=Vendor/CN=dev-1")
            for place, (where, host, tenant) in places.items():
                status, number, text = ask(where, identity, host, tenant=tenant)
                if place.startswith(name):
                    assert status == 200, (name, place, text)
                elif place.startswith("gamma"):
                    assert (status, number) == (401, 9060), (name, place, text)
                else:
                    assert (status, number) == (401, 9077) and "E2005" in text, (name, place, text)
            # The name in it must be the one that asks, and one that is registered.
            assert ask(server, identity, acme.host, name="dev-2")[0] == 401
        for host, tenant in ((acme.host, "default"), (None, "acme")):
            assert ask(server, None, host, tenant=tenant)[:2] == (401, 9060), "who shows nothing goes on, to no more than before"
        stranger = one.issue("/CN=dev-9")
        assert ask(server, stranger, acme.host, name="dev-9")[:2] == (401, 9060)
        assert ask(server, two.issue("/CN=dev-9"), acme.host, name="dev-9")[:2] == (401, 9077), "known or not, the answer is the same"
        # A token outweighs it, good or bad as it may be.
        token = acme.operator("POST", "/api/v1/ddi/devices/dev-1/token")["token"]
        assert ask(server, two.issue("/CN=dev-1"), acme.host, Authorization=f"TargetToken {token}")[0] == 200
        acme.operator("POST", "/api/v1/devices/dev-1/reject")
        assert ask(server, one.issue("/CN=dev-1"), acme.host)[:2] == (403, 9022)


def case_one_connection_is_judged_anew_for_each_tenant():
    with authorities("acme-ca", "beta-ca") as (one, two), service("acme", "beta") as (server, acme, beta):
        for site in (acme, beta):
            site.operator("POST", "/api/v1/ddi/devices", DEVICE)
        set_authorities(acme, one), set_authorities(beta, two)
        for host in (acme.host, beta.host, None):
            shown = Shown(server, one.issue("/CN=dev-1"), host)
            with contextlib.closing(shown):
                for _ in range(2):
                    assert shown.ask(acme.host)[0] == 200
                    assert shown.ask(beta.host)[:2] == (401, 9077)
                    assert shown.ask(tenant="beta")[:2] == (401, 9077)
                    assert shown.ask()[:2] == (401, 9060)
                    assert shown.ask(tenant="acme")[0] == 200


def case_what_is_wrong_with_a_certificate_is_said():
    with authorities("acme-ca") as (authority,), service("acme") as (server, acme):
        acme.operator("POST", "/api/v1/ddi/devices", DEVICE)
        good, gone = authority.issue("/CN=dev-1"), authority.issue("/O=Vendor/CN=dev-1")
        old = [*authority.issue("/OU=Old/CN=dev-1")]
        old[0] = expired(authority, old[0])
        set_authorities(acme, authority, lists=revocation_list(authority, gone[0]))
        for identity, reason in ((good, ""), (gone, "E2008"), (old, "E2006"), (authority.issue("/CN=dev-1", "serverAuth"), "E2009")):
            status, number, text = ask(server, identity, acme.host)
            assert (status, number) == ((401, 9077) if reason else (200, 0)) and reason in text, (reason, status, text)
        assert ask(server, authority.issue("/CN=dev-2/CN=dev-1"), acme.host)[:2] == (401, 9060), "which of the two"
        set_authorities(acme, authority, lists=revocation_list(authority, days=-1))
        status, number, text = ask(server, good, acme.host)
        assert (status, number) == (401, 9077) and "E2011" in text, text


def expired(authority, certificate):
    issued = x509.load_pem_x509_certificate(certificate.read_bytes())
    now = datetime.datetime.utcnow()
    builder = x509.CertificateBuilder().subject_name(issued.subject).issuer_name(issued.issuer).public_key(issued.public_key()).serial_number(issued.serial_number)
    builder = builder.not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1))
    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return certificate


def case_a_change_holds_from_the_next_request_on():
    with authorities("acme-ca", "next-ca") as (one, two), service("acme") as (server, acme):
        acme.operator("POST", "/api/v1/ddi/devices", DEVICE)
        set_authorities(acme, one)
        identity = one.issue("/CN=dev-1")
        shown = Shown(server, identity, acme.host)
        with contextlib.closing(shown):
            assert shown.ask(acme.host)[0] == 200
            set_authorities(acme, one, lists=revocation_list(one, identity[0]))
            assert shown.ask(acme.host)[1] == 9077
            set_authorities(acme, two)
            assert shown.ask(acme.host)[1] == 9077
            set_authorities(acme, two, one)
            assert shown.ask(acme.host)[0] == 200
            acme.operator("DELETE", PATH)
            assert shown.ask(acme.host)[:2] == (401, 9060)
        set_authorities(acme, one)
        server.kill()
        server.start(server.port)
        assert ask(server, identity, acme.host)[0] == 200, "what was answered is kept"


def case_nobody_is_kept_out_by_a_session_from_before():
    with authorities("acme-ca") as (authority,), service("acme") as (server, acme):
        acme.operator("POST", "/api/v1/ddi/devices", DEVICE)
        identity = authority.issue("/CN=dev-1")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            before = Shown(server, identity, acme.host, version=version)
            assert before.ask(acme.host)[1] == 9060
            session = before.connection.sock.session
            before.close()
            before.connect(server, acme.host, session)
            assert before.ask(acme.host)[1] == 9060 and before.connection.sock.session_reused
            session = before.connection.sock.session
            before.close()
            set_authorities(acme, authority)
            before.connect(server, acme.host, session)
            assert before.ask(acme.host)[0] == 200 and not before.connection.sock.session_reused
            session = before.connection.sock.session
            before.close()
            before.connect(server, acme.host, session)
            assert before.ask(acme.host)[0] == 200
            before.close()
            acme.operator("DELETE", PATH)


def case_who_is_asked_and_what_is_told_then():
    def names_told(host=None):
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *(["-servername", host] if host else ["-noservername"])]
        said = subprocess.run(words, input=b"", capture_output=True, timeout=60).stdout.decode()
        asked = "Requested Signature Algorithms" in said
        return asked, {name for name in ("own-ca", "acme-ca", "beta-ca") if name in said}

    with authorities("own-ca", "acme-ca", "beta-ca") as (own, one, two), service("acme", "beta") as (server, acme, beta):
        assert names_told() == names_told(acme.host) == (False, set())
        set_authorities(server, own)
        assert names_told() == names_told(f"gone.{DOMAIN}x") == (True, {"own-ca"}) and names_told(acme.host) == (False, set())
        set_authorities(acme, one)
        assert names_told(acme.host) == (True, {"acme-ca"}) and names_told(beta.host) == (False, set())
        assert names_told() == (True, set()), "one's customers are not told to others"
        server.operator("PUT", "/api/v1/tenants/acme", {"suspended": True})
        assert names_told(acme.host) == names_told(f"gone.{DOMAIN}") == (False, set()) and names_told() == (True, {"own-ca"})


def case_authorities_are_set_by_administrators_and_shown():
    with authorities("acme-ca", "other-ca", "option-ca") as (one, two, option):
        server = Server(arguments=["--client-ca", str(option.certificate)])
        try:
            server.start().set_up()
            shown = server.operator("GET", PATH)
            assert [(a["subject"], a["by_option"]) for a in shown["authorities"]] == [("CN=option-ca", True)]
            shown = set_authorities(server, one, lists=revocation_list(one))
            assert [(a["subject"], a["by_option"]) for a in shown["authorities"]] == [("CN=option-ca", True), ("CN=acme-ca", False)]
            assert shown["revocation_lists"][0]["issuer"] == "CN=acme-ca" and shown == server.operator("GET", PATH)
            leaf, key = one.issue("/CN=dev-1")
            for number, pem in ((1007, ""), (2016, leaf.read_text()), (2016, "x"), (2016, one.certificate.read_text() + key.read_text()),
                                (2001, one.certificate.read_text() + revocation_list(two))):
                refused(422 if pem else 400, number, server.operator, "PUT", PATH, {"pem": pem})
            server.operator("POST", "/api/v1/users", {"name": "olga", "password": PASSWORD, "roles": ["operator"]})
            token = server.call("POST", "/api/v1/login", {"user": "olga", "password": PASSWORD})["token"]
            for method, body in (("PUT", {"pem": one.certificate.read_text()}), ("DELETE", None)):
                refused(403, 9075, server.call, method, PATH, body, headers={"Authorization": f"Bearer {token}"})
            assert server.operator("GET", PATH) == shown
            audit = server.operator("GET", "/api/v1/audit")["entries"]
            changes = [e for e in audit if e["path"] == PATH]
            assert {e["user"] for e in changes} == {"admin", "olga"} and "PRIVATE KEY" not in json.dumps(audit)
            assert any("BEGIN CERTIFICATE" in e.get("detail", "") for e in changes)
            server.operator("DELETE", PATH)
            assert [a["subject"] for a in server.operator("GET", PATH)["authorities"]] == ["CN=option-ca"]
        finally:
            server.destroy()


if __name__ == "__main__":
    run(globals())
