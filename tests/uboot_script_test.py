#!/usr/bin/python3
"""The boot script that uboot-config writes, case by case; and in the first form bootcount.env and ab-select.txt, which stand beside it.

  uboot_script_test.py             U-Boot's commands replaced, played by bash (U-Boot's hush is close enough): the choice of slots
  uboot_script_test.py --emulated  the script for raw copies in the real U-Boot (Debian's x86 build) under QEMU, on disks that are looked at
                                   afterwards: the same cases, and what becomes of the two copies
"""
import os
import pathlib
import re
import select
import shlex
import struct
import subprocess
import sys
import tempfile
import time
import zlib

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE", pathlib.Path(__file__).resolve().parent.parent))
FOLDER = SOURCE / "integration/bootloader/uboot"
TOOL = FOLDER / "uboot-config"
ROM = "/usr/lib/u-boot/qemu-x86/u-boot.rom"
SLOTS = ["--slot", "A:2:rootfs-a", "--slot", "B:3:rootfs-b", "--initrd", "/boot/initrd.img", "--args", "quiet"]
MIB, COPY, OFFSETS = 1 << 20, 0x4000, (0x100000, 0x104000)
KERNEL_B, INITRD_B, KERNEL_A = "3:/boot/vmlinuz", "3:/boot/initrd.img", "2:/boot/vmlinuz"

# name, BOOT_ORDER, BOOT_A_LEFT, BOOT_B_LEFT, aloft_trial, what is broken, booted slot and state, BOOT_A_LEFT and BOOT_B_LEFT afterwards
CASES = [
    ("the first slot in order is booted, without a write", "A B", "3", "3", "", "", "A committed", "3", "3"),
    ("order decides", "B A", "3", "3", "", "", "B committed", "3", "3"),
    ("a trial is counted first", "B A", "3", "3", "B", "", "B trial", "3", "2"),
    ("the other slot is not counted", "A B", "3", "3", "B", "", "A committed", "3", "3"),
    ("the last try is a try", "B A", "3", "1", "B", "", "B trial", "3", "0"),
    ("hexadecimal counts", "B A", "3", "a", "B", "", "B trial", "3", "9"),
    ("fifteen is the most", "B A", "3", "f", "B", "", "B trial", "3", "e"),
    ("without tries the next one is booted", "B A", "3", "0", "B", "", "A committed", "3", "0"),
    ("the second without tries is not booted", "A B", "0", "0", "A", "", None, "0", "0"),
    ("a committed slot with no tries is not booted", "B A", "3", "0", "", "", "A committed", "3", "0"),
    ("what is no number is not booted", "B A", "3", "10", "B", "", "A committed", "3", "10"),
    ("without a count it is as new", "B A", "3", "", "B", "", "B trial", "3", "2"),
    ("a kernel that does not load is passed over", "B A", "3", "3", "B", KERNEL_B, "A committed", "3", "2"),
    ("an initramfs that does not load is passed over", "B A", "3", "3", "B", INITRD_B, "A committed", "3", "2"),
    ("what cannot be counted is not tried", "B A", "3", "3", "B", "write", "A committed", "3", "3"),
    ("a committed slot boots from a disk that cannot be written", "A B", "3", "3", "B", "write", "A committed", "3", "3"),
    ("unknown slots are passed over", "X A", "3", "3", "X", "", "A committed", "3", "3"),
    ("a slot that order leaves out is not booted", "B", "3", "0", "B", "", None, "3", "0"),
    ("nothing loads: again from the start", "A B", "3", "3", "", f"{KERNEL_A} {KERNEL_B}", None, "3", "3"),
    ("no boot state: what loads is booted", "", "", "", "", "", "A unknown", "", ""),
    ("no boot state: the second, if the first does not load", "", "", "", "", KERNEL_A, "B unknown", "", ""),
]
VARIABLES = ("BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT", "aloft_trial")
# name, mender_boot_part, upgrade_available, bootcount, aloft_good, what is broken, booted slot, mender_boot_part, upgrade_available and bootcount afterwards
BOOTCOUNT_CASES = [
    ("the slot of the environment is booted", "2", "0", "0", "A", "", "A", "2", "0", "0"),
    ("or the other", "3", "0", "0", "B A", "", "B", "3", "0", "0"),
    ("a trial is counted", "3", "1", "0", "A", "", "B", "3", "1", "1"),
    ("the last try is a try", "3", "1", "2", "A", "", "B", "3", "1", "3"),
    ("after it the other slot is booted, and stays", "3", "1", "3", "A", "", "A", "2", "0", "4"),
    ("to B, too", "2", "1", "3", "B", "", "B", "3", "0", "4"),
    ("a committed slot is not given up", "2", "0", "9", "A B", "", "A", "2", "0", "9"),
    ("what does not load is tried again, and counted", "3", "1", "1", "A", "3:/boot/Image", None, "3", "1", "2"),
    ("nor does it boot without its device tree", "3", "1", "1", "A", "3:/boot/board.dtb", None, "3", "1", "2"),
    ("a disk that cannot be written: the other slot is booted all the same", "3", "1", "3", "A", "write", "A", "3", "1", "3"),
    ("a committed slot that does not load: the other, without a write", "3", "0", "0", "B A", "3:/boot/Image", "A", "3", "0", "0"),
    ("or has no device tree", "2", "0", "0", "A B", "2:/boot/board.dtb", "B", "2", "0", "0"),
    ("nothing was ever counted", "2", "", "", "A B", "2:/boot/Image", "B", "2", "", ""),
    ("the other only if it is good", "3", "0", "0", "B", "3:/boot/Image", None, "3", "0", "0"),
    ("which nobody says at the factory", "2", "0", "0", "", "2:/boot/Image", None, "2", "0", "0"),
    ("neither loads: again", "2", "0", "0", "A B", "2:/boot/Image 3:/boot/Image", None, "2", "0", "0"),
    ("the slot of a failed trial is no way out", "3", "1", "3", "A", "2:/boot/Image", None, "2", "0", "4"),
]
# name, the slot that U-Boot's ab_select gives, what is broken, booted slot
AB_CASES = [
    ("slot a", "a", "", "A"),
    ("slot b", "b", "", "B"),
    ("a kernel that does not load: again", "b", "3:/boot/Image", None),
    ("a device tree that does not load: again", "a", "2:/boot/board.dtb", None),
]

