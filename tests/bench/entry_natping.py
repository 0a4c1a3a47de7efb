# SPDX-License-Identifier: BSD-3-Clause
"""Keep-alives over a veth pair: the real linewatch-dp, by af_packet and by af_xdp, beside kamailio
with nathelper. All ping as many contacts, as often, with the same four bytes, and are measured
over the same time: messages a second of all their processor time."""
import contextlib
import time

from kamailio import Kamailio
from linewatch import Linewatch
from rig import name_of
from wire import Wire

from harness.expect import check

COUNTS = [200000]
PERIOD = 10  # seconds, the least that linewatch allows
ROUNDS = 6
SAMPLE = 1000
# A node that relays nothing need not wake up for packets every millisecond.
SLEEP_US = 10000


class Pinger:
    """A program that sends on its own account, on a wire."""

    def __init__(self, rig, name, make):
        self.wire = Wire(rig, name)
        self.program = make(self.wire)
        self.rates = []

    def look(self):
        """Each of some messages is one, and for another contact than all before."""
        seen = set()
        with self.wire.tap() as tap:
            for _ in range(SAMPLE):
                frame = tap.recv(2048)
                address = frame[30:34]
                check(address not in seen and frame[26:30] == bytes((192, 0, 2, 10)) and
                      address[0] == 10 and frame[34:38] == b"\x13\xc4\x13\xc4" and
                      frame[38:40] == b"\x00\x0c" and frame[42:46] == bytes(4),
                      f"no keep-alive: {frame.hex()}")
                seen.add(address)

    def close(self):
        self.program.close()
        self.wire.close()


def measure(pingers, count):
    """A round of all at once."""
    before = [(pinger.wire.arrived(), pinger.program.cpu_ns()) for pinger in pingers]
    time.sleep(PERIOD)
    for pinger, (arrived, spent) in zip(pingers, before):
        sent = pinger.wire.arrived() - arrived
        # Kamailio may fall behind its period; what counts is what it costs.
        check(isinstance(pinger.program, Kamailio) or 0.9 * count <= sent <= 1.1 * count,
              f"linewatch-dp sent {sent} messages in a period, for {count} bindings")
        pinger.rates.append(sent / (pinger.program.cpu_ns() - spent) * 1e9)


def run(rig):
    for count in rig.counts(COUNTS):
        with contextlib.ExitStack() as stack:
            def start(name, make):
                pinger = Pinger(rig, name, make)
                stack.callback(pinger.close)
                return pinger

            theirs = start("theirs", lambda wire: Kamailio(wire, count, PERIOD))
            ours = [start(driver, lambda wire: Linewatch(
                wire, driver, ["keepalive", count, PERIOD], bindings=count, idle_sleep=SLEEP_US))
                for driver in ("af_packet", "af_xdp")]
            time.sleep(2 * PERIOD)
            for pinger in (theirs, *ours):
                pinger.look()
            for _ in range(ROUNDS):
                measure([theirs, *ours], count)
            for pinger, name in zip(ours, ("afpacket", "afxdp")):
                pinger.program.audit()
                rig.result(f"kamailio-natping-{name_of(count)}-{name}", pinger.rates, theirs.rates,
                           "k/s", 1e3)
