# SPDX-License-Identifier: BSD-3-Clause
"""Ports and workers of the data plane."""

import time

from harness.expect import check, wait, within
from harness.judge import over, relayed
from harness.scene import Scene
from harness.topology import NAT, NODE, PATIENT

from . import scenario


def _keepalives(s):
    return [p for p in s.wire.all() if p.src[0] == NODE and p.dst[0] == NAT and
            p.payload == b"HELLO"]


def _call(s):
    """A call with media both ways, of which the wire loses nothing, and keep-alives meanwhile."""
    up, down, media_a, media_b = s.talk()
    wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
    since = time.time()
    wait(lambda: media_a.received > 200 and media_b.received > 200, 12, "media does not flow")
    relayed(s, since, late=1)
    wait(lambda: len(_keepalives(s)) > 1, 15, "no keep-alives left")
    return up, down


def _hang_up(s, up, down):
    up.bye().wait()
    down.wait_ended(3)
    over(s, "normal", "caller")


@scenario(25)
def two_workers_by_the_kernel():
    """Two workers with a queue each: a call, and keep-alives."""
    with Scene({"dataplane": {"workers": 2, "memory": 256}}) as s:
        _hang_up(s, *_call(s))
        check("spread by software" not in s.node.dp.text(), "frames are spread by software")


@scenario(25)
def three_workers_one_queue():
    """Three workers and a device with one queue: a call, and keep-alives."""
    with Scene({"dataplane": {"workers": 3, "memory": 256,
                              "ports": ["af_packet:eth1,qpairs=1"]}}) as s:
        _hang_up(s, *_call(s))
        check("spread by software" in s.node.dp.text(), "frames are not spread by software")


@scenario(30)
def access_and_core():
    """Two ports: phones by the one, the carrier by the other, as routes have it."""
    with Scene({"dataplane": {"memory": 256, "ports": ["af_packet:eth1", "af_packet:eth2"]}},
               start=False) as s:
        net, router, node = s.topology.net, s.topology.router, s.topology.node
        net.wire(node, "eth2", router, "to-access")
        net.ip(router, "addr add 192.0.3.1/24 dev to-access",
               "rule add dev br-public to %s lookup 100" % NODE,
               "route add %s via 192.0.3.10 dev to-access table 100" % NODE)
        s.node.interfaces.append("eth2")
        access = s.capture(router, "to-access", "access")
        s.node.start()
        net.ip(node, "addr add 192.0.3.10/24 dev lw1", "route add 203.0.113.0/24 via 192.0.3.1")
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 100 and media_b.received > 100, 12, "no media both ways")
        check([p for p in access.all() if p.rtp and p.src[0] == NODE and p.dst[0] == NAT],
              "no media leaves by the access port")
        check([p for p in access.all() if p.rtp and p.dst[0] == NODE],
              "no media comes by the access port")
        check(not [p for p in s.wire.all() if NAT in (p.src[0], p.dst[0])],
              "Bob's packets use the core port")
        wait(lambda: [p for p in access.all() if p.payload == b"HELLO"], 15,
             "no keep-alives by the access port")
        _hang_up(s, up, down)


@scenario(40)
def bond_member_goes_down():
    """Two cables as one port; the active one is pulled in mid-call, then the other: media goes on
    each time."""
    with Scene({"dataplane": {"memory": 256, "ports": [
            "bond:active-backup:af_packet:eth1+af_packet:eth2"]}}, start=False) as s:
        net, router = s.topology.net, s.topology.router
        net.wire(s.topology.node, "eth2", router, "to-node2", "br-core")
        s.node.interfaces.append("eth2")
        s.node.start()
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 100 and media_b.received > 100, 12, "no media both ways")
        for pulled, left, other in (("to-node", "to-node2", "eth2"),
                                    ("to-node2", "to-node", "eth1")):
            media_a.mark()
            media_b.mark()
            when = time.time()
            net.ip(router, "link set dev %s down" % pulled)
            wait(lambda: "af_packet:%s is the active member" % other in s.node.dp.text(), 5,
                 "the bond stays with the cable that was pulled")
            for stream in (media_a, media_b):
                wait(lambda m=stream: m.last and m.last > when + 3 and m.silent_for() < 1, 15,
                     "media did not come back")
                within(stream.gap, 0, 3, "longest gap in the media in s")
            net.ip(router, "link set dev %s up" % pulled)
            wait(lambda: s.node.dp.text().count("link is up") >= 3, 5, "the link does not come back")
        _hang_up(s, up, down)


def _port(s):
    port, = s.node.ctl("status")["dataplane"]["port"]
    return port


@scenario(40)
def port_is_reset_in_a_call():
    """`linewatchctl port-reset` in mid-call: media pauses, then goes on to who it went to before,
    and so do keep-alives; the status counts it, both logs tell it; a wrong name is refused."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 100 and media_b.received > 100, 12, "no media both ways")
        check(s.node.ctl("port-reset", "eth1", check=False) is None,
              "a port of another name was reset")
        before = _port(s)
        check(before["port"] == "af_packet:eth1" and before["state"] == "in service" and
              before["link"] == "up" and before["resets"] == 0, "port in the status: %s" % before)
        media_a.mark()
        media_b.mark()
        when = time.time()
        s.node.ctl("port-reset", "af_packet:eth1")
        wait(lambda: _port(s)["resets"] == 1, 5, "the status does not count the reset")
        for stream in (media_a, media_b):
            wait(lambda m=stream: m.last and m.last > when + 3 and m.silent_for() < 1, 15,
                 "media did not come back")
            within(stream.gap, 0, 3, "longest gap in the media in s")
        wait(lambda: _port(s)["state"] == "in service" and _port(s)["link"] == "up", 5,
             "port in the status: %s" % _port(s))
        check("port af_packet:eth1: in service again" in s.node.cp.text(), "linewatch-cp is silent")
        wait(lambda: [p for p in _keepalives(s) if p.time > when + 3], 15, "no keep-alives left")
        _hang_up(s, up, down)


@scenario(60)
def port_vanishes_and_returns():
    """The interface below the port is deleted in mid-call and made anew: the data plane lives, the
    call goes on with the same ports and addresses as soon as the cable is back."""
    with Scene({"media": {"media_timeout": 60, "media_hard_timeout": 120}},
               nat_timeout=PATIENT) as s:
        net, router, node = s.topology.net, s.topology.router, s.topology.node
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 100 and media_b.received > 100, 12, "no media both ways")
        net.ip(node, "link del eth1")
        wait(lambda: _port(s)["state"] == "gone", 5, "port in the status: %s" % _port(s))
        check(_port(s)["link"] == "down", "link of a port that has gone")
        net.wire(node, "eth1", router, "to-node", "br-core")
        s.node.prepare_port()
        wait(lambda: _port(s)["state"] == "in service", 10, "port in the status: %s" % _port(s))
        check(_port(s)["removals"] == 1, "removals in the status")
        when = time.time()
        for stream in (media_a, media_b):
            wait(lambda m=stream: m.last and m.last > when + 2 and m.silent_for() < 1, 25,
                 "media did not come back")
        up.bye().wait()
        down.wait_ended(3)
