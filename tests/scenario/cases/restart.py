# SPDX-License-Identifier: BSD-3-Clause
"""One of the programs dies in mid-call; the call does not."""

import threading
import time

from harness.expect import check, equal, hold, now, wait, within
from harness.judge import EARLIEST, LATEST, SE, over, relayed
from harness.scene import Scene
from harness.topology import FAR, PATIENT

from . import scenario


def _talk(s):
    up, down, media_a, media_b = s.talk()
    wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
    return up, down, media_a, media_b


def _refreshed(up, down):
    """Each leg gets its next refresh in time, with a CSeq above the ones before."""
    for call in (up, down):
        heard, request = call.wait_request("UPDATE", LATEST + 5)
        within(heard - call.up, EARLIEST, SE - 10, "time of the refresh at " + call.ua.name)
        numbers = [r.cseq[0] for _, r in call.requests]
        if not call.caller:
            numbers.insert(0, call.invite.cseq[0])
        check(all(x < y for x, y in zip(numbers, numbers[1:])), "CSeq at %s: %s" %
              (call.ua.name, numbers))
        check(request.has_token("Supported", "timer"), "the refresh lacks Supported: timer")


def _counted_once(record, *streams):
    """The packets in the CDR are those that the parties sent, whoever was restarted meanwhile."""
    for leg, stream in zip("ab", streams):
        within(record[leg + "_packets"], 0.5 * stream.sent, stream.sent,
               "packets of leg %s in the CDR" % leg)


@scenario(65)
def control_plane_restart():
    """kill -9 of linewatch-cp in mid-call: media never stops, the next refresh is in time with a
    higher CSeq, a later hang-up works."""
    with Scene() as s:
        up, down, media_a, media_b = _talk(s)
        call_id = s.node.wait_call("active")
        time.sleep(2)
        killed = time.time()
        s.node.cp.kill()
        time.sleep(3)
        s.node.start_cp()
        s.node.wait_ready()
        equal([c["id"] for c in s.node.calls()], [call_id], "calls after the restart")
        _refreshed(up, down)
        relayed(s, killed)
        before = int(s.node.redis.media(call_id)["b.pkts"])
        wait(lambda: int(s.node.redis.media(call_id)["b.pkts"]) > before, 5,
             "packets do not grow in Redis after the restart")
        up.bye().wait()
        down.wait_ended(3)
        record = over(s, "normal", "caller")
        equal(record["id"], call_id, "call id in the CDR")
        within(record["connected"], time.time() - up.up - 5, time.time() - up.up,
               "connected duration in s")
        _counted_once(record, media_a, media_b)


@scenario(70)
def control_plane_restart_then_silence():
    """After a restart of linewatch-cp a dead party is still found by silence."""
    with Scene() as s:
        up, down, media_a, media_b = _talk(s)
        time.sleep(2)
        s.node.restart_cp()
        s.node.wait_ready()
        time.sleep(3)
        check(not up.ended and not down.ended, "the restart ended the call")
        down.ua.mute = True
        media_b.to = None
        quiet = time.time()
        up.wait_ended(35)
        within(up.ended - quiet, 19, 30, "time from the silence to the BYE")
        over(s, "media-dead-b", "linewatch", timeout=40)


@scenario(20)
def control_plane_first():
    """linewatch-cp is started before there was ever a linewatch-dp, and says so; then calls work."""
    with Scene(start=False) as s:
        s.node.prepare_port()
        s.node.redis.start()
        s.node.start_cp()
        wait(lambda: s.node.ctl("status", check=False) or (s.node.cp.must_run() and False), 10,
             "linewatch-cp does not answer without a data plane")
        equal(s.node.status("dataplane.up"), False, "the data plane that was not started is up")
        s.node.start_dp()
        s.node.wait_ready()
        up, down, _, _ = _talk(s)
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(65)
def data_plane_restart():
    """kill -9 of linewatch-dp in mid-call: media comes back by itself, refresh in time, no BYE."""
    with Scene(nat_timeout=PATIENT) as s:
        up, down, media_a, media_b = _talk(s)
        bob = down.ua
        call_id = s.node.wait_call("active")
        time.sleep(2)
        media_a.mark()
        media_b.mark()
        s.node.restart_dp()
        when = now()
        for stream in (media_a, media_b):
            wait(lambda x=stream: x.last and x.silent_for() < 0.5, 10, "media did not come back")
        within(now() - when, 0, 5, "time until media is back in s")
        _refreshed(up, down)
        quiet = len(bob.strays)
        wait(lambda: len(bob.strays) > quiet, 12, "keep-alives did not come back")
        equal([c["id"] for c in s.node.calls()], [call_id], "calls after the restart")
        up.bye().wait()
        down.wait_ended(3)
        _counted_once(over(s, "normal", "caller"), media_a, media_b)


