# SPDX-License-Identifier: BSD-3-Clause
"""SIP at its edges: requests that cross, come twice, come too early or never."""

import time

from harness import sip
from harness.config import DOMAIN
from harness.dialog import Manner
from harness.expect import check, equal, hold, wait, within
from harness.judge import nothing_left, over
from harness.scene import Scene
from harness.sip import redirect, sdp
from harness.topology import CARRIER, FAR, NODE

from . import scenario

TRUNK_URI = "sip:+491@" + DOMAIN


def _ringing(s):
    """A call that rings at Bob's and is not answered: (caller's call, callee's call)."""
    a, bob = s.carrier(), s.bob(Manner(invite=None))
    up = a.call(s.bob_uri)
    down = bob.wait_call()
    wait(lambda: up.code == 180, 5, "the caller hears no ringing")
    return up, down


def _answered_in_place_of(method, call, answer):
    """When that request reaches the call's phone, answer() is called first."""
    plain = call.ua._on_request

    def hook(m, source):
        if m.method == method and m.call_id == call.call_id:
            call.ua._on_request = plain
            answer()
        plain(m, source)

    call.ua._on_request = hook


def _drop(ua, method):
    """The phone's requests of that method are lost; returns how to end that."""
    plain = ua.transmit
    word = method.encode()
    ua.transmit = lambda data, to: None if data.startswith(word) else plain(data, to)
    return lambda: setattr(ua, "transmit", plain)


def _ended_once(call, timeout=5):
    """Exactly one BYE reached the phone."""
    call.wait_ended(timeout)
    equal(len(call.heard("BYE")), 1, "BYEs at " + call.ua.name)


def _up(s, a=None, b=None):
    """An answered call without media."""
    a, b = a or s.carrier(), b or s.bob()
    n = len(b.incoming)
    up = a.call(s.bob_uri).wait_up()
    down = b.wait_call(count=n + 1)
    wait(lambda: down.up and not down.unacked, 5, "Bob got no ACK")
    return up, down


@scenario(8)
def cancel_crosses_answer():
    """Bob answers while the CANCEL is on its way: he gets ACK and BYE, the caller its 487."""
    with Scene() as s:
        up, down = _ringing(s)
        _answered_in_place_of("CANCEL", down, lambda: down.ua.answer(down))
        equal(up.cancel().wait(5).code, 200, "answer to CANCEL")
        up.wait_code(487)
        wait(lambda: down.up and not down.unacked, 5, "the 200 that crossed was not ACKed")
        _ended_once(down)
        over(s, "cancel", "caller")


@scenario(8)
def cancel_crosses_bad_answer():
    """The 200 that crosses the CANCEL lacks a Contact: ACK and BYE all the same, nothing stays."""
    with Scene() as s:
        up, down = _ringing(s)

        def answer():
            m = sip.Message("SIP/2.0 200 OK", [
                ("Via", down.invite.get("Via")), ("From", down.invite.get("From")),
                ("To", down.invite.get("To") + ";tag=" + down.local_tag),
                ("Call-ID", down.call_id), ("CSeq", down.invite.get("CSeq"))])
            down.up = time.time()
            down.unacked = (m.bytes(), time.time() + 0.5, 0.5, down.source)
            down.ua.transmit(m.bytes(), down.source)

        _answered_in_place_of("CANCEL", down, answer)
        up.cancel()
        up.wait_code(487)
        wait(lambda: not down.unacked, 5, "the 200 was not ACKed")
        _ended_once(down)
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
        _ended_once(down)
        equal(down.heard("BYE")[0].tag("To"), down.local_tag, "To tag of the BYE")
        over(s, "bad-offer")


