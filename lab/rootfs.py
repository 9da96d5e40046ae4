"""One version of the device's software as the image of a slot: a system, the agent, the version's own files, in a read-only ext4."""
import dataclasses
import hashlib
import os
import pathlib
import shutil
import stat

import cache
import debian
import kernel
import programs
from architecture import X86_64

REPOSITORY = cache.HERE.parent
DEVICE = cache.HERE / "device"
SYSTEMD = REPOSITORY / "integration/systemd"
SYSV = REPOSITORY / "integration/sysv/aloftd"
EPOCH = 1735689600
MIB = 1 << 20
MODEL_BYTES = 6 * MIB
BOOT_MIB, APP_MIB = 24, 12
IMAGE_MIB = {"debian": 112, "busybox": 56}
FOREIGN_KERNEL_MIB = 32  # which is not compressed

SAYS = {"debian": "Debian with systemd and udev", "busybox": "busybox init, no systemd, no udev"}

INIT_TAKES_WATCHDOG = {"debian"}  # the agent gives it to systemd; elsewhere it is stopped

# What makes a version bad, by the story's word for it.
FAULTS = {"": "nothing is wrong with it",
          "panic": "its init program is missing: the kernel panics",
          "unhealthy": "it boots, but a health check fails",
          "mixed": "its application is another version's",
          "hang-early": "its kernel dies before anything of its own has started the watchdog",
          "hang-kernel": "its kernel dies in the initramfs and stays dead",
          "hang-init": "its init program sleeps for ever",
          "hang-agent": "its agent is stopped in the middle of the trial"}
HANGS = "lab: this version hangs now"  # said on the console by those that do

MASKED = ["apt-daily.timer", "dev-hugepages.mount", "dev-mqueue.mount", "getty.target", "systemd-binfmt.service",
          "systemd-hwdb-update.service", "systemd-journal-flush.service", "systemd-logind.service", "systemd-machine-id-commit.service",
          "systemd-modules-load.service", "systemd-pcrphase-sysinit.service", "systemd-pcrphase.service", "systemd-random-seed.service",
          "systemd-remount-fs.service", "systemd-sysusers.service", "systemd-tmpfiles-setup.service", "systemd-update-done.service",
          "systemd-update-utmp-runlevel.service", "systemd-update-utmp.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
          "systemd-user-sessions.service", "e2scrub_reap.service", "fstrim.timer", "systemd-network-generator.service",
          "proc-sys-fs-binfmt_misc.automount", "systemd-tmpfiles-clean.timer", "modprobe@.service"]


@dataclasses.dataclass(frozen=True)
class Version:
    name: str
    fault: str = ""


def slot_image(model, version):
    """The path of a root slot's image: the version's system with the agent, the machine's settings, kernel and initramfs."""
    agent, anchors = programs.program("aloftd", model.architecture), programs.keys() / "trust"
    rebuild = programs.program("aloft-rebuild", model.architecture)
    copied = sorted(path for top in ("common", model.system) for path in (DEVICE / top).rglob("*") if path.is_file())
    made_from = [model.system, model.architecture.name, model.has_slot("app"), dataclasses.asdict(version), own_files(model), cache.file_digest(agent), cache.file_digest(rebuild),
                 [cache.file_digest(path) for path in sorted(anchors.glob("*"))],
                 [[str(path.relative_to(DEVICE)), cache.file_digest(path)] for path in copied], str(kernel.boot_folder(model)),
                 [cache.file_digest(path) for path in [*sorted(SYSTEMD.iterdir()), SYSV, *map(pathlib.Path, model.loader.device_programs)]],
                 *cache.source_digest("rootfs.py", "debian.py", "kernel.py")]

    def make(folder):
        tree = folder / "tree"
        FLAVOURS[model.system](tree, agent, model.architecture)
        add_version(tree, model, version, anchors)
        for program in (agent, rebuild):
            debian.run(f"{model.architecture.triplet}-strip", "-o", tree / "usr/bin" / program.name, program)
            check_libraries(tree, program)
        for top in ("common", model.system):
            shutil.copytree(DEVICE / top, tree, dirs_exist_ok=True)
        add_machine(tree, model)
        break_it(tree, version)
        make_ext4(tree, folder / "slot.ext4", IMAGE_MIB[model.system] + (0 if model.architecture.native else FOREIGN_KERNEL_MIB), f"aloft {version.name}")
        shutil.rmtree(tree)

    return cache.entry("slot", made_from, make) / "slot.ext4"


