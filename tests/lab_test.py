#!/usr/bin/python3
"""The lab's own parts that need no machine."""
import contextlib
import io
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import tomllib
import types
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
sys.path.insert(0, str(SOURCE / "lab"))

import cache  # noqa: E402
import disk  # noqa: E402
import flash  # noqa: E402
import efi  # noqa: E402
import kernel  # noqa: E402
import lab  # noqa: E402
import machines  # noqa: E402
import machine  # noqa: E402
import narrator  # noqa: E402
import nvram  # noqa: E402
import programs  # noqa: E402
import results  # noqa: E402
import scene  # noqa: E402
import sitedata  # noqa: E402
import stories  # noqa: E402
import traffic  # noqa: E402
from model import Partition  # noqa: E402


def frame(to, payload, flags_bytes=20):
    """An Ethernet frame with `payload` bytes in a TCP segment."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + flags_bytes + payload, 0, 0, 64, 6, 0, bytes(4), bytes(4))
    tcp = bytes(12) + bytes([flags_bytes // 4 << 4]) + bytes(flags_bytes - 13)
    return to + bytes(6) + b"\x08\x00" + ip + tcp + bytes(payload)


def capture(frames):
    records = b"".join(struct.pack("<IIII", 0, 0, min(len(each), 96), len(each)) + each[:96] for each in frames)
    return bytes(24) + records


class Traffic(unittest.TestCase):
    def test_counts_only_tcp_payload_to_the_device(self):
        sent = [frame(traffic.DEVICE_MAC, 1000), frame(b"\x52\x55\x0a\x00\x02\x02", 500), frame(traffic.DEVICE_MAC, 0),
                frame(traffic.DEVICE_MAC, 7, flags_bytes=32)]
        self.assertEqual(traffic.received_bytes(capture(sent)), 1007)

    def test_half_a_record_at_the_end_is_left_out(self):
        whole = capture([frame(traffic.DEVICE_MAC, 10), frame(traffic.DEVICE_MAC, 20)])
        self.assertEqual(traffic.received_bytes(whole[:-5]), 10)


class Cache(unittest.TestCase):
    def test_several_labs_drop_what_is_old_and_of_one_kind(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(cache, "ROOT", pathlib.Path(folder)):
            for number in range(200):
                for kind in ("boot", "boot-slot"):
                    (cache.ROOT / f"{kind}-{number:020x}").mkdir()
                    os.utime(cache.ROOT / f"{kind}-{number:020x}", (1, 1))
            with multiprocessing.Pool(4) as pool:
                pool.starmap(cache.drop_oldest, [("boot", cache.ROOT / "none")] * 8)
            kept = [sum(each.name.startswith(kind) for each in cache.ROOT.iterdir()) for kind in ("boot-0", "boot-slot-")]
            self.assertEqual(kept, [cache.KEPT_PER_KIND, 200])


class Initramfs(unittest.TestCase):
    def test_cpio_unpacks_what_was_packed(self):
        files = {"bin": (stat.S_IFDIR | 0o755, b""), "bin/tool": (stat.S_IFREG | 0o755, b"abc"), "link": (stat.S_IFLNK | 0o777, b"bin/tool")}
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cpio", "--quiet", "-id"], input=kernel.archive(files), cwd=folder, check=True)
            self.assertEqual(pathlib.Path(folder, "link").read_bytes(), b"abc")
            self.assertEqual(os.readlink(pathlib.Path(folder, "link")), "bin/tool")


class Disk(unittest.TestCase):
    def test_partitions_follow_each_other(self):
        partitions = [Partition("a", 3), Partition("b", 5), Partition("c", 1)]
        self.assertEqual([disk.partition_offset(partitions, each.name) for each in partitions], [disk.MIB, 4 * disk.MIB, 9 * disk.MIB])

    def test_zeros_are_not_written_but_the_rest_is(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "source"), pathlib.Path(folder, "target")
            source.write_bytes(bytes(disk.MIB) + b"x" * disk.MIB)
            target.write_bytes(bytes(4 * disk.MIB))
            disk.copy_sparsely(source, target, disk.MIB)
            self.assertEqual(target.read_bytes(), bytes(2 * disk.MIB) + b"x" * disk.MIB + bytes(disk.MIB))


class SiteData(unittest.TestCase):
    def test_what_is_left_is_read_from_the_state_partition_of_the_disk(self):
        model = machines.ALL["grub-debian"]
        with tempfile.TemporaryDirectory() as folder:
            scene, image = types.SimpleNamespace(model=model, folder=pathlib.Path(folder)), pathlib.Path(folder, "state.img")
            disk.state_image(image, model.state_mib, {"aloft/factory-reset": "asked for\n", "app/7/reading": "lux\n"}, ["app/8", "app/.hidden"])
            with open(scene.folder / "disk.img", "wb") as whole:
                whole.truncate(disk.disk_bytes(model.partitions()))
            disk.copy_sparsely(image, scene.folder / "disk.img", disk.partition_offset(model.partitions(), "state"))
            data = sitedata.SiteData(scene)
            self.assertEqual([sorted(data.on_disk(each)) for each in ("app", "aloft", "app/8")], [[".hidden", "7", "8"], ["factory-reset"], []])


class Flash(unittest.TestCase):
    def test_a_byte_of_a_volume_is_found_by_the_newest_of_its_blocks(self):
        chip = bytearray(b"\xff" * (flash.FLASH_MIB * flash.MIB))
        for block, volume, number, sequence in ((3, 1, 1, 7), (5, 0, 1, 9), (8, 1, 1, 8), (9, 1, 0, 10)):
            start = block * flash.BLOCK_BYTES + 64
            chip[start:start + 4] = b"UBI!"
            chip[start + 8:start + 16] = struct.pack(">II", volume, number)
            chip[start + 40:start + 48] = struct.pack(">Q", sequence)
        self.assertEqual(flash.place(chip, 1, flash.CONTENT_BYTES + 5), 8 * flash.BLOCK_BYTES + flash.HEADERS_BYTES + 5)
        with self.assertRaises(SystemExit):
            flash.place(chip, 1, 2 * flash.CONTENT_BYTES)


class Machines(unittest.TestCase):
    def test_a_name_begins_with_its_boot_loader(self):
        for name, model in machines.ALL.items():
            self.assertTrue(name.startswith(f"{model.loader.name}-"), name)

    def test_settings_name_a_partition_for_every_slot(self):
        for name, model in machines.ALL.items():
            settings = tomllib.loads(model.settings())
            self.assertEqual(settings["boot"]["loader"], model.loader.name, name)
            slots = [slot for group in settings["group"].values() for slot in group.values() if isinstance(slot, dict)]
            self.assertEqual(len(slots), len(model.slots) * len(model.groups) + bool(model.recovery), name)
            self.assertEqual(len({slot.get("device", slot.get("path")) for slot in slots}), len(slots), name)
            devices = {slot["device"].removeprefix("/dev/disk/by-partlabel/") for slot in slots if "device" in slot}
            volumes = {f"ubi:{name}" for name in flash.VOLUMES} if model.verity else set()
            self.assertLessEqual(devices, {each.name for each in model.partitions()} | volumes)

    def test_a_file_of_a_slot_lies_on_a_mounted_partition(self):
        model = machines.ALL["systemd-boot-busybox"]
        settings = tomllib.loads(model.settings())
        self.assertEqual([settings["group"][group]["boot"]["path"] for group in "AB"], [f"/boot/efi/aloft/{letter}/linux.efi" for letter in "ab"])
        self.assertIn("/dev/disk/by-partlabel/ESP /boot/efi vfat", model.fstab())
        self.assertEqual(model.image_types(), {"boot": "file", "rootfs": "raw"})

    def test_a_factory_reset_empties_the_applications_folder_where_there_is_one(self):
        for name, model in machines.ALL.items():
            settings = tomllib.loads(model.settings())
            self.assertEqual(settings.get("factory_reset", {}).get("folders", []), [model.app_data] if model.app_data else [], name)
            self.assertEqual("factory-reset" in stories.of(model), bool(model.app_data), name)
        self.assertIn("factory-reset", machines.ALL["grub-debian"].quick)

    def test_each_group_of_uboot_abc_has_boot_root_and_application(self):
        model = machines.ALL["uboot-abc"]
        groups = tomllib.loads(model.settings())["group"]
        self.assertEqual({group: sorted(slots) for group, slots in groups.items()}, {group: ["app", "boot", "rootfs"] for group in "ABC"})
        self.assertEqual([name for name, each in machines.ALL.items() if "mixed" in stories.of(each)], ["uboot-abc"])

    def test_partitions_have_names_of_their_own(self):
        for name, model in machines.ALL.items():
            names = [each.name for each in model.partitions()]
            self.assertEqual(len(set(names)), len(names), name)

    def test_quick_stories_exist(self):
        for name, model in machines.ALL.items():
            self.assertLessEqual(set(model.quick), set(stories.of(model)), name)

    def test_a_recovery_system_has_stories_of_its_own(self):
        told = {name: set(stories.of(model)) for name, model in machines.ALL.items()}
        self.assertIn("recovery-good", told["uboot-recovery"])
        self.assertNotIn("good", told["uboot-recovery"])
        self.assertNotIn("recovery-good", told["uboot-busybox"])

    def test_only_a_boot_loader_that_starts_the_watchdog_ends_an_early_hang(self):
        told = {name for name, model in machines.ALL.items() if "hang-early" in stories.of(model)}
        self.assertEqual({machines.ALL[name].loader.name for name in told}, {"uboot", "efibootguard"})
        self.assertEqual({name for name, model in machines.ALL.items() if model.loader.locks_watchdog}, {"efibootguard-busybox"})

    def test_a_trial_has_as_many_boots_as_the_boot_loader_counts(self):
        self.assertEqual({machines.ALL[name].tries for name in ("grub-busybox", "uboot-busybox", "systemd-boot-busybox")}, {3})
        self.assertEqual({machines.ALL[name].tries for name in ("uefi-busybox", "efibootguard-busybox")}, {1})


def fresh_flash():
    """A variable store without variables, as EDK2 makes it."""
    store = nvram.GUID + struct.pack("<IBB6x", 4096 - nvram.STORE, 0x5A, 0xFE)
    return bytes(nvram.STORE) + store + b"\xff" * (4096 - nvram.STORE - len(store))


class FirmwareVariables(unittest.TestCase):
    def setUp(self):
        self.flash = nvram.with_variables(fresh_flash(), {"BootOrder": (nvram.GLOBAL, b"\0\0"), "Boot0000": (nvram.GLOBAL, b"abc")})
        self.key = ("BootOrder", nvram.packed_guid(nvram.GLOBAL))

    def changed(self, place, *data):
        return self.flash[:place] + bytes(data) + self.flash[place + len(data):]

    def test_what_was_written_is_read(self):
        self.assertEqual({name: value for (name, _), value in nvram.variables(self.flash).items()}, {"BootOrder": b"\0\0", "Boot0000": b"abc"})

    def test_a_variable_may_be_added_to_others(self):
        more = nvram.with_variables(self.flash, {"BootNext": (nvram.GLOBAL, b"\1\0")})
        self.assertEqual([name for name, _ in nvram.variables(more)], ["BootOrder", "Boot0000", "BootNext"])

    def test_a_replacement_counts_once_it_is_whole(self):
        more = nvram.with_variables(self.flash, {"BootOrder": (nvram.GLOBAL, b"\1\0")})
        place = [place for place, _, name, _, _ in nvram.records(more) if name == "BootOrder"]
        being_replaced = more[:place[0] + 2] + bytes([nvram.IN_DELETION]) + more[place[0] + 3:]
        half = being_replaced[:place[1] + 2] + bytes([nvram.HEAD_VALID]) + being_replaced[place[1] + 3:]
        self.assertEqual(nvram.variables(half)[self.key], b"\0\0")
        self.assertEqual(nvram.variables(being_replaced)[self.key], b"\1\0")

    def test_a_removed_one_is_gone(self):
        self.assertNotIn(self.key, nvram.variables(self.changed(nvram.FIRST + 2, 0x3C)))

    def test_a_store_that_was_erased_is_seen(self):
        with self.assertRaises(nvram.Bad):
            nvram.variables(b"\xff" * 4096)

    def test_a_boot_entry_names_partition_and_file(self):
        partitions = [Partition("a", 3), Partition("b", 5)]
        entry = efi.load_option(partitions, "b", "/linux.efi", "aloft B", "quiet")
        self.assertIn("\\linux.efi\0".encode("utf-16le"), entry)
        self.assertIn(struct.pack("<HHIQQ", 0x0104, 42, 2, 4 * 2048, 5 * 2048), entry)
        self.assertTrue(entry.endswith("quiet\0".encode("utf-16le")))


class Bundles(unittest.TestCase):
    def test_frames_are_read_with_the_shorter_last_one(self):
        manifest = json.dumps({"images": [{"slot_class": "rootfs", "size": 10, "frames": {"size": 4}, "stored": {"sizes": [3, 2, 1]}}]}).encode()
        with tempfile.TemporaryDirectory() as folder:
            bundle = pathlib.Path(folder, "a.aloft")
            bundle.write_bytes(struct.pack("<8sIIQQ32s", b"ALOFT\r\n\x1a", 1, 0, len(manifest), 0, bytes(32)) + manifest)
            self.assertEqual(programs.stored_frames(bundle), {"rootfs": [(4, 3), (4, 2), (2, 1)]})

    def test_a_stick_has_the_bundle_and_a_partition_without_one(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            brought = folder / "a.aloft"
            brought.write_bytes(bytes(3 << 20) + b"end")

            def entry(kind, made_from, make):
                make(folder)
                return folder

            with unittest.mock.patch.object(programs, "bundle", return_value=brought), unittest.mock.patch.object(cache, "entry", entry):
                image = programs.stick(types.SimpleNamespace(images=lambda _: {}, image_types=dict, verity=False), None)
            partitions = programs.stick_partitions(brought)
            self.assertEqual(len(partitions), 2)
            listed = [subprocess.run(["mdir", "-b", "-i", f"{image}@@{disk.partition_offset(partitions, each.name)}"], capture_output=True, text=True).stdout.split()
                      for each in partitions]  # fmt: skip
            self.assertEqual(listed, [["::/update.aloft"], []])


class Record(unittest.TestCase):
    """A folder with results, and a device's program."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.model = pathlib.Path(folder.name), machines.ALL["uboot-busybox"]
        self.program = self.folder / "aloftd"
        self.program.write_bytes(b"one")
        self.patch(programs, "program", lambda *_: self.program)
        self.patch(results, "source", lambda: "1e68d15b1a52")

    def patch(self, where, name, instead):
        patch = unittest.mock.patch.object(where, name, instead)
        patch.start()
        self.addCleanup(patch.stop)

    def states(self, *models):
        rows = results.everything(self.folder)
        return [{row["story"]: row["result"] for row in rows if row["machine"] == model.name} for model in models or [self.model]]


