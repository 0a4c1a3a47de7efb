# SPDX-License-Identifier: BSD-3-Clause
"""How punctual a smooth sweep of N bindings is, beside a loop that only waits: the share of
messages that leave within a millisecond of their moment; of all, and of those from which the
machine took nothing away meanwhile. Real time; on a busy core only the second says much."""
import contextlib

from rig import name_of

COUNTS = [10000000]
SECONDS = 3     # of a round: a millisecond is rare in less
IN_TIME = 10    # places of the histogram below 1.024 ms


def rounds(rig, mode, count):
    """Two histograms for each round, back to back: a pause would have to be caught up."""
    with contextlib.closing(rig.ours("bench_pacing", mode, count)) as side:
        side.ask(SECONDS)
        answers = [side.ask(SECONDS) for _ in range(rig.options.rounds)]
    return [(a[:len(a) // 2], a[len(a) // 2:]) for a in answers]


def share(late):
    return sum(late[:IN_TIME]) / max(1, sum(late))


def within(late, part):
    """Microseconds within which that part of the messages left: upper end of its place."""
    left = part * sum(late)
    for place, n in enumerate(late):
        left -= n
        if left <= 0:
            return 2 << place
    return 2 << len(late)


def total(rounds_of_one):
    return [sum(places) for places in zip(*rounds_of_one)]


def run(rig):
    for count in rig.counts(COUNTS):
        with rig.memory(512 + count * 240 // 10**6):
            ours, theirs = (rounds(rig, mode, count) for mode in ("sweep", "bare"))
        name = f"pacing-{name_of(count)}"
        rig.result(f"{name}-bare", [share(everything) for everything, _ in ours],
                   [share(everything) for everything, _ in theirs], "%", 0.01)
        own, bare = (total(one for _, one in side) for side in (ours, theirs))
        rig.result(f"{name}-own", [share(own)], [share(bare)], "%", 0.01)
        best = max((everything for everything, _ in ours), key=share)
        print(f"  best round: half of ours within {within(best, 0.5)} us, "
              f"99 % within {within(best, 0.99)} us")
        part = sum(own) / sum(total(everything for everything, _ in ours))
        print(f"  own ({part:.0%} of the messages, all rounds): half within {within(own, 0.5)} us, "
              f"99 % within {within(own, 0.99)} us, 99.9 % within {within(own, 0.999)} us")