def boot_image(model, version):
    """The path of a boot slot's image, where the kernel has a slot of its own: what the root slot has in /boot, for the same version."""
    root = slot_image(model, version)

    def make(folder):
        tree = folder / "tree"
        tree.mkdir()
        debian.run("debugfs", "-R", f"rdump /boot {tree}", root)
        (tree / "boot/version").write_text(f"{version.name}\n")
        image, carried = tree / "boot/initrd.img", {"version": (stat.S_IFREG | 0o644, f"{version.name}\n".encode())}
        if model.verity:
            carried["etc/aloft/verity"] = (stat.S_IFREG | 0o644, programs.verity_root(root).read_bytes())
        image.write_bytes(kernel.appended(image.read_bytes(), carried))
        make_ext4(tree, folder / "boot.ext4", BOOT_MIB, f"boot {version.name}")
        shutil.rmtree(tree)

    return cache.entry("boot-slot", [str(root), str(programs.verity_root(root)) if model.verity else "", *cache.source_digest("rootfs.py")], make) / "boot.ext4"


def app_image(_, version):
    """The path of an application slot's image, which is mounted on /opt/application: what is in the root slot elsewhere."""

    def make(folder):
        (folder / "tree").mkdir()
        add_application(folder / "tree", "mixed" if version.fault == "mixed" else version.name)
        make_ext4(folder / "tree", folder / "app.ext4", APP_MIB, f"app {version.name}")
        shutil.rmtree(folder / "tree")

    return cache.entry("app-slot", [dataclasses.asdict(version), *cache.source_digest("rootfs.py")], make) / "app.ext4"


def add_application(folder, version):
    """Bytes that no compressor shortens and that differ from version to version."""
    (folder / "version").write_text(f"{version}\n")
    (folder / "model.bin").write_bytes(hashlib.shake_128(version.encode()).digest(MODEL_BYTES))


def own_files(model):
    """{path: text} of what a machine has that others of the same system have not."""
    return {"etc/aloft/system.toml": model.settings(), "etc/fstab": model.fstab(), "etc/lab-shell": f"{model.architecture.shell}\n",
            **model.loader.device_files(model)}


def add_machine(tree, model):
    for name, text in own_files(model).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for folder in [*(each.folder for each in model.loader.mounts), *([pathlib.Path(model.app_data).parent] if model.app_data else [])]:
        (tree / str(folder).lstrip("/")).mkdir(parents=True, exist_ok=True)
    for program in model.loader.device_programs:
        (tree / "usr/bin" / pathlib.Path(program).name).unlink(missing_ok=True)
        shutil.copy(debian.root(model.architecture) / program.lstrip("/"), tree / "usr/bin")
        copy_libraries(tree, tree / "usr/bin" / pathlib.Path(program).name, model.architecture)
    for file in kernel.boot_folder(model).iterdir():
        shutil.copy(file, tree / "boot" / file.name)


def debian_tree(tree, agent, _):
    debian.run("cp", "-a", debian.system_tree(), tree)
    masters = tree / "usr/share/base-passwd"
    shutil.copy(masters / "passwd.master", tree / "etc/passwd")
    groups = "".join(f"{name}:x:{number}:\n" for number, name in enumerate(("input", "kvm", "render", "sgx"), start=101))
    (tree / "etc/group").write_text((masters / "group.master").read_text() + groups)
    (tree / "etc/hostname").write_text("gateway\n")
    (tree / "etc/resolv.conf").write_text("")
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        link(units / unit, "/dev/null")
    link(units / "default.target", "/lib/systemd/system/multi-user.target")
    install_agent_files(tree)
    link(units / "multi-user.target.wants/aloftd.service", "/usr/lib/systemd/system/aloftd.service")
    link(units / "sysinit.target.wants/aloft-factory-reset.service", "/usr/lib/systemd/system/aloft-factory-reset.service")
    link(units / "multi-user.target.wants/lab-shell.service", "../lab-shell.service")
    (tree / "etc/systemd/journald.conf.d").mkdir(parents=True, exist_ok=True)
    (tree / "etc/systemd/journald.conf.d/lab.conf").write_text("[Journal]\nStorage=volatile\n")
    check_libraries(tree, agent)


