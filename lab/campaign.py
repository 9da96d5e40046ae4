"""./dev lab campaign: power cuts by the thousand, with a report; goes on where it was stopped."""
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

import cache
import files
import judge
import kills
import machine
import machines
import narrator
import programs
import recorded
import rootfs
from machines import uboot

SAVE_EVERY = 250
BUSY_KILLS, QUIET_KILLS = 50, 6   # of one moment in a row; quiet: the firmware and the kernel come up, hardly anything is written
RECOVER_EVERY = 100
LEAST_RECOVERIES = 4
BLIND_STATES = 200
JUDGE = ("blocklog.py", "bootstate.py", "crash.py", "efistate.py", "fat.py", "judge.py", "kills.py", "nvram.py", "recorded.py", "slotstate.py")


class Campaign:
    """On a machine of the lab."""
    stories = recorded.STORIES

    def __init__(self, name, options, work):
        self.options, self.boots = options, options.boots
        self.folder = work / "campaigns" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.voice = narrator.Narrator()
        self.build, self.judge = self.prepare(name), short_name(cache.source_digest(*JUDGE))
        self.report = {"machine": name, "seed": options.seed, "build": self.build, "judge": self.judge, "recorded": {}, "kills": {}}

    def prepare(self, name):
        """Returns a name for what is tried."""
        self.model = machines.ALL[name]
        return build_of(self.model)

    def run(self):
        for story in self.stories:
            if self.options.kind in ("recorded", "both") and story in (self.options.story or self.stories):
                self.recorded(story)
            elif self.judged(story).exists() and "booted" in (done := json.loads(self.judged(story).read_text())):
                self.report["recorded"][story] = done
        self.kills(more=self.options.kind in ("kills", "both"))
        return self.finish()

    def recording(self, story):
        return recorded.Recording(self.model, self.recording_folder(story), story)

    def recording_folder(self, story):
        return self.folder / f"recording-{story}-{self.build}"

    def judged(self, story):
        """What this judge has found in the states of this seed: another one begins anew, on the same recording."""
        return self.recording_folder(story) / f"judged-{self.judge}-{self.options.seed}.json"

    def kills_file(self):
        return self.folder / f"kills-{self.build}-{self.judge}-{self.options.seed}.jsonl"

    def recorded(self, story):
        """Records one update, unless that is done, judges what is not judged yet, and boots a sample."""
        recording = self.recording(story)
        if not recording.exists():
            self.voice.title(f"recording an update ({story})")
            recording.make(self.voice)
        file = self.judged(story)
        done = json.loads(file.read_text()) if file.exists() else {}
        tally = recorded.Tally(**done.get("tally", {}))
        self.voice.title(f"judging the crash states of {recording.folder.name}, {tally.judged} are done")
        started = time.monotonic()

        def save(tally):
            if tally.judged % SAVE_EVERY == 0:
                write(file, {**done, "tally": dataclasses.asdict(tally)})
                self.voice.say(f"{story}: {tally.judged} crash states judged, {len(tally.problems)} bad")

        with judge.work_folder() as work:
            recorded.judge_all(recording, work, self.options.seed, tally, save)
            done["tally"] = dataclasses.asdict(tally)
            done["seconds"] = done.get("seconds", 0) + time.monotonic() - started
            write(file, done)
        with judge.work_folder() as work:
            done["blind"] = done.get("blind") or recorded.without_flushes(recording, work, self.options.seed, BLIND_STATES)
        with judge.work_folder() as work:
            done.setdefault("booted", [])
            if len(done["booted"]) < self.boots:
                done["booted"] = []
                for seen in recorded.boot_samples(recording, work, self.options.seed, self.boots):
                    done["booted"].append(seen)
                    self.voice.say(f"{story}: booted state {seen['state']}: {seen['booted']}, judged {seen['judged']}; {seen['problems'] or 'good'}")
        write(file, done)
        self.report["recorded"][story] = done

    def kills(self, more):
        """Kills, if there are to be more, until there are as many as asked for; what was done before counts where build, judge and seed were the same."""
        file = self.kills_file()
        done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        started = time.monotonic()
        if more and killed(done) < self.options.runs:
            self.voice.title(f"an update is frozen again and again, to be killed from there; {killed(done)} kills are done")
            with judge.work_folder() as work:
                update = kills.Update(freezable(self.model), work, self.voice)
                while killed(done) < self.options.runs:
                    self.round(update, work, done, file)
        if done:
            self.report["kills"] = {"seconds": time.monotonic() - started, **summary(done)}

    def round(self, update, work, done, file):
        """Each moment once; in a short campaign as many as there are kills, from the update's begin to its end."""
        recover_every = min(RECOVER_EVERY, max(1, self.options.runs // LEAST_RECOVERIES))
        for moment in spread(update.moments, self.options.runs):
            bench = kills.Bench(update, moment, work)
            most = BUSY_KILLS if moment.gap_s < 2 * kills.BUSY_EVERY_S else QUIET_KILLS
            for _ in range(min(most, -(-self.options.runs // len(update.moments)))):
                if killed(done) >= self.options.runs:
                    break
                cycle = kills.Cycle(bench, self.options.seed, len(done))
                cycle.run(len(done) % recover_every == recover_every - 1)
                done.append(cycle.record())
                with open(file, "a") as out:
                    out.write(json.dumps(done[-1]) + "\n")
                for problem in cycle.problems:
                    self.voice.say(f"cycle {cycle.number}: {problem}")
            bench.close()
            self.voice.say(f"{killed(done)} kills, {sum(bool(each['end']) for each in done)} recoveries to the end, "
                           f"{sum(bool(each['problems']) for each in done)} bad")

    def finish(self):
        bad = sum(len(each["tally"]["problems"]) + sum(bool(seen["problems"]) for seen in each["booted"]) for each in self.report["recorded"].values())
        bad += self.report["kills"].get("bad", 0)
        blind = [story for story, each in self.report["recorded"].items() if not each["blind"][0]]
        self.report["bad"] = bad
        write(self.folder / "report.json", self.report)
        text = "\n".join([*lines(self.report), f"\n{bad} bad; seed {self.options.seed}"
                          + (f"; the judge found nothing bad without flushes in {blind}: it is blind" if blind else "")]) + "\n"
        (self.folder / "report.txt").write_text(text)
        self.voice.rest()
        print("\n" + text + f"\nreport: {self.folder / 'report.txt'}")
        return 1 if bad or blind else 0


class Files(Campaign):
    """On real file systems in User-Mode Linux, where no boot loader runs: every state is judged, none booted, and nothing killed."""
    stories = files.STORIES

    def prepare(self, _):
        self.options.kind, self.boots = "recorded", 0
        made = [cache.file_digest(programs.program(name)) for name in ("aloftd", "aloft")]
        return short_name([*made, str(programs.keys()), *cache.source_digest("files.py", "uml.py", "guest_tree.py")])

    def recording(self, story):
        return files.Recording(self.recording_folder(story), story)


def freezable(model):
    """The machine, with disks whose state QEMU can keep."""
    return uboot.freezable(model) if model.loader is uboot.UBOOT else model


def build_of(model):
    """Names what is tried: the images of both versions, and with them agent, kernel and settings; what the factory puts beside them, boot loader and
    boot state; and the server, and the tool that makes its bundles."""
    images = [model.images(rootfs.Version(name, fault)) for fault in ("", "unhealthy") for name in ("1.0", "2.0")]
    paths = [str(path) for each in (*images, model.loader.contents(model, images[0])) for path in each.values()]
    with tempfile.TemporaryDirectory() as folder:
        model.loader.prepare(model, pathlib.Path(folder))
        files = [*sorted(pathlib.Path(folder).iterdir()), programs.program("aloft-server"), programs.program("aloft")]
        return short_name([paths, [cache.file_digest(path) for path in files]])


def short_name(made_from):
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:8]


def spread(moments, most):
    """At most so many of them, evenly."""
    return moments if len(moments) <= most else [moments[number * len(moments) // most] for number in range(most)]


def killed(cycles):
    return sum(len(each["killed"]) for each in cycles)


def summary(cycles):
    """What became of the kills."""
    during, ends = {}, {}
    for each in cycles:
        for kill in each["killed"]:
            state = kill.split(",")[0]
            during[state] = during.get(state, 0) + 1
        if each["end"]:
            ends[each["end"]] = ends.get(each["end"], 0) + 1
    return {"kills": killed(cycles), "cycles": len(cycles), "while_the_server_knew": during, "recoveries": ends,
            "bad": sum(bool(each["problems"]) for each in cycles), "problems": [each for each in cycles if each["problems"]]}


def lines(report):
    """The report for people."""
    yield f"Power cuts on {report['machine']}, build {report['build']}, judge {report['judge']}"
    for story, each in report["recorded"].items():
        tally = each["tally"]
        yield f"\nrecorded update, {story}: {tally['judged']} crash states judged in {each['seconds']:.0f} s, {len(tally['problems'])} bad"
        yield "  " + ", ".join(f"{count} {how}" for how, count in sorted(tally["by_how"].items()))
        yield from (f"  {count:6} {seen}" for seen, count in sorted(tally["by_verdict"].items()))
        yield from (f"  BAD {problem}" for problem in tally["problems"][:20])
        yield f"  the same writes without flushes, to try the judge: {each['blind'][0]} of {each['blind'][1]} states are bad"
        good = sum(not seen["problems"] for seen in each["booted"])
        if each["booted"]:
            yield f"  really booted: {len(each['booted'])} states drawn by the seed, {good} as judged and at rest in the end"
        yield from (f"  BAD {seen}" for seen in each["booted"] if seen["problems"])
    if kept := report["kills"]:
        yield f"\nkills: {kept['kills']} in {kept['cycles']} cycles, {kept['bad']} bad; this run took {kept['seconds']:.0f} s"
        yield "  while the server knew the update as: " + ", ".join(f"{state} {count}" for state, count in kept["while_the_server_knew"].items())
        yield "  brought up to the end afterwards: " + (", ".join(f"{end} {count}" for end, count in kept["recoveries"].items()) or "none")
        yield from (f"  BAD {each}" for each in kept["problems"][:20])


def write(file, content):
    """Whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content, indent=1))
    fresh.rename(file)


def simulated(work):
    """All power cuts of all stories on all boot loaders and layouts, twice in a row, and of all switches on simulated media: the tests labelled
    "cut" with everything that they leave out in ./dev test."""
    folder = work / "campaigns/simulated"
    folder.mkdir(parents=True, exist_ok=True)
    tests, statuses = [], []
    for program in ("agent/agent_cut_test", "storage/storage_cut_test"):
        details = folder / f"{pathlib.Path(program).name}.json"
        details.unlink(missing_ok=True)
        ended = subprocess.run([str(programs.BUILD / "src" / program), f"--gtest_output=json:{details}"], env={**os.environ, "ALOFT_CUTS": "all"})
        if not details.exists():
            raise machine.Failure(f"{program} ended with {ended.returncode} and no report")
        statuses.append(ended.returncode)
        tests += [test for suite in json.loads(details.read_text())["testsuites"] for test in suite["testsuite"]]
    counted = [test for test in tests if "cuts" in test]
    total = {key: sum(int(test[key]) for test in counted) for key in ("cuts", "lives")}
    failed = [test["name"] for test in tests if test.get("failures")]
    text = (f"Simulated power cuts: {total['cuts']} cuts in {len(counted)} searches left {total['lives']} different states, each lived through; "
            f"{len(failed)} of {len(tests)} tests failed {' '.join(failed)}\n")
    write(folder / "report.json", {**total, "tests": len(tests), "failed": failed})
    (folder / "report.txt").write_text(text)
    print(text)
    return 1 if failed or any(statuses) else 0
