# SPDX-License-Identifier: BSD-3-Clause
"""Registrations, and keeping the way to them open."""

import time

from harness.expect import check, equal, hold, wait, within
from harness.judge import loop_gap
from harness.netns import udp_socket
from harness.scene import Scene
from harness.sip import Message
from harness.topology import BOB, CARRIER, FAR, NAT, NODE, PATIENT

from . import scenario

PERIOD = 10
INTERVAL = 0.5


def _period_kept(times, slack, what):
    """No wait between two messages longer than PERIOD + SEND_INTERVAL and what the data plane
    itself reports as its longest gap."""
    check(len(times) >= 2, "too few keep-alives: " + what)
    for a, b in zip(times, times[1:]):
        within(b - a, PERIOD - INTERVAL - slack, PERIOD + INTERVAL + slack, what)


@scenario(55)
def keepalive_through_nat():
    """Keep-alives arrive behind the NAT at the configured period; Bob stays reachable long after
    the NAT's time-out."""
    with Scene(nat_timeout=15) as s:
        bob = s.bob()
        inside = s.capture(s.topology.bob, "eth0", "bob")
        start = time.time()
        time.sleep(4 * PERIOD + 2)
        seen = [p for p in inside.all() if p.payload == b"HELLO"]
        check(all(p.src == (NODE, 5060) for p in seen), "keep-alives from another address")
        within(seen[0].time - start, -1, PERIOD + INTERVAL + 1, "first keep-alive after")
        _period_kept([p.time for p in seen], loop_gap(s), "time between keep-alives at Bob's")
        check(len(bob.strays) >= 4, "Bob's socket got no keep-alives")
        a = s.carrier()
        up = a.call(s.bob_uri).wait_up()
        bob.wait_call()
        up.bye().wait()


@scenario(45)
def keepalive_of_listed_devices():
    """400 devices that never register: each gets one message each period, evenly spread, from the
    first on."""
    count = 400
    devices = ["%s:%d" % (CARRIER, 10000 + n) for n in range(count)]
    with Scene({"bindings": devices}) as s:
        for n in range(count):  # nobody answers with ICMP
            s.keep(udp_socket(s.topology.carrier, CARRIER, 10000 + n))
        start = time.time()
        time.sleep(3 * PERIOD + 3)
        seen = {}
        for p in s.wire.all():
            if p.payload == b"HELLO" and p.time > start:
                seen.setdefault(p.dst, []).append(p.time)
        equal(len(seen), count, "devices that got keep-alives")
        slack = loop_gap(s)
        for times in seen.values():
            longest = max(b - a for a, b in zip(times, times[1:]))
            within(longest, 0, PERIOD + INTERVAL + slack, "longest time without a keep-alive")
            _period_kept([t for t in times if t > start + PERIOD + 1], slack,
                         "time between keep-alives of a device")
        first = sorted(times[0] for times in seen.values())
        burst = max(sum(1 for t in first if at <= t < at + INTERVAL) for at in first)
        check(burst <= 3 * count / (PERIOD / INTERVAL),
              "%d of %d keep-alives within one interval" % (burst, count))


@scenario(42)
def registration_expires():
    """After its expiry a binding gets no calls and no keep-alives, and is gone from Redis."""
    with Scene({"keepalive": {"SS_SIP_NAT_KEEP_ALIVE_PERIOD": 10}}) as s:
        bob = s.bob(expires=20)
        registered = time.time()
        binding, = s.node.bindings()
        check("bob" in binding["aor"], "binding of linewatchctl: %r" % binding)
        keys = s.node.redis.keys("{p*}:reg:*bob*")
        check(keys, "no binding in Redis")
        stored = [k for k in keys if ":b:" in k]
        check(any(NAT in v for k in stored for v in s.node.redis.hash(k).values()),
              "the source address of the REGISTER is not in Redis")
        a = s.carrier()
        call = a.call(s.bob_uri).wait_up()
        bob.wait_call()
        call.bye().wait()
        time.sleep(max(0, registered + 21.5 - time.time()))
        a.call(s.bob_uri).wait_code(480)
        check(not s.node.bindings(), "the expired binding is still listed")
        wait(lambda: not s.node.redis.keys("{p*}:reg:*:b:*"), 5, "the binding is still in Redis")
        quiet = time.time()
        hold(lambda: True, PERIOD + 2, "")
        check(not [p for p in s.wire.all() if p.payload == b"HELLO" and p.time > quiet],
              "keep-alives to an expired binding")


