"""How much a machine was sent, from the capture of its network card that QEMU writes (pcap, frames cut to their headers)."""
import struct

HEADERS_BYTES = 96
DEVICE_MAC = bytes.fromhex("525400123456")
IPV4, TCP = b"\x08\x00", 6


def frames(data):
    """(original length, first bytes) of each whole record; a cut power line may leave half a record."""
    offset = 24
    while offset + 16 <= len(data):
        captured, original = struct.unpack_from("<II", data, offset + 8)
        if offset + 16 + captured > len(data):
            return
        yield original, data[offset + 16:offset + 16 + captured]
        offset += 16 + captured


def received_bytes(data):
    """Bytes of TCP streams that came to the device: what it fetched, TLS and HTTP included."""
    total = 0
    for _, frame in frames(data):
        if len(frame) >= 54 and frame[:6] == DEVICE_MAC and frame[12:14] == IPV4 and frame[23] == TCP:
            ip_header = (frame[14] & 15) * 4
            tcp_header = (frame[14 + ip_header + 12] >> 4) * 4
            total += int.from_bytes(frame[16:18], "big") - ip_header - tcp_header
    return total