@scenario(65)
def redis_restart():
    """Redis is restarted in mid-call: the call goes on, all is written when it is back."""
    with Scene() as s:
        up, down, media_a, media_b = _talk(s)
        call_id = s.node.wait_call("active")
        s.node.redis.kill()
        hold(lambda: not up.ended and media_a.silent_for() < 1, 5, "the call suffered")
        second = up.ua.call(s.bob_uri).wait_up()
        down2 = down.ua.wait_call(count=2)
        s.node.redis.start()
        wait(lambda: len(s.node.redis.due()) == 2, 15, "the second call is not in Redis", 0.3)
        equal(s.node.redis.call(call_id)["st"], "active", "state of the call in Redis")
        second.bye().wait()
        down2.wait_ended(3)
        _refreshed(up, down)
        wait(lambda: int(s.node.redis.call(call_id)["a.proof_sip"]) / 1000 > up.up + EARLIEST, 5,
             "the refresh is not in Redis")
        up.bye().wait()
        down.wait_ended(3)
        s.node.wait_cdr(5, 2)
        equal(s.node.redis.due(), [], "live calls in {P}:due")


@scenario(25)
def redis_comes_back_empty():
    """Redis loses all its data in mid-call: the node writes its calls and bindings again."""
    with Scene(start=False) as s:
        s.node.redis.persistent = False
        s.node.start()
        up, down, _, _ = _talk(s)
        call_id = s.node.wait_call("active")
        s.node.redis.kill()
        time.sleep(1)
        s.node.redis.start()
        wait(lambda: s.node.redis.due() == [call_id], 20, "the call is not in Redis again", 0.3)
        wait(lambda: s.node.redis.call(call_id).get("st") == "active", 5,
             "the call is not active in Redis again", 0.3)
        wait(lambda: s.node.redis.keys("{p*}:reg:*:b:*"), 10, "the binding is not in Redis again")
        s.node.restart_cp()
        s.node.wait_ready()
        equal([c["id"] for c in s.node.calls()], [call_id], "calls after a restart on top of it")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


COUNT = 1000
THOUSAND = {
    # No media in most calls: their media clocks are off.
    "media": {"media_timeout": 0, "media_start_timeout": 0},
    "node": {"media_ports": "20000-25999"},
    "sip": {"max_calls": 5000},
}


def _establish(s, a, far, count):
    """`count` calls from trunk to trunk, as fast as they are answered."""
    calls = []
    for n in range(count):
        wait(lambda: sum(1 for c in calls[-64:] if not c.up and not c.code) < 48, 30,
             "calls are not answered", pause=0.002)
        calls.append(a.call("sip:+49%06d@example.net" % n))
    for call in calls:
        call.wait_up(30)
    wait(lambda: len(far.incoming) == count and all(c.up for c in far.incoming), 10,
         "not every call reached the far trunk")
    return calls


class Burst:
    """Lets so many refreshes get through to these phones and loses all others, so that none is
    through with them before it is closed, however slow the phones are."""

    def __init__(self, phones, count):
        self.left = count
        self._plain = [(ua, ua._on_request) for ua in phones]
        self._lock = threading.Lock()
        for ua, plain in self._plain:
            ua._on_request = lambda m, source, plain=plain: self._pass(m, source, plain)

    def _pass(self, m, source, plain):
        if m.method in ("UPDATE", "INVITE"):
            with self._lock:
                if self.left == 0:
                    return
                self.left -= 1
        plain(m, source)

    def close(self):
        for ua, plain in self._plain:
            ua._on_request = plain