class Results(Record):
    def test_missing_is_what_failed_was_never_played_or_played_with_another_agent(self):
        results.keep(self.folder, self.model, "good", 41.6, "1.0 -> 2.0 in 30 s")
        results.keep(self.folder, self.model, "panic", 12, machine.Failure("no panic was seen"))
        told = stories.of(self.model)
        self.assertEqual(results.missing(self.folder, self.model), [name for name in told if name != "good"])
        self.assertEqual(results.of(self.folder, self.model)["good"]["seconds"], 42)
        self.program.write_bytes(b"two")
        self.assertEqual(results.missing(self.folder, self.model), told)
        (states,) = self.states()
        self.assertEqual((states["good"], states["panic"], states["cut"]), (results.OLDER, "FAILED", results.NEVER))

    def test_a_changed_boot_script_has_the_machines_of_its_boot_loader_behind_it(self):
        integration, other = self.folder / "integration", machines.ALL["grub-busybox"]
        shutil.copytree(results.INTEGRATION, integration)
        with unittest.mock.patch.object(results, "INTEGRATION", integration):
            for model in (self.model, other):
                results.keep(self.folder, model, "good", 41.6, "1.0 -> 2.0 in 30 s")
            (integration / "bootloader/uboot/uboot-config").write_text("another")
            self.assertEqual([states["good"] for states in self.states(self.model, other)], [results.OLDER, "ok"])
            (integration / "initramfs/aloft-verity").write_text("another")
            self.assertEqual([states["good"] for states in self.states(other)], [results.OLDER])

    def test_a_result_of_before_the_digest_of_all_software_holds_no_more(self):
        results.keep(self.folder, self.model, "good", 41.6, "1.0 -> 2.0 in 30 s")
        path = self.folder / self.model.name / "good.json"
        path.write_text(path.read_text().replace('"software"', '"agent"'))
        self.assertIn("good", results.missing(self.folder, self.model))

    def test_a_story_played_again_replaces_what_it_was(self):
        results.keep(self.folder, self.model, "panic", 12, machine.Failure("no panic was seen"))
        results.keep(self.folder, self.model, "panic", 60, "came back")
        self.assertNotIn("panic", results.missing(self.folder, self.model))

    def test_two_labs_do_not_play_one_machine(self):
        with results.alone(self.folder, "uboot-busybox") as first, results.alone(self.folder, "uboot-busybox") as second, results.alone(self.folder, "nand") as other:
            self.assertEqual((first, second, other), (True, False, True))
        with results.alone(self.folder, "uboot-busybox") as again:
            self.assertTrue(again)


