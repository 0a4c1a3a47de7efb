#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures linewatch beside a peer, round by round in turns; called by scripts/bench.sh. One
closing line a comparison, JSON with all rounds on request."""
import argparse
import shutil
import signal
import sys
import tempfile

import entry_keepalive
import entry_monitor
import entry_natping
import entry_pacing
import entry_relay
import entry_rtpengine
import entry_resync
import entry_scan
import entry_wire
from rig import Rig

# A new entry: a module with run(rig), and a line here. See README.md.
ENTRIES = {
    "keepalive": entry_keepalive.run,
    "monitor": entry_monitor.run,
    "pacing": entry_pacing.run,
    "relay": entry_relay.run,
    "scan": entry_scan.run,
    "afpacket": entry_wire.run_afpacket,
    "afxdp": entry_wire.run_afxdp,
    "rtpengine": entry_rtpengine.run,
    "resync": entry_resync.run,
    "kamailio-natping": entry_natping.run,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry", nargs="*", choices=[*ENTRIES, []],
                        help="what to measure (default: all)")
    parser.add_argument("--build", required=True, help="build folder, target `bench` is built")
    parser.add_argument("--counts", type=lambda text: [int(n) for n in text.split(",")],
                        help="bindings or flows, comma separated")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a round")
    parser.add_argument("--huge", action="store_true",
                        help="reserve 2 MB pages as each comparison needs, and give them back")
    parser.add_argument("--json", help="file for all rounds")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the end cleans up
    folder = tempfile.mkdtemp(prefix="lwbench.")
    try:
        rig = Rig(options, folder)
        for entry in options.entry or ENTRIES:
            ENTRIES[entry](rig)
        if options.json:
            rig.save(options.json)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
