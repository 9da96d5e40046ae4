"""The project's programs, and what is made with them before a machine runs: development keys and signed bundles."""
import json
import os
import pathlib
import struct
import time

import cache
import debian
import rootfs

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD") or cache.HERE.parent / "build/dev")
PRODUCT, HARDWARE = "lab-gateway", "rev-a"
KEYS_LAST_S = 14 * 24 * 3600


def program(name):
    for place in {"aloftd": "src/agent", "aloft": "src/cli", "aloft-server": "src/server"}[name], "bin":
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


def slot(system, version):
    return rootfs.slot_image(system, version, program("aloftd"), keys() / "trust")


def bundle(system, version):
    """The signed bundle that brings a device to the version."""
    image = slot(system, version)

    def make(folder):
        aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", version.name, "--image", f"rootfs={image}",
              "--key", keys() / "signer.key", "--cert", keys() / "signer.pem", "--output", folder / "update.aloft")

    made_from = [str(image), str(keys()), cache.file_digest(program("aloft")), *cache.source_digest("programs.py")]
    return cache.entry("bundle", made_from, make) / "update.aloft"


def stored_frames(bundle):
    """(content's size, stored size) of each frame of the bundle's first image; docs/bundle-format.md."""
    with open(bundle, "rb") as file:
        (length,) = struct.unpack_from("<16xQ", file.read(64))
        image = json.loads(file.read(length))["images"][0]
    frame = image["frames"]["size"]
    sizes = [min(frame, image["size"] - start) for start in range(0, image["size"], frame)]
    return list(zip(sizes, image["stored"]["sizes"]))
