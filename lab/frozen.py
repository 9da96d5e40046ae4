"""Machines and servers stopped in the middle of what they do, kept, and gone on with as often as wanted: a kill then costs no boot."""
import contextlib
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import time

import blocklog
import machine
import programs
import server


class FreezableMachine(machine.Machine):
    """A machine with QEMU's monitor, which can record its disk's writes (log), and begin where a frozen one stopped (state)."""

    def __init__(self, model, folder, log=None, state=None):
        super().__init__(model, folder)
        self.log, self.state = log, state
        self.monitor_socket = self.shell_socket.parent / "monitor"

    def command(self):
        words = super().command()
        words[words.index("-monitor") + 1] = f"unix:{self.monitor_socket},server=on,wait=off"
        if self.state:
            words += ["-incoming", f"exec:cat {self.state}"]
        return blocklog.recorded(words, self.folder / "disk.img", self.log) if self.log else words

    def start(self):
        if self.log:
            self.log.touch()
        super().start()

    def monitor(self, *commands, timeout_s=60):
        """What the monitor says to the last of them."""
        said = b""
        with self.connected(time.monotonic() + timeout_s) as line:
            line.settimeout(timeout_s)
            read_prompt(line)
            for command in commands:
                line.sendall(command.encode() + b"\n")
                said = read_prompt(line)
        return said.decode(errors="replace")

    def connected(self, deadline):
        """To the monitor, of a QEMU that may just have been started: its socket is there a moment before it listens."""
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(str(self.monitor_socket))
                return line
            except OSError:
                line.close()
                if not self.running() or time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def power_cut(self):
        super().power_cut()
        self.monitor_socket.unlink(missing_ok=True)
        self.shell_socket.unlink(missing_ok=True)

    def freeze(self, path):
        """Stops the machine and writes its memory and devices to the file; it can go on by thaw()."""
        said = self.monitor("stop", f'migrate "exec:cat > {path}"', timeout_s=120)
        if "completed" not in (state := self.monitor("info migrate")):
            raise machine.Failure(f"the machine cannot be frozen: {said}{state}")

    def thaw(self):
        self.monitor("cont")

    def arrive(self, timeout_s=60):
        """Waits until a machine that was begun from a state is there, and lets it go on."""
        deadline = time.monotonic() + timeout_s
        while "inmigrate" in self.monitor("info status"):
            if time.monotonic() > deadline:
                raise machine.Failure("the frozen machine did not come back")
            time.sleep(0.01)
        self.thaw()


def read_prompt(line):
    said = b""
    while not said.endswith(b"(qemu) "):
        piece = line.recv(65536)
        if not piece:
            raise machine.Failure("QEMU's monitor went away")
        said += piece
    return said


class FrozenServer:
    """The data of a server at a moment, in a folder of its own."""

    def __init__(self, data, folder):
        self.folder = folder
        copy_data(data, folder)

    @classmethod
    def kept_in(cls, folder):
        """One that was made earlier."""
        found = cls.__new__(cls)
        found.folder = folder
        return found


def copy_data(data, folder):
    """The database as of now; blobs, which never change, as links where the file system allows."""
    folder.mkdir(parents=True)
    for path in pathlib.Path(data).iterdir():
        if path.name == "blobs":
            links = ["-l"] if path.stat().st_dev == folder.stat().st_dev else []
            subprocess.run(["cp", "-a", *links, str(path), str(folder / "blobs")], check=True)
        elif path.name == "fleet.db":
            with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(folder / "fleet.db")) as copy:
                source.backup(copy)
        elif path.is_file() and not path.name.startswith(("fleet.db", "lock")):
            shutil.copy(path, folder / path.name)


class ThawedServer(server.Server):
    """A server on a copy of a frozen one's data, with the port and the operator's login that the first one had."""

    def __init__(self, frozen, folder, port, operator):
        shutil.rmtree(folder, ignore_errors=True)
        self.folder, self.port = folder, port
        copy_data(frozen.folder, folder / "server")
        self.log, self.operator, self.url = folder / "server.log", operator, f"https://127.0.0.1:{port}"
        with open(self.log, "ab") as log:
            command = [str(programs.program("aloft-server")), "--data", str(folder / "server"), "--listen", f"127.0.0.1:{port}",
                       "--trust", str(programs.keys() / "trust")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env=programs.environment({}), preexec_fn=machine.die_with_parent)
        self.await_port()

    def await_port(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise machine.Failure(f"the server did not come back on port {self.port}; see {self.log}: {self.log.read_text()[-500:]}")

    def stop(self):
        """At once: what it had acknowledged is on its disk."""
        self.process.kill()
        self.process.wait()
