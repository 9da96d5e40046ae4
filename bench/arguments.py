"""Arguments that several benchmarks take. A value that would measure nothing, or not what was meant, is refused before anything runs."""
import argparse
import os


def some_of(*names):
    """A type for argparse: names by comma, each one of `names`."""
    def read(text):
        chosen = text.split(",")
        for each in chosen:
            if each not in names:
                raise argparse.ArgumentTypeError(f"{each!r} is none of: {', '.join(names)}")
        return chosen
    return read


def at_least(least):
    """A type for argparse: a whole number from `least` on."""
    def read(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return int(text)
    return read


def understood():
    """All arguments are good. Ends the program where it was only asked for that: by ./dev bench, before it builds what is measured."""
    if "ALOFT_BENCH_ONLY_REFUSE" in os.environ:
        raise SystemExit(0)
