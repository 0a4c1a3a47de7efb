# SPDX-License-Identifier: BSD-3-Clause
"""The real linewatch-dp at the far end of a wire."""
import os
import subprocess
import tempfile

import spent
import wire as wires

from harness.expect import wait
from harness.proc import Process, inside, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONF = """
node: {{service_address: {node}, media_ports: 20000-65535}}
dataplane:
  socket: {socket}
  ports: ["{port}:eth1"]
  memory: 256
  flows: 32768
  {more}
"""
COUNTERS = ("rx", "tx", "dropped", "keepalives")
DEADLINE = 60


def prepare_port(wire):
    run([os.path.join(ROOT, "scripts/port-prepare.sh"), "eth1"], ns=wire.far)


class Linewatch:
    """`what` are the words of bench_client behind the socket, `more` are lines of the section
    dataplane."""

    def __init__(self, wire, driver, what, **more):
        self.wire = wire
        build = wire.rig.options.build
        path = os.path.join(tempfile.mkdtemp(dir=wire.rig.folder), "dp")
        prepare_port(wire)
        with open(path + ".yaml", "w", encoding="ascii") as conf:
            conf.write(CONF.format(node=wires.NODE, socket=path + ".sock", port=driver,
                                   more="\n  ".join(f"{k}: {v}" for k, v in more.items())))
        self.dp = Process("linewatch-dp", [os.path.join(build, "dataplane/linewatch-dp"), "-c",
                                           path + ".yaml"], path + ".log", wire.far)
        self.dp.wait_text("ready:", DEADLINE)
        wire.address("lw0")
        self.client = subprocess.Popen(
            inside(wire.far, [os.path.join(build, "tests/bench/bench_client"), path + ".sock",
                              *map(str, what)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.client.stdout.readline() != "ready\n":
            raise RuntimeError("linewatch-dp does not take it all: " + self.dp.text())

    def counters(self):
        self.client.stdin.write("\n")
        self.client.stdin.flush()
        return dict(zip(COUNTERS, map(int, self.client.stdout.readline().split())))

    def cpu_ns(self):
        return spent.process(self.dp.pid)

    def audit(self):
        """What came in went out and arrived, or was counted as dropped: once all has settled."""
        wait(self._is_balanced, DEADLINE,
             lambda _: f"packets got lost: {self.counters()}, {self.wire.arrived()} arrived")

    def _is_balanced(self):
        now = self.counters()
        return now["rx"] + now["keepalives"] == now["tx"] + now["dropped"] and \
            now["tx"] == self.wire.arrived()

    def close(self):
        self.client.stdin.close()
        self.client.wait(DEADLINE)
        self.dp.stop()
