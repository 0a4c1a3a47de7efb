# SPDX-License-Identifier: BSD-3-Clause
"""The little internet that every scene plays in.

    carrier 198.51.100.5, .6 ---+
                                |            (router: the .1 of each network)
    public 203.0.113.0/24 ------+--- core 192.0.2.0/24 --- node 192.0.2.10
          |
        nat 203.0.113.9 (masquerade, short UDP time-out)
          |
        home 10.0.0.0/24 --- bob 10.0.0.2, carol 10.0.0.3
"""

from .netns import Network
from .proc import run

NODE = "192.0.2.10"
GATEWAY = "192.0.2.1"
CARRIER = "198.51.100.5"
FAR = "198.51.100.6"
NAT = "203.0.113.9"
STRANGER = "203.0.113.66"
BOB = "10.0.0.2"
CAROL = "10.0.0.3"
PATIENT = 60  # s: time-out of a NAT that forgets nobody while a program is away, however long

NAT_RULES = """
table ip nat {
	chain post {
		type nat hook postrouting priority 100;
		oifname "wan" masquerade fully-random
	}
}
table ip filter {
	chain input {
		type filter hook input priority 0;
		iifname "wan" meta l4proto udp drop
	}
	chain forward {
		type filter hook forward priority 0;
		iifname "wan" ct state new drop
	}
}
"""


class Topology:
    def __init__(self, nat_timeout=15):
        self.net = net = Network()
        try:
            self.router = net.add("router")
            net.sysctl(self.router, "net.ipv4.ip_forward", 1)
            net.sysctl(self.router, "net.ipv4.conf.all.send_redirects", 0)
            net.sysctl(self.router, "net.ipv4.conf.all.arp_notify", 1)
            net.bridge(self.router, "br-core", GATEWAY + "/24")
            # A MAC of its own: a bridge goes on answering to the MACs of its ports.
            net.ip(self.router, "link set dev br-core address 02:00:00:00:00:01")
            net.bridge(self.router, "br-carrier", "198.51.100.1/24")
            net.bridge(self.router, "br-public", "203.0.113.1/24")
            self.carrier = self.host("carrier", "br-carrier", CARRIER)
            net.ip(self.carrier, "addr add %s/24 dev eth0" % FAR)
            self.nat = self._nat(nat_timeout)
            self.bob = self.home_host("bob", BOB)
            self.node = net.add("node")
            net.wire(self.node, "eth1", self.router, "to-node", "br-core")
        except BaseException:
            net.close()
            raise

    def host(self, name, bridge, ip):
        """A machine on one of the router's networks."""
        ns = self.net.add(name)
        self.net.wire(ns, "eth0", self.router, "to-" + name, bridge)
        self.net.ip(ns, "addr add %s/24 dev eth0" % ip,
                    "route add default via %s.1" % ip.rsplit(".", 1)[0])
        return ns

    def home_host(self, name, ip):
        """A machine behind the NAT."""
        ns = self.net.add(name)
        self.net.wire(ns, "eth0", self.nat, "to-" + name, "br-home")
        self.net.ip(ns, "addr add %s/24 dev eth0" % ip, "route add default via 10.0.0.1")
        return ns

    def stranger(self):
        return self.host("stranger", "br-public", STRANGER)

    def _nat(self, timeout):
        net = self.net
        ns = net.add("nat")
        net.wire(ns, "wan", self.router, "to-nat", "br-public")
        net.bridge(ns, "br-home", "10.0.0.1/24")
        net.ip(ns, "addr add %s/24 dev wan" % NAT, "route add default via 203.0.113.1")
        net.sysctl(ns, "net.ipv4.ip_forward", 1)
        net.nft(ns, NAT_RULES)
        for key in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            net.sysctl(ns, "net.netfilter." + key, timeout)
        return ns

    def forget_nat(self, ip=BOB):
        """The NAT loses its mappings of that host at once."""
        run(["conntrack", "-D", "-p", "udp", "-s", ip], ns=self.nat, check=False)

    def close(self):
        self.net.close()
