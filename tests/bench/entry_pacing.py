# SPDX-License-Identifier: BSD-3-Clause
"""How punctual a smooth sweep of N bindings is, beside a loop that only waits: the share of
messages that leave within a millisecond of their moment. Real time, so it wants a quiet core."""
import contextlib

from rig import name_of

COUNTS = [10000000]
SECONDS = 3     # of a round: a millisecond is rare in less
IN_TIME = 10    # places of the histogram below 1.024 ms


def rounds(rig, mode, count):
    """Histograms of the rounds, back to back: a pause would have to be caught up."""
    with contextlib.closing(rig.ours("bench_pacing", mode, count)) as side:
        sums = [side.ask(SECONDS) for _ in range(rig.options.rounds + 1)]
    return [[n - m for n, m in zip(*pair)] for pair in zip(sums[1:], sums)]


def share(late):
    return sum(late[:IN_TIME]) / sum(late)


def within(late, part):
    """Microseconds within which that part of the messages left: upper end of its place."""
    left = part * sum(late)
    for place, n in enumerate(late):
        left -= n
        if left <= 0:
            return 2 << place
    return 2 << len(late)


def run(rig):
    for count in rig.counts(COUNTS):
        with rig.memory(512 + count * 240 // 10**6):
            ours, theirs = (rounds(rig, mode, count) for mode in ("sweep", "bare"))
        rig.result(f"pacing-{name_of(count)}-bare", list(map(share, ours)),
                   list(map(share, theirs)), "%", 0.01)
        best = max(ours, key=share)
        print(f"  half of ours within {within(best, 0.5)} us, 99 % within {within(best, 0.99)} us")
