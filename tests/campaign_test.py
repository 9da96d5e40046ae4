#!/usr/bin/python3
"""The parts of the power-cut campaigns that need no machine: what reads a disk after a cut, and what lists the states of a recording."""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock
import zlib

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
sys.path.insert(0, str(SOURCE / "lab"))

import blocklog  # noqa: E402
import bootstate  # noqa: E402
import cache  # noqa: E402
import campaign  # noqa: E402
import crash  # noqa: E402
import fat  # noqa: E402
import judge  # noqa: E402
import model as models  # noqa: E402
import narrator  # noqa: E402
import programs  # noqa: E402
import recorded  # noqa: E402


def log_file(entries, path):
    """entries: (sector, flags, data); as QEMU writes them."""
    with open(path, "wb") as out:
        out.write(struct.pack("<QQQI", blocklog.MAGIC, 1, 0, 512).ljust(512, b"\0"))
        for sector, flags, data in entries:
            out.write(struct.pack("<QQQQ", sector, len(data) // 512, flags, 0).ljust(512, b"\0") + data)


class Folder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)


class Log(Folder):
    def test_reads_writes_and_flushes_and_leaves_out_half_an_entry(self):
        path = self.folder / "log"
        log_file([(8, 0, b"a" * 1024), (0, blocklog.FLUSH, b""), (16, 0, b"b" * 512)], path)
        with open(path, "ab") as out:
            out.write(struct.pack("<QQQQ", 24, 1, 0, 0).ljust(512, b"\0") + b"half")
        log = blocklog.Log(path)
        self.addCleanup(log.close)
        self.assertEqual([(each.sector, each.sectors, each.flushes) for each in log.entries], [(8, 2, False), (0, 0, True), (16, 1, False)])
        self.assertEqual(log.data(log.entries[0], 1), b"a" * 512)
        self.assertEqual(log.until(log.ends[1]), 2)

    def test_the_kernels_own_log_has_marks_and_an_end(self):
        path = self.folder / "log"
        log_file([(8, 0, b"a" * 512)], path)
        with open(path, "ab") as out:
            for mark in (b"installing", blocklog.END.encode()):
                out.write((struct.pack("<QQQQ", 0, 0, blocklog.MARK, len(mark)) + mark).ljust(512, b"\0"))
            out.write(bytes(4096))  # of the file that was made for the log
        log = blocklog.Log(path)
        self.addCleanup(log.close)
        self.assertEqual(len(log.entries), 1)
        self.assertEqual(log.marks, [(1, "installing"), (1, blocklog.END)])

    def test_a_machine_killed_before_its_first_flush_leaves_no_superblock(self):
        path = self.folder / "log"
        log_file([(8, 0, b"a" * 512)], path)
        for head, entries in ((bytes(512), 1), (b"x" * 512, None)):
            with open(path, "r+b") as out:
                out.write(head)
            if entries is None:
                self.assertRaises(ValueError, blocklog.Log, path)
            else:
                log = blocklog.Log(path)
                self.addCleanup(log.close)
                self.assertEqual(len(log.entries), entries)

    def test_the_drive_is_put_behind_the_recorder(self):
        command = ["-drive", "if=none,id=disk,format=raw,cache=unsafe,file=/x/disk.img", "-device", "virtio-blk-pci,drive=disk"]
        words = blocklog.recorded(command, pathlib.Path("/x/disk.img"), pathlib.Path("/x/log"))
        self.assertNotIn("-drive", words)
        self.assertEqual(words[-2:], command[-2:])
        self.assertIn("driver=blklogwrites,node-name=disk,file.driver=raw,file.file=disk-file,log=disk-log,log-sector-size=512", words)


def write(number, sectors=1, flushes=False):
    return blocklog.Write(number, number * 100, sectors, flushes, 0)


class Crash(unittest.TestCase):
    def test_what_is_not_flushed_is_lost_in_every_way(self):
        entries = [write(0), write(1), write(2, 0, True), write(3)]
        states = {(state.stable, state.kept) for state in crash.states(entries, 1)}
        self.assertEqual(states, {(0, ()), (0, (0,)), (0, (1,)), (0, (0, 1)), (3, ()), (3, (3,))})

    def test_each_state_comes_once(self):
        entries = [write(number, 4) for number in range(12)] + [write(12, 0, True)]
        states = [(state.stable, state.kept, state.torn) for state in crash.states(entries, 1)]
        self.assertEqual(len(states), len(set(states)))

    def test_the_cut_comes_just_before_the_flush(self):
        entries = [write(0), write(1), write(2, 0, True), write(3)]
        self.assertEqual({(state.stable, state.moment) for state in crash.states(entries, 1)}, {(0, 2), (3, 4)})
        self.assertEqual({(state.stable, state.moment) for state in crash.states([write(0), write(1, 1, True)], 1)}, {(0, 1), (2, 2)})
        self.assertEqual([(state.stable, state.moment) for state in crash.states([write(0, 1, True)], 1, lambda _: True)], [(0, 1), (1, 1)])

    def test_a_write_is_torn_at_each_sector(self):
        torn = [state.torn for state in crash.states([write(0, 4)], 1) if state.torn]
        self.assertEqual(torn, [1, 2, 3])

    def test_many_pending_writes_are_drawn_by_the_seed(self):
        entries = [write(number) for number in range(40)]
        self.assertEqual(list(crash.states(entries, 7)), list(crash.states(entries, 7)))
        self.assertNotEqual(list(crash.states(entries, 7)), list(crash.states(entries, 8)))


class ShortCampaign(unittest.TestCase):
    def test_kills_from_the_begin_of_the_update_to_its_end(self):
        self.assertEqual(campaign.spread(list(range(40)), 20), list(range(0, 40, 2)))
        self.assertEqual(campaign.spread(list(range(5)), 20), list(range(5)))


class OneRecording(Folder):
    def played(self, story):
        one = campaign.Campaign.__new__(campaign.Campaign)
        one.options = types.SimpleNamespace(kind="recorded", story=story, seed=1)
        one.folder, one.build, one.judge, one.report, played = self.folder, "x", "y", {"recorded": {}}, []
        one.recorded, one.kills, one.finish = played.append, lambda more: None, lambda: 0
        one.run()
        return played, one.report["recorded"]

    def test_is_made_alone_and_what_was_judged_before_stays_in_the_report(self):
        self.assertEqual(self.played(None), (["good", "unhealthy", "panic"], {}))
        before = self.folder / "recording-unhealthy-x"
        before.mkdir()
        (before / "judged-y-1.json").write_text('{"booted": []}')
        self.assertEqual(self.played(["panic"]), (["panic"], {"unhealthy": {"booted": []}}))


class Flash(unittest.TestCase):
    """Writes to flash are there at once, in their order, and never lost."""

    def states(self, entries, *flash):
        return list(crash.states(entries, 1, lambda entry: entry.number in flash))

    def test_flash_alone_leaves_a_state_for_each_write(self):
        found = self.states([write(0), write(1), write(2)], 0, 1, 2)
        self.assertEqual([(state.stable, state.kept, state.moment) for state in found if state.how == "flash"], [(0, (), 1), (1, (), 2), (2, (), 3)])

    def test_a_disk_write_may_be_lost_behind_a_flash_write_but_not_the_other_way_round(self):
        found = {(state.kept, state.moment) for state in self.states([write(0), write(1), write(2)], 1, 2)}
        self.assertIn(((), 3), found)
        self.assertIn(((0,), 1), found)
        self.assertNotIn(((0,), 0), found)

    def test_a_flush_keeps_the_disk_write(self):
        found = self.states([write(0), write(1, 0, True), write(2)], 2)
        self.assertEqual([(state.stable, state.kept) for state in found if state.how == "flash"], [(2, ())])

    def test_the_flash_only_goes_on(self):
        places = [state.moment for state in self.states([write(0), write(1), write(2), write(3), write(4, 0, True), write(5)], 1, 3)]
        self.assertEqual(places, sorted(places))


class Fat(Folder):
    def volume(self, kib, *options):
        image = self.folder / f"fat-{kib}.img"
        subprocess.run(["mkfs.vfat", "-C", *options, image, str(kib)], check=True, capture_output=True)
        subprocess.run(["mmd", "-i", image, "::EFI", "::EFI/aloft"], check=True)
        (self.folder / "grubenv").write_bytes(bytes(range(256)) * 20)
        subprocess.run(["mcopy", "-i", image, self.folder / "grubenv", "::EFI/aloft/grubenv"], check=True)
        self.image = bytearray(image.read_bytes())
        return fat.Volume(lambda offset, size: bytes(self.image[offset:offset + size]))

    def test_reads_what_mtools_wrote(self):
        for kib, options in ((1440, ()), (32 * 1024, ()), (40 * 1024, ("-F", "32", "-s", "1"))):
            volume = self.volume(kib, *options)
            self.assertEqual(volume.file("EFI/aloft/grubenv"), bytes(range(256)) * 20, volume.bits)
            with self.assertRaises(fat.Bad):
                volume.file("EFI/aloft/other")

    def test_a_chain_that_breaks_off_is_bad(self):
        volume = self.volume(32 * 1024)
        self.image[volume.table + 8:volume.table + 256] = bytes(248)
        with self.assertRaises(fat.Bad):
            volume.file("EFI/aloft/grubenv")


def environment(serial, variables):
    data = b"".join(f"{name}={value}\0".encode() for name, value in variables.items()).ljust(bootstate.Uboot.COPY_BYTES - 5, b"\0")
    return struct.pack("<IB", zlib.crc32(data), serial) + data


class Uboot(unittest.TestCase):
    def slots(self, first, second):
        raw = first + second
        return [str(slot) for slot in bootstate.Uboot.slots(lambda _, offset, size: raw[offset:offset + size])]

    def test_the_newer_copy_counts_over_the_wrap_too(self):
        old, new = {"BOOT_ORDER": "A", "BOOT_A_LEFT": "3"}, {"BOOT_ORDER": "B A", "BOOT_B_LEFT": "3", "BOOT_A_LEFT": "3", "aloft_trial": "B"}
        self.assertEqual(self.slots(environment(1, old), environment(2, new)), ["B:3", "A:good"])
        self.assertEqual(self.slots(environment(0, new), environment(255, old)), ["B:3", "A:good"])

    def test_a_torn_copy_is_passed_over(self):
        good = environment(1, {"BOOT_ORDER": "A", "BOOT_A_LEFT": "3"})
        torn = environment(2, {"BOOT_ORDER": "B", "BOOT_B_LEFT": "3"})[:-512] + b"\xff" * 512
        self.assertEqual(self.slots(good, torn), ["A:good"])
        with self.assertRaises(bootstate.Lost):
            self.slots(torn, torn)


class JudgedDisk(Folder):
    """A disk of one slot class, GRUB's state, and a state partition."""

    def setUp(self):
        super().setUp()
        loader = types.SimpleNamespace(name="grub", flash=None)
        slots = (models.SlotClass("rootfs", 2, None),)
        parts = [models.Partition("ESP", 2), models.Partition("rootfs-a", 2), models.Partition("rootfs-b", 2), models.Partition("state", 8)]
        self.model = types.SimpleNamespace(loader=loader, groups="AB", slots=slots, tries=3, partitions=lambda: parts)
        self.contents = {version: os.urandom(judge.MIB + 5000) for version in ("1.0", "2.0")}
        self.releases = []
        for version, content in self.contents.items():
            (self.folder / version).write_bytes(content)
            self.releases.append(judge.Release(version, {"rootfs": self.folder / version}))
        disk = self.folder / "disk.img"
        with open(disk, "wb") as out:
            out.truncate(16 * judge.MIB)
        self.disk = judge.Disk(self.model, disk)
        self.addCleanup(self.disk.close)
        self.put("rootfs-a", self.contents["1.0"])
        self.put("rootfs-b", self.contents["2.0"])
        self.make_esp("B A", {"A": "good", "B": "3"})
        self.make_state("")
        self.judge = self.judge_of(self.disk, self.folder)

    def judge_of(self, image, work):
        return judge.Judge(self.model, image, judge.Slots(image, self.releases), judge.StatePartition(image, work))

    def put(self, partition, content, at=0):
        self.disk.put(self.disk.offsets[partition] + at, content)

    def make_esp(self, order, states):
        block = "# GRUB Environment Block\n" + f"ORDER={order}\n" + "".join(f"{name}_STATE={state}\n" for name, state in states.items())
        (self.folder / "grubenv").write_text(block.ljust(1024, "#"))
        image = self.folder / "esp.img"
        image.unlink(missing_ok=True)
        subprocess.run(["mkfs.vfat", "-C", image, "2048"], check=True, capture_output=True)
        subprocess.run(["mmd", "-i", image, "::EFI", "::EFI/aloft"], check=True)
        subprocess.run(["mcopy", "-i", image, self.folder / "grubenv", "::EFI/aloft/grubenv"], check=True)
        self.put("ESP", image.read_bytes())

    def make_state(self, journal):
        tree = self.folder / "tree"
        tree.mkdir(exist_ok=True)
        (tree / "journal").write_text(journal)
        image = self.folder / "ext4.img"
        image.unlink(missing_ok=True)
        subprocess.run(["mkfs.ext4", "-q", "-d", tree, image, "8M"], check=True, capture_output=True)
        self.put("state", image.read_bytes())

    def recording(self, entries, told=()):
        """Of the disk as it is and of what is written to it then: entries as of log_file(); told as of Recording.told_by()."""
        folder = self.folder / "recording"
        folder.mkdir(exist_ok=True)
        self.disk.bytes.flush()
        judge.copy(self.folder / "disk.img", folder / "base.img")
        log_file(entries, folder / "writes.log")
        return types.SimpleNamespace(folder=folder, model=self.model, story="good", exists=lambda: True, told_by=lambda _: told, judge_of=self.judge_of)


class Judge(JudgedDisk):
    """Each fault must be seen."""

    def problems(self, *phases, committed="1.0", good=True):
        return "; ".join(self.judge.judge(judge.Known(phases, committed, good)).problems)

    def journal(self, *phases):
        bodies = [json.dumps({"phase": phase}).encode() for phase in phases]
        self.make_state("".join(f"{hashlib.sha256(body).hexdigest()[:16]} {body.decode()}\n" for body in bodies))
        self.judge.state.may_write(self.disk.offsets["state"], 8 << 20)

    def test_a_trial_of_a_complete_release_is_fine(self):
        self.assertEqual(self.problems(), "")
        self.assertEqual(self.judge.judge(judge.Known()).boots, "B 2.0 on trial")

    def test_a_byte_that_differs_is_seen_and_forgotten_again(self):
        place = self.disk.offsets["rootfs-b"] + judge.MIB + 10
        before = self.disk.put(place, bytes([self.disk.bytes[place] ^ 1]))
        self.judge.slots.touched(place, 1)
        self.assertIn("B may be booted, but holds no complete release", self.problems())
        self.disk.put(place, before)
        self.judge.slots.touched(place, 1)
        self.assertEqual(self.problems(), "")

    def test_a_lost_boot_state_is_seen(self):
        self.put("ESP", bytes(512))
        self.assertIn("the boot state is lost", self.problems())

    def test_no_slot_left_is_seen(self):
        self.make_esp("B A", {"A": "0", "B": "0"})
        self.assertIn("no slot may be booted", self.problems())

    def test_a_new_version_that_is_committed_without_a_trial_is_seen(self):
        self.make_esp("B A", {"A": "good", "B": "good"})
        self.journal("accepted", "installing", "verified", "armed")
        self.assertIn("B is committed with 2.0, which was not on trial", self.problems("armed"))
        self.journal("accepted", "installing", "verified", "armed", "rebooting", "on_trial")
        self.assertEqual(self.problems("armed"), "")
        self.assertEqual(self.problems("on-trial"), "")

    def test_a_bad_version_that_is_committed_is_seen(self):
        self.make_esp("A B", {"A": "good", "B": "good"})
        self.journal("armed", "on_trial")
        self.assertIn("B is committed with 2.0, which is not healthy", self.problems("armed", good=False))
        self.make_esp("B A", {"A": "good", "B": "2"})
        self.assertEqual(self.problems("armed", good=False), "")

    def test_more_boots_of_a_trial_than_are_allowed_are_seen(self):
        self.make_esp("B A", {"A": "good", "B": "9"})
        self.assertIn("9 boots of B are left, but a trial has 3", self.problems())

    def test_a_trial_with_nothing_behind_it_is_seen(self):
        self.make_esp("B A", {"A": "0", "B": "3"})
        self.assertIn("B is on trial, and no other is committed", self.problems())

    def test_a_report_that_is_not_true_is_seen(self):
        self.assertIn("2.0 was reported as committed", self.problems("committed", committed="2.0"))
        self.assertIn("rolled back was reported", self.problems("rolled-back"))

    def test_a_report_must_be_in_the_journal(self):
        self.assertIn("reported, but not in the journal: installing", self.problems("installing"))

    def test_a_state_partition_beyond_mending_is_seen(self):
        self.put("state", os.urandom(4 << 20))
        self.judge.state.may_write(self.disk.offsets["state"], 8 << 20)
        self.assertIn("e2fsck ends with", self.problems())


class Told(JudgedDisk):
    def test_what_is_told_before_its_flush_is_a_lie_where_the_cache_is_lost(self):
        self.make_state("")
        self.make_esp("B A", {"A": "good", "B": "good"})
        place = self.disk.bytes.find(b"# GRUB Environment Block")
        committed = self.disk.read("ESP", place - self.disk.offsets["ESP"], 1024)
        self.disk.put(place, committed.replace(b"B_STATE=good", b"B_STATE=3\n##"))
        for told, lies in ((1, 1), (2, 0)):
            recording = self.recording([(place // 512, 0, committed), (0, blocklog.FLUSH, b"")], [(told, "committed")])
            replay, found = recorded.Replay(recording, self.folder / "recording", 1), []
            for state in replay.states():
                undo = replay.apply(state)
                found += [problem for problem in replay.verdict(state).problems if "2.0 was reported as committed" in problem]
                replay.take_back(undo)
            replay.close()
            self.assertEqual(found, lies * ["2.0 was reported as committed, but B 2.0 on trial would be booted"])


class Again(JudgedDisk):
    """A campaign that goes on where one has ended."""

    def campaign(self):
        with unittest.mock.patch.object(campaign.Campaign, "prepare", lambda *_: "x"):
            return campaign.Campaign("made", types.SimpleNamespace(kind="recorded", story=["good"], seed=1, boots=0), self.folder)

    def played(self):
        """The status of the real campaign of a recording in which the boot state is lost, and what it says."""
        one, said = self.campaign(), io.StringIO()
        recording = self.recording([(self.disk.offsets["ESP"] // 512, 0, bytes(512)), (0, blocklog.FLUSH, b"")])
        one.voice, one.recording_folder, one.recording = narrator.Narrator(said), lambda story: recording.folder / story, lambda _: recording
        one.judged("good").parent.mkdir(exist_ok=True)
        with contextlib.redirect_stdout(said), unittest.mock.patch.object(campaign, "BLIND_STATES", 3):
            return one.run(), said.getvalue()

    def changed(self, name):
        """From now on the lab's source has a word more."""
        sources = self.folder / "lab"
        shutil.copytree(SOURCE / "lab", sources, dirs_exist_ok=True)
        (sources / name).write_text((sources / name).read_text() + "# mended\n")
        patch = unittest.mock.patch.object(cache, "HERE", sources)
        patch.start()
        self.addCleanup(patch.stop)

    def test_takes_over_what_this_judge_has_found_and_nothing_of_another(self):
        with unittest.mock.patch.object(bootstate.Grub, "slots", lambda _: [bootstate.Slot("A", True, 0)]):  # which sees nothing
            self.assertIn("3 crash states judged", self.played()[1])
        _, said = self.played()
        self.assertIn("3 are done", said)
        self.assertIn("3 crash states judged", said)
        self.assertIn("\n0 bad", said)
        self.changed("bootstate.py")
        status, said = self.played()
        self.assertEqual(status, 1)
        self.assertIn("\n2 bad", said)

    def test_kills_are_those_of_this_judge(self):
        before = self.campaign().kills_file()
        self.changed("kills.py")
        self.assertNotEqual(self.campaign().kills_file(), before)

    def test_what_is_tried_is_all_that_is_on_the_disk_or_beside_it_the_server_and_the_tool(self):
        told = {name: self.folder / name for name in ("image", "boot state", "firmware", "aloft-server", "aloft")}
        names, paths = set(), dict(told)
        loader = types.SimpleNamespace(contents=lambda *_: {"ESP": paths["boot state"]}, prepare=lambda _, folder: shutil.copy(told["firmware"], folder))
        model = types.SimpleNamespace(loader=loader, images=lambda _: {"rootfs": paths["image"]})
        for path in told.values():
            path.write_text("one")
        with unittest.mock.patch.object(programs, "program", told.get):
            names.add(campaign.build_of(model))
            self.assertEqual({campaign.build_of(model)}, names)
            for name in ("image", "boot state"):  # in the cache, another one has another name
                paths[name] = self.folder / "another"
                names.add(campaign.build_of(model))
            for name in ("firmware", "aloft-server", "aloft"):
                told[name].write_text("another")
                names.add(campaign.build_of(model))
        self.assertEqual(len(names), 6)


if __name__ == "__main__":
    unittest.main()
