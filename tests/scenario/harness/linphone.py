# SPDX-License-Identifier: BSD-3-Clause
"""linphonec as Bob's phone: a real one, without a sound card (sound files instead). It is told
what to do by typing."""

import os

from . import sound
from .config import DOMAIN
from .proc import Process
from .topology import NODE

CONFIG = """
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
default_proxy=0
[proxy_0]
reg_proxy=<sip:%(node)s;transport=udp>
reg_identity=<sip:%(user)s@%(domain)s>
reg_expires=3600
reg_sendregister=1
publish=0
[auth_info_0]
username=%(user)s
passwd=%(password)s
realm=%(domain)s
domain=%(domain)s
[rtp]
audio_rtp_port=30000
[video]
enabled=0
"""


class Linphone(Process):
    """Registers, and answers calls at once."""

    def __init__(self, ns, folder, user="bob", password="secret"):
        home = os.path.join(folder, "linphone-" + user)
        os.makedirs(os.path.join(home, ".local/share/linphone"))
        config = os.path.join(home, "linphonerc")
        with open(config, "w") as f:
            f.write(CONFIG % {"node": NODE, "domain": DOMAIN, "user": user,
                              "password": password})
        said = os.path.join(home, "said.wav")
        sound.tone(said)
        self._heard = os.path.join(home, "heard.wav")
        super().__init__(
            "linphonec", ["linphonec", "-a", "-c", config, "-d", "6", "-l",
                          os.path.join(home, "trace")],
            os.path.join(home, "log"), ns, env={**os.environ, "HOME": home}, talks=True)
        self.say("soundcard use files")
        self.say("play " + said)
        self.say("record " + self._heard)

    def hold(self):
        self.say("pause")

    def resume(self):
        self.say("resume")

    def hang_up(self):
        self.say("terminate")

    def heard(self):
        """How many samples of what it heard were no silence."""
        return sound.loud(self._heard) if os.path.exists(self._heard) else 0

    def close(self):
        self.stop()
