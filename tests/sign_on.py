"""Single sign-on of the real server at a strict identity provider: a browser, a site, and sign-ins that let nobody in."""
import contextlib
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

import scratch
from fake_idp import Provider
from server_harness import Server

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
