# SPDX-License-Identifier: BSD-3-Clause
"""SIP at its edges until a call is answered: what crosses, comes twice, too early or never."""

import time

from harness import sip
from harness.config import DOMAIN
from harness.dialog import Manner
from harness.expect import check, equal, hold, wait, within
from harness.judge import nothing_left, over
from harness.moves import before, connected, drop, ended_once, ringing
from harness.scene import Scene
from harness.sip import sdp
from harness.topology import CARRIER, FAR

from . import scenario

TRUNK_URI = "sip:+491@" + DOMAIN


@scenario(8)
def cancel_crosses_answer():
    """Bob answers while the CANCEL is on its way: he gets ACK and BYE, the caller its 487."""
    with Scene() as s:
        up, down = ringing(s)
        before("CANCEL", down, lambda: down.ua.answer(down))
        equal(up.cancel().wait(5).code, 200, "answer to CANCEL")
        up.wait_code(487)
        wait(lambda: down.up and not down.unacked, 5, "the 200 that crossed was not ACKed")
        ended_once(down)
        over(s, "cancel", "caller")


@scenario(8)
def cancel_crosses_bad_answer():
    """The 200 that crosses the CANCEL lacks a Contact: ACK and BYE all the same, nothing stays."""
    with Scene() as s:
        up, down = ringing(s)

        def answer():
            m = sip.Message("SIP/2.0 200 OK", [
                ("Via", down.invite.get("Via")), ("From", down.invite.get("From")),
                ("To", down.invite.get("To") + ";tag=" + down.local_tag),
                ("Call-ID", down.call_id), ("CSeq", down.invite.get("CSeq"))])
            down.up = time.time()
            down.unacked = (m.bytes(), time.time() + 0.5, 0.5, down.source)
            down.ua.transmit(m.bytes(), down.source)

        before("CANCEL", down, answer)
        up.cancel()
        up.wait_code(487)
        wait(lambda: not down.unacked, 5, "the 200 was not ACKed")
        ended_once(down)
        over(s, "cancel", "caller")


@scenario(8)
def answer_without_contact():
    """A 200 without a Contact gets ACK and BYE in its dialog; the caller is refused."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob(Manner(ring=False))

        plain = bob._answer

        def without_contact(request, data, source):
            if request.method == "INVITE":
                data = b"\r\n".join(line for line in data.split(b"\r\n")
                                    if not line.startswith(b"Contact"))
            plain(request, data, source)

        bob._answer = without_contact
        up = a.call(s.bob_uri)
        up.wait_code(488)
        down = bob.wait_call()
        ended_once(down)
        equal(down.heard("BYE")[0].tag("To"), down.local_tag, "To tag of the BYE")
        over(s, "bad-offer")


@scenario(8)
def bye_while_ringing():
    """A caller that ends a ringing call by BYE instead of CANCEL: 200, 487, and CANCEL to Bob."""
    with Scene() as s:
        up, down = ringing(s)
        equal(up.bye().wait(5).code, 200, "answer to BYE")
        up.wait_code(487)
        wait(lambda: down.heard("CANCEL"), 5, "no CANCEL at Bob")
        over(s, "cancel", "caller")


@scenario(10)
def answer_repeated():
    """Each copy of Bob's 200 gets an ACK of its own, before and after the hang-up."""
    with Scene() as s:
        acks, copies = [], []
        a, bob = s.carrier(), s.bob(Manner(invite=None))
        hear, say = bob._on_request, bob.transmit

        def note(m, source):
            if m.method == "ACK":
                acks.append(m)
            hear(m, source)

        def count(data, to):  # a slow machine makes Bob repeat his 200 by himself
            if data.startswith(b"SIP/2.0 200") and b" INVITE\r\n" in data:
                copies.append(data)
            say(data, to)

        bob._on_request, bob.transmit = note, count
        up = a.call(s.bob_uri)
        down = bob.wait_call()
        bob.answer(down)
        data = down.unacked[0]
        up.wait_up()
        wait(lambda: acks, 5, "no ACK")
        for _ in range(2):
            bob.transmit(data, down.source)
            wait(lambda: len(acks) == len(copies), 5, "a copy of the 200 was not ACKed")
        equal(len({m.branch for m in acks}), len(copies), "branches of the ACKs")
        equal({m.cseq[0] for m in acks}, {down.invite.cseq[0]}, "CSeq of the ACKs")
        up.bye().wait(5)
        ended_once(down)
        over(s, "normal", "caller")
        bob.transmit(data, down.source)
        wait(lambda: len(acks) == len(copies), 5, "a copy after the hang-up was not ACKed")


