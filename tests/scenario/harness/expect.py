# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for things to happen, and saying what did not."""

import time

from . import machine


class Failure(Exception):
    """An expectation that was not met; its text is all that a reader gets."""


def now():
    return time.monotonic()


def wait(condition, timeout, what, pause=0.05):
    """Returns the first true value of condition(), or fails after timeout seconds, beside those for
    which the machine kept the scene's programs waiting (so many that it takes three times as long
    at most). `what` is a text, or a function that makes one from the last value."""
    start, taken = now(), machine.taken()
    deadline = start + timeout
    while True:
        value = condition()
        if value:
            return value
        if now() >= deadline:
            deadline = start + min(timeout + machine.taken() - taken, 3 * timeout)
            if now() >= deadline:
                raise Failure("%s (waited %.1f s)" % (what(value) if callable(what) else what,
                                                      now() - start))
        time.sleep(pause)


def hold(condition, duration, what, pause=0.1):
    """The condition stays true for duration seconds."""
    deadline = now() + duration
    while now() < deadline:
        value = condition()
        if not value:
            raise Failure("%s (%.1f s before the end)" % (what, deadline - now()))
        time.sleep(pause)


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure("%s: %r, expected %r" % (what, got, wanted))


def within(got, least, most, what):
    if got is None or not least <= got <= most:
        shown = "nothing" if got is None else "%.2f" % got
        raise Failure("%s: %s, expected %.2f to %.2f" % (what, shown, least, most))
