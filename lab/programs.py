"""The project's programs, and what is made with them before a machine runs: development keys and signed bundles."""
import json
import os
import pathlib
import subprocess

import cache
import rootfs

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD") or cache.HERE.parent / "build/dev")
PRODUCT, HARDWARE = "lab-gateway", "rev-a"
KEYS_LAST_S = 14 * 24 * 3600


def program(name):
    for place in {"aloftd": "src/agent", "aloft": "src/cli", "aloft-server": "src/server"}[name], "bin":
        if (BUILD / place / name).is_file():
            return BUILD / place / name
    raise SystemExit(f"lab: {BUILD} has no {name}; build it first: ./dev build")


def aloft(*arguments, input=None, env=None, may_fail=False):
    """Runs the operator's command line tool; returns what it printed."""
    command = [str(word) for word in (program("aloft"), *arguments)]
    done = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    if done.returncode != 0 and not may_fail:
        raise SystemExit(f"lab: aloft {' '.join(command[1:])} failed with status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def keys():
    """A folder of development keys: anchors/ for devices, and what signs bundles."""
    import time
    fortnight = int(time.time()) // KEYS_LAST_S

    def make(folder):
        aloft("keys", "dev", "--out", folder)
        (folder / "anchors").mkdir()
        (folder / "anchors/root.pem").write_bytes((folder / "ca.pem").read_bytes())

    return cache.entry("keys", [fortnight, *cache.source_digest("programs.py")], make)


def slot(system, version):
    return rootfs.slot_image(system, version, program("aloftd"), keys() / "anchors")


def bundle(system, version):
    """The signed bundle that brings a device to the version."""
    image = slot(system, version)

    def make(folder):
        aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", version.name, "--image", f"rootfs={image}",
              "--key", keys() / "signer.key", "--cert", keys() / "signer.pem", "--out", folder / "update.aloft")

    made_from = [str(image), str(keys()), cache.file_digest(program("aloft")), *cache.source_digest("programs.py")]
    return cache.entry("bundle", made_from, make) / "update.aloft"
