# SPDX-License-Identifier: BSD-3-Clause
"""The relay of N flows in random order beside testpmd's 5tswap, both fed by the same file."""
import os

from rig import name_of

COUNTS = [1000, 100000, 1000000]
FRAMES_LEAST = 8192
ROOM = 512  # bytes of testpmd's buffers; ours have 256 and the headroom
SPARE = 16384


def run(rig):
    for count in rig.counts(COUNTS):
        frames = max(count, FRAMES_LEAST)
        load = rig.path("load.pcap")
        with rig.memory(512 + frames * 1600 // 10**6 + count * 600 // 10**6):
            rig.run("bench_relay", "verify", count)
            rig.run("bench_relay", "feed", load, count, frames)
            rig.compare(f"relay-{name_of(count)}-5tswap",
                        rig.ours("bench_relay", "run", count, load, frames),
                        rig.testpmd(256 + frames * 900 // 10**6,
                                    f"net_pcap0,rx_pcap={load},infinite_rx=1",
                                    "--forward-mode=5tswap", f"--mbuf-size={ROOM}",
                                    f"--total-num-mbufs={frames + SPARE}"))
            os.unlink(load)
