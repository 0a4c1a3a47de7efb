# SPDX-License-Identifier: BSD-3-Clause
"""What an engineer sees: traces of a binding, captures of a call."""

import os
import re
import time

from harness.expect import check, equal, wait, within
from harness.proc import run
from harness.scene import Scene
from harness.topology import BOB, CARRIER, NAT, NODE, PATIENT
from harness.ua import Ua

from . import monitor, scenario

LINE = re.compile(r'^\d\d:\d\d:\d\d\.\d{6}  (in|out) +(\S+) > (\S+)  (.+)  (\d+) bytes  "(.*)"$')


def _lines(trace):
    """(direction, from, to, fate, bytes, payload) of each line of a trace so far."""
    return [m.groups() for m in map(LINE.match, trace.text().splitlines()) if m]


def _fates(trace):
    return [line[3].split(" after ")[0] for line in _lines(trace)]


def _tshark(path, *words):
    """Lines that tshark, an independent reader, prints of a capture file."""
    return run(["tshark", "-n", "-r", path, *words]).splitlines()


@scenario(45)
def trace_of_a_binding():
    """KA-02: `linewatchctl trace` shows each keep-alive and answer of a device behind a NAT with
    time, payload, NAT address and round trip; its SIP too; it ends with its time."""
    with Scene({"keepalive": {"payload": "options", "missed": 2}}) as s:
        bob = s.bob()
        source = s.node.bindings()[0]["received"]
        equal(source.split(":")[0], NAT, "address of the binding")
        trace = s.keep(s.node.watch("trace", "--binding", "bob@example.net", "--seconds", "24"))
        started = time.time()
        wait(lambda: _fates(trace).count("answer") >= 2, 24, "no two answers in the trace")
        out = [line for line in _lines(trace) if line[3] == "keep-alive"]
        back = [line for line in _lines(trace) if line[3].startswith("answer")]
        for line in out:
            equal(line[:3], ("out", "%s:5060" % NODE, source), "way of a keep-alive")
            check(line[5].startswith("OPTIONS sip:"), "payload of a keep-alive: " + line[5])
        for line in back:
            equal(line[:3], ("in", source, "%s:5060" % NODE), "way of an answer")
            check(line[5].startswith("SIP/2.0 "), "payload of an answer: " + line[5])
            check(0 < float(line[3].split()[2]) < 1000, "round trip: " + line[3])
        bob.register("example.net", 3600)
        wait(lambda: _fates(trace).count("sip") >= 2, 5, "no SIP in the trace")
        trace.wait(30)
        within(time.time() - started, 20, 30, "length of the trace")
        check("the time is over: " in trace.text(), "the trace does not say why it ended")
        plane = s.node.ctl("status")["dataplane"]
        equal(plane["round_trip"]["count"], plane["answers"], "round trips")
        equal(sum(p["count"] for p in plane["round_trip"]["places"]), plane["answers"],
              "answers in the histogram")
        equal(plane["send_error"]["count"], plane["keepalives"], "keep-alives in the histogram")
        within(plane["worker"][0]["busy_percent"], 0, 100, "how busy the worker is")
        text = s.node.ctl_text("status")
        check("p99_us" in text and "from_us" not in text, "histograms in the table")


@scenario(30)
def trace_follows_an_aor():
    """A trace takes in a device that registers later, and says so when one goes."""
    with Scene() as s:
        bob = s.bob()
        trace = s.keep(s.node.watch("trace", "--binding", "sip:bob@example.net"))
        wait(lambda: "keep-alive" in _fates(trace), 12, "no keep-alive in the trace")
        second = s.keep(Ua(s.topology.bob, BOB, 5070, "bob"))
        second.credentials = bob.credentials
        equal(second.register("example.net", 3600).code, 200, "answer to REGISTER")
        bob.register("example.net", 0)
        wait(lambda: "(a binding moved or was removed)" in trace.text(), 5, "nobody went")
        binding, = s.node.bindings()
        wait(lambda: any(line[2] == binding["received"] and line[3] == "keep-alive"
                         for line in _lines(trace)), 15, "the trace does not follow")


