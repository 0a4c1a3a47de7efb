# SPDX-License-Identifier: BSD-3-Clause
"""One end of an RTP stream: real G.711 out, exact counts of what comes in."""

import random
import select
import struct
import threading
import time

from .netns import receive, udp_socket
from .wire import frames

PCAP = "/usr/share/sip-tester/g711a.pcap"


def _is_loud(payload):
    """Whether some of its A-law samples are speech, not the pause between two words."""
    return sum((byte ^ 0x55) & 0x7f >= 0x40 for byte in payload) >= 20


def recorded():
    """The G.711 payloads of SIPp's recording without its pauses: whoever hears any hears them."""
    with open(PCAP, "rb") as f:
        payloads = [frame[42 + 12:] for _, _, frame in frames(f.read())]
    return [payload for payload in payloads if _is_loud(payload)]


class Rtp:
    """Sends to `to` (None: nothing) every `every` seconds and counts what arrives. Start and
    stop of sending is by attributes; the socket hears all the time."""

    _audio = None

    def __init__(self, ns, ip, port, to=None, every=0.06, payload_type=8):
        if Rtp._audio is None:
            Rtp._audio = recorded()
        self.sock = udp_socket(ns, ip, port)
        self.sock.setblocking(False)
        self.ip, self.port = ip, self.sock.getsockname()[1]
        self.to = to
        self.every = every
        self.payload_type = payload_type
        self.ssrc = random.getrandbits(32)
        self.sequence = random.getrandbits(15)
        self.stamp = random.getrandbits(31)
        self.sent = 0
        self.received = 0
        self.other = 0         # what is no RTP
        self.last = None       # time of the last RTP packet (time.time)
        self.gap = 0.0         # longest time between two packets since gap_from()
        self.sources = {}      # address -> packets
        self.ssrcs = {}        # ssrc -> packets
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def mark(self):
        """Starts the measurement of the longest gap anew."""
        self.gap = 0.0
        self.last = None

    def silent_for(self):
        self._hear()  # what has come is there, though its thread may not have run yet
        return time.time() - self.last if self.last else None

    def packet(self):
        audio = self._audio[self.sequence % len(self._audio)]
        self.sequence = self.sequence + 1 & 0xffff
        self.stamp = self.stamp + 240 & 0xffffffff
        return struct.pack("!BBHII", 0x80, self.payload_type, self.sequence, self.stamp,
                           self.ssrc) + audio

    def send(self):
        try:
            self.sock.sendto(self.packet(), self.to)
            self.sent += 1
        except OSError:
            pass  # an ICMP answer to an earlier packet, or no route for the moment

    def _hear(self):
        with self._lock:
            self._take()

    def _take(self):
        while True:
            try:
                data, source, now = receive(self.sock)
            except BlockingIOError:
                return
            except OSError:
                if self._closed:
                    return
                continue
            if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
                self.other += 1
                continue
            if self.last is not None:
                self.gap = max(self.gap, now - self.last)
            self.last = now
            self.received += 1
            self.sources[source] = self.sources.get(source, 0) + 1
            ssrc, = struct.unpack_from("!I", data, 8)
            self.ssrcs[ssrc] = self.ssrcs.get(ssrc, 0) + 1

    def _run(self):
        due = time.monotonic()
        while not self._closed:
            if self.to and time.monotonic() >= due:
                self.send()
                due = max(due + self.every, time.monotonic())
            pause = max(0, due - time.monotonic()) if self.to else 0.05
            try:
                if select.select([self.sock], [], [], min(pause, 0.05))[0]:
                    self._hear()
            except (OSError, ValueError):
                return

    def close(self):
        self._closed = True
        self._thread.join(1)
        self.sock.close()
