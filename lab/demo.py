#!/usr/bin/python3
"""./dev demo: a server, a device, a good update, two bad ones and a power cut, watchable in the terminal."""
import argparse
import signal
import sys

import lab
import machine
import machines
import narrator
import programs
import scene
import server
import stories

MODEL = machines.ALL["grub-debian"]
ACTS = ["good", "panic", "unhealthy", "cut"]

KEPT = """
Server and device are still running.
  console page  {url}   user {user}, password "{password}"   (its certificate is its own: tell the browser so)
  operator      XDG_CONFIG_HOME={folder}/operator {aloft} device list
  server's log  {folder}/server.log
  device        tail -f {folder}/console.log
  its shell     ./dev lab attach {shell}
  end both      kill {pids} && rm -r {folder} {sockets}
"""


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave server and device running at the end, and say how to look at them")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    voice, rows = narrator.Narrator(), []

    def told(name, seconds, outcome):
        failed = isinstance(outcome, machine.Failure)
        rows.append((name, "FAILED" if failed else "ok", f"{seconds:.0f} s", str(outcome).splitlines()[0]))
        if failed:
            voice.line(f"FAILED: {outcome}")

    voice.line("Aloft, shown on a machine that really boots (QEMU, UEFI, GRUB, Debian).", narrator.BOLD)
    with scene.Scene(MODEL, lab.run_folder("demo"), voice, outlives_us=options.keep) as played:
        good = stories.play(played, ACTS, told)
        voice.rest()
        print("\n" + narrator.table(rows, ("act", "result", "time", "outcome")))
        print(f"\n{'All of it came true' if good else 'NOT all of it came true'} in {voice.clock()} minutes.")
        lab.keep_logs(played, voice, "demo")
        if options.keep and played.machine and played.machine.running():
            played.keep()
            print(KEPT.format(url=played.server.url, user=server.USER, password=server.PASSWORD, folder=played.folder,
                              shell=played.machine.shell_socket, sockets=played.machine.shell_socket.parent,
                              aloft=programs.program("aloft"), pids=f"{played.machine.process.pid} {played.server.process.pid}"))
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ndemo: stopped; server and device have ended", file=sys.stderr)
        sys.exit(130)
