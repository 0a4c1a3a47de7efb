# SPDX-License-Identifier: BSD-3-Clause
"""Floods."""

import os
import time

from harness.config import DOMAIN
from harness.expect import check, equal, now, wait
from harness.flood import SPOOFED
from harness.judge import nothing_left
from harness.proc import Process, run
from harness.scene import Scene
from harness.topology import FAR, GATEWAY, NODE

from . import scenario

FRAMES = 20000
FLOOD = os.path.join(os.path.dirname(__file__), "..", "harness", "flood.py")


def _sent(flood):
    """Frames so far, by the last whole line."""
    return int(flood.text().rpartition("\n")[0].split()[-1])


@scenario(35)
def flood_of_everything():
    """Junk on media and SIP ports, a spray of all ports, spoofed sources and ARP, all at once: the
    call's streams stay with its parties, SIP is answered, a call is set up, the gateway stays known,
    and nothing is sent to anybody else (LA-01, LA-06, SE-18, SE-27)."""
    with Scene() as s:
        s.carrier(ip=FAR, user="far")
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 20 and media_b.received > 20, 5, "no media")
        pids = s.node.cp.pid, s.node.dp.pid
        places = [s.wire.to(NODE, call.media[1])[-1].src for call in (up, down)]
        mac = run(["cat", "/sys/class/net/eth1/address"], ns=s.topology.node).strip()
        began = time.time()
        flood = s.keep(Process("flood", [
            "/usr/bin/python3", FLOOD, "to-node", mac, NODE, "4000", str(up.media[1]),
            str(down.media[1])], os.path.join(s.folder, "flood.log"), s.topology.router))
        flood.wait_text("sent", 10)
        other = None
        end = now() + 15
        while now() < end or _sent(flood) <= FRAMES:
            check(now() < end + 30, "the flood is a trickle")
            before = media_a.received, media_b.received
            equal(up.request("OPTIONS").wait(5).code, 200, "OPTIONS in the call")
            if not other:
                other = up.ua.call("sip:+491@" + DOMAIN).wait_up(10)
            time.sleep(0.5)
            wait(lambda: media_a.received > before[0] and media_b.received > before[1], 2,
                 "media stopped in the flood")
            state = run(["ip", "neigh", "show", GATEWAY, "dev", "lw0"], ns=s.topology.node)
            check("lladdr" in state, "the gateway is lost: " + state)
        other.bye().wait()
        flood.must_run()
        flood.stop()
        for stream, own in ((media_a, media_b), (media_b, media_a)):
            check(list(stream.ssrcs) == [own.ssrc], "%d sources were relayed" % len(stream.ssrcs))
            equal({ip for ip, _ in stream.sources}, {NODE}, "where media comes from")
        drops = s.node.ctl("status")["drops"]
        for why, least in (("no flow at this media port", 100),
                           ("not from the latched source", 1000)):
            check(drops[why] > least, "%s: %d" % (why, drops[why]))
        equal(drops["next hop unresolved"], 0, "packets without a next hop")
        to = {p.dst for p in s.wire.all() if p.time > began and p.src[0] == NODE and not p.sip and
              p.src[1] >= 20000}
        check(set(places) <= to, "media went elsewhere: %s" % to)
        check(not [ip for ip, _ in to if ip.startswith(SPOOFED)], "media went to a stranger")
        equal({ip for ip, _ in to} - {ip for ip, _ in places} - {FAR}, set(), "others that got media")
        s.node.must_run()
        equal((s.node.cp.pid, s.node.dp.pid), pids, "processes")
        up.bye().wait()
        down.wait_ended(5)
        nothing_left(s)