@scenario(10)
def register_refused():
    """Wrong password, unknown user, too short an expiry, removal."""
    with Scene({"sip": {"md5_only": False}}) as s:
        bob = s.bob(register=False)
        codes = []
        for user in (("bob", "wrong"), ("mallory", "secret")):
            bob.credentials = user
            codes.append(bob.register("example.net").code)
        check(codes[0] == codes[1] and codes[0] in (401, 403),
              "wrong password and unknown user got %s" % codes)
        check(not s.node.bindings(), "a refused registration left a binding")
        bob.credentials = ("bob", "secret")
        short = bob.register("example.net", expires=2)
        equal(short.code, 423, "answer to an expiry of 2 s")
        equal(short.get("Min-Expires"), "5", "Min-Expires")
        final = bob.register("example.net")
        equal(final.code, 200, "answer to a good REGISTER")
        check(bob.contact in final.get("Contact"), "our 200 changes the phone's Contact")
        equal(len(s.node.bindings()), 1, "bindings")
        equal(bob.register("example.net", expires=0).code, 200, "answer to the removal")
        check(not s.node.bindings(), "the removed binding is still listed")


def _reachable(s):
    binding, = s.node.bindings()
    return binding["reachable"]


@scenario(100)
def keepalive_by_options():
    """KA-02, KA-04: Bob answers OPTIONS, whatever the code, and stays alive; silent, he is
    unreachable until he answers again. The kernel sees none of it."""
    with Scene({"keepalive": {"payload": "options", "missed": 2}}, nat_timeout=PATIENT) as s:
        bob = s.bob()
        bob.options = 404
        wait(lambda: len(bob.asked) >= 2, 2 * PERIOD + 2, "no OPTIONS behind the NAT")
        wait(lambda: s.node.status("dataplane.answers") >= 2, 2, "answers are not matched")
        _, asked = bob.asked[0]
        equal(asked.cseq, (1, "OPTIONS"), "CSeq")
        check("sip:keepalive@" in asked.get("From"), "From has no user")
        check(asked.branch != bob.asked[1][1].branch, "two requests of one branch")
        check(s.node.bindings()[0]["heard_s"] <= PERIOD, "the answer did not stamp the binding")
        equal(s.node.status("dataplane.answers_refused"), 0, "refused answers")
        bob.options = None
        wait(lambda: not _reachable(s), 4 * PERIOD, "silent, and yet reachable")
        bob.options = 486
        wait(lambda: _reachable(s), PERIOD + 2, "answered, and yet unreachable")
        # Another data plane knows of no loss, hence of no end of it.
        bob.options = None
        wait(lambda: not _reachable(s), 4 * PERIOD, "silent again, and yet reachable")
        s.node.restart_dp()
        bob.options = 486
        wait(lambda: _reachable(s), PERIOD + 2, "unreachable for ever after a restart")


@scenario(40)
def keepalive_by_stun():
    """Devices of a class, known by their User-Agent, get STUN; their answers are matched."""
    classes = [{"name": "soft", "user_agents": ["Softphone"], "payload": "stun", "missed": 2}]
    with Scene({"keepalive_classes": classes}) as s:
        bob = s.bob(register=False)
        bob.agent, bob.stun = "Softphone/1.0", True
        equal(bob.register("example.net").code, 200, "answer to REGISTER")
        wait(lambda: len(bob.strays) >= 2, 2 * PERIOD + 2, "no keep-alives behind the NAT")
        check(all(len(d) == 20 for _, d in bob.strays), "other payloads than STUN")
        wait(lambda: s.node.status("dataplane.answers") >= 2, 2, "answers are not matched")
        check(_reachable(s), "answering, and yet unreachable")
        equal(s.node.status("dataplane.answers_refused"), 0, "refused answers")


@scenario(30)
def keepalive_survives_control_plane():
    """With the control plane dead, the data plane goes on with the keep-alives."""
    with Scene() as s:
        bob = s.bob()
        s.node.cp.kill()
        dead = time.time()
        wait(lambda: len([t for t, _ in bob.strays if t > dead]) >= 2, 2 * PERIOD + 3,
             "keep-alives stopped with the control plane")
        s.node.start_cp()
        s.node.wait_ready()
        equal(len(s.node.bindings()), 1, "bindings after the restart")
        up = s.carrier().call(s.bob_uri).wait_up()
        bob.wait_call()
        up.bye().wait()