@scenario(12)
def invite_repeated():
    """Copies of an INVITE, while it rings, after the answer, the ACK and the BYE, open no second
    call."""
    with Scene() as s:
        up, down = ringing(s)
        data = up.invite.bytes()

        def again():
            for _ in range(3):
                up.ua.transmit(data, up.ua.node)
            equal(up.ua.call("sip:nobody@" + DOMAIN).invite.method, "INVITE", "a later call")
            wait(lambda: all(c.code for c in up.ua.calls.values()), 5, "no answers")

        again()
        down.ua.answer(down)
        up.wait_up()
        again()
        equal(len(s.node.calls()), 1, "calls")
        up.bye().wait(5)
        ended_once(down)
        again()
        equal(len(down.ua.incoming), 1, "calls that reached Bob")
        over(s, "normal", "caller")


@scenario(45)
def ack_lost():
    """No ACK ever comes: after 32 s both parties are told."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob()
        drop(a, "ACK")
        up = a.call(s.bob_uri).wait_up()
        down = bob.wait_call()
        up.wait_ended(36)
        ended_once(down)
        within(up.ended - up.up, 31, 34, "time until the BYE")
        over(s, "no-ack", "linewatch")


@scenario(10)
def forked_answer():
    """A second 200 with another tag gets ACK and BYE of its own; the call goes on."""
    with Scene() as s:
        up, down = connected(s)
        bob = down.ua
        other = sip.token()
        twin = sip.Message("SIP/2.0 200 OK", [
            ("Via", down.invite.get("Via")), ("From", down.invite.get("From")),
            ("To", down.invite.get("To") + ";tag=" + other), ("Call-ID", down.call_id),
            ("CSeq", down.invite.get("CSeq")), ("Contact", "<sip:fork@%s:5060>" % bob.ip),
            ("Content-Type", "application/sdp")], sdp(bob.ip, 31000))
        bob.transmit(twin.bytes(), bob.node)
        wait(lambda: [m for m in down.heard("BYE") if m.tag("To") == other], 5,
             "no BYE for the fork")
        check("sip:fork@" in down.heard("BYE")[0].uri, "the BYE went to the wrong target")
        down.ended = None
        equal(up.request("OPTIONS").wait(5).code, 200, "OPTIONS in the call")
        up.bye().wait(5)
        wait(lambda: [m for m in down.heard("BYE") if m.tag("To") == down.local_tag], 5,
             "no BYE for the call")
        over(s, "normal", "caller")


@scenario(10)
def callee_wants_longer_session():
    """422 of the callee is met once by a longer interval, and not for ever."""
    with Scene({"session": {"SS_SIP_SESSION_TTL": 90}}) as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        wanted = [("Min-SE", "120")]

        def refuse(call, m):
            if int(m.get("Min-SE", "90")) >= 120 and wanted[0][1] == "120":
                return 200
            far.respond(call, m, 422, call.source, headers=wanted)
            return None

        far.manner.invite = refuse
        far.manner.ring = False
        up = a.call(TRUNK_URI).wait_up()
        first, second = [c.invite for c in far.incoming]
        equal(second.cseq[0], first.cseq[0] + 1, "CSeq of the second INVITE")
        equal(second.get("Min-SE"), "120", "Min-SE of the second INVITE")
        check(second.session_expires[0] >= 120, "Session-Expires of the second INVITE")
        up.bye().wait(5)
        over(s, "normal", "caller")
        wanted[0] = ("Min-SE", "100000")
        a.call(TRUNK_URI).wait_code(500)
        within(len(far.incoming) - 2, 1, 3, "INVITEs to a callee that always answers 422")
        nothing_left(s)


@scenario(15)
def callee_refuses():
    """What the caller is told for each refusal of the callee; nothing is left of any."""
    with Scene() as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        table = ((503, 500), (404, 404), (302, 480), (401, 500), (407, 500), (486, 486),
                 (600, 486), (603, 603), (480, 480), (408, 480), (488, 488), (500, 500))
        for code, told in table:
            far.manner.invite = code
            up = a.call(TRUNK_URI)
            up.wait_code(told, 5)
        s.node.wait_cdr(10, len(table))
        nothing_left(s)
        for down in far.incoming:
            check(not down.invite.get("Authorization"), "credentials went to the callee")
        equal(s.node.status("calls.answered"), 0, "answered calls")


@scenario(10)
def early_media_then_bare_answer():
    """183 with SDP, then 200 without: the preview is the answer, for both."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob(Manner(invite=None, ring=False))
        up = a.call(s.bob_uri)
        down = bob.wait_call()
        bob.respond(down, down.invite, 183, down.source, down.sdp)
        wait(lambda: up.media, 5, "the caller sees no SDP in the 183")
        equal(up.code, 183, "ringing code")
        bob.respond(down, down.invite, 180, down.source)
        wait(lambda: up.code == 180, 5, "no 180")
        bare = down.sdp
        down.sdp = ""
        bob.answer(down)
        down.sdp = bare
        up.wait_up()
        media_a, media_b = s.rtp(a, up), s.rtp(bob, down)
        wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
        up.bye().wait(5)
        ended_once(down)
        over(s, "normal", "caller")


