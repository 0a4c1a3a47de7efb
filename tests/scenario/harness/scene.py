# SPDX-License-Identifier: BSD-3-Clause
"""A scene: the little internet with one node and the phones of a test, all of it gone at the
end, however it ends."""

import os
import shutil
import signal
import sys
import tempfile

from . import topology
from .config import DOMAIN
from .netns import sweep
from .node import Node
from .rtp import Rtp
from .sipp import sipp
from .topology import Topology
from .ua import Ua
from .wire import Wire


def _interrupted(number, frame):
    sys.exit(128 + number)


class Scene:
    """`with Scene() as s:` starts everything; conf is laid over the default configuration."""

    default_folder = None  # where the runner wants the logs

    def __init__(self, conf=None, nat_timeout=15, start=True, folder=None):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        sweep()
        # Unix sockets want a short path; logs go where the runner wants them.
        self.short = tempfile.mkdtemp(prefix="lw%d-" % os.getpid())
        self.folder = folder or self.default_folder or self.short
        self.things = []
        self.topology = Topology(nat_timeout)
        try:
            self.node = Node(self.topology, self.folder, self.short, conf)
            # The node's cable, seen from outside: all that it sends and hears, once.
            self.wire = self.capture(self.topology.router, "to-node", "wire")
            if start:
                self.node.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def capture(self, ns, interface, name, only="udp"):
        return self.keep(Wire(ns, interface, os.path.join(self.folder, name + ".pcap"), only))

    # Phones

    def carrier(self, manner=None, ip=topology.CARRIER, user="alice", **more):
        return self.keep(Ua(self.topology.carrier, ip, 5060, user, manner, **more))

    def bob(self, manner=None, expires=3600, register=True, **more):
        """Bob's phone behind the NAT, registered."""
        phone = self.keep(Ua(self.topology.bob, topology.BOB, 5060, "bob", manner, **more))
        phone.credentials = ("bob", "secret")
        if register:
            final = phone.register(DOMAIN, expires)
            if final.code != 200:
                raise AssertionError("bob's REGISTER got %d" % final.code)
        return phone

    def rtp(self, ua, call=None, sending=True, **more):
        """The media of a phone, towards what the call's SDP says."""
        stream = self.keep(Rtp(ua.ns, ua.ip, ua.media_port, **more))
        if call and sending:
            stream.to = call.media
        return stream

    def sipp(self, where, name, scenario, **more):
        """SIPp at the carrier or at bob's."""
        ns, ip = {"carrier": (self.topology.carrier, topology.CARRIER),
                  "far": (self.topology.carrier, topology.FAR),
                  "bob": (self.topology.bob, topology.BOB)}[where]
        return self.sipp_at(ns, ip, name, scenario, **more)

    def sipp_at(self, ns, ip, name, scenario, **more):
        return self.keep(sipp(ns, name, scenario, ip, self.folder, **more))

    def sipp_bob(self, scenario, name="bob", register=True, **more):
        """Bob's phone played by SIPp: it registers, then waits for its call."""
        if register:
            self.sipp("bob", name + "-register", "register",
                      user=("bob", "secret")).must_succeed(20)
        return self.sipp("bob", name, scenario, **more)

    bob_uri = "sip:bob@" + DOMAIN

    def talk(self, caller=None, callee=None, headers=(), uri=None):
        """A call from the carrier to Bob (or between the given phones) with media both ways;
        returns (caller's call, callee's call, caller's stream, callee's stream)."""
        a = caller or self.carrier()
        b = callee or self.bob()
        n = len(b.incoming)
        up = a.call(uri or self.bob_uri, headers).wait_up()
        down = b.wait_call(count=n + 1)
        return up, down, self.rtp(a, up), self.rtp(b, down)

    def close(self):
        """Everything ends; what fails to end does not keep the rest."""
        for thing in reversed(self.things):
            _quietly(thing.close if hasattr(thing, "close") else thing.stop)
        if hasattr(self, "node"):
            _quietly(self.node.close)
        _quietly(self.topology.close)
        shutil.rmtree(self.short, ignore_errors=True)


def _quietly(action):
    try:
        action()
    except Exception as problem:  # the scene must come down whatever is broken
        print("cleaning up: %s" % problem, file=sys.stderr)
