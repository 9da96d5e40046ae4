#!/usr/bin/env python3
"""aloft delta end to end: images and bundles come back bit for bit; whatever is damaged or does not fit ends with a number, and no output."""
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile
import tempfile
import unittest

ALOFT = pathlib.Path(os.environ["ALOFT_BUILD"]) / "src" / "cli" / "aloft"
REBUILD = pathlib.Path(os.environ["ALOFT_BUILD"]) / "src" / "rebuild" / "aloft-rebuild"


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

    def refused_or_harmless(self, old, delta, new):
        """The last bits of an LZMA stream mean nothing."""
        out = self.home / "maybe"
        out.unlink(missing_ok=True)
        done = subprocess.run([ALOFT, "delta", "apply", old, delta, "-o", out], capture_output=True, text=True)
        if done.returncode == 0:
            self.assertEqual(out.read_bytes(), pathlib.Path(new).read_bytes())
        else:
            self.refused(old, delta, *range(11000, 11009))

    def test_images(self):
        delta = self.there_and_back(self.home / "old.img", self.home / "new.img")
        self.assertLess(delta.stat().st_size, 20_000)
        info = json.loads(aloft("delta", "info", delta, "--json").stdout)
        self.assertEqual(info["size"], delta.stat().st_size)
        self.assertEqual([info["images"][0][key] for key in ("old_size", "new_size")], [(self.home / f"{name}.img").stat().st_size for name in ("old", "new")])
        self.assertNotIn("bundle", info)

    def rebuilt(self, *arguments):
        return subprocess.run([REBUILD, *map(str, arguments)], capture_output=True, text=True)

    def test_the_small_program_does_the_same(self):
        old, new, out = self.home / "old.img", self.home / "new.img", self.home / "rebuilt"
        delta = self.make(old, new)
        done = self.rebuilt(old, delta, out)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(out.read_bytes(), new.read_bytes())
        out.unlink()
        of_bundles = self.home / "bundles.delta"
        aloft("delta", "create", self.old, self.new, "-o", of_bundles)
        other = self.home / "other.img"
        other.write_bytes(bytes(byte ^ 1 for byte in old.read_bytes()))
        for arguments, status, told in (
            ((other, delta, out), 1, "E11007 "),
            ((new, delta, out), 1, "E11006 "),
            ((old, old, out), 1, "E11000 "),
            ((self.old, of_bundles, out), 1, "E11006 "),
            ((old, delta), 2, "aloft-rebuild OLD DELTA NEW"),
        ):
            done = self.rebuilt(*arguments)
            self.assertEqual(done.returncode, status, arguments)
            self.assertTrue(done.stderr.startswith(told), done.stderr)
            self.assertFalse(out.exists() or list(self.home.glob("rebuilt.*")))
        self.assertTrue(self.rebuilt("--help").stdout.startswith("aloft-rebuild OLD DELTA NEW"))

    def test_no_command_destroys_what_it_reads(self):
        own = self.home / "own"
        own.mkdir()
        old, new = ((self.home / f"{name}.img").read_bytes() for name in ("old", "new"))
        for name, content in (("a", old), ("b", new), ("c.new", old), ("c", b"")):
            (own / name).write_bytes(content)
        delta = own / "d.new"
        delta.write_bytes(self.make(own / "a", own / "b").read_bytes())
        for out in ("a", "b"):
            self.assertIn("would take the place of", aloft("delta", "create", own / "a", own / "b", "-o", own / out, status=2).stderr)
        self.assertIn("would take the place of", aloft("delta", "apply", own / "a", delta, "-o", delta, status=2).stderr)
        self.assertIn("would take the place of", self.rebuilt(own / "a", delta, delta).stderr)
        for make in (lambda *names: aloft("delta", "apply", names[0], names[1], "-o", names[2]), self.rebuilt):
            for out in ("c", "d", "a"):  # c.new and d.new are what it is made from; and an image may be replaced by its next one
                make(own / ("a" if out == "a" else "c.new"), delta, own / out)
                self.assertEqual((own / out).read_bytes(), new)
            (own / "a").write_bytes(old)
        self.assertEqual((own / "c.new").read_bytes(), old)
        self.assertEqual({file.name for file in own.iterdir()}, {"a", "b", "c", "c.new", "d", "d.new"})

    def test_bundles_of_every_kind(self):
        for more in ([], ["--blocks"], ["--level", "19"], ["--level", "1"], ["--encoding", "none"]):
            with self.subTest(more=more):
                old, new = self.bundle("old", "boot1", *more), self.bundle("new", "boot2", *more)
                delta = self.there_and_back(old, new)
                aloft("bundle", "verify", self.home / "out", "--trust", self.home / "keys/trust")
                self.assertEqual(json.loads(aloft("delta", "info", delta, "--json").stdout)["bundle"], {"product": "lab", "version": "new"})

    def test_an_image_that_the_old_bundle_lacks(self):
        self.there_and_back(self.bundle("old", "none", images=[f"rootfs={self.home}/old.img"]), self.new)

    def tree_pair(self, make, *options):
        """Two images of trees that differ in some files; of one file only a few bytes, so that its blocks change and their content hardly does."""
        source = random.Random(3)
        words = [bytes(source.choices(b"abcdefghijklmnop", k=source.randrange(3, 12))) for _ in range(4000)]
        text = lambda size: b" ".join(source.choices(words, k=size // 8))
        tree = self.home / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "etc").mkdir(parents=True)
        for i in range(60):
            (tree / "etc" / f"file{i}").write_bytes(text(3000))
        for i in range(4):
            (tree / f"big{i}").write_bytes(text(700_000))
        (tree / "noise").write_bytes(source.randbytes(200_000))
        (tree / "zeros").write_bytes(bytes(400_000))
        images = [self.home / "old.files", self.home / "new.files"]
        make(tree, images[0], *options)
        big = bytearray((tree / "big1").read_bytes())
        for at in range(5, len(big), 40_000):
            big[at : at + 4] = b"ABCD"
        (tree / "big1").write_bytes(bytes(big[:300_000] + b"inserted" + big[300_000:]))
        (tree / "etc" / "file7").write_bytes(text(3100))
        make(tree, images[1], *options)
        return images

    def squashfs_pair(self, *options):
        return self.tree_pair(self.squash, *options)

    @staticmethod
    def squash(tree, image, *options):
        subprocess.run(["mksquashfs", tree, image, "-noappend", "-no-progress", "-quiet", "-all-root", "-mkfs-time", "0", "-all-time", "0", *options],
                       check=True, capture_output=True)  # fmt: skip

    @staticmethod
    def erofs(tree, image, *options):
        subprocess.run(["mkfs.erofs", "-T1750000000", "-U", "11111111-2222-3333-4444-555555555555", "--all-root", *options, image, tree], check=True, capture_output=True)

    def test_erofs_is_taken_apart(self):
        for options in (["-zlz4hc"], ["-zlz4hc,12"], ["-zlz4hc,3"], ["-zlz4"], ["-zlz4hc", "-Elegacy-compress"], ["-zlz4hc", "-C65536"], ["-zlz4hc", "-Eztailpacking"]):  # fmt: skip
            with self.subTest(options=options):
                old, new = self.tree_pair(self.erofs, *options)
                delta = self.there_and_back(old, new)
                self.assertLess(delta.stat().st_size, 16_000)
                shown = json.loads(aloft("delta", "info", delta, "--json").stdout)
                self.assertEqual(shown["images"][0]["blocks_made_by"][0]["compressor"], "lz4")

    def test_damaged_erofs_images_come_back_as_they_are(self):
        old, new = self.tree_pair(self.erofs, "-zlz4hc")
        image = new.read_bytes()
        new.write_bytes(image[:200_000] + bytes([image[200_000] ^ 0xFF]) + image[200_001:])
        self.there_and_back(old, new)
        new.write_bytes(image[: len(image) // 2])
        self.there_and_back(old, new)

    def test_squashfs_is_taken_apart(self):
        for options in (["-comp", "zstd"], ["-comp", "zstd", "-Xcompression-level", "3", "-b", "32768"], ["-comp", "zstd", "-b", "1048576"],
                        ["-comp", "gzip"], ["-comp", "xz"], ["-comp", "xz", "-Xbcj", "x86"], ["-comp", "lz4"], ["-comp", "lz4", "-Xhc"],
                        ["-comp", "zstd", "-noI", "-no-fragments"], ["-comp", "zstd", "-always-use-fragments", "-no-exports"]):  # fmt: skip
            with self.subTest(options=options):
                old, new = self.squashfs_pair(*options)
                delta = self.there_and_back(old, new)
                self.assertLess(delta.stat().st_size, 16_000)
                made = json.loads(aloft("delta", "info", delta, "--json").stdout)["images"][0]["blocks_made_by"]
                self.assertEqual(made[0]["compressor"], {"gzip": "zlib"}.get(options[1], options[1]))

    def test_squashfs_in_bundles_by_small_frames(self):
        """Blocks go across frames of 64 KiB; a frame that travels as it is stored breaks the row, and the next one does without it."""
        images = self.squashfs_pair("-comp", "zstd", "-b", "262144")
        for more in ([], ["--encoding", "none"]):
            old, new = (self.bundle(image.name, "boot1", *more, images=[f"rootfs={image}"]) for image in images)
            self.assertLess(self.there_and_back(old, new).stat().st_size, 24_000)

    def test_blocks_that_nothing_makes_again_travel_as_they_are(self):
        old, new = self.squashfs_pair("-comp", "lz4", "-Xhc")
        image = bytearray(new.read_bytes())
        self.assertEqual(image[102], 1)  # the option that says "by the slower compressor"
        image[102] = 0
        new.write_bytes(bytes(image))
        self.assertIn("travel as they are", aloft("delta", "create", old, new, "-o", self.home / "one.delta").stdout)
        self.there_and_back(old, new)

    def test_damaged_squashfs_images_come_back_as_they_are(self):
        old, new = self.squashfs_pair("-comp", "gzip")
        image = new.read_bytes()
        new.write_bytes(image[:200_000] + bytes([image[200_000] ^ 0xFF]) + image[200_001:])  # a block that cannot be unpacked
        self.there_and_back(old, new)
        new.write_bytes(image[: len(image) // 2])  # its tables are gone
        self.assertIn("is differenced as it stands", aloft("delta", "create", old, new, "-o", self.home / "one.delta").stdout)
        self.there_and_back(old, new)

    def tars(self):
        """Two archives of a tree, of which a file changed and one has moved."""
        source = random.Random(4)
        tree = self.home / "files"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "usr/share" / ("long-" * 30)).mkdir(parents=True)
        for i in range(150):
            (tree / f"usr/share/file{i}").write_bytes(source.randbytes(2000 + i))
        (tree / "usr/share" / ("long-" * 30) / "one").write_bytes(source.randbytes(300_000))
        (tree / "empty").touch()
        (tree / "link").symlink_to("usr")
        with open(tree / "sparse", "wb") as file:
            file.write(source.randbytes(5000))
            file.seek(1 << 20)
            file.write(source.randbytes(5000))
        tars = [self.home / "old.tar", self.home / "new.tar"]
        pack = lambda to: subprocess.run(["tar", "--format=pax", "--sparse", "--sort=name", "--mtime=@1700000000", "-C", tree, "-cf", to, "."], check=True)
        pack(tars[0])
        (tree / "usr/share/file7").write_bytes(b"new")
        (tree / "usr/share/file8").rename(tree / "moved")
        pack(tars[1])
        return tars

    @staticmethod
    def runs_of(delta):
        """Of a delta with one image, read as docs/delta-format.md says: (place in the archive, size, path, place in the file)."""
        file = delta.read_bytes()
        size = int.from_bytes(file[16:24], "little")
        text = io.BytesIO(subprocess.run(["zstd", "-dcq"], input=file[64 : 64 + size], stdout=subprocess.PIPE, check=True).stdout)

        def number():
            value, shift = 0, 0
            while True:
                (byte,) = text.read(1)
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        assert number() == 1
        text.read(number())  # name
        number(), text.read(32)
        new_size, _, shift = number(), text.read(32), number()
        number(), number()  # encoder and level
        for _ in range(number() * 5):
            number()
        for _ in range(-(-new_size >> shift)):
            number()
        number(), number()  # manifest and signature
        end = number() + text.tell()
        runs, place, path, in_file = [], 0, b"", 0
        while text.tell() < end:
            if len(runs) % 64 == 0:
                path, in_file = b"", 0
            place += number()
            size, before = number(), path
            path = path[: number()] + text.read(number())
            in_file = number() + (in_file if path == before else 0)
            runs.append((place, size, path.decode(), in_file))
            place, in_file = place + size, in_file + size
        assert not text.read()
        return int.from_bytes(file[8:12], "little"), runs

    def test_archives_in_bundles_start_from_files(self):
        tars = self.tars()
        old, new = (self.bundle(tar.stem + "tar", "none", "--type", "rootfs=tar", "--encoding", "none", images=[f"rootfs={tar}"]) for tar in tars)
        delta = self.there_and_back(old, new)
        self.assertLess(delta.stat().st_size, 20_000)
        version, runs = self.runs_of(delta)
        self.assertEqual(version, 5)
        self.assertEqual(json.loads(aloft("delta", "info", delta, "--json").stdout)["images"][0]["old_files"], len(runs))
        archive = tars[0].read_bytes()
        with tarfile.open(tars[0]) as members:
            files = {member.name.removeprefix("./"): members.extractfile(member).read() for member in members if member.isreg() and member.size}
        self.assertEqual({path for _, _, path, _ in runs}, set(files))
        self.assertEqual(len(runs), 153)
        for place, size, path, in_file in runs:
            self.assertEqual(archive[place : place + size], files[path][in_file : in_file + size], path)

    def test_bare_archives_are_images_like_others(self):
        delta = self.there_and_back(*self.tars())
        self.assertEqual(json.loads(aloft("delta", "info", delta, "--json").stdout)["images"][0]["old_files"], 0)

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
                self.refused_or_harmless(old, bad, new)
                bad.write_bytes(whole[:at])
                self.refused(old, bad, *range(11000, 11009))


if __name__ == "__main__":
    unittest.main()
