#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures linewatch's hot half beside dpdk-testpmd, round by round in turns; called by
scripts/bench.sh. One closing line a comparison, JSON with all rounds on request."""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

from testpmd import Testpmd

ROOM = 512  # bytes of testpmd's buffers for the load; ours have 256 and the headroom
SPARE = 16384
PAGES_DIR = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def name_of(count):
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


class Ours:
    """A bench program that makes rounds on request."""

    def __init__(self, folder, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(folder))
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"bench: {' '.join(command)} does not start")

    def round(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            sys.exit("bench: our side failed (its reason is above)")
        return int(line[0]), int(line[1])

    def close(self):
        self.process.stdin.close()
        if self.process.wait(60):
            sys.exit("bench: our side failed at its end")


def environment(folder):
    return dict(os.environ, XDG_RUNTIME_DIR=folder, RUNTIME_DIRECTORY=folder)


@contextlib.contextmanager
def huge_pages(wanted):
    """Reserves pages and gives them back; yields whether they are there."""
    path = PAGES_DIR + "/nr_hugepages"
    if not wanted:
        yield False
        return
    with open(path, encoding="ascii") as file:
        before = int(file.read())
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(max(wanted, before)))
        with open(PAGES_DIR + "/free_hugepages", encoding="ascii") as file:
            there = int(file.read()) >= wanted
        if not there:
            print("bench: not enough memory for huge pages, both sides go without")
        yield there
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(before))


def rates(rounds):
    """Frames a second of processor time."""
    return [frames / spent * 1e9 for frames, spent in rounds]


class Bench:
    def __init__(self, options, folder, huge):
        self.options = options
        self.folder = folder
        self.huge = huge
        self.word = ["huge"] if huge else []
        self.results = []

    def program(self, name, *args):
        return [os.path.join(self.options.build, "tests/bench", name), *map(str, args)]

    def run(self, *command):
        subprocess.run(command, check=True, env=environment(self.folder))

    def testpmd(self, memory, vdev, *app):
        eal = (["--in-memory"] if self.huge else
               ["--no-huge", "-m", str(memory), "--no-shconf", "--file-prefix=lwbench"])
        return Testpmd(self.folder, [*eal, f"--vdev={vdev}"], app)

    def compare(self, name, ours, theirs):
        """Rounds in turns, so that whoever else uses the machine disturbs both alike."""
        sides = ([], [])
        try:
            for side in (ours, theirs):
                side.round(self.options.seconds)
            for _ in range(self.options.rounds):
                for rounds, side in zip(sides, (ours, theirs)):
                    rounds.append(side.round(self.options.seconds))
        finally:
            theirs.close()
        best = [max(rates(rounds)) for rounds in sides]
        self.results.append({
            "name": name, "huge": self.huge, "ours": rates(sides[0]), "theirs": rates(sides[1]),
            "best": best, "ratio": best[0] / best[1]})
        print(f"{name} ours={best[0] / 1e6:.1f}M/s theirs={best[1] / 1e6:.1f}M/s "
              f"ratio={best[0] / best[1]:.2f}", flush=True)

    def keepalive(self):
        for count in self.options.counts or [1000, 100000, 1000000, 10000000]:
            if count <= self.options.verify_most:
                self.run(*self.program("bench_keepalive", "verify", count, *self.word))
            for mode in ("txonly", "flowgen"):
                app = [f"--forward-mode={mode}", f"--total-num-mbufs={SPARE}"]
                if mode == "flowgen":
                    app.append(f"--flowgen-flows={count}")
                ours = Ours(self.folder, self.program("bench_keepalive", "run", count, *self.word))
                self.compare(f"keepalive-{name_of(count)}-{mode}", ours,
                             self.testpmd(256, "net_null0,no-rx=1", *app))
                ours.close()

    def relay(self):
        for count in self.options.counts or [1000, 1000000]:
            frames = max(count, 8192)
            load = os.path.join(self.folder, "load.pcap")
            self.run(*self.program("bench_relay", "verify", count, *self.word))
            self.run(*self.program("bench_relay", "feed", load, count, frames))
            ours = Ours(self.folder, self.program("bench_relay", "run", count, load, frames,
                                                  *self.word))
            self.compare(
                f"relay-{name_of(count)}-5tswap", ours,
                self.testpmd(256 + frames * 900 // 10**6,
                             f"net_pcap0,rx_pcap={load},infinite_rx=1", "--forward-mode=5tswap",
                             f"--mbuf-size={ROOM}", f"--total-num-mbufs={frames + SPARE}"))
            ours.close()
            os.unlink(load)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry", nargs="*", choices=["keepalive", "relay", []],
                        help="what to measure (default: all)")
    parser.add_argument("--build", required=True, help="build folder, target `bench` is built")
    parser.add_argument("--counts", type=lambda text: [int(n) for n in text.split(",")],
                        help="bindings or flows, comma separated")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--verify-most", type=int, default=1000000,
                        help="largest keep-alive count that is verified frame by frame")
    parser.add_argument("--huge", type=int, default=0, metavar="PAGES",
                        help="reserve that many 2 MB pages, and give them back")
    parser.add_argument("--json", help="file for all rounds")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="lwbench.")
    try:
        with huge_pages(options.huge) as huge:
            bench = Bench(options, folder, huge)
            for entry in options.entry or ["keepalive", "relay"]:
                getattr(bench, entry)()
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump(bench.results, file, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
