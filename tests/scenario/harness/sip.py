# SPDX-License-Identifier: BSD-3-Clause
"""SIP messages, as much of them as a phone in a test needs."""

import hashlib
import re
import secrets

COMPACT = {"v": "via", "f": "from", "t": "to", "m": "contact", "i": "call-id", "c": "content-type",
           "l": "content-length", "k": "supported", "s": "subject", "x": "session-expires",
           "e": "content-encoding"}


def token(size=8):
    return secrets.token_hex(size)


def branch():
    return "z9hG4bK" + token()


class Message:
    """A start line, headers in order, a body."""

    def __init__(self, start, headers=(), body=""):
        self.start = start
        self.headers = list(headers)
        self.body = body

    @classmethod
    def parse(cls, data):
        """None for what is no SIP message."""
        try:
            head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
            lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
            headers = [(n.strip(), v.strip()) for n, _, v in
                       (line.partition(":") for line in lines[1:])]
            message = cls(lines[0], headers, body)
            if message.method is None and message.code is None:
                return None
            return message
        except (ValueError, IndexError):
            return None

    def bytes(self):
        lines = [self.start] + ["%s: %s" % h for h in self.headers if
                                h[0].lower() != "content-length"]
        lines.append("Content-Length: %d" % len(self.body.encode()))
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()

    @property
    def method(self):
        """Of a request, else None."""
        words = self.start.split(" ")
        return words[0] if len(words) == 3 and words[2] == "SIP/2.0" else None

    @property
    def code(self):
        """Of a response, else None."""
        words = self.start.split(" ", 2)
        return int(words[1]) if words[0] == "SIP/2.0" and words[1].isdigit() else None

    @property
    def uri(self):
        return self.start.split(" ")[1]

    def all(self, name):
        name = name.lower()
        return [v for n, v in self.headers if COMPACT.get(n.lower(), n.lower()) == name]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def set(self, name, value):
        self.headers = [h for h in self.headers if h[0].lower() != name.lower()]
        self.headers.append((name, value))
        return self

    def has_token(self, name, wanted):
        """Whether a comma-separated header such as Supported or Allow lists a token."""
        return any(wanted.lower() == t.strip().lower() for v in self.all(name)
                   for t in v.split(","))

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def cseq(self):
        number, _, method = (self.get("CSeq") or "0 ?").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self):
        found = re.search(r";branch=([^;,\s]+)", self.get("Via") or "")
        return found and found.group(1)

    def tag(self, name):
        found = re.search(r";tag=([^;,\s]+)", self.get(name) or "")
        return found and found.group(1)

    @property
    def target(self):
        """The URI in Contact."""
        return self.address("Contact") or None

    def address(self, name):
        """The URI of a From or To header."""
        value = self.get(name) or ""
        found = re.search(r"<([^>]+)>", value)
        return found.group(1) if found else value.split(";")[0].strip()

    @property
    def session_expires(self):
        """(seconds, refresher or None), or None."""
        value = self.get("Session-Expires")
        if value is None:
            return None
        found = re.search(r"refresher=(\w+)", value)
        return int(re.match(r"\d+", value).group(0)), found and found.group(1)

    @property
    def media(self):
        """(ip, port) of the first stream of the SDP, or None."""
        port = re.search(r"^m=\w+ (\d+)", self.body, re.M)
        ip = re.search(r"^c=IN IP4 (\S+)", self.body, re.M)
        return (ip.group(1), int(port.group(1))) if port and ip else None

    @property
    def origin(self):
        found = re.search(r"^o=.*$", self.body, re.M)
        return found and found.group(0).strip()

    @property
    def direction(self):
        found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", self.body, re.M)
        return found.group(1) if found else "sendrecv"


def sdp(ip, port, version=1, direction="sendrecv", session=None, codecs="8 101"):
    return ("v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
            "m=audio %d RTP/AVP %s\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=%s\r\n"
            % (session or port, version, ip, ip, port, codecs, direction))


def secure(text):
    """The same with SRTP. Its key is as good as any: nobody here encrypts."""
    return text.replace(" RTP/AVP ", " RTP/SAVP ") + (
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n" % ("A" * 40))


def mirror(text, offered):
    """Our SDP as the answer to an offer of that direction, a version higher if it changes."""
    wanted = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(offered, offered)
    return redirect(text, wanted)


def redirect(text, direction):
    """Our SDP with another direction, a version higher if it changes."""
    changed = re.sub(r"^a=(sendrecv|sendonly|recvonly|inactive)", "a=" + direction, text,
                     flags=re.M)
    if changed == text:
        return text
    return re.sub(r"^(o=\S+ \d+) (\d+)", lambda m: "%s %d" % (m.group(1), int(m.group(2)) + 1),
                  changed, flags=re.M)


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def proves(proof, method, user, password):
    """Whether an answer to a Digest challenge (MD5, qop=auth) is right."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', proof))
    ha1 = _md5("%s:%s:%s" % (user, fields["realm"], password))
    ha2 = _md5("%s:%s" % (method, fields["uri"]))
    return fields["username"] == user and fields["response"] == _md5(":".join(
        (ha1, fields["nonce"], fields["nc"], fields["cnonce"], "auth", ha2)))


def authorization(challenge, method, uri, user, password, count=1):
    """Answers a Digest challenge with MD5."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    ha1 = _md5("%s:%s:%s" % (user, fields["realm"], password))
    ha2 = _md5("%s:%s" % (method, uri))
    text = 'Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5' % (
        user, fields["realm"], fields["nonce"], uri)
    if "qop" in fields:
        nc, cnonce = "%08x" % count, token()
        response = _md5(":".join((ha1, fields["nonce"], nc, cnonce, "auth", ha2)))
        text += ', qop=auth, nc=%s, cnonce="%s"' % (nc, cnonce)
    else:
        response = _md5(":".join((ha1, fields["nonce"], ha2)))
    if "opaque" in fields:
        text += ', opaque="%s"' % fields["opaque"]
    return text + ', response="%s"' % response