@scenario(45)
def keepalive_batch_too_small():
    """A fixed SEND_ONE_TIME that cannot cover all bindings in the period: one warning a minute, a
    counter, and the smallest value that would do in the status."""
    devices = ["%s:%d" % (CARRIER, 10000 + n) for n in range(45)]
    with Scene({"bindings": devices,
                "keepalive": {"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 1}}) as s:
        wait(lambda: s.node.status("dataplane.keepalive_short") >= 10, 20,
             "batches that were cut short are not counted")
        equal(s.node.status("dataplane.keepalive_needed"), 3, "smallest value that would do")
        check("keepalive_needed" in s.node.ctl_text("status"), "no line of it in the status")
        lines = [line for line in s.node.dp.text().splitlines() if "is too small" in line]
        equal(len(lines), 1, "warnings within a minute")
        check("45 bindings do not fit into the period; 3 would do, or auto" in lines[0], lines[0])
        sent = [p.dst for p in s.wire.all() if p.payload == b"HELLO"]
        check(max(map(sent.count, sent)) <= 2, "a device got more than its turn")


def _heard_since(s, when):
    """The binding was heard after that moment; the answer is in whole seconds, and takes time."""
    asked = time.time()
    return asked - s.node.bindings()[0]["heard_s"] > when - 2


@scenario(80)
def binding_is_heard():
    """Any packet from a binding stamps it, a keep-alive of its own (KA-05) as well as SIP, and no
    other address does: linewatchctl tells at once, and Redis in its next batch, within a minute."""
    with Scene() as s:
        registered = time.time()
        bob = s.bob()
        time.sleep(4)
        key, = [k for k in s.node.redis.keys("{p*}:reg:*bob*") if ":b:" in k]
        stranger = s.keep(udp_socket(s.topology.bob, BOB, 5099))
        stranger.sendto(b"\r\n\r\n", (NODE, 5060))
        time.sleep(1)
        heard = s.node.bindings()[0]["heard_s"]
        within(heard, 4, time.time() - registered, "seconds since the REGISTER")
        sent = time.time()
        bob.transmit(b"\r\n\r\n", (NODE, 5060))
        wait(lambda: _heard_since(s, sent), 3, "CRLF did not stamp the binding")
        wait(lambda: s.node.bindings()[0]["heard_s"] >= 3, 5, "something else stamps the binding")
        sent = time.time()
        before = int(s.node.redis.hash(key)["heard_ms"])
        bob.send(Message("OPTIONS sip:example.net SIP/2.0", [
            ("Via", bob.via()), ("Max-Forwards", "70"), ("From", "<%s>;tag=1" % bob.contact),
            ("To", "<sip:example.net>"), ("Call-ID", "look"), ("CSeq", "1 OPTIONS")]))
        wait(lambda: _heard_since(s, sent), 3, "OPTIONS did not stamp the binding")
        wait(lambda: int(s.node.redis.hash(key)["heard_ms"]) >= before + 4000, 65,
             "Redis does not hear of it")


def _phase(address, port):
    """The moment of the period that is a destination's own, 0 to 1: slots_phase() in slots.h."""
    key = int.from_bytes(bytes(map(int, address.split("."))), "big") << 16 | port
    return (key * 0x9e3779b97f4a7c15 >> 32) % 2**32 / 2**32


@scenario(60)
def keepalive_capped_per_address():
    """per_address_cap: 30 devices behind one address whose turns come within 2 s, and 10 behind
    another: on the wire no second sees more than 10 to one of them, and all get their messages;
    in the end they stand where nobody has to wait."""
    cap = 10
    crowd = [n for n in range(10000, 20000) if _phase(CARRIER, n) < 0.2][:30]
    devices = ["%s:%d" % (CARRIER, n) for n in crowd]
    devices += ["%s:%d" % (FAR, n) for n in range(10000, 10010)]
    with Scene({"bindings": devices, "keepalive": {"per_address_cap": cap}}) as s:
        time.sleep(4 * PERIOD + 2)
        capped = s.node.status("dataplane.keepalive_capped")
        check(capped > 0, "none was counted as capped")
        time.sleep(PERIOD)
        equal(s.node.status("dataplane.keepalive_capped"), capped,
              "capped once all had their places")
        seen = {}
        for p in s.wire.all():
            if p.payload == b"HELLO":
                seen.setdefault(p.dst, []).append(p.time)
        equal(len(seen), len(devices), "devices that got keep-alives")
        slack = loop_gap(s)
        for address in (CARRIER, FAR):
            times = [t for dst in seen for t in seen[dst] if dst[0] == address]
            most = max(sum(1 for t in times if at <= t < at + 1 - slack) for at in times)
            within(most, 1, cap, "keep-alives to %s within a second" % address)
        for times in seen.values():
            longest = max(b - a for a, b in zip(times, times[1:]))
            within(longest, 0, 2 * PERIOD + slack, "longest time without a keep-alive")


@scenario(60)
def keepalive_skips_heard():
    """skip_heard: while Bob sends, he gets no keep-alives; after his last packet the next one comes
    within the period."""
    with Scene({"keepalive": {"skip_heard": True}}) as s:
        bob = s.bob()
        heard = []
        for _ in range(5):
            time.sleep(6)
            equal(bob.register("example.net").code, 200, "answer to REGISTER")
            heard.append(time.time())
        time.sleep(PERIOD + 2)
        slack = loop_gap(s)
        times = [t for t, _ in bob.strays]
        check(not [t for t in times if heard[0] < t < heard[-1]], "keep-alives though heard")
        after = [t for t in times if t > heard[-1]]
        check(after, "no keep-alive after the last packet")
        within(after[0] - heard[-1], PERIOD - 3 * INTERVAL, PERIOD + INTERVAL + slack,
               "time from the last packet to the next keep-alive")
        check(s.node.status("dataplane.keepalive_skipped") >= 3, "none was counted as skipped")
