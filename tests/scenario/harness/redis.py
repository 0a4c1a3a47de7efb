# SPDX-License-Identifier: BSD-3-Clause
"""A Redis of the scene's own, looked at as an operator does: by plain redis-cli."""

import json
import os
import signal

from .expect import wait
from .proc import Process, run

PORT = 6379
ALL_DUE = """
local ids = {}
for _, key in ipairs(redis.call('KEYS', '{p*}:due')) do
	for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
		ids[#ids + 1] = id
	end
end
return ids
"""


class Redis:
    def __init__(self, ns, folder, persistent=True):
        self.ns = ns
        self.folder = folder
        self.persistent = persistent
        self.process = None

    def start(self):
        argv = ["redis-server", "--bind", "127.0.0.1", "--port", str(PORT), "--dir", self.folder,
                "--save", "", "--hash-max-listpack-value", "512",
                "--appendonly", "yes" if self.persistent else "no", "--daemonize", "no"]
        self.process = Process("redis-server", argv, os.path.join(self.folder, "redis.log"),
                               self.ns)
        wait(lambda: self.cli("PING", check=False) == "PONG" or
             (self.process.must_run() and False), 10, "Redis did not start")

    def kill(self):
        self.process.kill()

    def pause(self):
        """Redis is there but says nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def cli(self, *words, check=True):
        """The output of redis-cli as a pipe gets it."""
        done = run(["redis-cli", *map(str, words)], ns=self.ns, check=False)
        if check and (done.returncode or done.stdout.startswith(("ERR", "(error)"))):
            raise RuntimeError("redis-cli %s: %s" % (" ".join(map(str, words)),
                                                     done.stdout + done.stderr))
        return done.stdout.rstrip("\n")

    def hash(self, key):
        return json.loads(self.cli("--json", "HGETALL", key))

    def keys(self, pattern):
        return [k for k in self.cli("--scan", "--pattern", pattern).split("\n") if k]

    def call_ids(self):
        return sorted(k.split(":call:", 1)[1] for k in self.keys("{p*}:call:*"))

    def call(self, call_id):
        return self.hash("{%s}:call:%s" % (call_id.split("-")[0], call_id))

    def media(self, call_id):
        return self.hash("{%s}:med:%s" % (call_id.split("-")[0], call_id))

    def due(self):
        """The ids of the live calls, from the index."""
        return sorted(i for i in self.cli("EVAL", ALL_DUE, 0).split("\n") if i)

    def close(self):
        if self.process:
            if self.process.running():
                os.kill(self.process.pid, signal.SIGCONT)
            self.process.stop()
