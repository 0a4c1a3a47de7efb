# SPDX-License-Identifier: BSD-3-Clause
"""Processes that never outlive the scene: each is known by its pid and dies with its parent."""

import ctypes
import os
import signal
import subprocess

from . import machine
from .expect import Failure, wait

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def inside(ns, argv):
    """The command line that runs argv in a namespace (ip executes it in its own place)."""
    return ["ip", "netns", "exec", ns] + argv if ns else list(argv)


def run(argv, ns=None, check=True, timeout=60, text_in=None, env=None):
    """Runs a command to its end and returns its output."""
    done = subprocess.run(inside(ns, argv), input=text_in, capture_output=True, text=True,
                          timeout=timeout, env=env, errors="replace",
                          stdin=subprocess.DEVNULL if text_in is None else None)
    if check and done.returncode != 0:
        raise Failure("%s ended with %d: %s" % (" ".join(argv), done.returncode,
                                               (done.stderr or done.stdout).strip()))
    return done.stdout if check else done


class Process:
    """One child with its output in a file. Start it from the main thread: the kernel ends a
    child when the thread that made it ends. With talks=True it listens to say()."""

    def __init__(self, name, argv, log, ns=None, env=None, cwd=None, talks=False):
        self.name = name
        self.argv = argv
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                inside(ns, argv), stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=out, stderr=out, env=env, cwd=cwd, preexec_fn=_die_with_parent,
                start_new_session=True)
        machine.watch(self.child.pid)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def say(self, line):
        """Types a line, as at a terminal."""
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def must_run(self):
        if not self.running():
            raise Failure("%s ended with %d: %s" % (self.name, self.child.returncode,
                                                   self.text()[-600:].strip()))
        return True

    def wait(self, timeout, code=0):
        """Waits for the end; code None takes any exit code. Returns the exit code."""
        wait(lambda: not self.running(), timeout, "%s did not end" % self.name)
        got = self.child.returncode
        if code is not None and got != code:
            raise Failure("%s ended with %d: %s" % (self.name, got, self.text()[-600:].strip()))
        return got

    def wait_text(self, text, timeout):
        wait(lambda: text in self.text() or (self.must_run() and None), timeout,
             "%s never wrote %r" % (self.name, text))

    def kill(self, sig=signal.SIGKILL):
        if self.running():
            os.kill(self.pid, sig)
        return self.child.wait()

    def stop(self, grace=5):
        """Asks, then insists. Returns the exit code."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)
        try:
            return self.child.wait(grace)
        except subprocess.TimeoutExpired:
            return self.kill()
