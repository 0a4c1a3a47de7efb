#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""One watched call, end to end: what scripts/run.sh shows. Ends with 0 only if all six
expectations were met.

    show.py [--stay]
"""

import argparse
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import netns, topology as net  # noqa: E402
from harness.config import DOMAIN, yaml  # noqa: E402
from harness.expect import Failure, check, equal, wait, within  # noqa: E402
from harness.judge import EARLIEST, LATEST, answered, refreshed  # noqa: E402
from harness.node import CTL  # noqa: E402
from harness.proc import run  # noqa: E402
from harness.report import Show  # noqa: E402
from harness.scene import Scene  # noqa: E402
from harness.sipp import UPDATES  # noqa: E402

NAT_TIMEOUT = 15
PERIOD = 10
IDLE = 42          # how long B stays idle: nearly three NAT time-outs
MEDIA_TIMEOUT = 20
PROBE = 4
LIMIT = 60

CONF = {
    "keepalive": {"SS_SIP_NAT_KEEP_ALIVE_PERIOD": PERIOD},
    "session": {"SS_SIP_SESSION_TTL": 90, "SS_SIP_SESSION_UPDATE_SEGMENT": 2,
                "SS_SIP_NO_TIMER_REINVITE_INTERVAL": LIMIT},
    "media": {"media_timeout": MEDIA_TIMEOUT, "probe_timeout": PROBE},
}

PICTURE = """
   phone A                                                        phone B (bob), C (carol)
   198.51.100.5 --+                                         +---- 10.0.0.2, 10.0.0.3
                  |           linewatch 192.0.2.10          |
                router ----- data plane (DPDK) on eth1      NAT 203.0.113.9
                  |          control plane on lw0           |     forgets a mapping after
                  |          Redis 127.0.0.1:6379           |     %d s without a packet
                  +-----------------------------------------+
