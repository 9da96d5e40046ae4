"""A link between this machine and a network namespace with delay and rate, made of two TUN devices and a thread that holds packets back."""
import collections
import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # <linux/if_tun.h>
CLONE_NEWNET = 0x40000000
OUTER, INNER = "10.213.0.1", "10.213.0.2"
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def inside(space):
    """This thread is in the namespace, for a while."""
    with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/run/netns/{space}", "rb") as theirs:
        if LIBC.setns(theirs.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            LIBC.setns(ours.fileno(), CLONE_NEWNET)


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


class Link:
    """Packets to the namespace and back each take delay_s; bytes_per_s bounds each direction."""

    def __init__(self, delay_s, bytes_per_s=None):
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s
        self.space = f"aloft-bench-{os.getpid()}"
        run("ip", "netns", "add", self.space)
        self.outer = open_tun("albench0")
        with inside(self.space):
            self.inner = open_tun("albench0")
        run("ip", "addr", "add", OUTER, "peer", INNER, "dev", "albench0")
        run("ip", "link", "set", "albench0", "up", "txqueuelen", "10000")
        for command in (("addr", "add", INNER, "peer", OUTER, "dev", "albench0"), ("link", "set", "albench0", "up", "txqueuelen", "10000"),
                        ("link", "set", "lo", "up")):
            run("ip", "netns", "exec", self.space, "ip", *command)
        self.ending = False
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self):
        """Moves packets until close()."""
        queues = {self.outer: collections.deque(), self.inner: collections.deque()}  # by where they came from: (due, packet)
        free_at = {self.outer: 0.0, self.inner: 0.0}
        other = {self.outer: self.inner, self.inner: self.outer}
        while not self.ending:
            due = min((queue[0][0] for queue in queues.values() if queue), default=None)
            patience = 0.1 if due is None else max(0.0, min(0.1, due - time.monotonic()))
            readable, _, _ = select.select(list(queues), [], [], patience)
            now = time.monotonic()
            for fd in readable:
                for _ in range(64):
                    try:
                        packet = os.read(fd, 65536)
                    except BlockingIOError:
                        break
                    start = max(now, free_at[fd])
                    free_at[fd] = start + (len(packet) / self.bytes_per_s if self.bytes_per_s else 0)
                    queues[fd].append((free_at[fd] + self.delay_s, packet))
            now = time.monotonic()
            for fd, queue in queues.items():
                while queue and queue[0][0] <= now:
                    try:
                        os.write(other[fd], queue.popleft()[1])
                    except OSError:
                        pass  # a full queue loses packets, as routers do

    def close(self):
        self.ending = True
        self.thread.join()
        os.close(self.outer)
        os.close(self.inner)
        subprocess.run(["ip", "netns", "delete", self.space], check=False, capture_output=True)
