"""Who installs: each verifies a signed source and leaves the image on its target block device, flushed."""
import json
import os
import pathlib
import shutil
import subprocess
import time

import image

PRODUCT = "bench"


def run(command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(str(part) for part in command)} failed:\n{done.stdout}")
    return done.stdout


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def status_kib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise SystemExit(f"bench: process {pid} has no {field}")


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: {what} did not happen within {seconds} s")
        time.sleep(0.01)


class Contestant:
    """folder: its own; content: the image to be installed; target: the device, always under the same name."""

    def __init__(self, folder, content, target):
        self.folder, self.image, self.target = pathlib.Path(folder), content, target
        self.peak_kib = 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def source(self):
        """The file that is read."""

    def make(self):
        """Makes the source, unless it is there."""

    def start(self):
        """Starts what runs all the time on a device."""

    def install(self):
        """The job that is timed."""

    def finish(self):
        """Ends what start() began."""


class Dd(Contestant):
    name = "dd"

    def source(self):
        return self.image

    def install(self):
        run(["dd", f"if={self.image}", f"of={self.target}", "bs=1M", "conv=fsync"])


class Swupdate(Contestant):
    """Stored as it is, or compressed with zstd; installed directly, so that nothing is copied on the way."""

    def __init__(self, folder, content, target, compressed):
        super().__init__(folder, content, target)
        self.compressed = compressed
        self.name = "swupdate, zstd" if compressed else "swupdate, raw"

    def source(self):
        return self.folder / "update.swu"

    def make(self):
        if self.source().exists():
            return
        key, certificate, payload = self.folder / "key.pem", self.folder / "certificate.pem", self.folder / "rootfs"
        make_certificate(key, certificate)
        if self.compressed:
            run(["zstd", "-q", "-f", "-6", "-T0", self.image, "-o", payload])
        else:
            shutil.copyfile(self.image, payload)
        compression = 'compressed = "zstd"; ' if self.compressed else ""
        (self.folder / "sw-description").write_text(
            'software = { version = "2.0"; hardware-compatibility = [ "1.0" ]; images: ( { filename = "rootfs"; '
            f'device = "{self.target}"; type = "raw"; {compression}sha256 = "{image.sha256(payload)}"; installed-directly = true; }} ); }}\n')
        run(["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", certificate, "-inkey", key,
             "-outform", "DER", "-nosmimecap", "-binary"], cwd=self.folder)
        with open(self.folder / "update.part", "wb") as out:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "crc"], input=b"sw-description\nsw-description.sig\nrootfs\n", stdout=out,
                           cwd=self.folder, check=True)
        payload.unlink()
        (self.folder / "update.part").rename(self.source())

    def install(self):
        run(["swupdate", "-k", self.folder / "certificate.pem", "-H", "board:1.0", "-i", self.source()])


class Rauc(Contestant):
    """The real install: its service on a bus of its own, a plain bundle (its verity format needs a kernel with dm-verity) in a squashfs
    with zstd, which reads several times faster than the default gzip."""
    name = "rauc"
    processes = ()

    def source(self):
        return self.folder / "update.raucb"

    def make(self):
        if self.source().exists():
            return
        make_certificate(self.folder / "key.pem", self.folder / "certificate.pem")
        content = self.folder / "content"
        content.mkdir(exist_ok=True)
        shutil.copyfile(self.image, content / "rootfs.ext4")
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={PRODUCT}\nversion=2.0\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.ext4\n")
        run(["rauc", "bundle", f"--cert={self.folder}/certificate.pem", f"--key={self.folder}/key.pem", "--mksquashfs-args=-comp zstd -Xcompression-level 6",
             content, self.folder / "part.raucb"])
        shutil.rmtree(content)
        (self.folder / "part.raucb").rename(self.source())

    def start(self):
        socket = self.folder / "bus"
        socket.unlink(missing_ok=True)
        (self.folder / "booted").write_bytes(b"")
        (self.folder / "system.conf").write_text(
            f"[system]\ncompatible={PRODUCT}\nbootloader=noop\nstatusfile={self.folder}/status\nmountprefix={self.folder}/mounts\nbundle-formats=plain verity\n"
            f"[keyring]\npath={self.folder}/certificate.pem\ncheck-purpose=codesign\n"
            f"[slot.rootfs.0]\ndevice={self.folder}/booted\ntype=raw\nbootname=A\n[slot.rootfs.1]\ndevice={self.target}\ntype=raw\nbootname=B\n")
        (self.folder / "bus.conf").write_text(
            '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
            '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n<busconfig><type>system</type>'
            f'<listen>unix:path={socket}</listen><auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>'
            '<allow send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true"/><allow receive_type="method_call"/>'
            '<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>\n')
        log = open(self.folder / "log", "w")
        bus = subprocess.Popen(["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork"], stdout=log, stderr=log)
        self.processes = (bus,)
        wait_for(socket.exists, "the start of a private D-Bus")
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
        service = subprocess.Popen(["rauc", f"--conf={self.folder}/system.conf", "--override-boot-slot=A", "service"], env=self.environment,
                                   stdout=log, stderr=log)
        self.processes = (service, bus)
        answers = lambda: subprocess.run(["rauc", "status"], env=self.environment, capture_output=True).returncode == 0
        wait_for(answers, "the start of rauc's service")

    def install(self):
        run(["rauc", "install", self.source()], env=self.environment)

    def finish(self):
        if self.processes:
            self.peak_kib = status_kib(self.processes[0].pid, "VmHWM")
        for process in self.processes:
            stop(process)