""" % NAT_TIMEOUT


def ago(milliseconds):
    return "%.1f s ago" % (time.time() - int(milliseconds) / 1000)


class Play:
    """The six expectations, in the order in which they can be shown."""

    def __init__(self, scene, show):
        self.s = scene
        self.show = show
        self.redis = scene.node.redis
        self.bob_wire = scene.capture(scene.topology.bob, "eth0", "bob")
        self.carol = scene.topology.home_host("carol", net.CAROL)
        self.call = self.second = None
        self.died = None

    def cli(self, *words):
        """Shows what a plain redis-cli says, brought into lines by a pipe."""
        values = self.redis.cli(*words).split("\n")
        command = "redis-cli " + " ".join(map(str, words))
        if words[0] == "HGETALL":
            self.show.shell(command + " | paste - -", "\n".join(
                "%-14s %s" % pair for pair in zip(values[::2], values[1::2])))
        else:
            self.show.shell(command + " | xargs", " ".join(values))
        return values

    def key(self, kind, call_id):
        return "{%s}:%s:%s" % (call_id.split("-")[0], kind, call_id)

    # 1

    def register(self):
        s = self.s
        s.sipp("bob", "b-register", "register", user=("bob", "secret")).must_succeed(20)
        answer = s.wire.sip("REGISTER", code=200, src=net.NODE)
        check(answer, "no 200 to B's REGISTER on the wire")
        self.registered = time.time()
        found = [k for k in self.redis.keys("{p*}:reg:*bob*") if ":b:" in k]
        check(found, "the binding is not in Redis")
        self.cli("HGETALL", found[0])
        seen = answer[0].dst
        equal(seen[0], net.NAT, "address that B registered from")
        self.show.show("B's Contact is %s:5060, the NAT shows it as %s:%d" % (net.BOB, *seen))
        self.phone_b = s.sipp("bob", "b", "callee")

    def hole(self):
        """A mapping like B's, but without keep-alives, to see that the NAT is a real one."""
        sock = self.s.keep(netns.udp_socket(self.s.topology.bob, net.BOB, 7777))
        sock.sendto(b"x", ("203.0.113.1", 9))

    def mapped(self, port):
        table = run(["conntrack", "-L", "-p", "udp"], ns=self.s.topology.nat, check=False).stdout
        return "src=%s" % net.BOB in table and "sport=%d " % port in table

    def keepalives(self):
        until = self.registered + IDLE
        wait(lambda: time.time() >= until, IDLE + 5, "time", 0.5)
        times = [p.time for p in self.bob_wire.all() if p.payload == b"HELLO"]
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.show.show("HELLO at B's own interface, time between: %s" %
                       ", ".join("%.2f s" % g for g in gaps))
        check(len(gaps) >= 3, "only %d keep-alives arrived behind the NAT" % len(times))
        slack = 0.5 + 0.05 + self.s.node.status("dataplane.loop_gap_max_us") / 1e6
        for gap in gaps:
            within(gap, PERIOD - slack, PERIOD + slack, "time between two keep-alives in s")

    def reachable(self):
        check(not self.mapped(7777), "the NAT does not forget: this shows nothing")
        self.show.show("a mapping of the same age without keep-alives is gone; B's is there")
        check(self.mapped(5060), "B's mapping is gone as well")
        sent = [p for p in self.bob_wire.all() if p.src[0] == net.BOB and p.sip]
        idle = time.time() - sent[-1].time
        self.phone_a = self.s.sipp("carrier", "a", "caller")
        wait(lambda: [p for p in self.bob_wire.sip("INVITE", dst=net.BOB)], 5,
             "the INVITE did not reach B")
        self.show.show("B sent nothing for %.0f s, and the INVITE reached it through the NAT" %
                       idle)

    # 2

    def media(self):
        self.call = self.s.node.wait_call("active")
        key = self.key("med", self.call)
        wait(lambda: all(int(self.redis.media(self.call).get(leg + ".pkts", 0)) > 30
                         for leg in "ab"), 10, "the packet counts in Redis do not grow", 0.2)
        first = self.cli("HMGET", key, "a.pkts", "b.pkts")
        time.sleep(3)
        self.cli("HMGET", self.key("call", self.call), "st", "from", "to", "owner")
        asked = time.time()
        second = self.cli("HMGET", key, "a.pkts", "b.pkts", "a.rtp_ms", "b.rtp_ms")
        for leg, name in enumerate("AB"):
            grown = int(second[leg]) - int(first[leg])
            self.show.show("%s: %d packets more in 3 s, last heard %s" %
                           (name, grown, ago(second[leg + 2])))
            check(grown >= 40, "leg %s grew by %d packets only" % (name, grown))
            check(asked - int(second[leg + 2]) / 1000 < 3, "leg %s was last heard %s" %
                  (name, ago(second[leg + 2])))

    # 3

    def refresh(self):
        s = self.s
        before = self.redis.call(self.call)
        for ip in (net.CARRIER, net.NAT):
            s.wire.wait_sip(LATEST + 5, "UPDATE towards " + ip, method="UPDATE", src=net.NODE,
                            dst=ip)
        time.sleep(1.5)
        for name, ip in (("A", net.CARRIER), ("B", net.NAT)):
            update, = refreshed(s, ip, "UPDATE")
            ok = s.wire.sip("UPDATE", code=200, src=ip)[0]
            self.show.show("UPDATE to %s %.1f s after the answer (due at %.0f to %.0f), "
                           "CSeq %d, Session-Expires %s; 200 after %.0f ms" %
                           (name, update.time - answered(s, ip), EARLIEST, LATEST,
                            update.sip.cseq[0], update.sip.get("Session-Expires"),
                            1000 * (ok.time - update.time)))
        fields = ["a.lcs", "a.proof_sip", "b.lcs", "b.proof_sip", "exp_ms"]
        self.show.show("before: " + " ".join("%s=%s" % (f, before.get(f)) for f in fields))
        after = dict(zip(fields, self.cli("HMGET", self.key("call", self.call), *fields)))
        for field in fields:
            check(int(after[field]) > int(before[field]), "%s did not move on in Redis" % field)

    # 4

    def kill(self):
        self.show.say("B's phone is killed, and the NAT forgets everything about it")
        self.phone_b.kill()
        self.s.topology.forget_nat()
        self.died = time.time()

    def found_dead(self):
        s = self.s
        port = int(self.redis.media(self.call)["b.local"].rsplit(":", 1)[1])
        probe = s.wire.wait_sip(MEDIA_TIMEOUT + 3, "probe of B", method="UPDATE", since=self.died,
                                src=net.NODE, dst=net.NAT)
        silent = [p.time for p in s.wire.all() if p.dst == (net.NODE, port) and p.rtp]
        within(probe.time - max(silent), MEDIA_TIMEOUT - 0.5, MEDIA_TIMEOUT + 1.5,
               "time from B's last packet to the probe in s")
        self.show.show("B's last packet, then silence for %.2f s: B is probed with an UPDATE" %
                       (probe.time - max(silent)))
        bye = s.wire.wait_sip(PROBE + 3, "BYE towards A", method="BYE", src=net.NODE,
                              dst=net.CARRIER)
        reason = bye.sip.get("Reason")
        check(reason, "the BYE carries no Reason")
        self.show.show("no answer for %.1f s: BYE to A, Reason: %s" %
                       (bye.time - probe.time, reason))
        within(bye.time - probe.time, PROBE - 0.5, PROBE + 1.5,
               "time from the probe to the BYE in s")
        self.phone_a.must_succeed(5)

    def freed(self):
        alive = [self.second] if self.second else []
        wait(lambda: self.redis.due() == alive, 5, "the ended call is still in Redis' index", 0.3)
        wait(lambda: [c["id"] for c in self.s.node.calls()] == alive, 5,
             "linewatchctl still lists the ended call", 0.3)
        wait(lambda: self.s.node.status("media_ports.used") == 2 * len(alive), 5,
             "its media ports are still held", 0.3)
        self.show.show("only the second call is left: its 2 media flows, its entry in Redis")

    # 5

    def record(self):
        wait(lambda: [r for r in self.s.node.cdrs() if r["id"] == self.call], 10,
             "no record in the CDR file", 0.3)
        record = next(r for r in self.s.node.cdrs() if r["id"] == self.call)
        for name in ("cause", "text", "by", "a_sip", "a_rtp", "b_sip", "b_rtp", "a_packets",
                     "b_packets", "connected", "proven"):
            self.show.show("%-10s %s" % (name, record[name]))
        equal(record["cause"], "media-dead-b", "cause")
        equal(record["by"], "linewatch", "who ended it")
        check(record["b_rtp"] / 1000 <= self.died + 0.5, "B's last proof is after its death")
        check(record["b_rtp"] / 1000 >= self.died - 2, "B's last proof is too old")
        over = record["connected"] - record["proven"]
        within(over, MEDIA_TIMEOUT - 2, MEDIA_TIMEOUT + PROBE + 4,
               "connected but not proven, in s")
        self.show.show("a biller can stop the clock %.1f s earlier" % over)
        stream = self.redis.cli("XREVRANGE", "{%s}:cdr" % self.call.split("-")[0], "+", "-",
                                "COUNT", "1")
        check("media-dead-b" in stream, "the record is not in the Redis stream")

    # 6

    def call_carol(self):
        """To a phone without session timers."""
        s = self.s
        known = set(self.redis.call_ids())
        ns, ip = self.carol, net.CAROL
        s.sipp_at(ns, ip, "c-register", "register", user=("carol", "secret"), USER="carol") \
            .must_succeed(20)
        self.phone_c = s.sipp_at(ns, ip, "c", "callee", HEADERS=UPDATES, TIMER="")
        self.phone_a2 = s.sipp("carrier", "a2", "caller", target="carol", port=5062,
                               media_port=6100)
        new = wait(lambda: [i for i in set(self.redis.call_ids()) - known
                            if self.redis.call(i).get("st") == "active"], 10,
                   "the second call is not active in Redis", 0.2)
        self.second = new[0]
        self.second_start = time.time()

    def limited(self):
        s = self.s
        wait(lambda: not self.phone_a2.running(), LIMIT + 15, "the second call was not ended", 0.2)
        bye = [p for p in s.wire.requests("BYE", src=net.NODE, dst=net.CARRIER)
               if p.dst[1] == 5062]
        check(bye, "no BYE to A on the second call")
        self.phone_a2.must_succeed(5)
        self.phone_c.must_succeed(5)
        up = [p for p in s.wire.sip("INVITE", code=200, dst=net.CARRIER) if p.dst[1] == 5062]
        within(bye[0].time - up[0].time, LIMIT - 1, LIMIT + 2, "time from answer to BYE in s")
        record = s.node.wait_cdr(10, 2)
        equal(record["cause"], "no-timer-limit", "cause")
        self.show.show("BYE %.1f s after the answer; cause %s, media alive to the end: %s" %
                       (bye[0].time - up[0].time, record["cause"],
                        "yes" if record["media_live"] else "no"))
        check(record["media_live"], "the media was not alive")

    def play(self):
        show = self.show
        show.title(1, "B registers through the NAT, and stays reachable")
        show.expect(1, "B is registered at the address that the NAT gave it", self.register)
        self.hole()
        show.say("B is idle now for %d s: longer than the NAT remembers" % IDLE)
        show.expect(1, "keep-alives arrive behind the NAT every %d s" % PERIOD, self.keepalives)
        show.say("A calls B")
        show.expect(1, "B is reachable long after the NAT's time-out", self.reachable)
        show.title(2, "real G.711 both ways through the data plane")
        show.expect(2, "media flows both ways, counted and stamped per leg in Redis", self.media)
        show.title(3, "the session timer: both legs are refreshed at half of 90 s")
        up = answered(self.s, net.CARRIER)
        wait(lambda: time.time() - up >= 25, 30, "time", 0.2)
        show.say("meanwhile A calls C, whose phone knows no session timers; that call goes on")
        show.attempt(6, "the second call is up", self.call_carol)
        show.expect(3, "both legs were refreshed in time and confirmed", self.refresh)
        show.title(4, "B dies without a BYE")
        self.kill()
        show.expect(4, "found by media silence in the configured time, ended towards A",
                    self.found_dead)
        show.expect(4, "everything of it is freed", self.freed)
        show.title(5, "the record of the dead call")
        show.expect(5, "the CDR shows cause and last proof; proven is shorter than connected",
                    self.record)
        show.title(6, "the call of a phone without session timers has a limit of %d s" % LIMIT)
        show.expect(6, "it was ended by the no-timer limit while its media went on",
                    self.limited)


