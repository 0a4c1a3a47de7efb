# SPDX-License-Identifier: BSD-3-Clause
"""Calls whose media does not pass through linewatch, watched inline or at a mirror port."""

import os
import time

from harness import sip
from harness.expect import check, equal, hold, wait, within
from harness.judge import honest, over
from harness.node import ROOT
from harness.proc import run
from harness.scene import Scene
from harness.topology import BOB, CARRIER, NAT, NODE, STRANGER
from harness.ua import Ua

from . import scenario

PHONE = STRANGER  # a trunk of its own here
SPAN = """
table netdev span {
	chain phone {
		type filter hook ingress device "%s" priority 0
		dup to "span-out"
	}
	chain carrier {
		type filter hook ingress device "to-carrier" priority 0
		dup to "span-out"
	}
}
"""


def _conf(monitor, ports):
    return {
        "media": {"mode": "monitor"},
        "session": {"SS_SIP_SESSION_TTL": 600},  # no refresh between the probes
        "dataplane": {"monitor": monitor, "monitor_ports": ports, "monitors": 64},
        "trunks": [
            {"name": "carrier", "address": CARRIER + ":5060", "prefixes": ["00"]},
            {"name": "phone", "address": PHONE + ":5060", "prefixes": ["+"]},
        ],
    }


def _prepare(s, *names):
    for name in names:
        run([os.path.join(ROOT, "scripts/port-prepare.sh"), name], ns=s.node.ns)


class Inline(Scene):
    """All that the phone says and hears goes through the node's two monitor ports."""

    def __init__(self):
        super().__init__(_conf("inline", ["af_packet:mon0", "af_packet:mon1"]), start=False)
        net, node = self.topology.net, self.node.ns
        self.phone_ns = net.add("phone")
        net.wire(self.phone_ns, "eth0", node, "mon0")
        net.wire(node, "mon1", self.topology.router, "to-phone", "br-public")
        net.ip(self.phone_ns, "addr add %s/24 dev eth0" % PHONE,
               "route add default via 203.0.113.1")
        _prepare(self, "mon0", "mon1")
        self.node.start()


class Mirror(Scene):
    """The node hears copies of what the phone and the carrier send, on a port of its own. With
    behind_nat the phone is Bob's, whose NAT is between him and the mirror."""

    def __init__(self, behind_nat=False):
        super().__init__(_conf("mirror", ["af_packet:span0"]), start=False)
        net, router = self.topology.net, self.topology.router
        self.phone_ns = self.topology.host("phone", "br-public", PHONE)
        net.wire(self.node.ns, "span0", router, "span-out")
        net.nft(router, SPAN % ("to-nat" if behind_nat else "to-phone"))
        _prepare(self, "span0")
        self.node.start()

    def sent_into_span(self):
        path = "/sys/class/net/span-out/statistics/rx_packets"
        return int(run(["cat", path], ns=self.topology.router).strip())


def talk(s):
    """A call from the carrier to the phone, media directly between them."""
    a = s.carrier()
    b = s.keep(Ua(s.phone_ns, PHONE, 5060, "phone"))
    up = a.call("sip:+4930@" + NODE).wait_up()
    down = b.wait_call()
    equal(up.media[0], PHONE, "where the caller's media goes")
    equal(down.media[0], CARRIER, "where the phone's media goes")
    media = s.rtp(a, up), s.rtp(b, down)
    _flowing(*media)
    return (up, down) + media


def _flowing(*streams):
    for stream in streams:
        start = stream.received
        wait(lambda s=stream, n=start: s.received > n + 10, 8, "no media arrives")


def _heard(s, leg):
    """Seconds since the leg was heard, and its packets, as linewatchctl tells."""
    seen = s.node.ctl("call", s.node.calls()[0]["id"])[leg]
    return seen["media"]["last_rtp_s"], seen["packets"]


def _watched(s):
    """Both legs are heard, and no media comes near the node."""
    for leg in "ab":
        before = _heard(s, leg)[1]
        wait(lambda leg=leg, n=before: _heard(s, leg)[0] == 0 and _heard(s, leg)[1] > n, 5,
             "leg %s is not heard" % leg)
    near = [p for p in s.wire.all() if p.rtp and NODE in (p.src[0], p.dst[0])]
    equal(near, [], "RTP of the node itself")


