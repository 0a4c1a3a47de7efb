# SPDX-License-Identifier: BSD-3-Clause
"""What the main job prints."""

import time

from .expect import Failure


class Show:
    """Prints what happens, and keeps count of what was met."""

    def __init__(self, total):
        self.total = total
        self.start = time.monotonic()
        self.results = {}

    def say(self, text=""):
        print("%7.1f s  %s" % (time.monotonic() - self.start, text) if text else "", flush=True)

    def show(self, text):
        for line in text.splitlines():
            print("             " + line, flush=True)

    def shell(self, command, output):
        self.show("$ " + command)
        self.show(output)

    def title(self, number, text):
        self.say()
        self.say("(%d) %s" % (number, text))

    def expect(self, number, text, action):
        """Runs one expectation, or a part of it, and says how it went."""
        if self.attempt(number, text, action):
            self.results.setdefault(number, True)
            self.say("met %d: %s" % (number, text))

    def attempt(self, number, text, action):
        """What an expectation needs beforehand: says only that it failed."""
        try:
            action()
        except Failure as failure:
            self.results[number] = False
            self.say("NOT MET %d: %s" % (number, text))
            self.show(str(failure))
            return False
        return True

    def verdict(self):
        met = sum(1 for n in range(1, self.total + 1) if self.results.get(n))
        self.say()
        self.say("%d of %d expectations met" % (met, self.total))
        return met == self.total