def stay(scene, show):
    """Leaves the node running, with a way to it from this machine."""
    if os.path.exists("/sys/class/net/lwphone"):
        raise Failure("there is an interface lwphone: is another run.sh --stay running?")
    router = scene.topology.router
    run(["ip", "link", "add", "lwphone", "type", "veth", "peer", "name", "to-host", "netns",
         router])
    try:
        connect(scene, router)
        invite(scene, show)
        while True:
            time.sleep(1)
            scene.node.must_run()
    finally:
        run(["ip", "link", "del", "lwphone"], check=False)


def connect(scene, router):
    """The cable from this machine to the public network of the scene."""
    run(["ethtool", "-K", "lwphone", "tx", "off"])
    scene.topology.net.ip(router, "link set dev to-host up master br-public")
    # Two host routes and no more: the machine may live in networks like those of the scene.
    for command in ("link set lwphone up", "addr add 203.0.113.2 peer 203.0.113.1 dev lwphone",
                    "route add %s/32 via 203.0.113.1 dev lwphone" % net.NODE):
        run(["ip"] + command.split())


def invite(scene, show):
    """Says how to register a phone, and where to look."""
    node = scene.topology.node
    show.say()
    show.say("The node keeps running until Ctrl-C.")
    show.show("""
Register a phone of this machine (interface lwphone, 203.0.113.2):
    server %s, UDP port 5060, domain %s, user bob or carol, password secret
    e.g. baresip: <sip:bob@%s>;auth_pass=secret;outbound="sip:%s"
Look at it:
    ip netns exec %s %s --socket %s calls
    ip netns exec %s redis-cli --scan --pattern '{p*}:call:*'
    tail -f %s %s
Its configuration is %s.""" % (
        net.NODE, DOMAIN, DOMAIN, net.NODE, node, CTL, scene.node.conf["node"]["control_socket"],
        node, scene.node.cp.log, scene.node.conf["node"]["cdr_file"], scene.node.path))


def main():
    parser = argparse.ArgumentParser(description="One watched call, end to end.")
    parser.add_argument("--stay", action="store_true", help="leave the node running, until Ctrl-C")
    args = parser.parse_args()
    show = Show(6)
    folder = tempfile.mkdtemp(prefix="linewatch-run-")
    good = keep = False
    print(PICTURE)
    show.say("starting Redis and one linewatch node in network namespaces")
    try:
        with Scene(CONF, NAT_TIMEOUT, folder=folder) as scene:
            show.say("the node is ready; what its file sets for this show:")
            show.show(yaml(CONF))
            Play(scene, show).play()
            good = show.verdict()
            keep = not good
            if args.stay:
                stay(scene, show)
    except Failure as failure:
        show.say("FAILED: %s" % failure)
        keep = True
        good = False
    except SystemExit:
        print("interrupted", flush=True)
        raise
    except Exception:
        keep = True
        raise
    finally:
        if keep:
            print("logs, captures and the node's files: " + folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
