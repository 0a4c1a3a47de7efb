# SPDX-License-Identifier: BSD-3-Clause
"""The real linewatch-dp beside rtpengine, in user space, on the same calls over a veth pair: all
of the processes' time, at the rate that so many calls have."""
import feeds
from rig import name_of

COUNTS = [1000, 2000]  # legs; rtpengine carries 2,000 on one core, and not many more
PACE = 50              # packets a second of a leg


def run(rig):
    for driver in ("af_packet", "af_xdp"):
        for count in rig.counts(COUNTS):
            legs = feeds.plain_legs(rig, count)
            rig.compare(f"rtpengine-{name_of(count)}-{driver.replace('_', '')}",
                        feeds.linewatch(rig, driver, legs, count * PACE),
                        feeds.rtpengine(rig, count, count * PACE), "k/s", 1e3)
