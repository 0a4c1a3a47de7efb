# SPDX-License-Identifier: BSD-3-Clause
"""Debian's rtpengine at the far end of a wire, in user space, set up by its ng protocol."""
import socket

import spent
from wire import NODE, PORT_FIRST, phone

from harness.expect import wait
from harness.netns import udp_socket
from harness.proc import Process

CONTROL = 2223
PATIENCE = 5  # seconds for an answer
SDP = ("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n"
       "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n")


def bencode(value):
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(item)
                               for key, item in sorted(value.items())) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    text = value.encode()
    return b"%d:%s" % (len(text), text)


def sdp_of(answer):
    """The SDP in an answer: the one string behind the key."""
    length, _, rest = answer[answer.index(b"3:sdp") + 5:].partition(b":")
    return rest[:int(length)].decode()


class Rtpengine:
    """One thread that polls: what it does on one core, without locks that others hold."""

    def __init__(self, wire, calls):
        self.asked = 0
        wire.address("eth1")
        self.process = Process("rtpengine", [
            "rtpengine", "--foreground", "--log-stderr", "--log-level=4", "--table=-1",
            f"--interface={NODE}", f"--listen-ng=127.0.0.1:{CONTROL}", "--num-threads=1",
            f"--port-min={PORT_FIRST}", "--port-max=65534", "--delete-delay=0", "--timeout=3600",
            "--pidfile=" + wire.rig.path("rtpengine.pid"),
            "--config-file=none"], wire.rig.path("rtpengine.log"), wire.far)
        self.control = udp_socket(wire.far, "127.0.0.1")
        self.control.settimeout(PATIENCE)
        wait(lambda: self.ask("ping", {}, 0.2) or (self.process.must_run() and None), 20,
             "rtpengine does not answer")
        self.legs = []
        for call in range(calls):
            self.legs += self.call(call)

    def ask(self, command, words, patience=PATIENCE):
        self.asked += 1  # an answer is kept and given again for the same cookie
        cookie = b"c%d" % self.asked
        self.control.settimeout(patience)
        try:
            self.control.sendto(cookie + b" " + bencode({"command": command, **words}),
                                ("127.0.0.1", CONTROL))
            while True:
                got, _, answer = self.control.recvfrom(65536)[0].partition(b" ")
                if got == cookie:
                    break
        except OSError:
            return None
        if b"6:result5:error" in answer:
            raise RuntimeError(f"rtpengine refuses: {answer!r}")
        return answer

    def call(self, number):
        """Makes a call; returns its two legs. Our port for a leg is in the SDP for the other."""
        caller, callee = phone(2 * number), phone(2 * number + 1)
        words = {"call-id": f"call{number}", "from-tag": "a", "flags": ["no-rtcp-attribute"],
                 "replace": ["origin"], "ICE": "remove"}
        offer = self.ask("offer", {**words, "sdp": self.sdp(caller)})
        answer = self.ask("answer", {**words, "to-tag": "b", "sdp": self.sdp(callee)})
        return [(caller, self.local(answer)), (callee, self.local(offer))]

    @staticmethod
    def sdp(text):
        ip, port = text.split(":")
        return SDP.format(ip=ip, port=port)

    @staticmethod
    def local(answer):
        line = next(line for line in sdp_of(answer).split("\r\n") if line.startswith("m=audio"))
        return f"{NODE}:{line.split()[1]}"

    def cpu_ns(self):
        return spent.process(self.process.pid)

    def audit(self):
        self.process.must_run()

    def close(self):
        self.control.close()
        self.process.stop()
