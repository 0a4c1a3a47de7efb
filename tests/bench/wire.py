# SPDX-License-Identifier: BSD-3-Clause
"""A wire to a program under test: a veth pair between two namespaces, phones at the near end.

The phones are bench_wire. What comes back to the near end is counted by the kernel, and dropped
there at once since it is for another machine by its MAC address; the cost of that, and of the way
there, is the sender's, so it is in the processor time of every program under test alike."""
import atexit
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../scenario"))

# pylint: disable=wrong-import-position
from harness.netns import Network, entered, sweep  # noqa: E402
from harness.proc import inside, run  # noqa: E402

NODE = "192.0.2.10"
GATEWAY = "192.0.2.1"
NEAR_MAC = "02:00:00:00:00:01"  # of nobody: see above
FAR_MAC = "02:00:00:00:00:10"
PORT_FIRST = 20000
SETTLE = 0.02  # seconds; for what is on its way
PATIENCE = 30
ETH_P_ALL = 3
LEAST = 0.5    # length of a round
TRIES = 5
PACE_LEAST = 0.9


class Wire:
    """`name` tells the wires of one bench apart. The far end is eth1 in the namespace `far`. Both
    namespaces, and all that runs there, end with the bench at the latest."""

    def __init__(self, rig, name):
        self.rig = rig
        sweep()
        self.net = Network()
        atexit.register(self.net.close)
        self.phones = []
        self.near = self.net.add(name + "-near")
        self.far = self.net.add(name + "-far")
        self.net.wire(self.near, "near0", self.far, "eth1")
        self.net.ip(self.far, f"link set eth1 address {FAR_MAC}")

    def address(self, iface):
        """Gives the node's address to an interface, and the phones a gateway that needs no ARP."""
        self.net.ip(self.far, f"link set {iface} up", f"addr replace {NODE}/24 dev {iface}",
                    f"route replace default via {GATEWAY}",
                    f"neigh replace {GATEWAY} lladdr {NEAR_MAC} dev {iface} nud permanent")

    def arrived(self):
        """Packets that came back to the near end so far."""
        with entered(self.near), open("/proc/thread-self/net/dev", encoding="ascii") as table:
            for line in table:
                name, _, row = line.partition(":")
                if name.strip() == "near0":
                    return int(row.split()[1])
        raise RuntimeError("the wire is gone")

    def tap(self):
        """A socket that gets a copy of each frame that comes back from now on."""
        with entered(self.near):
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        tap.bind(("near0", ETH_P_ALL))
        tap.settimeout(PATIENCE)
        return tap

    def _command(self, mode, legs, *args):
        return inside(self.near, self.rig.program("bench_wire", mode, "near0", FAR_MAC, legs,
                                                  *args))

    def verify(self, legs):
        run(self._command("verify", legs), timeout=300)

    def feed(self, legs, rate):
        """Phones that send in rounds from now on, RATE packets a second in all. 0: all they can,
        by as many processes as there are CPUs, which is more than one core can carry."""
        for _ in range(1 if rate else os.cpu_count()):
            phones = subprocess.Popen(self._command("run", legs, rate), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
            self.phones.append(phones)
            if phones.stdout.readline() != "ready\n":
                raise RuntimeError("bench_wire does not start")

    def send(self, seconds):
        """A round of the phones; returns what they sent."""
        for phones in self.phones:
            phones.stdin.write(f"{seconds}\n")
            phones.stdin.flush()
        sent = sum(int(phones.stdout.readline().split()[0]) for phones in self.phones)
        time.sleep(SETTLE)
        return sent

    def close(self):
        for phones in self.phones:
            phones.stdin.close()
            phones.wait(30)
        self.phones.clear()
        self.net.close()


class Fed:
    """One side of a comparison: a program at the far end, fed by the phones of `legs`; a packet
    of each leg is looked at first, if the program sends it to the other. The program has
    cpu_ns(), the processor time it has spent so far, and audit(), which fails if it lost packets
    without counting them; and may have begin() and end(), for rounds."""

    def __init__(self, wire, program, legs, rate, relays=True):
        self.wire = wire
        self.program = program
        self.rate = rate
        if relays:
            wire.verify(legs)
        wire.feed(legs, rate)

    def round(self, seconds):
        """A round in which the machine does not let the phones keep their pace is made again."""
        seconds = max(seconds, LEAST)
        for _ in range(TRIES):
            sent, passed, spent = self._try(seconds)
            if sent >= PACE_LEAST * self.rate * seconds:
                break
        return passed, spent

    def _try(self, seconds):
        before, spent = self.wire.arrived(), self.program.cpu_ns()
        getattr(self.program, "begin", bool)()
        sent = self.wire.send(seconds)
        getattr(self.program, "end", bool)()
        return sent, self.wire.arrived() - before, self.program.cpu_ns() - spent

    def close(self):
        try:
            self.program.audit()
        finally:
            self.program.close()
            self.wire.close()


def legs_file(path, legs):
    """`legs`: pairs of texts "ip:port", the party and our port for it; each two are a call."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{phone} {local}\n" for phone, local in legs)


def phone(leg):
    return f"10.{leg >> 16}.{leg >> 8 & 255}.{leg & 255}:{10000 + 2 * (leg % 20000)}"
