# SPDX-License-Identifier: BSD-3-Clause
"""Trunks that ask for credentials."""

from harness import sip
from harness.config import DOMAIN
from harness.expect import check, equal, wait
from harness.judge import LATEST, nothing_left, over
from harness.scene import Scene
from harness.topology import CARRIER, FAR

from . import scenario

TRUNK_URI = "sip:+491@" + DOMAIN
REALM = "far.example"


def _trunks(**far):
    return {"trunks": [
        {"name": "carrier", "address": CARRIER + ":5060", "prefixes": ["00"]},
        {"name": "far", "address": FAR + ":5060", "prefixes": ["+"], **far}]}


class Door:
    """Lets in who proves to know the password. The first right answer finds its nonce stale."""

    def __init__(self, ua, realm=REALM):
        self.ua, self.realm = ua, realm
        self.nonce, self.stale = sip.token(), sip.token()
        self.came = []  # requests, let in or not
        ua.manner.ring = False
        for name in ("invite", "reinvite", "update", "options", "bye"):
            setattr(ua.manner, name, self)

    def of(self, method):
        return [m for m in self.came if m.method == method]

    def __call__(self, call, m):
        self.came.append(m)
        proof = m.get("Proxy-Authorization") or ""
        right = proof and sip.proves(proof, m.method, "linewatch", "geheim")
        if right and self.nonce in proof:
            return 200
        old = not self.stale or (right and self.stale in proof)
        self.ua.respond(call, m, 407, call.source, headers=[(
            "Proxy-Authenticate", 'Digest realm="%s", nonce="%s", algorithm=MD5, qop="auth"%s' % (
                self.realm, self.nonce if old else self.stale,
                ", stale=true" if right and old else ""))])
        if right and old:
            self.stale = None
        return None


@scenario(60)
def trunk_with_credentials():
    """B2B-07, DL-09: a trunk that challenges INVITE, refresh and BYE gets credentials, also when
    its nonce was stale; the session timer's headers stay in the repeated request."""
    with Scene(_trunks(user="linewatch", password="geheim", realm=REALM)) as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        door = Door(far)
        up = a.call(TRUNK_URI).wait_up()
        equal(len(door.of("INVITE")), 3, "INVITEs: challenged, stale, answered")
        media = s.rtp(a, up), s.rtp(far, far.incoming[-1])
        wait(lambda: len(door.of("UPDATE")) == 2, LATEST + 5, "the refresh was not repeated")
        plain, proved = door.of("UPDATE")
        for name in ("Session-Expires", "Min-SE"):
            equal(proved.get(name), plain.get(name), name + " of the repeated refresh")
        check(media[0].received > 100, "no media")
        up.bye().wait(5)
        over(s, "normal", "caller")
        wait(lambda: len(door.of("BYE")) == 2, 5, "the BYE was not repeated")
        numbers = [m.cseq[0] for m in door.came]
        equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "CSeq numbers")
        nothing_left(s)


@scenario(15)
def trunk_with_wrong_credentials():
    """DG-09, EXP-03: credentials go to no other realm and no other trunk, and a wrong password is
    not tried again."""
    with Scene(_trunks(user="linewatch", password="falsch", realm=REALM)) as s:
        a, far = s.carrier(), s.carrier(ip=FAR, user="far")
        door = Door(far)
        a.call(TRUNK_URI).wait_code(500, 5)
        equal(len(door.came), 2, "INVITEs with a wrong password")
        elsewhere = Door(far, "else.example")
        a.call(TRUNK_URI).wait_code(500, 5)
        equal(len(elsewhere.came), 1, "INVITEs to another realm")
        check(not elsewhere.came[0].get("Proxy-Authorization"), "credentials for another realm")
        check("trunks.realm" in s.node.cp.text(), "the log does not say what to look at")
        other = Door(a)
        far.call("sip:00331@" + DOMAIN).wait_code(500, 5)
        equal(len(other.came), 1, "INVITEs to a trunk without credentials")
        check(not other.came[0].get("Proxy-Authorization"), "credentials for another trunk")
        s.node.wait_cdr(5, 3)
        nothing_left(s)
