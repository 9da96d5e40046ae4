"""Judges what a power cut left on a device's disk: would it boot, what, and does its state partition still tell the truth?"""
import dataclasses
import hashlib
import json
import mmap
import pathlib
import subprocess
import tempfile

import bootstate
import disk
import fat

MIB = 1 << 20
FRAME = MIB


class Release:
    """A signed release: the bytes of each of its slots, and what is compared of them."""

    def __init__(self, version, images):
        self.version = version
        self.images, self.digests = {}, {}
        for name, path in images.items():
            with open(path, "rb") as file:
                self.images[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self.digests[name] = hashlib.sha256(self.images[name]).digest()


class Disk:
    """A disk image that is changed in place, write by write, and back again."""

    def __init__(self, model, path):
        self.model = model
        with open(path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)
        self.offsets = {each.name: disk.partition_offset(model.partitions(), each.name) for each in model.partitions()}
        self.sizes = {each.name: each.mib * MIB for each in model.partitions()}
        if flash := model.loader.flash:
            self.offsets[flash.name], self.sizes[flash.name] = disk.disk_bytes(model.partitions()), flash.mib * MIB

    def read(self, partition, offset, size):
        start = self.offsets[partition] + offset
        return self.bytes[start:start + size]

    def put(self, offset, data):
        """Returns what stood there."""
        before = self.bytes[offset:offset + len(data)]
        self.bytes[offset:offset + len(data)] = data
        return before

    def partition_at(self, offset):
        return next((name for name, start in self.offsets.items() if start <= offset < start + self.sizes[name]), "")

    def is_flash(self, offset):
        return self.model.loader.flash is not None and offset >= self.offsets[self.model.loader.flash.name]

    def close(self):
        self.bytes.close()


class Slots:
    """Which release each group holds, kept up to date by the frames that are touched instead of read anew."""

    def __init__(self, image, releases):
        self.disk, self.releases = image, releases
        self.wrong = {}  # (partition, version): frames that differ
        self.file_partitions = {image.model.file_place(each, group)[0] for each in image.model.slots if not each.mib for group in image.model.groups}
        self.files = {}  # (slot class, group): content of a slot that is a file, until its partition is touched
        for partition in self.partitions():
            self.refresh(partition, range(self.frames(partition)))

    def partitions(self):
        return [each.partition(group) for each in self.disk.model.slots if each.mib for group in self.disk.model.groups]

    def frames(self, partition):
        return max(-(-len(release.images[self.slot_class(partition)]) // FRAME) for release in self.releases)

    @staticmethod
    def slot_class(partition):
        return partition.rsplit("-", 1)[0]

    def refresh(self, partition, frames):
        for release in self.releases:
            image = release.images[self.slot_class(partition)]
            wrong = self.wrong.setdefault((partition, release.version), set())
            for frame in frames:
                want = image[frame * FRAME:(frame + 1) * FRAME]
                if self.disk.read(partition, frame * FRAME, len(want)) == want:
                    wrong.discard(frame)
                else:
                    wrong.add(frame)

    def touched(self, offset, size):
        """Bytes of the disk have changed."""
        partition = self.disk.partition_at(offset)
        if partition in self.partitions():
            start = offset - self.disk.offsets[partition]
            self.refresh(partition, range(start // FRAME, -(-(start + size) // FRAME)))
        elif partition in self.file_partitions:
            self.files.clear()

    def held(self, group):
        """The version of which every slot of the group is, to the byte; or None."""
        for release in self.releases:
            if all(self.holds(each, group, release) for each in self.disk.model.slots):
                return release.version
        return None

    def holds(self, slot_class, group, release):
        if slot_class.mib:
            return not self.wrong[slot_class.partition(group), release.version]
        return self.file(slot_class, group) == release.digests[slot_class.name]

    def file(self, slot_class, group):
        """The digest of what the boot loader would load, or nothing."""
        key = slot_class.name, group
        if key not in self.files:
            partition, path = self.disk.model.file_place(slot_class, group)
            try:
                content = fat.Volume(lambda offset, size: self.disk.read(partition, offset, size)).file(path)
                self.files[key] = hashlib.sha256(content).digest()
            except fat.Bad:
                self.files[key] = None
        return self.files[key]


class StatePartition:
    """The state partition as the next start finds it: checked and mended like at boot, then its journal read."""

    def __init__(self, image, work, folder=""):
        """folder: where on it the agent's state_dir is."""
        self.folder = folder
        self.disk, self.file = image, pathlib.Path(work) / "state.img"
        self.blocks = {number for number in range(image.sizes["state"] // 4096) if any(image.read("state", number * 4096, 4096))}
        self.known = {}  # what the partition holds: what was found

    def may_write(self, offset, size):
        """A write to be expected on the disk; so that only blocks in use are copied."""
        start = offset - self.disk.offsets["state"]
        if 0 <= start < self.disk.sizes["state"]:
            self.blocks.update(range(start // 4096, -(-(start + size) // 4096)))

    def look(self, key=None):
        """(problems, journal's records), by a key that names the content where it was looked at before."""
        if key is None or key not in self.known:
            found = self.examine()
            if key is None:
                return found
            self.known[key] = found
        return self.known[key]

    def examine(self):
        self.file.unlink(missing_ok=True)
        with open(self.file, "wb") as out:
            out.truncate(self.disk.sizes["state"])
            for block in sorted(self.blocks):
                out.seek(block * 4096)
                out.write(self.disk.read("state", block * 4096, 4096))
        checked = subprocess.run(["e2fsck", "-fy", str(self.file)], capture_output=True, text=True)
        problems = [] if checked.returncode in (0, 1) else [f"e2fsck ends with {checked.returncode}: {checked.stdout[-300:]}"]
        journal = subprocess.run(["debugfs", "-R", f"cat {self.folder}/journal", str(self.file)], capture_output=True)
        return problems, parse_journal(journal.stdout)


def parse_journal(text):
    """Its good records, up to the first that does not check (docs/update-states.md). What must be there is known by what was reported."""
    records = []
    for line in filter(None, text.split(b"\n")):
        check, _, body = line.partition(b" ")
        if check != hashlib.sha256(body).hexdigest()[:16].encode():
            break
        records.append(json.loads(body))
    return records


@dataclasses.dataclass(frozen=True)
class Verdict:
    problems: tuple   # each would be a brick or a lie; none: the device lives
    boots: str        # "B 2.0 trial"
    order: str        # "B:3 A:good"
    journal: str      # the last phase in it
    version: str      # what boots

    def text(self):
        return "; ".join(self.problems) or f"boots {self.boots}; {self.order}; journal {self.journal}"


@dataclasses.dataclass(frozen=True)
class Known:
    """What the world outside had been told before the power cut."""
    phases: tuple = ()        # of the update, in order
    committed: str = "1.0"    # the version that runs for good
    good: bool = True         # the new version is healthy


class Judge:
    """slots: Slots, or what can say likewise what a group holds."""

    def __init__(self, model, image, slots, state):
        self.disk, self.slots, self.state = image, slots, state
        self.reader, self.tries = bootstate.READERS[model.loader.name], model.tries

    def judge(self, known, state_key=None):
        problems, boots, order, version = [], "nothing", "lost", ""
        wrong, records = self.state.look(state_key)
        have = {record["phase"].replace("_", "-") for record in records}
        try:
            slots = self.reader.slots(self.disk.read)
            order = " ".join(map(str, slots))
            for slot in slots:
                problems += self.of_slot(slot, known, have)
            first = bootstate.chosen(slots)
            if first is None:
                problems.append("no slot may be booted")
            else:
                version = self.slots.held(first.name) or "?"
                boots = f"{first.name} {version}{'' if first.committed else ' on trial'}"
                if not any(slot.committed for slot in slots):
                    problems.append(f"{first.name} is on trial, and no other is committed")
                if "committed" in known.phases and (version != known.committed or not first.committed):
                    problems.append(f"{known.committed} was reported as committed, but {boots} would be booted")
                if "rolled-back" in known.phases and version != known.committed:
                    problems.append(f"rolled back was reported, but {boots} would be booted")
        except bootstate.Lost as lost:
            problems.append(f"the boot state is lost: {lost}")
        problems += wrong
        missing = [phase for phase in known.phases if phase not in have and phase in RECORDED]
        if missing:
            problems.append(f"reported, but not in the journal: {', '.join(missing)}")
        return Verdict(tuple(problems), boots, order, records[-1]["phase"] if records else "none", version)

    def of_slot(self, slot, known, have):
        """What is wrong with what the boot loader has of it; have: the phases in the journal."""
        if not slot.may_boot():
            return
        held = self.slots.held(slot.name)
        if not held:
            yield f"{slot.name} may be booted, but holds no complete release"
        if slot.tries > self.tries:
            yield f"{slot.tries} boots of {slot.name} are left, but a trial has {self.tries}"
        if slot.committed and held and held != known.committed:
            if not known.good:
                yield f"{slot.name} is committed with {held}, which is not healthy"
            elif "on-trial" not in have:
                yield f"{slot.name} is committed with {held}, which was not on trial"


# Phases that the journal and the server call by the same word. A deployment is offered at the server before the device knows of it.
RECORDED = ("accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial", "committed", "rolled-back")


def copy(source, target):
    """Only what is not zeros."""
    subprocess.run(["cp", "--sparse=always", str(source), str(target)], check=True)


def work_folder():
    """In memory, if there is such a place."""
    shared = pathlib.Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="aloft-campaign-", dir=shared if shared.is_dir() else None)
