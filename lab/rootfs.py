"""One version of the device's software as the image of a slot: a system, the agent, the version's own files, in a read-only ext4."""
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess

import cache
import debian
import kernel

REPOSITORY = cache.HERE.parent
DEVICE = cache.HERE / "device"
SYSTEMD = REPOSITORY / "integration/systemd"
EPOCH = 1735689600
MIB = 1 << 20
MODEL_BYTES = 6 * MIB
IMAGE_MIB = {"grub-debian": 112, "grub-busybox": 56}

# What makes a version bad, by the story's word for it.
FAULTS = {"": "nothing is wrong with it",
          "panic": "its init program is missing: the kernel panics",
          "unhealthy": "it boots, but a health check fails"}

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


def slot_image(system, version, agent, anchors):
    """The path of the slot's image. agent: the aloftd program; anchors: folder of *.pem that the device trusts."""
    trees = sorted(path for top in ("common", system.removeprefix("grub-")) for path in (DEVICE / top).rglob("*") if path.is_file())
    made_from = [system, dataclasses.asdict(version), cache.file_digest(agent), [cache.file_digest(path) for path in sorted(anchors.glob("*"))],
                 [[str(path.relative_to(DEVICE)), cache.file_digest(path)] for path in trees], str(kernel.boot_folder()),
                 [cache.file_digest(path) for path in sorted(SYSTEMD.iterdir())], *cache.source_digest("rootfs.py", "debian.py", "kernel.py")]

    def make(folder):
        tree = folder / "tree"
        {"grub-debian": debian_tree, "grub-busybox": busybox_tree}[system](tree, agent)
        add_version(tree, version, agent, anchors)
        shutil.copytree(DEVICE / "common", tree, dirs_exist_ok=True)
        shutil.copytree(DEVICE / system.removeprefix("grub-"), tree, dirs_exist_ok=True)
        break_it(tree, version)
        make_ext4(tree, folder / "slot.ext4", IMAGE_MIB[system], f"aloft {version.name}")
        shutil.rmtree(tree)

    return cache.entry("slot", made_from, make) / "slot.ext4"


def debian_tree(tree, agent):
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


def busybox_tree(tree, agent):
    for folder in ("usr/bin", "usr/lib", "etc"):
        (tree / folder).mkdir(parents=True)
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib"), ("usr/sbin", "bin")):
        link(tree / name, target)
    shutil.copy(kernel.BUSYBOX, tree / "bin/busybox")
    for name in debian.run(kernel.BUSYBOX, "--list").split():
        if name != "busybox":
            link(tree / "usr/bin" / name, "busybox")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tree / "etc/group").write_text("root:x:0:\n")
    for word in debian.run("ldd", agent).split():
        if word.startswith("/"):
            shutil.copy(word, tree / "usr/lib" / pathlib.Path(word).name)


def check_libraries(tree, agent):
    """Says at build time, rather than on the device, that a library is missing."""
    for line in debian.run("readelf", "-d", agent).splitlines():
        if "(NEEDED)" in line:
            name = line.split("[")[1].rstrip("]")
            if not any(tree.glob(f"usr/lib*/**/{name}")):
                raise SystemExit(f"lab: aloftd needs {name}, which no package of debian.PACKAGES brings")


def add_version(tree, version, agent, anchors):
    for folder in ("boot/efi", "dev", "proc", "sys", "run", "tmp", "root", "var/tmp", "var/lib/aloft", "etc/aloft", "opt/application"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for file in kernel.boot_folder().iterdir():
        shutil.copy(file, tree / "boot" / file.name)
    debian.run("strip", "-o", tree / "usr/bin/aloftd", agent)
    (tree / "etc/aloft/version").write_text(f"{version.name}\n")
    (tree / "etc/machine-id").write_text("")
    shutil.copytree(anchors, tree / "etc/aloft/trust")
    # Bytes that no compressor shortens and that differ from version to version.
    (tree / "opt/application/model.bin").write_bytes(hashlib.shake_128(version.name.encode()).digest(MODEL_BYTES))


def break_it(tree, version):
    if version.fault == "panic":
        (tree / "usr/sbin/init").unlink()
    elif version.fault == "unhealthy":
        script = tree / "etc/aloft/health.d/20-camera"
        script.write_text('#!/bin/sh\necho "camera 0 gives no pictures"\nexit 1\n')
        script.chmod(0o755)


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
