#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the seeds of the corpora: real messages, in the form in which each target eats them.

    seeds.py [FOLDER]    default: corpus/ beside this file
"""
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

SDP = (b"v=0\r\no=alice 2890844526 7 IN IP4 10.1.2.3\r\ns=call\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
       b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
       b"a=rtcp:4001 IN IP4 10.1.2.3\r\na=rtcp-mux\r\na=sendrecv\r\n")
SDP_VIDEO = (b"v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
             b"m=audio 4000 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
             b"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 usedtx=1\r\na=inactive\r\n"
             b"m=video 0 RTP/AVP 31\r\nm=image 5000 udptl t38\r\na=sendonly\r\n")

HEAD = (b"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n"
        b"From: \"Alice \\\"A\\\"\" <sip:alice@example.com>;tag=f1\r\nTo: <sip:bob@example.com>%s\r\n"
        b"Call-ID: c1@h\r\nCSeq: %d %s\r\n")
DIGEST = (b"Digest username=\"bob\", realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\", "
          b"response=\"00112233445566778899aabbccddeeff\", algorithm=MD5, qop=auth, nc=00000001, "
          b"cnonce=\"c\"")
CHALLENGE = (b"Digest realm=\"example.com\", nonce=\"n\", opaque=\"o\", algorithm=SHA-256, "
             b"qop=\"auth,auth-int\", stale=false")


def request(method, extra=b"", body=b"", to_tag=b";tag=t1", uri=b"sip:bob@192.0.2.1"):
    head = method + b" " + uri + b" SIP/2.0\r\n" + HEAD % (to_tag, 1, method) + extra
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def response(code, method, extra=b"", body=b""):
    head = b"SIP/2.0 %d Text\r\n" % code + HEAD % (b";tag=t1", 1, method) + extra
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def sip():
    contact = b"Contact: <sip:alice@198.51.100.7:5062;transport=udp>\r\n"
    part = (b"--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP +
            b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n")
    yield "invite", request(
        b"INVITE", contact + b"Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nk: timer,100rel\r\n"
        b"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nAllow: INVITE, UPDATE\r\nRequire: timer\r\n"
        b"Content-Type: application/sdp\r\n", SDP, b"")
    yield "multipart", request(
        b"INVITE", contact + b"Content-Type: multipart/mixed;boundary=\"b\"\r\n", part)
    yield "compact", (b"INVITE sip:bob@192.0.2.1 SIP/2.0\r\nv: SIP / 2.0 /UDP h ;branch = x , SIP/2.0/TCP g"
                      b"\r\nf: <sip:a@h>\r\n ; tag=1\r\nt: sip:b@h\r\ni: c2\r\ncseq: 0009\r\n INVITE\r\n"
                      b"m: <sip:a@h>\r\nl: 0\r\n\r\n")
    yield "register", request(
        b"REGISTER", b"Contact: <sip:a@10.0.0.1>;expires=60;+sip.instance=\"<urn:uuid:1>\";q=0.5\r\n"
        b"Expires: 3600\r\nAuthorization: " + DIGEST + b"\r\n", b"", b"", b"sip:example.com")
    yield "bye", request(b"BYE", b"Reason: SIP;cause=200;text=\"a, b\"\r\n")
    yield "prack", request(b"PRACK", b"RAck: 776656 1 INVITE\r\n")
    yield "ok", response(200, b"INVITE", contact + b"Record-Route: <sip:p1;lr>\r\nx: 90;refresher=uas\r\n"
                         b"Content-Type: application/sdp\r\n", SDP)
    yield "challenge", response(401, b"REGISTER", b"WWW-Authenticate: " + CHALLENGE + b"\r\n")
    yield "retry", response(503, b"INVITE", b"Retry-After: 5 (x);duration=3\r\n")
    yield "stun", struct.pack(">HHI12s", 1, 0, 0x2112A442, b"transactions")
    yield "stun-attribute", struct.pack(">HHI12sHH4s", 1, 8, 0x2112A442, b"transactions", 6, 4, b"user")
    yield "crlf", b"\r\n\r\n"
    yield "text", b"HELLO"


def sdp():
    for how in (0x00, 0x01, 0x07, 0x2d):
        yield "audio-%02x" % how, bytes([how]) + SDP
    yield "several", b"\x01" + SDP_VIDEO


def conf():
    text = (ROOT / "scripts" / "linewatch.yaml.example").read_bytes()
    yield "example", text
    yield "small", (b"node: {service_address: 192.0.2.10, media_ports: 20000-29999}\n"
                    b"keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: 'a\\r\\n\\0\\x7f', mode: smooth}\n"
                    b"session: {preset: call-center}\nusers: [{name: bob, password: x}]\n"
                    b"trunks:\n  - {name: t, address: '[2001:db8::1]:5060', prefixes: ['+', '00'],\n"
                    b"     session: {SS_SIP_SESSION_TTL: 90}, media_clocks: {media_timeout: 20}}\n"
                    b"bindings: ['203.0.113.9:5060']\n")


def name():
    for i, text in enumerate((b"192.0.2.1:5060", b"[2001:db8::1]:5060", b"::ffff:1.2.3.4")):
        yield "addr-%d" % i, b"\0" + text
    yield "call", b"\1p017-n03-5-00a41f2"
    yield "tag", b"\1p017-n03-5-00a41f2-a-0123456789abcdef"
    yield "flow", b"\2udp,192.0.2.1:5060,203.0.113.7:4000"
    yield "cause", b"\3refresh-481"
    yield "uri", b"\4sip:al%69ce;x:pw@[2001:db8::1]:5070;transport=udp?a=b"
    yield "uri-ip", b"\4<sip:bob@192.0.2.1;maddr=10.0.0.1>"


def rtp():
    yield "rtp", struct.pack(">BBHII", 0x80, 0, 7, 160, 0x1000) + bytes(160)
    yield "extension", struct.pack(">BBHIIIHHI", 0xB1, 101, 8, 320, 0x1000, 5, 0xBEDE, 1, 9) + b"\0\0\0\4"
    yield "report", struct.pack(">BBHI24x", 0x81, 201, 7, 0x1000)
    yield "compound", (struct.pack(">BBHI20x", 0x80, 200, 6, 0x1000) +
                       struct.pack(">BBHI8s", 0x81, 202, 3, 0x1000, b"\1\4a@bc\0\0"))
    yield "srtcp", struct.pack(">BBHI24x", 0x81, 201, 7, 0x1000) + bytes(14)
    yield "stun", struct.pack(">HHI12s", 1, 0, 0x2112A442, b"transactions")


def latch():
    def packets(source, count, seq=100):
        return b"".join(struct.pack("<BHBB", source, seq + i, 0, 2) for i in range(count))
    start = struct.pack("<BBBI", 0x04, 0x08, 0, 1000)
    yield "exact", start + packets(0x04, 5)
    yield "port", start + packets(0x05, 6)
    yield "signal", start + packets(0x09, 7)
    yield "mixed", start + packets(0x09, 3) + packets(0x05, 4) + packets(0x04, 4) + packets(0x0C, 3)
    yield "rtcp", struct.pack("<BBBI", 0x04, 0x08, 1, 0xFFFFFFF0) + packets(0x05, 4)


def digest():
    ours = DIGEST.replace(b'nonce="n"', b'nonce="NONCE"')
    yield "authorization", b"\0" + DIGEST
    yield "nonce", b"\4" + ours
    yield "sha256", b"\4" + ours.replace(b"MD5", b"SHA-256").replace(b'="00', b'="' + b"00" * 17)
    yield "proxy", b"\6" + ours
    yield "challenge", b"\1" + CHALLENGE
    yield "md5", b"\3" + b'Digest realm="example.com", nonce="n"'
    yield "basic", b"\0Basic Ym9iOmJvYg=="


def items(fields):
    for kind, field, value in fields:
        yield kind + struct.pack("B", len(field)) + field + struct.pack("<H", len(value)) + value


def record():
    core = [(b"=", b"st", b"active"), (b"=", b"from", b"sip:alice@example.com"),
            (b"=", b"to", b"sip:bob@example.com"), (b"=", b"media", b"relay"),
            (b"=", b"t0", b"1700000000000"), (b"=", b"up", b"1700000000000")]

    def leg(name, port):
        tag = b"p017-n03-5-00a41f2-%s-0123456789abcdef" % name
        values = {b"st": b"up", b"cid": b"c1@h", b"ltag": tag, b"rtag": b"t", b"luri": b"sip:us@h",
                  b"ruri": b"sip:them@h", b"tgt": b"sip:them@10.0.0.1", b"route": b"<sip:p1;lr>",
                  b"src": b"udp,192.0.2.1:5060,203.0.113.7:4000", b"trunk": b"carrier",
                  b"lcs": b"1", b"lcs_hi": b"17", b"rcs": b"1", b"se": b"600", b"mse": b"90",
                  b"rfr": b"us", b"timer": b"1", b"allow": b"1", b"sdpv": b"2"}
        media = {b"local": b"192.0.2.1:%d" % port, b"gen": b"7", b"latched": b"203.0.113.7:4000",
                 b"latched_rtcp": b"203.0.113.7:4001", b"ssrc": b"4096", b"pkts": b"10",
                 b"peer_sdp": SDP}
        return ([(b"=", name + b"." + k, v) for k, v in values.items()] +
                [(b"M", name + b"." + k, v) for k, v in media.items()] + [(name, b"", SDP)])
    whole = core + leg(b"a", 20000) + leg(b"b", 20004)
    yield "call", b"".join(items(whole))
    yield "cut", b"".join(items(core[:3] + leg(b"a", 20002) + [(b"=", b"b.st", b"up")]))
    yield "ports", b"".join(items(core[:3] + leg(b"a", 1024) + leg(b"b", 65534)[1:]))
    yield "ports-cut", b"".join(items(core[:3] + leg(b"a", 64000) + [(b"=", b"b.st", b"up")]))
    yield "binding", b"".join(items([
        (b"=", b"contact", b"sip:bob@10.0.0.1"), (b"=", b"received", b"203.0.113.9:1024"),
        (b"=", b"flow", b"192.0.2.1:5060"), (b"=", b"callid", b"c"), (b"=", b"cseq", b"5"),
        (b"=", b"instance", b'"<urn:uuid:1>"'), (b"=", b"q", b"0.500")]))
    yield "cdr", b"".join(items([
        (b"=", b"id", b"p017-n03-5-00a41f2"), (b"=", b"number", b"12"), (b"=", b"name", b"1.5"),
        (b"=", b"cause", b"quote \" \\ \xff\xc3\xa9 \n")]))


def register():
    yield "one", b"\x00Contact: <sip:bob@10.0.0.1>;expires=60;q=0.5\r\n\0"
    yield "several", (b"\x10Contact: <sip:bob@10.0.0.1>, <sip:bob@10.0.0.2:5070;transport=udp>\r\n"
                      b"Expires: 600\r\n\0\0\x02Contact: <sip:bob@10.0.0.3>;+sip.instance="
                      b"\"<urn:uuid:1>\";reg-id=1\r\n\0\0\xf1\0\0\x01Contact: *\r\nExpires: 0\r\n\0")
    yield "stranger", b"\x08Contact: <sip:eve@10.0.0.9>\r\n\0"
    yield "required", b"\x00Require: path\r\nContact: sip:bob@10.0.0.1;expires=0\r\n\0"


def ethernet(kind, packet, source=bytes(6)):
    return bytes([2, 0, 0, 0, 0, 0x10]) + source + struct.pack(">H", kind) + packet


def ip4(protocol, payload, src=(10, 0, 0, 11), dst=(192, 0, 2, 1), fragment=0, options=b""):
    return struct.pack(">BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload),
                       1, fragment, 64, protocol, 0, bytes(src), bytes(dst)) + options + payload


def ip6(next_header, payload):
    local, phone = bytes.fromhex("20010db8" + "0" * 23 + "1"), bytes.fromhex("20010db80001" + "0" * 18 + "14")
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + phone + local + payload


def udp(source, dest, payload):
    return struct.pack(">HHHH", source, dest, 8 + len(payload), 0) + payload


def answer():
    def raw(who, data):
        return bytes([0, who]) + len(data).to_bytes(2, "little") + data

    def echo(who, how=0, changes=b""):
        return bytes([1, who, how | len(changes) // 3 << 4]) + changes

    def wait(tenths):
        return bytes([2, tenths])

    def bind(who):
        return bytes([3, who])

    all_echo = b"".join(echo(who, 8 * n) for who in range(4) for n in range(2))
    yield "stun", echo(0) + echo(2) + wait(100) + echo(0) + echo(0)
    yield "options", echo(1) + echo(3) + echo(1, 8) + wait(100) + echo(1)
    yield "elsewhere", b"".join(echo(who, how) for who in range(4) for how in (1, 2, 3, 0x82))
    yield "late", wait(250) + all_echo + wait(250) + all_echo
    yield "changed", b"".join(echo(who, 0, bytes([at, 0, 1])) for who in range(4)
                              for at in (0, 1, 3, 4, 8, 15, 19, 25, 40, 60, 80))
    yield "cut", b"".join(bytes([1, who, 4, at, 0]) for who in range(4) for at in range(0, 90, 9))
    yield "rebound", all_echo + bind(0) + bind(0x81) + all_echo + wait(100) + all_echo
    yield "raw", b"".join(raw(who, data) for who in (0, 1, 0x82, 0x83) for data in (
        b"", bytes(20), b"\x01\x01\0\x08\x21\x12\xa4\x42" + bytes(20),
        response(200, b"OPTIONS"), b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKlw" +
        b"0" * 24 + b"\r\n\r\n"))


def frame():
    voice = next(data for seed, data in rtp() if seed == "rtp")

    def raw(data, flags=3):
        first = b"\x20" if flags & 4 else b""
        return bytes([0, flags]) + first + struct.pack("<H", len(data)) + data

    def voices(leg, source=0, port=0, how=7):
        return bytes([2, leg, source, port, how])
    learn = b"".join(voices(leg) for leg in range(6))
    yield "learn", learn + learn + bytes([3, 10])
    yield "rtcp", learn + b"".join(voices(leg, 0, 1, 0x12) for leg in range(6)) + bytes([3, 255])
    held = b"".join(bytes([4, leg, flags, 0]) for leg, flags in enumerate((128, 128, 129, 129, 192, 192)))
    yield "hold", learn + held + bytes([3, 255]) * 8 + learn + bytes([3, 255]) * 4
    yield "strangers", learn + voices(0, 3) + voices(0, 1, 0x10) + voices(3, 2, 0x20) + voices(2, 4)
    yield "moved", learn + bytes([3, 255]) + voices(0, 1, 0x10) + bytes([4, 0, 4, 3]) + voices(0, 1, 0x10)
    yield "again", learn + bytes([4, 0, 0x15, 1, 4, 1, 0x10, 3, 6, 3, 2, 5, 0]) + learn
    yield "udp", learn + bytes([1, 0, 0, 0, 64, 0]) + struct.pack("<H", len(voice)) + voice
    yield "ip4", raw(ethernet(0x0800, ip4(17, udp(4000, 20000, voice)))) + raw(ethernet(
        0x0800, ip4(17, udp(1024, 5060, b"HELLO"), (203, 0, 113, 9), (192, 0, 2, 10))))
    yield "options", raw(ethernet(0x0800, ip4(17, udp(4000, 20000, voice), options=b"\1" * 8)), 1)
    yield "fragments", b"".join(raw(ethernet(0x0800, ip4(17, data, fragment=fragment)), 1) for data, fragment in (
        (udp(4000, 20000, voice), 0x2000), (voice, 0x0010), (udp(4000, 5060, voice), 0x2000), (voice, 0x0010)))
    yield "ip6", raw(ethernet(0x86DD, ip6(17, udp(4000, 20000, voice))))
    yield "fragments6", raw(ethernet(0x86DD, ip6(44, struct.pack(">BBHI", 17, 0, 1, 7) + udp(4000, 5060, voice))))
    yield "vlan", raw(ethernet(0x8100, struct.pack(">HH", 0, 0x0800) + ip4(17, udp(4000, 20000, voice))))
    yield "vlan-short", raw(ethernet(0x8100, b"\0\0"), 1)
    yield "segments", raw(ethernet(0x0800, ip4(17, udp(4000, 20000, voice))), 7)
    yield "kernel", (raw(ethernet(0x0806, bytes(28))) + raw(ethernet(0x0800, ip4(1, bytes(8)))) +
                     raw(ethernet(0x86DD, ip6(58, b"\x87" + bytes(23)))) + raw(ethernet(0x88CC, bytes(40))) +
                     raw(b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(28), 0) + raw(bytes(10), 0))
    many = b"\xff" * 6 + bytes(6)
    yield "routing", (b"".join(raw(ethernet(0x0800, ip4(17, udp(49152, port, bytes(24)))), 1)
                               for port in (3784, 4784, 6784, 67, 68)) +
                      raw(ethernet(0x0800, ip4(6, struct.pack(">HH", 40000, 179) + bytes(16))), 1) +
                      raw(ethernet(0x86DD, ip6(89, bytes(24))), 1) +
                      raw(many + b"\x08\0" + ip4(17, udp(67, 68, bytes(40))), 0) +
                      raw(many + b"\x86\xdd" + ip6(17, udp(547, 546, bytes(40))), 0) +
                      raw(many + b"\x08\0" + ip4(112, bytes(20)), 0))


def control():
    hello, begin, end, conf_set, media, bind, unbind, flow, unflow = range(9)

    def sample(kind, *patches, count=1):
        return bytes([1, kind, count - 1, len(patches)]) + b"".join(
            struct.pack("<HB", at, value) for at, value in patches)

    def call(first, second):
        """Two flows that name each other: id at 0, peer_id at 8, flags at 116."""
        return b"".join(sample(flow, (0, a), (8, b), (4, 1), (116, flags))
                        for a, b, flags in ((first, second, 0x06), (second, first, 0x02)))
    yield "call", b"\1" + call(0, 1) + bytes([4, 0, 7, 3, 10, 4, 0, 7, 3, 255]) + sample(unflow, (0, 0))
    yield "latched", b"\1" + sample(flow) + bytes([4, 14, 0x87, 3, 200])
    yield "bindings", b"\1" + sample(bind) + sample(bind, (0, 2), (4, 9)) + bytes([3, 20]) + sample(unbind)
    yield "expire", b"\1" + sample(bind) + sample(flow) + bytes([3, 255, 3, 255])
    yield "sync", (b"\1" + sample(begin) + sample(bind) + sample(flow) + sample(end) + bytes([3, 5]) +
                   sample(begin, (0, 2)) + sample(end, (0, 2)) + bytes([3, 5]))
    yield "gone", b"\1" + sample(bind) + bytes([5]) + sample(hello) + sample(bind) + bytes([5]) + sample(hello, (8, 1))
    yield "reroute", b"\1" + sample(bind) + sample(flow) + bytes([6, 3, 3])
    yield "refused", b"\1" + sample(hello, (0, 0)) + sample(media, (5, 3)) + sample(conf_set, (1, 4))
    yield "raw", b"\0\0" + struct.pack("<H", 24) + struct.pack("<HHHHIIQ", 2, 8, 1, 0, 1, 0, 1)


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind, body, flags=0):
    return struct.pack("<IHHII", 16 + len(body), kind, flags, 0, 0) + body


def netlink():
    mac, gateway = bytes([2, 0, 0, 0, 0, 9]), bytes([10, 0, 0, 1])

    def neigh(kind=28, state=2, extra=b""):
        return message(kind, struct.pack("<BBHiHBB", 2, 0, 0, 1, state, 0, 0) + attribute(1, gateway) +
                       attribute(2, mac) + attribute(12, struct.pack("<B", 211)) +
                       attribute(15, struct.pack("<I", 1)) + extra)

    def route(kind=24, via=attribute(5, gateway), flavour=1):
        return message(kind, struct.pack("<BBBBBBBBI", 2, 32, 0, 0, 254, 3, 0, flavour, 0) +
                       attribute(4, struct.pack("<I", 1)) + via)
    via6 = attribute(18, struct.pack("<H", 10) + bytes.fromhex("20010db8" + "0" * 23 + "1"))
    link = message(16, struct.pack("<BBHiII", 0, 0, 1, 1, 0x41, 0))
    yield "neighbours", b"\0" + neigh() + neigh(29, 0x40)
    yield "routes", b"\0" + route() + route(via=via6) + route(flavour=2)

    def order(kind, last, *packets):
        return bytes([kind, last]) + b"".join(struct.pack("<H", len(p)) + p for p in packets)
    ack = message(2, struct.pack("<i", 0) + bytes(16))
    refusal = message(2, struct.pack("<i", -101) + bytes(16))
    done = message(3, struct.pack("<i", 0), 2)
    yield "get", b"\1" + order(0, 7, route(), neigh(), ack) + order(0, 8, route(via=via6), refusal, ack)
    yield "refused", b"\1" + order(0, 7, refusal, refusal) + order(2, 1, refusal)
    yield "each", b"\1" + order(3, 0, neigh() + neigh(), done)
    yield "events", b"\1" + order(0, 7, route(), neigh(), ack) + order(4, 0, neigh(28, 4), neigh(29), route(25), link)
    yield "overrun", b"\1" + order(4, 0) + b"\xff\x03" + bytes(1023) + order(4, 0, neigh(), done)


TARGETS = (answer, conf, control, digest, frame, latch, name, netlink, record, register, rtp, sdp, sip)


def main():
    top = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus"
    for target in TARGETS:
        folder = top / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for seed, data in target():
            (folder / seed).write_bytes(data)


if __name__ == "__main__":
    main()
