# SPDX-License-Identifier: BSD-3-Clause
"""Bad input, and the absence of what is needed."""

import os
import socket
import time

from harness import sip
from harness.config import DOMAIN, yaml
from harness.expect import check, equal, hold, now, wait
from harness.judge import over
from harness.node import CP, DP
from harness.proc import run
from harness.scene import Scene
from harness.sip import Message
from harness.topology import CARRIER, FAR, STRANGER

from . import scenario


def _invite(ua, **change):
    """A good INVITE with headers replaced, or dropped by None."""
    m = Message("INVITE sip:bob@%s SIP/2.0" % DOMAIN, [
        ("Via", ua.via()), ("Max-Forwards", "70"),
        ("From", "<sip:x@%s>;tag=%s" % (ua.ip, sip.token())), ("To", "<sip:bob@%s>" % DOMAIN),
        ("Call-ID", sip.token()), ("CSeq", "1 INVITE"), ("Contact", "<%s>" % ua.contact)])
    for name, value in change.items():
        name = name.replace("_", "-")
        m.headers = [h for h in m.headers if h[0].lower() != name.lower()]
        if value is not None:
            m.headers.append((name, value))
    return m.bytes()


def _changed(old, new, count=-1):
    return lambda ua: _invite(ua).replace(old, new, count)


def _with(**change):
    return lambda ua: _invite(ua, **change)


def _response(via, code="200 OK"):
    return Message("SIP/2.0 " + code, [
        ("Via", via), ("From", "<sip:a@b>;tag=1"), ("To", "<sip:a@b>;tag=2"), ("Call-ID", "x"),
        ("CSeq", "1 INVITE")]).bytes()


LENGTH = b"Content-Length: 0"
TOO_BIG = (400, 413, 513)
# What it is, the datagram, the codes that may answer it; silence may answer any.
BROKEN = (
    ("no From", _with(From=None), (400,)),
    ("no To", _with(To=None), (400,)),
    ("no Call-ID", _with(Call_ID=None), (400,)),
    ("no CSeq", _with(CSeq=None), (400,)),
    ("no Via", _with(Via=None), ()),
    ("CSeq of another method", _with(CSeq="1 OPTIONS"), (400,)),
    ("negative CSeq", _with(CSeq="-1 INVITE"), (400,)),
    ("huge CSeq", _with(CSeq="36893488147419103232 INVITE"), (400,)),
    ("negative length", _changed(LENGTH, b"Content-Length: -1"), (400,)),
    ("wrapping length", _changed(LENGTH, b"Content-Length: 4294967300"), (400,)),
    ("length beyond the datagram", _changed(LENGTH, b"Content-Length: 500"), (400,)),
    ("SIP/7.0", _changed(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1), (505, 400)),
    ("unknown scheme", _changed(b"INVITE sip:", b"INVITE gopher:", 1), (416, 400)),
    ("Max-Forwards no number", _with(Max_Forwards="abc"), (400,)),
    ("Max-Forwards 0", _with(Max_Forwards="0"), (483,)),
    ("unknown extension required", _with(Require="teleport"), (420,)),
    ("15,000 parameters", _with(From="<sip:x@y>;tag=1" + ";a=b" * 15000), TOO_BIG),
    ("a line of 5,000 bytes", _with(Subject="x" * 5000), TOO_BIG),
    ("60 kB", lambda ua: _invite(ua) + b"x" * 60000, TOO_BIG),
    ("500 headers", _changed(b"\r\n\r\n", b"\r\nX: y" * 500 + b"\r\n\r\n"), TOO_BIG),
    ("NUL in a header", _with(Subject="a\0b"), (400,)),
    ("no end", lambda ua: _invite(ua)[:-4], (400,)),
    ("half a start line", lambda ua: _invite(ua)[:9], ()),
    ("empty", lambda ua: b"", ()),
    ("one byte", lambda ua: b"\0", ()),
    ("noise", lambda ua: bytes((n * 73 + 41) & 255 for n in range(1400)), ()),
    ("stray 200", lambda ua: _response("SIP/2.0/UDP 192.0.2.10:5060;branch=" + sip.branch()), ()),
    ("foreign 200", lambda ua: _response("SIP/2.0/UDP 203.0.113.77;branch=z9"), ()),
    ("escape sequences", _with(User_Agent="%n\x1b[2J%s%s"), (180, 480, 486)),
)


