# SPDX-License-Identifier: BSD-3-Clause
"""What a phone of ua.py knows about one call, and how it behaves in it."""

import time

from . import sip
from .expect import Failure, wait
from .sip import Message

T1 = 0.5
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"


class Manner:
    """How a phone behaves. An answer is a code, None for silence, or function(call, request)
    that returns the response itself."""

    def __init__(self, **given):
        self.timer = True        # Supported: timer
        self.allow = ALLOW
        self.invite = 200        # answer to an initial INVITE
        self.ring = True
        self.update = 200        # answers in mid-call
        self.reinvite = 200
        self.options = 200
        self.bye = 200
        self.refresher = None    # whom a 2xx names when the request names nobody
        for name, value in given.items():
            if not hasattr(self, name):
                raise TypeError("no manner " + name)
            setattr(self, name, value)


class Transaction:
    """A request of ours on its way."""

    def __init__(self, request, to):
        self.request = request
        self.data = request.bytes()
        self.to = to
        self.sent = time.time()
        self.pause = T1
        self.next = self.sent + T1
        self.responses = []
        self.final = None

    def wait(self, timeout=32):
        """The final response."""
        return wait(lambda: self.final, timeout,
                    "no final answer to %s" % self.request.start, pause=0.01)


class Call:
    """One dialog as this phone sees it."""

    def __init__(self, ua, call_id, caller):
        self.ua = ua
        self.call_id = call_id
        self.caller = caller       # we made the call
        self.manner = ua.manner
        self.local_tag = sip.token()
        self.remote_tag = None
        self.local = self.remote = self.target = None
        self.route = []
        self.cseq = 0
        self.invite = None         # initial INVITE
        self.code = None           # its last answer
        self.up = None             # time of the answer
        self.ended = None          # time of the BYE, either way
        self.ended_by = None       # "us" or "peer"
        self.requests = []         # (time, request) received in the dialog
        self.repeats = 0           # received twice
        self.sdp = None
        self.remote_sdp = None     # message that carried the last SDP
        self.unacked = None        # (data, next, pause, to) of a 2xx that waits for its ACK

    @property
    def media(self):
        """Where the other side wants our RTP."""
        return self.remote_sdp.media if self.remote_sdp else None

    def heard(self, method):
        return [r for _, r in self.requests if r.method == method]

    def wait_up(self, timeout=10):
        wait(lambda: self.up or (self.code or 0) >= 300, timeout, "call was not answered")
        if not self.up:
            raise Failure("call was refused with %d" % self.code)
        return self

    def wait_code(self, code, timeout=10):
        wait(lambda: self.code == code, timeout, lambda _: "call has %s, not %d" %
             (self.code, code))

    def wait_ended(self, timeout):
        wait(lambda: self.ended, timeout, "no BYE arrived at %s" % self.ua.name)

    def wait_request(self, method, timeout, count=1):
        """The count-th request of that method in the dialog, and when it came."""
        def look():
            found = [(t, r) for t, r in self.requests if r.method == method]
            return found[count - 1] if len(found) >= count else None
        return wait(look, timeout, "no %s arrived at %s" % (method, self.ua.name))

    def message(self, method, body="", headers=(), cseq=None, branch=None):
        """A request in this dialog (or the one that opens it)."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        uri = self.target or self.remote
        m = Message("%s %s SIP/2.0" % (method, uri))
        m.headers = [("Via", self.ua.via(branch)), ("Max-Forwards", "70"),
                     ("From", "<%s>;tag=%s" % (self.local, self.local_tag)),
                     ("To", "<%s>" % self.remote +
                      (";tag=" + self.remote_tag if self.remote_tag else "")),
                     ("Call-ID", self.call_id), ("CSeq", "%d %s" % (cseq, method)),
                     ("Contact", "<%s>" % self.ua.contact)]
        m.headers += [("Route", r) for r in self.route]
        if method not in ("ACK", "CANCEL"):
            m.headers.append(("Allow", self.manner.allow))
            if self.manner.timer:
                m.headers.append(("Supported", "timer"))
        m.headers += list(headers)
        if body:
            m.headers.append(("Content-Type", "application/sdp"))
            m.body = body
        return m

    def request(self, method, body="", headers=()):
        return self.ua.send(self.message(method, body, headers))

    def bye(self):
        if not self.ended:
            self.ended, self.ended_by = time.time(), "us"
        return self.request("BYE")

    def cancel(self):
        m = self.message("CANCEL", cseq=self.invite.cseq[0], branch=self.invite.branch)
        m.headers = [h for h in m.headers if h[0] != "Contact"]
        return self.ua.send(m)

    def reinvite(self, body):
        self.sdp = body
        return self.request("INVITE", body)

    def acked(self, m):
        """An ACK ends the repeats of the 2xx with its CSeq, no other's."""
        if self.unacked and Message.parse(self.unacked[0]).cseq[0] == m.cseq[0]:
            self.unacked = None

    def ack(self, cseq):
        self.ua.transmit(self.message("ACK", cseq=cseq).bytes(), self.ua.node)
