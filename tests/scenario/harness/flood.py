# SPDX-License-Identifier: BSD-3-Clause
"""Junk on the node's cable: a program of its own that writes frames to an interface, at a rate that
leaves the other scenes their CPU.

    flood.py INTERFACE MAC NODE FRAMES_A_SECOND MEDIA_PORT...

Each round sends, from addresses that are nobody's: RTP to any of the 64 k ports (rtpbleed), junk and
RTP to the media ports of the call, also from the parties' hosts by other ports, junk and requests
to the SIP port, and questions of ARP that everybody hears."""

import random
import socket
import struct
import sys
import time

SPOOFED = "45.66."  # network of the addresses that are nobody's
HOSTS = ("198.51.100.5", "203.0.113.9")  # the parties' own, for other ports than theirs
BURST = 50


def _sum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def udp(mac, src, sport, dst, dport, payload):
    """An Ethernet frame with UDP, whose checksum may be left out in IPv4."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), random.getrandbits(16), 0, 64, 17,
                     0, socket.inet_aton(src), socket.inet_aton(dst))
    ip = ip[:10] + struct.pack("!H", _sum(ip)) + ip[12:]
    return (mac + b"\x02\0\0\0\0\x66\x08\0" + ip +
            struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def arp():
    """Who has the node's address? asks one of the core network who is not there."""
    sender = b"\x02\0\0\0\0" + bytes([random.randrange(100, 200)])
    return (b"\xff" * 6 + sender + b"\x08\x06\0\1\x08\0\6\4\0\1" + sender +
            bytes([192, 0, 2, random.randrange(100, 200)]) + b"\0" * 6 + bytes([192, 0, 2, 10]))


def rtp():
    return struct.pack("!BBHII", 0x80, 8, random.getrandbits(16), random.getrandbits(32),
                       random.getrandbits(32)) + b"\xd5" * 160


def stranger():
    return SPOOFED + "%d.%d" % (random.randrange(256), random.randrange(1, 255))


def options(src):
    return ("OPTIONS sip:x@example.net SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%x\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:x@%s>;tag=1\r\nTo: <sip:x@example.net>\r\n"
            "Call-ID: %x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" %
            (src, random.getrandbits(60), src, random.getrandbits(60))).encode()


def frame(mac, node, media):
    kind = random.randrange(10)
    src, port = stranger(), random.randrange(1024, 65536)
    junk = random.randbytes(random.randrange(0, 200))
    if kind < 4:
        return udp(mac, src, port, node, random.randrange(1, 65536), rtp())
    if kind < 8:
        if kind < 6:
            # Below the ports that a NAT gives out.
            src, port = random.choice(HOSTS), random.randrange(100, 1000)
        return udp(mac, src, port, node, random.choice(media) + random.randrange(2),
                   junk if kind & 1 else rtp())
    if kind == 8:
        return udp(mac, src, 5060, node, 5060, random.choice((junk, options(src))))
    return arp()


def main(interface, mac, node, rate, *media):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    mac = bytes.fromhex(mac.replace(":", ""))
    media = [int(port) for port in media]
    pause = BURST / float(rate)
    due = time.monotonic()
    sent = 0
    while True:
        for _ in range(BURST):
            try:
                sock.send(frame(mac, node, media))
                sent += 1
            except OSError:
                pass  # the queue is full
        print("sent %d" % sent, flush=True)
        due += pause
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(*sys.argv[1:])
