#!/usr/bin/env python3
"""Installing a bundle from a web server, on the loopback and over links with delay: what it costs to bound what a power cut makes come again.
docs/benchmarks.md."""
import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import delayed_link  # noqa: E402
from arguments import at_least, understood  # noqa: E402
from agent_device import Device, Tools, Vendor  # noqa: E402

SIZE = 48 << 20
FOLDER = ROOT / "build/bench"
# name, seconds there and back, bytes/s; None: the loopback
LINKS = [("loopback", None, None), ("50 ms", 0.05, None), ("50 ms, 20 Mbit/s", 0.05, 2.5e6)]


def run(*command, **more):
    subprocess.run([str(part) for part in command], check=True, capture_output=True, **more)


class SpacedDevice(Device):
    """A device whose agent lives in a network namespace."""

    def __init__(self, tools, trust, space, ahead_kib):
        self.space, self.ahead_kib = space, ahead_kib
        super().__init__(tools, trust, slot_bytes=SIZE)

    def configure(self, trust, server, extra_health=""):
        super().configure(trust, server, extra_health)
        if self.ahead_kib:
            config = self.folder / "system.toml"
            config.write_text(config.read_text().replace("[download]\n", f"[download]\nahead_kib = {self.ahead_kib}\n"))

    def start(self):
        tools = self.tools
        if self.space:
            wrapper = self.folder / "aloftd-inside"
            wrapper.write_text(f"#!/bin/sh\nexec ip netns exec {self.space} {tools.aloftd} \"$@\"\n")
            wrapper.chmod(0o755)
            self.tools = Tools(wrapper, tools.aloft)
        super().start()
        self.tools = tools


def seconds(tools, vendor, bundle, image, link, ahead_kib):
    """From the request to the reboot that follows the install."""
    address = delayed_link.OUTER if link else "127.0.0.1"
    program = ROOT / "tests/serve_ranges.py"
    server = subprocess.Popen([sys.executable, program, bundle, address], stdout=subprocess.PIPE, text=True)
    device = SpacedDevice(tools, vendor.trust, link.space if link else None, ahead_kib)
    try:
        url = server.stdout.readline().strip()
        device.power_on()
        began = time.monotonic()
        device.run("install", url)
        while not (device.folder / "rebooted").exists():
            if time.monotonic() - began > 600:
                raise SystemExit(device.log_text()[-2000:])
            time.sleep(0.01)
        took = time.monotonic() - began
        if device.slot("B") != image:
            raise SystemExit("bench: the slot holds something else than the image")
        return took
    finally:
        device.stop(kill=True)
        server.kill()
        server.wait()
        run("rm", "-rf", device.folder)


def ahead_values(text):
    for each in text.split(","):
        if each != "-" and not (each.isdecimal() and 16 <= int(each) <= 8192):
            raise argparse.ArgumentTypeError(f"{each!r} is neither a number from 16 to 8192 nor `-`")
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench remote", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--rounds", type=at_least(1), default=3, help="how often each is measured; the best counts (default 3)")
    parser.add_argument("--ahead", type=ahead_values, default="64,256,1024,4096", metavar="KIB,...", help="values of download.ahead_kib to compare, 16 to 8192; `-`: the agent's own")
    parser.add_argument("--agent", default=os.environ.get("ALOFT_BENCH_AGENT", ROOT / "build/release-small/src/agent/aloftd"))
    parser.add_argument("--cli", default=ROOT / "build/release/src/cli/aloft")
    arguments = parser.parse_args()
    understood()
    if os.geteuid() != 0:
        raise SystemExit("bench: network namespaces need root")
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(FOLDER)  # on a disk, as slots are
    tools = Tools(arguments.agent, arguments.cli)
    vendor = Vendor(tools)
    image = os.urandom(SIZE)  # does not compress: every byte of it crosses the link
    (vendor.folder / "image").write_bytes(image)
    bundle, keys = vendor.folder / "remote.aloft", vendor.folder / "keys"
    run(tools.aloft, "bundle", "create", "-o", bundle, "--product", "lab-gateway", "--hardware", "rev-a", "--version", "2.0",
        "--image", f"rootfs={vendor.folder / 'image'}", "--key", keys / "signer.key", "--cert", keys / "signer.pem")
    result = {}
    for name, round_trip_s, rate in LINKS:
        with contextlib.ExitStack() as stack:
            link = stack.enter_context(contextlib.closing(delayed_link.Link(round_trip_s / 2, rate))) if round_trip_s else None
            for ahead in arguments.ahead:
                best = min(seconds(tools, vendor, bundle, image, link, None if ahead == "-" else int(ahead)) for _ in range(arguments.rounds))
                result.setdefault(name, {})[ahead] = round(SIZE / best / 1e6, 2)
                print(f"bench: {name}, {ahead} KiB ahead: {SIZE / best / 1e6:.2f} MB/s", file=sys.stderr, flush=True)
    run("rm", "-rf", vendor.folder)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"{'MB/s':20}" + "".join(f"{column + ' KiB':>12}" for column in arguments.ahead))
        for name, values in result.items():
            print(f"{name:20}" + "".join(f"{values[column]:12.1f}" for column in arguments.ahead))
    return 0


if __name__ == "__main__":
    sys.exit(main())
