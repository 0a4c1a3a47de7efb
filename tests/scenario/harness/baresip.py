# SPDX-License-Identifier: BSD-3-Clause
"""baresip as Bob's phone: a real one, without a sound card (a sine for the microphone, files for
what is heard). It is told what to do through its ctrl_tcp module."""

import glob
import json
import os
import socket

from . import sound
from .config import DOMAIN
from .expect import Failure, wait
from .netns import entered
from .proc import Process
from .topology import NODE

CONTROL = ("127.0.0.1", 4444)

# ausine knows 48 kHz in stereo only; sndfile records what passes; the bridge leads nowhere.
CONFIG = """
sip_listen %(ip)s:5060
net_interface eth0
rtp_ports 30000-30100
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,nobody
statmode_default off
ctrl_tcp_listen %(control)s
snd_path %(home)s
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""

ACCOUNT = '<sip:%(user)s@%(domain)s>;auth_user=%(user)s;auth_pass=%(password)s;' \
    'outbound="sip:%(node)s;transport=udp";regint=60;answermode=auto;audio_codecs=PCMA/8000/1\n'


class Baresip(Process):
    """Registers, and answers calls at once."""

    def __init__(self, ns, ip, folder, user="bob", password="secret"):
        self.home = home = os.path.join(folder, "baresip-" + user)
        os.makedirs(home)
        values = {"ip": ip, "control": "%s:%d" % CONTROL, "home": home, "node": NODE,
                  "domain": DOMAIN, "user": user, "password": password}
        for name, text in (("config", CONFIG), ("accounts", ACCOUNT), ("contacts", "")):
            with open(os.path.join(home, name), "w") as f:
                f.write(text % values)
        super().__init__("baresip", ["baresip", "-f", home], os.path.join(home, "log"), ns)
        self._answers = {}         # token -> answer
        self._rest = b""
        self._tokens = 0
        self._sock = wait(lambda: self._connect(ns) or (self.must_run() and None), 10,
                          "baresip does not listen for commands")

    @staticmethod
    def _connect(ns):
        with entered(ns):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.connect(CONTROL)
            except OSError:
                sock.close()
                return None
        sock.setblocking(False)
        return sock

    def _read(self):
        """Takes in what has come: netstrings of JSON."""
        try:
            self._rest += self._sock.recv(65536)
        except BlockingIOError:
            pass
        while b":" in self._rest:
            size, _, rest = self._rest.partition(b":")
            size = int(size)
            if len(rest) <= size:
                return
            self._rest = rest[size + 1:]
            message = json.loads(rest[:size])
            if message.get("response"):  # the rest are events
                self._answers[message.get("token")] = message

    def command(self, name, params=""):
        """Tells it something; returns its words."""
        self._tokens += 1
        token = str(self._tokens)
        text = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._sock.sendall(b"%d:%s," % (len(text), text))

        def look():
            self._read()
            return self._answers.pop(token, None)

        answer = wait(look, 5, "baresip does not answer to %s" % name)
        if not answer["ok"]:
            raise Failure("baresip refuses %s: %s" % (name, answer["data"]))
        return answer["data"]

    def dial(self, uri):
        self.command("dial", uri)

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def hang_up(self):
        self.command("hangup")

    def heard(self):
        """How many samples of what it heard were no silence."""
        return sum(map(sound.loud, glob.glob(os.path.join(self.home, "dump-*-dec.wav"))))

    def close(self):
        self._sock.close()
        self.stop()
