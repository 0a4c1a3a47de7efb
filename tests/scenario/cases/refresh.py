# SPDX-License-Identifier: BSD-3-Clause
"""Session timers (RFC 4028) at its smallest interval, 90 s."""

import time

from harness.expect import check, equal, hold, wait, within
from harness.judge import EARLIEST, LATEST, answered, over, refreshed, refreshes
from harness.scene import Scene
from harness.sipp import NO_UPDATES, SUPPORTED, UPDATES
from harness.topology import CARRIER, NAT, NODE
from harness.dialog import Manner

from . import scenario


def _no_bye(s):
    check(not s.wire.sip("BYE", src=NODE), "a living call got a BYE")


@scenario(105)


def refreshed_by_update():
    """Both legs are refreshed by UPDATE, twice, in time and confirmed."""
    with Scene() as s:
        b = s.sipp_bob("callee")
        a = s.sipp("carrier", "a", "caller")
        call_id = s.node.wait_call("active")
        before = s.node.redis.call(call_id)
        for count, deadline in ((1, 55), (2, 55)):
            for ip in (CARRIER, NAT):
                s.wire.wait_sip(deadline, "UPDATE %d towards %s" % (count, ip), count,
                                method="UPDATE", src=NODE, dst=ip)
        for ip in (CARRIER, NAT):
            for packet in refreshed(s, ip, "UPDATE", 2):
                equal(packet.sip.body, "", "body of an UPDATE that only refreshes")
            check(not refreshes(s, ip, "INVITE"), "a re-INVITE beside the UPDATEs")
        after = s.node.redis.call(call_id)
        for leg in "ab":
            check(int(after[leg + ".proof_sip"]) > int(before[leg + ".proof_sip"]),
                  "last SIP proof of leg %s did not move in Redis" % leg)
        check(int(after["exp_ms"]) > int(before["exp_ms"]) + 80000, "exp_ms did not move on")
        _no_bye(s)
        for phone in (a, b):
            check(phone.running(), "%s ended early" % phone.name)
        s.node.ctl_text("end", call_id)
        a.must_succeed(5)
        b.must_succeed(5)


@scenario(60)


def refreshed_by_reinvite():
    """Parties that do not allow UPDATE are refreshed by re-INVITE with their SDP unchanged."""
    with Scene() as s:
        fill = {"HEADERS": NO_UPDATES + "\n" + SUPPORTED}
        b = s.sipp_bob("callee", **fill)
        a = s.sipp("carrier", "a", "caller", **fill)
        call_id = s.node.wait_call("active")
        first = {CARRIER: s.wire.sip("INVITE", code=200, src=NODE, dst=CARRIER)[0].sip,
                 NAT: s.wire.sip("INVITE", src=NODE, dst=NAT)[0].sip}
        for ip in (CARRIER, NAT):
            wait(lambda: refreshes(s, ip, "INVITE"), 55, "no re-INVITE towards " + ip)
        for ip in (CARRIER, NAT):
            packet, = refreshed(s, ip, "INVITE")
            equal(packet.sip.origin, first[ip].origin, "o= line of the refresh towards " + ip)
            equal(packet.sip.media, first[ip].media, "media of the refresh towards " + ip)
            s.wire.wait_sip(5, "ACK of the re-INVITE's 200", method="ACK", src=NODE, dst=ip,
                            cseq=packet.sip.cseq[0])
            check(not refreshes(s, ip, "UPDATE"), "an UPDATE to a party that does not allow it")
        _no_bye(s)
        s.node.ctl_text("end", call_id)
        a.must_succeed(5)
        b.must_succeed(5)


@scenario(55)


def refresh_refused_481():
    """Bob has lost the dialog: both parties are hung up at once."""
    with Scene() as s:
        up, down, _, _ = s.talk(callee=s.bob(Manner(update=481)))
        refused = s.wire.wait_sip(55, "481", method="UPDATE", code=481, src=NAT)
        up.wait_ended(3)
        bye = s.wire.wait_sip(5, "BYE", method="BYE", src=NODE, dst=CARRIER)
        within(bye.time - refused.time, 0, 1, "time from the 481 to the caller's BYE")
        check(up.heard("BYE")[0].get("Reason"), "the BYE carries no Reason")
        over(s, "refresh-481", "linewatch")


@scenario(60)


def refresh_refused_405():
    """Bob does not know UPDATE after all: the refresh is done by re-INVITE instead."""
    with Scene() as s:
        up, down, _, _ = s.talk(callee=s.bob(Manner(update=405)))
        first, _ = down.wait_request("UPDATE", 55)
        second, _ = down.wait_request("INVITE", 5)
        within(second - first, 0, 2, "time from the 405 to the re-INVITE")
        up.wait_request("UPDATE", 5)
        hold(lambda: not up.ended and not down.ended, 5, "the call was ended")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(105)


def update_unanswered():
    """A silent UPDATE is followed by a re-INVITE, and the call lives on."""
    with Scene() as s:
        up, down, _, _ = s.talk(callee=s.bob(Manner(update=None)))
        first, _ = down.wait_request("UPDATE", 55)
        second, _ = down.wait_request("INVITE", 40)
        within(second - first, 31, 34, "time from the silent UPDATE to the re-INVITE")
        hold(lambda: not up.ended and not down.ended, max(0, 95 - (time.time() - down.up)),
             "the refreshed call was ended")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(105)


