"""A server with tenants, and each tenant's site, for the tests of docs/tenants.md."""
import contextlib
import subprocess
import time

from server_harness import PROGRAM, Refused, Server

DOMAIN = "updates.test"


class Tenant:
    """A tenant's site, as Server is the own site: under its host name."""

    def __init__(self, service, name, made, host=None):
        self.service, self.name, self.host = service, name, host or f"{name}.{DOMAIN}"
        self.setup_token, self.admin, self.folder = made.get("setup_token"), None, service.folder
        self.data = service.folder / "data/tenants" / name

    def call(self, method, path, body=None, headers=None, **more):
        return self.service.call(method, path, body, headers={"Host": self.host, **(headers or {})}, **more)

    set_up, operator, enrolment_secret = Server.set_up, Server.operator, Server.enrolment_secret


@contextlib.contextmanager
def service(*names, **more):
    """A server for tenants, and those of these names, set up."""
    port = more.pop("port", 0)
    server = Server(arguments=["--tenant-domain", DOMAIN, "--deltas", "off", *more.pop("arguments", ())], **more)
    try:
        server.start(port).set_up()
        tenants = [Tenant(server, name, server.operator("POST", "/api/v1/tenants", {"name": name})).set_up() for name in names]
        yield (server, *tenants)
    finally:
        server.destroy()


def command(server, *words, check=True):
    return subprocess.run([PROGRAM, "--data", server.folder / "data", "tenant", *words], check=check, capture_output=True, text=True)


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.05)
    return answer


def found(call, *arguments):
    try:
        return call(*arguments) is not None
    except Refused as error:
        assert (error.status, error.number) == (404, 9080), error
        return False


def names_of(server):
    return [t["name"] for t in server.operator("GET", "/api/v1/tenants")["tenants"]]


def works(site):
    with contextlib.suppress(Refused):
        return site.operator("GET", "/api/v1/session")
