"""Kills: a real device is killed at moments drawn by a seed, all through an update and again while it recovers. It is begun each time from a
frozen moment of the update, so that a kill costs no boot."""
import contextlib
import dataclasses
import pathlib
import random
import shutil
import time

import blocklog
import frozen
import judge
import machine
import rootfs
import scene

BUSY_EVERY_S = 2        # of the device's running time: a moment is kept where the disk was written since the last,
QUIET_EVERY_S = 12      # and in any case
MOST_MOMENTS = 40
AFTER_END_S = 3
AGAIN_S = 25            # so long a recovering device is left alone at most before it is killed again
RECOVERY_S = 300
FINAL = ("committed", "rolled-back")


@dataclasses.dataclass
class Moment:
    """An update in the middle, frozen: memory, disk, firmware's variables, server; and for how long it ran on to the next moment."""
    folder: pathlib.Path
    server: frozen.FrozenServer
    state: str
    gap_s: float = BUSY_EVERY_S


class Update:
    """An update from version 1.0 to 2.0, frozen every few seconds from the deployment to the end."""

    def __init__(self, model, work, narrator, fault=""):
        self.model, self.work, self.narrator = model, pathlib.Path(work), narrator
        self.versions = {"1.0": rootfs.Version("1.0"), "2.0": rootfs.Version("2.0", fault)}
        self.moments = []
        with scene.Scene(model, self.work / "scene", narrator) as played:
            played.start_server()
            played.first_boot()
            played.machine.remove()
            played.machine = frozen.FreezableMachine(model, played.folder)
            played.machine.start()
            played.await_boot("A", "1.0")
            played.await_device(lambda device: device["status"] == "accepted")
            watch = played.deploy("2.0", fault)
            self.number, self.port = watch.number, played.server.port
            self.freeze_all(played, watch)
            shutil.copytree(played.folder / "operator", self.work / "operator")
        self.operator = {"XDG_CONFIG_HOME": str(self.work / "operator")}

    def freeze_all(self, played, watch):
        ended_at = None
        while len(self.moments) < MOST_MOMENTS and (ended_at is None or time.monotonic() < ended_at + AFTER_END_S):
            self.moments.append(self.freeze(played, watch))
            self.moments[-1].gap_s = self.pass_time(played, watch)
            if watch.state in FINAL and ended_at is None:
                ended_at = time.monotonic()
        if watch.state not in FINAL:
            raise machine.Failure(f"the update to be frozen did not end but is {watch}")
        self.narrator.say(f"{len(self.moments)} moments of the update are kept")

    @staticmethod
    def pass_time(played, watch):
        """Until the next moment; returns for how long."""
        began, written = time.monotonic(), (played.folder / "disk.img").stat().st_mtime_ns
        while True:
            watch.look()
            time.sleep(0.1)
            passed = time.monotonic() - began
            busy = (played.folder / "disk.img").stat().st_mtime_ns != written
            if passed >= (BUSY_EVERY_S if busy else QUIET_EVERY_S):
                return passed

    def freeze(self, played, watch):
        folder = self.work / f"moment-{len(self.moments)}"
        folder.mkdir()
        played.machine.freeze(folder / "memory")
        watch.look()
        for file in played.folder.iterdir():
            if file.suffix in (".img", ".fd"):
                judge.copy(file, folder / file.name)
        moment = Moment(folder, frozen.FrozenServer(played.folder / "server", folder / "server-then"), watch.state)
        played.machine.thaw()
        return moment


