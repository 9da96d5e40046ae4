"""What a device fetches that has the old image but no delta: the real agent, its slot a file, the bundle on a plain web server that knows nothing."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import agent_device  # noqa: E402
import ranges_server  # noqa: E402

FRAME_KIB, LEVEL = 512, 19


def measure(aloft, aloftd, old, new, work):
    """Bytes that came for an install of `new` over a slot with `old` beside it, requests, and the agent's peak of memory."""
    tools = agent_device.Tools(aloftd, aloft)
    vendor = agent_device.Vendor(tools)
    bundle = work / "new.aloft"
    subprocess.run([aloft, "bundle", "create", "-o", bundle, "--product", "lab-gateway", "--hardware", "rev-a", "--version", "2.0", "--frame-size", str(FRAME_KIB),
                    "--level", str(LEVEL), "--blocks", "--image", f"rootfs={new}", "--key", vendor.folder / "keys/signer.key", "--cert", vendor.folder / "keys/signer.pem"],
                   check=True, capture_output=True)
    size = new.stat().st_size
    device = agent_device.Device(tools, vendor.trust, slot_bytes=1)
    try:
        subprocess.run(["cp", "--reflink=auto", old, device.folder / "slot-A"], check=True)
        with open(device.folder / "slot-B", "wb") as slot:
            slot.truncate(size)
        with ranges_server.Server(bundle.read_bytes()) as server:
            device.power_on()
            device.run("install", server.url)
            agent_device.wait_for("the agent asks for a reboot", (device.folder / "rebooted").exists, 1200)
            came, requests = sum(count for _, count in server.arrived()), len(server.requests)
            peak = next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{device.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        if subprocess.run(["cmp", "-s", new, device.folder / "slot-B"]).returncode != 0:
            raise SystemExit("bench delta: the slot is not the new image")
        return {"bytes": came, "bundle_bytes": bundle.stat().st_size, "requests": requests, "agent_mib": round(peak / 1024, 1)}
    finally:
        device.stop(kill=True)
