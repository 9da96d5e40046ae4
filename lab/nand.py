"""Raw flash under the real agent: a guest with a simulated NAND chip (Linux nandsim) that has bad blocks, blocks that wear out and bits that flip."""
import hashlib
import json
import random
import shutil
import subprocess
import time

import debian
import guest_tree
import kernel
import machine
import programs
import rootfs
from architecture import X86_64
from model import HARDWARE, PRODUCT

BOOT_S, INSTALL_S = 120, 240
BLOCK_BYTES, PAGE_BYTES, LEB_BYTES = 128 << 10, 2048, 126 << 10
# Of the chip, in erase blocks: two kernels, and UBI. The rest of its 256 MiB is one partition more.
KERNEL_BLOCKS, UBI_BLOCKS = 64, 400
FIRST_OF_B = KERNEL_BLOCKS
BAD, WORN, WEAK_PAGE_BLOCK = (FIRST_OF_B + 2, FIRST_OF_B + 6), FIRST_OF_B + 9, FIRST_OF_B + 12
CHIP = ("first_id_byte=0x20 second_id_byte=0xaa third_id_byte=0x00 fourth_id_byte=0x15 bitflips=1 "
        f"parts={KERNEL_BLOCKS},{KERNEL_BLOCKS},{UBI_BLOCKS} badblocks={','.join(map(str, BAD))} "
        f"weakblocks={WORN}:0 weakpages={WEAK_PAGE_BLOCK * (BLOCK_BYTES // PAGE_BYTES) + 3}:0")
VOLUMES = {"rootfs-a": ("dynamic", 60), "rootfs-b": ("dynamic", 60), "loader": ("static", 20), "firmware": ("static", 20)}
KILLS = 4
TOOLS = ("/usr/sbin/ubimkvol", "/usr/sbin/nanddump")

INIT = r"""#!/bin/sh
export PATH=/bin:/sbin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
ip link set lo up
while :; do sh </dev/ttyS1 >/dev/ttyS1 2>&1; done
"""

SETTINGS = f"""product = "{PRODUCT}"
hardware = "{HARDWARE}"
state_dir = "/tmp/state"
trust_dir = "/etc/aloft/trust"
[boot]
loader = "custom"
executable = "/usr/bin/boot"
tries = 3
[group.A.kernel]
device = "mtd:NAND simulator partition 0"
type = "mtd"
[group.B.kernel]
device = "/dev/mtd1"
type = "mtd"
[group.A.rootfs]
device = "ubi:rootfs-a"
type = "ubi"
[group.B.rootfs]
device = "ubi0:rootfs-b"
type = "ubi"
[shared.loader]
device = "ubi:loader"
type = "ubi-pair"
[shared.firmware]
device = "ubi:firmware"
type = "ubi-pair"
[health]
require_units = false
{guest_tree.PLAYED_BOOT}"""


def images(folder):
    """{name: (slot class, type, path)} of one release."""
    tree = folder / "root"
    tree.mkdir()
    (tree / "release").write_text("2.0\n")
    (tree / "data").write_bytes(random.Random(1).randbytes(3 << 20))
    debian.run("mkfs.ubifs", "-m", PAGE_BYTES, "-e", LEB_BYTES, "-c", VOLUMES["rootfs-b"][1], "-x", "zstd", "-r", tree, folder / "rootfs.ubifs")
    for name, size, seed in (("kernel.img", 5 << 20, 2), ("loader.img", 900_001, 3), ("firmware.img", 1_500_000, 4)):
        (folder / name).write_bytes(random.Random(seed).randbytes(size))
    (folder / "kernel.img").open("r+b").write(b"\xff" * (BLOCK_BYTES + 3 * PAGE_BYTES))  # pages that must stay erased
    return {"kernel": ("raw", folder / "kernel.img"), "rootfs": ("ubifs", folder / "rootfs.ubifs"), "loader": ("raw", folder / "loader.img"),
            "firmware": ("raw", folder / "firmware.img")}


def bundle(folder, content):
    words = [word for name, (kind, path) in content.items() for word in ("--image", f"{name}={path}", "--type", f"{name}={kind}")]
    programs.aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", "2.0", *words, "--key", programs.keys() / "signer.key",
                   "--cert", programs.keys() / "signer.pem", "--output", folder / "update.aloft")