class Bench:
    """A moment laid out to be killed: its disk as a file that the machine runs on, judged by what it writes, and made as before after each run."""

    def __init__(self, update, moment, work):
        self.update, self.moment, self.folder = update, moment, pathlib.Path(work) / "bench"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for file in self.files():
            judge.copy(file, self.folder / file.name)
        self.before = judge.Disk(update.model, moment.folder / "disk.img")
        self.disk = judge.Disk(update.model, self.folder / "disk.img")
        releases = [judge.Release(name, update.model.images(version)) for name, version in update.versions.items()]
        self.judge = judge.Judge(update.model, self.disk, judge.Slots(self.disk, releases), judge.StatePartition(self.disk, self.folder, update.model.state_folder))
        self.logs = []

    def files(self):
        return [file for file in self.moment.folder.iterdir() if file.suffix in (".img", ".fd")]

    def device(self, frozen_state=None):
        self.logs.append(self.folder / f"writes-{len(self.logs)}.blocklog")
        return frozen.FreezableMachine(self.update.model, self.folder, log=self.logs[-1], state=frozen_state)

    def written(self, log):
        """(offset, size) of what a run wrote."""
        if not log.stat().st_size:
            return []
        with contextlib.closing(blocklog.Log(log)) as found:
            entries = found.entries
        return [(entry.sector * blocklog.SECTOR, entry.sectors * blocklog.SECTOR) for entry in entries if entry.sectors]

    def take_in(self):
        """Tells the judge what the last run wrote."""
        for offset, size in self.written(self.logs[-1]):
            self.judge.state.may_write(offset, size)
            self.judge.slots.touched(offset, size)

    def restore(self):
        for log in self.logs:
            for offset, size in self.written(log):
                self.disk.put(offset, self.before.bytes[offset:offset + size])
                self.judge.slots.touched(offset, size)
            log.unlink()
        self.logs = []
        for file in self.files():
            if file.name != "disk.img":
                judge.copy(file, self.folder / file.name)

    def close(self):
        self.before.close()
        self.disk.close()


class Cycle:
    """One kill: from a moment, for a while, then off; the disk judged, and now and then the device brought up again."""

    def __init__(self, bench, seed, number):
        self.bench, self.update, self.number = bench, bench.update, number
        self.draw = random.Random(f"{seed} kill {number}")
        self.after_s = self.draw.uniform(0, bench.moment.gap_s)
        self.problems, self.killed, self.verdict, self.end = [], [], None, ""

    def run(self, recover):
        """Leaves nothing running. `recover`: also boots it to the end, killing it up to twice more on the way."""
        self.server = frozen.ThawedServer(self.bench.moment.server, self.bench.folder / "again", self.update.port, self.update.operator)
        try:
            self.kill(self.bench.device(self.bench.moment.folder / "memory"), self.after_s)
            if recover:
                for _ in range(self.draw.choice((0, 1, 2))):
                    self.kill(self.bench.device(), self.draw.uniform(1, AGAIN_S))
                self.recover()
        except machine.Failure as failure:
            self.problems.append(str(failure)[-600:])
        finally:
            self.server.stop()
            self.bench.restore()

    def kill(self, device, after_s):
        try:
            device.start()
            if device.state:
                device.arrive()
            time.sleep(after_s)
        finally:
            device.remove()
        phases = self.phases()
        self.look(phases)
        self.killed.append(f"{phases[-1]}, {after_s:.2f} s on")

    def phases(self):
        """What the server was told of the update, in order."""
        shown = self.server.look("deployment", "show", str(self.update.number))
        return tuple(transition["state"] for transition in shown["transitions"]) or ("offered",)

    def look(self, phases):
        self.bench.take_in()
        self.verdict = self.bench.judge.judge(judge.Known(phases, "2.0" if "committed" in phases else "1.0"))
        self.problems += self.verdict.problems

    def recover(self):
        """Power stays on: the device must end the update by itself, and the server must know how."""
        device = self.bench.device()
        device.start()
        try:
            deadline = time.monotonic() + RECOVERY_S
            while (phases := self.phases())[-1] not in FINAL and time.monotonic() < deadline and device.running():
                time.sleep(0.5)
            time.sleep(1)
            console = device.text()[-800:]
        finally:
            device.remove()
        self.end = phases[-1]
        self.look(phases)
        if self.end not in FINAL:
            self.problems.append(f"the device did not come to an end but is {self.end}; console: {console}")
        elif (self.verdict.version == "2.0") != (self.end == "committed"):
            self.problems.append(f"{self.end} was reported, but {self.verdict.boots} would be booted")

    def record(self):
        return {"cycle": self.number, "moment": self.bench.moment.folder.name, "killed": self.killed,
                "boots": self.verdict.boots if self.verdict else "", "end": self.end, "problems": self.problems}
