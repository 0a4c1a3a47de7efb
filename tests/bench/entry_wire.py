# SPDX-License-Identifier: BSD-3-Clause
"""The real linewatch-dp over a veth pair, by af_packet or af_xdp, beside testpmd io on a port of
the same kind. The phones send more than either can carry, so that none ever waits."""
import feeds
from rig import name_of

COUNTS = [1000]
DEVICES = {
    # The driver's arguments are those that port.c gives it.
    "af_packet": "net_af_packet0,framecnt=2048,qpairs=1,iface=eth1",
    "af_xdp": "net_af_xdp0,queue_count=1,iface=eth1",
}


def run(rig, driver):
    for count in rig.counts(COUNTS):
        legs = feeds.plain_legs(rig, count)
        rig.compare(f"{driver.replace('_', '')}-{name_of(count)}-io",
                    feeds.linewatch(rig, driver, legs),
                    feeds.testpmd(rig, DEVICES[driver], legs), "k/s", 1e3)


def run_afpacket(rig):
    run(rig, "af_packet")


def run_afxdp(rig):
    run(rig, "af_xdp")
