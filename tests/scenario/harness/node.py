# SPDX-License-Identifier: BSD-3-Clause
"""One linewatch node: its file, its two programs, its Redis."""

import json
import os
import signal

from . import config, topology as net
from .expect import Failure, wait
from .proc import Process, run
from .redis import Redis

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.environ.get("LINEWATCH_BUILD", os.path.join(ROOT, "build"))
DP = os.path.join(BUILD, "dataplane/linewatch-dp")
CP = os.path.join(BUILD, "controlplane/linewatch-cp")
CTL = os.path.join(BUILD, "controlplane/linewatchctl")


class Node:
    def __init__(self, topology, folder, sockets, change=None):
        self.topology = topology
        self.ns = topology.node
        self.net = topology.net
        self.folder = folder
        self.conf = config.merge(config.default(folder, sockets), change or {})
        self.path = os.path.join(folder, "linewatch.yaml")
        self.redis = Redis(self.ns, folder)
        self.interfaces = ["eth1"]  # below the ports
        self.dp = None
        self.cp = None
        self.watches = 0
        self.write()

    def write(self):
        with open(self.path, "w") as f:
            f.write(config.yaml(self.conf) + "\n")

    # Start and stop

    def start(self, redis=True):
        self.prepare_port()
        if redis:
            self.redis.start()
        self.start_dp()
        self.start_cp()
        if redis:
            self.wait_ready()

    def prepare_port(self):
        for interface in self.interfaces:
            run([os.path.join(ROOT, "scripts/port-prepare.sh"), interface], ns=self.ns)

    def start_dp(self):
        self.dp = Process("linewatch-dp", [DP, "-c", self.path],
                          os.path.join(self.folder, "dp.log"), self.ns)
        wait(lambda: run(["ip", "link", "show", "lw0"], ns=self.ns, check=False).returncode == 0
             or (self.dp.must_run() and False), 20, "linewatch-dp made no lw0")
        self.net.ip(self.ns, "link set lw0 up", "addr replace %s/24 dev lw0" % net.NODE,
                    "route replace default via %s" % net.GATEWAY)

    def start_cp(self):
        self.cp = Process("linewatch-cp", [CP, "-c", self.path],
                          os.path.join(self.folder, "cp.log"), self.ns)

    def wait_ready(self, timeout=20):
        wait(lambda: self.ready() or (self.cp.must_run() and False), timeout,
             "the node is not ready")

    def restart_cp(self, sig=signal.SIGKILL):
        self.cp.kill(sig)
        self.start_cp()

    def restart_dp(self, sig=signal.SIGKILL):
        self.dp.kill(sig)
        self.start_dp()

    # Questions

    def ctl(self, *words, check=True):
        """The answer of linewatchctl as JSON; None when it fails and check is off."""
        done = run([CTL, "--socket", self.conf["node"]["control_socket"], *words, "--json"],
                   ns=self.ns, check=False)
        if done.returncode != 0:
            if check:
                raise Failure("linewatchctl %s: %s" % (" ".join(words),
                                                       (done.stderr or done.stdout).strip()))
            return None
        return json.loads(done.stdout)

    def ctl_text(self, *words):
        return run([CTL, "--socket", self.conf["node"]["control_socket"], *words], ns=self.ns)

    def watch(self, *words):
        """A linewatchctl that goes on by itself; what it prints is the process's text()."""
        self.watches += 1
        return Process("linewatchctl", [CTL, "--socket", self.conf["node"]["control_socket"],
                                        *words],
                       os.path.join(self.folder, "watch%d.log" % self.watches), self.ns)

    def ready(self):
        """New calls are accepted, and the data plane (if there is one) is in step."""
        status = self.ctl("status", check=False)
        if not status:
            return False
        plane = status["dataplane"]
        return status["redis"]["accepts_new"] and (plane.get("mode") == "none" or plane["up"])

    def status(self, path):
        """One value of `linewatchctl status`: "dataplane.flows"."""
        value = self.ctl("status")
        for name in path.split("."):
            value = value[name]
        return value

    def calls(self):
        """The calls that `linewatchctl calls` lists."""
        return self.ctl("calls")["calls"]

    def bindings(self):
        return self.ctl("bindings")["bindings"]

    def cdrs(self):
        """The records in the CDR file so far."""
        try:
            with open(self.conf["node"]["cdr_file"]) as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def wait_cdr(self, timeout=10, count=1):
        wait(lambda: len(self.cdrs()) >= count, timeout, "no record in the CDR file")
        return self.cdrs()[count - 1]

    def wait_call(self, state="active", timeout=10):
        """The id of the one call that Redis shows in that state."""
        def look():
            found = [i for i in self.redis.call_ids() if self.redis.call(i).get("st") == state]
            return found[0] if found else None
        return wait(look, timeout, "no call is %s in Redis" % state, pause=0.2)

    def must_run(self):
        for process in (self.dp, self.cp):
            if process:
                process.must_run()

    def rss_kb(self, process):
        with open("/proc/%d/status" % process.pid) as f:
            for line in f:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def neighbour_delete(self, ip=net.GATEWAY):
        run(["ip", "neigh", "del", ip, "dev", "lw0"], ns=self.ns, check=False)

    def close(self):
        for process in (self.cp, self.dp):
            if process:
                process.stop()
        self.redis.close()
