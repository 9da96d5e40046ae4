#!/usr/bin/env python3
"""The grub.cfg that grub-config writes, and the one for RAUC's variables: GRUB's own syntax check, and their walk through the slots, played by bash with
GRUB's commands replaced (GRUB's script language is close enough to the shell's). The lab boots the first in real GRUB."""

import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE", pathlib.Path(__file__).resolve().parent.parent))
TOOL = SOURCE / "integration/bootloader/grub/grub-config"
RAUC = SOURCE / "integration/bootloader/grub/rauc-grub.cfg"
SLOTS = ["--slot", "A:2:rootfs-a", "--slot", "B:3:rootfs-b"]

# GRUB's commands. The boot state is one file per variable in $state; `broken` lists what fails.
COMMANDS = r"""
cmdpath='(hd0,gpt1)/EFI/BOOT'
set() { printf -v "${1%%=*}" %s "${1#*=}"; }
fails() { case " $broken " in *" $1 "*) return 0;; esac; return 1; }
regexp() { local variable=${1#--set=1:}; if [[ $3 =~ $2 ]]; then printf -v "$variable" %s "${BASH_REMATCH[1]}"; fi; }
search() { :; }; serial() { :; }; terminal_input() { :; }; terminal_output() { :; }; sleep() { :; }
load_env() { if [ "$1" = --file ]; then shift; fi; echo "env $1" >&2; shift; for v in "$@"; do if [ -e "$state/$v" ]; then printf -v "$v" %s "$(cat "$state/$v")"; fi; done; }
save_env() { shift 2; if fails write; then return 1; fi; if fails drop; then return 0; fi; for v in "$@"; do printf %s "${!v}" >"$state/$v"; done; }
# A path without a device is in that of $root.
at() { if [ "${1#(}" = "$1" ]; then echo "$1@${root#hd0,gpt}"; else echo "$1"; fi; }
linux() { loaded="$(at "$1") ${*:2}"; ! fails "kernel:$(at "$1")"; }
initrd() { loaded="$loaded initrd=$(at "$1")"; ! fails "initrd:$(at "$1")"; }
boot() { echo "BOOT $loaded"; exit 0; }
reboot() { echo REBOOT; exit 0; }
"""
A, B = "(hd0,gpt2)/boot/vmlinuz", "(hd0,gpt3)/boot/vmlinuz"
#   name, ORDER, A_STATE, B_STATE, what is broken, booted slot, A_STATE and B_STATE afterwards
CASES = [
    ("the first committed slot is booted", "A B", "good", "good", "", "A", "good", "good"),
    ("order decides", "B A", "good", "good", "", "B", "good", "good"),
    ("a trial is counted first", "B A", "good", "3", "", "B", "good", "2"),
    ("nine is the most", "B A", "good", "9", "", "B", "good", "8"),
    ("the last try is a try", "B A", "good", "1", "", "B", "good", "0"),
    ("without tries the next one is booted", "B A", "good", "0", "", "A", "good", "0"),
    ("what is no number is not booted", "B A", "good", "10", "", "A", "good", "10"),
    ("an empty state is not booted", "B A", "good", "", "", "A", "good", ""),
    ("a kernel that does not load is passed over", "B A", "good", "3", f"kernel:{B}", "A", "good", "2"),
    ("an initramfs that does not load is passed over", "B A", "good", "3", "initrd:(hd0,gpt3)/boot/initrd.img", "A", "good", "2"),
    ("what cannot be counted is not tried", "B A", "good", "3", "write", "A", "good", "3"),
    ("a count that does not stick is not tried", "B A", "good", "3", "drop", "A", "good", "3"),
    ("a committed slot boots from a disk that cannot be written", "A B", "good", "3", "write", "A", "good", "3"),
    ("unknown slots are passed over", "X A", "good", "3", "", "A", "good", "3"),
    ("a slot that order leaves out is not booted", "B", "good", "0", "", None, "good", "0"),
    ("nothing left: again from the start", "B A", "0", "0", "", None, "0", "0"),
    ("nothing loads: again from the start", "A B", "good", "good", f"kernel:{A} kernel:{B}", None, "good", "good"),
    ("no boot state: what loads is booted", None, None, None, "", "A", None, None),
    ("no boot state: the second, if the first does not load", None, None, None, f"kernel:{A}", "B", None, None),
]

#   name, ORDER, A_OK, A_TRY, B_OK, B_TRY, aloft_trial, what is broken, booted slot, A_TRY and B_TRY afterwards
RAUC_CASES = [
    ("the first good slot is booted, without a write", "A B", "1", "0", "1", "0", "", "", "A", "0", "0"),
    ("order decides", "B A", "1", "0", "1", "0", "", "", "B", "0", "0"),
    ("a trial is counted first", "B A", "1", "0", "1", "0", "B", "", "B", "0", "1"),
    ("of the first slot, too", "A B", "1", "0", "1", "0", "A", "", "A", "1", "0"),
    ("a trial that was counted is over", "B A", "1", "0", "1", "1", "B", "", "A", "0", "1"),
    ("a bad slot is passed over", "B A", "1", "0", "0", "0", "B", "", "A", "0", "0"),
    ("a kernel that does not load is passed over", "B A", "1", "0", "1", "0", "B", "kernel:/boot/vmlinuz@3", "A", "0", "1"),
    ("an initramfs that does not load is passed over", "B A", "1", "0", "1", "0", "B", "initrd:/boot/initrd.img@3", "A", "0", "1"),
    ("what cannot be counted is not tried", "B A", "1", "0", "1", "0", "B", "write", "A", "0", "0"),
    ("a count that does not stick is not tried", "B A", "1", "0", "1", "0", "B", "drop", "A", "0", "0"),
    ("a good slot boots from a disk that cannot be written", "A B", "1", "0", "1", "0", "B", "write", "A", "0", "0"),
    ("unknown slots are passed over", "X A", "1", "0", "1", "0", "X", "", "A", "0", "0"),
    ("a slot that order leaves out is not booted", "B", "1", "0", "0", "0", "", "", None, "0", "0"),
    ("nothing left: again from the start", "B A", "0", "0", "0", "0", "", "", None, "0", "0"),
    ("no boot state: what loads is booted", None, None, None, None, None, None, "", "A", None, None),
    ("no boot state: the second, if the first does not load", None, None, None, None, None, None, "kernel:/boot/vmlinuz@2", "B", None, None),
]


