#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The operator's socket, asked by linewatchctl and by ruder clients.

Usage: ctlserver.py CTL_HOST LINEWATCHCTL EXAMPLE_FILE
"""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

HOST, CTL, EXAMPLE = (os.path.abspath(a) for a in sys.argv[1:4])
WAIT = 20


class Server(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lwctl")
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, "cp.sock")
        self.clients = []
        self.host = self.start()

    def start(self):
        # A sanitizer must give memory back for the peak to mean anything.
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        host = subprocess.Popen([HOST, self.path], stdout=subprocess.PIPE, text=True,
                                env=os.environ | {"ASAN_OPTIONS": options})
        self.assertEqual(host.stdout.readline(), "ready\n")
        return host

    def tearDown(self):
        """The end is clean: status 0 (no leak either, under a sanitizer) and no file left."""
        for client in self.clients:
            client.close()
        if self.host.poll() is None:
            self.host.send_signal(signal.SIGTERM)
            self.assertEqual(self.host.wait(WAIT), 0)
            self.assertEqual(os.listdir(self.dir), [])
        self.host.stdout.close()

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(WAIT)
        client.connect(self.path)
        self.clients.append(client)
        return client

    @staticmethod
    def line(client):
        data = b""
        while not data.endswith(b"\n"):
            got = client.recv(1 << 20)
            if not got:
                break
            data += got
        return data

    def ask(self, client, text):
        client.sendall(text.encode() + b"\n")
        return json.loads(self.line(client))

    def ctl(self, *args, status=0):
        run = subprocess.run([CTL, "--socket", self.path, *args], capture_output=True, text=True,
                             timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stderr)
        return run.stdout if status == 0 else run.stderr

    # what an operator sees

    def test_tables(self):
        self.assertEqual(self.ctl("status"),
                         "node\n  name      n01\n  uptime_s  1m15s\n"
                         "calls\n  slow   0\n  lists  0\n")
        self.assertEqual(self.ctl("calls", "--longer", "2").splitlines(), [
            "ID                  FROM            AGE  A.RTP",
            "p000-n01-1-0000000  a\\x1b[2Jb  1h00m00s     2s",
            "p000-n01-1-0000001  a\\x1b[2Jb  1h00m00s     2s"])
        self.assertIn("192.0.2.1:4000", self.ctl("calls", "--longer", "2", "--wide"))
        self.assertEqual(self.ctl("calls"), "no calls\n")

    def test_json(self):
        self.assertEqual(json.loads(self.ctl("--json", "status"))["node"]["name"], "n01")
        self.assertEqual(json.loads(self.ctl("calls", "--json")), {"calls": []})
        self.assertEqual(json.loads(self.ctl("end", "x", "--json")), {})

    def test_errors_teach(self):
        self.assertEqual(self.ctl("call", "x\x1by", status=1),
                         "linewatchctl: no live call has the id x\\x1by\n")
        self.assertIn("unknown command foo", self.ctl("foo", status=2))
        self.assertIn("usage: linewatchctl call ID", self.ctl("call", status=2))
        self.assertIn("usage: linewatchctl status", self.ctl("status", "x", status=2))
        self.assertIn("--longer soon: a time is expected",
                      self.ctl("calls", "--longer", "soon", status=2))
        self.assertIn("--last 0: a number from 1", self.ctl("cdr", "--last", "0", status=2))
        self.assertIn("--last is not for calls", self.ctl("calls", "--last", "5", status=2))
        self.assertIn("unknown command bindings", self.ctl("bindings", status=1))

    def test_no_node(self):
        self.path += ".gone"
        self.assertIn("the node does not run: no answer at " + self.path,
                      self.ctl("status", status=3))
        self.path = self.path[:-5]

    def test_config_names_the_socket(self):
        file = os.path.join(self.dir, "l.yaml")
        with open(file, "w", encoding="ascii") as out:
            out.write(f"node: {{service_address: 192.0.2.1, control_socket: {self.path}}}\n")
        run = subprocess.run([CTL, "--config", file, "status"], capture_output=True, text=True,
                             timeout=WAIT, check=False)
        os.unlink(file)
        self.assertEqual((run.returncode, run.stdout[:4]), (0, "node"))

    def test_config_of_a_file(self):
        run = subprocess.run([CTL, "config", "--file", EXAMPLE, "--json"], capture_output=True,
                             text=True, timeout=WAIT, check=True)
        values = {v["name"]: v for v in json.loads(run.stdout)["config"]}
        ttl = values["session.SS_SIP_SESSION_TTL"]
        self.assertEqual((ttl["value"], ttl["unit"]), ("600", "s"))
        self.assertTrue(ttl["origin"].startswith(EXAMPLE + ":"))
        self.assertEqual(values["trunks.carrier.session.SS_SIP_NO_TIMER_REINVITE_INTERVAL"],
                         {"name": "trunks.carrier.session.SS_SIP_NO_TIMER_REINVITE_INTERVAL",
                          "value": "0", "unit": "s", "origin": "preset wholesale"})
        bad = os.path.join(self.dir, "bad.yaml")
        with open(bad, "w", encoding="ascii") as out:
            out.write("node: {service_address: 192.0.2.1}\nsession:\n  SS_SIP_SESSION_TTL: 60\n")
        run = subprocess.run([CTL, "config", "--file", bad], capture_output=True, text=True,
                             timeout=WAIT, check=False)
        os.unlink(bad)
        self.assertEqual((run.returncode, run.stderr), (
            1, f"linewatchctl: {bad}:3: session.SS_SIP_SESSION_TTL: 60 is out of range: "
               "90 to 86400 s\n"))

    # the protocol itself

    def test_one_connection_many_questions(self):
        client = self.connect()
        for i in range(3):
            self.assertEqual(self.ask(client, json.dumps({"cmd": "echo", "args": {"i": i}})),
                             {"result": {"i": i}})
        self.assertEqual(self.ask(client, '{"cmd":"echo"}'), {"result": {}})

    def test_questions_sent_ahead_are_answered_in_order(self):
        client = self.connect()
        ask = [{"cmd": "cdr"}] + [{"cmd": "echo", "args": {"i": i}} for i in range(50)]
        client.sendall(b"".join(json.dumps(a).encode() + b"\n" for a in ask))
        answers = client.makefile("rb")
        self.assertEqual(json.loads(answers.readline()), {"result": {"slow": True}})
        for i in range(50):
            self.assertEqual(json.loads(answers.readline()), {"result": {"i": i}})
        answers.close()

    def test_question_in_pieces(self):
        client = self.connect()
        for byte in b'{"cmd":"echo","args":{"x":1}}\n':
            client.sendall(bytes([byte]))
        self.assertEqual(json.loads(self.line(client)), {"result": {"x": 1}})

    def test_nonsense_is_refused_and_harmless(self):
        client = self.connect()
        for text, reason in (("hello", "not a line of JSON"), ("", "not a line of JSON"),
                             ("[]", '"cmd" is missing'), ("{}", '"cmd" is missing'),
                             ('{"cmd":1}', '"cmd" is missing'),
                             ('{"cmd":"nothing"}', "unknown command nothing"),
                             ('{"cmd":"echo","args":[]}', '"args" must be an object'),
                             ('{"cmd":"echo","cmd":"echo"}', "not a line of JSON"),
                             ('{"cmd":"a\\u0000b"}', "not a line of JSON")):
            self.assertIn(reason, self.ask(client, text)["error"])
        client.sendall(b'\xff\x00\xfe\n')
        self.assertIn("not a line of JSON", json.loads(self.line(client))["error"])
        self.assertEqual(self.ask(client, '{"cmd":"echo"}'), {"result": {}})

    def test_longest_question(self):
        client = self.connect()
        frame = '{"cmd":"echo","args":{"x":""}}\n'
        text = "x" * (65536 - len(frame))
        self.assertEqual(
            self.ask(client, json.dumps({"cmd": "echo", "args": {"x": text}},
                                        separators=(",", ":"))), {"result": {"x": text}})
        client.sendall(b"y" * 65536)
        self.assertIn("longer than 65536 bytes", json.loads(self.line(client))["error"])
        self.assertEqual(client.recv(1), b"")

    # long lists

    def peak_kb(self):
        with open(f"/proc/{self.host.pid}/status", encoding="ascii") as file:
            return int(file.read().partition("VmHWM:")[2].split()[0])

    def rows(self, client):
        ids, parts = [], 0
        for line in client.makefile():
            answer = json.loads(line)
            if "result" in answer:
                return ids, parts
            ids += [row["id"] for row in answer["part"]["calls"]]
            parts += 1
        return None

    def test_long_list_is_made_as_it_is_read(self):
        count = 200000  # 25 MB as text
        lazy, other = self.connect(), self.connect()
        before = self.peak_kb()
        lazy.sendall(b'{"cmd":"calls","args":{"longer_s":%d}}\n' % count)
        for _ in range(20):
            self.assertEqual(self.ask(other, '{"cmd":"echo"}'), {"result": {}})
        ids, parts = self.rows(lazy)
        self.assertEqual(ids, [f"p000-n01-1-{i:07x}" for i in range(count)])
        self.assertEqual(parts, count / 100 * 2)
        self.assertLess(self.peak_kb() - before, 8192)
        self.assertEqual(self.ask(lazy, '{"cmd":"echo"}'), {"result": {}})

    def test_long_list_for_one_who_leaves(self):
        for _ in range(20):  # more than may be there at a time
            gone = self.connect()
            gone.sendall(b'{"cmd":"calls","args":{"longer_s":50000}}\n')
            self.line(gone)
            gone.close()
        deadline = time.monotonic() + WAIT
        while self.ask(self.connect(), '{"cmd":"status"}')["result"]["calls"]["lists"] < 20:
            self.assertLess(time.monotonic(), deadline)
            self.clients.pop().close()

    def test_stop_in_the_middle_of_a_list(self):
        client = self.connect()
        client.sendall(b'{"cmd":"calls","args":{"longer_s":50000}}\n')
        self.line(client)
        self.host.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.wait(WAIT), 0)

    def test_long_list_of_linewatchctl(self):
        words = ["calls", "--longer", "2500"]
        self.assertEqual(len(self.ctl(*words).splitlines()), 2501)
        self.assertEqual(len(json.loads(self.ctl(*words, "--json"))["calls"]), 2500)
        # The node dies in the middle: what came is no whole document.
        with subprocess.Popen([CTL, "--socket", self.path, "calls", "--longer", "2000000",
                               "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            text = run.stdout.read(100)
            self.host.kill()
            self.host.wait(WAIT)
            text += run.stdout.read()
            self.assertIn(b"no answer", run.stderr.read())
        self.assertEqual(run.returncode, 3)
        self.assertRaises(ValueError, json.loads, text)

    def test_clients_are_bounded(self):
        held = [self.connect() for _ in range(16)]
        for client in held:
            self.assertEqual(self.ask(client, '{"cmd":"echo"}'), {"result": {}})
        self.assertIn("16 clients ask already", self.ctl("status", status=1))
        # The last to come is the one refused: the others go on.
        self.assertEqual(self.ask(held[0], '{"cmd":"echo"}'), {"result": {}})
        held[3].shutdown(socket.SHUT_RDWR)
        self.assertEqual(held[3].recv(1), b"")
        self.ctl("status")

    def test_answer_to_a_client_that_left(self):
        client = self.connect()
        client.sendall(b'{"cmd":"cdr"}\n')
        client.close()
        other = self.connect()
        while self.ask(other, '{"cmd":"status"}')["result"]["calls"]["slow"] == 0:
            pass
        self.assertEqual(self.ask(other, '{"cmd":"echo"}'), {"result": {}})

    # answers in parts

    def stream(self, client, count, seconds):
        client.sendall(json.dumps({"cmd": "capture", "args": {
            "packets": count, "seconds": seconds}}).encode() + b"\n")

    def test_parts_come_before_the_answer(self):
        client = self.connect()
        self.stream(client, 3, 1)
        client.sendall(b'{"cmd":"echo","args":{"a":1}}\n')
        lines = client.makefile()
        self.assertEqual([json.loads(next(lines))["part"]["n"] for _ in range(3)], [0, 1, 2])
        self.assertEqual(json.loads(next(lines))["result"]["frames"], 3)
        self.assertEqual(json.loads(next(lines)), {"result": {"a": 1}})

    def test_slow_client_loses_parts_not_the_answer(self):
        client = self.connect()
        self.stream(client, 5000, 2)
        time.sleep(0.3)
        told = 0
        for line in client.makefile():
            answer = json.loads(line)
            if "result" in answer:
                break
            told += 1
        self.assertEqual(told, answer["result"]["frames"])
        self.assertGreater(answer["result"]["lost"], 1000)
        self.assertEqual(told + answer["result"]["lost"], 5000)

    def test_client_that_leaves_ends_its_stream(self):
        for _ in range(40):  # more than there may be at a time
            client = self.connect()
            self.stream(client, 1, 0)
            self.line(client)
            client.close()
        asked = self.connect()

        def gone():
            self.stream(asked, 0, 1)
            return json.loads(self.line(asked))["result"]["gone"]
        deadline = time.monotonic() + WAIT
        while gone() < 40:
            self.assertLess(time.monotonic(), deadline)

    def test_question_waits_for_the_end_of_a_stream(self):
        client = self.connect()
        self.stream(client, 1, 0)
        self.line(client)
        client.sendall(b'{"cmd":"echo"}\n')
        client.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            client.recv(1)

    def test_stop_while_a_client_is_told_parts(self):
        client = self.connect()
        self.stream(client, 1, 0)
        self.line(client)
        self.host.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.wait(WAIT), 0)
        self.assertEqual(self.line(client), b"")

    def test_capture_file(self):
        path = os.path.join(self.dir, "x.pcap")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        self.assertEqual(self.ctl("capture", "--binding", "a@b", "--packets", "3", "--seconds",
                                  "1", "--file", path), "")
        with open(path, "rb") as file:
            self.assertEqual(len(file.read()), 24)
        os.unlink(path)
        for words in (["--binding", "a"], ["--file", path], ["--call", "a", "--binding", "b",
                                                             "--file", path]):
            self.assertIn("usage: linewatchctl capture", self.ctl("capture", *words, status=2))
        self.assertIn("usage: linewatchctl trace", self.ctl("trace", status=2))
        self.assertIn("--packets is not for trace", self.ctl("trace", "--packets", "1", status=2))
        self.assertIn("/none/x: No such file", self.ctl("capture", "--call", "a", "--file",
                                                        self.dir + "/none/x", status=1))

    def test_stop_while_a_client_waits(self):
        client = self.connect()
        client.sendall(b'{"cmd":"cdr","args":{"last":3600000}}\n')
        other = self.connect()
        while "error" not in self.ask(other, '{"cmd":"cdr"}'):
            pass
        self.host.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.wait(WAIT), 0)
        self.assertEqual(client.recv(1), b"")

    # the socket's file

    def test_mode(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)

    def test_stale_file_is_replaced(self):
        self.host.kill()
        self.host.wait(WAIT)
        self.host.stdout.close()
        self.assertTrue(os.path.exists(self.path))
        self.assertIn("does not run", self.ctl("status", status=3))
        self.host = self.start()
        self.ctl("status")

    def refused(self, reason):
        second = subprocess.run([HOST, self.path], capture_output=True, text=True, timeout=WAIT,
                                check=False)
        self.assertEqual((second.returncode, second.stderr), (1, f"ctl_host: {reason}\n"))

    def test_living_server_is_not_replaced(self):
        self.refused("Address already in use")
        self.ctl("status")

    def test_other_files_are_not_touched(self):
        socket_path = self.path
        self.path = os.path.join(self.dir, "file")
        with open(self.path, "w", encoding="ascii") as out:
            out.write("precious")
        self.refused("File exists")
        with open(self.path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        os.unlink(self.path)
        self.path = os.path.join(self.dir, "none", "cp.sock")
        self.refused("No such file or directory")
        self.path = os.path.join(self.dir, "x" * 100)
        self.refused("File name too long")
        self.path = socket_path


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
