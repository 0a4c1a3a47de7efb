# SPDX-License-Identifier: BSD-3-Clause
"""The silence scan over N flows, none of them due, beside a compare that only streams through the
same array. Without reserved pages: the tables that the scan does not touch would take most."""
from rig import name_of

COUNTS = [1000000, 10000000]


def run(rig):
    for count in rig.counts(COUNTS):
        ours, theirs = (rig.ours("bench_scan", mode, count) for mode in ("scan", "stream"))
        rig.compare(f"scan-{name_of(count)}-stream", ours, theirs)
        best = rig.results[-1]["best"][0]
        print(f"  {1e9 / best:.3f} ns a flow, {count / best * 1e3:.2f} ms for all")