@scenario(12)
def odd_invites():
    """INVITEs that must be refused, each with its code, and one with a multipart body."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob(Manner(invite=486))

        def first(code, headers=(), body=None, drop=()):
            call = a.call.__func__
            plain = a.send
            a.send = lambda m, to=None: None
            up = call(a, s.bob_uri, headers, body)
            a.send = plain
            up.invite.headers = [h for h in up.invite.headers if h[0] not in drop] + [
                h for h in headers if h[0] in drop]
            final = a.send(up.invite).wait(5)
            equal(final.code, code, "answer to an INVITE with %s" % (headers or drop,))
            return final

        final = first(420, [("Require", "teleport, timer")])
        equal(final.get("Unsupported"), "teleport", "Unsupported")
        first(400, drop=("Contact",))
        first(400, [("Contact", "<sip:second@%s>" % CARRIER)])
        first(400, [("Contact", "*")], drop=("Contact",))
        final = first(415, [("Content-Type", "text/plain")], "hello", ("Content-Type",))
        equal(final.get("Accept"), "application/sdp", "Accept of the 415")
        parts = ("--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\n"
                 "Content-Type: application/sdp\r\n\r\n" + sdp(CARRIER, 30000) + "\r\n--x--\r\n")
        kind = [("Content-Type", "multipart/mixed;boundary=x")]
        first(486, kind, parts, ("Content-Type",))
        check(bob.incoming[-1].invite.get("Content-Type") == "application/sdp",
              "more than the SDP crossed")
        first(400, [("Content-Type", "multipart/mixed")], parts, ("Content-Type",))
        nothing_left(s)


@scenario(12)
def ended_by_operator_while_ringing():
    """`linewatchctl end` of a call that rings: 480 and CANCEL."""
    with Scene() as s:
        up, down = ringing(s)
        s.node.ctl_text("end", s.node.wait_call("early"))
        up.wait_code(480)
        wait(lambda: down.heard("CANCEL"), 5, "no CANCEL at Bob")
        check(down.heard("CANCEL")[0].get("Reason"), "the CANCEL carries no Reason")
        over(s, "operator", "operator")


@scenario(8)
def call_limit():
    """Above max_calls new calls get 503 and nobody else is harmed."""
    with Scene({"sip": {"max_calls": 2}}) as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        calls = [a.call(TRUNK_URI).wait_up() for _ in range(2)]
        third = a.call(TRUNK_URI)
        third.wait_code(503)
        equal(len(far.incoming), 2, "calls that reached the far trunk")
        calls[0].bye().wait(5)
        wait(lambda: len(s.node.calls()) == 1, 5, "the call stays")
        a.call(TRUNK_URI).wait_up().bye().wait(5)
        calls[1].bye().wait(5)
        nothing_left(s)


@scenario(70)
def short_calls_leave_nothing():
    """200 short calls of all kinds: every port and every transaction comes back."""
    with Scene() as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        count = 200
        kinds = [200, 486, None, 404]
        far.manner.invite = lambda call, m: kinds[int(m.uri.split("@")[0][-3:]) % 4]
        for first in range(0, count, 20):
            calls = [a.call("sip:+49%03d@%s" % (first + n, DOMAIN)) for n in range(20)]
            for n, call in enumerate(calls):
                kind = kinds[(first + n) % 4]
                wait(lambda c=call, k=kind: c.up or c.code == (k or 180), 10,
                     lambda _, c=call: "a call has %s" % c.code)
                (call.cancel if kind is None else call.bye if kind == 200 else bool)()
        s.node.wait_cdr(20, count)
        nothing_left(s)
        equal(len(s.node.cdrs()), count, "records")
        for gauge in ("sip.servers_open", "sip.clients_open"):
            wait(lambda g=gauge: s.node.status(g) == 0, 45,
                 lambda _, g=gauge: "%s: %d" % (g, s.node.status(g)), 0.5)
        hold(lambda: s.node.status("dataplane.flows") == 0, 1, "flows stay in the data plane")


@scenario(15)
def control_plane_restart_while_ringing():
    """kill -9 while Bob's phone rings: the call is over; his late answer gets ACK and BYE."""
    with Scene({"sip": {"ring_timeout": 10}}) as s:
        up, down = ringing(s)
        s.node.wait_call("early")
        s.node.restart_cp()
        s.node.wait_ready()
        down.ua.answer(down)
        ended_once(down, 10)
        check(not down.unacked, "the late 200 was not ACKed")
        equal(up.cancel().wait(5).code, 481, "CANCEL of a call that is gone")
        over(s, "node-failure", timeout=20)
