# SPDX-License-Identifier: BSD-3-Clause
"""What was really on the wire: a capture by tcpdump, read while it grows."""

import os
import struct

from .expect import wait
from .proc import Process, run
from .sip import Message

ETHERNET = 14


class Packet:
    __slots__ = ("time", "src", "dst", "tos", "payload", "_sip")

    def __init__(self, time, src, dst, tos, payload):
        self.time = time
        self.src = src
        self.dst = dst
        self.tos = tos
        self.payload = payload
        self._sip = False

    @property
    def sip(self):
        """The SIP message, or None."""
        if self._sip is False:
            self._sip = Message.parse(self.payload) if b"SIP/2.0" in self.payload[:512] else None
        return self._sip

    @property
    def rtp(self):
        return len(self.payload) >= 12 and self.payload[0] >> 6 == 2 and \
            not 192 <= self.payload[1] <= 223

    def __repr__(self):
        what = self.sip.start if self.sip else "%d bytes" % len(self.payload)
        return "%s:%d > %s:%d %s" % (*self.src, *self.dst, what)


def _udp(time, frame):
    """The UDP packet in an Ethernet frame of IPv4, or None."""
    if len(frame) < ETHERNET + 28 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    ip = ETHERNET
    udp = ip + (frame[ip] & 15) * 4
    sport, dport, length = struct.unpack_from("!HHH", frame, udp)
    src = ".".join(map(str, frame[ip + 12:ip + 16]))
    dst = ".".join(map(str, frame[ip + 16:ip + 20]))
    return Packet(time, (src, sport), (dst, dport), frame[ip + 1],
                  bytes(frame[udp + 8:udp + length]))


def frames(data):
    """Yields (time, frame) of a pcap file's bytes, and stops at an unfinished record."""
    if len(data) < 24:
        return
    magic, = struct.unpack_from("<I", data)
    scale = {0xa1b2c3d4: 1e-6, 0xa1b23c4d: 1e-9}[magic]
    at = 24
    while at + 16 <= len(data):
        sec, part, size, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + size > len(data):
            return
        yield at + 16 + size, sec + part * scale, data[at + 16:at + 16 + size]
        at += 16 + size


class Wire:
    """A capture on one interface; times are those of the wall clock."""

    def __init__(self, ns, interface, path, only="udp"):
        self.path = path
        self.packets = []
        self._read = 0
        self._file = None
        argv = ["tcpdump", "-i", interface, "-n", "-U", "-B", "8192", "--immediate-mode",
                "-Z", "root", "-w", path]
        self.process = Process("tcpdump", argv + only.split(), path + ".log", ns)
        wait(lambda: os.path.exists(path) and os.path.getsize(path) >= 24 or
             (self.process.must_run() and False), 10, "tcpdump did not start")

    def all(self):
        """Every UDP packet so far."""
        if self._file is None:
            self._file = open(self.path, "rb")
            self._head = self._file.read(24)
            self._rest = b""
        self._rest += self._file.read()
        used = 24
        data = self._head + self._rest
        for used, time, frame in frames(data):
            packet = _udp(time, frame)
            if packet:
                self.packets.append(packet)
        self._rest = data[used:]
        return self.packets

    def sip(self, method=None, code=None, src=None, dst=None, since=0, cseq=None):
        """SIP messages that match; src and dst are IP addresses; code is of a response, method
        of a request (or, beside a code, of the CSeq of the response)."""
        found = []
        for packet in self.all():
            if packet.time < since or (src and packet.src[0] != src) or \
                    (dst and packet.dst[0] != dst) or not packet.sip:
                continue
            m = packet.sip
            if code is not None:
                if m.code != code or (method and m.cseq[1] != method):
                    continue
            elif method is not None and m.method != method:
                continue
            if cseq is not None and m.cseq[0] != cseq:
                continue
            found.append(packet)
        return found

    def requests(self, method, **match):
        """The first copy of each request that matches, without its repeats."""
        seen = set()
        found = []
        for packet in self.sip(method, **match):
            key = (packet.sip.branch, packet.src)
            if key not in seen:
                seen.add(key)
                found.append(packet)
        return found

    def wait_sip(self, timeout, what, count=1, **match):
        """Waits for `count` distinct matches and returns the last of them."""
        match_method = match.pop("method", None)

        def look():
            if "code" in match:
                found = self.sip(match_method, **match)
            else:
                found = self.requests(match_method, **match)
            return found[count - 1] if len(found) >= count else None

        return wait(look, timeout, "no %s on the wire" % what)

    def to(self, ip, port=None, since=0):
        return [p for p in self.all() if p.dst[0] == ip and p.time >= since and
                (port is None or p.dst[1] == port)]

    def malformed(self, src):
        """What tshark, an independent reader, finds malformed in SIP and SDP sent by src."""
        out = run(["tshark", "-r", self.path, "-Y",
                   "(_ws.malformed or _ws.expert.severity == error) and (sip or sdp) and "
                   "ip.src == " + src, "-T", "fields", "-e", "frame.number",
                   "-e", "_ws.expert.message"], check=False)
        return [line for line in out.stdout.splitlines() if line.strip()]

    def close(self):
        self.process.stop()
        if self._file:
            self._file.close()
