# SPDX-License-Identifier: BSD-3-Clause
"""The sweep of N bindings beside testpmd that sends frames of its own (of IPv4), both on
net_null."""
from rig import name_of

COUNTS = [1000, 100000, 1000000, 10000000]
COUNTS6 = [1000000, 10000000]
SPARE = 16384  # testpmd's buffers
VERIFY_MOST = 1000000  # bindings that are looked at frame by frame


def sides(rig, count, *family):
    if count <= VERIFY_MOST:
        rig.run("bench_keepalive", "verify", count, *family)
    for mode in ("txonly", "flowgen"):
        app = [f"--forward-mode={mode}", f"--total-num-mbufs={SPARE}"]
        if mode == "flowgen":
            app.append(f"--flowgen-flows={count}")
        rig.compare("-".join(["keepalive", name_of(count), *family, mode]),
                    rig.ours("bench_keepalive", "run", count, *family),
                    rig.testpmd(256, "net_null0,no-rx=1", *app))


def run(rig):
    for count in rig.counts(COUNTS):
        with rig.memory(512 + count * 240 // 10**6):
            sides(rig, count)
    for count in COUNTS6:
        if count in rig.counts(COUNTS6):
            with rig.memory(512 + count * 260 // 10**6):
                sides(rig, count, "ipv6")
