# SPDX-License-Identifier: BSD-3-Clause
"""Two clocks, one verdict: many calls whose SIP and media die together."""

import random
import struct
import time
from collections import Counter

from harness.expect import check, equal, hold, wait
from harness.judge import nothing_left
from harness.scene import Scene
from harness.topology import FAR, NODE

from . import scenario

COUNT = 100
SPREAD = 4        # seconds in which the calls are set up
INTERVAL = 90     # Session-Expires: runs out so long after each answer
PROBE = 4         # a probe of ours stays unanswered so long
SILENCE = 50
MUTE = INTERVAL - SILENCE - PROBE  # after half of the answers: so media is found dead in the middle


def _speak(stream, calls, sequence):
    for n, call in enumerate(calls):
        packet = struct.pack("!BBHII", 0x80, 8, sequence & 0xffff, sequence * 160, n + 1)
        stream.sock.sendto(packet + random.randbytes(160), call.media)


def _until(moment, *sides):
    """Every party of every call speaks once a second, after a start that is quick to learn."""
    sequence = 1
    while time.time() < moment:
        for stream, calls in sides:
            _speak(stream, calls, sequence)
        sequence += 1
        time.sleep(0.1 if sequence < 10 else 1)


def _dialogs(packets):
    """The numbers of the requests in each dialog, repeats left out."""
    found = {}
    for p in packets:
        found.setdefault(p.sip.get("Call-ID"), set()).add(p.sip.cseq[0])
    return found


@scenario(110)
def hundred_calls_die_twice():
    """LV-09: SIP and media of 100 calls die at one moment, so that either clock may be first: each
    call ends once, at both parties, for one reason, which CDR and Redis agree on."""
    with Scene({"media": {"media_timeout": SILENCE, "probe_timeout": PROBE}}) as s:
        a = s.carrier(buffer=8 << 20)
        far = s.carrier(ip=FAR, user="far", buffer=8 << 20)
        calls = []
        began = time.time()
        for n in range(COUNT):
            calls.append(a.call("sip:+49%06d@example.net" % n))
            time.sleep(max(0, began + SPREAD * (n + 1) / COUNT - time.time()))
        for call in calls:
            call.wait_up(30)
        wait(lambda: len(far.incoming) == COUNT and all(c.up for c in far.incoming), 10,
             "not every call reached the far trunk")
        middle = sorted(c.up for c in calls)[COUNT // 2]
        _until(middle + MUTE, (s.rtp(a), calls), (s.rtp(far), far.incoming))
        a.mute = far.mute = True
        heard = [c for c in s.node.redis.due() if s.node.redis.media(c).get("a.pkts")]
        equal(len(heard), COUNT, "calls with media")
        s.node.wait_cdr(INTERVAL, COUNT)
        nothing_left(s)
        # What the other clock had in hand is over, too.
        hold(lambda: len(s.node.cdrs()) == COUNT, SPREAD, "a second record of some call")
        records = s.node.cdrs()
        equal(len({r["id"] for r in records}), COUNT, "calls in the CDR file")
        causes = Counter(r["cause"] for r in records)
        check(set(causes) <= {"session-timeout", "media-dead-a", "media-dead-b",
                              "media-dead-both"}, "causes: %s" % causes)
        check(10 <= causes["session-timeout"] <= COUNT - 10,
              "only one of the clocks was first: %s" % causes)
        for record in records:
            equal(record["by"], "linewatch", "who ended it")
            equal(s.node.redis.call(record["id"]).get("why"), record["cause"], "cause in Redis")
        byes = _dialogs(s.wire.requests("BYE", src=NODE))
        equal(len(byes), 2 * COUNT, "dialogs that got a BYE")
        check(all(len(numbers) == 1 for numbers in byes.values()), "a dialog got two BYEs")
