#!/usr/bin/env python3
"""The real aloftd and slots that a program of the integrator fills: handlers, and Mender's update modules.

Needs root and loop devices; ends with status 77 (skipped) without.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import wait_for  # noqa: E402
from slots import SlotsCase, main, run  # noqa: E402


class SlotHandlersTest(SlotsCase):
    HANDLER = """#!/bin/sh
echo "$1 $ALOFT_SLOT_CLASS $ALOFT_IMAGE_TYPE $ALOFT_IMAGE_SIZE" >> {folder}/calls
case $1 in
install)
    cat > {folder}/got
    [ "$(stat -c %s {folder}/got)" = "$ALOFT_IMAGE_SIZE" ] || exit 1
    [ "$(sha256sum < {folder}/got | cut -d' ' -f1)" = "$ALOFT_IMAGE_SHA256" ] || exit 1
    echo progress 500
    if [ -e {folder}/refuse ]; then echo "error the modem does not answer"; exit 3; fi ;;
esac
"""

    def test_handler_of_the_integrator(self):
        program = self.folder / "handler"
        program.write_text(self.HANDLER.format(folder=self.folder))
        program.chmod(0o755)
        _, slots = self.pair("rootfs", "", size=4 << 20)
        self.start(slots + f'[shared.modem]\ntype = "handler"\nprogram = "{program}"\ntimeout_s = 60\ndevice = "/dev/null"\n')
        firmware = self.loader("firmware")
        rootfs = self.folder / "rootfs"
        rootfs.write_bytes(self.vendor.bundle("x")[1])
        images = ["--image", f"modem={firmware}", "--type", "modem=payload", "--image", f"rootfs={rootfs}"]
        self.install_and_commit(self.vendor.pack("2.0", *images), "2.0")
        self.assertEqual((self.folder / "got").read_bytes(), firmware.read_bytes())
        wait_for("the handler is told of the commit", lambda: "commit" in (self.folder / "calls").read_text())
        (self.folder / "refuse").touch()
        self.assertIn("the modem does not answer", self.refuse(self.vendor.pack("3.0", *images), "handler-failed"))
        (self.folder / "refuse").unlink()
        # A system that is given up takes its payload back.
        check = self.device.health / "10-bad"
        check.write_text("#!/bin/sh\nexit 1\n")
        check.chmod(0o755)
        self.install(self.vendor.pack("4.0", *images))
        self.device.wait_for_reboot()
        self.device.power_on("4.0")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("rolled-back")
        self.assertEqual([line.split()[0] for line in (self.folder / "calls").read_text().split("\n") if line], ["install", "commit", "install", "install", "rollback"])

    def payload(self, name, **members):
        folder = self.folder / name
        folder.mkdir()
        for member, content in members.items():
            (folder / member).write_bytes(content.encode() if isinstance(content, str) else content)
        run("tar", "-C", folder, "-cf", self.folder / f"{name}.tar", *members)
        return self.folder / f"{name}.tar"

    def module_device(self, module):
        _, slots = self.pair("rootfs", "", size=4 << 20)
        self.start(slots + f'[shared.app]\ntype = "mender-module"\nprogram = "{module}"\ntimeout_s = 60\n')
        (self.folder / "rootfs").write_bytes(self.vendor.bundle("x")[1])

    def module_bundle(self, version, payload):
        return self.vendor.pack(version, "--image", f"rootfs={self.folder / 'rootfs'}", "--image", f"app={payload}", "--type", "app=tar")

    def test_single_file_module_of_mender(self):
        module = pathlib.Path("/usr/share/mender/modules/v3/single-file")
        if not module.exists():
            self.skipTest("the package mender-client is not installed")
        self.module_device(module)
        target = self.folder / "opt"
        first = os.urandom(700_000)
        self.install_and_commit(self.module_bundle("2.0", self.payload("one", dest_dir=str(target), filename="app.bin", permissions="750", **{"app.bin": first})), "2.0")
        self.assertEqual((target / "app.bin").read_bytes(), first)
        self.assertEqual((target / "app.bin").stat().st_mode & 0o777, 0o750)
        wait_for("the module's tree is gone", lambda: not (self.device.folder / "state/modules/app").exists())
        # Given up: the module's own rollback brings the first file back.
        check = self.device.health / "10-bad"
        check.write_text("#!/bin/sh\nexit 1\n")
        check.chmod(0o755)
        self.install(self.module_bundle("3.0", self.payload("two", dest_dir=str(target), filename="app.bin", permissions="700", **{"app.bin": b"second"})))
        self.device.wait_for_reboot()
        self.assertEqual((target / "app.bin").read_bytes(), b"second")
        self.device.power_on("3.0")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("rolled-back")
        self.assertEqual((target / "app.bin").read_bytes(), first)

    MODULE = """#!/bin/sh
echo "$1" >> {folder}/states
cd "$2"
case $1 in
Download)
    while name=$(cat stream-next); [ -n "$name" ]; do cat "$name" > {folder}/$(basename "$name"); done ;;
NeedsArtifactReboot) echo Yes ;;
SupportsRollback) echo Yes ;;
ArtifactInstall) [ "$(cat version)" = 3 ] && [ "$(cat header/payload_type)" = streaming ] || exit 1 ;;
ArtifactCommit) [ ! -e {folder}/refuse ] ;;
esac
"""

    def test_a_module_that_streams_goes_through_all_states(self):
        module = self.folder / "streaming"
        module.write_text(self.MODULE.format(folder=self.folder))
        module.chmod(0o755)
        self.module_device(module)
        content = os.urandom(2_000_000)
        self.install_and_commit(self.module_bundle("2.0", self.payload("files", **{"a.bin": content, "b.txt": "b"})), "2.0")
        wait_for("cleaned up", lambda: (self.folder / "states").read_text().endswith("Cleanup\n"))
        self.assertEqual((self.folder / "a.bin").read_bytes(), content)
        self.assertEqual((self.folder / "b.txt").read_text(), "b")
        good = ["Download", "ArtifactInstall", "NeedsArtifactReboot", "ArtifactReboot", "ArtifactVerifyReboot", "ArtifactCommit", "Cleanup"]
        self.assertEqual((self.folder / "states").read_text().split(), good)
        (self.folder / "states").unlink()
        (self.folder / "refuse").touch()
        self.install_and_commit(self.module_bundle("3.0", self.folder / "files.tar"), "3.0")
        wait_for("cleaned up", lambda: (self.folder / "states").read_text().endswith("Cleanup\n"))
        bad = ["SupportsRollback", "ArtifactRollback", "ArtifactRollbackReboot", "ArtifactVerifyRollbackReboot", "ArtifactFailure", "Cleanup"]
        self.assertEqual((self.folder / "states").read_text().split(), good[:-1] + bad)


if __name__ == "__main__":
    main()