def _thousand(restart):
    with Scene(THOUSAND, nat_timeout=PATIENT) as s:
        a = s.carrier(buffer=8 << 20)
        far = s.carrier(ip=FAR, user="far", buffer=8 << 20)
        calls = _establish(s, a, far, COUNT - 1)
        bob = s.bob()
        up, down, media_a, media_b = s.talk(a, bob)
        wait(lambda: media_a.received > 10 and media_b.received > 10, 8, "no media both ways")
        legs = calls + list(far.incoming) + [up, down]
        wait(lambda: len(s.node.redis.due()) == COUNT, 20, "not every call is in Redis", 0.5)
        spread = {i.split("-")[0] for i in s.node.redis.due()}
        check(len(spread) >= 200, "the calls are in %d partitions only" % len(spread))

        burst = Burst((a, far, bob), len(legs) // 3)
        wait(lambda: burst.left == 0, LATEST + 10, lambda _: "no refresh burst: %d are left" %
             burst.left, pause=0.01)
        killed = time.time()
        restart(s)
        burst.close()
        s.node.wait_ready(30)
        # Until every leg was refreshed a second time, after the restart at the latest.
        wait(lambda: all(c.ended or len(c.requests) >= 2 for c in legs), 100,
             lambda _: "%d of %d legs were not refreshed twice" %
             (sum(1 for c in legs if len(c.requests) < 2), len(legs)), pause=0.5)
        for call in legs:
            check(not call.ended, "a call was ended: %s" % call.call_id)
            times = [call.up] + [t for t, r in call.requests if r.method in ("UPDATE", "INVITE")]
            check(all(y - x < SE for x, y in zip(times, times[1:])),
                  "a leg went unconfirmed for %d s" % max(y - x for x, y in
                                                          zip(times, times[1:])))
            numbers = [r.cseq[0] for _, r in call.requests]
            if not call.caller:
                numbers.insert(0, call.invite.cseq[0])
            check(all(x < y for x, y in zip(numbers, numbers[1:])), "CSeq numbers %s" % numbers)
        equal(len(s.node.redis.due()), COUNT, "live calls in Redis")
        equal(len(s.node.calls()), COUNT, "calls of linewatchctl")
        if restart is _kill_cp:
            relayed(s, killed)
        check(media_a.silent_for() < 1 and media_b.silent_for() < 1, "media does not flow")
        # Hang-ups work: each call ends at both ends, once, with one record.
        for call in calls + [up]:
            call.bye()
        wait(lambda: all(c.ended for c in legs), 30, "not every BYE crossed")
        s.node.wait_cdr(30, COUNT)
        records = s.node.cdrs()
        equal(len({r["id"] for r in records}), COUNT, "calls in the CDR file")
        equal(len(records), COUNT, "records in the CDR file")
        equal({r["cause"] for r in records}, {"normal"}, "causes")


def _kill_cp(s):
    s.node.restart_cp()


def _kill_both(s):
    s.node.cp.kill()
    s.node.dp.kill()
    s.node.start_dp()
    s.node.start_cp()


@scenario(150, limit=330)
def thousand_calls_control_plane_killed():
    """1,000 calls, linewatch-cp killed in the middle of a refresh burst: all refreshed in time,
    CSeq rising, none lost, no BYE."""
    _thousand(_kill_cp)


@scenario(151, limit=330)
def thousand_calls_both_planes_killed():
    """1,000 calls, both planes killed in the middle of a refresh burst: all refreshed in time,
    CSeq rising, none lost, no BYE."""
    _thousand(_kill_both)


@scenario(15)
def orderly_stop():
    """SIGTERM and a new start: the calls are there again and end as usual."""
    with Scene() as s:
        up, down, media_a, media_b = _talk(s)
        call_id = s.node.wait_call("active")
        equal(s.node.cp.stop(10), 0, "exit code of linewatch-cp")
        check(not up.ended and not down.ended, "the stop ended the call")
        s.node.start_cp()
        s.node.wait_ready()
        equal([c["id"] for c in s.node.calls()], [call_id], "calls after the restart")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")
        equal(s.node.dp.stop(10), 0, "exit code of linewatch-dp")
