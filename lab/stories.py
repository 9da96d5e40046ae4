"""What must happen on a machine that really boots. Each story starts from a healthy, enrolled device and leaves one behind."""
import time

import disk
import flash
import kernel
import machine
import programs
import rootfs
import sitedata
from scene import BOOT_S, DEVICE, UPDATE_S, require

CUT_AT_PERMILLE = 400
# A frame being written, and what stood in the buffers of the device's kernel when the power failed.
REFETCH_LIMIT_BYTES = 4 << 20
DELTA_BESIDES_BYTES = 1 << 20  # TLS, polls, reports, manifests
UNITS_S = 60
STICK_KNOWN = "it is not installed again"  # said by install-from-stick


def good(scene):
    """A good update is downloaded, installed, booted, found healthy and committed, and doctor has nothing against the device."""
    before, target, slot = scene.version, scene.next_version(), scene.other_slot()
    watch = scene.deploy(target)
    scene.await_boot(slot, target, watch.look)
    watch.until_state("committed")
    scene.runs_now(target, slot)
    scene.require_sound()
    return f"{before} -> {target} in {watch.times['committed']:.0f} s"


def panic(scene):
    """A version whose kernel panics is given up by the boot loader after its tries; the device comes back by itself."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target, "panic")
    for boot in range(scene.model.tries):
        scene.machine.wait_for("Kernel panic - not syncing", UPDATE_S, watch.look)
        scene.narrator.say(f"{DEVICE}: kernel panic in slot {slot}, boot {boot + 1} of {scene.model.tries}")
    return f"{target} panicked {times(scene)}; " + came_back(scene, watch)


def unhealthy(scene):
    """A version that boots but fails a health check rolls itself back, and the server has the check's own words."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target, "unhealthy")
    scene.await_boot(slot, target, watch.look)
    back = came_back(scene, watch)
    require("camera 0 gives no pictures" in back, f"the server's reason lacks the health check's words: {back}")
    return f"{target} failed a health check; " + back


def mixed(scene):
    """A version whose application is another version's boots, is found out by a health check, and goes back with all its slots; the next one switches all of them."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target, "mixed")
    scene.await_boot(slot, target, watch.look)
    back = came_back(scene, watch)
    require(f"boot {target}, root {target}, application mixed" in back, f"the server is not told of the mixture: {back}")
    _, seen = scene.machine.shell("cat /run/boot-version /etc/aloft/version /opt/application/version")
    require(seen.split() == 3 * [scene.version], f"boot, root and application are of {seen.split()} after the way back to {scene.version}")
    return f"{target} was a mixture; {back}"


def cut_while_installing(scene, watch, slot, target):
    """Power fails when much is installed, and comes back; the device goes on and commits. Returns the per mille at which it failed and the bytes that came
    before and after."""
    watch.until(lambda watch: (watch.permille or 0) >= CUT_AT_PERMILLE, "much installed")
    at = watch.permille
    scene.machine.power_cut()
    before = scene.machine.received_bytes() - watch.received_before
    scene.narrator.say(f"POWER CUT at {at / 10:.0f}% of installing {target}")
    time.sleep(1)
    scene.machine.start()
    scene.narrator.say(f"{DEVICE}: power is back")
    scene.await_boot(scene.slot, scene.version, watch.look)
    scene.await_boot(slot, target, watch.look)
    watch.until_state("committed")
    scene.runs_now(target, slot)
    return at, before, scene.machine.received_bytes()


def cut(scene):
    """Power fails in the middle of installing; the device goes on where it was and fetches hardly anything twice."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target)
    at, fetched, rest = cut_while_installing(scene, watch, slot, target)
    again = fetched + rest - watch.needed_bytes
    require(again <= REFETCH_LIMIT_BYTES + watch.streamed_bytes, f"{again} bytes were fetched twice: {fetched} before the power cut, {rest} after it, {watch.needed_bytes} needed")
    return (f"{target} cut at {at / 10:.0f}%, finished after {watch.times['committed']:.0f} s; "
            f"{again / 1e6:.2f} of {watch.needed_bytes / 1e6:.0f} MB fetched twice")