def guest_files(folder):
    """Kernel and initramfs: a small system with the agent, the bundle and the modules. Returns the images' digests."""
    tree, made = folder / "tree", folder / "made"
    made.mkdir()
    boot = (rootfs.REPOSITORY / "integration/bootloader/custom/aloft-boot").read_text()
    guest_tree.make(tree, TOOLS, (), {"etc/aloft/system.toml": SETTINGS, "etc/machine-id": "a10f7000000000000000000000000002\n", "init": INIT,
                                      "usr/bin/boot": boot.replace("/boot/state/aloft-boot", "/tmp/boot-state")})
    kernel_tree = debian.kernel_tree(X86_64)
    for module in kernel.module_files(kernel_tree, ["nandsim", "zstd", "lzo", "deflate", "ubi", "ubifs"]):
        shutil.copy(module, tree / "modules" / module.name)
        with open(tree / "modules/order", "a", encoding="ascii") as order:
            order.write(module.name + "\n")
    content = images(made)
    bundle(tree, content)
    (image,) = (kernel_tree / "boot").glob("vmlinuz-*")
    shutil.copy(image, folder / "vmlinuz")
    with open(folder / "initrd", "wb") as out:
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), stdout=out, cwd=tree, check=True)
    return {name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size) for name, (_, path) in content.items()}


class Guest(machine.Machine):
    def __init__(self, folder):
        super().__init__(None, folder)

    def command(self):
        return [X86_64.emulator, "-name", "aloft-lab-nand", "-M", "q35,smm=off", *machine.ONE_PROCESSOR, "-cpu", X86_64.processor,
                "-m", "768", "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-kernel", str(self.folder / "vmlinuz"),
                "-initrd", str(self.folder / "initrd"), "-append", f"console=ttyS0 {X86_64.arguments} panic=1",
                "-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console",
                "-chardev", f"socket,id=shell,server=on,wait=off,path={self.shell_socket}", "-serial", "chardev:shell"]

    def say(self, command, timeout_s=60):
        status, text = self.shell(command, timeout_s)
        if status != 0:
            raise machine.Failure(f"{command} ended with {status} in the guest: {text}\n{self.shell('tail -20 /tmp/log', 30)[1]}")
        return text.strip()

    def attach(self):
        """The chip, UBI on its third partition, and the volumes of the factory."""
        self.say(f"for m in $(cat /modules/order); do p=; [ $m != nandsim.ko ] || p='{CHIP}'; [ $m != ubi.ko ] || p=mtd=2; insmod /modules/$m $p; done", 120)
        for name, (kind, blocks) in VOLUMES.items():
            self.say(f"ubimkvol /dev/ubi0 -N {name} -S {blocks} -t {kind}")
        self.say("printf 'ORDER=A\\nCOMMITTED=A\\nTRIAL=\\n' > /tmp/boot-state; echo 1.0 > /tmp/version")

    def boot(self, slot, number):
        """What a boot loader would do, as far as the agent sees it."""
        self.say(f"rm -f /tmp/rebooted; echo 'aloft.slot={slot}' > /tmp/cmdline; echo 'a10f0000-0000-4000-8000-00000000000{number}' > /tmp/boot-id")
        self.start_agent()

    def start_agent(self):
        self.say("aloftd daemon 2>>/tmp/log & echo $! > /tmp/pid; until aloftd status >/dev/null 2>&1; do sleep 0.2; done")

    def kill_agent(self):
        self.say("kill -9 $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done")

    def state(self):
        status, text = self.shell("aloftd status --json")
        return json.loads(text).get("update", {}) if status == 0 else {}

    def volume_digest(self, name, size):
        """Of the volume that has the name now, as the kernel reads it."""
        return self.say(f"d=$(grep -lx {name} /sys/class/ubi/ubi0_*/name); d=${{d%/name}}; head -c {size} /dev/${{d##*/}} | sha256sum").split()[0]


def await_state(guest, wanted, limit_s=INSTALL_S):
    deadline = time.monotonic() + limit_s
    while (update := guest.state()).get("state") != wanted:
        if update.get("state") in ("failed", "rolled-back", "cancelled") or time.monotonic() > deadline:
            raise machine.Failure(f"{wanted} was expected, but the agent says {update}\n{guest.shell('tail -20 /tmp/log', 30)[1]}")
        time.sleep(0.5)


def require(truth, what):
    if not truth:
        raise machine.Failure(what)


