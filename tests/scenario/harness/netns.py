# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces: made for one scene, named after the process that made them."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import tempfile
import time

from .proc import run

CLONE_NEWNET = 0x40000000
SO_TIMESTAMPNS = 35
_libc = ctypes.CDLL(None, use_errno=True)
_name = re.compile(r"^lw(\d+)-")
_home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def entered(ns):
    """This thread is in the namespace meanwhile; what it opens there stays there."""
    fd = os.open("/run/netns/" + ns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(fd)
    finally:
        os.close(fd)
    try:
        yield
    finally:
        _setns(_home)


def udp_socket(ns, ip, port=0, buffer=None):
    with entered(ns):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((ip, port))
    return sock


def receive(sock):
    """The next datagram of such a socket, where it came from, and when, however late we are."""
    data, notes, _, source = sock.recvmsg(65535, 64)
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, part = struct.unpack("qq", note)
            return data, source, seconds + part / 1e9
    return data, source, time.time()


def remove(ns):
    """Ends whatever still runs in the namespace, by pid, and removes it."""
    for _ in range(50):
        pids = run(["ip", "netns", "pids", ns], check=False).stdout.split()
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)
    run(["ip", "netns", "del", ns], check=False)


def existing():
    return [line.split()[0] for line in run(["ip", "netns", "list"]).splitlines() if line]


def _orphaned(name):
    """A name of ours whose process is gone (it was killed hard)."""
    owner = _name.match(name)
    return owner and not os.path.exists("/proc/" + owner.group(1))


def sweep():
    """Removes what scenes left that were killed hard."""
    for ns in filter(_orphaned, existing()):
        remove(ns)
    for folder in filter(_orphaned, os.listdir(tempfile.gettempdir())):
        shutil.rmtree(os.path.join(tempfile.gettempdir(), folder), ignore_errors=True)


class Network:
    """The namespaces and wires of one scene."""

    def __init__(self):
        self.prefix = "lw%d-" % os.getpid()
        self.names = []

    def add(self, what):
        ns = self.prefix + what
        run(["ip", "netns", "add", ns])
        self.names.append(ns)
        self.sysctl(ns, "net.ipv6.conf.all.disable_ipv6", 1)
        self.sysctl(ns, "net.ipv6.conf.default.disable_ipv6", 1)
        run(["ip", "-n", ns, "link", "set", "lo", "up"])
        return ns

    def sysctl(self, ns, key, value):
        run(["sysctl", "-qw", "%s=%s" % (key, value)], ns=ns)

    def ip(self, ns, *commands):
        """Runs several ip commands in one go."""
        run(["ip", "-n", ns, "-batch", "-"], text_in="".join(c + "\n" for c in commands))

    def nft(self, ns, rules):
        run(["nft", "-f", "-"], ns=ns, text_in=rules)

    def bridge(self, ns, name, address=None):
        self.ip(ns, "link add name %s type bridge forward_delay 0 mcast_snooping 0" % name,
                "link set dev %s up" % name)
        if address:
            self.ip(ns, "addr add %s dev %s" % (address, name))

    def wire(self, ns, name, far_ns, far_name, bridge=None):
        """A cable with checksums in its frames: nobody completes them for a data plane that
        reads frames as they are. The far end joins a bridge if one is named."""
        run(["ip", "link", "add", name, "netns", ns, "type", "veth", "peer", "name", far_name,
             "netns", far_ns])
        for where, what in ((ns, name), (far_ns, far_name)):
            run(["ethtool", "-K", what, "tx", "off", "gro", "off"], ns=where)
        self.ip(ns, "link set dev %s up" % name)
        self.ip(far_ns, "link set dev %s up%s" % (far_name, " master " + bridge if bridge else ""))

    def close(self):
        for ns in reversed(self.names):
            remove(ns)
        self.names.clear()