def delta(scene):
    """The server makes a delta from what the device runs; power fails while the device installs by it, and it goes on where it was."""
    slot, target, before = scene.other_slot(), scene.next_version(), scene.version
    scene.server.upload(scene.bundle(before)[0])
    bundle, images = scene.bundle(target)
    release = scene.server.upload(bundle)
    scene.server.restart(deltas="on")
    made = scene.server.made_delta(release, before)
    scene.narrator.say(f"server: made the delta from {before} to {target}, {made['size_bytes'] / 1e3:.0f} kB for a bundle of {bundle.stat().st_size / 1e6:.0f} MB")
    watch = scene.deploy_bundle(target, bundle, images, release)
    at, fetched, rest = cut_while_installing(scene, watch, slot, target)
    fetched += rest
    scene.server.restart(deltas="off")
    told = scene.server.ask("deployment", "show", watch.number)["download"]
    require(told["method"] in ("delta", "mixed"), f"it did not come by the delta: {told}")
    require(fetched <= 3 * made["size_bytes"] + watch.streamed_bytes + DELTA_BESIDES_BYTES,
            f"{fetched} bytes came for a delta of {made['size_bytes']}, of them {watch.streamed_bytes} for slots without deltas")
    return (f"{before} -> {target} by a delta of {made['size_bytes'] / 1e3:.0f} kB, cut at {at / 10:.0f}%: {fetched / 1e3:.0f} kB came over the network instead of "
            f"{bundle.stat().st_size / 1e6:.0f} MB; the device counted {told['fetched_bytes'] / 1e3:.0f} kB")