def install_with_kills(guest, voice, seed):
    """The agent is killed at drawn moments of its installing and goes on each time. Returns how often that was before all was installed."""
    draw = random.Random(seed)
    hits, begin = 0, "aloftd install /update.aloft"
    installs = "until test -e /tmp/rebooted || aloftd status --json 2>/dev/null | grep -q '\"installing\"'; do :; done"
    for kill in range(KILLS):
        after = draw.uniform(0, 0.3)
        guest.say(f"{begin}; {installs}; sleep {after:.2f}; kill -9 $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done", INSTALL_S)
        hits += guest.shell("test -e /tmp/rebooted")[0] != 0
        voice.say(f"the agent: killed {after:.2f} s after it was seen installing, {kill + 1} of {KILLS}")
        begin = "aloftd daemon 2>>/tmp/log & echo $! > /tmp/pid"
    guest.start_agent()
    require(hits >= 2, f"only {hits} kills came before the release was installed")
    deadline = time.monotonic() + INSTALL_S
    while guest.shell("test -e /tmp/rebooted")[0] != 0:
        require(time.monotonic() < deadline and guest.state().get("state") not in ("failed", "cancelled"), f"the agent says {guest.state()}: "
                + guest.shell("tail -20 /tmp/log", 30)[1])
        time.sleep(0.5)
    return hits


def check_slots(guest, digests):
    """Read back by other programs than the agent: nanddump of mtd-utils, the kernel's volumes, a mounted UBIFS."""
    sha256, size = digests["kernel"]
    read = guest.say(f"nanddump -q --bb=skipbad -l {-(-size // PAGE_BYTES) * PAGE_BYTES} /dev/mtd1 2>/dev/null | head -c {size} | sha256sum", 120).split()[0]
    require(read == sha256, f"nanddump reads {read} from the kernel's slot, not {sha256}")
    bad = int(guest.say("cat /sys/class/mtd/mtd1/bad_blocks"))
    require(bad == len(BAD) + 2, f"{bad} blocks of the slot are bad: {len(BAD)} were, one wears out when it is erased and one when it is written")
    sha256, size = digests["rootfs"]
    require(guest.volume_digest("rootfs-b", size) == sha256, "the root volume does not hold the image")
    guest.say("mkdir -p /tmp/mnt; mount -t ubifs -o ro ubi0:rootfs-b /tmp/mnt")
    require(guest.say("cat /tmp/mnt/release") == "2.0", "the file system on the root volume is another")
    guest.say("umount /tmp/mnt")


def switched(guest, digests):
    return [guest.volume_digest(name, digests[name][1]) == digests[name][0] for name in ("loader", "firmware")]


def play(folder, voice, seed=1):
    """Installs a release onto NAND and UBI, with kills; boots it, commits it, and sees the shared volumes change names together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    digests = guest_files(folder)
    guest = Guest(folder)
    try:
        guest.start()
        started = time.monotonic()
        while not guest.shell_socket.exists():
            time.sleep(0.1)
        guest.shell("true", BOOT_S)
        guest.attach()
        voice.say(f"a guest with a NAND chip: up and attached after {time.monotonic() - started:.0f} s")
        guest.boot("A", 1)
        hits = install_with_kills(guest, voice, seed)
        check_slots(guest, digests)
        require(switched(guest, digests) == [False, False], "a shared volume is switched before the commit")
        voice.say("the release: in its slots, to the byte; the shared volumes are the old ones")
        guest.kill_agent()
        guest.say("sed -i 's/TRIAL=B:3/TRIAL=B:2/' /tmp/boot-state; echo 2.0 > /tmp/version")
        guest.boot("B", 2)
        await_state(guest, "committed")
        require(switched(guest, digests) == [True, True], "the shared volumes do not hold the release after the commit")
        voice.say("the release: committed, and both shared volumes with it")
        told = guest.shell("aloftd doctor", 60)[1]
        require("slot B.kernel: 4 of 64 blocks are bad" in told, f"doctor does not tell of the bad blocks:\n{told}")
        corrected = guest.say("cat /sys/class/mtd/mtd*/corrected_bits | sort -n | tail -1")
        return f"installed onto NAND with {len(BAD)} bad blocks and 2 that went bad, killed {hits} times before it was done (seed {seed}), {corrected} flipped bits corrected; committed"
    finally:
        guest.remove()
