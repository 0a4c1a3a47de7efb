#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Speed of the data plane against a peer in the same run, on one core each.

Both sides are timed by the processor time of their forwarding thread, so a busy neighbour costs
rounds, not truth. They take turns, and the best of many short rounds counts on each side. Every
entry is verified by the same code over net_ring first.

    run.py [keepalive|relay ...] [--programs DIR] [--repeat N]
"""
import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

from testpmd import Testpmd

HERE = os.path.dirname(os.path.abspath(__file__))
HUGEPAGES = "/proc/sys/vm/nr_hugepages"
HUGE_MB = 2
ROUND_S = 0.05
PEER_ROUND_S = 0.2
RELAY_FRAMES = {1000: 65536, 1000000: 1000000}
NAMES = {1000: "1k", 100000: "100k", 1000000: "1M", 10000000: "10M"}


class Bench:
    def __init__(self, programs, repeat, folder, huge):
        self.programs = programs
        self.repeat = repeat
        self.folder = folder
        self.huge = huge
        self.env = dict(os.environ, XDG_RUNTIME_DIR=folder, RUNTIME_DIRECTORY=folder)

    def ours(self, program, *words):
        """What the program prints, as rows of numbers behind any word."""
        words = [str(word) for word in words] + (["huge"] if self.huge else [])
        done = subprocess.run([os.path.join(self.programs, program), *words], env=self.env,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{program} {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
        return [line.split() for line in done.stdout.splitlines()]

    def our_best(self, program, *words):
        rows = [row for row in self.ours(program, "run", *words) if row[0].isdigit()]
        return max(int(frames) / int(ns) for frames, ns in rows)

    def peer(self, memory_mb, vdev, *app):
        eal = ["--in-memory"] if self.huge else \
            ["--no-huge", "-m", str(memory_mb), "--no-shconf", "--file-prefix=linewatch-bench"]
        return Testpmd(self.folder, eal + ["--vdev=" + vdev], list(app))

    @staticmethod
    def peer_best(peer, rounds):
        return max(frames / ns for frames, ns in (peer.round(PEER_ROUND_S) for _ in range(rounds)))

    def compare(self, name, ours, peers):
        """Turns of ours and of each peer; one closing line per peer."""
        best = 0
        theirs = dict.fromkeys(peers, 0)
        for _ in range(self.repeat):
            best = max(best, ours())
            for kind, start in peers.items():
                peer = start()
                try:
                    theirs[kind] = max(theirs[kind], self.peer_best(peer, 6))
                finally:
                    peer.close()
        for kind, value in theirs.items():
            print("%s-%s ours=%.1f theirs=%.1f ratio=%.2f" %
                  (name, kind, best * 1000, value * 1000, best / value), flush=True)


def keepalive(bench):
    """Millions of messages a second, distinct destinations; no receiving on any side."""
    bench.ours("bench_keepalive", "verify", 100000, 0, 0)
    for count in (1000, 1000000):
        def ours(count=count):
            return bench.our_best("bench_keepalive", count, 30, ROUND_S)

        def peer(mode):
            return bench.peer(256, "net_null0,no-rx=1", "--forward-mode=" + mode)

        bench.compare("keepalive-" + NAMES[count], ours,
                      {"txonly": lambda: peer("txonly"), "flowgen": lambda: peer("flowgen")})


def relay(bench):
    """Millions of packets a second; RTP of N flows in random order on both sides."""
    bench.ours("bench_relay", "verify", 1000)
    for count, frames in RELAY_FRAMES.items():
        feed = os.path.join(bench.folder, "feed.pcap")
        made = subprocess.run([os.path.join(bench.programs, "bench_relay"), "feed", feed,
                               str(count), str(frames)], env=bench.env, check=False)
        if made.returncode != 0:
            sys.exit("bench_relay feed failed")

        def ours(count=count, frames=frames, feed=feed):
            return bench.our_best("bench_relay", count, 30, ROUND_S, feed, frames)

        def peer(frames=frames, feed=feed):
            return bench.peer(256 + frames * 900 // 1000000,
                              f"net_pcap0,rx_pcap={feed},infinite_rx=1", "--forward-mode=5tswap",
                              f"--total-num-mbufs={frames + 16384}", "--mbuf-size=512")

        bench.compare("relay-" + NAMES[count], ours, {"5tswap": peer})
        os.unlink(feed)


ENTRIES = {"keepalive": keepalive, "relay": relay}


@contextlib.contextmanager
def hugepages(megabytes):
    """Reserves 2 MB pages if the kernel gives them, and gives them back. Yields True if so."""
    def read():
        with open(HUGEPAGES, encoding="ascii") as file:
            return int(file.read())

    def write(pages):
        with open(HUGEPAGES, "w", encoding="ascii") as file:
            file.write(str(pages))

    before = None
    try:
        try:
            before = read()
            wanted = before + megabytes // HUGE_MB
            write(wanted)
            enough = read() >= wanted
        except OSError:
            enough = False
        yield enough
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                write(before)


def main():
    parser = argparse.ArgumentParser(description="Speed against a peer in the same run.")
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=", ".join(ENTRIES))
    parser.add_argument("--programs", default=os.path.join(HERE, "../../build/tests/bench"))
    parser.add_argument("--repeat", type=int, default=3, help="turns of each side")
    options = parser.parse_args()
    unknown = [name for name in options.entries if name not in ENTRIES]
    if unknown:
        parser.error("no entry %s; there are: %s" % (unknown[0], ", ".join(ENTRIES)))
    folder = tempfile.mkdtemp(prefix="linewatch-bench-")
    try:
        with hugepages(3072) as huge:
            print("2 MB pages: %s" % ("yes" if huge else "no, 4 KB pages on both sides"))
            bench = Bench(options.programs, options.repeat, folder, huge)
            for name in options.entries or ENTRIES:
                ENTRIES[name](bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
