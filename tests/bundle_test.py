#!/usr/bin/env python3
"""What aloft makes, the second reader reads; what is bad, both refuse. And aloft's bundle and keys commands end to end."""
import fcntl
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bundle_reader

ALOFT = pathlib.Path(os.environ["ALOFT_BUILD"]) / "src" / "cli" / "aloft"


def aloft(*arguments, status=0, **more):
    done = subprocess.run([ALOFT, *map(str, arguments)], capture_output=True, text=True, **more)
    if done.returncode != status:
        raise AssertionError(f"aloft {' '.join(map(str, arguments))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.temporary.name)
        source = random.Random(1)
        cls.root = source.randbytes(400_000) + bytes(600_000) + b"text " * 30_000 + source.randbytes(77)
        cls.boot = source.randbytes(5000)
        (cls.home / "root.img").write_bytes(cls.root)
        (cls.home / "boot.img").write_bytes(cls.boot)
        for name, extra in {"p256": [], "ed25519": ["--intermediate"], "rsa3072": []}.items():
            aloft("keys", "init", cls.home / name, "--type", name, *extra)
        cls.bundle = cls.make("bundle.aloft", "p256", "--blocks")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def make(cls, name, keys, *more):
        out = cls.home / name
        signer = ["--unsigned"] if keys is None else ["--key", cls.home / keys / "signer.key", "--cert", cls.home / keys / "signer.pem"]
        aloft("bundle", "create", "-o", out, "--product", "lab", "--hardware", "rev-a", "--hardware", "rev-b", "--version", "2.0",
              "--image", f"rootfs={cls.home}/root.img", "--image", f"bootfs:boot={cls.home}/boot.img", *signer, *more)  # fmt: skip
        return out

    def refused(self, bundle, keys, number):
        """By both readers; by aloft with this number."""
        done = aloft("bundle", "verify", bundle, "--trust", self.home / keys / "trust", status=1)
        self.assertIn(f"E{number} ", done.stderr)
        with self.assertRaises((bundle_reader.Bad, ValueError, KeyError, IndexError)):
            bundle_reader.read(bundle, self.home / keys / "trust")

    def good(self, bundle, keys):
        aloft("bundle", "verify", bundle, "--trust", self.home / keys / "trust")
        return bundle_reader.read(bundle, self.home / keys / "trust", self.home / "second")

    def test_second_reader_reads_every_kind(self):
        for keys in ("p256", "ed25519", "rsa3072"):
            for more in ([], ["--blocks"], ["--encoding", "none"], ["--frame-size", "4096", "--level", "19"], ["--frame-size", "64", "--level", "1"]):
                with self.subTest(keys=keys, more=more):
                    found = self.good(self.make("kind.aloft", keys, *more), keys)
                    self.assertEqual(found, {"product": "lab", "version": "2.0", "signers": ["CN=signer"], "images": ["rootfs", "bootfs"]})
                    self.assertEqual((self.home / "second" / "rootfs").read_bytes(), self.root)
                    self.assertEqual((self.home / "second" / "bootfs").read_bytes(), self.boot)

    def test_verity(self):
        for size in (4096, 5000, 128 * 4096, 400_001):
            with self.subTest(size=size):
                data = self.home / "data.img"
                data.write_bytes(self.root[:size])
                out = self.home / "verity.aloft"
                aloft("bundle", "create", "-o", out, "--product", "lab", "--hardware", "rev-a", "--version", "2.0", "--image", f"rootfs={data}", "--verity", "rootfs",
                      "--key", self.home / "p256" / "signer.key", "--cert", self.home / "p256" / "signer.pem")  # fmt: skip
                self.good(out, "p256")
                says = dict(line.split("=") for line in aloft("bundle", "verity", data).stdout.split())
                root, offset = says["ALOFT_VERITY_ROOT"], says["ALOFT_VERITY_OFFSET"]
                self.assertIn(root, aloft("bundle", "show", out).stdout)
                image = self.home / "second" / "rootfs"
                self.assertEqual(image.read_bytes()[:size], self.root[:size])
                # cryptsetup's own tool agrees, with the image, and about the root.
                subprocess.run(["veritysetup", "verify", image, image, root, f"--hash-offset={offset}"], check=True, capture_output=True)
                salt = image.read_bytes()[int(offset) + 88 :][:32].hex()
                padded = self.home / "padded.img"
                padded.write_bytes(image.read_bytes()[: int(offset)])
                made = subprocess.run(["veritysetup", "format", padded, self.home / "tree", f"--salt={salt}"], check=True, capture_output=True, text=True).stdout
                self.assertIn(root, made)
                self.assertEqual((self.home / "tree").read_bytes()[4096:], image.read_bytes()[int(offset) + 4096 :])
                altered = bytearray(image.read_bytes())
                altered[100] ^= 1
                image.write_bytes(altered)
                self.assertNotEqual(subprocess.run(["veritysetup", "verify", image, image, root, f"--hash-offset={offset}"], capture_output=True).returncode, 0)

    def test_verity_root_is_signed_as_linux_checks_it(self):
        out = self.home / "rootfs.verity"
        keys = self.home / "p256"
        aloft("bundle", "verity", self.home / "root.img", "-o", out, "--key", keys / "signer.key", "--cert", keys / "signer.pem")
        root = dict(line.split("=") for line in out.read_text().split())["ALOFT_VERITY_ROOT"]
        (self.home / "digits").write_text(root)
        subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", f"{out}.p7s", "-content", self.home / "digits", "-CAfile", keys / "trust" / "root.pem",
                        "-purpose", "any", "-out", "/dev/null"], check=True, capture_output=True)  # fmt: skip

    def test_same_input_gives_same_bytes(self):
        for keys in ("p256", "ed25519", "rsa3072"):
            first = self.make("first.aloft", keys, "--threads", "1").read_bytes()
            self.assertEqual(first, self.make("second.aloft", keys, "--threads", "3").read_bytes())

    def test_unpack_gives_the_images_back(self):
        for source, given in ((self.bundle, None), ("-", self.bundle.open("rb"))):
            aloft("bundle", "unpack", source, "-C", self.home / "out", "--trust", self.home / "p256" / "trust", stdin=given)
            self.assertEqual((self.home / "out" / "rootfs").read_bytes(), self.root)
            self.assertEqual((self.home / "out" / "bootfs").read_bytes(), self.boot)
            if given:
                given.close()
        aloft("bundle", "unpack", self.bundle, "-C", self.home / "out", status=2)

    def test_unpack_takes_images_and_files_by_their_own_names(self):
        named = self.home / "named.aloft"
        aloft("bundle", "create", "-o", named, "--product", "lab", "--hardware", "rev-a", "--version", "1", "--image", f"rootfs.new:rootfs={self.home}/root.img",
              "--image", f"rootfs:boot={self.home}/boot.img", "--unsigned")  # fmt: skip
        out = self.home / "named"
        aloft("bundle", "unpack", named, "-C", out, "--unverified")
        self.assertTrue({file.name: file.read_bytes() for file in out.iterdir()} == {"rootfs.new": self.root, "rootfs": self.boot})
        (out / "rootfs.new").write_bytes(b"somebody's")
        aloft("bundle", "unpack", self.bundle, "-C", out, "--unverified")
        self.assertTrue({file.name: file.read_bytes() for file in out.iterdir()} == {"rootfs.new": b"somebody's", "rootfs": self.root, "bootfs": self.boot})
        (out / "bootfs").unlink()
        (out / "bootfs").mkdir()
        aloft("bundle", "unpack", self.bundle, "-C", out, "--unverified", status=2)
        self.assertEqual({file.name for file in out.iterdir()}, {"rootfs.new", "rootfs", "bootfs"})

    def test_a_bad_bundle_leaves_nothing_unpacked(self):
        raw = bytearray(self.bundle.read_bytes())
        raw[-40] ^= 1
        bad = self.home / "bad.aloft"
        bad.write_bytes(raw)
        aloft("bundle", "unpack", bad, "-C", self.home / "empty", "--trust", self.home / "p256" / "trust", status=1)
        self.assertEqual(list((self.home / "empty").iterdir()), [])

    def test_both_readers_refuse_damage(self):
        raw = self.bundle.read_bytes()
        bad = self.home / "damaged.aloft"
        manifest = 64 + int.from_bytes(raw[16:24], "little")
        payload = manifest + int.from_bytes(raw[24:32], "little")
        for at, number in ((0, 3000), (8, 3002), (12, 3003), (40, 3004), (100, 3004), (manifest + 9, 3004), (payload, 3008), (len(raw) - 1, 3011)):
            with self.subTest(at=at):
                bad.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
                self.refused(bad, "p256", number)
        for content, number in ((raw[:-1], 3001), (raw[:payload], 3001), (raw[:70], 3001), (raw + b"\0", 3005)):
            bad.write_bytes(content)
            self.refused(bad, "p256", number)

    def test_both_readers_refuse_strangers_and_the_revoked(self):
        self.refused(self.bundle, "rsa3072", 2005)
        self.refused(self.make("unsigned.aloft", None), "p256", 3012)
        keys = self.home / "revoking"
        aloft("keys", "init", keys, "--intermediate")
        aloft("keys", "issue", keys, "--name", "other")
        bundle = self.make("revoked.aloft", "revoking")
        self.good(bundle, "revoking")
        aloft("keys", "revoke", keys, keys / "other.pem")
        self.good(bundle, "revoking")
        aloft("keys", "revoke", keys, keys / "signer.pem")
        self.refused(bundle, "revoking", 2008)
        (keys / "trust" / "intermediate.crl").unlink()
        self.refused(bundle, "revoking", 2010)
        aloft("keys", "revoke", keys, self.home / "p256" / "signer.pem", status=1)

    def test_several_signers_must_all_be_trusted(self):
        keys = self.home / "ed25519"
        aloft("keys", "issue", keys, "--name", "second", "--type", "rsa3072")
        bundle = self.make("several.aloft", "ed25519")
        aloft("bundle", "sign", bundle, "--key", keys / "second.key", "--cert", keys / "second.pem")
        self.assertEqual(self.good(bundle, "ed25519")["signers"], ["CN=second", "CN=signer"])
        stranger = self.home / "p256"
        aloft("bundle", "sign", bundle, "--key", stranger / "signer.key", "--cert", stranger / "signer.pem")
        self.refused(bundle, "ed25519", 2005)
        aloft("bundle", "sign", "--replace", bundle, "--key", stranger / "signer.key", "--cert", stranger / "signer.pem")
        self.assertEqual(self.good(bundle, "p256")["signers"], ["CN=signer"])

    def test_signatures_made_elsewhere(self):
        for keys in ("p256", "rsa3072"):
            for more in (["-noattr"], [], ["-noattr", "-keyopt", "rsa_padding_mode:pss"] if keys == "rsa3072" else ["-md", "sha512"]):
                with self.subTest(keys=keys, more=more):
                    bundle = self.make("elsewhere.aloft", None)
                    manifest, signature = self.home / "manifest.json", self.home / "elsewhere.p7s"
                    aloft("bundle", "extract-manifest", bundle, "-o", manifest)
                    subprocess.run(["openssl", "cms", "-sign", "-binary", "-in", manifest, "-signer", self.home / keys / "signer.pem",
                                    "-inkey", self.home / keys / "signer.key", "-outform", "DER", "-out", signature, *more], check=True)  # fmt: skip
                    aloft("bundle", "attach", bundle, "--signature", signature)
                    self.good(bundle, keys)
                    other = self.make("other.aloft", None, "--description", "another manifest")
                    done = aloft("bundle", "attach", other, "--signature", signature, status=1)
                    self.assertRegex(done.stderr, "E2004 ")

    def test_weak_and_unknown_keys_are_refused(self):
        bundle = self.make("weak.aloft", None)
        manifest, signature, key, certificate = (self.home / name for name in ("w.json", "w.p7s", "w.key", "w.pem"))
        aloft("bundle", "extract-manifest", bundle, "-o", manifest)
        curve = ["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"]
        for kind, number in ((["rsa:1024"], 2012), (curve, 2013)):
            with self.subTest(kind=kind):
                subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-subj", "/CN=odd", "-keyout", key, "-out", certificate,
                                "-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=codeSigning"],
                               check=True, capture_output=True)  # fmt: skip
                subprocess.run(["openssl", "cms", "-sign", "-binary", "-noattr", "-in", manifest, "-signer", certificate, "-inkey", key,
                                "-outform", "DER", "-out", signature], check=True)  # fmt: skip
                done = aloft("bundle", "attach", bundle, "--signature", signature, status=1)
                self.assertIn(f"E{number} ", done.stderr)

    def test_openssl_verifies_what_aloft_signs(self):
        for keys in ("p256", "rsa3072"):
            manifest, signature = self.home / "m.json", self.home / "s.p7s"
            aloft("bundle", "extract-manifest", self.make("o.aloft", keys), "-o", manifest, "--signature", signature)
            subprocess.run(["openssl", "cms", "-verify", "-binary", "-content", manifest, "-inform", "DER", "-in", signature, "-purpose", "any",
                            "-CAfile", self.home / keys / "root.pem", "-out", os.devnull], check=True, capture_output=True)  # fmt: skip

    def test_description_file(self):
        description = self.home / "lab.toml"
        description.write_text(
            'product = "lab"\nhardware = ["rev-a"]\nversion = "1.0"\nsecurity_version = 7\ndescription = "From a file"\n'
            '[[image]]\nname = "rootfs"\nfile = "root.img"\nblocks = true\nframe_size = 65536\n'
        )
        out = self.home / "described.aloft"
        aloft("bundle", "create", "-o", out, "-d", description, "--version", "1.1", "--unsigned")
        shown = json.loads(aloft("bundle", "show", "--json", out).stdout)
        self.assertEqual((shown["version"], shown["security_version"], shown["description"]), ("1.1", 7, "From a file"))
        self.assertEqual(shown["images"][0]["frames"], -(-len(self.root) // 65536))
        self.assertEqual(shown["signature"], {"state": "unsigned", "signers": []})
        aloft("bundle", "create", "-o", out, "-d", description, "--frame-size", "128", "--encoding", "none", "--unsigned")
        shown = json.loads(aloft("bundle", "show", "--json", out).stdout)
        self.assertEqual((shown["images"][0]["frames"], shown["images"][0]["encoding"]), (-(-len(self.root) // 131072), "none"))
        description.write_text(description.read_text().replace("blocks = true\n", ""))
        for options, named in (([], False), (["--blocks"], True)):
            aloft("bundle", "create", "-o", out, "-d", description, *options, "--unsigned")
            self.assertEqual("packed by blocks" in aloft("bundle", "show", out).stdout, named)
        signer = ["--key", self.home / "p256/signer.key", "--cert", self.home / "p256/signer.pem"]
        aloft("bundle", "create", "-o", out, "-d", description, *signer, "--unsigned", status=2)
        description.write_text(description.read_text() + 'compres = "no"\n')
        done = aloft("bundle", "create", "-o", out, "-d", description, "--unsigned", status=1)
        self.assertIn("compres", done.stderr)

    def test_show_says_whether_the_signature_was_verified(self):
        self.assertIn("NOT VERIFIED", aloft("bundle", "show", self.bundle).stdout)
        shown = json.loads(aloft("bundle", "show", self.bundle, "--json", "--trust", self.home / "p256" / "trust").stdout)
        self.assertEqual(shown["signature"]["state"], "verified")
        aloft("bundle", "show", self.bundle, "--trust", self.home / "rsa3072" / "trust", status=1)
        forged = self.make("forged.aloft", None, "--description", "Good.\nSignature:         verified")
        shown = aloft("bundle", "show", forged).stdout
        self.assertIn("\n" + 19 * " " + "Signature:         verified\n", shown)
        self.assertEqual([line for line in shown.splitlines() if line.startswith("Signature:")], ["Signature:         NONE: devices will refuse this bundle"])

    def test_a_revocation_list_that_is_empty_is_not_renewed(self):
        keys = self.home / "lost-list"
        aloft("keys", "init", keys)
        aloft("keys", "revoke", keys, keys / "signer.pem")
        (keys / "trust/root.crl").write_bytes(b"")
        self.assertIn("E2016 bad-certificate", aloft("keys", "revoke", keys, status=1).stderr)
        self.assertEqual((keys / "trust/root.crl").read_bytes(), b"")
        (keys / "trust/root.crl").unlink()
        aloft("keys", "revoke", keys, keys / "signer.pem")

    def test_keys_are_made_all_or_none(self):
        keys = self.home / "again"
        aloft("keys", "init", keys)
        (keys / "root.key").unlink()
        (keys / "root.pem").unlink()
        before = {file.name: file.read_bytes() for file in keys.rglob("*.*")}
        self.assertIn("exists; choose another name or folder", aloft("keys", "init", keys, status=1).stderr)
        for name in ("signer.key", "signer.pem"):
            (keys / name).unlink()
            del before[name]
        self.assertIn("exists; choose another name or folder", aloft("keys", "init", keys, status=1).stderr)
        self.assertEqual({file.name: file.read_bytes() for file in keys.rglob("*.*")}, before)

        def small_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

        # Room for keys, none for a certificate.
        self.assertIn("E1002 no-space", aloft("keys", "init", self.home / "full", status=1, preexec_fn=small_disk).stderr)
        self.assertEqual([file.name for file in (self.home / "full").rglob("*")], ["trust"])
        aloft("keys", "init", self.home / "full")

    def test_of_two_who_make_keys_at_once_one_has_them_all(self):
        for number in range(5):
            folder = self.home / f"at-once-{number}"
            both = [subprocess.Popen([ALOFT, "keys", "init", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
            self.assertEqual(sorted(each.wait(60) for each in both), [0, 1])
            self.assertEqual(sorted(file.name for file in folder.rglob("*.*")), ["root.key", "root.pem", "root.pem", "signer.key", "signer.pem"])
            bundle = self.home / f"at-once-{number}.aloft"
            aloft("bundle", "create", "-o", bundle, "--product", "p", "--hardware", "r", "--version", "1", "--image", f"rootfs={self.home}/boot.img",
                  "--key", folder / "signer.key", "--cert", folder / "signer.pem")  # fmt: skip
            aloft("bundle", "verify", bundle, "--trust", folder / "trust")

    def test_keys_that_another_program_makes_are_not_waited_for(self):
        folder = self.home / "busy"
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.assertIn("by another program just now", aloft("keys", "init", folder, status=1).stderr)
        os.close(descriptor)
        aloft("keys", "init", folder)

    def test_what_is_strange_is_an_error_and_no_crash(self):
        no_utf8 = os.fsdecode(b"M\xfcller")
        self.assertIn("is no UTF-8", aloft("bundle", "create", "-o", self.home / "x.aloft", "--product", "p", "--hardware", "r", "--version", "1", "--image",
                                           f"rootfs={self.home}/boot.img", "--unsigned", "--description", no_utf8, status=2).stderr)  # fmt: skip
        self.assertIn("cannot examine", aloft("keys", "issue", self.home / "p256", "--name", 300 * "x", status=1).stderr)

    def test_wrong_usage_is_status_2(self):
        aloft("bundle", "create", status=2)
        aloft("bundle", "create", "-o", self.home / "x.aloft", "--image", "rootfs", "--unsigned", status=2)
        aloft("bundle", "verify", self.bundle, status=2)
        aloft("bundle", "--help")
        aloft("keys", "init", self.home / "p256", status=1)
        self.assertIn("--type: rsa not in {p256,ed25519,rsa3072}", aloft("keys", "init", self.home / "x", "--type", "rsa", status=2).stderr)
        self.assertIn("one of a file in FOLDER", aloft("keys", "issue", self.home / "p256", "--name", "../x", status=2).stderr)
        for words, told in ((["bundel"], '"bundel" is no command of aloft; see aloft --help'), (["bundle", "creat", "-o", "x"], '"creat" is no command of aloft bundle; see'),
                            (["bundle"], "aloft bundle needs a command"), (["bundle"], "unpack "), ([], "aloft needs a command"), ([], "rollout "), (["bundle", "create", "x"], "--output is required")):
            self.assertIn(told, aloft(*words, status=2).stderr)

    def test_only_a_file_is_replaced(self):
        """A rename would put the bundle in the place of /dev/null."""
        pipe = self.home / "pipe"
        os.mkfifo(pipe)
        image = f"rootfs={self.home / 'root.img'}"
        for place in (pipe, self.home):
            done = aloft("bundle", "create", "-o", place, "--product", "p", "--hardware", "r", "--version", "1", "--image", image, "--unsigned", status=2)
            self.assertIn("not replaced by a file", done.stderr)
            aloft("bundle", "sign", self.bundle, "-o", place, "--key", self.home / "p256/signer.key", "--cert", self.home / "p256/signer.pem", status=2)
        self.assertTrue(pipe.is_fifo())

    def test_no_command_destroys_what_it_reads(self):
        own = self.home / "own"
        own.mkdir()
        signer = ["--key", own / "key", "--cert", own / "cert"]
        whole = {"r.img": self.root, "app.new": self.bundle.read_bytes(), "key": (self.home / "p256/signer.key").read_bytes(), "cert": (self.home / "p256/signer.pem").read_bytes()}
        for name, content in whole.items():
            (own / name).write_bytes(content)
        create = ["bundle", "create", "--product", "p", "--hardware", "r", "--version", "1", "--image", f"rootfs={own / 'r.img'}"]
        (own / "app.toml").write_text("")
        for command in (
            [*create, "--unsigned", "-o", own / "r.img"],
            [*create, "--unsigned", "-d", own / "app.toml", "-o", own / "app.toml"],
            [*create, *signer, "-o", own / "key"],
            ["bundle", "sign", own / "app.new", *signer, "-o", own / "cert"],
            ["bundle", "extract-manifest", own / "app.new", "-o", own / "app.new"],
            ["bundle", "extract-manifest", own / "app.new", "-o", own / "manifest", "--signature", own / "app.new"],
            ["bundle", "verity", own / "r.img", "-o", own / "r.img"],
            ["bundle", "unpack", own / "r.img", "-C", own, "--unverified"],
        ):
            if command[1] == "unpack":  # a bundle that has the name of its image
                (own / "rootfs").write_bytes(whole["app.new"])
                command[2] = own / "rootfs"
            self.assertIn("would take the place of", aloft(*command, status=2).stderr, command)
        self.assertTrue((own / "rootfs").read_bytes() == whole["app.new"])
        # Names that look like those of files that are being written.
        aloft("bundle", "sign", own / "app.new", *signer, "-o", own / "app")
        aloft("bundle", "verity", own / "app.new", "-o", own / "app")
        aloft("bundle", "extract-manifest", own / "app.new", "-o", own / "app")
        aloft("bundle", "create", "--product", "p", "--hardware", "r", "--version", "1", "--image", f"rootfs={own / 'app.new'}", *signer, "-o", own / "app")
        aloft("bundle", "sign", own / "app", *signer)
        self.good(own / "app", "p256")
        for name, content in whole.items():
            self.assertTrue((own / name).read_bytes() == content, name)
        self.assertEqual({file.name for file in own.iterdir()}, {*whole, "app", "app.toml", "rootfs"})

    def test_a_result_that_does_not_fit_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([ALOFT, "bundle", "show", self.bundle], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, "cannot write all of the result" in done.stderr), (1, True))


if __name__ == "__main__":
    unittest.main()
