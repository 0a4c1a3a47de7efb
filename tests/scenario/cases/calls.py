# SPDX-License-Identifier: BSD-3-Clause
"""Calls as they come and go."""

from harness.expect import check, equal, wait
from harness.judge import nothing_left, over
from harness.scene import Scene
from harness.sip import sdp
from harness.topology import CARRIER, FAR, NAT, NODE
from harness.dialog import Manner

from . import scenario


def _talking(s):
    """Both SIPp phones talk: Redis says so. Returns the call's id."""
    call_id = s.node.wait_call("active")
    redis = s.node.redis
    for leg in "ab":
        wait(lambda: int(redis.media(call_id).get(leg + ".pkts", 0)) > 50, 10,
             "packets of leg %s do not grow in Redis" % leg, 0.3)
    call = redis.call(call_id)
    check("n01" in call["owner"], "owner of the call in Redis: %r" % call["owner"])
    equal(redis.due(), [call_id], "live calls in {P}:due")
    equal([c["id"] for c in s.node.calls()], [call_id], "calls of linewatchctl")
    return call_id


@scenario(20)
def call_ended_by_caller():
    """A call with real G.711 both ways; the caller hangs up."""
    with Scene() as s:
        b = s.sipp_bob("callee")
        a = s.sipp("carrier", "a", "caller", LOOPS=1)
        call_id = _talking(s)
        a.must_succeed(20)
        b.must_succeed(5)
        record = over(s, "normal", "caller")
        equal(record["id"], call_id, "call id in the CDR")
        check(s.wire.sip("BYE", src=NODE, dst=NAT), "no BYE reached Bob")
        bad = s.wire.malformed(NODE)
        check(not bad, "tshark finds our SIP malformed: %s" % bad[:3])
        a_leg, b_leg = s.wire.sip("INVITE", dst=NODE)[0].sip, s.wire.sip("INVITE", src=NODE)[0].sip
        check(a_leg.call_id != b_leg.call_id, "both legs share a Call-ID")
        equal(b_leg.media[0], NODE, "media address that Bob got")
        check(CARRIER not in b_leg.body, "the caller's address leaks into Bob's SDP")


@scenario(20)
def call_ended_by_callee():
    """A call with real G.711 both ways; the callee hangs up."""
    with Scene() as s:
        b = s.sipp_bob("callee", LOOPS=1)
        a = s.sipp("carrier", "a", "caller")
        _talking(s)
        b.must_succeed(20)
        a.must_succeed(5)
        over(s, "normal", "callee")
        check(s.wire.sip("BYE", src=NODE, dst=CARRIER), "no BYE reached the caller")


@scenario(8)
def call_cancelled():
    """The caller gives up while Bob's phone rings."""
    with Scene() as s:
        b = s.sipp_bob("callee_ring")
        a = s.sipp("carrier", "a", "caller_cancel")
        a.must_succeed(20)
        b.must_succeed(10)
        over(s, "cancel", "caller")


@scenario(8)
def callee_busy():
    """Bob is busy; the caller is told so."""
    with Scene() as s:
        b = s.sipp_bob("callee_busy")
        a = s.sipp("carrier", "a", "caller_refused", CODE=486)
        a.must_succeed(20)
        b.must_succeed(10)
        over(s, "busy", "callee")


@scenario(12)
def nobody_answers():
    """Bob's phone rings in vain; the ringing time ends the call."""
    with Scene({"sip": {"ring_timeout": 5}}) as s:
        b = s.sipp_bob("callee_ring")
        a = s.sipp("carrier", "a", "caller_refused", CODE=480)
        a.must_succeed(20)
        b.must_succeed(10)
        over(s, "no-answer", "linewatch")


@scenario(6)
def callee_unknown():
    """Calls to a user who is not there, and to one who does not exist."""
    with Scene() as s:
        a = s.carrier()
        a.call(s.bob_uri).wait_code(480)
        a.call("sip:nobody@example.net").wait_code(404)
        nothing_left(s)


@scenario(8)
def ended_by_operator():
    """`linewatchctl end` hangs up both parties."""
    with Scene() as s:
        up, down, _, _ = s.talk()
        call_id = s.node.wait_call("active")
        check(call_id in s.node.ctl_text("calls"), "the table of calls does not show the call")
        check(s.node.ctl_text("call", call_id), "linewatchctl call says nothing")
        s.node.ctl_text("end", call_id)
        up.wait_ended(3)
        down.wait_ended(3)
        check(up.heard("BYE")[0].get("Reason"), "the BYE carries no Reason")
        over(s, "operator", "operator")


