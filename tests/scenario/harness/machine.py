# SPDX-License-Identifier: BSD-3-Clause
"""What other work on the machine took from a scene: a deadline is of time that its programs had."""

import os

_pids = {os.getpid()}


def watch(pid):
    """A process of the scene, until it is gone."""
    _pids.add(pid)


def _waited(pid):
    """Seconds for which threads of that process could run and had no CPU."""
    total = 0
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            try:
                with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
                    total += int(f.read().split()[1])
            except (OSError, IndexError):
                pass  # ended meanwhile, or a kernel that does not tell
    except OSError:
        _pids.discard(pid)
    return total / 1e9


def taken():
    """Seconds that all of them together were kept waiting so far."""
    return sum(map(_waited, list(_pids)))