@scenario(15)
def bye_from_both_sides():
    """Both parties hang up at the same moment, again and again: one record each."""
    with Scene() as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        count = 30
        calls = [a.call(TRUNK_URI).wait_up() for _ in range(count)]
        wait(lambda: len([c for c in far.incoming if c.up and not c.unacked]) == count, 5,
             "not every call is up")
        partner = {c.invite.call_id: c for c in far.incoming}
        equal(len(partner), count, "calls at the far trunk")
        finals = []
        for up, down in zip(calls, far.incoming):
            finals += [up.bye(), down.bye()]
        for final in finals:
            check(final.wait(5).code in (200, 481), "a BYE got %d" % final.final.code)
        s.node.wait_cdr(10, count)
        nothing_left(s)
        records = s.node.cdrs()
        equal(len(records), count, "records")
        equal({r["cause"] for r in records}, {"normal"}, "causes")


@scenario(10)
def bye_in_pending_reinvite():
    """The caller hangs up while its re-INVITE waits for Bob: 200 and 487, Bob is told once."""
    with Scene() as s:
        up, down = _up(s)
        down.manner.reinvite = None
        hold_it = up.reinvite(redirect(up.sdp, "sendonly"))
        down.wait_request("INVITE", 5)
        equal(up.bye().wait(5).code, 200, "answer to BYE")
        equal(hold_it.wait(5).code, 487, "answer to the re-INVITE")
        _ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def bye_before_ack_of_reinvite():
    """The caller hangs up without an ACK for the 200 to its re-INVITE."""
    with Scene() as s:
        up, down = _up(s)
        _drop(up.ua, "ACK")
        equal(up.reinvite(up.sdp).wait(5).code, 200, "answer to the re-INVITE")
        equal(up.bye().wait(5).code, 200, "answer to BYE")
        _ended_once(down)
        over(s, "normal", "caller")
        again, other = _up(s, s.carrier(ip=FAR, user="far"), down.ua)
        again.bye().wait(5)
        _ended_once(other)


@scenario(10)
def reinvite_glare():
    """Bob re-INVITEs while ours is open at his phone: 491; later it works."""
    with Scene() as s:
        up, down = _up(s)
        seen = []
        down.manner.reinvite = lambda call, m: seen.append(m)
        ours = up.reinvite(redirect(up.sdp, "sendonly"))
        wait(lambda: seen, 5, "the re-INVITE did not cross")
        equal(down.reinvite(redirect(down.sdp, "inactive")).wait(5).code, 491,
              "answer to Bob's re-INVITE")
        equal(up.request("INVITE", redirect(up.sdp, "inactive")).wait(5).code, 500,
              "answer to a second re-INVITE of the caller")
        down.ua.respond(down, seen[0], 200, down.ua.node,
                        redirect(sdp(down.ua.ip, down.ua.media_port), "recvonly"))
        equal(ours.wait(5).code, 200, "answer to the re-INVITE")
        down.manner.reinvite = 200
        wait(lambda: not down.unacked, 5, "no ACK")
        equal(down.reinvite(redirect(sdp(down.ua.ip, down.ua.media_port, version=5),
                                     "inactive")).wait(5).code, 200, "Bob's second re-INVITE")
        check(not up.ended and not down.ended, "the call was ended")
        up.bye().wait(5)
        _ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def update_with_offer():
    """Hold and resume by UPDATE, from either side."""
    with Scene() as s:
        up, down = _up(s)
        version = 1
        for one, other in ((up, down), (down, up)):
            for direction in ("sendonly", "sendrecv"):
                version += 1
                body = sdp(one.ua.ip, one.ua.media_port, version, direction)
                before = len(other.heard("UPDATE"))
                final = one.request("UPDATE", body).wait(5)
                equal(final.code, 200, "answer to UPDATE")
                crossed = other.heard("UPDATE")
                equal(len(crossed), before + 1, "UPDATEs that crossed")
                equal(crossed[-1].direction, direction, "direction that crossed")
                check(crossed[-1].media[0] == NODE, "the other's address leaks")
        up.bye().wait(5)
        _ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def update_with_offer_not_implemented():
    """Bob lists UPDATE, but answers 501: the offer goes out as re-INVITE, nobody is hung up."""
    with Scene() as s:
        up, down = _up(s)
        down.manner.update = 501
        final = up.request("UPDATE", sdp(up.ua.ip, up.ua.media_port, 2, "sendonly")).wait(8)
        equal(final.code, 200, "answer to UPDATE")
        equal(down.heard("INVITE")[-1].direction, "sendonly", "direction that crossed")
        check(not up.ended and not down.ended, "the call was ended")
        up.bye().wait(5)
        _ended_once(down)
        over(s, "normal", "caller")


