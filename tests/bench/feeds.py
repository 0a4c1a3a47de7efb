# SPDX-License-Identifier: BSD-3-Clause
"""Programs that carry calls over a wire of their own, as sides of a comparison."""
from linewatch import Linewatch, prepare_port
from rtpengine import Rtpengine
from testpmd import Testpmd
from wire import NODE, PORT_FIRST, Fed, Wire, legs_file, phone

from harness.proc import inside


def plain_legs(rig, count):
    """Legs on consecutive ports of the node; returns the file's path."""
    path = rig.path(f"legs-{count}")
    legs_file(path, [(phone(leg), f"{NODE}:{PORT_FIRST + 2 * leg}") for leg in range(count)])
    return path


def linewatch(rig, driver, legs, rate=0):
    wire = Wire(rig, "ours")
    return Fed(wire, Linewatch(wire, driver, ["relay", legs]), legs, rate)


def rtpengine(rig, count, rate):
    wire = Wire(rig, "theirs")
    program = Rtpengine(wire, count // 2)
    legs = rig.path("legs-rtpengine")
    legs_file(legs, program.legs)
    return Fed(wire, program, legs, rate)


class WiredTestpmd(Testpmd):
    """Forwards as it comes (io), on one core; its processor time is that of this core's thread."""

    def __init__(self, wire, vdev):
        prepare_port(wire)
        super().__init__(wire.rig.folder,
                         ["--no-huge", "-m", "256", "--no-shconf", "--file-prefix=lwbench",
                          f"--vdev={vdev}"], ["--forward-mode=io", "--total-num-mbufs=16384"],
                         before=inside(wire.far, []))

    def begin(self):
        self.order("start", "forwards packets on")

    def end(self):
        self.order("stop", "Done.")

    def audit(self):
        """Nothing to say: it counts no packets that it lost on the way."""


def testpmd(rig, vdev, legs):
    wire = Wire(rig, "theirs")
    return Fed(wire, WiredTestpmd(wire, vdev), legs, 0, relays=False)
