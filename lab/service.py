"""The server as a service: its systemd unit on a Debian in QEMU, with everything that the unit forbids it in force."""
import re
import shutil
import socket
import stat
import subprocess
import sys
import time

import cache
import debian
import kernel
import machine
import programs
import rootfs
from architecture import X86_64

sys.path.insert(0, str(rootfs.REPOSITORY / "tests"))
from agent_device import Device, Tools, Vendor  # noqa: E402
from server_harness import PASSWORD  # noqa: E402

ROOT_MIB = 320
START_S = 180
# Runs as a user of its own, without privileges, under a filter of system calls; its folder is closed to others.
CONFINED = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0000000000000000"}
MOST_EXPOSURE = 3.0  # of systemd-analyze's scale, on which 10 is worst

INIT = r"""#!/bin/busybox sh
export PATH=/bin
mkdir -p /dev /proc /sys /root
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in $(cat /modules/order); do insmod /modules/$module; done
mount -t ext4 /dev/vda /root
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""


def root_image():
    """A Debian with systemd, the server and its unit where docs/server.md says they go, and a root shell on the second serial port."""
    server, unit = programs.program("aloft-server"), rootfs.SYSTEMD / "aloft-server.service"

    def make(folder):
        tree = folder / "tree"
        rootfs.debian_tree(tree, programs.program("aloftd"), X86_64)
        units = tree / "etc/systemd/system"
        (units / "multi-user.target.wants/aloftd.service").unlink()
        shutil.copytree(rootfs.DEVICE / "debian", tree, dirs_exist_ok=True)
        debian.run("strip", "-o", tree / "usr/bin/aloft-server", server)
        rootfs.copy_libraries(tree, server, X86_64)
        shutil.copy(unit, units / "aloft-server.service")
        rootfs.link(units / "multi-user.target.wants/aloft-server.service", "../aloft-server.service")
        (tree / "etc/default").mkdir(exist_ok=True)
        for place in ("boot", "dev", "proc", "sys", "run", "tmp", "root", "var/tmp", "var/lib"):
            (tree / place).mkdir(parents=True, exist_ok=True)
        (tree / "etc/machine-id").write_text("")
        (tree / "etc/fstab").write_text("")
        (tree / "etc/lab-shell").write_text("ttyS1\n")
        debian.run("mkfs.ext4", "-q", "-F", "-d", tree, folder / "root.ext4", f"{ROOT_MIB}M")
        shutil.rmtree(tree)

    made_from = [cache.file_digest(server), cache.file_digest(unit), str(debian.system_tree()), cache.file_digest(programs.program("aloftd")),
                 *cache.source_digest("service.py", "rootfs.py")]
    return cache.entry("service", made_from, make) / "root.ext4"


def boot_files():
    def make(folder):
        tree = debian.kernel_tree(X86_64)
        (image,) = (tree / "boot").glob("vmlinuz-*")
        shutil.copy(image, folder / "vmlinuz")
        program = stat.S_IFREG | 0o755
        files = {"bin": (stat.S_IFDIR | 0o755, b""), "modules": (stat.S_IFDIR | 0o755, b""), "init": (program, INIT.encode()),
                 "bin/busybox": (program, kernel.busybox(X86_64).read_bytes())}
        for name in "sh mount mkdir insmod cat ip switch_root".split():
            files[f"bin/{name}"] = (stat.S_IFLNK | 0o777, b"busybox")
        modules = kernel.module_files(tree, ["virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "ext4", "crc32c_generic"])
        files.update({f"modules/{module.name}": (program, module.read_bytes()) for module in modules})
        files["modules/order"] = (program, "\n".join(module.name for module in modules).encode())
        (folder / "initrd").write_bytes(kernel.archive(files))

    return cache.entry("service-boot", [debian.kernel_package(), *cache.source_digest("service.py", "kernel.py")], make)


class Host(machine.Machine):
    """The machine that the server runs on. Its port 8443 is a port of ours."""

    def __init__(self, folder):
        super().__init__(None, folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        shutil.copy(root_image(), folder / "root.ext4")

    def command(self):
        boot = boot_files()
        return [X86_64.emulator, "-name", "aloft-lab-service", "-M", "q35,smm=off", *machine.ONE_PROCESSOR, "-cpu", X86_64.processor,
                "-m", "768", "-nodefaults", "-display", "none", "-monitor", "none", "-kernel", str(boot / "vmlinuz"), "-initrd", str(boot / "initrd"),
                "-append", f"console=ttyS0 quiet {X86_64.arguments}",
                "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={self.folder / 'root.ext4'}", "-device", "virtio-blk-pci,drive=disk",
                "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:8443", "-device", "virtio-net-pci,netdev=net,romfile=",
                "-device", "virtio-rng-pci", "-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console",
                "-chardev", f"socket,id=shell,server=on,wait=off,path={self.shell_socket}", "-serial", "chardev:shell"]

    def say(self, command, timeout_s=60):
        status, text = self.shell(command, timeout_s)
        if status != 0:
            raise machine.Failure(f"{command} ended with {status} on the server's machine: {text}")
        return text.strip()

    def await_active(self):
        deadline = time.monotonic() + START_S
        while (state := self.shell("systemctl is-active aloft-server", START_S)[1].strip()) != "active":
            if time.monotonic() > deadline:
                raise machine.Failure(f"aloft-server is {state}: {self.shell('journalctl -u aloft-server --no-pager', 60)[1]}")
            time.sleep(1)


def play(folder, voice):
    """Installs, starts, enrols a device, restarts and kills the server; looks at what holds it. Returns what there is to say of it."""
    host = Host(folder)
    operator = {"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": str(folder / "operator")}

    def aloft(*words, text=""):
        done = subprocess.run([str(word) for word in (programs.program("aloft"), *words)], input=text, capture_output=True, text=True, env=operator,
                              timeout=180)
        if done.returncode != 0:
            raise machine.Failure(f"aloft {words} failed: {done.stdout}{done.stderr}")
        return done.stdout

    device = None
    try:
        host.start()
        voice.say("the server's machine: power on")
        until("QEMU is there", host.shell_socket.exists)
        host.await_active()
        voice.say("systemd: aloft-server is active")
        token = re.search(r"--setup (\S+)", host.say("journalctl -u aloft-server --no-pager -o cat"))[1]
        url = f"https://127.0.0.1:{host.port}"
        aloft("login", url, "--user", "lab", "--setup", token, "--password-stdin", text=PASSWORD + "\n")
        vendor = Vendor(Tools(programs.program("aloftd"), programs.program("aloft")))
        bundle, image = vendor.bundle("2.0")
        aloft("release", "upload", bundle)
        device = Device(vendor.tools, vendor.trust, server={"url": url, "name": "cam-01", "token": aloft("enrol-token", "create").strip()})
        device.power_on()
        until("the device is enrolled", lambda: device.status().get("server", {}).get("connected"))
        voice.say("a device: enrolled")
        held = confinement(host)
        for word, command in (("restarted", "systemctl restart aloft-server"), ("killed", "systemctl kill -s KILL aloft-server; sleep 4")):
            host.say(command)
            host.await_active()
            aloft("device", "show", "cam-01")
            until("the device is back", lambda: device.run("check").returncode == 0 and device.status().get("server", {}).get("connected"))
            voice.say(f"the server: {word}, and there again with all it knew")
        aloft("deploy", "--release", "2.0", "--device", "cam-01")
        device.wait_for_reboot(180)
        if device.slot("B")[: len(image)] != image:
            raise machine.Failure("the device installed something else than the release")
        failed = host.shell("systemctl is-failed aloft-server; journalctl -u aloft-server --no-pager | grep -ciE 'denied|not permitted|read-only file'")[1]
        if failed.split() != ["active", "0"]:
            raise machine.Failure(f"the unit forbids the server something that it needs: {failed}")
        return held
    finally:
        if device:
            device.stop(kill=True)
        host.remove()


def until(what, condition, limit_s=120):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise machine.Failure(f"did not happen within {limit_s} s: {what}")
        time.sleep(0.5)


def confinement(host):
    """What really holds the process; returns systemd-analyze's figure."""
    status = host.say("cat /proc/$(systemctl show -p MainPID --value aloft-server)/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name, wanted in CONFINED.items():
        if found[name].strip() != wanted:
            raise machine.Failure(f"the server's process has {name} {found[name]}, not {wanted}")
    if found["Uid"].split()[0] == "0":
        raise machine.Failure("the server runs as root")
    if (mode := host.say("stat -c %a /var/lib/private/aloft-server")) != "700":
        raise machine.Failure(f"others may look into the server's folder (mode {mode})")
    exposure = float(re.search(r"exposure level for aloft-server.service: ([0-9.]+)", host.say("systemd-analyze security aloft-server --no-pager", 180))[1])
    if exposure > MOST_EXPOSURE:
        raise machine.Failure(f"systemd-analyze finds an exposure of {exposure}; at most {MOST_EXPOSURE} was reached before")
    return f"enrolled, restarted and killed under systemd; user {found['Uid'].split()[0]}, exposure {exposure} of 10"
