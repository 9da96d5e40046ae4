"""A real aloft-server in a folder of its own, an operator, and devices as docs/device-protocol.md describes them."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import struct
import subprocess
import tempfile
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import scratch

PROGRAM = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/server/aloft-server"
PASSWORD = "correct horse battery"


class Refused(Exception):
    """An answer of 400 and above."""

    def __init__(self, status, body, headers):
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers
        self.number = body["error"]["number"] if isinstance(body, dict) else None


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Server:
    def __init__(self, folder=None, arguments=(), preexec=None, plain=False):
        self.folder = pathlib.Path(folder or scratch.folder("server"))
        self.arguments, self.preexec, self.plain = list(arguments), preexec, plain
        self.process = self.port = self.fingerprint = self.setup_token = None
        self.admin = None

    def start(self, port=0):
        """On its old port again it may find a connection of somebody else there for a while."""
        deadline = time.monotonic() + 60
        while True:
            self._begin(port)
            try:
                self.wait_until_well()
                return self
            except AssertionError:
                if not port or "Address already in use" not in self.log_tail() or time.monotonic() > deadline:
                    raise
                self.process.stdout.close()
                time.sleep(0.5)

    def log_tail(self):
        return (self.folder / "log").read_text()[-2000:]

    def _begin(self, port):
        command = [str(PROGRAM), "--data", str(self.folder / "data"), "--listen", f"127.0.0.1:{port}", *self.arguments]
        if self.plain:
            command.append("--plain-http")
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=self.preexec, text=True)
        self.port = port or self.port  # the address that it prints may have none
        lines = 1 if self.plain else 2
        for _ in range(lines if self.admin else lines + 2):
            line = self.process.stdout.readline()
            if found := re.match(r"aloft-server listens on https?://.*:(\d+)$", line):
                self.port = int(found[1])
            if found := re.match(r"certificate sha256 ([0-9a-f]{64})$", line):
                self.fingerprint = found[1]
            if found := re.search(r"/setup#(\S+)$", line):
                self.setup_token = found[1]
        assert self.port, "the server did not start: " + self.log_tail()

    def wait_until_well(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.call("GET", "/healthz")
            except (OSError, Refused):
                assert self.process.poll() is None, "the server ended at its start: " + self.log_tail()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(20)
        self.process.stdout.close()
        return status

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, timeout=30):
        if self.plain:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            connection.connect()
            return connection
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one reads all of the system's authorities, for each connection
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        connection.connect()
        shown = hashlib.sha256(connection.sock.getpeercert(binary_form=True)).hexdigest()
        assert self.fingerprint in (None, shown), "the server shows another certificate than it printed"
        return connection

    def call(self, method, path, body=None, headers=None, connection=None, raw=False, timeout=30):
        """The answer's JSON (or bytes, with raw: (status, headers, bytes)); Refused when it is an error."""
        own = connection is None
        connection = connection or self.connect(timeout)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        if own:
            connection.close()
        if raw:
            return answer.status, answer.headers, data
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            data = json.loads(data)
        if answer.status >= 400:
            raise Refused(answer.status, data, answer.headers)
        return data

    def set_up(self):
        login = self.call("POST", "/api/v1/setup", {"token": self.setup_token, "user": "admin", "password": PASSWORD})
        self.admin = {"Authorization": "Bearer " + login["token"]}
        return self

    def operator(self, method, path, body=None, **more):
        return self.call(method, path, body, headers={**self.admin, **more.pop("headers", {})}, **more)

    def enrolment_secret(self):
        return self.operator("POST", "/api/v1/enrolment-tokens", {"note": "test"})["token"].split(".")[0]


