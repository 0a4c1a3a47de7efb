# SPDX-License-Identifier: BSD-3-Clause
"""Streams watched at a monitor port, N in random order, beside testpmd that looks at nothing (io
where frames go on, rxonly where they are freed) or at least reads headers (5tswap), all fed by the
same file."""
import os

from rig import name_of

COUNTS = [1000, 100000, 1000000]
FRAMES_LEAST = 8192
ROOM = 512  # bytes of testpmd's buffers; ours have 256 and the headroom
SPARE = 16384
PEERS = [("inline", "io"), ("inline", "5tswap"), ("mirror", "rxonly")]


def run(rig):
    for count in rig.counts(COUNTS):
        frames = max(count, FRAMES_LEAST)
        load = rig.path("load.pcap")
        with rig.memory(512 + frames * 1600 // 10**6 + count * 800 // 10**6):
            rig.run("bench_monitor", "verify", count)
            rig.run("bench_relay", "feed", load, count, frames)
            for mode, peer in PEERS:
                rig.compare(f"monitor-{mode}-{name_of(count)}-{peer}",
                            rig.ours("bench_monitor", "run", mode, count, load, frames),
                            rig.testpmd(256 + frames * 900 // 10**6,
                                        f"net_pcap0,rx_pcap={load},infinite_rx=1",
                                        f"--forward-mode={peer}", f"--mbuf-size={ROOM}",
                                        f"--total-num-mbufs={frames + SPARE}"))
            os.unlink(load)