# U-Boot's commands. The stored environment is one file per variable in $state; `broken` lists what fails.
COMMANDS = r"""
fails() { case " $broken " in *" $1 "*) return 0;; esac; return 1; }
setenv() { printf -v "$1" %s "${*:2}"; }
saveenv() { if fails write; then return 1; fi; if fails drop; then return 0; fi
  for v in $variables; do printf %s "${!v}" >"$state/$v"; done; }
env() { for v in $variables; do printf -v "$v" %s "$(cat "$state/$v")"; done; }
run() { local v; for v in "$@"; do eval "${!v}"; done; }
load() { filesize=77; ! fails "${2#*:}:$4"; }
wdt() { if fails "wdt $1"; then return 1; fi; echo "$*" >>"$state/wdt"; }
booti() { if fails booti; then return 1; fi; echo "BOOT $* $bootargs"; exit 0; }
sleep() { :; }
reset() { echo RESET; exit 0; }
env
"""


def script(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)


def in_bash(text, values, broken, variables=VARIABLES):
    """What was booted, the stored variables afterwards, and what the watchdog was told."""
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder)
        for name, value in zip(variables, values):
            (state / name).write_text(value, encoding="ascii")
        given = {"PATH": os.environ["PATH"], "state": folder, "variables": " ".join(variables), "broken": broken, "fdtcontroladdr": "fd7",
                 "kernel_addr_r": "40400000", "fdt_addr_r": "43000000"}
        done = subprocess.run(["bash", "-c", COMMANDS + text], env=given,
                              capture_output=True, text=True, timeout=30, check=False)
        told = (state / "wdt").read_text(encoding="ascii").splitlines() if (state / "wdt").exists() else []
        return (done.stdout or done.stderr).splitlines()[-1], [(state / name).read_text(encoding="ascii") for name in variables], told


