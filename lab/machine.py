"""A device that runs in QEMU: the model's processor, board, firmware and disks; virtio network, i6300esb watchdog, console on a file, root shell on a
socket."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import traceback

import traffic

PR_SET_PDEATHSIG = 1
# One processor, and a place for a second that stays empty. For a machine that can never have two, QEMU 7.2 leaves the memory barriers and the locks out of
# what it makes of the guest's code, though the devices run in a thread of their own: a driver's word that there is work is lost then, and a network card, a
# virtio disk or a queue of NVMe waits for ever. What it keeps of the code is bounded: each write to a page with code is looked up in all that was ever made
# of the page, and among a million pieces firmware may take longer for its timer's tick than the tick, for ever.
ONE_PROCESSOR = ["-accel", "tcg,thread=multi,tb-size=64", "-smp", "cpus=1,maxcpus=2"]  # tb-size: MiB
RESETS = "reboot: Restarting system"  # the last words of a kernel that restarts its machine
STARTS = re.compile(rf"{RESETS}|^BdsDxe: loading|^U-Boot \d|Welcome to GRUB", re.MULTILINE)  # and the first of what comes after it
QMP_S = 20
SILENCE_S = 120                        # after them: the new kernel, or the initramfs, speaks within 40 s, under load too
SPEAKS = re.compile(r"^\[ *\d+\.\d+\]|^(lab|initramfs): ", re.MULTILINE)  # the kernel, and what it runs
# What a device is at that is awake and does not go on: each thread of the agent with its place in the kernel, connections with their queues, requests
# under way on disks, and tasks that wait for one.
AT = ("for t in /proc/[0-9]*/task/*; do case $(cat $t/comm) in aloft*) echo $t $(cat $t/wchan) $(head -n 4 $t/stack);; esac; done; cut -c 1-64 /proc/net/tcp; "
      "grep -E '[sv]d[a-z] |mmcblk|nvme' /proc/diskstats; cat /proc/uptime; echo w >/proc/sysrq-trigger; dmesg | tail -n 30")
WATCHDOG_PLACE = "0.1e"  # bus and device on PCI, for boot loaders that have to be told


class Failure(Exception):
    """Something that should have happened on the device did not."""


def failure_of(error):
    """What a story has ended with, as a Failure: it may also break in the lab, on its host, or in a program that the lab runs (SystemExit)."""
    return error if isinstance(error, Failure) else Failure(f"{type(error).__name__}: {error}\n{''.join(traceback.format_exception(error))}")


class Machine:
    """One device. The console's text is kept in FOLDER/console.log over restarts; wait_for() reads on from where the last one stopped."""

    def __init__(self, model, folder, outlives_us=False):
        self.model, self.folder, self.outlives_us = model, pathlib.Path(folder), outlives_us
        self.console = self.folder / "console.log"
        self.console.touch()
        self.shell_socket = pathlib.Path(tempfile.mkdtemp(prefix="aloft-lab-")) / "shell"  # not in folder: a socket's path may not be long
        self.position = self.starts = self.powered = 0
        self.revived = False
        self.process = self.stick = None

    def command(self):
        model = self.model
        return [model.architecture.emulator, "-name", f"aloft-lab-{model.name}", "-M", model.board, *ONE_PROCESSOR,
                "-cpu", model.architecture.processor, "-m", str(model.memory_mib), "-nodefaults", "-display", "none", "-monitor", "none",
                "-qmp", f"unix:{self.control()},server=on,wait=off", *(["-device", "qemu-xhci,id=usb"] if model.usb else []), *self.plugged_in(),
                *model.loader.devices(self.folder),
                "-netdev", "user,id=net", "-device", f"virtio-net-pci,netdev=net,romfile=,mac={traffic.DEVICE_MAC.hex(':')}",
                "-object", f"filter-dump,id=capture,netdev=net,file={self.capture()},maxlen={traffic.HEADERS_BYTES}", "-device", "virtio-rng-pci",
                "-device", f"i6300esb,addr={WATCHDOG_PLACE.split('.')[1]}", "-action", "watchdog=reset",
                "-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console",
                "-chardev", f"socket,id=shell,server=on,wait=off,path={self.shell_socket}", *model.architecture.shell_port]

    def control(self):
        """QEMU's own socket."""
        return self.shell_socket.parent / "control"

    def plugged_in(self):
        """QEMU's words for the stick that is in the port while the power comes."""
        return ["-blockdev", f"raw,node-name=stick,read-only=on,file.driver=file,file.filename={self.stick},file.read-only=on",
                "-device", "usb-storage,id=stick,bus=usb.0,drive=stick"] if self.stick else []

    def plug_stick(self, image):
        """A USB stick that holds the image goes into the port."""
        self.stick = image
        self.tell({"execute": "blockdev-add", "arguments": {"node-name": "stick", "driver": "raw", "read-only": True,
                                                            "file": {"driver": "file", "filename": str(image), "read-only": True}}},
                  {"execute": "device_add", "arguments": {"driver": "usb-storage", "id": "stick", "bus": "usb.0", "drive": "stick"}})

    def pull_stick(self):
        self.stick = None
        self.tell({"execute": "device_del", "arguments": {"id": "stick"}})

    def tell(self, *commands):
        """Has QEMU do these, one after the other, and gives what it returns for each; see its QMP reference."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(QMP_S)
            line.connect(str(self.control()))
            answers = line.makefile("rw")
            answers.readline()  # its greeting
            returned = []
            for command in ({"execute": "qmp_capabilities"}, *commands):
                answers.write(json.dumps(command) + "\n")
                answers.flush()
                while "event" in (answer := json.loads(answers.readline())):
                    pass
                if "error" in answer:
                    raise Failure(f"QEMU refuses {command}: {answer['error']}")
                returned.append(answer["return"])
        return returned[1:]

    def processors(self):
        """What each processor is at, for a machine that says nothing any more: firmware, boot loader and kernel are told apart by the address."""
        try:
            seen = [self.tell({"execute": "human-monitor-command", "arguments": {"command-line": command}})[0]
                    for command in ("info status", "info registers -a")]
        except OSError as error:
            return f"QEMU itself does not answer: {error}"
        return "".join(line + "\n" for text in seen for line in text.splitlines() if re.search(r"status|CPU#|[RE]?[IP][PC]=|CR3=|HLT=", line))

    def flushes(self):
        """How often the device has had a disk make durable what was written, since start()."""
        return sum(each["stats"]["flush_operations"] for each in self.tell({"execute": "query-blockstats"})[0])

    def at(self):
        """What the device itself says of where it has got stuck, if it runs and its root shell answers."""
        try:
            return self.shell(AT, 20)[1]
        except (Failure, OSError) as error:
            return f"its root shell says nothing: {error}"

    def capture(self):
        return self.folder / f"network-{self.starts}.pcap"

    def received_bytes(self):
        """What came to the device over the network since the last start()."""
        return traffic.received_bytes(self.capture().read_bytes())

    def start(self):
        self.starts += 1
        self.powered = time.time()
        self.position = len(self.text())
        with open(self.folder / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            preexec_fn=None if self.outlives_us else die_with_parent)

    def power_cut(self):
        """Ends the machine between two instructions. What the guest had not written is lost; the host keeps what it had."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self):
        """Ends the machine; nothing of it is left but its folder."""
        self.power_cut()
        shutil.rmtree(self.shell_socket.parent, ignore_errors=True)

    def revive(self):
        """Cuts and gives the power of a machine whose new kernel has not spoken since the reset, and where firmware and boot loader say nothing any more.
        Seen with QEMU 7.2: docs/lab.md. Never silently, and once for each machine."""
        silent_s = time.time() - max(self.console.stat().st_mtime, self.powered)
        if silent_s < SILENCE_S or not self.running():
            return
        text = self.text()
        starts = list(STARTS.finditer(text))
        if not starts or SPEAKS.search(text, starts[-1].end()):
            return
        what = f"{self.model.name} has said nothing for {SILENCE_S} s after a reset; its processors:\n{self.processors()}"
        if self.revived:
            raise Failure(what)
        self.revived = True
        print(f"lab: {what}lab: its power is cut and given again", flush=True)
        self.power_cut()
        self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def text(self):
        return self.console.read_bytes().decode(errors="replace")

    def wait_for(self, pattern, timeout_s, also=lambda: None):
        """The next match of pattern on the console. also() is called several times a second meanwhile."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.text()
            if match := re.compile(pattern, re.MULTILINE).search(text, self.position):
                self.position = match.end()
                return match
            if not self.running():
                raise Failure(f"the machine ended while waiting for {pattern!r}; see {self.folder / 'qemu.log'}")
            if time.monotonic() > deadline:
                raise Failure(f"nothing like {pattern!r} on the console within {timeout_s} s; its end:\n{text[-1500:]}\n{self.processors()}")
            also()
            self.revive()
            time.sleep(0.1)

    def shell(self, command, timeout_s=30):
        """Runs a command in the device's root shell, once that answers; returns (status, output)."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.shell_socket))
            deadline = time.monotonic() + timeout_s
            while not read_until(line, rb"READY\r?\n", min(deadline, time.monotonic() + 1)):
                if time.monotonic() > deadline:
                    raise Failure(f"the device's root shell did not answer within {timeout_s} s")
                line.sendall(b"stty -echo; echo REA''DY\n")
            line.sendall(f"echo BEG''IN; {command}; s=$?; echo; echo E''ND $s\n".encode())
            match = read_until(line, rb"BEGIN\r?\n(.*)\r?\nEND (\d+)\r?\n", deadline)
            if not match:
                raise Failure(f"{command!r} did not end within {timeout_s} s in the device's root shell")
        return int(match[2]), match[1].decode(errors="replace").replace("\r\n", "\n")


def read_until(line, pattern, deadline):
    """The pattern's match in what the socket says until the deadline (monotonic), else None."""
    seen = b""
    while not (match := re.search(pattern, seen, re.DOTALL | re.MULTILINE)):
        line.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = line.recv(65536)
        except TimeoutError:
            return None
        if not piece:
            return None
        seen += piece
    return match


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
