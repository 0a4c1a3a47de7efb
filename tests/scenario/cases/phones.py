# SPDX-License-Identifier: BSD-3-Clause
"""Real phone programs behind the NAT: what others understand by SIP."""

import re

from harness import topology
from harness.baresip import Baresip
from harness.expect import check, equal, hold, wait, within
from harness.judge import EARLIEST, LATEST, over, refreshes
from harness.linphone import Linphone
from harness.scene import Scene
from harness.topology import NAT, NODE

from . import scenario

# Neither phone supports session timers: their legs are refreshed all the same. And Linphone glues
# a keep-alive without a line end to the message that follows.
WATCHED = {"session": {"no_timer_probe": "refresh", "SS_SIP_NO_TIMER_REINVITE_INTERVAL": 0},
           "keepalive": {"SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "HELLO\\r\\n"}}


def _registered(s, algorithm):
    """The phone is registered, with a digest of that algorithm; the binding is where it is."""
    binding, = wait(s.node.bindings, 15, "the phone does not register")
    check("bob" in binding["aor"], "binding of linewatchctl: %r" % binding)
    proof = [p.sip.get("Authorization") for p in s.wire.sip("REGISTER", src=NAT)][-1]
    named = re.search(r"algorithm=([\w-]+)", proof or "")
    equal(named.group(1) if named else "MD5", algorithm, "algorithm of the digest")


def _both_ways(s, call_id):
    """The packets of both legs grow in Redis."""
    redis = s.node.redis
    before = redis.media(call_id)
    for leg in "ab":
        start = int(before.get(leg + ".pkts", 0))
        wait(lambda k=leg + ".pkts", n=start: int(redis.media(call_id).get(k, 0)) > n + 20, 10,
             "packets of leg %s do not grow in Redis" % leg, 0.3)


def _heard(phone):
    wait(lambda: phone.heard() > 1000, 5, "%s heard only silence" % phone.name)


def _refreshed(s, since, method):
    """The phone's leg is refreshed in time, and the phone agrees."""
    def look():
        return [p for p in refreshes(s, NAT, method) if p.sip.session_expires]
    refresh = wait(look, LATEST + 5, "the phone's leg is not refreshed by " + method)[0]
    within(refresh.time - since, EARLIEST, LATEST, "time of the refresh")
    s.wire.wait_sip(5, "200 to the refresh", method=method, code=200, src=NAT,
                    cseq=refresh.sip.cseq[0], since=refresh.time)


def _life_of_a_call(s, phone, method):
    """The carrier calls; they talk; the phone holds, resumes, is refreshed and hangs up."""
    a = s.carrier()
    up = a.call(s.bob_uri).wait_up()
    media = s.rtp(a, up)
    call_id = s.node.wait_call("active")
    _both_ways(s, call_id)
    for count, act, direction in ((1, phone.hold, "sendonly"), (2, phone.resume, "sendrecv")):
        act()
        _, offer = up.wait_request("INVITE", 5, count)
        equal(offer.direction, direction, "direction that the caller is offered")
        hold(lambda: not up.ended, 2, "the call was ended")
    _both_ways(s, call_id)
    _refreshed(s, s.wire.sip("INVITE", code=200, src=NODE, dst=NAT)[-1].time, method)
    _both_ways(s, call_id)
    phone.hang_up()
    up.wait_ended(5)
    record = over(s, "normal", "callee")
    equal(record["id"], call_id, "call id in the CDR")
    check(media.received > 500, "the caller heard %d packets" % media.received)
    _heard(phone)
    check(not s.wire.malformed(NODE), "tshark finds our SIP malformed")


@scenario(70)
def phone_baresip():
    """baresip registers with MD5, is called, talks, holds, resumes, is refreshed, hangs up."""
    with Scene(WATCHED) as s:
        phone = s.keep(Baresip(s.topology.bob, topology.BOB, s.folder))
        _registered(s, "MD5")
        _life_of_a_call(s, phone, "INVITE")


@scenario(70)
def phone_linphone():
    """Linphone registers with SHA-256, is called, talks, holds, resumes, is refreshed, hangs
    up."""
    with Scene({**WATCHED, "sip": {"md5_only": False}}) as s:
        phone = s.keep(Linphone(s.topology.bob, s.folder))
        _registered(s, "SHA-256")
        _life_of_a_call(s, phone, "UPDATE")


@scenario(20)
def phone_calls_phone():
    """baresip calls Linphone, both behind the same NAT; each holds and resumes; Linphone hangs
    up."""
    with Scene(WATCHED) as s:
        carol = s.keep(Baresip(s.topology.home_host("carol", topology.CAROL), topology.CAROL,
                               s.folder, "carol"))
        bob = s.keep(Linphone(s.topology.bob, s.folder))
        wait(lambda: len(s.node.bindings()) == 2, 15, "the phones do not register")
        carol.dial(s.bob_uri)
        call_id = s.node.wait_call("active")
        _both_ways(s, call_id)
        offers = 0
        for phone in (bob, carol):
            for act, direction in ((phone.hold, "sendonly"), (phone.resume, "sendrecv")):
                act()
                offers += 1
                offer = s.wire.wait_sip(5, "offer to the other phone", offers + 1, method="INVITE",
                                        src=NODE)
                equal(offer.sip.direction, direction, "direction that the other is offered")
                hold(s.node.calls, 2, "the call was ended")
        _both_ways(s, call_id)
        bob.hang_up()
        over(s, "normal", "callee")
        _heard(carol)
        _heard(bob)
        check(not s.wire.malformed(NODE), "tshark finds our SIP malformed")