def check_choice(problems):
    for extra in ([], ["--read-back"]):
        text = script("--disk", "mmc:1", *SLOTS, *extra).stdout
        cases = CASES + ([("a count that does not stick is not tried", "B A", "3", "3", "B", "drop", "A committed", "3", "3")] if extra else [])
        for name, order, a_left, b_left, trial, broken, booted, a_after, b_after in cases:
            last, after, _ = in_bash(text, (order, a_left, b_left, trial), broken)
            slot, state = booted.split() if booted else (None, None)
            wanted = "RESET" if booted is None else (
                f"BOOT 40400000 44000000:77 fd7 root=PARTLABEL=rootfs-{slot.lower()} ro rootwait panic=5 softlockup_panic=1 aloft.slot={slot} aloft.state={state} quiet")
            if last != wanted or after[1:3] != [a_after, b_after]:
                problems.append(f"{name} {extra}: {last!r}, {after}; wanted {wanted!r}, {[a_after, b_after]}")


def check_bootcount(problems):
    """U-Boot itself counts before it runs bootcmd, where upgrade_available is set, and runs altbootcmd above bootlimit (drivers/bootcount/bootcount_env.c)."""
    lines = [line for line in (FOLDER / "bootcount.env").read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]
    written = dict(line.split("=", 1) for line in lines)
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in written.items()) + """env
mender_boot_part_hex=$mender_boot_part
if [ "$upgrade_available" = 1 ]; then bootcount=$((bootcount + 1)); saveenv; fi
if [ "$upgrade_available" = 1 ] && [ "$bootcount" -gt "$bootlimit" ]; then run altbootcmd; else run bootcmd; fi
"""
    for name, part, available, count, good, broken, booted, *after in BOOTCOUNT_CASES:
        last, found, _ = in_bash(text, (part, available, count, good), broken, ("mender_boot_part", "upgrade_available", "bootcount", "aloft_good"))
        wanted = "RESET" if booted is None else (
            f"BOOT 40400000 - 43000000 root=PARTLABEL=rootfs-{booted.lower()} ro rootwait panic=5 softlockup_panic=1 aloft.slot={booted}")
        if last != wanted or found != [*after, good]:
            problems.append(f"bootcount.env, {name}: {last!r}, {found}; wanted {wanted!r}, {[*after, good]}")


def check_ab_select(problems):
    text = (FOLDER / "ab-select.txt").read_text(encoding="ascii")
    for name, chosen, broken, booted in AB_CASES:
        last, _, _ = in_bash(f"ab_select() {{ setenv \"$1\" {chosen}; }}\nbootargs=quiet\n" + text, (), broken, ())
        wanted = "RESET" if booted is None else (
            f"BOOT 40400000 - 43000000 quiet root=PARTLABEL=rootfs-{chosen} ro rootwait panic=5 softlockup_panic=1 androidboot.slot_suffix=_{chosen} aloft.slot={booted}")
        if last != wanted:
            problems.append(f"ab-select.txt, {name}: {last!r}; wanted {wanted!r}")


def check_watchdog(problems):
    """Started by its commands before a kernel on trial, and never with a committed one behind it; a trial without it is better than none."""
    text = script("--disk", "mmc:1", *SLOTS, "--watchdog", "wdt dev watchdog@30280000;wdt start 60000").stdout
    both = ["dev watchdog@30280000", "start 60000"]
    for name, trial, order, broken, booted, wanted in (("a trial", "B", "B A", "", "B trial", both),
                                                       ("a committed slot", "B", "A B", "", "A committed", []),
                                                       ("no boot state", "", "", "", "A unknown", []),
                                                       ("a trial that does not load", "B", "B A", INITRD_B, "A committed", []),
                                                       ("no watchdog", "B", "B A", "wdt start", "B trial", both[:1]),
                                                       ("none at all", "B", "B A", "wdt dev", "B trial", []),
                                                       ("a trial that does not start", "B", "B A", "booti", None, both)):
        last, after, started = in_bash(text, (order, "3" if order else "", "3" if order else "", trial), broken)
        slot, state = booted.split() if booted else (None, None)
        if (f"aloft.slot={slot} aloft.state={state}" not in last if booted else last != "RESET") or started != wanted:
            problems.append(f"the watchdog of {name}: {last!r}, {after}, {started}; wanted {booted}, {wanted}")


def environment(variables, serial):
    data = b"".join(f"{name}={value}\0".encode() for name, value in variables.items() if value).ljust(COPY - 5, b"\0")
    return struct.pack("<IB", zlib.crc32(data), serial) + data


def decoded(copy):
    """(serial, variables) of a copy, or None where its CRC is wrong."""
    crc, serial = struct.unpack_from("<IB", copy)
    if zlib.crc32(copy[5:]) != crc:
        return None
    return serial, dict(entry.split("=", 1) for entry in copy[5:].split(b"\0\0")[0].decode().split("\0") if "=" in entry)


