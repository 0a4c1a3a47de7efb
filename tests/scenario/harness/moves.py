# SPDX-License-Identifier: BSD-3-Clause
"""What phones do in several scenes."""

from .dialog import Manner
from .expect import equal, wait


def ringing(s):
    """A call that rings at Bob's and is not answered: (caller's call, callee's call)."""
    a, bob = s.carrier(), s.bob(Manner(invite=None))
    up = a.call(s.bob_uri)
    down = bob.wait_call()
    wait(lambda: up.code == 180, 5, "the caller hears no ringing")
    return up, down


def before(method, call, answer):
    """When that request reaches the call's phone, answer() is called first."""
    plain = call.ua._on_request

    def hook(m, source):
        if m.method == method and m.call_id == call.call_id:
            call.ua._on_request = plain
            answer()
        plain(m, source)

    call.ua._on_request = hook


def drop(ua, method):
    """From now on the phone's requests of that method are lost."""
    plain = ua.transmit
    word = method.encode()
    ua.transmit = lambda data, to: None if data.startswith(word) else plain(data, to)


def ended_once(call, timeout=5):
    """Exactly one BYE reached the phone."""
    call.wait_ended(timeout)
    equal(len(call.heard("BYE")), 1, "BYEs at " + call.ua.name)


def connected(s, a=None, b=None):
    """An answered call without media."""
    a, b = a or s.carrier(), b or s.bob()
    n = len(b.incoming)
    up = a.call(s.bob_uri).wait_up()
    down = b.wait_call(count=n + 1)
    wait(lambda: down.up and not down.unacked, 5, "Bob got no ACK")
    return up, down
