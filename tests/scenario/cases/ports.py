# SPDX-License-Identifier: BSD-3-Clause
"""Ports and workers of the data plane."""

import time

from harness.expect import check, wait
from harness.judge import over, relayed
from harness.scene import Scene
from harness.topology import NAT, NODE

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
