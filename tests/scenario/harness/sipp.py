# SPDX-License-Identifier: BSD-3-Clause
"""Phones played by SIPp, each with a scenario of ../sipp."""

import os

from .config import DOMAIN
from .expect import Failure
from .proc import Process
from .topology import NODE

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sipp")


# Header lines of a phone with session timers, and what its 2xx to a refresh adds.
UPDATES = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"
NO_UPDATES = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS"
SUPPORTED = "Supported: timer"
TIMER = "Require: timer\nSession-Expires: [$se];refresher=uac"

DEFAULTS = {"DOMAIN": DOMAIN, "USER": "bob", "EXPIRES": 3600, "LOOPS": 1000,
            "HEADERS": UPDATES + "\n" + SUPPORTED, "TIMER": TIMER, "CODE": 486}


def _scenario(name, folder, scenario, fill):
    """Writes the scenario with its @WORDS@ filled in; empty lines inside a head would end it."""
    with open(os.path.join(FOLDER, scenario + ".xml")) as f:
        text = f.read()
    for word, value in {**DEFAULTS, **fill}.items():
        text = text.replace("@%s@\n" % word if value == "" else "@%s@" % word, str(value))
    path = os.path.join(folder, name + ".xml")
    with open(path, "w") as f:
        f.write(text)
    return path


def sipp(ns, name, scenario, ip, folder, port=5060, media_port=6000, user=None, calls=1,
         target="bob", options=(), timeout=300, **fill):
    """Starts SIPp with a scenario; it ends after `calls` calls, with 0 if all were as the
    scenario says. target is the user part of the called URI; words in capitals fill the
    scenario."""
    argv = ["sipp", NODE + ":5060", "-sf", _scenario(name, folder, scenario, fill),
            "-i", ip, "-p", str(port), "-mi", ip, "-mp", str(media_port), "-m", str(calls),
            "-s", target, "-nostdin", "-timeout", str(timeout), "-timeout_error", "-trace_err",
            "-error_file", os.path.join(folder, name + ".err"), "-trace_msg",
            "-message_file", os.path.join(folder, name + ".msg")]
    if user:
        argv += ["-au", user[0], "-ap", user[1], "-auth_uri", DOMAIN]
    return Sipp(name, argv + list(options), os.path.join(folder, name + ".out"), ns, folder)


class Sipp(Process):
    def __init__(self, name, argv, log, ns, folder):
        super().__init__(name, argv, log, ns, cwd=folder, env={**os.environ, "TERM": "dumb"})
        self.errors = os.path.join(folder, name + ".err")

    def must_succeed(self, timeout):
        """All its calls went as the scenario says."""
        code = self.wait(timeout, code=None)
        if code != 0:
            seen = ""
            if os.path.exists(self.errors):
                with open(self.errors, errors="replace") as f:
                    seen = f.read()[:1500]
            raise Failure("%s (SIPp) ended with %d: %s" % (self.name, code, seen.strip()))