def config(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)


def play(text, before, broken):
    """Runs the file once on a boot state {variable: value}: what it booted, and the boot state afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder)
        for name, value in before.items():
            if value is not None:
                (state / name).write_text(value, encoding="ascii")
        done = subprocess.run(["bash", "-c", COMMANDS + text], env={"PATH": os.environ["PATH"], "state": folder, "broken": broken}, capture_output=True,
                              text=True, timeout=30, check=False)
        return done, {name: (state / name).read_text(encoding="ascii") if (state / name).exists() else None for name in before}


def check_walk(problems):
    text = config(*SLOTS, "--initrd", "/boot/initrd.img", "--args", "quiet").stdout
    for name, order, a_state, b_state, broken, booted, a_after, b_after in CASES:
        done, after = play(text, {"ORDER": order, "A_STATE": a_state, "B_STATE": b_state}, broken)
        last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        partition = {"A": 2, "B": 3}.get(booted)
        state = "unknown" if order is None else "committed" if {"A": a_state, "B": b_state}.get(booted) == "good" else "trial"
        wanted = "REBOOT" if booted is None else (
            f"BOOT (hd0,gpt{partition})/boot/vmlinuz root=PARTLABEL=rootfs-{booted.lower()} ro rootwait panic=5 softlockup_panic=1 aloft.slot={booted} aloft.state={state} quiet "
            f"initrd=(hd0,gpt{partition})/boot/initrd.img")
        if last != wanted or after != {"ORDER": order, "A_STATE": a_after, "B_STATE": b_after}:
            problems.append(f"{name}: {last!r}, states {after}; wanted {wanted!r}, {[a_after, b_after]}")
        if "env (hd0,gpt1)/EFI/aloft/grubenv" not in done.stderr:
            problems.append(f"{name}: another environment was read: {done.stderr}")


def check_rauc_walk(problems):
    text = RAUC.read_text(encoding="ascii")
    for name, order, a_ok, a_try, b_ok, b_try, trial, broken, booted, a_after, b_after in RAUC_CASES:
        before = {"ORDER": order, "A_OK": a_ok, "A_TRY": a_try, "B_OK": b_ok, "B_TRY": b_try, "aloft_trial": trial}
        done, after = play(text, before, broken)
        last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        number = {"A": 2, "B": 3}.get(booted)
        wanted = "REBOOT" if booted is None else (
            f"BOOT /boot/vmlinuz@{number} root=PARTLABEL=rootfs-{booted.lower()} ro rootwait panic=5 softlockup_panic=1 rauc.slot={booted} aloft.slot={booted} "
            f"initrd=/boot/initrd.img@{number}")
        if last != wanted or after != before | {"A_TRY": a_after, "B_TRY": b_after}:
            problems.append(f"RAUC's variables, {name}: {last!r}, {after}; wanted {wanted!r}, {[a_after, b_after]}")
        if "env (hd0,gpt1)/EFI/BOOT/grubenv" not in done.stderr:
            problems.append(f"RAUC's variables, {name}: another environment was read: {done.stderr}")
    checked = subprocess.run(["grub-script-check", RAUC], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        problems.append(f"grub-script-check of {RAUC.name}: {checked.stderr}")


def check_syntax(problems):
    for arguments in (SLOTS, [*SLOTS, "--slot", "C:4:rootfs-c", "--serial", "0", "--kernel", "/vmlinuz", "--initrd", "/initrd.img"]):
        made = config(*arguments)
        checked = subprocess.run(["grub-script-check"], input=made.stdout, capture_output=True, text=True, check=False)
        if made.returncode != 0 or checked.returncode != 0:
            problems.append(f"grub-script-check of {arguments}: {made.stderr}{checked.stderr}")


def check_refusals(problems):
    bad = (["--slot", "A:2:a"], ["--slot", "A:2:a", "--slot", "A:3:b"], ["--slot", "A:0:a", "--slot", "B:3:b"], ["--slot", "a:2:a", "--slot", "B:3:b"],
           [*SLOTS, "--args", "x; reboot"], [*SLOTS, "--args", "$x"], [*SLOTS, "--kernel", "vmlinuz"], [*SLOTS, "--initrd", "/a b"])
    problems += [f"not refused: {arguments}" for arguments in bad if config(*arguments).returncode == 0]


def main():
    problems = []
    check_syntax(problems)
    check_walk(problems)
    check_rauc_walk(problems)
    check_refusals(problems)
    for problem in problems:
        print(problem)
    print(f"grub-config: {len(CASES) + len(RAUC_CASES)} walks, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