class Emulator:
    """The real U-Boot, started anew for each case, with the script on a disk of its own."""

    def __init__(self, folder):
        self.folder, self.firmware, self.disk = folder, folder / "fw.img", folder / "disk.img"
        made = script("--disk", "nvme:0", "--env", f"raw:{OFFSETS[0]:#x}:{OFFSETS[1]:#x}:{COPY:#x}", "--boot", "zboot", "--kernel-at", "1000000",
                      "--initrd-at", "2000000", "--buffer", "3000000", *SLOTS)
        # The kernels of the test are no kernels; what would be booted is said instead.
        text = re.sub(r"zboot 1000000[^;\n]*", 'echo "BOOT ${bootargs}"; sleep 60', made.stdout)
        (folder / "boot.cmd").write_text(text, encoding="ascii")
        self.run("mkimage", "-T", "script", "-C", "none", "-d", folder / "boot.cmd", folder / "boot.scr")
        self.fat(self.firmware, {"::boot.scr": folder / "boot.scr"})

    def run(self, *command):
        subprocess.run(command, check=True, capture_output=True)

    def fat(self, image, files):
        part = self.folder / "part.img"
        self.blank(part, 14)
        self.run("mkfs.vfat", part)
        for name, file in files.items():
            self.run("mcopy", "-i", part, file, name)
        self.blank(image, 16)
        self.run("sgdisk", "-n1:2048:+14M", "-t1:0700", image)
        self.put(image, MIB, part.read_bytes())

    @staticmethod
    def blank(path, mib):
        with open(path, "wb") as file:
            file.truncate(mib * MIB)

    @staticmethod
    def put(path, offset, data):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def make_disk(self, copies, broken):
        self.blank(self.disk, 12)
        self.run("sgdisk", "-n1:2048:+1M", "-n2:4096:+4M", "-n3:12288:+4M", self.disk)
        for number, start in ((2, 2 * MIB), (3, 6 * MIB)):
            tree, image = self.folder / "tree", self.folder / "slot.img"
            self.run("rm", "-rf", tree)
            (tree / "boot").mkdir(parents=True)
            for name in ("vmlinuz", "initrd.img"):
                if f"{number}:/boot/{name}" not in broken.split():
                    (tree / "boot" / name).write_bytes(b"no kernel" * 100)
            self.run("mkfs.ext4", "-q", "-F", "-O", "^64bit,^metadata_csum", "-d", tree, image, "4M")
            self.put(self.disk, start, image.read_bytes())
        for offset, copy in zip(OFFSETS, copies):
            self.put(self.disk, offset, copy)

    def boot(self, writes_fail=False):
        """What the script said, until it boots or resets, and the two copies afterwards."""
        drive = f"file={self.disk},if=none,id=d0,format=raw"
        if writes_fail:
            (self.folder / "faults.conf").write_text('[inject-error]\nevent = "pwritev"\niotype = "write"\nerrno = "5"\n', encoding="ascii")
            drive = f"file=blkdebug:{self.folder / 'faults.conf'}:{self.disk},if=none,id=d0,format=raw"
        command = ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", "256", "-nodefaults", "-serial", "stdio", "-monitor", "none",
                   "-display", "none", "-net", "none", "-no-reboot", "-bios", ROM, "-drive", f"file={self.firmware},if=virtio,format=raw",
                   "-drive", drive, "-device", "nvme,drive=d0,serial=x1"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            said, deadline = b"", time.monotonic() + 90
            while time.monotonic() < deadline and not re.search(rb"\nBOOT [^\n]*\n|nothing can be booted", said):
                if select.select([process.stdout], [], [], 0.2)[0]:
                    piece = os.read(process.stdout.fileno(), 4096)
                    if not piece:
                        break
                    said += piece
            process.kill()
        data = self.disk.read_bytes()
        return said.decode(errors="replace").replace("\r", ""), [decoded(data[offset:offset + COPY]) for offset in OFFSETS]


def outcome(said):
    found = re.search(r"\nBOOT root=PARTLABEL=rootfs-(\w) ro rootwait panic=5 softlockup_panic=1 aloft.slot=(\w) aloft.state=(\w+) quiet\n", said)
    if found and found[1] == found[2].lower():
        return f"{found[2]} {found[3]}"
    return None if "nothing can be booted" in said else f"?? {said[-800:]}"


