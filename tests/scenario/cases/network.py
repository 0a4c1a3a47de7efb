# SPDX-License-Identifier: BSD-3-Clause
"""The network below the node changes in mid-call."""

import time

from harness.expect import check, wait, within
from harness.judge import over
from harness.proc import run
from harness.scene import Scene

from . import scenario


def _goes_on(streams, since, longest):
    """Media arrives again at both ends, after a gap of at most `longest` seconds."""
    for stream in streams:
        wait(lambda s=stream: s.last and s.last > since + longest, longest + 10,
             "media did not come back")
        wait(lambda s=stream: s.silent_for() < 1, 5, "media does not flow")
        within(stream.gap, 0, longest, "longest gap in the media in s")


@scenario(20)
def gateway_mac_changes():
    """The gateway is replaced by another with another MAC in mid-call (it announces itself, as
    VRRP does): media goes on at once."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
        media_a.mark()
        media_b.mark()
        when = time.time()
        s.topology.net.ip(s.topology.router, "link set dev br-core address 02:00:00:00:00:99",
                          "link set dev br-core down", "link set dev br-core up")
        _goes_on((media_a, media_b), when, 3)
        table = run(["ip", "neigh", "show", "dev", "lw0"], ns=s.topology.node)
        check("02:00:00:00:00:99" in table, "the kernel's neighbour table: " + table)
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(20)
def neighbour_deleted():
    """The gateway's entry is deleted from the neighbour table in mid-call: it is resolved again
    and media goes on."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
        for _ in range(3):
            media_a.mark()
            media_b.mark()
            when = time.time()
            s.node.neighbour_delete()
            _goes_on((media_a, media_b), when, 2)
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")
