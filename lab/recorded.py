"""Recorded power cuts: every write and flush of a real update, and then every state that a cut could have left, judged by reading it back."""
import dataclasses
import json
import pathlib
import random
import shutil
import time

import blocklog
import crash
import frozen
import judge
import machine
import rootfs
import scene

SETTLE_S = 3
BOOT_S, REST_S = 180, 300
STORIES = {"good": "", "unhealthy": "unhealthy", "panic": "panic"}


class Recording:
    """A folder with the disk before (base.img), the log of its writes (writes.log) and when the server was told what (told.json)."""

    def __init__(self, model, folder, story):
        self.model, self.folder, self.story = model, pathlib.Path(folder), story
        self.versions = {"1.0": rootfs.Version("1.0"), "2.0": rootfs.Version("2.0", STORIES[story])}

    def exists(self):
        return (self.folder / "told.json").exists()

    def make(self, narrator):
        """Plays the update on a machine of the lab."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with judge.work_folder() as work, scene.Scene(self.model, pathlib.Path(work) / "scene", narrator) as played:
            played.start_server()
            played.first_boot()
            played.machine.remove()
            judge.copy(played.folder / "disk.img", self.folder / "base.img")
            log = played.folder / "writes.blocklog"
            played.machine = frozen.FreezableMachine(self.model, played.folder, log=log)
            played.machine.start()
            played.await_boot("A", "1.0")
            played.await_device(lambda device: device["status"] == "accepted")
            told = self.watch(played, log)
            time.sleep(SETTLE_S)
            played.machine.power_cut()
            shutil.copy(log, self.folder / "writes.log")
            port = played.server.port
            shutil.rmtree(self.folder / "server", ignore_errors=True)
            frozen.FrozenServer(played.folder / "server", self.folder / "server")
            shutil.copytree(played.folder / "operator", self.folder / "operator", dirs_exist_ok=True)
        (self.folder / "told.json").write_text(json.dumps({"versions": {name: dataclasses.asdict(version) for name, version in self.versions.items()},
                                                           "told": told, "port": port}, indent=1))

    def server(self, folder):
        """The server as it was at the end, on the same port."""
        port = json.loads((self.folder / "told.json").read_text())["port"]
        return frozen.ThawedServer(frozen.FrozenServer.kept_in(self.folder / "server"), folder, port, {"XDG_CONFIG_HOME": str(self.folder / "operator")})

    def watch(self, played, log):
        """[size of the log, state]: by then the server had been told."""
        watch, told = played.deploy("2.0", STORIES[self.story]), []

        def look():
            before = watch.state
            watch.look()
            if watch.state != before or not told:
                told.append([log.stat().st_size, watch.state])

        def ended(_):
            if not told or told[-1][1] != watch.state:
                told.append([log.stat().st_size, watch.state])
            return watch.state in ("committed", "rolled-back")

        watch.until(ended, "the end of the update")
        look()
        return told

    def judge_of(self, image, work):
        """A judge of the disk image that its states are made on."""
        releases = [judge.Release(name, self.model.images(version)) for name, version in self.versions.items()]
        return judge.Judge(self.model, image, judge.Slots(image, releases), judge.StatePartition(image, work, self.model.state_folder))

    def told_by(self, log):
        """[(entries, state)]"""
        return [(log.until(size), state) for size, state in json.loads((self.folder / "told.json").read_text())["told"]]


class Replay:
    """Goes through the states of a recording on one disk image, on which the writes are put and taken back."""

    def __init__(self, recording, work, seed):
        self.recording, self.seed = recording, seed
        self.log = blocklog.Log(recording.folder / "writes.log")
        self.told = recording.told_by(self.log)
        self.image = pathlib.Path(work) / "disk.img"
        judge.copy(recording.folder / "base.img", self.image)
        self.disk = judge.Disk(recording.model, self.image)
        self.judge = recording.judge_of(self.disk, work)
        for entry in self.log.entries:
            if entry.sectors:
                self.judge.state.may_write(entry.sector * blocklog.SECTOR, entry.sectors * blocklog.SECTOR)
        self.stable, self.stable_in_state, self.flash = 0, 0, 0

    def close(self):
        self.log.close()
        self.disk.close()

    def states(self):
        return crash.states(self.log.entries, self.seed, self.in_flash)

    def in_flash(self, entry):
        return self.disk.is_flash(entry.sector * blocklog.SECTOR)

    def put(self, entry, sectors=None):
        data, offset = self.log.data(entry, sectors), entry.sector * blocklog.SECTOR
        before = self.disk.put(offset, data)
        self.judge.slots.touched(offset, len(data))
        return offset, before

    def in_state_partition(self, number):
        return self.disk.partition_at(self.log.entries[number].sector * blocklog.SECTOR) == "state"

    def advance(self, stable, flash):
        while self.stable < stable:
            entry = self.log.entries[self.stable]
            if entry.sectors and not self.in_flash(entry):
                self.put(entry)
                self.stable_in_state += self.in_state_partition(self.stable)
            self.stable += 1
        while self.flash < flash:
            entry = self.log.entries[self.flash]
            if entry.sectors and self.in_flash(entry):
                self.put(entry)
            self.flash += 1

    def apply(self, state):
        """Makes the disk what the cut left; returns what takes it back."""
        self.advance(state.stable, state.moment)
        undo = []
        for number in state.kept:
            torn = state.torn if state.torn and number == state.kept[-1] else None
            undo.append(self.put(self.log.entries[number], torn))
        return undo

    def take_back(self, undo):
        for offset, before in reversed(undo):
            self.disk.put(offset, before)
            self.judge.slots.touched(offset, len(before))

    def known(self, state):
        """What the server had been told by the last moment at which this may have been on the disk."""
        phases = tuple(phase for entries, phase in self.told if entries <= state.moment)
        return judge.Known(phases, "2.0" if "committed" in phases else "1.0", self.recording.story == "good")

    def verdict(self, state):
        key = (self.stable_in_state, tuple(number for number in state.kept if self.in_state_partition(number)),
               state.torn if state.kept and self.in_state_partition(state.kept[-1]) else 0)
        return self.judge.judge(self.known(state), key)


@dataclasses.dataclass
class Tally:
    judged: int = 0
    by_how: dict = dataclasses.field(default_factory=dict)
    by_verdict: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)

    def add(self, state, verdict):
        self.judged += 1
        self.by_how[state.how] = self.by_how.get(state.how, 0) + 1
        if verdict.problems:
            self.problems.append({"stable": state.stable, "kept": list(state.kept), "torn": state.torn, "found": list(verdict.problems)})
        else:
            seen = f"boots {verdict.boots}; {verdict.order}"
            self.by_verdict[seen] = self.by_verdict.get(seen, 0) + 1


def judge_all(recording, work, seed, tally, progress):
    """Judges every state that the tally has not yet; progress(tally) after each."""
    replay = Replay(recording, work, seed)
    for number, state in enumerate(replay.states()):
        if number >= tally.judged:
            undo = replay.apply(state)
            tally.add(state, replay.verdict(state))
            replay.take_back(undo)
            progress(tally)
    replay.close()


def without_flushes(recording, work, seed, most):
    """(bad, judged) of states drawn as if the device had never flushed: the judge must find some bad, or it is blind."""
    replay, draw = Replay(recording, work, f"{seed} without flushes"), random.Random(f"{seed} without flushes")
    writes = [entry.number for entry in replay.log.entries if entry.sectors and not replay.in_flash(entry)]
    bad = 0
    for end in sorted(draw.randrange(1, len(writes) + 1) for _ in range(most)):  # rising, as the flash is only ever gone on with
        lost = set(draw.sample(range(end), min(end, draw.choice((1, 2, 4, 16)))))
        kept = tuple(writes[number] for number in range(end) if number not in lost)
        state = crash.State(0, kept, how="no flush", moment=writes[end] if end < len(writes) else len(replay.log.entries))
        undo = replay.apply(state)
        bad += bool(replay.judge.judge(replay.known(state)).problems)
        replay.take_back(undo)
    replay.close()
    return bad, most


def boot_samples(recording, work, seed, count):
    """Boots as many states, drawn by the seed: the boot loader must choose what the judge says, and the device come to rest by itself, good.
    Yields what was seen of each."""
    replay = Replay(recording, work, seed)
    total = sum(1 for _ in replay.states())
    drawn = set(random.Random(f"{seed} sample").sample(range(total), min(count, total)))
    for number, state in enumerate(replay.states()):
        if number not in drawn:
            continue
        undo = replay.apply(state)
        verdict = replay.verdict(state)
        folder = pathlib.Path(work) / "boot"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        replay.disk.bytes.flush()
        judge.copy(replay.image, folder / "disk.img")
        replay.take_back(undo)
        recording.model.loader.prepare(recording.model, folder)
        yield {"state": number, "judged": verdict.boots, **boot(recording, folder, verdict)}
    replay.close()


def boot(recording, folder, verdict):
    server = recording.server(folder / "server-again")
    device = machine.Machine(recording.model, folder)
    found = {"booted": "", "problems": []}
    try:
        device.start()
        match = device.wait_for(r"lab: slot (\w), version (\S+), ", BOOT_S)
        found["booted"] = f"{match[1]} {match[2]}"
        if not verdict.boots.startswith(found["booted"]):
            found["problems"].append(f"the judge said {verdict.boots}, but the machine booted {found['booted']}")
        deadline = time.monotonic() + REST_S
        while (status := rest(device)) is None:
            if time.monotonic() > deadline:
                raise machine.Failure(f"the agent is still busy after {REST_S} s")
            time.sleep(1)
        first = status["boot"][0]
        found["end"] = f"{status['group']} {status['version']}"
        if first["group"] != status["group"] or first["health"] != "committed":
            found["problems"].append(f"at rest on {status['group']}, but the boot state is {status['boot']}")
    except machine.Failure as failure:
        found["problems"].append(str(failure)[-600:])
    finally:
        device.remove()
        server.stop()
    return found


def rest(device):
    """The agent's status once it has nothing more to do, else None."""
    try:
        status, text = device.shell("aloftd status --json", 10)
    except (machine.Failure, OSError):
        return None
    said = json.loads(text) if status == 0 else {"busy": True}
    return None if said["busy"] else said