def check_cases_emulated(emulator, problems):
    for name, order, a_left, b_left, trial, broken, booted, a_after, b_after in CASES:
        before = {**dict(zip(VARIABLES, (order, a_left, b_left, trial))), "foreign": "stays"}
        old = environment({**before, "BOOT_B_LEFT": "9"}, 6)
        emulator.make_disk([environment(before, 7), old], broken)
        said, (first, second) = emulator.boot("write" in broken.split())
        counts = (booted or "").endswith("trial") or (trial == "B" and b_after != b_left)
        wanted = {**before, "BOOT_A_LEFT": a_after, "BOOT_B_LEFT": b_after}
        wanted = {key: value for key, value in wanted.items() if value}
        if outcome(said) != booted:
            problems.append(f"{name}: booted {outcome(said)!r}, wanted {booted!r}")
        if first != (7, {key: value for key, value in before.items() if value}):
            problems.append(f"{name}: the copy in use was written: {first}")
        if second != ((8, wanted) if counts else decoded(old)):
            problems.append(f"{name}: the other copy is {second}, wanted {(8, wanted) if counts else 'as it was'}")


def check_copies_emulated(emulator, problems):
    def copy(serial, order="B A"):
        return environment({"BOOT_ORDER": order, "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3", "aloft_trial": "B"}, serial)

    torn = copy(9)[:512] + b"\xff" * (COPY - 512)
    for name, copies, written, serial in (
            # name, copies a and b, which of them is written, and with which serial number
            ("the newer one counts, b", [copy(1, "A B"), copy(2)], 0, 3),
            ("255 is followed by 0", [copy(255), copy(254, "A B")], 1, 0),
            ("0 is newer than 255, b", [copy(255, "A B"), copy(0)], 0, 1),
            ("0 is newer than 255, a", [copy(0), copy(255, "A B")], 1, 1),
            ("a torn copy does not count, and is mended", [torn, copy(200)], 0, 201),
            ("an empty copy does not count", [copy(127), bytes(COPY)], 1, 128)):
        emulator.make_disk(copies, "")
        said, after = emulator.boot()
        if outcome(said) != "B trial" or after[written] is None or after[written][0] != serial or after[written][1].get("BOOT_B_LEFT") != "2":
            problems.append(f"{name}: {outcome(said)!r}, copies {after}")
        if after[1 - written] != decoded(copies[1 - written]):
            problems.append(f"{name}: the copy in use was written")
    emulator.make_disk([torn, torn], "")
    said, after = emulator.boot()
    if outcome(said) != "A unknown" or after != [None, None]:
        problems.append(f"both copies dead: {outcome(said)!r}, {after}")


def check_refusals(problems):
    good = ["--disk", "mmc:0"]
    bad = (SLOTS, [*good, "--slot", "A:2:a"], [*good, "--slot", "A:2:a", "--slot", "A:3:b"], [*good, "--slot", "A:0:a", "--slot", "B:3:b"],
           [*good, *SLOTS, "--args", "x; reset"], [*good, *SLOTS, "--args", "${x}"], [*good, *SLOTS, "--watchdog", "wdt start ${x}"], [*good, *SLOTS, "--watchdog", "a;;b"], [*good, *SLOTS, "--kernel", "vmlinuz"],
           ["--disk", "mmc", *SLOTS], [*good, *SLOTS, "--env", "raw:1:2:3"], [*good, *SLOTS, "--env", "raw:0x1000:0x1200:0x4000"],
           [*good, *SLOTS, "--env", "raw:0:0x4000:0"], [*good, *SLOTS, "--read-back", "--env", "raw:0:0x4000:0x4000"])
    problems += [f"not refused: {arguments}" for arguments in bad if script(*arguments).returncode == 0]


def main():
    problems = []
    if "--emulated" in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            emulator = Emulator(pathlib.Path(folder))
            check_cases_emulated(emulator, problems)
            check_copies_emulated(emulator, problems)
    else:
        check_choice(problems)
        check_watchdog(problems)
        check_bootcount(problems)
        check_ab_select(problems)
        check_refusals(problems)
    for problem in problems:
        print(problem)
    print(f"uboot-config: {len(CASES) + len(BOOTCOUNT_CASES) + len(AB_CASES)} walks, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