def install_agent_files(tree):
    """The project's units, udev rules and the programs that they call, to where a distribution's package would put them."""
    for file in SYSTEMD.iterdir():
        place = {".service": "usr/lib/systemd/system", ".rules": "usr/lib/udev/rules.d"}.get(file.suffix, "usr/lib/aloft")
        (tree / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tree / place / file.name)


def busybox_tree(tree, agent, architecture):
    for folder in ("usr/bin", "usr/lib", "etc"):
        (tree / folder).mkdir(parents=True)
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib"), ("usr/sbin", "bin")):
        link(tree / name, target)
    shutil.copy(kernel.busybox(architecture), tree / "bin/busybox")
    for name in debian.run(kernel.busybox(X86_64), "--list").split():
        if name != "busybox":
            link(tree / "usr/bin" / name, "busybox")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tree / "etc/group").write_text("root:x:0:\n")
    (tree / "etc/init.d").mkdir()
    shutil.copy(SYSV, tree / "etc/init.d/aloftd")
    copy_libraries(tree, agent, architecture)


def copy_libraries(tree, program, architecture):
    """The shared libraries that a program needs, and theirs, unless the system has them."""
    folders = [debian.root(architecture) / place / architecture.triplet for place in ("usr/lib", "lib")]
    for name in needed_libraries(program):
        if not any(tree.glob(f"usr/lib*/**/{name}")):
            found = next((folder / name for folder in folders if (folder / name).exists()), None)
            if not found:
                raise SystemExit(f"lab: {program} needs {name}, which is not in {folders[0]}")
            shutil.copy(found, tree / "usr/lib" / name)
            copy_libraries(tree, found, architecture)


def needed_libraries(program):
    return [line.split("[")[1].rstrip("]") for line in debian.run("readelf", "-d", program).splitlines() if "(NEEDED)" in line]


def check_libraries(tree, program):
    """Says at build time, rather than on the device, that a library is missing."""
    for name in needed_libraries(program):
        if not any(tree.glob(f"usr/lib*/**/{name}")):
            raise SystemExit(f"lab: {program.name} needs {name}, which no package of debian.PACKAGES brings")


def add_version(tree, model, version, anchors):
    for folder in ("boot", "dev", "proc", "sys", "run", "tmp", "root", "var/tmp", "var/lib/aloft", "etc/aloft", "opt/application"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    (tree / "etc/aloft/version").write_text(f"{version.name}\n")
    (tree / "etc/machine-id").write_text("")
    shutil.copytree(anchors, tree / "etc/aloft/trust")
    if not model.has_slot("app"):
        add_application(tree / "opt/application", version.name)


def break_it(tree, version):
    if version.fault == "panic":
        (tree / "usr/sbin/init").unlink()
    elif version.fault == "unhealthy":
        write_script(tree / "etc/aloft/health.d/20-camera", 'echo "camera 0 gives no pictures"\nexit 1\n')
    elif version.fault in ("hang-kernel", "hang-early"):
        image, place = tree / "boot/initrd.img", "fault" if version.fault == "hang-kernel" else "fault-early"
        script = f'echo "{HANGS}"; sleep 1; echo 0 > /proc/sys/kernel/panic; echo c > /proc/sysrq-trigger\n'
        image.write_bytes(kernel.appended(image.read_bytes(), {place: (stat.S_IFREG | 0o644, script.encode())}))
    elif version.fault == "hang-init":
        (tree / "usr/sbin/init").unlink()
        write_script(tree / "usr/sbin/init", f'echo "{HANGS}" > /dev/console\nwhile :; do sleep 3600; done\n')
    elif version.fault == "hang-agent":
        write_script(tree / "etc/aloft/health.d/20-stop", f'echo "{HANGS}" > /dev/console\nkill -STOP $PPID\n')


def write_script(path, text):
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def make_ext4(tree, image, mib, label):
    """Without a journal (it is never mounted for writing) and with features that GRUB 2.06 reads; times are the same for all versions."""
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    uuid = "5c1f0a52-7a3b-4ab0-9d0c-000000000001"
    debian.run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-L", label[:16], "-U", uuid,
               "-E", f"hash_seed={uuid},lazy_itable_init=0", "-O", "^64bit,^metadata_csum,^has_journal", "-d", tree, image, f"{mib}M",
               env={**os.environ, "E2FSPROGS_FAKE_TIME": str(EPOCH)})


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


FLAVOURS = {"debian": debian_tree, "busybox": busybox_tree}
