#!/usr/bin/env python3
"""The real aloftd against Debian's real OpenSSH server: host keys are checked, and a download that broke is taken up again."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import scratch  # noqa: E402
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
USER = "root" if os.geteuid() == 0 else os.environ.get("USER", "")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-m", "PEM", "-N", "", "-f", path], check=True)
    return path.with_name(path.name + ".pub").read_text()


class Sshd:
    """OpenSSH on the loopback, for one user with one key."""

    def __init__(self):
        self.folder = scratch.folder("sshd")
        self.port = free_port()
        self.host_key = make_key(self.folder / "host")
        self.user_key = make_key(self.folder / "user")
        (self.folder / "authorized").write_text(self.user_key)
        (self.folder / "config").write_text(f"""
ListenAddress 127.0.0.1
Port {self.port}
HostKey {self.folder}/host
PidFile none
AuthorizedKeysFile {self.folder}/authorized
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
""")
        self.process = None

    def start(self):
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # where it insists on having an empty folder
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.folder / "config"], stderr=log, start_new_session=True)
        wait_for("sshd listens", lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def known_hosts(self, key=None, port=None):
        kind, blob, *_ = (key or self.host_key).split()
        return f"[127.0.0.1]:{port or self.port} {kind} {blob}\n"

    def url(self, path, port=None):
        return f"sftp://{USER}@127.0.0.1:{port or self.port}{path}"


class BreakingWire:
    """Passes connections on to a port, each of them for so many bytes from there; after these it is cut."""

    def __init__(self, port, lives):
        self.port, self.lives, self.carried = port, list(lives), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            life = self.lives.pop(0) if self.lives else None
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.carry, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, life), daemon=True).start()

    def carry(self, source, target, life):
        carried = 0
        try:
            while (life is None or carried < life) and (piece := source.recv(16384)):
                target.sendall(piece)
                carried += len(piece)
        except OSError:
            pass
        if life is not None:
            self.carried.append(carried)
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@unittest.skipUnless(SSHD, "needs openssh-server")
class SftpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.good, cls.image = cls.vendor.bundle("2.0", size=8 << 20)

    def setUp(self):
        self.sshd = Sshd()
        self.sshd.start()
        self.addCleanup(shutil.rmtree, self.sshd.folder)
        self.addCleanup(self.sshd.stop)
        self.device = Device(TOOLS, self.vendor.trust, slot_bytes=16 << 20)
        self.addCleanup(self.device.stop, kill=True)
        self.hosts = self.device.folder / "known_hosts"

    def configure(self, *lines):
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("[download]\n", "[download]\n" + "".join(f"{line}\n" for line in lines)))
        self.device.power_on()

    def believe(self, content):
        self.hosts.write_text(content)
        self.configure(f'known_hosts = "{self.hosts}"', f'ssh_key = "{self.sshd.folder}/user"')

    def install(self, path=None):
        return self.device.run("install", "--wait", self.sshd.url(path or self.good))

    def assert_refused(self, *words):
        done = self.install()
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout + done.stderr)
        self.assertEqual(self.device.slot("B").strip(b"\0"), b"", "nothing is written")

    def test_known_host_is_installed_from(self):
        self.believe(self.sshd.known_hosts())
        self.assertEqual(self.install().returncode, 0)
        self.device.wait_for_reboot()
        self.assertEqual(self.device.slot("B")[: len(self.image)], self.image)
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")

    def test_without_a_file_every_host_is_unknown(self):
        self.configure(f'ssh_key = "{self.sshd.folder}/user"')
        self.assert_refused("E7017", "set download.known_hosts in system.toml")

    def test_host_that_is_not_in_the_file_is_refused(self):
        self.believe("[192.0.2.1]:22 " + self.sshd.host_key)
        self.assert_refused("E7017", "add its host key there")

    def test_file_that_is_missing_holds_no_host(self):
        self.believe("")
        self.hosts.unlink()
        self.assert_refused("E7017")

    def test_host_with_another_key_is_refused(self):
        other = make_key(self.sshd.folder / "other")
        self.believe(self.sshd.known_hosts(other))
        self.assert_refused("E7018", "another host key")

    def test_user_key_that_the_server_does_not_take(self):
        make_key(self.sshd.folder / "stranger")
        self.hosts.write_text(self.sshd.known_hosts())
        self.configure(f'known_hosts = "{self.hosts}"', f'ssh_key = "{self.sshd.folder}/stranger"')
        self.assert_refused("E7016")

    def test_broken_connection_is_taken_up_again(self):
        big, image = self.vendor.bundle("2.1", size=14 << 20)
        wire = BreakingWire(self.sshd.port, [3 << 20, 4 << 20])
        self.addCleanup(wire.close)
        self.believe(self.sshd.known_hosts(port=wire.address))
        self.assertEqual(self.device.run("install", self.sshd.url(big, wire.address)).returncode, 0)
        self.device.wait_for_reboot()
        self.assertEqual(self.device.slot("B")[: len(image)], image)
        self.assertEqual(len(wire.carried), 2, "it did break twice")
        self.assertGreaterEqual((self.sshd.folder / "log").read_text().count("Accepted publickey"), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
