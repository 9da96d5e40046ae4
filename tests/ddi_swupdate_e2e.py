#!/usr/bin/env python3
"""Debian's real swupdate (suricatta) takes its updates from the real aloft-server: registers, installs, reports after a restart, fails, is
cancelled, and goes on with a download that broke off. Needs the package swupdate; without it the test says so and is skipped."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from ddi_e2e import Authority
from server_harness import Server, run
from tenants_harness import service

SWUPDATE = shutil.which("swupdate")
PATIENCE = 90  # seconds; the machine may be busy


class Maker:
    """Signed .swu files; the certificate is for e-mail protection, as Debian's swupdate wants it."""

    def __init__(self, folder):
        self.folder = folder
        self.key, self.certificate = folder / "swu.key", folder / "swu.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Vendor",
                        "-keyout", self.key, "-out", self.certificate, "-addext", "extendedKeyUsage=emailProtection"], check=True, capture_output=True)

    def swu(self, version, content, target, digest=None, signer=None):
        place = self.folder / f"swu-{version}"
        place.mkdir(exist_ok=True)
        (place / "image.raw").write_bytes(content)
        digest = digest or hashlib.sha256(content).hexdigest()
        (place / "sw-description").write_text(
            f'software = {{ version = "{version}"; description = "made by a test"; hardware-compatibility: [ "1.0" ];\n'
            f'  images: ( {{ filename = "image.raw"; device = "{target}"; type = "raw"; sha256 = "{digest}"; }} ); }}\n')
        key, certificate = signer or (self.key, self.certificate)
        subprocess.run(["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", certificate, "-inkey", key,
                        "-outform", "DER", "-nosmimecap", "-binary"], cwd=place, check=True, capture_output=True)
        names = "sw-description\nsw-description.sig\nimage.raw\n"
        return subprocess.run(["cpio", "-o", "-H", "crc"], cwd=place, input=names.encode(), check=True, capture_output=True).stdout


class Client:
    """One swupdate. Its state that outlives a reboot is what `confirm` hands to the next start, as a boot loader's variable does."""

    def __init__(self, site, name, secret, gateway=False, port=None, identity=None, tenant="default"):
        self.site, self.name, self.secret, self.gateway = site, name, secret, gateway
        self.port = port or site.server.port
        self.identity = identity  # certificate and key, instead of a secret
        self.tenant = tenant
        self.folder = site.folder / name
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.process = None

    def start(self, confirm=None):
        scheme = "http" if self.site.server.plain else "https"
        config = self.folder / "swupdate.cfg"
        config.write_text('globals : { verbose = true; };\nidentify : ( { name = "modem"; value = "ec25"; }, { name = "serial no"; value = "17"; } );\n'
                          + ('suricatta : { sslcert = "%s"; sslkey = "%s"; };\n' % self.identity if self.identity else ""))
        url = f"-t {self.tenant} -u {scheme}://127.0.0.1:{self.port} -i {self.name} -x -w 1 -p 1"
        if not self.identity:
            url += f" {'-g' if self.gateway else '-k'} {self.secret}"
        if confirm:
            url += f" -c {confirm}"
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        self.output = open(self.log, "ab")
        self.process = subprocess.Popen([SWUPDATE, "-v", "-k", str(self.site.maker.certificate), "-H", "board:1.0", "-f", str(config), "-u", url],
                                        stdout=self.output, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(temporary)},
                                        cwd=self.folder, start_new_session=True)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
        if self.process:
            self.output.close()
        self.process = None

    def start_again_if_broken(self):
        """As its service manager does: swupdate 2022.12 may end by SIGPIPE when it is cancelled while its processes talk to each other."""
        if self.process is None or self.process.poll() != -signal.SIGPIPE:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.output.close()
        self.start()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Site:
    def __init__(self, server):
        self.server = server
        self.folder = self.server.folder
        self.maker = Maker(self.folder)
        self.clients = []
        self.server.operator("PUT", "/api/v1/ddi/settings", {"poll_s": 1})

    def client(self, name="board-1", **more):
        made = self.server.operator("POST", "/api/v1/ddi/devices", {"name": name, "product": "gateway", "hardware": "1.0"})
        self.clients.append(Client(self, name, made["token"], **more))
        return self.clients[-1]

    def upload(self, swu):
        return self.server.operator("POST", "/api/v1/releases?product=gateway", swu)

    def deploy(self, release, name="board-1"):
        return self.server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": [name]})["deployments"][0]["id"]

    def deployment(self, number):
        return self.server.operator("GET", f"/api/v1/deployments/{number}")

    def messages(self, number):
        return [t.get("message", "") for t in self.deployment(number)["transitions"]]

    def wait_for(self, what, name):
        end = time.monotonic() + PATIENCE
        while not (value := what()):
            for client in self.clients:
                client.start_again_if_broken()
            dead = [c.name for c in self.clients if c.process and c.process.poll() is not None]
            if dead or time.monotonic() > end:
                raise AssertionError(f"{'swupdate ended: ' + str(dead) if dead else 'this did not come in time'}: {name}\n" + "\n".join(c.text()[-3000:] for c in self.clients))
            time.sleep(0.2)
        return value

    def wait_for_state(self, number, state):
        return self.wait_for(lambda: (d := self.deployment(number))["state"] == state and d, f"deployment {number} {state}")

    def wait_for_message(self, number, text):
        self.wait_for(lambda: any(text in m for m in self.messages(number)), text)


