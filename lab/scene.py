"""A server and one device that know each other: what stories and the demo are told with."""
import json
import pathlib
import shutil
import time

import disk
import machine
import programs
import rootfs
import server

DEVICE = "gateway-01"
HOST_SEEN_FROM_DEVICE = "10.0.2.2"
MACHINE_ID = "a10f7000000000000000000000000001"
FINAL = ("committed", "rolled-back", "failed", "cancelled")
BOOT_S, UPDATE_S = 240, 400


def require(truth, what):
    if not truth:
        raise machine.Failure(what)


class Scene:
    """Use with `with`: leaving it ends server and machine, unless keep() was called."""

    def __init__(self, model, folder, narrator, outlives_us=False):
        self.model, self.folder, self.narrator, self.outlives_us = model, pathlib.Path(folder), narrator, outlives_us
        self.version, self.slot = "1.0", "A"  # what runs, committed
        self.recovery_version = "recovery-1"  # where the model has a recovery system
        self.latest = 1
        self.kept = False
        self.server = self.machine = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        if not self.kept:
            if self.machine:
                self.machine.remove()
            if self.server:
                self.server.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self):
        self.kept = True

    def make_disk(self):
        version = rootfs.Version(self.version)
        images = self.model.images(version)
        slots = {each.partition("A"): images[each.name] for each in self.model.slots if each.mib}
        if self.model.recovery:
            slots[self.model.recovery.partition(self.model.recovery_group)] = self.model.recovery.image(self.model, rootfs.Version(self.recovery_version))
        site = {"url": f"https://{HOST_SEEN_FROM_DEVICE}:{self.server.port}", "name": DEVICE, "enrol_token_file": "/var/lib/aloft/enrol-token"}
        token = self.server.enrolment_token()
        state = self.folder / "state.img"
        own = {"site.toml": "[server]\n" + "".join(f'{key} = "{value}"\n' for key, value in site.items()), "enrol-token": f"{token}\n", "machine-id": f"{MACHINE_ID}\n"}
        disk.state_image(state, self.model.state_mib, {f"{self.model.state_folder}/{name}".lstrip("/"): text for name, text in own.items()},
                         [pathlib.Path(self.model.app_data).name] if self.model.app_data else [])
        disk.make(self.folder / "disk.img", self.model.partitions(), {**self.model.loader.contents(self.model, images), **slots, "state": state},
                  self.model.loader.flash)
        state.unlink()
        self.model.loader.prepare(self.model, self.folder)

    def start_server(self):
        self.server = server.Server(self.folder, self.outlives_us)
        self.narrator.say(f"server runs on {self.server.url}")

    def first_boot(self):
        """From the factory's disk to an enrolled device; returns seconds to the agent's first contact."""
        self.make_disk()
        self.machine = machine.Machine(self.model, self.folder, self.outlives_us)
        started = time.monotonic()
        self.machine.start()
        self.narrator.say(f"{DEVICE}: power on, version {self.version}")
        self.await_boot("A", self.version)
        device = self.await_device(lambda device: device["status"] == "accepted")
        require(device["version"] == self.version, f"the server believes that {DEVICE} runs {device['version']}")
        took = time.monotonic() - started
        self.narrator.say(f"{DEVICE}: enrolled with its one-time token, {took:.0f} s after power on")
        return took

    def await_boot(self, slot, version, also=None, limit_s=BOOT_S):
        self.machine.wait_for(rf"lab: slot {slot}, version {version}, ", limit_s, also or self.narrator.tick)
        self.narrator.say(f"{DEVICE}: kernel of slot {slot}, version {version}, is up")

    def await_device(self, condition, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while True:
            device = self.server.device(DEVICE)
            if device and condition(device):
                return device
            if time.monotonic() > deadline:
                raise machine.Failure(f"the server still sees {device} after {timeout_s} s; console:\n{self.machine.text()[-1500:]}")
            self.narrator.tick()
            time.sleep(0.3)

    def deploy(self, name, fault="", recovery=False):
        """Makes, signs, uploads and deploys a version (of the recovery system); returns how to watch it."""
        bundle, images = self.bundle(name, fault, recovery)
        return self.deploy_bundle(name, bundle, images, self.server.upload(bundle), f"; {rootfs.FAULTS[fault]}" if fault else "")

    def bundle(self, name, fault="", recovery=False):
        """The bundle of a version, and its images by slot class."""
        version = rootfs.Version(name, fault)
        images = {"recovery": self.model.recovery.image(self.model, version)} if recovery else self.model.images(version)
        return programs.bundle(images, version, self.model.image_types(), () if recovery else self.model.verity), images

    def deploy_bundle(self, name, bundle, images, release, more=""):
        needed, streamed = self.bytes_needed(bundle, images), self.bytes_streamed(bundle)
        received = self.machine.received_bytes()
        number = self.server.deploy(release, DEVICE)
        self.narrator.say(f"operator: uploaded {name} ({bundle.stat().st_size / 1e6:.0f} MB) and deployed it to {DEVICE}{more}")
        return Watch(self, number, needed, streamed, received)

    def next_version(self):
        self.latest += 1
        return f"{self.latest}.0"

    def other_slot(self):
        """Where the next update goes; docs/layouts.md, "Which group is written"."""
        others = [group for group in self.model.groups if group != self.slot]
        if len(others) == 1:
            return others[0]
        state = {group: health for group, health in self.boot_state().items() if group in others}
        return ([group for group, health in state.items() if health == "bad"] or list(state))[-1]

    def runs_now(self, version, slot):
        """The device has committed; the server must have heard of it, and the boot state must say so."""
        self.version, self.slot = version, slot
        self.await_device(lambda device: device["version"] == version)
        state = self.boot_state()
        require(next(iter(state.items())) == (slot, "committed"), f"{version} is committed, but the boot state is {state}")
        if self.model.loader.first_slot:
            _, first = self.machine.shell(self.model.loader.first_slot)
            require(first.strip() == slot, f"{version} is committed, but the boot loader's own words on the first slot are {first!r}")
        self.await_watchdog_given_up()

    def await_watchdog_given_up(self, timeout_s=60):
        """A committed system's hardware watchdog is stopped, or process 1 has it, or the agent where it cannot be stopped."""
        given = self.model.system in rootfs.INIT_TAKES_WATCHDOG
        wanted = ["active" if given or self.model.loader.locks_watchdog else "inactive", "1" if given else "0"]
        deadline = time.monotonic() + timeout_s
        while True:
            _, text = self.machine.shell("cat /sys/class/watchdog/watchdog0/state; ls -l /proc/1/fd | grep -c /dev/watchdog")
            if text.split() == wanted:
                return
            require(time.monotonic() < deadline, f"the watchdog's state and whether process 1 has it are {text.split()}, not {wanted}")
            time.sleep(0.5)

    def bytes_needed(self, bundle, images):
        """Stored bytes of the frames that are not already where they belong in the slots to be written."""
        frames_of = programs.stored_frames(bundle)
        group = self.model.recovery_group if "recovery" in frames_of else self.other_slot() if len(self.model.groups) > 1 else self.model.groups
        needed = self.bytes_streamed(bundle)
        partitions = {each.name: each.partition(group) for each in self.model.classes(group) if each.mib}
        for name in partitions:
            with open(images[name], "rb") as new, open(self.folder / "disk.img", "rb") as old:
                old.seek(disk.partition_offset(self.model.partitions(), partitions[name]))
                for size, stored in frames_of[name]:
                    needed += stored if new.read(size) != old.read(size) else 0
        return needed

    def bytes_streamed(self, bundle):
        """Stored bytes of images for slots that are not resumed in place: after a power cut each is fetched again from its start (docs/slots.md)."""
        frames_of = programs.stored_frames(bundle)
        return sum(stored for each in self.model.slots if not each.mib for _, stored in frames_of.get(each.name, ()))

    def agent_status(self):
        """What the agent on the device says of itself."""
        status, text = self.machine.shell("aloftd status --json")
        require(status == 0, f"aloftd status failed on the device: {text}")
        return json.loads(text)

    def await_update(self, condition, timeout_s=UPDATE_S):
        """The device's own word on its last update, once it fulfils the condition."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                update = self.agent_status().get("update", {})
            except machine.Failure:
                update = {}  # it is booting
            if update and condition(update):
                return update
            require(time.monotonic() < deadline, f"not within {timeout_s} s; the device says {update}")
            self.machine.revive()
            self.narrator.tick()
            time.sleep(0.5)

    def require_sound(self):
        """`aloftd doctor` finds nothing on the device that would stop an update or a rollback, and that its kernel does not stay stuck."""
        _, text = self.machine.shell("aloftd doctor --json", 60)
        findings = {finding["name"]: finding for finding in json.loads(text)["findings"]}
        bad = [finding for finding in findings.values() if finding["verdict"] == "bad"]
        require(not bad, f"doctor finds {bad}")
        require(all(findings.get(name, {}).get("verdict") == "ok" for name in ("panic-timeout", "lockup-panic")), f"a stuck kernel stays stuck: {findings}")

    def at(self):
        """Where a story has got stuck: what the device is at, and whether the server answers."""
        try:
            said = json.dumps(self.server.ask("device", "show", DEVICE), indent=1)
        except machine.Failure as failure:
            said = f"{failure}; its threads: {self.server.threads()}"
        return f"the device is at:\n{self.machine.at()}\nthe server says:\n{said}"

    def boot_state(self):
        """{group: "committed", "trial" or "bad"} in boot order, as the agent reads it from the boot loader."""
        return {entry["group"]: entry["health"] for entry in self.agent_status()["boot"]}


class Watch:
    """One deployment as `aloft watch` tells it."""

    def __init__(self, scene, number, needed_bytes, streamed_bytes, received_before):
        self.scene, self.number, self.needed_bytes, self.streamed_bytes, self.told = scene, number, needed_bytes, streamed_bytes, 0
        self.received_before = received_before  # bytes, since the device's power came
        self.file = scene.folder / f"watch-{number}.log"
        with open(self.file, "wb") as out:
            self.process = scene.server.watch(number, out)
        self.started = time.monotonic()
        self.state, self.permille, self.error, self.message = "offered", None, None, ""
        self.times = {}  # state: seconds since the deployment began

    def look(self):
        """Takes in and tells what is new."""
        transitions = [json.loads(line) for line in self.file.read_text().split("\n")[:-1] if line.startswith("{")]
        for transition in [transition for transition in transitions if "sequence" in transition][self.told:]:
            self.told += 1
            self.state, self.permille = transition["state"], transition.get("progress_permille")
            self.error, self.message = transition.get("error"), transition.get("message", "")
            if self.state not in self.times:
                self.times[self.state] = time.monotonic() - self.started
                self.scene.narrator.say(f"server: {DEVICE} is {self}")
            self.scene.narrator.progress(self.state, self.permille)
        self.scene.narrator.tick()

    def __str__(self):
        return self.state + (f" (E{self.error})" if self.error else "") + (f": {self.message}" if self.message else "")

    def until(self, condition, what, timeout_s=UPDATE_S):
        """Waits until condition(self)."""
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self.process.poll() is not None
            self.look()
            if condition(self):
                return
            if self.state in FINAL:
                raise machine.Failure(f"{what} was expected, but the server says {self}")
            if ended:
                raise machine.Failure(f"aloft watch ended before {what}: {self.file.read_text()[-500:]}")
            if time.monotonic() > deadline:
                raise machine.Failure(f"{what}: not within {timeout_s} s; the server says {self}; console:\n{self.scene.machine.text()[-2000:]}")
            if not self.scene.machine.running():
                raise machine.Failure(f"{what}: the machine ended; see {self.scene.folder / 'qemu.log'}")
            self.scene.machine.revive()
            time.sleep(0.2)

    def until_state(self, state):
        self.until(lambda watch: watch.state == state, state)
