#!/usr/bin/env python3
"""The units of integration/systemd, with the fstab and the drop-ins of integration/layouts: what is ordered against what. Where systemd is
installed, its own fstab generator and systemd-analyze read them, too; nothing is started."""
import os
import pathlib
import re
import subprocess
import unittest

import scratch

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
UNITS = SOURCE / "integration/systemd"
LAYOUTS = sorted(path for path in (SOURCE / "integration/layouts").iterdir() if path.is_dir())
RESET = "aloft-factory-reset.service"
GENERATOR = pathlib.Path("/usr/lib/systemd/system-generators/systemd-fstab-generator")


def setting(layout, pattern):
    """The first group of the pattern in the layout's system.toml; empty where it does not stand there."""
    found = re.search(pattern, (layout / "system.toml").read_text(), re.MULTILINE)
    return found[1] if found else ""


def fstab(layout):
    """Lines of the fstab in the layout's README, split into fields."""
    lines = [line.split() for line in (layout / "README.md").read_text().splitlines() if line.startswith("    ")]
    return [fields for fields in lines if len(fields) == 6 and fields[1].startswith("/") and fields[4:] in (["0", "0"], ["0", "2"])]


def words(text, key):
    """Every word that a unit's text gives for the key; an empty value forgets those before it."""
    found = []
    for value in re.findall(rf"^{key}=(.*)$", text, re.MULTILINE):
        found = found + value.split() if value else []
    return found


def with_drop_ins(layout, unit):
    """The unit's text with that of the layout's own drop-ins for it, as systemd reads them."""
    return "\n".join(path.read_text() for path in [UNITS / unit, *sorted((layout / f"{unit}.d").glob("*.conf"))])


class StateFolder(unittest.TestCase):
    """Where state_dir is not /var/lib/aloft, of which the units know, the example has drop-ins that say so."""

    def elsewhere(self):
        for layout in LAYOUTS:
            state_dir = setting(layout, r'^state_dir = "(.*)"') or "/var/lib/aloft"
            if state_dir != "/var/lib/aloft":
                yield layout, pathlib.PurePosixPath(state_dir)

    def test_is_not_made_by_systemd_elsewhere(self):
        """systemd fails to start the agent where it cannot make the StateDirectory: on a read-only root."""
        self.assertEqual(words((UNITS / "aloftd.service").read_text(), "StateDirectory"), ["aloft"])
        for layout, _ in self.elsewhere():
            with self.subTest(layout=layout.name):
                self.assertEqual(words(with_drop_ins(layout, "aloftd.service"), "StateDirectory"), [])

    def test_the_agent_comes_after_its_mount_and_does_not_need_it(self):
        for layout, state_dir in self.elsewhere():
            mounts = [fields[1] for fields in fstab(layout) if pathlib.PurePosixPath(fields[1]) in [state_dir, *state_dir.parents]]
            text = with_drop_ins(layout, "aloftd.service")
            with self.subTest(layout=layout.name):
                self.assertTrue(mounts)
                self.assertIn(max(mounts, key=len).strip("/").replace("/", "-") + ".mount", words(text, "After"))
                self.assertEqual([words(text, key) for key in ("Requires", "RequiresMountsFor", "BindsTo")], [[], [], []])

    def test_the_factory_reset_looks_there(self):
        for layout, state_dir in self.elsewhere():
            if setting(layout, r"^folders = (\[.*\])"):
                text = with_drop_ins(layout, RESET)
                with self.subTest(layout=layout.name):
                    self.assertEqual(words(text, "ConditionPathExists"), [str(state_dir / "factory-reset")])
                    self.assertIn(str(state_dir), words(text, "RequiresMountsFor"))

    def test_the_page_names_the_drop_ins(self):
        for layout in LAYOUTS:
            for path in layout.glob("*.d/*"):
                self.assertIn(str(path.relative_to(layout)), (layout / "README.md").read_text())


class FactoryReset(unittest.TestCase):
    def users(self, layout):
        """Mounts of the layout's fstab that use a folder which a factory reset empties."""
        folders = re.findall(r'"(.*?)"', setting(layout, r"^folders = \[(.*)\]"))
        return [fields for fields in fstab(layout) if any(re.search(rf"(^|[=:,]){re.escape(folder)}(/|,|$)", field) for folder in folders for field in (fields[0], fields[3]))]

    def test_is_over_before_a_mount_uses_its_folders(self):
        seen = [(layout, fields) for layout in LAYOUTS for fields in self.users(layout)]
        self.assertTrue(seen)
        for layout, fields in seen:
            with self.subTest(layout=layout.name, mount=fields[1]):
                self.assertIn(f"x-systemd.after={RESET}", fields[3].split(","))

    def test_comes_before_ordinary_services(self):
        text = (UNITS / RESET).read_text()
        self.assertIn("sysinit.target", words(text, "Before"))
        self.assertEqual(words(text, "DefaultDependencies"), ["no"])  # or it would come after the mounts

    def test_systemd_orders_it_so_and_finds_no_circle(self):
        for layout in LAYOUTS:
            if not self.users(layout):
                continue
            with self.subTest(layout=layout.name):
                folder = scratch.folder("units")
                (folder / "fstab").write_text("".join(" ".join(fields) + "\n" for fields in fstab(layout)))
                subprocess.run([GENERATOR, folder, folder, folder], check=True, env={**os.environ, "SYSTEMD_FSTAB": str(folder / "fstab")})
                for fields in self.users(layout):
                    self.assertIn(RESET, words((folder / (fields[1].strip("/").replace("/", "-") + ".mount")).read_text(), "After"))
                (folder / RESET).write_text((UNITS / RESET).read_text().replace("/usr/bin/aloftd", "/bin/true"))
                for target in ("sysinit.target.wants", "local-fs.target.requires"):
                    (folder / target).mkdir(exist_ok=True)
                (folder / "sysinit.target.wants" / RESET).symlink_to(folder / RESET)
                said = subprocess.run(["systemd-analyze", "verify", "sysinit.target", RESET], capture_output=True, text=True,
                                      env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:/usr/lib/systemd/system"})  # fmt: skip
                self.assertEqual([line for line in said.stderr.splitlines() if "cycle" in line or "aloft" in line], [])


class Sticks(unittest.TestCase):
    def test_each_partition_is_mounted_in_a_folder_of_its_own(self):
        """systemd removes the RuntimeDirectory= of the unit that ends first, and with it what others have mounted there."""
        folders = words((UNITS / "aloft-usb@.service").read_text(), "RuntimeDirectory")
        self.assertEqual(len(folders), 1)
        self.assertIn("%i", folders[0].split("/")[-1])
        self.assertRegex((UNITS / "install-from-stick").read_text(), r"(?m)^folder=\$\{RUNTIME_DIRECTORY")


if __name__ == "__main__":
    unittest.main()
