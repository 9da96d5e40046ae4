"""What an application has put onto a device's state partition, and what of it a factory reset has left. Of machines whose model has a folder for it."""
import json
import re
import subprocess
import time

import debian
import disk
import machine
from scene import BOOT_S, require

SITES = 300        # folders, each emptied and made durable on its own: so there is a middle
CUT_AT_FLUSHES = 60
STATE_DIR = "/var/lib/aloft"
# What a reset must not touch, as it was: the device's key and name, its enrolment, the floor below which nothing is installed, and whom it trusts.
KEPT = f"cd {STATE_DIR} && sha256sum device-key.pem enrolled server-pin floor.* site.toml machine-id enrol-token /etc/aloft/trust/* /etc/aloft/system.toml"


class SiteData:
    def __init__(self, scene):
        self.scene, self.folder = scene, scene.model.app_data

    def ask(self, command, timeout_s=120):
        status, text = self.scene.machine.shell(command, timeout_s)
        require(status == 0, f"{command!r} ended with {status} on the device: {text}")
        return text.strip()

    def put(self):
        """Folders with a reading each, a file that is hidden, and a link to what is none of the application's."""
        self.ask(f"cd {self.folder} && mkdir $(seq {SITES}) && for site in $(seq {SITES}); do echo lux $site >$site/reading; done && echo roof >.site && "
                 f"ln -s {STATE_DIR} agent && chmod 0750 . && chown 33:33 . && sync")
        self.require_there()

    def require_there(self):
        found = self.ask(f"cd {self.folder} && cat */reading | wc -l && cat .site")
        require(found.split() == [str(SITES), "roof"], f"the application's data is not what was put there: {found}")

    def require_gone(self):
        """The folder stays, with owner and mode, and is empty; nobody asks for a reset any more."""
        left = self.ask(f"ls -A {self.folder} | wc -l; stat -c '%a %u %g' {self.folder}; ls {STATE_DIR}/factory-reset 2>/dev/null | wc -l")
        require(left.split() == ["0", "750", "33", "33", "0"], f"entries left, the folder's mode and owner, and whether a reset is asked for: {left.split()}")

    def kept(self):
        """{file: digest} of what a reset must leave alone, and the agent's updates (it writes that of the running version down anew at each start)."""
        files = dict(reversed(line.split(maxsplit=1)) for line in self.ask(KEPT).splitlines())
        updates = [tuple(update.get(name) for name in ("number", "version", "state", "group")) for update in json.loads(self.ask("aloftd history --json"))]
        return {**files, "history": updates}

    def cut_in_the_middle(self, flushes_before):
        """Cuts the power while folders are being emptied, which the disk is told to make durable one by one; returns how many were left. What the disk
        itself holds then is looked at, for that it was neither before nor after."""
        deadline = time.monotonic() + BOOT_S
        while (flushes := self.scene.machine.flushes() - flushes_before) < CUT_AT_FLUSHES:
            require(time.monotonic() < deadline, f"the disk was flushed only {flushes} times within {BOOT_S} s: is nothing reset?")
            self.scene.narrator.tick()
            time.sleep(0.02)
        self.scene.machine.power_cut()
        left, asked = self.on_disk("app"), "factory-reset" in self.on_disk("aloft")
        require(asked and 0 < len(left) < SITES, f"the power was not cut in the middle of the reset: {len(left)} entries are left of {SITES + 2}, asked for: {asked}")
        return len(left)

    def on_disk(self, folder):
        """Names in a folder of the state partition of a machine without power, as the next start finds it: after its journal was replayed, on a copy."""
        image, partitions = self.scene.folder / "looked-at.img", self.scene.model.partitions()
        with open(self.scene.folder / "disk.img", "rb") as whole, open(image, "wb") as copy:
            whole.seek(disk.partition_offset(partitions, "state"))
            copy.write(whole.read(self.scene.model.state_mib * disk.MIB))
        mended = subprocess.run(["e2fsck", "-fy", str(image)], capture_output=True, text=True)
        if mended.returncode not in (0, 1):
            raise machine.Failure(f"e2fsck ends with {mended.returncode} on the state partition: {mended.stdout[-500:]}")
        listed = debian.run("debugfs", "-R", f"ls -p /{folder}", image)
        image.unlink()
        return [name for name in re.findall(r"^/\d+/\d+/\d+/\d+/([^/]+)/", listed, re.MULTILINE) if name not in (".", "..")]
