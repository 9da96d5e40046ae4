"""A device without a machine: the real aloftd, regular files as slots, a boot loader that does what grub.cfg does."""
import json
import os
import pathlib
import subprocess
import time
import uuid

import scratch

ENV_HEAD = b"# GRUB Environment Block\n"


class Tools:
    """The programs under test."""

    def __init__(self, aloftd, aloft):
        self.aloftd, self.aloft = aloftd, aloft


def wait_for(what, condition, limit_s=30):
    """The first true value of condition(); polls, because what it watches is another process."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {limit_s} s: {what}")
        time.sleep(0.05)


def read_env(path):
    block = path.read_bytes()
    assert len(block) == 1024 and block.startswith(ENV_HEAD), block[:40]
    lines = block[len(ENV_HEAD):].split(b"\n")
    return dict(line.decode().split("=", 1) for line in lines if b"=" in line and not line.startswith(b"#"))


def write_env(path, variables):
    text = ENV_HEAD + "".join(f"{name}={value}\n" for name, value in variables.items()).encode()
    path.write_bytes(text + b"#" * (1024 - len(text)))


class Device:
    def __init__(self, tools, trust, slot_bytes=4 << 20, server=None, slots=None):
        """slots: the [group...] and [shared...] tables as TOML; else two files of slot_bytes."""
        self.tools = tools
        self.folder = scratch.folder("device")
        self.env = self.folder / "grubenv"
        self.socket = self.folder / "aloftd.sock"
        self.health = self.folder / "health.d"
        self.health.mkdir()
        self.process = None
        self.slots = slots
        for group in "" if slots else "AB":
            (self.folder / f"slot-{group}").write_bytes(b"\0" * slot_bytes)
        write_env(self.env, {"ORDER": "A B", "A_STATE": "good", "B_STATE": "0"})
        (self.folder / "version").write_text("1.0\n")
        (self.folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (self.folder / "reboot").write_text(f"#!/bin/sh\ntouch {self.folder}/rebooted\n")
        (self.folder / "reboot").chmod(0o755)
        self.watchdog = self.folder / "watchdog"
        self.watchdog.write_bytes(b"")
        self.configure(trust, server)

    def configure(self, trust, server, extra_health=""):
        f = self.folder
        default_slots = f'[group.A.rootfs]\ndevice = "{f}/slot-A"\n[group.B.rootfs]\ndevice = "{f}/slot-B"'
        text = f"""
product = "lab-gateway"
hardware = "rev-a"
state_dir = "{f}/state"
trust_dir = "{trust}"
[boot]
grubenv = "{self.env}"
{self.slots or default_slots}
[health]
dir = "{self.health}"
deadline_s = 20
require_units = false
{extra_health}
[watchdog]
device = "{self.watchdog}"
[download]
give_up_s = 20
[agent]
socket = "{self.socket}"
reboot_command = ["{f}/reboot"]
kernel_command_line = "{f}/cmdline"
boot_id_file = "{f}/boot-id"
version_file = "{f}/version"
machine_id_file = "{f}/machine-id"
"""
        if server:
            (f / "enrol-token").write_text(server["token"] + "\n")
            text += f'[server]\nurl = "{server["url"]}"\nname = "{server["name"]}"\nenrol_token_file = "{f}/enrol-token"\n'
        (f / "system.toml").write_text(text)

    def boot_loader(self):
        """What grub.cfg does: the first that is good, or has tries left; one try is taken before it boots."""
        env = read_env(self.env)
        for slot in env["ORDER"].split():
            state = env.get(f"{slot}_STATE", "0")
            if state == "good" or int(state) > 0:
                if state != "good":
                    env[f"{slot}_STATE"] = str(int(state) - 1)
                    write_env(self.env, env)
                return slot
        raise AssertionError(f"nothing boots: {env}")

    def power_on(self, version=None, start=True):
        """One boot. start=False: the system hangs or panics before the agent runs."""
        slot = self.boot_loader()
        (self.folder / "cmdline").write_text(f"root=LABEL=x aloft.slot={slot} quiet\n")
        (self.folder / "boot-id").write_text(str(uuid.uuid4()) + "\n")
        if version:
            (self.folder / "version").write_text(version + "\n")
        if start:
            self.start()
        return slot

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.tools.aloftd, "daemon", "--config", self.folder / "system.toml"], stderr=log)
        wait_for("aloftd answers", lambda: self.process.poll() is not None or self.run("status").returncode == 0)
        if self.process.poll() is not None:
            raise AssertionError("aloftd ended at its start:\n" + self.log_text()[-2000:])

    def stop(self, kill=False):
        if self.process:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(20)
            self.process = None

    def wait_for_reboot(self, limit_s=60):
        wait_for("the agent asks for a reboot", (self.folder / "rebooted").exists, limit_s)
        (self.folder / "rebooted").unlink()
        self.stop()

    def run(self, *arguments, **options):
        return subprocess.run([self.tools.aloftd, *arguments, "--config", self.folder / "system.toml"], capture_output=True, text=True, timeout=60, **options)

    def status(self):
        answer = self.run("status", "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    def wait_for_state(self, state, limit_s=30):
        return wait_for(f"update is {state}", lambda: (lambda s: s if s.get("update", {}).get("state") == state else None)(self.status()), limit_s)

    def slot(self, name):
        return (self.folder / f"slot-{name}").read_bytes()

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def resident_kib(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in fields.splitlines() if line.startswith("VmRSS"))


class Vendor:
    """Keys, and bundles signed with them."""

    def __init__(self, tools):
        self.tools = tools
        self.folder = scratch.folder("vendor")
        subprocess.run([tools.aloft, "keys", "init", self.folder / "keys"], check=True, capture_output=True)
        self.trust = self.folder / "keys" / "trust"

    def bundle(self, version, size=3 << 20, security_version=0, product="lab-gateway"):
        image = self.folder / f"image-{version}"
        block = os.urandom(64 << 10)
        image.write_bytes((block + b"\0" * (64 << 10)) * (size // (128 << 10)))
        path = self.pack(version, "--security-version", security_version, "--image", f"rootfs={image}", product=product)
        return path, image.read_bytes()

    def pack(self, version, *options, product="lab-gateway"):
        """A signed bundle of whatever images the options name."""
        path = self.folder / f"{version}.aloft"
        subprocess.run([self.tools.aloft, "bundle", "create", "-o", path, "--product", product, "--hardware", "rev-a", "--version", version,
                        "--frame-size", "64", *map(str, options),
                        "--key", self.folder / "keys" / "signer.key", "--cert", self.folder / "keys" / "signer.pem"], check=True, capture_output=True)
        return path
