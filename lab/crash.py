"""Every state in which a power cut may leave a disk whose writes were recorded."""
import dataclasses
import itertools
import random

SUBSETS_OF = 10      # so many pending writes: all subsets of them
DRAWN = 96           # subsets drawn of more than that
TORN_SECTORS = 8     # so many sectors: torn at each; more: at some


@dataclasses.dataclass(frozen=True)
class State:
    """The first `stable` entries are on the disk for certain; of those behind them the ones in `kept`, the last only so far where torn; and all
    before `moment` that were written to flash, which has no cache: so many entries the log had at the latest when the power went."""
    stable: int
    kept: tuple
    torn: int = 0  # sectors of the last kept write; 0: all
    how: str = ""
    moment: int = 0


def tears(sectors):
    """After how many sectors a write is torn."""
    if sectors <= TORN_SECTORS:
        return range(1, sectors)
    return sorted({1, 2, sectors // 4 // 8 * 8 or 1, sectors // 2, sectors - 1})


def epochs(entries, in_flash=lambda entry: False):
    """(number of entries before, writes since the last flush, number of entries before the next), for each flush and for the end. A write to flash
    while nothing is pending is an epoch of its own."""
    start, pending = 0, []
    for entry in entries:
        if entry.sectors:
            pending.append(entry)
        if pending == [entry] and in_flash(entry):
            yield start, pending, entry.number + 1
            start, pending = entry.number + 1, []
        elif entry.flushes:
            yield start, pending, entry.number
            start, pending = entry.number + 1, []
    yield start, pending, len(entries)


def states(entries, seed, in_flash=lambda entry: False):
    """Each once: nothing lost (every prefix), the last write torn, and what a lost cache leaves of the writes since the last flush."""
    for start, pending, end in epochs(entries, in_flash):
        if any(map(in_flash, pending)):
            yield from states_with_flash(start, pending, in_flash, seed)
            continue
        numbers = tuple(write.number for write in pending)
        seen = set()

        def fresh(kept, torn=0):
            return (kept, torn) not in seen and not seen.add((kept, torn))

        for count in range(len(numbers) + 1):
            if fresh(numbers[:count]):
                yield State(start, numbers[:count], how="prefix", moment=end)
        for count, write in enumerate(pending, start=1):
            for torn in tears(write.sectors):
                if fresh(numbers[:count], torn):
                    yield State(start, numbers[:count], torn, "torn", end)
        for kept in lost_caches(numbers, random.Random(f"{seed} {start}")):
            if fresh(kept):
                yield State(start, kept, how="lost cache", moment=end)


def states_with_flash(start, pending, in_flash, seed):
    """The same where some of the writes went to flash: those are there at once, in their order, whatever becomes of the disk's cache. The states
    come in the order of the cut, and caches are lost where the writes change from flash to disk, and at the end."""
    cached = []
    for write, following in zip(pending, [*pending[1:], None]):
        here = write.number + 1
        if in_flash(write):
            yield State(start, tuple(cached), how="flash", moment=here)
        else:
            cached.append(write.number)
            yield State(start, tuple(cached), how="prefix", moment=here)
            yield from (State(start, tuple(cached), torn, "torn", here) for torn in tears(write.sectors))
        if cached and (following is None or in_flash(write) != in_flash(following)):
            seen = {tuple(cached)}
            for kept in lost_caches(tuple(cached), random.Random(f"{seed} {here}")):
                if kept not in seen and not seen.add(kept):
                    yield State(start, kept, how="lost cache", moment=here)


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
