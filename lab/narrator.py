"""Tells people what happens, with times; on a terminal with a line of live progress, elsewhere in plain lines."""
import sys
import time

BOLD, DIM, RED, GREEN, CYAN, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[36m", "\033[0m"
SPINNER = "|/-\\"
BAR = 30
PLAIN_STEP_PERMILLE = 250


class Narrator:
    """One story's voice. All of its lines are kept in `lines`, without colours, for the log."""

    def __init__(self, out=sys.stdout):
        self.out, self.live = out, out.isatty()
        self.started = time.monotonic()
        self.lines, self.shown, self.state, self.spins = [], "", "", 0
        self.plain_step = -1

    def clock(self):
        seconds = time.monotonic() - self.started
        return f"{int(seconds // 60)}:{seconds % 60:04.1f}"

    def say(self, text):
        colour = RED if "POWER CUT" in text or "panic" in text or "rolled-back" in text else GREEN if "committed" in text else ""
        self.line(text, colour)
        self.plain_step = -1

    def title(self, text):
        self.line("")
        self.line(text, BOLD)

    def line(self, text, colour=""):
        stamp = f"{self.clock():>7}  " if text else ""
        self.lines.append(stamp + text)
        if self.live:
            print(f"\r\033[K{DIM}{stamp}{PLAIN}{colour}{text}{PLAIN if colour else ''}", file=self.out, flush=True)
            self.draw()
        else:
            print(stamp + text, file=self.out, flush=True)

    def progress(self, state, permille):
        """The state of the update under way and how far it is; repeats cost nothing."""
        if self.live:
            bar = "" if permille is None else f" [{'#' * (permille * BAR // 1000):<{BAR}}] {permille / 10:5.1f}%"
            self.state = state + bar
            self.draw()
        elif permille is not None and permille // PLAIN_STEP_PERMILLE > self.plain_step:
            self.plain_step = permille // PLAIN_STEP_PERMILLE
            self.line(f"         {state} {permille / 10:.0f}%")

    def tick(self):
        self.draw()

    def draw(self):
        if self.live:
            self.spins += 1
            print(f"\r\033[K{CYAN}{self.clock():>7}  {SPINNER[self.spins % 4]} {self.state}{PLAIN}", end="", file=self.out, flush=True)

    def rest(self):
        """Takes the live line away."""
        self.state = ""
        if self.live:
            print("\r\033[K", end="", file=self.out, flush=True)


def table(rows, headings):
    """Text of a table whose columns are as wide as they need to be."""
    widths = [max(len(str(row[column])) for row in [headings, *rows]) for column in range(len(headings))]
    lines = ["  ".join(f"{cell!s:<{width}}" for cell, width in zip(row, widths)).rstrip() for row in [headings, *rows]]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