@scenario(25)
def capture_of_a_call():
    """tshark reads RTP of both legs, as it came and as it left, in a capture of one call; the
    bound holds; the data plane's restart and the call's end end it with a word."""
    with Scene(nat_timeout=PATIENT) as s:
        up, _, media_a, media_b = s.talk()
        call = s.node.wait_call()
        wait(lambda: media_a.received > 20 and media_b.received > 20, 8, "no media")
        path = os.path.join(s.folder, "call.pcap")
        taken = s.keep(s.node.watch("capture", "--call", call, "--file", path, "--packets", "200"))
        taken.wait(15)
        check("that many packets are captured: 200 frames, 0 lost" in taken.text(), taken.text())
        equal(len(_tshark(path)), 200, "frames in the file")
        equal(os.stat(path).st_mode & 0o777, 0o600, "rights of the file")
        ways = {}
        for line in _tshark(path, "-d", "udp.port==20000-20999,rtp", "-Y", "rtp.p_type == 8",
                            "-T", "fields", "-e", "ip.src", "-e", "ip.dst"):
            ways[tuple(line.split())] = ways.get(tuple(line.split()), 0) + 1
        for way in ((CARRIER, NODE), (NODE, NAT), (NAT, NODE), (NODE, CARRIER)):
            within(ways.get(way, 0), 30, 70, "RTP %s > %s in the file" % way)
        equal(_tshark(path, "-Y", "_ws.malformed"), [], "malformed frames")
        gone = s.keep(s.node.watch("capture", "--call", call, "--file", path))
        wait(lambda: len(_tshark(path)) > 50, 8, "the second capture stays empty")
        s.node.restart_dp()
        gone.wait(10)
        check("the data plane went away: " in gone.text(), gone.text())
        wait(s.node.ready, 10, "the data plane does not come back")
        last = s.keep(s.node.watch("capture", "--call", call, "--file", path))
        wait(lambda: len(_tshark(path)) > 50, 8, "no capture after the restart")
        up.bye().wait()
        last.wait(10)
        check("it has gone: " in last.text(), last.text())


@scenario(15)
def capture_of_a_monitored_call():
    """A call whose media only passes by is captured at the monitor port, both directions."""
    with monitor.Mirror() as s:
        monitor.talk(s)
        path = os.path.join(s.folder, "call.pcap")
        call = s.node.calls()[0]["id"]
        taken = s.keep(s.node.watch("capture", "--call", call, "--file", path, "--packets", "60"))
        taken.wait(15)
        check("that many packets are captured: 60 frames, 0 lost" in taken.text(), taken.text())
        for src, dst in ((CARRIER, monitor.PHONE), (monitor.PHONE, CARRIER)):
            within(len(_tshark(path, "-Y", "ip.src == %s and ip.dst == %s and udp" % (src, dst))),
                   20, 40, "frames %s > %s in the file" % (src, dst))


@scenario(20)
def capture_ends_with_its_client():
    """A capture whose linewatchctl was killed is taken back at once; what cannot be captured is
    refused in words."""
    with Scene() as s:
        s.talk()
        call = s.node.wait_call()
        path = os.path.join(s.folder, "call.pcap")
        for _ in range(20):  # more than there are places for
            taken = s.keep(s.node.watch("capture", "--call", call, "--file", path))
            wait(lambda: os.path.exists(path) and os.path.getsize(path) > 24, 8, "no frames")
            taken.kill()
            os.unlink(path)
        for words, why in ((["--call", "nobody"], "no live call has this id"),
                           (["--binding", "nobody"], "no binding has this AOR")):
            refused = s.keep(s.node.watch("capture", *words, "--file", path))
            equal(refused.wait(10, None), 1, "exit code")
            check(why in refused.text(), refused.text())
