#!/usr/bin/python3
"""./dev lab: machines in QEMU that really boot, and the stories that must come true on them."""
import argparse
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import sys
import termios
import tty

import bootstate
import cache
import campaign
import machine
import machines
import nand
import narrator
import recorded
import results
import rootfs
import scene
import service
import stories

WORK = pathlib.Path(os.environ.get("ALOFT_LAB_DIR") or cache.HERE.parent / "build/lab")
RESULTS = WORK / "results"
ALL = "all"
MEMORY, ROOM_BYTES = pathlib.Path("/dev/shm"), 4 << 30  # a machine takes up to 1 GiB
ESCAPE = b"\x1d"


def do_list(options):
    described = [{"name": each.name, "loader": each.loader.name, "architecture": each.architecture.name, "system": each.system, "says": each.says,
                  "stories": [{"name": story, "proves": tell.__doc__, "quick": story in each.quick} for story, tell in stories.STORIES.items() if story in stories.of(each)]}
                 for each in machines.ALL.values()]
    if options.json:
        print(json.dumps(described, indent=2))
        return 0
    rows = [(each.name, each.loader.name, f"{each.says}; {rootfs.SAYS[each.system]}", " ".join(each.quick)) for each in machines.ALL.values()]
    print(narrator.table(rows, ("machine", "loader", "is", "stories with --quick")))
    print("\n" + narrator.table([(name, tell.__doc__) for name, tell in stories.STORIES.items()], ("story", "proves")))
    return 0


def do_build(options):
    if unknown := set(options.names) - set(machines.ALL):
        raise SystemExit(f"lab: no machine called {', '.join(unknown)}; there are {', '.join(machines.ALL)}")
    for name in options.names or machines.ALL:
        for image in machines.ALL[name].images(rootfs.Version("1.0")).values():
            print(f"{name}: {image}")
    return 0


def do_run(options):
    chosen = [machines.ALL[name] for name in (machines.ALL if ALL in options.names else dict.fromkeys(options.names))]
    asked = {model.name: stories_asked(model, options) for model in chosen}
    good = True
    for model in chosen:
        with results.alone(RESULTS, model.name) if len(chosen) > 1 else contextlib.nullcontext(True) as mine:
            if not mine:
                print(f"lab: another lab plays {model.name}", flush=True)
                continue
            try:
                missing = results.missing(RESULTS, model) if options.missing else asked[model.name]
                if names := [name for name in asked[model.name] if name in missing]:
                    good = run_one(model, names) and good
            except (Exception, SystemExit) as error:  # the other machines are played all the same
                print(f"lab: {model.name}: {machine.failure_of(error)}", file=sys.stderr, flush=True)
                good = False
    return 0 if good else 1


def stories_asked(model, options):
    names = options.story or (model.quick if options.quick else stories.of(model))
    if unable := set(names) - set(stories.of(model)):
        raise SystemExit(f"lab: {model.name} cannot tell {', '.join(sorted(unable))}")
    return names


def run_one(model, names):
    voice, rows = narrator.Narrator(), []

    def told(name, seconds, outcome):
        failed = isinstance(outcome, machine.Failure)
        rows.append((name, "FAILED" if failed else "ok", f"{seconds:.0f} s", str(outcome).splitlines()[0]))
        for story in names if name == "enrol" and failed else [name]:
            if story in stories.STORIES:
                results.keep(RESULTS, model, story, seconds, outcome)
        if failed:
            voice.line(f"FAILED: {outcome}")
            if played.machine:
                voice.line(played.at())

    with scene.Scene(model, run_folder(model.name), voice) as played:
        try:
            good = stories.play(played, names, told)
        finally:
            keep_logs(played, voice, model.name)
    voice.rest()
    print("\n" + narrator.table(rows, ("story", "result", "time", "outcome")))
    print(f"\nlogs: {logs_of(model.name)}", flush=True)
    return good


def do_results(options):
    rows = results.everything(RESULTS)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print(narrator.table([(row["machine"], row["story"], row["result"], *(row.get(key, "") for key in ("seconds", "ended", "source", "software"))) for row in rows],
                             ("machine", "story", "result", "seconds", "ended", "source", "software")))
    return 0 if all(row["result"] == "ok" for row in rows) else 1


def do_campaign(options):
    if options.name == "simulated":
        return campaign.simulated(WORK)
    kind = campaign.Files if options.name == "files" else campaign.Campaign
    return kind(options.name, options, WORK).run()


def do_service(_):
    voice = narrator.Narrator()
    folder = run_folder("service")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(f"\nok: {service.play(folder, voice)}")
        return 0
    finally:
        voice.rest()
        keep_files(folder, "service")
        shutil.rmtree(folder, ignore_errors=True)


def do_nand(options):
    """The agent on raw flash; docs/lab.md."""
    voice, folder = narrator.Narrator(), run_folder("nand")
    try:
        print(f"\nok: {nand.play(folder, voice, options.seed)}")
        return 0
    finally:
        voice.rest()
        keep_files(folder, "nand")
        shutil.rmtree(folder, ignore_errors=True)


def do_shell(options):
    """Boots an enrolled device and connects this terminal to its root shell."""
    voice = narrator.Narrator()
    with scene.Scene(machines.ALL[options.name], run_folder(options.name), voice) as played:
        played.start_server()
        played.first_boot()
        voice.rest()
        print(f"root shell of {scene.DEVICE}; Ctrl-] ends it and the machine. Console: {played.machine.console}")
        converse(played.machine.shell_socket)
    return 0


