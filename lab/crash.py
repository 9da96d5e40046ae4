"""Every state in which a power cut may leave a disk whose writes were recorded."""
import dataclasses
import itertools
import random

SUBSETS_OF = 10      # so many pending writes: all subsets of them
DRAWN = 96           # subsets drawn of more than that
TORN_SECTORS = 8     # so many sectors: torn at each; more: at some


@dataclasses.dataclass(frozen=True)
class State:
    """The first `stable` entries are on the disk for certain; of those behind them the ones in `kept`, the last only so far where torn."""
    stable: int
    kept: tuple
    torn: int = 0  # sectors of the last kept write; 0: all
    how: str = ""


def tears(sectors):
    """After how many sectors a write is torn."""
    if sectors <= TORN_SECTORS:
        return range(1, sectors)
    return sorted({1, 2, sectors // 4 // 8 * 8 or 1, sectors // 2, sectors - 1})


def epochs(entries):
    """(number of entries before, writes since the last flush), for each flush and for the end."""
    start, pending = 0, []
    for entry in entries:
        if entry.sectors:
            pending.append(entry)
        if entry.flushes:
            yield start, pending
            start, pending = entry.number + 1, []
    yield start, pending


def states(entries, seed):
    """Each once: nothing lost (every prefix), the last write torn, and what a lost cache leaves of the writes since the last flush."""
    for start, pending in epochs(entries):
        numbers = tuple(write.number for write in pending)
        seen = set()

        def fresh(kept, torn=0):
            return (kept, torn) not in seen and not seen.add((kept, torn))

        for count in range(len(numbers) + 1):
            if fresh(numbers[:count]):
                yield State(start, numbers[:count], how="prefix")
        for count, write in enumerate(pending, start=1):
            for torn in tears(write.sectors):
                if fresh(numbers[:count], torn):
                    yield State(start, numbers[:count], torn, "torn")
        for kept in lost_caches(numbers, random.Random(f"{seed} {start}")):
            if fresh(kept):
                yield State(start, kept, how="lost cache")


def lost_caches(numbers, draw):
    if len(numbers) <= SUBSETS_OF:
        for count in range(len(numbers) + 1):
            yield from itertools.combinations(numbers, count)
        return
    for number in numbers:
        yield tuple(other for other in numbers if other != number)
        yield (number,)
    for _ in range(DRAWN):
        yield tuple(number for number in numbers if draw.random() < 0.5)
