# SPDX-License-Identifier: BSD-3-Clause
"""Bob has several phones (CN-07), and callers who do not wait for ever (TX-15)."""

import time

from harness.dialog import Manner
from harness.expect import check, equal, wait
from harness.judge import over
from harness.scene import Scene
from harness.topology import BOB, NAT, NODE
from harness.ua import Ua

from . import scenario


def _sipp_phone(s, name, play, port, **more):
    """One of Bob's phones, played by SIPp on a port of its own."""
    s.sipp("bob", name + "-register", "register", port=port,
           user=("bob", "secret")).must_succeed(20)
    return s.sipp("bob", name, play, port=port, media_port=port + 2000, **more)


def _phone(s, port, **manner):
    phone = s.keep(Ua(s.topology.bob, BOB, port, "bob", Manner(**manner)))
    phone.credentials = ("bob", "secret")
    phone.media_port = port + 20000
    equal(phone.register("example.net").code, 200, "REGISTER")
    return phone


@scenario(12)
def every_phone_rings():
    """Two phones of Bob ring; one answers, the other is told that it did."""
    with Scene() as s:
        ringing = _sipp_phone(s, "desk", "callee_ring", 5070)
        taker = _sipp_phone(s, "mobile", "callee", 5080)
        a = s.sipp("carrier", "a", "caller", LOOPS=1)
        a.must_succeed(20)
        taker.must_succeed(10)
        ringing.must_succeed(10)
        over(s, "normal", "caller")
        cancel = s.wire.sip("CANCEL", src=NODE, dst=NAT)
        check(cancel and "completed elsewhere" in (cancel[0].sip.get("Reason") or ""),
              "the CANCEL does not say why")
        equal(len({m.sip.get("Call-ID") for m in s.wire.sip("INVITE", src=NODE, dst=NAT)}), 1,
              "Call-IDs of the INVITEs to Bob")


@scenario(12)
def two_answer_at_once():
    """Both phones answer: one has the call, the other is acknowledged and hung up."""
    with Scene() as s:
        phones = [_phone(s, 5070, ring=False), _phone(s, 5080, ring=False)]
        a = s.carrier()
        up = a.call(s.bob_uri).wait_up()
        downs = [p.wait_call() for p in phones]
        wait(lambda: sum(1 for d in downs if d.ended) == 1, 5, "one of both is hung up")
        equal([d.ended_by for d in downs if d.ended], ["peer"], "who hung up")
        time.sleep(1)
        equal(sum(1 for d in downs if d.ended), 1, "calls of Bob's that have ended")
        equal(len(s.node.calls()), 1, "calls")
        down = next(d for d in downs if not d.ended)
        up.bye()
        down.wait_ended(5)
        over(s, "normal", "caller")


@scenario(12)
def busy_on_one_phone():
    """One phone is busy, the other is answered after a while; when both are busy, the caller hears
    it."""
    with Scene() as s:
        busy = _phone(s, 5070, invite=486)
        other = _phone(s, 5080, invite=None)
        a = s.carrier()
        up = a.call(s.bob_uri)
        down = busy.wait_call()
        wait(lambda: down.code == 486 and up.code == 180, 5, "the other phone does not ring")
        time.sleep(1)
        equal(up.code, 180, "what the caller heard while a phone rings")
        other.answer(other.wait_call())
        up.wait_up().bye()
        over(s, "normal", "caller")
        other.manner.invite = 486
        a.call(s.bob_uri).wait_code(486)
        over(s, "busy", "callee", count=2)


@scenario(12)
def caller_gives_up_on_all():
    """The caller's CANCEL reaches every phone, and so does the end of his patience: 487 (TX-15)."""
    with Scene() as s:
        phones = [_phone(s, 5070, invite=None), _phone(s, 5080, invite=None)]
        a = s.carrier()
        call = a.call(s.bob_uri)
        for p in phones:
            p.wait_call()
        wait(lambda: call.code == 180, 5, "nobody rings")
        call.cancel()
        call.wait_code(487)
        for p in phones:
            wait(lambda: p.incoming[0].code == 487, 5, "a phone rings on")
        over(s, "cancel", "caller")
        begin = time.time()
        a.call(s.bob_uri, headers=[("Expires", "3")]).wait_code(487, 20)
        check(2.5 < time.time() - begin, "the call expired too early")
        for p in phones:
            wait(lambda: p.incoming[1].code == 487, 5, "a phone rings on")
        over(s, "no-answer", "linewatch", count=2)
