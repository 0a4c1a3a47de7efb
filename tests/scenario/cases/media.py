# SPDX-License-Identifier: BSD-3-Clause
"""Media: who is heard, who is not, and what that means."""

import socket
import time

from harness import sip
from harness.expect import check, equal, hold, wait, within
from harness.judge import honest, nothing_left, over
from harness.netns import udp_socket
from harness.rtp import Rtp
from harness.scene import Scene
from harness.topology import CARRIER, NAT, NODE, STRANGER
from harness.dialog import Manner

from . import scenario


def _flowing(*streams):
    for stream in streams:
        start = stream.received
        wait(lambda s=stream, n=start: s.received > n + 10, 8, "no media arrives")


def _packets(s, call_id, leg):
    return int(s.node.redis.media(call_id).get(leg + ".pkts", 0))


@scenario(45)
def media_of_callee_dies():
    """Bob vanishes without a BYE: found by silence, probed, ended, with an honest record."""
    with Scene() as s:
        bob = s.bob()
        up, down, media_a, media_b = s.talk(callee=bob)
        _flowing(media_a, media_b)
        time.sleep(3)
        bob.mute = True
        media_b.to = None
        died = time.time()
        s.topology.forget_nat()
        up.wait_ended(35)
        within(up.ended - died, 22, 26, "time from the last packet to the BYE")
        probe = s.wire.requests("UPDATE", src=NODE, dst=NAT, since=died)
        check(probe, "the silent leg was not probed")
        within(probe[0].time - died, 19.5, 21, "time from the last packet to the probe")
        check("Reason" in dict(up.heard("BYE")[0].headers), "the BYE carries no Reason")
        record = over(s, "media-dead-b", "linewatch", timeout=40)
        honest(record, died - up.up)


@scenario(30)
def media_never_starts():
    """A callee that never sends a packet and answers no probe."""
    with Scene({"media": {"media_start_timeout": 10}}) as s:
        bob = s.bob()
        a = s.carrier()
        up = a.call(s.bob_uri).wait_up()
        bob.wait_call()
        media_a = s.rtp(a, up)
        check(media_a, "no media")
        time.sleep(1)
        bob.mute = True
        up.wait_ended(20)
        within(up.ended - up.up, 12, 17, "time from the answer to the BYE")
        over(s, "media-dead-b", "linewatch", timeout=40)


@scenario(70)
def one_way_audio():
    """Bob's audio stops while the caller's goes on: probed, kept while he answers, ended when he
    does not."""
    with Scene() as s:
        bob = s.bob()
        up, down, media_a, media_b = s.talk(callee=bob)
        _flowing(media_a, media_b)
        call_id = s.node.wait_call("active")
        media_b.to = None
        quiet = time.time()
        heard, _ = down.wait_request("UPDATE", 25)
        within(heard - quiet, 19.5, 21.5, "time from the silence to the probe")
        hold(lambda: not up.ended and not down.ended, 6, "ended although Bob answered the probe")
        check(int(s.node.redis.call(call_id)["b.proof_sip"]) / 1000 > heard - 1,
              "the answered probe is no SIP proof of leg b in Redis")
        _flowing(media_b)  # the caller's audio never stopped
        media_b.to = down.media
        _flowing(media_a)
        time.sleep(2)
        bob.mute = True
        media_b.to = None
        quiet = time.time()
        up.wait_ended(35)
        within(up.ended - quiet, 22, 26, "time from the second silence to the BYE")
        over(s, "media-dead-b", "linewatch", timeout=40)


@scenario(45)
def one_way_audio_hard_limit():
    """A party that answers probes but sends no audio is ended at media_hard_timeout."""
    with Scene({"media": {"media_hard_timeout": 30}}) as s:
        up, down, media_a, media_b = s.talk()
        _flowing(media_a, media_b)
        media_b.to = None
        quiet = time.time()
        up.wait_ended(40)
        within(up.ended - quiet, 29, 32, "time from the silence to the BYE")
        down.wait_ended(3)
        over(s, "media-hard-b", "linewatch")


@scenario(80)
def hold_is_not_death():
    """Held and silent for longer than media_timeout: no hang-up. Resumed and silent: ended."""
    with Scene({"media": {"media_hard_timeout": 30}}) as s:
        a, bob = s.carrier(), s.bob()
        up, down, media_a, media_b = s.talk(a, bob)
        _flowing(media_a, media_b)
        held = up.reinvite(sip.redirect(up.sdp, "sendonly")).wait(10)
        equal(held.code, 200, "answer to the hold")
        equal(held.direction, "recvonly", "direction of the answer to the hold")
        equal(down.heard("INVITE")[-1].direction, "sendonly", "direction that Bob got")
        media_a.to = media_b.to = None
        hold(lambda: not up.ended and not down.ended, 40, "a held call was ended")
        check(not up.heard("UPDATE") and not down.heard("UPDATE"), "a held party was probed")
        resumed = up.reinvite(sip.redirect(up.sdp, "sendrecv")).wait(10)
        equal(resumed.code, 200, "answer to the resume")
        media_a.to, media_b.to = up.media, down.media
        _flowing(media_a, media_b)
        bob.mute = True
        media_b.to = None
        quiet = time.time()
        up.wait_ended(35)
        within(up.ended - quiet, 19, 26, "time from the silence to the BYE")
        check(s.node.wait_cdr(40)["by"] == "linewatch", "who ended it")


