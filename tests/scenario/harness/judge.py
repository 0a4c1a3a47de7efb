# SPDX-License-Identifier: BSD-3-Clause
"""What several scenes assert: how a call ended, how its legs were refreshed."""

from .expect import check, equal, wait, within
from .topology import NODE

# The smallest interval: RFC 4028's floor, half of it, and how early a refresh may be (5 %).
SE = 90
HALF = SE / 2
EARLIEST = 0.95 * HALF - 1
LATEST = HALF + 1


def cause(record, name, by=None):
    equal(record["cause"], name, "cause in the CDR")
    if by:
        equal(record["by"], by, "who ended it, in the CDR")


def over(scene, name, by=None, timeout=10, count=1):
    """The call has ended with that cause, in the CDR and in Redis, and left nothing behind.
    Returns its record."""
    record = scene.node.wait_cdr(timeout, count)
    cause(record, name, by)
    redis = scene.node.redis
    wait(lambda: record["id"] not in redis.due(), 5, "the ended call is still in {P}:due", 0.2)
    left = redis.call(record["id"])
    equal(left.get("st"), "ended", "state of the ended call in Redis")
    equal(left.get("why"), name, "cause in Redis")
    nothing_left(scene)
    return record


def nothing_left(scene):
    wait(lambda: not scene.node.calls(), 5, "linewatchctl still lists the call", 0.2)
    wait(lambda: scene.node.status("media_ports.used") == 0, 5, "media ports are still held", 0.2)
    scene.node.must_run()


def honest(record, alive):
    """The proven duration is shorter than the connected one, and about `alive` seconds."""
    check(record["proven"] < record["connected"], "proven %.1f s is not shorter than connected "
          "%.1f s" % (record["proven"], record["connected"]))
    within(record["proven"], alive - 2, alive + 2, "proven duration in s")


def rising(requests, what):
    """CSeq numbers of our requests only rise."""
    numbers = [r.sip.cseq[0] for r in requests]
    check(all(a < b for a, b in zip(numbers, numbers[1:])), "CSeq of %s: %s" % (what, numbers))


def answered(scene, ip, since=0):
    """When the node and this party agreed on the call: the 2xx to the first INVITE."""
    found = scene.wire.sip("INVITE", code=200, dst=ip, since=since) or \
        scene.wire.sip("INVITE", code=200, src=ip, since=since)
    check(found, "no 200 to the INVITE of %s on the wire" % ip)
    return found[0].time


def refreshes(scene, ip, method):
    """Our refreshes on the leg of that party, without repeats."""
    return [p for p in scene.wire.requests(method, src=NODE, dst=ip) if p.sip.tag("To")]


def refreshed(scene, ip, method, count=1):
    """The leg was refreshed `count` times, each half an interval after it was last confirmed,
    and each was answered. Returns the refreshes."""
    found = refreshes(scene, ip, method)
    check(len(found) >= count, "%d refreshes by %s towards %s, expected %d" %
          (len(found), method, ip, count))
    confirmed = answered(scene, ip)
    for packet in found[:count]:
        within(packet.time - confirmed, EARLIEST, LATEST, "time of a refresh towards " + ip)
        m = packet.sip
        check(m.has_token("Supported", "timer"), "a refresh without Supported: timer")
        check(m.session_expires and m.session_expires[0] >= SE,
              "Session-Expires of a refresh: %r" % (m.session_expires,))
        equal(m.session_expires[1], "uac", "refresher in our refresh")
        confirmed = scene.wire.wait_sip(5, "200 to the refresh towards " + ip, method=method,
                                        code=200, src=ip, cseq=m.cseq[0], since=packet.time).time
    rising(found, "the refreshes towards " + ip)
    return found


def relayed(scene, since, lost=0, late=0.5):
    """Every RTP packet that reached the node since then left it again: at most `lost` did not,
    none took longer than `late` seconds and the longest time for which the machine kept the data
    plane, by its own word. This asks the wire, not the phones, whose threads may be busy
    elsewhere."""
    late += loop_gap(scene)
    wire = [p for p in scene.wire.all() if p.rtp and p.time >= since]
    left = {}
    for p in wire:
        if p.src[0] == NODE:
            left.setdefault(p.payload, p.time)
    arrived = [p for p in wire if p.dst[0] == NODE and p.time < wire[-1].time - 1]
    check(len(arrived) > 20, "only %d RTP packets reached the node" % len(arrived))
    gone = [p for p in arrived if p.payload not in left]
    check(len(gone) <= lost, "%d of %d RTP packets were not relayed" % (len(gone), len(arrived)))
    delay = max((left[p.payload] - p.time for p in arrived if p.payload in left), default=0)
    check(delay <= late, "an RTP packet took %.3f s" % delay)


def loop_gap(s):
    """The data plane's longest loop gap, in s; capture and scheduling add a little."""
    return s.node.status("dataplane.loop_gap_max_us") / 1e6 + 0.05