@scenario(60)
def malformed_sip():
    """Malformed SIP gets 400 or silence and harms no other call."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 10, 5, "no media")
        pid = s.node.cp.pid
        down.ua.manner.invite = 486
        for n, (what, make, codes) in enumerate(BROKEN):
            # A socket of its own, so that repeated answers to one are not taken for the next.
            bad = s.keep(type(up.ua)(s.topology.carrier, CARRIER, 5900 + n, "bad"))
            answers = []
            bad._on_response = lambda m, to=answers: to.append(m.code)
            bad.transmit(make(bad), bad.node)
            end = now() + (0.6 if codes else 0.1)
            while now() < end and not [c for c in answers if c >= 180]:
                time.sleep(0.01)
            wrong = [c for c in answers if c != 100 and c not in codes]
            check(not wrong, "%s was answered with %s" % (what, wrong))
            alive = up.request("OPTIONS").wait(2)
            equal(alive.code, 200, "OPTIONS in the living call after: " + what)
        s.node.must_run()
        equal(s.node.cp.pid, pid, "pid of linewatch-cp")
        check("\x1b" not in s.node.cp.text(), "escape sequences reached the log")
        check(media_a.silent_for() < 1 and not up.ended and not down.ended, "the call suffered")
        up.bye().wait()
        down.wait_ended(3)


@scenario(8)
def forged_requests():
    """Requests from a stranger with the ids of a living call do nothing to it."""
    with Scene() as s:
        ns = s.topology.stranger()
        up, down, media_a, _ = s.talk()
        forger = s.keep(type(up.ua)(ns, STRANGER, 5060, "forger"))
        for method in ("BYE", "UPDATE", "INVITE"):
            m = up.message(method, cseq=up.cseq + 100)
            m.set("Via", forger.via())
            final = forger.send(m).wait(5)
            check(final.code >= 400, "a stranger's %s got %d" % (method, final.code))
        final = forger.call(s.bob_uri)
        wait(lambda: (final.code or 0) >= 400, 5, "a stranger's call was not refused")
        hold(lambda: not up.ended and not down.ended, 2, "the call was ended by a stranger")
        wrong = up.message("BYE")
        other = up.remote_tag[:-1] + ("1" if up.remote_tag[-1] == "0" else "0")
        wrong.set("To", wrong.get("To").replace(up.remote_tag, other))
        check(up.ua.send(wrong).wait(5).code in (403, 481), "a BYE with a wrong tag was taken")
        check(not up.ended and media_a, "the call was ended")
        up.bye().wait()
        down.wait_ended(3)


@scenario(12)
def register_flood():
    """A flood of REGISTERs gets 503 with Retry-After; the living call and, afterwards, honest
    phones are served."""
    with Scene({"sip": {"register_rate": 20}}) as s:
        up, down, media_a, _ = s.talk()
        flood = s.keep(type(up.ua)(s.topology.carrier, CARRIER, 5998, "bob"))
        codes = {}
        plain = flood._on_response

        def note(m):
            codes.setdefault(m.code, []).append(m)
            plain(m)

        flood._on_response = note
        for n in range(600):
            flood.transmit(Message("REGISTER sip:" + DOMAIN + " SIP/2.0", [
                ("Via", flood.via()), ("Max-Forwards", "70"),
                ("From", "<sip:bob@%s>;tag=%d" % (DOMAIN, n)), ("To", "<sip:bob@%s>" % DOMAIN),
                ("Call-ID", sip.token()), ("CSeq", "1 REGISTER"),
                ("Contact", "<%s>" % flood.contact)]).bytes(), flood.node)
            if n % 20 == 0:  # as many as a socket has room for
                wait(lambda: sum(map(len, codes.values())) > n - 60, 5, "no answers to the flood",
                     pause=0.01)
        wait(lambda: len(codes.get(503, [])) > 300, 5,
             lambda _: "answers to the flood: %s" % {k: len(v) for k, v in codes.items()})
        check(all(m.get("Retry-After") for m in codes[503]), "503 without Retry-After")
        equal(up.request("OPTIONS").wait(2).code, 200, "OPTIONS in the living call")
        time.sleep(1.5)
        equal(down.ua.register(DOMAIN).code, 200, "an honest REGISTER after the flood")
        check(media_a.silent_for() < 1, "media suffered")
        up.bye().wait()
        down.wait_ended(3)


@scenario(50)
def media_ports_exhausted():
    """A full port range refuses with 503 before the callee is called, and recovers."""
    with Scene({"node": {"media_ports": "20000-20007"}}) as s:
        a = s.carrier()
        far = s.carrier(ip=FAR, user="far")
        calls = [a.call("sip:+491@" + DOMAIN).wait_up() for _ in range(2)]
        third = a.call("sip:+491@" + DOMAIN)
        third.wait_code(503)
        equal(len(far.incoming), 2, "calls that reached the far trunk")
        for call in calls:
            call.bye().wait()

        def again():
            call = a.call("sip:+491@" + DOMAIN)
            wait(lambda: call.up or (call.code or 0) >= 300, 5, "no answer")
            return call.up and call
        wait(again, 45, "freed ports are never used again", 2).bye().wait()


@scenario(12)
def broken_control_message():
    """Garbage on the data plane's control socket closes that connection with a log line, no
    other."""
    with Scene() as s:
        up, down, media_a, media_b = s.talk()
        wait(lambda: media_a.received > 10, 5, "no media")
        path = s.node.conf["dataplane"]["socket"]
        for data in (b"hello", b"\0" * 16, b"\xff" * 4096, os.urandom(200),
                     b"\x01\0\x50\0\x01\0\0\0" + b"\0" * 88):
            before = len(s.node.dp.text())
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as c:
                c.settimeout(3)
                c.connect(path)
                c.send(data)
                try:
                    while c.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
                except socket.timeout:
                    check(False, "the connection stayed open after %r" % data[:16])
            wait(lambda n=before: len(s.node.dp.text()) > n, 3, "no log line about %r" % data[:16])
        s.node.must_run()
        hold(lambda: media_a.silent_for() < 1 and media_b.silent_for() < 1, 2, "media suffered")
        up.bye().wait()
        down.wait_ended(3)
        over(s, "normal", "caller")


@scenario(15)
def redis_absent_at_start():
    """Without Redis the node starts, says so once, refuses calls with 503, and serves as soon as
    Redis is there."""
    with Scene(start=False) as s:
        s.node.start(redis=False)
        a = s.carrier()
        wait(lambda: run(["ss", "-Hlnu", "sport", "= :5060"], ns=s.topology.node).strip(), 10,
             "the SIP socket is not open")
        bob = s.bob(register=False)
        a.call(s.bob_uri).wait_code(503)
        time.sleep(4)
        lines = [t for t in s.node.cp.text().splitlines() if "redis" in t.lower()]
        equal(len(lines), 1, "log lines about the absent Redis: %s" % lines)
        s.node.redis.start()
        s.node.wait_ready(30)
        equal(bob.register(DOMAIN).code, 200, "REGISTER once Redis is there")
        up = a.call(s.bob_uri).wait_up()
        up.bye().wait()
        over(s, "normal", "caller")


@scenario(40)
def redis_lost_later():
    """Redis is lost: own calls go on, new ones are accepted up to the bound of the journal, and
    all is written when it returns."""
    bound = 100
    with Scene({"redis": {"journal": bound}}) as s:
        a = s.carrier()
        far = s.carrier(ip=FAR, user="far")
        first = a.call("sip:+491@" + DOMAIN).wait_up()
        other = a.call("sip:+491@" + DOMAIN).wait_up()
        s.node.wait_call("active")
        s.node.redis.kill()
        time.sleep(1)
        accepted, refused = [], []
        for _ in range(bound + 40):
            call = a.call("sip:+491@" + DOMAIN)
            wait(lambda: call.up or (call.code or 0) >= 300, 10, "no answer to a call")
            (accepted if call.up else refused).append(call)
        check(refused and {c.code for c in refused} == {503}, "refused with %s" %
              {c.code for c in refused})
        check(bound - 20 <= len(accepted) <= bound, "%d calls accepted without Redis, bound %d" %
              (len(accepted), bound))
        other.bye().wait()
        wait(lambda: sum(1 for c in far.incoming if c.ended) == 1, 3, "the BYE did not cross")
        s.node.redis.start()
        wait(lambda: len(s.node.redis.due()) == len(accepted) + 1, 20,
             lambda _: "%d calls in Redis, expected %d" % (len(s.node.redis.due()),
                                                           len(accepted) + 1), 0.5)
        equal(s.node.wait_cdr(10)["cause"], "normal", "record of the call that ended meanwhile")
        fresh = a.call("sip:+491@" + DOMAIN).wait_up(10)
        for call in accepted + [first, fresh]:
            call.bye()
        wait(lambda: all(c.ended for c in far.incoming), 20, "not every BYE crossed")
        s.node.wait_cdr(20, len(accepted) + 3)


@scenario(20)
def redis_silent():
    """Redis hangs without closing: calls are set up and ended all the same."""
    with Scene() as s:
        up, down, _, _ = s.talk()
        s.node.wait_call("active")
        s.node.redis.pause()
        second = up.ua.call(s.bob_uri).wait_up(10)
        second.bye().wait()
        up.bye().wait()
        down.wait_ended(3)
        s.node.redis.resume()
        s.node.wait_cdr(20, 2)


WRONG = (
    ({"session": {"SS_SIP_SESSION_TTL": 60}}, "session.SS_SIP_SESSION_TTL", "90 to 86400 s"),
    ({"session": {"SS_SIP_SESSION_UPDATE_SEGMENT": 1}}, "session.SS_SIP_SESSION_UPDATE_SEGMENT",
     "2 to 10"),
    ({"session": {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": 301}},
     "session.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "0 to 300 s"),
    ({"session": {"SS_SIP_NO_TIMER_REINVITE_INTERVAL": 59}},
     "session.SS_SIP_NO_TIMER_REINVITE_INTERVAL", "0 (off) or 60 to 604800 s"),
    ({"keepalive": {"SS_SIP_NAT_KEEP_ALIVE_PERIOD": 9}},
     "keepalive.SS_SIP_NAT_KEEP_ALIVE_PERIOD", "10 to 86400 s"),
    ({"keepalive": {"SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": 5}},
     "keepalive.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", "10 to 10000 ms"),
    ({"keepalive": {"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 0}},
     "keepalive.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "1 to 1000000"),
    ({"keepalive": {"SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "x" * 1201}},
     "keepalive.SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "1200 bytes"),
    ({"session": {"SS_SIP_SESSION_TTI": 90}}, "session.SS_SIP_SESSION_TTI", "SS_SIP_SESSION_TTL"),
)


@scenario(8)
def wrong_configuration():
    """A wrong value stops the start of either program with one line that names file, line,
    field, value and what is allowed."""
    with Scene(start=False) as s:
        for change, field, allowed in WRONG:
            conf = {**s.node.conf, **{k: {**s.node.conf[k], **v} for k, v in change.items()}}
            path = os.path.join(s.folder, "wrong.yaml")
            with open(path, "w") as f:
                f.write(yaml(conf) + "\n")
            name = field.split(".")[1]
            with open(path) as f:
                line = next(n for n, t in enumerate(f, 1) if name in t)
            for program in (CP, DP):
                done = run([program, "-c", path], ns=s.topology.node, check=False, timeout=10)
                said = (done.stdout + done.stderr).strip().splitlines()
                equal(done.returncode, 78, "status of %s with a wrong %s" % (program, name))
                equal(len(said), 1, "lines about a wrong %s: %s" % (name, said))
                for part in ("%s:%d: " % (path, line), field, allowed):
                    check(part in said[0], "%r is missing in: %s" % (part, said[0]))


@scenario(5)
def configuration_shown():
    """`linewatchctl config` shows each value and where it comes from."""
    with Scene({"session": {"preset": "call-center", "SS_SIP_NO_TIMER_REINVITE_INTERVAL": None}}) \
            as s:
        shown = {v["name"]: v for v in s.node.ctl("config")["config"]}
        for name, value, origin in (
                ("session.SS_SIP_SESSION_TTL", "90", "linewatch.yaml:"),
                ("session.SS_SIP_NO_TIMER_REINVITE_INTERVAL", "14400", "preset call-center"),
                ("session.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "0", "built-in")):
            equal(str(shown[name]["value"]), value, name)
            check(origin in shown[name]["origin"], "origin of %s: %s" %
                  (name, shown[name]["origin"]))
        check("secret" not in s.node.ctl_text("config"), "a password is shown")
