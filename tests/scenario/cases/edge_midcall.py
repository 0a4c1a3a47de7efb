# SPDX-License-Identifier: BSD-3-Clause
"""SIP at its edges, in an answered call and at its end."""

import time

from harness.config import DOMAIN
from harness.dialog import Manner
from harness.expect import check, equal, wait
from harness.judge import nothing_left, over
from harness.moves import connected, drop, ended_once
from harness.scene import Scene
from harness.sip import redirect, sdp
from harness.topology import FAR, NODE

from . import scenario

TRUNK_URI = "sip:+491@" + DOMAIN


@scenario(10)
def stopped_with_calls():
    """`linewatchctl stop --end-calls` tells everybody, takes no new calls, leaves nothing."""
    with Scene() as s:
        up, down = connected(s)
        down.manner.bye = None
        s.node.ctl_text("stop", "--end-calls")
        up.wait_ended(5)
        down.wait_ended(5)
        up.ua.call(s.bob_uri).wait_code(503)
        check(up.heard("BYE")[0].get("Reason"), "the BYE carries no Reason")
        s.node.cp.wait(15)
        equal(s.node.redis.due(), [], "live calls in {P}:due")
        s.node.start_cp()
        s.node.wait_ready()
        equal(s.node.wait_cdr(5)["cause"], "shutdown", "cause in the CDR")
        equal(s.node.calls(), [], "calls after a new start")


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
        up, down = connected(s)
        down.manner.reinvite = None
        hold_it = up.reinvite(redirect(up.sdp, "sendonly"))
        down.wait_request("INVITE", 5)
        equal(up.bye().wait(5).code, 200, "answer to BYE")
        equal(hold_it.wait(5).code, 487, "answer to the re-INVITE")
        ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def bye_before_ack_of_reinvite():
    """The caller hangs up without an ACK for the 200 to its re-INVITE."""
    with Scene() as s:
        up, down = connected(s)
        drop(up.ua, "ACK")
        equal(up.reinvite(up.sdp).wait(5).code, 200, "answer to the re-INVITE")
        equal(up.bye().wait(5).code, 200, "answer to BYE")
        ended_once(down)
        over(s, "normal", "caller")
        again, other = connected(s, s.carrier(ip=FAR, user="far"), down.ua)
        again.bye().wait(5)
        ended_once(other)


@scenario(10)
def reinvite_glare():
    """Bob re-INVITEs while ours is open at his phone: 491; later it works."""
    with Scene() as s:
        up, down = connected(s)
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
        ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def update_with_offer():
    """Hold and resume by UPDATE, from either side."""
    with Scene() as s:
        up, down = connected(s)
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
        ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def update_with_offer_not_implemented():
    """Bob lists UPDATE, but answers 501: the offer goes out as re-INVITE, nobody is hung up."""
    with Scene() as s:
        up, down = connected(s)
        down.manner.update = 501
        final = up.request("UPDATE", sdp(up.ua.ip, up.ua.media_port, 2, "sendonly")).wait(8)
        equal(final.code, 200, "answer to UPDATE")
        equal(down.heard("INVITE")[-1].direction, "sendonly", "direction that crossed")
        check(not up.ended and not down.ended, "the call was ended")
        up.bye().wait(5)
        ended_once(down)
        over(s, "normal", "caller")


@scenario(12)
def refused_reoffers():
    """Whatever Bob answers to an offer in mid-call, the call stays, and no challenge and no 422
    of his reaches the caller."""
    with Scene() as s:
        up, down = connected(s)
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
        ended_once(down)
        over(s, "normal", "caller")


@scenario(10)
def requests_in_dialog():
    """OPTIONS is answered here, INFO crosses with its body in the other leg's CSeq space, other
    methods are refused; none of them hurts."""
    with Scene() as s:
        up, down = connected(s)
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


@scenario(20)
def control_plane_restart_while_ending():
    """kill -9 while a BYE waits for its answer: the party is told again, one record."""
    with Scene() as s:
        up, down = connected(s)
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
        up, down = connected(s, b=s.bob(Manner(allow="INVITE, ACK, CANCEL, BYE, OPTIONS")))
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
        ended_once(down)
        over(s, "normal", "caller")