@scenario(12)
def refused_reoffers():
    """Whatever Bob answers to an offer in mid-call, the call stays, and no challenge and no 422
    of his reaches the caller."""
    with Scene() as s:
        up, down = _up(s)
        version = 1
        for code, told in ((488, 488), (401, 500), (422, 500), (503, 503), (302, 488),
                           (606, 606)):
            version += 1
            down.manner.reinvite = code
            final = up.request("INVITE", sdp(up.ua.ip, up.ua.media_port, version,
                                             "sendonly")).wait(5)
            equal(final.code, told, "told to the caller when Bob answers %d" % code)
        down.manner.reinvite = 200
        equal(up.reinvite(sdp(up.ua.ip, up.ua.media_port, version + 1)).wait(5).code, 200,
              "a re-INVITE after all that")
        check(not up.ended and not down.ended, "the call was ended")
        up.bye().wait(5)
        _ended_once(down)
        over(s, "normal", "caller")


@scenario(12)
def invite_repeated():
    """Copies of an INVITE, while it rings, after the answer, the ACK and the BYE, open no second
    call."""
    with Scene() as s:
        up, down = _ringing(s)
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
        _ended_once(down)
        again()
        equal(len(down.ua.incoming), 1, "calls that reached Bob")
        over(s, "normal", "caller")


@scenario(45)
def ack_lost():
    """No ACK ever comes: after 32 s both parties are told."""
    with Scene() as s:
        a, bob = s.carrier(), s.bob()
        _drop(a, "ACK")
        up = a.call(s.bob_uri).wait_up()
        down = bob.wait_call()
        up.wait_ended(36)
        _ended_once(down)
        within(up.ended - up.up, 31, 34, "time until the BYE")
        over(s, "no-ack", "linewatch")


@scenario(10)
def forked_answer():
    """A second 200 with another tag gets ACK and BYE of its own; the call goes on."""
    with Scene() as s:
        up, down = _up(s)
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
        plain = far._on_request

        def forget(m, source):
            # A repeated INVITE of the same Call-ID is a new transaction for the phone.
            if m.method == "INVITE" and m.call_id in far.calls and not m.tag("To"):
                if (m.branch, "INVITE") not in far._done:
                    del far.calls[m.call_id]
            plain(m, source)

        far._on_request = forget
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
        _ended_once(down)
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


@scenario(10)
def requests_in_dialog():
    """OPTIONS is answered here, INFO crosses with its body in the other leg's CSeq space, other
    methods are refused; none of them hurts."""
    with Scene() as s:
        up, down = _up(s)
        equal(up.request("OPTIONS").wait(5).code, 200, "OPTIONS")
        equal(down.request("OPTIONS").wait(5).code, 200, "OPTIONS of Bob")
        check(not down.heard("OPTIONS"), "OPTIONS crossed")
        plain = down.ua._on_request
        answer = [200]

        def info(m, source):
            if m.method == "INFO":
                down.requests.append((time.time(), m))
                down.ua.respond(down, m, answer[0], source)
            else:
                plain(m, source)

        down.ua._on_request = info
        m = up.message("INFO", "Signal=5\r\n")
        m.set("Content-Type", "application/dtmf-relay")
        equal(up.ua.send(m).wait(5).code, 200, "INFO")
        crossed = down.heard("INFO")[0]
        equal((crossed.get("Content-Type"), crossed.body),
              ("application/dtmf-relay", "Signal=5\r\n"), "INFO that crossed")
        answer[0] = 405
        equal(up.request("INFO").wait(5).code, 405, "INFO that Bob does not take")
        for method, codes in (("MESSAGE", (405,)), ("REFER", (405,)), ("PRACK", (481,)),
                              ("FOO", (405, 501))):
            check(up.request(method).wait(5).code in codes, method + " in the dialog")
        equal(up.request("UPDATE", headers=[("Require", "teleport")]).wait(5).code, 420,
              "UPDATE with an unknown Require")
        low = up.message("OPTIONS", cseq=1)
        equal(up.ua.send(low).wait(5).code, 500, "a CSeq that falls")
        check(not up.ended and not down.ended, "the call was ended")
        answer[0] = 481
        check(up.request("INFO").wait(5).code >= 400, "INFO in a dialog that Bob has lost")
        up.wait_ended(3)
        over(s, "probe-481")