def told(how):
    def story(_):
        """It is told."""
        return how()

    return story


class Played(Record):
    """./dev lab run with a scene that starts nothing."""

    def setUp(self):
        super().setUp()
        self.models = [self.model, machines.ALL["uefi-busybox"]]
        self.begun = []
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        for model in self.models:
            for story in ("good", "panic"):
                results.keep(self.folder, model, story, 41.6, "came true before")

        class Scene(scene.Scene):
            start_server = lambda _: None  # noqa: E731
            first_boot = lambda one: self.first_boot(one)  # noqa: E731

        voice = narrator.Narrator(io.StringIO())
        for where, name, instead in ((narrator, "Narrator", lambda: voice), (scene, "Scene", Scene), (lab, "RESULTS", self.folder), (lab, "WORK", self.folder), (lab, "MEMORY", self.folder)):
            self.patch(where, name, instead)

    def first_boot(self, one):
        self.begun.append(one.model.name)

    def run_all(self, good, *options):
        """The status of playing the stories "good", which good() tells, and "panic", which comes true, on two machines."""
        arguments = ["lab", "run", *(model.name for model in self.models), "--story", "good", "--story", "panic", *options]
        with unittest.mock.patch.object(sys, "argv", arguments), unittest.mock.patch.dict(stories.STORIES, {"good": told(good), "panic": told(lambda: "came true")}), \
             contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return lab.main()

    def test_a_story_that_breaks_in_any_way_has_failed_and_the_next_machine_is_played(self):
        for error in (machine.Failure("no panic was seen"), json.JSONDecodeError("no JSON", "x", 0), OSError("the disk is full"), SystemExit("lab: mkfs.vfat failed")):
            self.begun.clear()
            self.assertEqual(self.run_all(unittest.mock.Mock(side_effect=error)), 1, error)
            self.assertEqual(self.begun, [model.name for model in self.models], error)
            self.assertEqual([states["good"] for states in self.states(*self.models)], 2 * ["FAILED"], error)
            self.assertIn(str(error), results.of(self.folder, self.model)["good"]["outcome"])
            results.keep(self.folder, self.model, "good", 41.6, "came true before")

    def test_where_the_device_does_not_enrol_all_that_was_asked_for_has_failed(self):
        self.first_boot = unittest.mock.Mock(side_effect=FileNotFoundError("no QEMU"))
        self.assertEqual(self.run_all(lambda: "came true"), 1)
        self.assertEqual([(states["good"], states["panic"]) for states in self.states(*self.models)], 2 * [("FAILED", "FAILED")])

    def test_a_machine_whose_programs_cannot_be_made_does_not_keep_the_others_from_being_played(self):
        made = unittest.mock.Mock(side_effect=[SystemExit("lab: cmake failed"), []])
        with unittest.mock.patch.object(results, "missing", made):
            self.assertEqual(self.run_all(lambda: "came true", "--missing"), 1)
        self.assertEqual(made.call_count, 2)

    def test_what_comes_true_is_kept(self):
        self.assertEqual(self.run_all(lambda: "came true now"), 0)
        self.assertEqual(results.of(self.folder, self.models[1])["good"]["outcome"], "came true now")

    def test_a_lab_that_is_told_to_end_plays_nothing_more_and_no_story_has_failed(self):
        self.assertEqual(self.run_all(lambda: os.kill(os.getpid(), signal.SIGTERM)), 130)
        self.assertEqual(self.begun, [self.model.name])
        self.assertEqual([states["good"] for states in self.states(*self.models)], ["ok", "ok"])


class Table(unittest.TestCase):
    def test_columns_line_up(self):
        self.assertEqual(narrator.table([("a", "long cell"), ("bbb", 1)], ("x", "y")).splitlines(),
                         ["x    y", "---  ---------", "a    long cell", "bbb  1"])


if __name__ == "__main__":
    unittest.main()