@scenario(75)
def held_call_keeps_its_nat():
    """On hold nobody sends, and a NAT would forget the way: RTP keep-alives keep it (LV-08), so
    that audio reaches Bob before his own first packet, by the port learnt before."""
    with Scene({"media": {"rtp_keepalive": 15}}, nat_timeout=25) as s:
        up, down, media_a, media_b = s.talk()
        _flowing(media_a, media_b)
        call_id = s.node.wait_call("active")
        before = s.wire.to(NODE, down.media[1])[-1].src
        equal(up.reinvite(sip.redirect(up.sdp, "inactive")).wait(10).code, 200, "answer to hold")
        media_a.to = media_b.to = None
        time.sleep(1)
        counted = [_packets(s, call_id, leg) for leg in "ab"]
        quiet = time.time()
        hold(lambda: not up.ended and not down.ended, 55, "a held call was ended")
        for name, to, source in (("Bob", before, media_a.ssrc),
                                 ("the caller", (media_a.ip, media_a.port), media_b.ssrc)):
            sent = [p for p in s.wire.to(*to, since=quiet) if p.src[0] == NODE]
            check(len(sent) >= 3, "%d keep-alives to %s" % (len(sent), name))
            for one, next in zip(sent, sent[1:]):
                check(next.time - one.time > 14.9, "keep-alives to %s too often" % name)
            for packet in sent:
                check(packet.rtp and len(packet.payload) == 12, "%r is no RTP header" % packet)
                check(packet.payload[1] not in (8, 101), "a keep-alive of a negotiated type")
                equal(packet.payload[8:12], source.to_bytes(4, "big"), "its source")
        equal([_packets(s, call_id, leg) for leg in "ab"], counted, "packets counted on hold")
        equal(up.reinvite(sip.redirect(up.sdp, "sendrecv")).wait(10).code, 200, "answer to resume")
        media_a.to = up.media
        _flowing(media_b)
        resumed = time.time()
        media_b.to = down.media
        _flowing(media_a)
        equal({p.src for p in s.wire.to(NODE, down.media[1], since=resumed)}, {before},
              "where Bob's audio comes from")
        up.bye().wait()
        down.wait_ended(3)