@contextlib.contextmanager
def site(plain=True, arguments=()):
    made = Site(Server(plain=plain, arguments=arguments).start().set_up())
    try:
        yield made
    finally:
        for client in made.clients:
            client.stop()
        made.server.destroy()


class Proxy:
    """Hands bytes on; cuts each of the first `cuts` connections off once it has brought so many bytes, or slows all down."""

    def __init__(self, port, cuts=0, after=0, bytes_per_s=None):
        self.port, self.cuts, self.after, self.bytes_per_s = port, cuts, after, bytes_per_s
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        self.cut = 0
        self.requests = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.up, args=(client, server), daemon=True).start()
            threading.Thread(target=self.down, args=(server, client), daemon=True).start()

    def up(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.requests += data
                sink.sendall(data)

    def down(self, source, sink):
        brought = 0
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                brought += len(data)
                if self.cut < self.cuts and brought > self.after:
                    self.cut += 1
                    break
                sink.sendall(data)
                if self.bytes_per_s and brought > 10_000:
                    time.sleep(len(data) / self.bytes_per_s)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def case_a_device_registers_installs_and_succeeds_after_its_reboot():
    with site(plain=False) as s:
        gateway = s.server.operator("POST", "/api/v1/ddi/gateways", {"product": "gateway", "hardware": "1.0"})["token"]
        client = Client(s, "board-1", gateway, gateway=True)
        s.clients.append(client)
        client.start()
        shown = s.wait_for(lambda: (d := s.server.operator("GET", "/api/v1/devices"))["devices"] and d["devices"][0], "the device")
        s.wait_for(lambda: s.server.operator("GET", "/api/v1/devices/board-1")["attributes"], "its attributes")
        assert (shown["name"], shown["product"], shown["protocol"]) == ("board-1", "gateway", "hawkbit")
        assert s.server.operator("GET", "/api/v1/devices/board-1")["attributes"] == {"modem": "ec25", "serial_no": "17"}
        target = s.folder / "target"
        content = os.urandom(300_000)
        target.write_bytes(bytes(len(content)))
        release = s.upload(s.maker.swu("1.1", content, target))
        assert (release["format"], release["version"], release["hardware"]) == ("swu", "1.1", ["1.0"])
        assert release["contents"]["images"][0]["target"] == str(target) and release["contents"]["signed"]
        number = s.deploy(release)
        s.wait_for_message(number, "All Chunks Installed.")
        assert target.read_bytes() == content
        assert s.deployment(number)["state"] == "installing", "nothing has booted yet"
        client.stop()
        client.start(confirm=2)
        s.wait_for_state(number, "committed")
        shown = s.server.operator("GET", "/api/v1/devices/board-1")
        assert (shown["version"], shown["update_status"]) == ("1.1", "in_sync")


def case_a_failure_is_reported_with_its_words():
    with site() as s:
        client = s.client().start()
        target = s.folder / "target"
        target.write_bytes(bytes(1000))
        other = Maker(pathlib.Path(s.folder / "other-signer")) if (s.folder / "other-signer").mkdir() is None else None
        swu = s.maker.swu("1.1", os.urandom(1000), target, signer=(other.key, other.certificate))
        number = s.deploy(s.upload(swu))
        shown = s.wait_for_state(number, "failed")
        assert shown["error"] == 9722 and shown["message"], shown
        assert target.read_bytes() == bytes(1000) and client.process.poll() is None
        follow = os.urandom(1000)
        second = s.deploy(s.upload(s.maker.swu("1.2", follow, target)))
        s.wait_for_message(second, "All Chunks Installed.")
        assert target.read_bytes() == follow


def case_a_system_that_fails_after_its_reboot_says_so():
    with site() as s:
        client = s.client().start()
        target = s.folder / "target"
        target.write_bytes(bytes(1000))
        number = s.deploy(s.upload(s.maker.swu("1.1", os.urandom(1000), target)))
        s.wait_for_message(number, "All Chunks Installed.")
        client.stop()
        client.start(confirm=3)
        s.wait_for_state(number, "failed")
        assert s.server.operator("GET", "/api/v1/devices/board-1")["version"] == ""


def case_a_download_that_broke_off_goes_on_where_it_stood():
    with site() as s:
        content = os.urandom(3_000_000)
        proxy = Proxy(s.server.port, cuts=2, after=800_000)
        client = s.client(port=proxy.own_port).start()
        target = s.folder / "target"
        target.write_bytes(bytes(len(content)))
        number = s.deploy(s.upload(s.maker.swu("1.1", content, target)))
        s.wait_for_message(number, "All Chunks Installed.")
        assert target.read_bytes() == content and proxy.cut == 2
        assert proxy.requests.count(b"Range: bytes=") + proxy.requests.count(b"range: bytes=") >= 2, "it asked for the rest"
        client.stop()
        proxy.close()


def case_a_cancelled_update_stops_in_the_middle_and_the_next_is_taken():
    with site() as s:
        content = os.urandom(4_000_000)
        proxy = Proxy(s.server.port, bytes_per_s=400_000)
        s.client(port=proxy.own_port).start()
        target = s.folder / "target"
        target.write_bytes(bytes(len(content)))
        number = s.deploy(s.upload(s.maker.swu("1.1", content, target)))
        s.wait_for_message(number, "Installing Update Chunk Artifacts.")
        s.server.operator("POST", f"/api/v1/deployments/{number}/cancel")
        s.wait_for(lambda: [t for t in s.deployment(number)["transitions"] if (t["state"], t["from"]) == ("cancelled", "device")][-1:], "its answer")
        assert not any("All Chunks Installed." in m for m in s.messages(number)) and target.read_bytes() != content
        assert s.deployment(number)["state"] in ("cancelled", "failed")
        proxy.bytes_per_s = None
        small = os.urandom(1000)
        second = s.deploy(s.upload(s.maker.swu("1.2", small, target)))
        s.wait_for(lambda: target.read_bytes()[:1000] == small, f"the content of deployment {second}")
        proxy.close()


def case_a_rollout_reaches_them_in_waves():
    with site() as s:
        targets = {}
        for i in range(2):
            s.client(f"board-{i}").start()
        for client in s.clients:
            s.wait_for(lambda: s.server.operator("GET", f"/api/v1/devices/{client.name}")["attributes"], "attributes")
        content = os.urandom(5000)
        target = s.folder / "target"
        target.write_bytes(bytes(len(content)))
        release = s.upload(s.maker.swu("1.1", content, target))
        plan = {"name": "r", "release": release["id"], "filter": "attribute.modem==ec25", "waves": [{"count": 1}, {"permille": 1000}]}
        number = s.server.operator("POST", "/api/v1/rollouts", plan)["id"]
        s.server.operator("POST", f"/api/v1/rollouts/{number}/start")
        for _ in range(2):
            one = s.wait_for(lambda: [d for d in s.server.operator("GET", "/api/v1/deployments?active=true")["deployments"] if d["device"] not in targets], "a wave")
            assert len(one) == 1, "one device at a time"
            targets[one[0]["device"]] = one[0]["id"]
            s.wait_for_message(one[0]["id"], "All Chunks Installed.")
            client = next(c for c in s.clients if c.name == one[0]["device"])
            client.stop()
            client.start(confirm=2)
            s.wait_for_state(one[0]["id"], "committed")
        s.wait_for(lambda: s.server.operator("GET", f"/api/v1/rollouts/{number}")["counts"]["committed"] == 2, "both")


def case_a_device_shows_a_certificate_instead_of_a_token():
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(pathlib.Path(folder), "devices")
        with site(plain=False, arguments=["--client-ca", str(authority.certificate)]) as s:
            identity = tuple(str(path) for path in authority.issue("/CN=board-1"))
            s.client(identity=identity).start()
            target = s.folder / "target"
            target.write_bytes(bytes(1000))
            content = os.urandom(1000)
            number = s.deploy(s.upload(s.maker.swu("1.1", content, target)))
            s.wait_for_message(number, "All Chunks Installed.")
            assert target.read_bytes() == content


def case_a_tenants_device_shows_a_certificate_of_the_tenants_own_authority():
    with tempfile.TemporaryDirectory() as folder, service("acme") as (server, acme):
        authority, others = (Authority(pathlib.Path(folder), name) for name in ("acme-ca", "others"))
        acme.operator("PUT", "/api/v1/ddi/authorities", {"pem": authority.certificate.read_text()})
        acme.plain, acme.port = server.plain, server.port
        s = Site(acme)
        good, bad = (tuple(str(path) for path in a.issue("/CN=board-1")) for a in (authority, others))
        client = s.client(identity=bad, tenant="acme").start()
        try:
            target = s.folder / "target"
            target.write_bytes(bytes(1000))
            content = os.urandom(1000)
            number = s.deploy(s.upload(s.maker.swu("1.1", content, target)))
            s.wait_for(lambda: "401" in client.text() or "Authentication" in client.text() or "not authorized" in client.text().lower(), "a refusal")
            assert s.deployment(number)["state"] == "offered"
            client.stop()
            client.identity = good
            client.start()
            s.wait_for_message(number, "All Chunks Installed.")
            assert target.read_bytes() == content
        finally:
            client.stop()


def case_what_is_wrong_with_a_file_is_said_when_it_comes_in():
    with site() as s:
        good = s.maker.swu("1.1", b"content", "/dev/x")
        refused = s.server.call("POST", "/api/v1/releases", good, headers=s.server.admin, raw=True)
        assert refused[0] == 422 and b"3405" in refused[2] and b"--product" in refused[2], refused
        wrong = s.maker.swu("1.2", b"content", "/dev/x", digest="0" * 64)
        refused = s.server.call("POST", "/api/v1/releases?product=gateway", wrong, headers=s.server.admin, raw=True)
        assert refused[0] == 422 and b"3404" in refused[2], refused
        release = s.server.operator("POST", "/api/v1/releases?product=gateway&hardware=rev-a,rev-b&version=7", good)
        assert (release["hardware"], release["version"], release["verified"]) == (["rev-a", "rev-b"], "7", False)
        assert s.server.operator("POST", "/api/v1/releases?product=gateway", good)["id"] == release["id"]


def case_a_bundle_of_rauc_shows_what_is_inside():
    if shutil.which("rauc") is None or shutil.which("mksquashfs") is None:
        print("     (the packages rauc and squashfs-tools are not installed)")
        return
    with site() as s:
        place = s.folder / "rauc"
        place.mkdir()
        (place / "rootfs.img").write_bytes(os.urandom(100_000))
        signer = s.folder / "rauc.pem"
        key = s.folder / "rauc.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Vendor",
                        "-keyout", key, "-out", signer], check=True, capture_output=True)
        for kind in ("verity", "plain"):
            (place / "manifest.raucm").write_text(f"[update]\ncompatible=Gateway\nversion=2026.11\n[bundle]\nformat={kind}\n[image.rootfs]\nfilename=rootfs.img\n")
            bundle = s.folder / f"{kind}.raucb"
            subprocess.run(["rauc", "--cert", signer, "--key", key, "bundle", place, bundle], check=True, capture_output=True)
        release = s.server.operator("POST", "/api/v1/releases?hardware=rev-a", (s.folder / "verity.raucb").read_bytes())
        assert (release["format"], release["product"], release["version"]) == ("raucb", "Gateway", "2026.11"), release
        image, = release["contents"]["images"]
        assert image["target"] == "rootfs" and image["sha256"] == hashlib.sha256((place / "rootfs.img").read_bytes()).hexdigest()
        plain = (s.folder / "plain.raucb").read_bytes()
        assert s.server.call("POST", "/api/v1/releases", plain, headers=s.server.admin, raw=True)[0] == 422
        release = s.server.operator("POST", "/api/v1/releases?product=Gateway&hardware=rev-a&version=2026.12", plain)
        assert release["file_name"] == "Gateway-2026.12.raucb" and "note" in release["contents"]


if __name__ == "__main__":
    if SWUPDATE is None or shutil.which("cpio") is None:
        print("skipped: the packages swupdate and cpio are not installed")
        sys.exit(77)
    run(globals())