def _dies(s, up, down, media_b, phone=PHONE):
    """The phone vanishes without a BYE: probed, then ended, with an honest record."""
    down.ua.mute = True
    media_b.to = None
    died = time.time()
    up.wait_ended(35)
    within(up.ended - died, 22, 26, "time from the last packet to the BYE")
    probe = s.wire.requests("UPDATE", src=NODE, dst=phone, since=died)
    check(probe, "the silent leg was not probed")
    within(probe[0].time - died, 19.5, 21, "time from the last packet to the probe")
    record = over(s, "media-dead-b", "linewatch", timeout=40)
    honest(record, died - up.up)
    for leg in "ab":
        check(record[leg + "_packets"] > 20, "packets of leg %s in the CDR" % leg)
    equal(s.node.status("dataplane.monitors"), 0, "monitored flows left")


@scenario(50)
def monitor_inline():
    """The data plane is a bump in the phone's wire: SIP, ARP and RTP pass, RTP is heard, and a
    phone that vanishes is found by silence (LV-01, LV-06)."""
    with Inline() as s:
        up, down, media_a, media_b = talk(s)
        _watched(s)
        for stream in (media_a, media_b):
            equal(stream.other, 0, "what else arrived on the media port")
            equal(len(stream.sources), 1, "sources of the media")
        _dies(s, up, down, media_b)


@scenario(80)
def monitor_mirror():
    """A mirror port: nothing is ever sent into it; one-way audio is found (LV-01), then death."""
    with Mirror() as s:
        up, down, media_a, media_b = talk(s)
        _watched(s)
        media_a.to = None
        quiet = time.time()
        heard, _ = up.wait_request("UPDATE", 25)
        within(heard - quiet, 19.5, 21.5, "time from the silence to the probe")
        hold(lambda: not up.ended and not down.ended, 4, "ended although the caller answered")
        media_a.to = up.media
        _flowing(media_b)
        _watched(s)
        _dies(s, up, down, media_b)
        equal(s.sent_into_span(), 0, "frames sent into the mirror port")


@scenario(75)
def monitor_survives_restarts():
    """Both programs are killed in turn: the call is watched again, and its silence is found."""
    with Mirror() as s:
        up, down, media_a, media_b = talk(s)
        _watched(s)
        s.node.restart_dp()
        s.node.wait_ready()
        _watched(s)
        s.node.restart_cp()
        s.node.wait_ready()
        wait(s.node.calls, 10, "the call was not restored")
        _watched(s)
        hold(lambda: not up.ended and not down.ended, 3, "ended by a restart")
        down.ua.mute = True
        media_b.to = None
        up.wait_ended(45)
        over(s, "media-dead-b", "linewatch", timeout=40)


@scenario(60)
def monitor_follows_reinvite():
    """A phone moves its media by re-INVITE: the new stream is watched, the old address is not; on
    hold no clock runs (LV-02, LV-11)."""
    with Mirror() as s:
        up, down, media_a, media_b = talk(s)
        b = down.ua
        b.media_port += 10
        moved = s.rtp(b, down)
        down.reinvite(sip.sdp(PHONE, moved.port, 2, session=media_b.port)).wait()
        equal(up.media, (PHONE, moved.port), "where the caller's media goes now")
        media_a.to = up.media
        media_b.to = None
        _flowing(media_a, moved)
        _watched(s)
        # Packets to the address of before keep nobody alive.
        media_a.to = (PHONE, media_b.port)
        heard, _ = up.wait_request("UPDATE", 30)
        media_a.to = up.media
        _watched(s)
        up.reinvite(sip.redirect(up.sdp, "inactive")).wait()
        media_a.to = moved.to = None
        hold(lambda: not up.ended and not down.ended, 26, "ended on hold")
        up.bye().wait()
        over(s, "normal", "caller")


@scenario(85)
def monitor_phone_behind_nat():
    """A phone's SDP names its private address, and its media goes to its NAT's: the carrier is
    heard all the same, and so is the phone, until it vanishes (LV-01, LA-02)."""
    with Mirror(behind_nat=True) as s:
        bob = s.bob()
        up, down, media_a, media_b = s.talk(callee=bob)
        equal(up.media[0], BOB, "the address in the phone's SDP")
        wait(lambda: media_a.received, 8, "no media of the phone")
        media_a.to = next(iter(media_a.sources))
        equal(media_a.to[0], NAT, "where the phone's media comes from")
        _flowing(media_a, media_b)
        _watched(s)
        talking = time.time()
        hold(lambda: not up.ended and not down.ended, 24, "ended although both are heard")
        equal(s.wire.requests("UPDATE", src=NODE, since=talking), [], "probes")
        _watched(s)
        _dies(s, up, down, media_b, NAT)
