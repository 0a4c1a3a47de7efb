# SPDX-License-Identifier: BSD-3-Clause
"""Bindings that linewatch-dp takes in by its control socket, after a restart (resync) and while it
sends (churn), beside a socket pair that carries the same packets to nobody."""
import os

from rig import name_of

COUNTS = [1000000]
ROUNDS = 3  # of seconds each


def run(rig):
    program = os.path.join(rig.options.build, "dataplane/linewatch-dp")
    rounds, rig.options.rounds = rig.options.rounds, min(rig.options.rounds, ROUNDS)
    for count in rig.counts(COUNTS):
        for mode in ("resync", "churn"):
            for family in (4, 6):
                rig.compare(f"{mode}-{name_of(count)}-ipv{family}",
                            rig.ours("bench_resync", mode, count, family, program),
                            rig.ours("bench_resync", mode, count, family, "pair"))
    rig.options.rounds = rounds