class Aloft(Contestant):
    """The daemon as devices run it (preset release-small), asked by `aloftd install`, until the boot is switched and it wants to restart."""
    name = "aloft"
    daemon = None

    def __init__(self, folder, content, target, aloftd, aloft):
        super().__init__(folder, content, target)
        self.aloftd, self.aloft = aloftd, aloft
        self.idle_kib = 0

    def source(self):
        return self.folder / "update.aloft"

    def make(self):
        if self.source().exists():
            return
        run([self.aloft, "keys", "init", self.folder / "keys"])
        run([self.aloft, "bundle", "create", "--product", PRODUCT, "--hardware", "1.0", "--version", "2.0", "--image", f"rootfs={self.image}",
             "--cert", self.folder / "keys/signer.pem", "--key", self.folder / "keys/signer.key", "-o", self.folder / "part.aloft"])
        (self.folder / "part.aloft").rename(self.source())

    def start(self):
        """A device that has never been updated: each install is its first."""
        state = self.folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        with open(self.folder / "booted", "wb") as booted:
            booted.truncate(self.image.stat().st_size)
        environment = b"# GRUB Environment Block\nORDER=A B\nA_STATE=good\nB_STATE=0\n"
        (self.folder / "grubenv").write_bytes(environment + b"#" * (1024 - len(environment)))
        (self.folder / "cmdline").write_text("aloft.slot=A\n")
        (self.folder / "version").write_text("1.0\n")
        text = lambda path: json.dumps(str(path))
        (self.folder / "system.toml").write_text(
            f'product = "{PRODUCT}"\nhardware = "1.0"\nstate_dir = {text(state)}\ntrust_dir = {text(self.folder / "keys/trust")}\n'
            f'[boot]\nloader = "grub"\ngrubenv = {text(self.folder / "grubenv")}\n'
            f'[group.A.rootfs]\ndevice = {text(self.folder / "booted")}\n[group.B.rootfs]\ndevice = {text(self.target)}\n'
            f'[watchdog]\ndevice = ""\n'
            f'[agent]\nsocket = {text(self.folder / "socket")}\nreboot_command = ["/bin/true"]\n'
            f'kernel_command_line = {text(self.folder / "cmdline")}\nversion_file = {text(self.folder / "version")}\n')
        log = open(self.folder / "log", "w")
        self.daemon = subprocess.Popen([self.aloftd, "daemon", "--config", self.folder / "system.toml"], stdout=log, stderr=log)
        answers = lambda: subprocess.run(self.client("status"), capture_output=True).returncode == 0
        wait_for(answers, f"the start of aloftd (see {log.name})")

    def client(self, *words):
        return [self.aloftd, *words, "--config", self.folder / "system.toml"]

    def measure_idle(self, settle_seconds=20, samples=20):
        """What it holds resident with nothing to do, once it has settled: the worst of some samples."""
        self.start()
        try:
            time.sleep(settle_seconds)
            for _ in range(samples):
                self.idle_kib = max(self.idle_kib, status_kib(self.daemon.pid, "VmRSS"))
                time.sleep(0.5)
        finally:
            stop(self.daemon)

    def install(self):
        run(self.client("install", "--wait", self.source()))

    def finish(self):
        if self.daemon and self.daemon.poll() is None:
            self.peak_kib = max(self.peak_kib, status_kib(self.daemon.pid, "VmHWM"))
        stop(self.daemon)


def make_certificate(key, certificate):
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days",
         "3650", "-subj", "/CN=bench", "-addext", "extendedKeyUsage=emailProtection,codeSigning", "-addext", "keyUsage=digitalSignature"])
