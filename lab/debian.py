"""What the lab takes from Debian: one kernel package, and a small system of packages unpacked without running anything of theirs."""
import functools
import os
import pathlib
import shutil
import subprocess

import cache

SUITE = "bookworm"
PACKAGES = ["base-files", "base-passwd", "ca-certificates", "coreutils", "dash", "grep", "kmod", "libcurl4", "libgcc-s1", "libssl3",
            "liblz4-1", "liblzma5", "libstdc++6", "libzstd1", "mount", "sed", "systemd-sysv", "udev", "util-linux"]
# What the device's programs are compiled against, and what a machine of another architecture boots with.
FOREIGN_PACKAGES = ["busybox-static", "libarchive-dev", "libc6-dev", "libcli11-dev", "libcurl4-openssl-dev", "libssl-dev", "liblz4-dev", "liblzma-dev", "libtomlplusplus-dev",
                    "libubootenv-tool", "libxxhash-dev", "libzstd-dev", "nlohmann-json3-dev", "zlib1g-dev"]
NOT_WANTED = ["/usr/share/*", "/lib/udev/hwdb.d/*", "/etc/cron*", "/etc/apt/*", "/var/lib/dpkg/*", "/usr/lib/x86_64-linux-gnu/gconv/*"]
WANTED = ["/usr/share/base-passwd/*", "/usr/share/dbus-1/*"]


def run(*command, **options):
    """Runs a program; its output is shown only when it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"lab: {command[0]} failed with status {done.returncode}:\n{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
    return done.stdout


@functools.cache  # apt is slow to ask
def kernel_package():
    """The package that linux-image-amd64 stands for today, like linux-image-6.1.0-56-amd64; other architectures have the same version."""
    for lists_are_new in False, True:
        answer = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True)
        for line in answer.stdout.splitlines():
            if "Depends: linux-image-" in line:
                return line.split()[-1]
        if not lists_are_new:
            run("apt-get", "update")
    raise SystemExit("lab: apt knows no linux-image-amd64; is a Debian archive in its sources?")


def kernel_tree(architecture):
    """A folder with boot/vmlinuz-RELEASE and lib/modules/RELEASE of the full kernel (the cloud kernel has no i6300esb watchdog)."""
    if not architecture.native:
        return foreign_tree(architecture)
    package = kernel_package()

    def make(folder):
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", package]
        if subprocess.run(download, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            run("apt-get", "update")
            run(*download, cwd=folder)
        for file in folder.glob("*.deb"):
            run("dpkg-deb", "-x", file, folder)
            file.unlink()
        release = package.removeprefix("linux-image-")
        run("depmod", "-b", folder, release)

    return cache.entry("kernel", [package], make)


def foreign_tree(architecture):
    """A folder with kernel, busybox, libraries and headers of another architecture, unpacked; nothing of it runs here."""
    package = kernel_package().removesuffix("amd64") + architecture.debian

    def make(folder):
        options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        run("mmdebstrap", "--variant=extract", "--mode=root", f"--arch={architecture.debian}", f"--include={','.join([package, *FOREIGN_PACKAGES])}",
            *options, "--hook-directory=/usr/share/mmdebstrap/hooks/merged-usr", SUITE, folder / "tree", *apt_sources(),
            env={**os.environ, "TMPDIR": str(folder)})
        run("depmod", "-b", folder / "tree", package.removeprefix("linux-image-"))

    made_from = [SUITE, package, FOREIGN_PACKAGES, *cache.source_digest("debian.py")]
    return cache.entry(f"foreign-{architecture.debian}", made_from, make) / "tree"


def root(architecture):
    """Where the architecture's programs and libraries are to be copied from: the build host's own, or the foreign tree."""
    return pathlib.Path("/") if architecture.native else foreign_tree(architecture)


def apt_sources():
    places = [pathlib.Path("/etc/apt/sources.list"), pathlib.Path("/etc/apt/sources.list.d/debian.sources")]
    return [place for place in places if place.is_file() and place.read_text().strip()]  # none: mmdebstrap knows the archive


def system_tree():
    """A folder holding a Debian system with systemd, unpacked but not configured: rootfs.py finishes it."""

    def make(folder):
        options = [f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_WANTED]
        options += [f"--dpkgopt=path-include={pattern}" for pattern in WANTED]
        tree = folder / "tree"
        run("mmdebstrap", "--variant=extract", "--mode=root", f"--include={','.join(PACKAGES)}", *options,
            "--hook-directory=/usr/share/mmdebstrap/hooks/merged-usr", SUITE, tree, *apt_sources(),
            env={**os.environ, "TMPDIR": str(folder)})
        for name in ("dev", "usr/share/zsh", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/udev/hwdb.d", "var/lib/apt", "var/cache/apt"):
            shutil.rmtree(tree / name, ignore_errors=True)
        (tree / "dev").mkdir()

    return cache.entry("debian", [SUITE, PACKAGES, NOT_WANTED, WANTED, *cache.source_digest("debian.py")], make) / "tree"