def verity(scene):
    """A root file system that is altered after it was verified restarts the machine at the first bad block, until the old slot runs."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target)
    watch.until(lambda watch: "rebooting" in watch.times, "rebooting")  # the console may still hold a reset of the story before
    scene.machine.wait_for(machine.RESETS, UPDATE_S, watch.look)
    scene.machine.power_cut()
    root = scene.model.images(rootfs.Version(target))["rootfs"]
    offset = flash.offset_of(root, kernel.busybox(scene.model.architecture))
    start = disk.partition_offset(scene.model.partitions(), "flash")
    flash.alter(scene.folder / "disk.img", start, flash.VOLUMES.index(f"rootfs-{slot.lower()}"), offset + 100)
    scene.narrator.say(f"somebody: flips a bit of the init program in slot {slot}, on the flash itself")
    scene.machine.start()
    for boot in range(3):
        scene.machine.wait_for("verity: .* is corrupted", BOOT_S, watch.look)
        scene.narrator.say(f"{DEVICE}: dm-verity finds it in slot {slot}, boot {boot + 1} of 3")
    return f"{target} was altered; " + came_back(scene, watch)


def hangs(scene, fault):
    """A version that stops without a word is reset by the hardware watchdog, each of its tries, until the old one runs; it knows why."""
    slot, target = scene.other_slot(), scene.next_version()
    watch = scene.deploy(target, fault)
    for boot in range(scene.model.tries):
        scene.machine.wait_for(rootfs.HANGS, UPDATE_S, watch.look)
        scene.narrator.say(f"{DEVICE}: hangs in slot {slot}, boot {boot + 1} of {scene.model.tries}")
    back = came_back(scene, watch)
    require("hardware watchdog" in back, f"the server is not told that the watchdog reset the device: {back}")
    require(scene.agent_status()["watchdog"]["caused_last_boot"], "the agent does not know that the watchdog reset the device")
    return f"{target} hung {times(scene)}; " + back


def hang_early(scene):
    """A kernel that dies before anything of its own has started the watchdog is reset by the one that the boot loader started."""
    return hangs(scene, "hang-early")


def hang_kernel(scene):
    """A kernel that dies in early boot, and stays dead, is reset by the watchdog that the initramfs started; the old version says so."""
    return hangs(scene, "hang-kernel")


def hang_init(scene):
    """A version whose init sleeps for ever, before the agent starts, is reset by the watchdog; the old version says so."""
    return hangs(scene, "hang-init")


def hang_agent(scene):
    """A version whose agent stops in the middle of its trial is reset by the watchdog; the old version says so."""
    return hangs(scene, "hang-agent")


def factory_reset(scene):
    """What an application keeps on the device outlives an update; a factory reset, with the power cut in its middle, empties it, and leaves the device what it was."""
    data = sitedata.SiteData(scene)
    data.put()
    updated = good(scene)
    data.require_there()
    kept, order, known = data.kept(), scene.boot_state(), scene.server.device(DEVICE)
    data.ask("aloftd factory-reset --yes && sync")
    scene.narrator.say(f"somebody: asks {DEVICE} for a factory reset, and restarts it")
    data.ask("(sleep 1; systemctl reboot) >/dev/null 2>&1 & true")
    scene.await_boot(scene.slot, scene.version)
    left = data.cut_in_the_middle(scene.machine.flushes())
    scene.narrator.say(f"POWER CUT in the middle of the reset: {left} entries of {sitedata.SITES + 2} are left")
    scene.machine.start()
    scene.await_boot(scene.slot, scene.version)
    scene.machine.wait_for("factory reset: done", BOOT_S, scene.narrator.tick)
    device = scene.await_device(lambda device: device["last_seen_ms"] / 1000 > scene.machine.powered)
    data.require_gone()
    now = data.kept()
    require(now == kept, f"the reset changed {sorted(name for name in {**kept, **now} if kept.get(name) != now.get(name))}")
    require(scene.boot_state() == order and all(device[name] == known[name] for name in ("status", "version", "key_sha256", "created_ms")), f"the device is another one: {device}, {scene.boot_state()}")
    return f"{updated}; {left} entries were left at the power cut, none after it; key, enrolment, floor, history and trust are as before"


def usb(scene):
    """A USB stick with a bundle on one of two partitions is plugged in, and nothing else is done; the stick that stays plugged in does not start
    it all again."""
    before, target, slot = scene.version, scene.next_version(), scene.other_slot()
    earlier = scene.agent_status().get("update", {}).get("number", 0)
    scene.machine.plug_stick(programs.stick(scene.model, rootfs.Version(target)))
    scene.narrator.say(f"somebody: plugs a stick with {target} into {DEVICE}")
    started = time.monotonic()
    scene.await_boot(slot, target, limit_s=UPDATE_S)
    update = scene.await_update(lambda update: update["state"] == "committed" and update["version"] == target)
    took = time.monotonic() - started
    scene.runs_now(target, slot)
    require(update["number"] == earlier + 1, f"one update was to be made, but there were {update['number'] - earlier}")
    scene.machine.wait_for(STICK_KNOWN, UNITS_S, scene.narrator.tick)
    require(scene.agent_status()["update"]["number"] == earlier + 1, "the stick that stayed plugged in was installed again")
    scene.machine.pull_stick()
    return f"{before} -> {target} in {took:.0f} s; the stick that stayed was left alone"


def recovery_good(scene):
    """On a device with a recovery system: that one is started, installs the normal system, which is booted, found healthy and committed."""
    before, target, recovery = scene.version, scene.next_version(), scene.model.recovery_group
    watch = scene.deploy(target)
    scene.await_boot(recovery, scene.recovery_version, watch.look)
    scene.await_boot(scene.slot, target, watch.look)
    watch.until_state("committed")
    scene.runs_now(target, scene.slot)
    return f"{before} -> {target} through group {recovery} in {watch.times['committed']:.0f} s"


def recovery_panic(scene):
    """A normal system that panics leaves the device in its recovery system, in reach of the server, which then deploys a good one."""
    target, recovery = scene.next_version(), scene.model.recovery_group
    watch = scene.deploy(target, "panic")
    scene.await_boot(recovery, scene.recovery_version, watch.look)
    for boot in range(3):
        scene.machine.wait_for("Kernel panic - not syncing", UPDATE_S, watch.look)
        scene.narrator.say(f"{DEVICE}: kernel panic in slot {scene.slot}, boot {boot + 1} of 3")
    scene.await_boot(recovery, scene.recovery_version, watch.look)
    watch.until_state("rolled-back")
    require(scene.boot_state()[scene.slot] == "bad", "the normal system is rolled back, but not bad")
    good_one = scene.next_version()
    again = scene.deploy(good_one)
    scene.await_boot(scene.slot, good_one, again.look)
    again.until_state("committed")
    scene.runs_now(good_one, scene.slot)
    return f"{target} panicked 3 times (E{watch.error}); {good_one} came from the recovery system in {again.times['committed']:.0f} s"


def recovery_cut(scene):
    """Power fails while the recovery system writes the normal one; it comes up again, goes on, and the new system is committed."""
    target, recovery = scene.next_version(), scene.model.recovery_group
    watch = scene.deploy(target)
    scene.await_boot(recovery, scene.recovery_version, watch.look)
    watch.until(lambda watch: (watch.permille or 0) > 0, "some of it installed")
    at = watch.permille
    scene.machine.power_cut()
    scene.narrator.say(f"POWER CUT at {at / 10:.0f}% of installing {target}")
    time.sleep(1)
    scene.machine.start()
    scene.await_boot(recovery, scene.recovery_version, watch.look)
    scene.await_boot(scene.slot, target, watch.look)
    watch.until_state("committed")
    scene.runs_now(target, scene.slot)
    return f"{target} cut at {at / 10:.0f}% in the recovery system, finished after {watch.times['committed']:.0f} s"


def recovery_replaced(scene):
    """The normal system replaces the recovery system, which is tried and committed, and goes home."""
    recovery, target = scene.model.recovery_group, f"recovery-{scene.next_version()}"
    watch = scene.deploy(target, recovery=True)
    scene.await_boot(recovery, target, watch.look)
    scene.await_boot(scene.slot, scene.version, watch.look)
    watch.until_state("committed")
    scene.await_device(lambda device: device["version"] == scene.version)
    require(list(scene.boot_state().items()) == [(scene.slot, "committed"), (recovery, "committed")], f"boot state {scene.boot_state()}")
    before, scene.recovery_version = scene.recovery_version, target
    return f"{before} -> {target} in {watch.times['committed']:.0f} s"


# By a delta first, into a slot that nothing was put in yet: later on most of an update stands there already, and no delta is worth fetching.
STORIES = {"delta": delta, "good": good, "panic": panic, "unhealthy": unhealthy, "mixed": mixed, "hang-early": hang_early, "hang-kernel": hang_kernel, "hang-init": hang_init, "hang-agent": hang_agent,
           "verity": verity, "cut": cut, "factory-reset": factory_reset, "usb": usb, "recovery-good": recovery_good, "recovery-panic": recovery_panic, "recovery-cut": recovery_cut,
           "recovery-replaced": recovery_replaced}
NEEDS = {"delta": lambda model: all(slot.kind != "ubi" for slot in model.slots), "mixed": lambda model: model.has_slot("app"), "usb": lambda model: model.usb, "factory-reset": lambda model: model.app_data, "verity": lambda model: model.verity, "hang-early": lambda model: model.loader.starts_watchdog}  # stories that not every machine can tell


def of(model):
    """The names of the stories that are played on it: with a recovery system, those about it, which begin with its name."""
    told = [name for name in STORIES if name not in NEEDS or NEEDS[name](model)]
    return [name for name in told if name.startswith("recovery-") == bool(model.recovery)]


def times(scene):
    return "once" if scene.model.tries == 1 else f"{scene.model.tries} times"


def came_back(scene, watch):
    """The device runs the old version again and the server knows why; returns what there is to say of it."""
    watch.until_state("rolled-back")
    require(watch.error and watch.message, f"rolled back without a reason: {watch}")
    scene.await_device(lambda device: device["version"] == scene.version)
    state = scene.boot_state()
    require(state[scene.slot] == "committed" and state[scene.other_slot()] == "bad", f"rolled back, but the boot state is {state}")
    return f"back on {scene.version} after {watch.times['rolled-back']:.0f} s: {watch.message} (E{watch.error})"


def enrol(scene):
    """A device as the factory makes it starts for the first time, and enrols."""
    scene.start_server()
    scene.first_boot()
    return "enrolled"


def play(scene, names, told):
    """Enrols a device and plays stories on it; told(name, seconds, outcome or Failure) after each, of "enrol" first. True if all went as they must."""
    for name, tell in (("enrol", enrol), *((name, STORIES[name]) for name in names)):
        started = time.monotonic()
        scene.narrator.title(tell.__doc__)
        try:
            outcome = tell(scene)
        except (Exception, SystemExit) as error:
            outcome = machine.failure_of(error)
        told(name, time.monotonic() - started, outcome)
        if isinstance(outcome, machine.Failure):
            return False
    return True
