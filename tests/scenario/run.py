#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the scenes, several at once: they mostly wait. One line each, the logs of failures kept.

    run.py [--jobs N] [--logs FOLDER] [--list] [NAME...]     NAME may be a part of a name
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cases  # noqa: E402
from harness import netns  # noqa: E402
from harness.expect import Failure  # noqa: E402
from harness.scene import Scene  # noqa: E402


def one(name, folder):
    """Plays a single scene in this process; its folder is what is kept if it fails."""
    scenario = next(s for s in cases.load() if s.name == name)
    Scene.default_folder = folder
    try:
        scenario.run()
    except Failure as failure:
        print(failure)
        with open(os.path.join(folder, "failure.txt"), "w") as f:
            traceback.print_exc(file=f)
        return 1
    except Exception:
        traceback.print_exc()
        print(traceback.format_exc().strip().splitlines()[-1])
        return 1
    return 0


class Run:
    """A scene in a process of its own."""

    def __init__(self, scenario, logs):
        self.scenario = scenario
        self.folder = os.path.join(logs, scenario.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.out = os.path.join(self.folder, "output.txt")
        self.start = time.monotonic()
        self.late = False
        with open(self.out, "w") as out:
            self.child = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "--one", scenario.name, self.folder],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    @property
    def seconds(self):
        return time.monotonic() - self.start

    def done(self):
        if self.child.poll() is not None:
            return True
        if self.seconds > self.scenario.limit + 20:
            self.child.kill()
        elif self.seconds > self.scenario.limit and not self.late:
            self.late = True
            self.child.terminate()
        return False

    def why(self):
        if self.late:
            return "hangs: ended after %d s" % self.scenario.limit
        with open(self.out, errors="replace") as f:
            lines = f.read().strip().splitlines()
        return lines[-1] if lines else "ended with %d" % self.child.returncode

    def end(self):
        """Interrupted: the scene cleans up after itself."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def play(scenarios, jobs, logs):
    """Returns the numbers of passed and failed scenes."""
    waiting = sorted(scenarios, key=lambda s: -s.seconds)
    running, passed, failed = [], 0, 0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Run(waiting.pop(0), logs))
            time.sleep(0.1)
            for run in [r for r in running if r.done()]:
                running.remove(run)
                good = run.child.returncode == 0 and not run.late
                print("%s  scenario  %-38s %5.0f s  %s" % (
                    "pass" if good else "FAIL", run.scenario.name, run.seconds,
                    "" if good else run.why()), flush=True)
                if good:
                    passed += 1
                    shutil.rmtree(run.folder, ignore_errors=True)
                else:
                    failed += 1
                    print("      logs: %s" % run.folder, flush=True)
    finally:
        for run in running:
            run.end()
        netns.sweep()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--logs", default=None)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return one(*args.one)
    scenarios = [s for s in cases.load()
                 if not args.names or any(n in s.name for n in args.names)]
    if args.list:
        for s in scenarios:
            print("%-38s %s" % (s.name, s.about))
        return 0
    if os.geteuid() != 0:
        print("run.py: scenes need network namespaces: run as root", file=sys.stderr)
        return 1
    if not scenarios:
        print("run.py: no scene is called so: %s" % " ".join(args.names), file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    logs = os.path.abspath(args.logs or os.path.join(
        os.environ.get("TMPDIR", "/tmp"), "linewatch-scenario-%d" % os.getpid()))
    os.makedirs(logs, exist_ok=True)
    passed, failed = play(scenarios, args.jobs, logs)
    if not failed:
        shutil.rmtree(logs, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
