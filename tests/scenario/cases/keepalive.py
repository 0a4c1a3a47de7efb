# SPDX-License-Identifier: BSD-3-Clause
"""Keep-alives after a time in which none could leave: made up for, before a NAT forgets."""

import contextlib
import time

from harness.expect import equal, wait, within
from harness.judge import loop_gap
from harness.netns import udp_socket
from harness.scene import Scene
from harness.topology import CARRIER, GATEWAY

from . import scenario

PERIOD = 10
INTERVAL = 0.5
WATCH = 0.4  # until the data plane sees that a way is closed, and that it is open
DEVICES = 100
PORT = 10000


@contextlib.contextmanager
def _devices():
    """A node with many devices, each in turn; and what they get."""
    with Scene({"bindings": ["%s:%d" % (CARRIER, PORT + n) for n in range(DEVICES)]}) as s:
        for n in range(DEVICES):
            s.keep(udp_socket(s.topology.carrier, CARRIER, PORT + n))
        seen = s.capture(s.topology.router, "to-carrier", "carrier")
        time.sleep(2.5 * PERIOD)  # off the first rhythm
        yield s, seen


def _worst(seen):
    """The longest time that a device waited for a message."""
    times = {}
    for p in seen.all():
        if p.payload == b"HELLO":
            times.setdefault(p.dst, []).append(p.time)
    equal(len(times), DEVICES, "devices that got keep-alives")
    return max(b - a for each in times.values() for a, b in zip(each, each[1:]))


def _silence(seen):
    """The longest time without a message to anybody."""
    times = [p.time for p in seen.all() if p.payload == b"HELLO"]
    return max(b - a for a, b in zip(times, times[1:]))


@scenario(60)
def keepalive_across_data_plane_restart():
    """kill -9 of linewatch-dp: no device waits longer than the period and the time that the data
    plane was away."""
    with _devices() as (s, seen):
        killed = time.time()
        s.node.dp.kill()
        s.node.start_dp()
        wait(lambda: s.node.status("dataplane.up"), 10, "the data plane did not come back")
        away = time.time() - killed
        time.sleep(2 * PERIOD)
        within(_worst(seen), 0, PERIOD + INTERVAL + away + loop_gap(s),
               "longest time without a keep-alive in s (the data plane was away for %.1f)" % away)


def _made_up(s, seen):
    time.sleep(2 * PERIOD)
    away = _silence(seen)
    within(away, 2, PERIOD / 2, "time in which nothing left, in s")
    within(_worst(seen), 0, PERIOD + 3 * INTERVAL + away + WATCH + loop_gap(s),
           "longest time without a keep-alive in s (nothing left for %.1f)" % away)


@scenario(55)
def keepalive_across_port_loss():
    """The interface below the port is deleted and made anew: no device waits longer than the period
    and the time between."""
    with _devices() as (s, seen):
        node, router, net = s.topology.node, s.topology.router, s.topology.net
        net.ip(node, "link del eth1")
        wait(lambda: "the device has gone" in s.node.dp.text(), 5, "nobody saw that it has gone")
        time.sleep(2)
        net.wire(node, "eth1", router, "to-node", "br-core")
        s.node.prepare_port()
        wait(lambda: "in service again" in s.node.dp.text(), 10, "the port is not back")
        _made_up(s, seen)


@scenario(55)
def keepalive_across_gateway_loss():
    """The gateway does not answer ARP for a time: the same."""
    with _devices() as (s, seen):
        node, router, net = s.topology.node, s.topology.router, s.topology.net
        net.ip(router, "link set dev br-core arp off")
        net.ip(node, "neigh del %s dev lw0" % GATEWAY)
        time.sleep(2.5)
        net.ip(router, "link set dev br-core arp on")
        _made_up(s, seen)