def do_attach(options):
    """The root shell of a device that ./dev demo --keep left running."""
    print("Ctrl-] ends the conversation, not the machine.")
    converse(options.socket)
    return 0


def converse(path):
    keyboard, saved = sys.stdin.fileno(), None
    with socket.socket(socket.AF_UNIX) as line, contextlib.ExitStack() as after:
        line.connect(str(path))
        if os.isatty(keyboard):
            saved = termios.tcgetattr(keyboard)
            after.callback(termios.tcsetattr, keyboard, termios.TCSADRAIN, saved)
            tty.setraw(keyboard)
        line.sendall(b"stty echo sane; PS1='# '\n")
        while True:
            ready, _, _ = select.select([line, keyboard], [], [])
            if line in ready:
                if not (data := line.recv(4096)):
                    return
                os.write(sys.stdout.fileno(), data)
            if keyboard in ready:
                data = os.read(keyboard, 4096)
                if not data or ESCAPE in data:
                    return
                line.sendall(data)


def run_folder(name):
    """In memory, where there is room: a host whose disk is busy holds up the device's, and a device that waits for its disk looks like one that hangs."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return (MEMORY if roomy else WORK) / f"aloft-lab-{name}.{os.getpid()}"


def logs_of(name):
    return WORK / "logs" / name


def keep_files(folder, name):
    """The logs of the last run, where there was no scene."""
    shutil.rmtree(logs_of(name), ignore_errors=True)
    logs_of(name).mkdir(parents=True)
    for file in folder.glob("*.log"):
        shutil.copy(file, logs_of(name))


def keep_logs(played, voice, name):
    """The console, the server's and QEMU's logs, and what was told, of the last run."""
    folder = logs_of(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in played.folder.glob("*.log"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "told.log").write_text("\n".join(voice.lines) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="./dev lab", description=__doc__, epilog="docs/lab.md says what is inside.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("list", help="the machines and the stories")
    add.add_argument("--json", action="store_true")
    add.set_defaults(run=do_list)
    add = commands.add_parser("build", help="build the images that are not in the cache")
    add.add_argument("names", nargs="*", metavar="NAME")
    add.set_defaults(run=do_build)
    add = commands.add_parser("run", help="play stories on machines; status 0 only if all come true",
                              description="Plays stories on one machine after another; what several labs are given at once they share among them.")
    add.add_argument("names", nargs="+", choices=[*machines.ALL, ALL], metavar="NAME", help="a machine, or all")
    add.add_argument("--story", action="append", choices=stories.STORIES, metavar="STORY", help="only this one; may be repeated")
    add.add_argument("--quick", action="store_true", help="only those that ./dev test vm plays on this machine")
    add.add_argument("--missing", action="store_true", help="only those that have not come true yet with the device's software as it is now")
    add.set_defaults(run=do_run)
    add = commands.add_parser("results", help="how every story of every machine ended the last time; status 0 only if all came true with the device's software as it is now")
    add.add_argument("--json", action="store_true")
    add.set_defaults(run=do_results)
    add = commands.add_parser("campaign", help="power cuts by the thousand on a machine; status 0 only without a brick",
                              description="Records an update and judges every state that a power cut could have left; kills the device in the middle "
                              "of updates. Goes on where it was stopped. Report: build/lab/campaigns/NAME. docs/power-cuts.md.")
    add.add_argument("name", metavar="NAME", choices=["simulated", "files", *(each.name for each in machines.ALL.values() if each.loader.name in bootstate.READERS and not each.verity and not each.recovery)],
                     help="a machine; or simulated: every cut of every story on every boot loader, in one process; or files: recorded on ext4 and FAT "
                     "in User-Mode Linux")
    add.add_argument("--runs", type=int, default=1000, help="kills; all crash states of the recordings are judged in any case (default 1000)")
    add.add_argument("--seed", type=int, default=1, help="draws moments, subsets and samples (default 1)")
    add.add_argument("--kind", choices=("recorded", "kills", "both"), default="both", help="only one kind of power cut")
    add.add_argument("--story", action="append", choices=recorded.STORIES, metavar="STORY", help="only this recording; may be repeated (default: all)")
    add.add_argument("--boots", type=int, default=6, help="judged states of each recording that are really booted (default 6)")
    add.set_defaults(run=do_campaign)

    add = commands.add_parser("service", help="aloft-server's systemd unit on a Debian in QEMU: start, enrol, restart, kill, and what confines it")
    add.set_defaults(run=do_service)
    add = commands.add_parser("nand", help="the agent on a simulated NAND chip with bad blocks, and on UBI volumes, killed while it writes")
    add.add_argument("--seed", type=int, default=1, help="draws the moments of the kills (default 1)")
    add.set_defaults(run=do_nand)
    add = commands.add_parser("shell", help="boot a machine, enrol it, and talk to its root shell")
    add.add_argument("name", choices=machines.ALL, metavar="NAME")
    add.set_defaults(run=do_shell)
    add = commands.add_parser("attach", help="talk to the root shell of a device that ./dev demo --keep left running")
    add.add_argument("socket", metavar="SOCKET", help="as ./dev demo --keep printed it")
    add.set_defaults(run=do_attach)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return options.run(options)
    except machine.Failure as failure:
        print(f"lab: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlab: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
