"""Devices by the thousand for benches and tests: rows put into a server's database while it is stopped, tokens made with its secret, and
aloft-load, which speaks for all of them over connections of their own."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import sqlite3
import subprocess
import time

LOAD = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "bench/load/aloft-load"
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s\n-----END PUBLIC KEY-----\n"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def take_core(core, priority, own_session=True):
    """For a preexec: the process keeps to one core. As root it also goes before other work there: by
    itself, and with a session of its own as the group that the kernel makes of that."""
    os.sched_setaffinity(0, {core})
    if os.geteuid() != 0:
        return
    os.setpriority(os.PRIO_PROCESS, 0, priority)
    autogroup = pathlib.Path("/proc/self/autogroup")
    if own_session and autogroup.exists():
        os.setsid()
        autogroup.write_text(str(priority))


def name_of(index):
    return f"dev-{index:07}"


def key_digest(index):
    return hashlib.sha256(name_of(index).encode()).digest()


def device_row(index, now_ms):
    digest = key_digest(index)
    return (index, name_of(index), 1, PUBLIC_KEY % base64.b64encode(digest).decode(), digest, "lab-gateway", "rev-a", "1", now_ms, now_ms)


def fill(folder, count, deployments=0, release=None):
    """Puts `count` accepted devices with two attributes each into the stopped server's database; the first `deployments` of them have an
    unfinished deployment of the release, with the device's own id."""
    database = sqlite3.connect(folder / "data/fleet.db")
    now_ms = int(time.time() * 1000)
    with database:
        database.execute("PRAGMA synchronous=OFF")
        database.executemany("INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms) "
                             "VALUES(?,?,?,?,?,?,?,?,?,?)", (device_row(index, now_ms) for index in range(1, count + 1)))
        database.execute("INSERT INTO attributes SELECT id,'modem',CASE id%2 WHEN 0 THEN 'ec25' ELSE 'eg91' END FROM devices")
        database.execute("INSERT INTO attributes SELECT id,'site','roof-'||(id%1000) FROM devices")
        if deployments:
            sha256 = bytes.fromhex(release["sha256"])
            database.executemany("INSERT INTO deployments(id,device,release,version,artifact_sha256,artifact_size_bytes,state,created_ms,"
                                 "created_by,changed_ms) VALUES(?1,?1,?2,?3,?4,?5,0,?6,'bench',?6)",
                                 ((index, release["id"], release["version"], sha256, release["size_bytes"], now_ms)
                                  for index in range(1, deployments + 1)))
    database.close()


def tokens(folder, indices):
    """Good for a day, as src/server/device_tokens.cpp makes them."""
    database = sqlite3.connect(folder / "data/fleet.db")
    secret = base64.b64decode(database.execute("SELECT value FROM settings WHERE key='device-token-secret'").fetchone()[0])
    database.close()
    expires = int((time.time() + 86000) * 1000)
    for index in indices:
        payload = f"{expires}~{key_digest(index)[:8].hex()}~{name_of(index)}"
        seal = hmac.new(secret, b"aloft device bearer v1\n" + payload.encode(), hashlib.sha256).digest()
        yield index, payload + "~" + base64.urlsafe_b64encode(seal).rstrip(b"=").decode()


class Crowd:
    """aloft-load at work. preexec: what its process does first."""

    def __init__(self, server, indices, deployments=0, preexec=None):
        file = server.folder / f"crowd-{min(indices)}"
        file.write_text("".join(f"{token} {index if index <= deployments else 0}\n" for index, token in tokens(server.folder, indices)))
        command = [str(LOAD), str(server.port), str(file), *(["--plain"] if server.plain else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=preexec)

    def begin(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        assert line, "aloft-load has ended"
        return json.loads(line)

    def do(self, *words):
        self.begin(*words)
        return self.end()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Usage:
    """What a process has used since this was made."""

    def __init__(self, pid):
        self.pid, self.begin = pid, time.monotonic()
        self.cpu = self._cpu_s()

    def _cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def cpu_s(self):
        return self._cpu_s() - self.cpu

    def wall_s(self):
        return time.monotonic() - self.begin

    def memory_mib(self, what="VmRSS"):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith(what + ":"))) / 1024

    def spent(self):
        return {"wall_s": round(self.wall_s(), 2), "cpu_s": round(self.cpu_s(), 2), "rss_mib": round(self.memory_mib(), 1)}