def mute_with_media():
    """Bob's SIP is dead while his media goes on: the interval's end ends the call."""
    with Scene() as s:
        bob = s.bob()
        up, down, _, _ = s.talk(callee=bob)
        bob.mute = True
        up.wait_ended(100)
        within(up.ended - answered(s, NAT), 88, 92, "time from the answer to the BYE")
        record = over(s, "session-timeout", "linewatch")
        check(record["media_live"], "the CDR does not flag the living media")
        reason = up.heard("BYE")[0].get("Reason") or ""
        check("408" in reason and "Session timeout" in reason, "Reason of the BYE: " + reason)


@scenario(110)


def mute_with_grace():
    """SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP 5: an attempt goes on beyond the end, then the BYE."""
    with Scene({"session": {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": 5}}) as s:
        bob = s.bob()
        up, down, _, _ = s.talk(callee=bob)
        bob.mute = True
        up.wait_ended(105)
        within(up.ended - answered(s, NAT), 93, 97, "time from the answer to the BYE")
        since = answered(s, NAT)
        late = [p for m in ("UPDATE", "INVITE") for p in s.wire.sip(m, src=NODE, dst=NAT)
                if 90 <= p.time - since <= 95]
        check(late, "no attempt went on beyond the end of the interval")
        over(s, "session-timeout", "linewatch")


@scenario(70)


def peer_refresher_silent():
    """The caller wants to refresh and never does: one refresh of ours, then BYE in time."""
    with Scene() as s:
        a = s.carrier(Manner(update=None, reinvite=None))
        up, down, _, _ = s.talk(a, headers=[("Session-Expires", "90;refresher=uac")])
        since = answered(s, CARRIER)
        ok = s.wire.sip("INVITE", code=200, src=NODE, dst=CARRIER)[0].sip
        equal(ok.session_expires, (90, "uac"), "Session-Expires of our 200")
        check(ok.has_token("Require", "timer"), "no Require: timer in our 200")
        heard, request = up.wait_request("UPDATE", 40)
        within(heard - since, 29, 31.5, "time of our own refresh")
        check(request.session_expires, "our own refresh carries no Session-Expires")
        down.wait_ended(40)
        within(down.ended - since, 58.5, 61.5, "time from the answer to the BYE")
        over(s, "session-timeout", "linewatch", timeout=40)


@scenario(70)


def peer_refresher_active():
    """The caller refreshes in time: we answer locally and send nothing of our own."""
    with Scene() as s:
        up, down, _, _ = s.talk(headers=[("Session-Expires", "90;refresher=uac")])
        for _ in range(2):
            time.sleep(25)
            final = up.request("UPDATE", headers=[("Session-Expires", "90;refresher=uac")]).wait(3)
            equal(final.code, 200, "answer to the caller's refresh")
            equal(final.session_expires, (90, "uac"), "Session-Expires of our answer")
            check(not final.get("Min-SE"), "Min-SE in a 2xx")
        check(not up.heard("UPDATE") and not up.heard("INVITE"), "we refreshed the caller's leg")
        equal(len(down.heard("UPDATE")), 1, "refreshes on Bob's leg")
        check(not down.heard("INVITE"), "the caller's refresh crossed to Bob")
        up.bye().wait()
        down.wait_ended(3)


@scenario(75)


def caller_without_timer():
    """A caller without session timers: media goes on, the no-timer limit ends the call."""
    with Scene() as s:
        b = s.sipp_bob("callee")
        a = s.sipp("carrier", "a", "caller", HEADERS=UPDATES, TIMER="")
        s.node.wait_call("active")
        a.must_succeed(75)
        b.must_succeed(5)
        bye = s.wire.sip("BYE", src=NODE, dst=CARRIER)[0]
        within(bye.time - answered(s, CARRIER), 59, 62, "time from the answer to the BYE")
        over(s, "no-timer-limit", "linewatch")
        check(not s.wire.sip("INVITE", code=200, dst=CARRIER)[0].sip.has_token("Require", "timer"),
              "Require: timer towards a caller without it")
        refreshed(s, NAT, "UPDATE")


@scenario(60)


def independent_legs():
    """Each leg has an interval of its own: nothing of the negotiation crosses."""
    with Scene({"session": {"SS_SIP_SESSION_TTL": 180}}) as s:
        up, down, _, _ = s.talk(headers=[("Session-Expires", "90;refresher=uas")])
        equal(s.wire.sip("INVITE", code=200, dst=CARRIER)[0].sip.session_expires, (90, "uas"),
              "Session-Expires towards the caller")
        equal(down.invite.session_expires[0], 180, "Session-Expires offered to Bob")
        heard, _ = up.wait_request("UPDATE", 55)
        within(heard - up.up, EARLIEST, LATEST, "time of the caller's refresh")
        hold(lambda: not down.heard("UPDATE"), 5, "Bob was refreshed as well")
        up.bye().wait()
        down.wait_ended(3)
