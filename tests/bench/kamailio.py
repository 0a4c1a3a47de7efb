# SPDX-License-Identifier: BSD-3-Clause
"""Debian's kamailio at the far end of a wire, pinging the contacts of usrloc by nathelper."""
import json
import os
import socket
import tempfile

import spent
from wire import NODE

from harness.expect import wait
from harness.proc import Process

PATIENCE = 30
BURST = 50  # requests under way
# Raw sockets are what its manual advises for speed; a slot of usrloc holds a few contacts.
CONF = """
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=off
rev_dns=off
dns_try_ipv6=no
use_dns_cache=off
udp4_raw={raw}
listen=udp:{node}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "jsonrpcs.so"
loadmodule "usrloc.so"
loadmodule "nathelper.so"
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "fifo_name", "")
modparam("jsonrpcs", "dgram_socket", "{folder}/rpc")
modparam("usrloc", "preload", "location")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 16)
modparam("usrloc", "timer_interval", 3600)
modparam("nathelper", "natping_interval", {period})
modparam("nathelper", "natping_processes", 1)
modparam("nathelper", "ping_nated_only", 0)
request_route {{ exit; }}
"""


class Kamailio:
    """`contacts`: count of bindings, each pinged every `period` seconds with four zero bytes."""

    def __init__(self, wire, contacts, period, raw=1):
        wire.address("eth1")
        folder = tempfile.mkdtemp(dir=wire.rig.folder)
        path = os.path.join(folder, "kamailio.cfg")
        with open(path, "w", encoding="ascii") as conf:
            conf.write(CONF.format(node=NODE, folder=folder, period=period, raw=raw))
        self.process = Process("kamailio", [
            "kamailio", "-f", path, "-DD", "-m", str(64 + contacts // 500), "-M", "64", "-Y", folder,
            "-P", os.path.join(folder, "pid"), "-w", folder],
            os.path.join(folder, "log"), wire.far)
        server = os.path.join(folder, "rpc")
        wait(lambda: os.path.exists(server) or (self.process.must_run() and None), PATIENCE,
             "kamailio does not start")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.bind(os.path.join(folder, "reply"))
            control.settimeout(PATIENCE)
            control.connect(server)
            self._add(control, contacts)

    def _add(self, control, contacts):
        under_way = 0
        for i in range(contacts):
            contact = f"sip:u{i}@10.{i >> 16}.{i >> 8 & 255}.{i & 255}:5060"
            control.send(json.dumps({
                "jsonrpc": "2.0", "id": i, "method": "ul.add",
                "params": ["location", f"u{i}", contact, 36000, 1.0, "0", 0, 0, 0]}).encode())
            under_way += 1
            while under_way >= BURST or (i == contacts - 1 and under_way):
                answer = control.recv(65536)
                under_way -= 1
                if b'"result"' not in answer:
                    raise RuntimeError(f"kamailio refuses a contact: {answer!r}")

    def cpu_ns(self):
        return spent.family(self.process.pid)

    def audit(self):
        self.process.must_run()

    def close(self):
        self.process.stop()
