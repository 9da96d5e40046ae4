"""A strict OpenID Connect provider over TLS, for tests: it keeps to the specification, forgets nothing that a client did wrong, and can be told to lie.

`person` is who signs in; None shows a page with a form, as people see it. `claims` changes what the next tokens say (None takes a claim away). `forge` makes
them in a bad way. `delay_s` makes every answer slow; `stop()` and `start()` take it away and bring it back.
"""
import base64
import datetime
import hashlib
import hmac
import html
import http.server
import ipaddress
import json
import secrets
import ssl
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CODE_LIFE_S = 60


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class SigningKey:
    def __init__(self, algorithm="RS256", kid=None):
        self.algorithm, self.kid = algorithm, kid or secrets.token_hex(4)
        self.key = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())

    def published(self):
        numbers = self.key.public_key().public_numbers()
        if self.algorithm == "RS256":
            return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": number(numbers.n), "e": number(numbers.e)}
        return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": number(numbers.x, 32), "y": number(numbers.y, 32)}

    def sign(self, text):
        if self.algorithm == "RS256":
            return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def make_certificate(folder):
    """A certificate for localhost, signed by itself; the file of both and of the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake identity provider")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(names, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "idp-ca.pem").write_bytes(pem)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "idp.pem").write_bytes(private + pem)
    return folder / "idp.pem", folder / "idp-ca.pem"


class Provider:
    def __init__(self, folder, redirect_uri, client_id="aloft", client_secret="the client's secret: 100%", methods=("client_secret_basic",)):
        self.redirect_uri, self.client_id, self.client_secret, self.methods = redirect_uri, client_id, client_secret, list(methods)
        self.certificate, self.ca_file = make_certificate(folder)
        self.key = SigningKey()
        self.published = [self.key]
        self.person, self.claims, self.document, self.forge, self.delay_s, self.denial = {}, {}, {}, None, 0, None
        self.codes, self.complaints, self.asked, self.tokens, self.spent = {}, [], [], [], []
        self.server, self.port = None, 0
        self.start()
        self.issuer = f"https://localhost:{self.port}/realms/test"

    def start(self):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802  pylint: disable=invalid-name
                provider.answer(self, "GET", "")

            def do_POST(self):  # noqa: N802  pylint: disable=invalid-name
                provider.answer(self, "POST", self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def log_message(self, *_):
                pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def rotate(self, algorithm="RS256", kid=None):
        """A new key, and the old one is gone."""
        self.key = SigningKey(algorithm, kid)
        self.published = [self.key]

    def settings(self, folder, **more):
        """Writes an sso.toml for it; more: lines that replace or add to the usual ones."""
        (folder / "client-secret").write_text(self.client_secret + "\n")
        lines = {"name": '"Example Corp"', "issuer": f'"{self.issuer}"', "client_id": f'"{self.client_id}"', "client_secret_file": f'"{folder}/client-secret"',
                 "ca_file": f'"{self.ca_file}"', "private_addresses": "true", **more}
        roles = '\n[roles]\nfleet-admins = ["admin"]\n"CN=ops,OU=example" = ["operator", "releaser"]\nstaff = ["viewer"]\n'
        path = folder / "sso.toml"
        path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None) + roles)
        return path

    # What clients see.

    def answer(self, request, method, body):
        time.sleep(self.delay_s)
        target = urllib.parse.urlsplit(request.path)
        self.asked.append(target.path)
        query = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True, strict_parsing=bool(target.query)))
        routes = {("GET", "/realms/test/.well-known/openid-configuration"): lambda: self.json(request, 200, self.discovery(), cache=True),
                  ("GET", "/keys"): lambda: self.json(request, 200, {"keys": [key.published() for key in self.published]}, cache=True),
                  ("GET", "/authorize"): lambda: self.authorize(request, query),
                  ("GET", "/favicon.ico"): lambda: self.send(request, 204, b"", {}),  # browsers ask for it by themselves
                  ("POST", "/consent"): lambda: self.consent(request, dict(urllib.parse.parse_qsl(body))),
                  ("POST", "/token"): lambda: self.token(request, body)}
        routes.get((method, target.path), lambda: self.complain(request, f"{method} {target.path} is not here", 404))()

    def discovery(self):
        base = f"https://localhost:{self.port}"
        return {"issuer": self.issuer, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
                "response_types_supported": ["code"], "subject_types_supported": ["public"], "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"], "token_endpoint_auth_methods_supported": self.methods,
                "authorization_response_iss_parameter_supported": True, **self.document}

    def authorize(self, request, query):
        expected = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "code_challenge_method": "S256"}
        for name, value in expected.items():
            if query.get(name) != value:
                return self.complain(request, f"authorize: {name} is {query.get(name)!r}")
        if "openid" not in query.get("scope", "").split() or any(len(query.get(name, "")) < 43 for name in ("state", "nonce", "code_challenge")):
            return self.complain(request, f"authorize: {query}")
        if self.person is not None:
            return self.send_back(request, query, self.person)
        hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in query.items())
        page = f'<!doctype html><title>Example Corp</title><form method="post" action="/consent">{hidden}<button>Continue as Ann</button></form>'
        return self.send(request, 200, page.encode(), {"Content-Type": "text/html"})

    def consent(self, request, query):
        return self.send_back(request, query, {"sub": "ann", "preferred_username": "ann.smith", "groups": ["fleet-admins"]})

    def send_back(self, request, query, person):
        answer = {"state": query["state"], "iss": self.issuer}
        if self.denial:
            answer.update(error=self.denial, error_description="not today")
        else:
            answer["code"] = secrets.token_urlsafe(32)
            self.codes[answer["code"]] = {"query": query, "person": person, "until": time.time() + CODE_LIFE_S}
        return self.send(request, 302, b"", {"Location": self.redirect_uri + "?" + urllib.parse.urlencode(answer)})

    def token(self, request, body):
        form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
        if not self.knows_client(request, form):
            return self.complain(request, "token: the client's secret is wrong", 401, "invalid_client")
        known = self.codes.pop(form.get("code"), None)
        self.spent.append(form.get("code"))
        if not known or known["until"] < time.time() or form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != self.redirect_uri:
            return self.complain(request, "token: a code that is not good", 400, "invalid_grant")
        challenge = b64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if challenge != known["query"]["code_challenge"]:
            return self.complain(request, "token: the code is another sign-in's", 400, "invalid_grant")
        token = self.make_token(known)
        self.tokens.append(token)
        return self.json(request, 200, {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def knows_client(self, request, form):
        secret = form.get("client_secret")
        client = form.get("client_id")
        basic = request.headers.get("Authorization", "")
        if "client_secret_basic" in self.methods:
            if not basic.startswith("Basic ") or secret is not None:
                return False
            client, secret = (urllib.parse.unquote(part) for part in base64.b64decode(basic[6:]).decode().split(":"))
        elif basic:
            return False
        return client == self.client_id and secret == (self.client_secret if "none" not in self.methods else None)

    def make_token(self, known):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 120, "nonce": known["query"]["nonce"], **known["person"], **self.claims}
        payload = b64url(json.dumps({key: value for key, value in claims.items() if value is not None}).encode())
        header = {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "JWT"}
        if self.forge == "none":
            return b64url(json.dumps({**header, "alg": "none"}).encode()) + f".{payload}."
        if self.forge == "hmac":  # by what is public
            text = b64url(json.dumps({**header, "alg": "HS256"}).encode()) + "." + payload
            public = self.key.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            return text + "." + b64url(hmac.new(public, text.encode(), hashlib.sha256).digest())
        key = SigningKey(self.key.algorithm) if self.forge == "stranger" else self.key
        text = b64url(json.dumps(header).encode()) + "." + payload
        return text + "." + b64url(key.sign(text.encode()))

    def complain(self, request, what, status=400, error="invalid_request"):
        self.complaints.append(what)
        self.json(request, status, {"error": error, "error_description": what})

    def json(self, request, status, body, cache=False):
        control = "max-age=3600" if cache else "no-store"
        self.send(request, status, json.dumps(body).encode(), {"Content-Type": "application/json", "Cache-Control": control})

    @staticmethod
    def send(request, status, body, headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