@scenario(12)
def ended_by_operator_while_ringing():
    """`linewatchctl end` of a call that rings: 480 and CANCEL."""
    with Scene() as s:
        up, down = _ringing(s)
        s.node.ctl_text("end", s.node.wait_call("early"))
        up.wait_code(480)
        wait(lambda: down.heard("CANCEL"), 5, "no CANCEL at Bob")
        check(down.heard("CANCEL")[0].get("Reason"), "the CANCEL carries no Reason")
        over(s, "operator", "operator")


@scenario(15)
def control_plane_restart_while_ringing():
    """kill -9 while Bob's phone rings: the call is over; his late answer gets ACK and BYE."""
    with Scene({"sip": {"ring_timeout": 10}}) as s:
        up, down = _ringing(s)
        s.node.wait_call("early")
        s.node.restart_cp()
        s.node.wait_ready()
        down.ua.answer(down)
        _ended_once(down, 10)
        check(not down.unacked, "the late 200 was not ACKed")
        equal(up.cancel().wait(5).code, 481, "CANCEL of a call that is gone")
        over(s, "node-failure", timeout=20)


@scenario(20)
def control_plane_restart_while_ending():
    """kill -9 while a BYE waits for its answer: the party is told again, one record."""
    with Scene() as s:
        up, down = _up(s)
        call_id = s.node.wait_call("active")
        down.manner.bye = None
        up.bye().wait(5)
        down.wait_request("BYE", 5)
        wait(lambda: s.node.redis.call(call_id).get("st") == "ending", 5, "not ending in Redis")
        s.node.cp.kill()
        down.manner.bye = 200
        s.node.start_cp()
        s.node.wait_ready()
        wait(lambda: len({m.cseq for m in down.heard("BYE")}) > 1, 8, "Bob is not told again")
        over(s, "normal", "caller")
        equal(len(s.node.cdrs()), 1, "records")


@scenario(60)
def control_plane_restart_in_reinvite():
    """kill -9 while Bob's 200 to our re-INVITE is under way: its copy is ACKed by the next
    process."""
    with Scene() as s:
        up, down = _up(s, b=s.bob(Manner(allow="INVITE, ACK, CANCEL, BYE, OPTIONS")))
        s.node.wait_call("active")
        killed, acks = [], []
        plain = down.ua._on_request

        def note(m, source):
            if m.method == "ACK":
                acks.append(m.cseq[0])
            plain(m, source)

        def answer(call, m):
            if not killed:
                killed.append(m.cseq[0])
                s.node.cp.kill()
                return 200
            return 491

        down.ua._on_request = note
        down.manner.reinvite = answer
        down.wait_request("INVITE", 50)
        wait(lambda: killed, 5, "no re-INVITE")
        s.node.start_cp()
        s.node.wait_ready()
        wait(lambda: killed[0] in acks, 10, "the 200 was never ACKed")
        check(not up.ended and not down.ended, "the call was ended")
        up.bye().wait(5)
        _ended_once(down)
        over(s, "normal", "caller")


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