class Device:
    def __init__(self, server, name, product="lab-gateway", hardware="rev-a", version="1"):
        self.server, self.name = server, name
        self.product, self.hardware, self.version = product, hardware, version
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.headers = {}
        self.sequence = 0

    def enrol(self, secret=None):
        public = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        body = {"name": self.name, "public_key": public, "product": self.product, "hardware": self.hardware, "version": self.version}
        if secret:
            body["token"] = secret
        return self.server.call("POST", "/api/device/v1/enrol", body)["accepted"]

    def authenticate(self):
        nonce = self.server.call("POST", "/api/device/v1/challenge", {"name": self.name})["nonce"]
        text = f"aloft device token v1\n{self.name}\n{nonce}\n".encode()
        body = {"name": self.name, "nonce": nonce, "signature": b64url(self.key.sign(text))}
        self.headers = {"Authorization": "Bearer " + self.server.call("POST", "/api/device/v1/token", body)["token"]}
        return self

    def poll(self, tag=None, wait=0, connection=None):
        headers = {**self.headers, **({"If-None-Match": tag} if tag else {})}
        status, answer, data = self.server.call("GET", f"/api/device/v1/assignment?wait={wait}", headers=headers, raw=True, connection=connection)
        return status, answer.get("ETag"), json.loads(data) if status == 200 else data

    def report(self, deployment, state, connection=None, **more):
        self.sequence += 1
        report = {"deployment": deployment, "sequence": self.sequence, "time_ms": int(time.time() * 1000), "state": state, **more}
        return self.send([report], connection)

    def send(self, reports, connection=None):
        body = {"reports": reports, "version": self.version}
        return self.server.call("POST", "/api/device/v1/reports", body, headers=self.headers, connection=connection)


def ready_device(server, name, **more):
    device = Device(server, name, **more)
    assert device.enrol(server.enrolment_secret()) is True
    return device.authenticate()


class Signer:
    """A throw-away certificate and key, and bundles made by docs/bundle-format.md."""

    def __init__(self, folder):
        self.key, self.certificate = folder / "signer.key", folder / "signer.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=Test Signer", "-keyout", self.key, "-out", self.certificate,
                        "-addext", "basicConstraints=critical,CA:false", "-addext", "keyUsage=critical,digitalSignature",
                        "-addext", "extendedKeyUsage=codeSigning"], check=True, capture_output=True)

    def bundle(self, version, content, product="lab-gateway", hardware=("rev-a",)):
        frame = 262144
        digests = b"".join(hashlib.sha256(content[i:i + frame]).digest() for i in range(0, len(content), frame))
        image = {"name": "rootfs", "slot_class": "rootfs", "type": "raw", "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
                 "frames": {"size": frame, "sha256": base64.b64encode(digests).decode()}, "stored": {"encoding": "none"}}
        manifest = json.dumps({"format": 1, "product": product, "hardware": list(hardware), "version": version, "security_version": 1,
                               "description": "made by a test", "images": [image]}, sort_keys=True, separators=(",", ":")).encode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(manifest)
            file.flush()
            signature = subprocess.run(["openssl", "cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER", "-in", file.name,
                                        "-signer", self.certificate, "-inkey", self.key], check=True, capture_output=True).stdout
        head = b"ALOFT\r\n\x1a" + struct.pack("<IIQQ", 1, 0, len(manifest), len(signature))
        return head + hashlib.sha256(head + manifest + signature).digest() + manifest + signature + content


def upload(server, bundle):
    return server.operator("POST", "/api/v1/releases", bundle)


def deploy(server, release, *names):
    return server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": list(names)})["deployments"]


def run(cases):
    """Runs every function of the module that begins with case_; each gets what it asks for by itself."""
    failures = 0
    for name, case in sorted((n, c) for n, c in cases.items() if n.startswith("case_")):
        begin = time.monotonic()
        try:
            case()
            print(f"ok   {name[5:]} ({time.monotonic() - begin:.1f} s)")
        except BaseException as error:  # pylint: disable=broad-except
            failures += 1
            import traceback
            traceback.print_exc()
            print(f"FAIL {name[5:]}: {error!r}")
            if isinstance(error, KeyboardInterrupt):
                break
    raise SystemExit(1 if failures else 0)


@contextlib.contextmanager
def site(**more):
    """A server that is set up, for as long as the block."""
    server = Server(**more)
    try:
        yield server.start().set_up()
    finally:
        server.destroy()


def refused(status, number, call, *arguments, **more):
    """The refusal that the call must end in."""
    try:
        answer = call(*arguments, **more)
    except Refused as error:
        assert (error.status, error.number) == (status, number), f"expected {status} E{number}, got {error}"
        return error
    raise AssertionError(f"expected {status} E{number}, got {answer}")


def swu_of(version):
    """A file of SWUpdate's with one small image: cpio's new ASCII form, six digits of magic and thirteen numbers of eight."""
    description = f'software = {{ version = "{version}"; images: ( {{ filename = "img"; device = "/dev/mmcblk0p2"; }} ); }}'
    archive = b""
    for name, content in (("sw-description", description.encode()), ("img", b"abc"), ("TRAILER!!!", b"")):
        numbers = [1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        archive += b"070701" + b"".join(b"%08x" % n for n in numbers) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return archive
