#!/usr/bin/env python3
"""A second reader of Aloft bundles, written from docs/bundle-format.md alone. Shares no code with aloft.

bundle_reader.py BUNDLE --trust FOLDER [--extract FOLDER]   prints what it found as JSON; exit status 1 and a line on standard error when bad
Needs python3-cryptography and the programs openssl and zstd.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ExtendedKeyUsage, KeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID

MAGIC = b"ALOFT\r\n\x1a"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
IDENTIFIER = re.compile(r"[A-Za-z0-9._+,:~-]{1,64}")
OID_ED25519 = bytes.fromhex("06032b6570")
OID_SHA512 = bytes.fromhex("0609608648016503040203")


class Bad(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Bad(why)


# --- DER, as much as SignedData needs


def der_elements(data):
    """[(tag, content, whole)] of the elements that fill data."""
    out, at = [], 0
    while at < len(data):
        need(at + 2 <= len(data), "DER: cut short")
        size, start = data[at + 1], at + 2
        if size >= 0x80:
            octets = size & 0x7F
            need(0 < octets <= 4 and start + octets <= len(data), "DER: bad length")
            size, start = int.from_bytes(data[start : start + octets], "big"), start + octets
        need(start + size <= len(data), "DER: cut short")
        out.append((data[at], data[start : start + size], data[at : start + size]))
        at = start + size
    return out


def signer_infos(cms):
    """The fields of each SignerInfo (RFC 5652 section 5.3)."""
    content_info = der_elements(der_elements(cms)[0][1])
    signed_data = der_elements(der_elements(content_info[1][1])[0][1])
    need(len(der_elements(signed_data[2][1])) == 1, "the signature holds content")
    return [der_elements(info[1]) for info in der_elements(signed_data[-1][1])]


# --- trust


def check_chain(certificate, others, anchors_pem, crls):
    """openssl verify does the path validation."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "anchors.pem").write_bytes(anchors_pem)
        (folder / "others.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in others))
        (folder / "signer.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        command = ["openssl", "verify", "-auth_level", "2", "-no-CApath", "-no-CAstore", "-CAfile", folder / "anchors.pem",
                   "-untrusted", folder / "others.pem"]  # fmt: skip
        if crls:
            (folder / "crls.pem").write_bytes(crls)
            command += ["-crl_check_all", "-CRLfile", folder / "crls.pem"]
        done = subprocess.run([*command, folder / "signer.pem"], capture_output=True, text=True)
        need(done.returncode == 0, "untrusted: " + (done.stderr or done.stdout).strip())


def check_purpose(certificate):
    extensions = certificate.extensions
    need(extensions.get_extension_for_class(KeyUsage).value.digital_signature, "the signer lacks digitalSignature")
    need(ExtendedKeyUsageOID.CODE_SIGNING in extensions.get_extension_for_class(ExtendedKeyUsage).value, "the signer lacks codeSigning")


def check_ed25519(fields, certificates, manifest):
    """RFC 8419 without signed attributes. Returns the signer's certificate."""
    need(len(fields) == 5 and fields[4][0] == 0x04, "Ed25519 with signed attributes")
    need(OID_SHA512 in fields[2][2], "Ed25519 with another digest")
    issuer, serial = (element[2] for element in der_elements(fields[1][1]))
    for certificate in certificates:
        if certificate.issuer.public_bytes() == issuer and der_elements(serial)[0][1] == integer(certificate.serial_number):
            key = certificate.public_key()
            need(isinstance(key, ed25519.Ed25519PublicKey), "the signer's key is no Ed25519 key")
            try:
                key.verify(fields[4][1], manifest)
            except InvalidSignature:
                raise Bad("bad Ed25519 signature") from None
            return certificate
    raise Bad("the certificate of a signer is missing")


def integer(value):
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def check_with_openssl(cms, manifest, certificates):
    """The signatures of all signers, by openssl; chains are checked by themselves. Returns the signers' certificates."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "cms").write_bytes(cms)
        (folder / "manifest").write_bytes(manifest)
        done = subprocess.run(
            ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", folder / "cms", "-content", folder / "manifest",
             "-noverify", "-signer", folder / "signers.pem", "-out", "/dev/null"],
            capture_output=True, text=True)  # fmt: skip
        need(done.returncode == 0, "bad signature: " + done.stderr.strip())
        signers = (folder / "signers.pem").read_bytes()
    return [c for c in certificates if c.public_bytes(Encoding.PEM) in signers]


def rebuilt(cms, infos):
    """The SignedData with some of its SignerInfos only: openssl cannot read past those of Ed25519."""
    content_info = der_elements(der_elements(cms)[0][1])
    fields = der_elements(der_elements(content_info[1][1])[0][1])
    inner = b"".join(field[2] for field in fields[:-1]) + wrap(0x31, b"".join(wrap(0x30, b"".join(f[2] for f in info)) for info in infos))
    return wrap(0x30, content_info[0][2] + wrap(0xA0, wrap(0x30, inner)))


def wrap(tag, content):
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 | len(octets)]) + octets) + content


def check_signature(cms, manifest, trust):
    need(cms, "unsigned")
    infos = signer_infos(cms)
    need(1 <= len(infos) <= 16, "no signers, or too many")
    certificates = pkcs7.load_der_pkcs7_certificates(cms)
    by_hand = [info for info in infos if any(OID_ED25519 in field[2] for field in info[3:5] if field[0] == 0x30)]
    others = [info for info in infos if info not in by_hand]
    signers = [check_ed25519(info, certificates, manifest) for info in by_hand]
    if others:
        found = check_with_openssl(rebuilt(cms, others), manifest, certificates)
        need(len(found) == len(others), "a signer's certificate is missing")
        signers += found
    anchors = b"".join(path.read_bytes() for path in sorted(trust.glob("*.pem")))
    crls = b"".join(path.read_bytes() for path in sorted(trust.glob("*.crl")))
    for certificate in signers:
        check_chain(certificate, certificates, anchors, crls)
        check_purpose(certificate)
    return sorted(certificate.subject.rfc4514_string() for certificate in signers)


# --- manifest


def unique(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key stands twice")
    return dict(pairs)


def known(value, keys, optional=()):
    need(isinstance(value, dict), "an object is expected")
    present = {key for key in value if not key.startswith("x-")}
    need(present <= {*keys, *optional}, f"unknown keys {present - {*keys, *optional}}")
    need(set(keys) <= present, f"missing keys {set(keys) - present}")
    return value


def whole(value, least, most):
    need(type(value) is int and least <= value <= most, f"a number from {least} to {most} is expected, not {value}")
    return value


def text(value, pattern):
    need(isinstance(value, str) and pattern.fullmatch(value), f"bad text {value!r}")
    return value


def digests(value, count):
    need(isinstance(value, str), "base64 expected")
    raw = base64.b64decode(value, validate=True)
    need(base64.b64encode(raw).decode() == value and len(raw) == 32 * count, "wrong number of digests")
    return [raw[i : i + 32] for i in range(0, len(raw), 32)]


def hexadecimal(value):
    text(value, re.compile("[0-9a-f]{64}"))
    return bytes.fromhex(value)


class Image:
    def __init__(self, value):
        known(value, ["name", "slot_class", "type", "size", "sha256", "frames", "stored"], ["blocks", "verity"])
        self.name = text(value["name"], NAME)
        self.slot_class = text(value["slot_class"], NAME)
        need(value["type"] in ("raw", "tar", "file", "payload", "ubifs"), "unknown type")
        self.size = whole(value["size"], 1, 2**62)
        self.sha256 = hexadecimal(value["sha256"])
        frames = known(value["frames"], ["size", "sha256"])
        self.frame_size = whole(frames["size"], 65536, 4194304)
        need(self.frame_size & (self.frame_size - 1) == 0, "frame size is no power of two")
        count = -(-self.size // self.frame_size)
        self.frames = digests(frames["sha256"], count)
        self.encoding = value["stored"].get("encoding")
        if self.encoding == "none":
            known(value["stored"], ["encoding"])
            self.stored = [(self.content_size(i), digest) for i, digest in enumerate(self.frames)]
        else:
            need(self.encoding == "zstd", "unknown encoding")
            stored = known(value["stored"], ["encoding", "sizes", "sha256"])
            need(len(stored["sizes"]) == count, "wrong number of sizes")
            sizes = [whole(s, 1, self.content_size(i) + self.content_size(i) // 256 + 64) for i, s in enumerate(stored["sizes"])]
            self.stored = list(zip(sizes, digests(stored["sha256"], count)))
        self.blocks = None
        if "blocks" in value:
            blocks = known(value["blocks"], ["size", "sha256"])
            whole(blocks["size"], 4096, 4096)
            self.blocks = hexadecimal(blocks["sha256"])

        self.verity = None
        if "verity" in value:
            verity = known(value["verity"], ["data_size", "root", "salt"])
            need(value["type"] == "raw", "verity of something that is not raw")
            size = whole(verity["data_size"], 4096, self.size - 1)
            self.verity = (size, hexadecimal(verity["root"]), hexadecimal(verity["salt"]))
            need(size % 4096 == 0 and self.size - size == len(verity_area(bytes(32), *self.verity[:2], bytes(size // 4096 * 32))), "verity sizes")

    def is_zeros(self, frame):
        return self.frames[frame] == hashlib.sha256(bytes(self.frame_size)).digest()

    def content_size(self, frame):
        return min(self.frame_size, self.size - frame * self.frame_size)


def verity_area(salt, size, root, leaves):
    """Superblock and tree of dm-verity over so many bytes, from the digests of the blocks; the highest level first."""
    def padded(data):
        return data + bytes(-len(data) % 4096)

    levels, digests = [], leaves
    while len(digests) > 32:
        levels.insert(0, padded(digests))
        digests = b"".join(hashlib.sha256(salt + levels[0][i : i + 4096]).digest() for i in range(0, len(levels[0]), 4096))
    head = struct.pack("<8sII16s32sIIQH6s", b"verity", 1, 1, bytes(16), b"sha256", 4096, 4096, size // 4096, 32, bytes(6)) + salt
    verity_area.root = digests
    return padded(head) + b"".join(levels)


def check_verity(content, size, root, salt):
    area = verity_area(salt, size, root, b"".join(hashlib.sha256(salt + content[i : i + 4096]).digest() for i in range(0, size, 4096)))
    need(verity_area.root == root, "the verity root is not of this content")
    own = bytearray(content[size:])
    own[16:32] = bytes(16)  # the id may be anything
    need(bytes(own) == area, "the verity tree is not of this content")


def parse_manifest(raw):
    value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    need(isinstance(value, dict) and value.get("format") == 1, "unknown format")
    known(value, ["format", "product", "hardware", "version", "security_version", "description", "images"])
    text(value["product"], IDENTIFIER)
    text(value["version"], IDENTIFIER)
    need(1 <= len(value["hardware"]) <= 256, "no hardware, or too much")
    for revision in value["hardware"]:
        text(revision, IDENTIFIER)
    whole(value["security_version"], 0, 2**63 - 1)
    need(1 <= len(value["images"]) <= 64, "no images, or too many")
    images = [Image(image) for image in value["images"]]
    for attribute in ("name", "slot_class"):
        need(len({getattr(image, attribute) for image in images}) == len(images), f"two images with one {attribute}")
    return value, images


# --- payload


def decode(image, frame, stored):
    """The frame's content, and how many of the stored bytes each block takes."""
    size = image.content_size(frame)
    if image.encoding == "none":
        return stored, [min(4096, size - at) for at in range(0, size, 4096)]
    if image.blocks is None or image.is_zeros(frame):
        return unpack(stored, size), [len(stored)]
    content, sizes = b"", []
    while len(content) < size:
        packed = stored[:zstd_frame_bytes(stored)]
        stored = stored[len(packed):]
        content += unpack(packed, min(4096, size - len(content)), content)
        sizes.append(len(packed))
    need(not stored, "something follows the blocks of a frame")
    return content, sizes


def block_name(block):
    total = 0
    for byte in block:
        total = (total * 0x9E3779B97F4A7C15 + byte + 1) % 2**64
    return (total >> 32).to_bytes(4, "little") + hashlib.sha256(block).digest()[:2]


def zstd_frame_bytes(stored):
    """RFC 8878 section 3.1.1: a header of 5 bytes and the content's size, then blocks up to the last; no checksum."""
    need(len(stored) > 5 and not stored[4] & 0x04, "not a zstd frame without a checksum")
    at, last = 5 + {0: 1, 1: 2, 2: 4, 3: 8}[stored[4] >> 6], False
    while not last:
        need(len(stored) >= at + 3, "a zstd frame is truncated")
        head = int.from_bytes(stored[at : at + 3], "little")
        last = head & 1
        at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
    need(at <= len(stored), "a zstd frame is truncated")
    return at


def unpack(stored, size, prefix=b""):
    need(len(stored) > 5 and stored[:4] == struct.pack("<I", 0xFD2FB528), "not a zstd frame")
    descriptor = stored[4]
    need(descriptor & 0x20 and not descriptor & 0x0B, "not a single segment, or with a dictionary")
    width = {0: 1, 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    declared = int.from_bytes(stored[5 : 5 + width], "little") + (256 if width == 2 else 0)
    need(declared == size, "the zstd frame declares another size")
    with tempfile.NamedTemporaryFile() as before:
        before.write(prefix)
        before.flush()
        done = subprocess.run(["zstd", "-d", "-c", "-q", "--single-thread"] + [f"--patch-from={before.name}"] * bool(prefix), input=stored, capture_output=True)
    need(done.returncode == 0, "zstd: " + done.stderr.decode().strip())
    return done.stdout


def read(path, trust, extract=None):
    raw = pathlib.Path(path).read_bytes()
    need(raw[:8] == MAGIC, "not a bundle")
    need(len(raw) >= 64, "truncated")
    version, flags, manifest_size, signature_size = struct.unpack("<IIQQ", raw[8:32])
    need(version == 1 and flags == 0, "unknown version or flags")
    need(1 <= manifest_size <= 64 << 20 and signature_size <= 64 << 10, "sizes out of bounds")
    start = 64 + manifest_size + signature_size
    need(len(raw) >= start, "truncated")
    manifest, signature = raw[64 : 64 + manifest_size], raw[64 + manifest_size : start]
    need(hashlib.sha256(raw[:32] + manifest + signature).digest() == raw[32:64], "bad checksum")
    signers = check_signature(signature, manifest, pathlib.Path(trust))
    value, images = parse_manifest(manifest)

    at, contents, sections = start, [], []
    for image in images:
        content, entries = bytearray(), b""
        for frame, (size, digest) in enumerate(image.stored):
            stored = raw[at : at + size]
            at += size
            need(len(stored) == size, "truncated")
            need(hashlib.sha256(stored).digest() == digest, f"stored frame {frame} of {image.name} is damaged")
            plain, sizes = decode(image, frame, stored)
            need(len(plain) == image.content_size(frame), "wrong size of content")
            need(hashlib.sha256(plain).digest() == image.frames[frame], f"frame {frame} of {image.name} decodes to something else")
            content += plain
            if image.blocks is not None and not image.is_zeros(frame):
                for block, packed in enumerate(sizes):
                    entries += block_name(plain[block * 4096 : (block + 1) * 4096]) + packed.to_bytes(2, "little")
        need(hashlib.sha256(content).digest() == image.sha256, f"image {image.name} is something else")
        if image.verity:
            check_verity(bytes(content), *image.verity)
        contents.append(bytes(content))
        sections.append(entries)
    for image, own in zip(images, sections):
        if image.blocks is None:
            continue
        section = raw[at : at + len(own)]
        at += len(own)
        need(hashlib.sha256(section).digest() == image.blocks, f"the section of blocks of {image.name} is damaged")
        need(own == section, f"the section of blocks of {image.name} is not of its content")
    need(at == len(raw), "truncated" if at > len(raw) else "trailing bytes")
    if extract:
        pathlib.Path(extract).mkdir(parents=True, exist_ok=True)
        for image, content in zip(images, contents):
            (pathlib.Path(extract) / image.name).write_bytes(content)
    return {"product": value["product"], "version": value["version"], "signers": signers, "images": [image.name for image in images]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("--trust", required=True)
    parser.add_argument("--extract")
    options = parser.parse_args()
    try:
        print(json.dumps(read(options.bundle, options.trust, options.extract)))
    except (Bad, ValueError, KeyError, IndexError) as problem:
        print(f"bundle_reader: {options.bundle}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
