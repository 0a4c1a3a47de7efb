# SPDX-License-Identifier: BSD-3-Clause
"""What every entry of the bench needs: memory, our programs, the peer, rounds in turns, results.

A side of a comparison is an object with round(seconds), which works for about that long and
returns (units of work, nanoseconds of processor time), and close()."""
import contextlib
import json
import os
import subprocess
import sys

from testpmd import Testpmd

PAGES_DIR = "/sys/kernel/mm/hugepages/hugepages-2048kB"
PAGE_MB = 2


def name_of(count):
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


def environment(folder):
    return dict(os.environ, XDG_RUNTIME_DIR=folder, RUNTIME_DIRECTORY=folder)


class Ours:
    """A bench program that makes rounds on request, see setup_rounds() in setup.h."""

    def __init__(self, folder, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(folder))
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"bench: {' '.join(command)} does not start")

    def ask(self, seconds):
        """Makes a round; returns the numbers that the program answers."""
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line:
            sys.exit("bench: our side failed (its reason is above)")
        return list(map(int, line))

    def round(self, seconds):
        work, spent = self.ask(seconds)
        return work, spent

    def close(self):
        self.process.stdin.close()
        if self.process.wait(60):
            sys.exit("bench: our side failed at its end")


def pages(name, write=None):
    with open(f"{PAGES_DIR}/{name}", "r" if write is None else "w", encoding="ascii") as file:
        return int(file.read()) if write is None else file.write(str(write))


class Rig:
    """`folder` is for files of the run; options as bench.py has them."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.huge = False
        self.results = []

    @contextlib.contextmanager
    def memory(self, megabytes):
        """2 MB pages for all sides of a comparison, if --huge asks for them; given back at the
        end. Where the kernel has not that many, all sides go without."""
        if not self.options.huge:
            yield
            return
        before = pages("nr_hugepages")
        wanted = megabytes // PAGE_MB + 1
        try:
            pages("nr_hugepages", before + max(0, wanted - pages("free_hugepages")))
            self.huge = pages("free_hugepages") >= wanted
            if not self.huge:
                pages("nr_hugepages", before)
                print("bench: not enough memory for huge pages, both sides go without")
            yield
        finally:
            self.huge = False
            pages("nr_hugepages", before)

    def counts(self, default):
        """Sizes to measure: --counts, else the entry's own."""
        return self.options.counts or default

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name, *args):
        """Command line of a bench program; its last word is `huge` where there are such pages."""
        return [os.path.join(self.options.build, "tests/bench", name), *map(str, args),
                *(["huge"] if self.huge else [])]

    def run(self, name, *args):
        subprocess.run(self.program(name, *args), check=True, env=environment(self.folder))

    def ours(self, name, *args):
        return Ours(self.folder, self.program(name, *args))

    def testpmd(self, memory, vdev, *app):
        """The peer on one device; `memory` in megabytes counts where there are no huge pages."""
        eal = (["--in-memory"] if self.huge else
               ["--no-huge", "-m", str(memory), "--no-shconf", "--file-prefix=lwbench"])
        return Testpmd(self.folder, [*eal, f"--vdev={vdev}"], app)

    def compare(self, name, ours, theirs, unit="M/s", scale=1e6):
        """Rounds in turns, so that whoever else uses the machine disturbs both alike; closes
        both sides."""
        sides = ([], [])
        with contextlib.closing(ours), contextlib.closing(theirs):
            for side in (ours, theirs):
                side.round(self.options.seconds)
            for _ in range(self.options.rounds):
                for rates, side in zip(sides, (ours, theirs)):
                    work, spent = side.round(self.options.seconds)
                    rates.append(work / spent * 1e9)
        self.result(name, *sides, unit, scale)

    def result(self, name, ours, theirs, unit="M/s", scale=1e6):
        """Rates of all rounds, work a second: the best counts."""
        best = max(ours), max(theirs)
        self.results.append({
            "name": name, "huge": self.huge, "unit": unit, "scale": scale, "ours": ours,
            "theirs": theirs, "best": best, "ratio": best[0] / best[1]})
        print(f"{name} ours={best[0] / scale:.1f}{unit} theirs={best[1] / scale:.1f}{unit} "
              f"ratio={best[0] / best[1]:.2f}", flush=True)

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.results, file, indent=1)
