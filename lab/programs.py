"""The project's programs, and what is made with them before a machine runs: development keys and signed bundles."""
import json
import os
import pathlib
import struct
import time

import cache
import cross
import debian
import disk
from architecture import X86_64
from model import HARDWARE, PRODUCT, Partition

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD") or cache.HERE.parent / "build/dev")
KEYS_LAST_S = 14 * 24 * 3600


def program(name, architecture=X86_64):
    """The path of one of the project's programs; the device's programs for any architecture."""
    if not architecture.native:
        return cross.program(name, architecture)
    for place in {"aloftd": "src/agent", "aloft-rebuild": "src/rebuild", "aloft": "src/cli", "aloft-server": "src/server", "aloft-watchdog": "integration/initramfs"}[name], "bin":
        if (BUILD / place / name).is_file():
            return BUILD / place / name
    raise SystemExit(f"lab: {BUILD} has no {name}; build it first: ./dev build")


def environment(more):
    """The caller's, without what would send the operator's tool to another server."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("ALOFT_")}, **more}


def aloft(*arguments):
    """Runs the operator's command line tool; returns what it printed."""
    return debian.run(program("aloft"), *arguments)


def keys():
    """A folder of development keys: trust/ for devices, signer.key and signer.pem for bundles."""
    fortnight = int(time.time()) // KEYS_LAST_S
    return cache.entry("keys", [fortnight, *cache.source_digest("programs.py")], lambda folder: aloft("keys", "init", folder / "keys")) / "keys"


def with_tree(image):
    """The image with a dm-verity tree behind it, as a device has it in its slot."""

    def make(folder):
        aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", "1", "--image", f"image={image}", "--verity", "image", "--key",
              keys() / "signer.key", "--cert", keys() / "signer.pem", "--output", folder / "bundle")
        aloft("bundle", "unpack", folder / "bundle", "--trust", keys() / "trust", "-C", folder / "unpacked")
        (folder / "bundle").unlink()
        (unpacked,) = (folder / "unpacked").iterdir()
        unpacked.rename(folder / "image")

    return cache.entry("verity-image", [str(image), cache.file_digest(program("aloft")), *cache.source_digest("programs.py")], make) / "image"


def verity_root(image):
    """A file that tells an initramfs the root of the image's tree, and where it begins."""
    made_from = [str(image), cache.file_digest(program("aloft")), *cache.source_digest("programs.py")]
    return cache.entry("verity", made_from, lambda folder: aloft("bundle", "verity", image, "-o", folder / "verity")) / "verity"


def bundle(images, version, types=None, verity=()):
    """The signed bundle that brings a device to the version. images: {slot class: path}; types: {slot class: type of its image}, raw without; verity: those that get a dm-verity tree."""
    typed = {name: kind for name, kind in (types or {}).items() if name in images and kind != "raw"}

    def make(folder):
        options = [word for slot_class, image in images.items() for word in ("--image", f"{slot_class}={image}")]
        options += [word for slot_class, kind in typed.items() for word in ("--type", f"{slot_class}={kind}")]
        options += [word for slot_class in verity for word in ("--verity", slot_class)]
        aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", version.name, *options,
              "--key", keys() / "signer.key", "--cert", keys() / "signer.pem", "--output", folder / "update.aloft")

    made_from = [{name: str(image) for name, image in images.items()}, typed, verity, str(keys()), cache.file_digest(program("aloft")),
                 *cache.source_digest("programs.py")]
    return cache.entry("bundle", made_from, make) / "update.aloft"


def stick(model, version):
    """The image of a USB stick with the version's bundle on its first partition, and nothing on its second."""
    brought = bundle(model.images(version), version, model.image_types(), model.verity)

    def make(folder):
        partitions, contents = stick_partitions(brought), {}
        for each in partitions:
            contents[each.name] = folder / f"{each.name}.img"
            debian.run("mkfs.vfat", "-C", "-n", "STICK", contents[each.name], each.mib << 10)
        debian.run("mcopy", "-i", contents[partitions[0].name], brought, "::update.aloft")
        disk.make(folder / "stick.img", partitions, contents)
        for image in contents.values():
            image.unlink()

    return cache.entry("stick", [str(brought), *cache.source_digest("programs.py", "disk.py")], make) / "stick.img"


def stick_partitions(brought):
    return [Partition("stick-bundle", (brought.stat().st_size >> 20) + 5, "0700"), Partition("stick-other", 4, "0700")]


def stored_frames(bundle):
    """{slot class: [(content's size, stored size) of each frame]}; docs/bundle-format.md."""
    with open(bundle, "rb") as file:
        (length,) = struct.unpack_from("<16xQ", file.read(64))
        images = json.loads(file.read(length))["images"]
    frames = {}
    for image in images:
        frame = image["frames"]["size"]
        sizes = [min(frame, image["size"] - start) for start in range(0, image["size"], frame)]
        frames[image["slot_class"]] = list(zip(sizes, image["stored"]["sizes"]))
    return frames
