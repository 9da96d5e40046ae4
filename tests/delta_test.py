#!/usr/bin/env python3
"""aloft delta end to end: images and bundles come back bit for bit; whatever is damaged or does not fit ends with a number, and no output."""
import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

ALOFT = pathlib.Path(os.environ["ALOFT_BUILD"]) / "src" / "cli" / "aloft"


def aloft(*arguments, status=0):
    done = subprocess.run([ALOFT, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != status:
        raise AssertionError(f"aloft {' '.join(map(str, arguments))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class DeltaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.temporary.name)
        source = random.Random(1)
        old = source.randbytes(900_000) + b"a line of text\n" * 20_000 + bytes(300_000)
        changed = bytearray(old[100_000:400_000])
        for at in range(0, len(changed), 97):
            changed[at] = (changed[at] + 3) % 256
        new = old[500_000:800_123] + bytes(changed) + source.randbytes(10_000) + old[850_000:] + bytes(5)
        (cls.home / "old.img").write_bytes(old)
        (cls.home / "new.img").write_bytes(new)
        (cls.home / "boot1.img").write_bytes(source.randbytes(5000))
        (cls.home / "boot2.img").write_bytes(source.randbytes(6000))
        aloft("keys", "init", cls.home / "keys")
        cls.old, cls.new = cls.bundle("old", "boot1"), cls.bundle("new", "boot2")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def bundle(cls, root, boot, *more, images=None):
        out = cls.home / f"{root}-{boot}{len(more)}.aloft"
        images = images or [f"rootfs={cls.home}/{root}.img", f"boot={cls.home}/{boot}.img"]
        aloft("bundle", "create", "-o", out, "--product", "lab", "--hardware", "a", "--version", root, "--key", cls.home / "keys/signer.key", "--cert",
              cls.home / "keys/signer.pem", "--frame-size", "64", *(part for image in images for part in ("--image", image)), *more)  # fmt: skip
        return out

    def make(self, old, new):
        delta = self.home / "one.delta"
        aloft("delta", "create", old, new, "-o", delta)
        return delta

    def there_and_back(self, old, new):
        delta, out = self.make(old, new), self.home / "out"
        aloft("delta", "apply", old, delta, "-o", out)
        self.assertEqual(out.read_bytes(), pathlib.Path(new).read_bytes())
        self.assertFalse((self.home / "out.new").exists())
        return delta

    def refused(self, old, delta, *numbers):
        """With one of these numbers, and without leaving anything."""
        out = self.home / "none"
        done = aloft("delta", "apply", old, delta, "-o", out, status=1)
        self.assertTrue(any(done.stderr.splitlines()[-1].startswith(f"E{number} ") for number in numbers), done.stderr)
        self.assertFalse(out.exists() or (self.home / "none.new").exists())

    def test_images(self):
        delta = self.there_and_back(self.home / "old.img", self.home / "new.img")
        self.assertLess(delta.stat().st_size, 20_000)
        info = json.loads(aloft("delta", "info", delta, "--json").stdout)
        self.assertEqual(info["size"], delta.stat().st_size)
        self.assertEqual([info["images"][0][key] for key in ("old_size", "new_size")], [(self.home / f"{name}.img").stat().st_size for name in ("old", "new")])
        self.assertNotIn("bundle", info)

    def test_bundles_of_every_kind(self):
        for more in ([], ["--blocks"], ["--level", "19"], ["--level", "1"], ["--encoding", "none"]):
            with self.subTest(more=more):
                old, new = self.bundle("old", "boot1", *more), self.bundle("new", "boot2", *more)
                delta = self.there_and_back(old, new)
                aloft("bundle", "verify", self.home / "out", "--trust", self.home / "keys/trust")
                self.assertEqual(json.loads(aloft("delta", "info", delta, "--json").stdout)["bundle"], {"product": "lab", "version": "new"})

    def test_an_image_that_the_old_bundle_lacks(self):
        self.there_and_back(self.bundle("old", "none", images=[f"rootfs={self.home}/old.img"]), self.new)

    def test_the_wrong_old_file(self):
        delta = self.make(self.home / "old.img", self.home / "new.img")
        self.refused(self.home / "new.img", delta, 11006, 11007)
        self.refused(self.home / "boot1.img", delta, 11006)
        self.refused(self.new, self.make(self.old, self.new), 11006)
        self.refused(self.home / "old.img", self.home / "old.img", 11000)
        aloft("delta", "create", self.old, self.home / "new.img", "-o", self.home / "none", status=1)

    def test_damage_anywhere(self):
        for old, new in ((self.home / "old.img", self.home / "new.img"), (self.old, self.new)):
            whole = self.make(old, new).read_bytes()
            bad = self.home / "bad.delta"
            source = random.Random(2)
            for at in [0, 9, 70, len(whole) - 1, *(source.randrange(len(whole)) for _ in range(30))]:
                bad.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
                self.refused(old, bad, *range(11000, 11009))
                bad.write_bytes(whole[:at])
                self.refused(old, bad, *range(11000, 11009))


if __name__ == "__main__":
    unittest.main()
