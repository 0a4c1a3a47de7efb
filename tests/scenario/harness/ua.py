# SPDX-License-Identifier: BSD-3-Clause
"""A SIP phone on one UDP socket, for what SIPp cannot do: many calls at once, answers decided in
mid-call, messages that no phone should send."""

import select
import threading
import time

from . import sip
from .dialog import T1, Call, Manner, Transaction
from .expect import Failure, wait
from .netns import receive, udp_socket
from .sip import Message
from .topology import NODE


class Ua:
    def __init__(self, ns, ip, port=5060, user="phone", manner=None, node=None, buffer=None):
        self.sock = udp_socket(ns, ip, port, buffer)
        self.sock.setblocking(False)
        self.ns, self.ip, self.port = ns, ip, self.sock.getsockname()[1]
        self.user = user
        self.name = "%s@%s" % (user, ip)
        self.node = node or (NODE, 5060)
        self.manner = manner or Manner()
        self.media_port = 30000
        self.credentials = None    # (user, password)
        self.calls = {}            # Call-ID -> Call
        self.incoming = []         # calls to us, in order
        self.strays = []           # (time, data) of what is no SIP
        self.asked = []            # (time, message) of OPTIONS outside of calls
        self.options = 200         # what they get, None: nothing
        self.stun = False          # answers STUN Binding requests
        self.agent = None          # User-Agent of a REGISTER
        self.mute = False          # hears nothing, says nothing
        self.time = None           # when what it hears came
        self._open = {}            # (branch, method) -> Transaction
        self._done = {}            # (branch, method) of a peer's request -> our last answer
        self._lock = threading.RLock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def contact(self):
        return "sip:%s@%s:%d" % (self.user, self.ip, self.port)

    def via(self, branch=None):
        return "SIP/2.0/UDP %s:%d;rport;branch=%s" % (self.ip, self.port, branch or sip.branch())

    # What goes out

    def transmit(self, data, to):
        try:
            self.sock.sendto(data, to)
        except OSError:
            pass  # an ICMP answer to an earlier packet

    def send(self, request, to=None):
        """Sends a request and repeats it until it is answered."""
        with self._lock:
            t = Transaction(request, to or self.node)
            self._open[request.branch, request.method] = t
            self.transmit(t.data, t.to)
            return t

    def call(self, uri, headers=(), body=None, manner=None, call_id=None):
        call = Call(self, call_id or "%s@%s" % (sip.token(), self.ip), True)
        call.manner = manner or self.manner
        call.local = "sip:%s@%s" % (self.user, self.ip)
        call.remote = uri
        call.sdp = sip.sdp(self.ip, self.media_port) if body is None else body
        call.invite = call.message("INVITE", call.sdp, headers)
        self.calls[call.call_id] = call
        self.send(call.invite)
        return call

    def register(self, domain, expires=3600, contact=None):
        """Registers, with an answer to one challenge; returns the final response."""
        user, password = self.credentials or (self.user, "")
        uri = "sip:" + domain
        call_id, tag = sip.token(), sip.token()
        extra = []
        for cseq in (1, 2):
            m = Message("REGISTER %s SIP/2.0" % uri, [
                ("Via", self.via()), ("Max-Forwards", "70"),
                ("From", "<sip:%s@%s>;tag=%s" % (user, domain, tag)),
                ("To", "<sip:%s@%s>" % (user, domain)), ("Call-ID", call_id),
                ("CSeq", "%d REGISTER" % cseq), ("Contact", "<%s>" % (contact or self.contact)),
                ("Expires", str(expires))] + extra)
            if self.agent:
                m.headers.append(("User-Agent", self.agent))
            final = self.send(m).wait()
            if final.code != 401 or cseq == 2:
                return final
            challenge = next((c for c in final.all("WWW-Authenticate") if "MD5" in c or
                              "algorithm" not in c), None)
            if challenge is None:
                raise Failure("no MD5 challenge in the 401")
            extra = [("Authorization", sip.authorization(challenge, "REGISTER", uri, user,
                                                         password))]
        return final

    # What comes in

    def _run(self):
        tick = 0
        while not self._closed:
            try:
                ready = select.select([self.sock], [], [], 0.02)[0]
            except (OSError, ValueError):
                return
            if ready:
                self._drain()
            if time.time() >= tick:
                tick = time.time() + 0.02
                with self._lock:
                    self._repeat(time.time())

    def _drain(self):
        for _ in range(500):
            try:
                data, source, self.time = receive(self.sock)
            except BlockingIOError:
                return
            except OSError:
                continue
            if self.mute:
                continue
            m = Message.parse(data)
            with self._lock:
                if m is None:
                    self.strays.append((self.time, data))
                    if self.stun and data[:8] == b"\0\1\0\0\x21\x12\xa4\x42":
                        # XOR-MAPPED-ADDRESS; nobody looks into it.
                        self.transmit(b"\1\1\0\x0c" + data[4:20] + b"\0\x20\0\x08\0\1" +
                                      bytes(6), source)
                elif m.method:
                    self._on_request(m, source)
                else:
                    self._on_response(m)

    def _repeat(self, now):
        if self.mute:
            return
        for key, t in list(self._open.items()):
            if now - t.sent > 64 * T1:
                del self._open[key]
            elif now >= t.next:
                t.pause = t.pause * 2 if key[1] == "INVITE" else min(t.pause * 2, 4)
                t.next = now + t.pause
                self.transmit(t.data, t.to)
        for call in list(self.calls.values()):
            if call.unacked and now >= call.unacked[1]:
                data, _, pause, to = call.unacked
                pause = min(pause * 2, 4)
                call.unacked = (data, now + pause, pause, to)
                self.transmit(data, to)

    def _on_response(self, m):
        method = m.cseq[1]
        t = self._open.get((m.branch, method))
        call = self.calls.get(m.call_id)
        if t:
            t.responses.append(m)
            if m.code < 200:
                t.next = float("inf") if method == "INVITE" else t.next
            else:
                t.final = m
                del self._open[m.branch, method]
        if not call or method != "INVITE":
            return
        initial = m.cseq[0] == call.invite.cseq[0] if call.caller else False
        if m.code >= 300:
            if t:
                ack = Message(t.request.start.replace("INVITE", "ACK", 1), [
                    h for h in t.request.headers if h[0] in (
                        "Via", "Max-Forwards", "From", "Call-ID", "Route")])
                ack.headers += [("To", m.get("To")), ("CSeq", "%d ACK" % m.cseq[0])]
                self.transmit(ack.bytes(), t.to)
            if initial and m.code in (401, 407) and self.credentials and t:
                self._retry(call, m)
            elif initial:
                call.code = m.code
            return
        if initial and not call.up:
            call.code = m.code
            call.remote_tag = m.tag("To") or call.remote_tag
        if m.body:
            call.remote_sdp = m
        if m.code >= 200:
            call.target = m.target or call.target
            if initial:
                call.route = list(reversed(m.all("Record-Route")))
                call.up = call.up or self.time
            call.ack(m.cseq[0])

    def _retry(self, call, m):
        header = "WWW-Authenticate" if m.code == 401 else "Proxy-Authenticate"
        challenge = next(c for c in m.all(header) if "MD5" in c or "algorithm" not in c)
        answer = sip.authorization(challenge, "INVITE", call.remote, *self.credentials)
        call.cseq += 1
        old = call.invite
        call.invite = Message(old.start, old.headers, old.body)
        call.invite.set("Via", self.via()).set("CSeq", "%d INVITE" % call.cseq)
        call.invite.set(header.replace("WWW-Authenticate", "Authorization").replace(
            "Proxy-Authenticate", "Proxy-Authorization"), answer)
        self.send(call.invite)

    def respond(self, call, request, code, source, body="", headers=()):
        """Answers a request; the answer is kept for its repeats."""
        m = Message("SIP/2.0 %d %s" % (code, "OK" if code == 200 else "Code"))
        m.headers = [("Via", v) for v in request.all("Via")]
        m.headers += [("From", request.get("From"))]
        to = request.get("To")
        if call and not request.tag("To") and code > 100:
            to += ";tag=" + call.local_tag
        m.headers += [("To", to), ("Call-ID", request.call_id), ("CSeq", request.get("CSeq"))]
        if call and request.method in ("INVITE", "UPDATE") and 100 < code < 300:
            m.headers += [("Record-Route", r) for r in request.all("Record-Route")]
            m.headers += [("Contact", "<%s>" % self.contact), ("Allow", call.manner.allow)]
            if code >= 200 and call.manner.timer:
                m.headers += self._timer(call, request)
        m.headers += list(headers)
        if body:
            m.headers.append(("Content-Type", "application/sdp"))
            m.body = body
        self._answer(request, m.bytes(), source)
        return m

    def _answer(self, request, data, source):
        self._done[request.branch, request.method] = data
        self.transmit(data, source)

    def _timer(self, call, request):
        """The session timer's part of a 2xx (RFC 4028, section 9)."""
        headers = [("Supported", "timer")]
        asked = request.session_expires
        if asked:
            refresher = asked[1] or call.manner.refresher or "uac"
            headers.append(("Session-Expires", "%d;refresher=%s" % (asked[0], refresher)))
            if refresher == "uac":
                headers.append(("Require", "timer"))
        return headers

    def _on_request(self, m, source):
        call = self.calls.get(m.call_id)
        if m.method == "ACK":
            if call:
                call.acked(m)
                if m.body:
                    call.remote_sdp = m
            return
        key = (m.branch, m.method)
        if key in self._done:
            if call:
                call.repeats += 1
            if self._done[key]:
                self.transmit(self._done[key], source)
            return
        if call and m.method == "INVITE" and not m.tag("To"):
            call = None  # refused, and sent once more
        if call is None:
            if m.method == "INVITE" and not m.tag("To"):
                self._on_call(m, source)
            elif m.method != "OPTIONS":
                self.respond(None, m, 481, source)
            else:
                self.asked.append((self.time, m))
                if self.options:
                    self.respond(None, m, self.options, source)
            return
        self._done[key] = None
        call.requests.append((self.time, m))
        manner = call.manner
        if m.method == "CANCEL":
            self.respond(call, m, 200, source)
            if not call.up:
                call.code = 487
                call.ended, call.ended_by = self.time, "peer"
                self.respond(call, call.invite, 487, source)
            return
        if m.method == "BYE":
            call.unacked = None
            if not call.ended:
                call.ended, call.ended_by = self.time, "peer"
        if m.method == "INVITE" or m.body:
            call.target = m.target or call.target
        answer = {"BYE": manner.bye, "UPDATE": manner.update, "INVITE": manner.reinvite,
                  "OPTIONS": manner.options}.get(m.method, 405)
        if callable(answer):
            answer = answer(call, m)
        if answer is None:
            return
        if answer < 300 and m.body:
            call.remote_sdp = m
            call.sdp = sip.mirror(call.sdp, m.direction)
        body = call.sdp if answer < 300 and (m.method == "INVITE" or m.body) else ""
        sent = self.respond(call, m, answer, source, body)
        if m.method == "INVITE" and answer < 300:
            call.unacked = (sent.bytes(), time.time() + T1, T1, source)

    def _on_call(self, m, source):
        call = Call(self, m.call_id, False)
        call.invite = m
        call.remote_tag = m.tag("From")
        call.local = "sip:%s@%s" % (self.user, self.ip)
        call.remote = m.address("From")
        call.target = m.target
        call.route = m.all("Record-Route")
        call.remote_sdp = m if m.body else None
        call.sdp = sip.sdp(self.ip, self.media_port)
        if " RTP/SAVP " in m.body:
            call.sdp = sip.secure(call.sdp)
        call.source = source
        self.calls[m.call_id] = call
        self.incoming.append(call)
        self._done[m.branch, "INVITE"] = None
        code = call.manner.invite
        if callable(code):
            code = code(call, m)
        if call.manner.ring:
            self.respond(call, m, 180, source)
        if code is not None:
            self.answer(call, code)

    def answer(self, call, code=200):
        """Answers a ringing call."""
        with self._lock:
            call.code = code
            sent = self.respond(call, call.invite, code, call.source,
                                call.sdp if code < 300 else "")
            if code < 300:
                call.up = time.time()
                call.unacked = (sent.bytes(), time.time() + T1, T1, call.source)

    def wait_call(self, timeout=10, count=1):
        """The count-th call that reaches this phone."""
        wait(lambda: len(self.incoming) >= count, timeout, "no call reached %s" % self.name)
        return self.incoming[count - 1]

    def close(self):
        self._closed = True
        self._thread.join(1)
        self.sock.close()
