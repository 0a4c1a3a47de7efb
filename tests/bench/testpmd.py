# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as the other side of a comparison: one forwarding core, driven by its prompt."""
import os
import re
import subprocess
import time

PROMPT = "testpmd> "


class Testpmd:
    """Runs in `folder`; eal and app are lists of arguments, `before` are words before all."""

    def __init__(self, folder, eal, app, before=()):
        env = dict(os.environ, XDG_RUNTIME_DIR=folder, RUNTIME_DIRECTORY=folder)
        self.counter = "RX-packets" if "--forward-mode=rxonly" in app else "TX-packets"
        self.process = subprocess.Popen(
            [*before, "stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-pci", "--no-telemetry", *eal, "--",
             "-i", "--nb-cores=1", "--port-topology=loop", *app],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=env, text=True, bufsize=0)
        self.answer()
        self.thread = self.find_thread()

    def answer(self, after=""):
        """Reads up to the next prompt behind the word `after`."""
        text = ""
        while not (text.endswith(PROMPT) and after in text):
            char = self.process.stdout.read(1)
            if not char:
                raise RuntimeError("dpdk-testpmd ended:\n" + text[-2000:])
            text += char
        return text

    def order(self, line, after=""):
        self.process.stdin.write(line + "\n")
        return self.answer(after)

    def find_thread(self):
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm", encoding="ascii") as comm:
                if re.match(r"(rte|lcore)-worker-1\b", comm.read()):
                    return f"{tasks}/{task}/schedstat"
        raise RuntimeError("dpdk-testpmd has no worker thread")

    def cpu_ns(self):
        with open(self.thread, encoding="ascii") as stat:
            return int(stat.read().split()[0])

    def round(self, seconds):
        """Forwards for a while; returns the frames sent (rxonly: received) and the worker's processor time."""
        before = self.cpu_ns()
        self.order("start", "forwards packets on")
        time.sleep(seconds)
        text = self.order("stop", "Done.")
        spent = self.cpu_ns() - before
        total = text[text.index("Accumulated forward statistics"):]
        return int(re.search(self.counter + r": *(\d+)", total).group(1)), spent

    def close(self):
        try:
            self.process.stdin.write("quit\n")
            self.process.wait(30)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