@scenario(30)
def held_srtp_call():
    """SRTP passes as it is. On hold its parties get keep-alives that pretend to be nobody's media:
    STUN indications (LV-08, RT-07)."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob()
        up = a.call(s.bob_uri, body=sip.secure(sip.sdp(a.ip, a.media_port))).wait_up()
        down = bob.wait_call()
        media_a, media_b = s.rtp(a, up), s.rtp(bob, down)
        check(" RTP/SAVP " in up.remote_sdp.body and " RTP/SAVP " in down.remote_sdp.body,
              "the profile was changed")
        _flowing(media_a, media_b)
        equal(up.reinvite(sip.redirect(up.sdp, "inactive")).wait(10).code, 200, "answer to hold")
        media_a.to = media_b.to = None
        time.sleep(1)
        quiet = time.time()
        for ip, port in ((NAT, None), (media_a.ip, media_a.port)):
            def sent():
                return [p for p in s.wire.to(ip, port, since=quiet)
                        if p.src[0] == NODE and p.src[1] >= 20000]
            packet = wait(sent, 25, "no keep-alive to " + ip)[0]
            equal(packet.payload[:8], b"\0\x11\0\0\x21\x12\xa4\x42", "keep-alive to " + ip)
            equal(len(packet.payload), 20, "length of the keep-alive to " + ip)
        up.bye().wait()
        down.wait_ended(3)


@scenario(15)
def dscp_per_trunk():
    """What goes to a trunk bears its DSCP, RTP and RTCP; what goes to a device bears the packet's
    own; congestion marks pass both ways."""
    trunks = [{"name": "carrier", "address": CARRIER + ":5060", "prefixes": ["00"],
               "media_clocks": {"dscp": 46}}]
    with Scene({"trunks": trunks}) as s:
        up, down, media_a, media_b = s.talk()
        _flowing(media_a, media_b)
        for call, media in ((up, media_a), (down, media_b)):
            report = b"\x80\xc9\0\1" + media.ssrc.to_bytes(4, "big")
            rtcp = s.keep(udp_socket(call.ua.ns, media.ip, media.port + 1))
            for sock in (media.sock, rtcp):
                # CS1, and the mark that says: congestion experienced
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 8 << 2 | 3)
            for _ in range(10):
                rtcp.sendto(report, (call.media[0], call.media[1] + 1))
                time.sleep(0.1)
        for to, tos in ((CARRIER, 46 << 2 | 3), (NAT, 8 << 2 | 3)):
            def sent():
                marked = {p.payload for p in s.wire.to(NODE) if p.tos == 8 << 2 | 3}
                found = [p for p in s.wire.to(to) if p.src[0] == NODE and not p.sip and
                         p.src[1] >= 20000 and p.payload in marked]
                return (found if len(found) > 10 and any(p.rtp for p in found) and
                        any(not p.rtp for p in found) else None)
            packets = wait(sent, 5, "no RTP and RTCP to " + to)
            equal({p.tos for p in packets}, {tos}, "type of service of what goes to " + to)
        up.bye().wait()
        down.wait_ended(3)


@scenario(75)
def refresh_keeps_hold():
    """A refresh by re-INVITE never un-holds: direction and o= line stay as they were."""
    with Scene() as s:
        allow = "INVITE, ACK, CANCEL, BYE, OPTIONS"
        a, bob = s.carrier(), s.bob(Manner(allow=allow))
        up, down, media_a, media_b = s.talk(a, bob)
        _flowing(media_a, media_b)
        time.sleep(5)
        equal(up.reinvite(sip.redirect(up.sdp, "inactive")).wait(10).code, 200, "answer to hold")
        media_a.to = media_b.to = None
        held = down.heard("INVITE")[-1]
        _, refresh = down.wait_request("INVITE", 60, count=2)
        equal(refresh.direction, "inactive", "direction of the refresh")
        equal(refresh.origin, held.origin, "o= line of the refresh")
        up.bye().wait()
        down.wait_ended(3)


@scenario(45)
def stranger_rtp():
    """RTP from a stranger is neither relayed nor counted, and keeps no dead call alive."""
    with Scene() as s:
        ns = s.topology.stranger()
        a, bob = s.carrier(), s.bob()
        stranger = s.keep(Rtp(ns, STRANGER, 40000))
        late = s.keep(Rtp(ns, STRANGER, 40002))
        # The stranger is there before Bob's first packet.
        up = a.call(s.bob_uri).wait_up()
        down = bob.wait_call()
        stranger.to, late.to = down.media, up.media
        wait(lambda: stranger.sent > 20 and late.sent > 20, 5, "the stranger does not send")
        media_a, media_b = s.rtp(a, up), s.rtp(bob, down)
        _flowing(media_a, media_b)
        for stream, own in ((media_a, media_b), (media_b, media_a)):
            equal(list(stream.ssrcs), [own.ssrc], "sources that were relayed")
        equal(stranger.received + late.received, 0, "packets sent to the stranger")
        call_id = s.node.wait_call("active")
        bob.mute = True
        media_b.to = None
        quiet = time.time()
        time.sleep(3)
        counted = _packets(s, call_id, "b")
        within(counted, media_b.sent - 20, media_b.sent, "packets counted on leg b")
        time.sleep(3)
        equal(_packets(s, call_id, "b"), counted, "packets of leg b after Bob fell silent")
        check(stranger.sent > 100, "the stranger gave up")
        up.wait_ended(35)
        within(up.ended - quiet, 22, 26, "time from Bob's silence to the BYE")
        equal(list(media_a.ssrcs), [media_b.ssrc], "sources that were relayed to the caller")
        over(s, "media-dead-b", "linewatch", timeout=40)


@scenario(15)
def audio_is_untouched():
    """Payload, sequence and SSRC pass as they are; RTCP passes too."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        _flowing(media_a, media_b)
        bob_port = s.capture(s.topology.bob, "eth0", "bob")
        time.sleep(2)
        report = b"\x80\xc9\0\1" + media_b.ssrc.to_bytes(4, "big")  # RTCP, an empty RR
        rtcp_a = s.keep(udp_socket(up.ua.ns, media_a.ip, media_a.port + 1))
        rtcp_b = s.keep(udp_socket(down.ua.ns, media_b.ip, media_b.port + 1))
        rtcp_a.settimeout(5)
        for _ in range(5):
            rtcp_b.sendto(report, (down.media[0], down.media[1] + 1))
            time.sleep(0.1)
        try:
            equal(rtcp_a.recv(2048), report, "RTCP that arrives at the caller")
        except socket.timeout:
            check(False, "RTCP does not pass")
        got = [p.payload for p in bob_port.all() if p.src[0] == NODE and p.rtp]
        check(len(got) > 10, "no media seen at Bob's")

        def known():  # both captures are read while they grow
            return set(got) <= {p.payload for p in s.wire.to(NODE) if p.rtp}
        wait(known, 5, "packets were changed on their way")
        check(all(p.src[1] == down.media[1] for p in bob_port.all() if p.rtp and
                  p.src[0] == NODE), "media comes from another port than the SDP says")
        up.bye().wait()
        down.wait_ended(3)
        stopped = media_a.received
        nothing_left(s)
        time.sleep(0.5)
        check(media_a.received - stopped <= 2, "media went on after the BYE")