@scenario(10)
def routed_to_a_trunk():
    """Bob calls out, with digest; the longest prefix picks the trunk."""
    with Scene({"trunks": [
            {"name": "carrier", "address": CARRIER + ":5060", "prefixes": ["", "00"]},
            {"name": "far", "address": FAR + ":5060", "prefixes": ["0049"]}]}) as s:
        near, far = s.carrier(), s.carrier(ip=FAR, user="far")
        bob = s.bob()
        call = bob.call("sip:004930123@example.net").wait_up()
        taken = far.wait_call()
        check("004930123" in taken.invite.uri, "Request-URI at the trunk: " + taken.invite.uri)
        media_b, media_f = s.rtp(bob, call), s.rtp(far, taken)
        wait(lambda: media_b.received > 10 and media_f.received > 10, 5, "no media both ways")
        call.bye().wait()
        taken.wait_ended(3)
        over(s, "normal", "caller")
        other = bob.call("sip:0033123@example.net").wait_up()
        near.wait_call()
        other.bye().wait()
        check(not near.incoming[0].invite.get("Authorization") and
              not near.incoming[0].invite.get("Proxy-Authorization"),
              "Bob's credentials went to the trunk")


@scenario(6)
def offer_too_short():
    """A Session-Expires below our minimum gets 422 with Min-SE."""
    with Scene() as s:
        s.bob()
        a = s.carrier()
        call = a.call(s.bob_uri, [("Session-Expires", "60")])
        call.wait_code(422)
        refusal = s.wire.wait_sip(3, "422", method="INVITE", code=422, src=NODE).sip
        equal(refusal.get("Min-SE"), "90", "Min-SE of the 422")
        nothing_left(s)


@scenario(8)
def callee_hangs_up_before_ack():
    """Bob hangs up before the caller's ACK: the caller is told after its ACK only."""
    with Scene() as s:
        a = s.carrier()
        bob = s.bob()
        held = []
        plain = a.transmit
        a.transmit = lambda data, to: held.append((data, to)) if data.startswith(b"ACK") else \
            plain(data, to)
        up = a.call(s.bob_uri).wait_up()
        down = bob.wait_call()
        wait(lambda: down.unacked is None, 5, "Bob got no ACK")
        down.bye().wait()
        wait(lambda: len(held) > 1, 5, "the 200 was not repeated")
        check(not up.ended, "BYE before ACK")
        a.transmit = plain
        plain(*held[-1])
        up.wait_ended(3)
        over(s, "normal", "callee")


@scenario(10)
def late_offer():
    """A caller whose SDP comes with the ACK."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob()
        plain = a.transmit

        def with_answer(data, to):
            if data.startswith(b"ACK"):
                text = data.decode().replace(
                    "Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\n"
                    "Content-Length: %d\r\n\r\n" % len(body) + body)
                data = text.encode()
            plain(data, to)

        body = sdp(CARRIER, a.media_port)
        a.transmit = with_answer
        up = a.call(s.bob_uri, body="").wait_up()
        check(up.media and up.media[0] == NODE, "the 200 offers no media of ours")
        down = bob.wait_call()
        wait(lambda: down.media, 5, "Bob got no SDP")
        media_a, media_b = s.rtp(a, up), s.rtp(bob, down)
        wait(lambda: media_a.received > 10 and media_b.received > 10, 5, "no media both ways")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(6)
def caller_without_media_lines():
    """An offer that cannot be understood is refused and harms nobody."""
    with Scene() as s:
        s.bob()
        a = s.carrier(Manner())
        for body in ("v=0\r\n", "hello\r\n", sdp(CARRIER, 30000).replace("30000", "99999")):
            call = a.call(s.bob_uri, body=body)
            wait(lambda: (call.code or 0) >= 400, 5, "a broken offer was not refused")
            check(call.code in (400, 488), "a broken offer got %d" % call.code)
        nothing_left(s)


@scenario(8)
def without_data_plane():
    """media: none for all: linewatch-cp runs alone and leaves the SDP as it is."""
    with Scene({"media": {"mode": "none"}, "dataplane": None}, start=False) as s:
        node = s.node
        node.net.ip(node.ns, "addr add %s/24 dev eth1" % NODE, "route add default via 192.0.2.1")
        node.redis.start()
        node.start_cp()
        node.wait_ready()
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        up = a.call("sip:+491@example.net").wait_up()
        down = far.wait_call()
        equal(down.media, (CARRIER, a.media_port), "media address that the callee got")
        equal(up.media, (FAR, far.media_port), "media address that the caller got")
        far.wait_call().bye().wait()
        up.wait_ended(3)
        record = node.wait_cdr()
        equal(record["cause"], "normal", "cause in the CDR")
        equal(record["media"], 0, "media in the CDR")
