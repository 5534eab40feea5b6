#!/usr/bin/python3
"""swctl's capture commands against a stock gRPC server (test_swctl.py)."""
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import unittest

import grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_swctl import LIMIT_S, SWCTL, Refused, SwctlTest, make  # noqa: E402


def capture(**more):
    fields = {"id": "5", "port": "vd-7", "state": "CAPTURE_STATE_RUNNING", "snaplen": 65535,
              "limitBytes": "67108864", "limitSeconds": 3600, "who": "uid 0 (root)",
              "started": "2026-11-24T06:45:12Z", "packets": "12", "bytes": "3456"}
    fields.update(more)
    return make("Capture", **fields)


def chunks(*data):
    replies = []
    for piece in data:
        replies.append(make("ReadCaptureResponse"))
        replies[-1].data = piece
    return replies


class Captures(SwctlTest):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir.name, "out.pcapng")
        if os.path.exists(self.file):
            os.unlink(self.file)
        self.switch.answers.update(
            StartCapture=capture(), ReadCapture=chunks(b"abc", b"\0\xff"),
            StopCapture=capture(state="CAPTURE_STATE_ENDED", why="its time is up"),
            DeleteCapture=make("DeleteCaptureResponse"))

    def written(self):
        with open(self.file, "rb") as f:
            return f.read()

    def test_start(self):
        out = self.run_ctl("capture", "start", "--port", "vd-7")[0]
        self.assertEqual(out, "capture 5 of vd-7 has begun; it ends by itself after 3600 s or 67108864 bytes\n")
        self.assertEqual(self.sent(), {"port": "vd-7"})
        self.switch.requests.clear()
        self.run_ctl("capture", "start", "--port", "vd-7", "--dropped", "--snaplen", "64", "--packets",
                     "9", "--size", "3M", "--seconds", "60", "--comment", "INC-1")
        self.assertEqual(self.sent(), {"port": "vd-7", "onlyDropped": True, "snaplen": 64, "packets": "9",
                                       "bytes": "3145728", "seconds": 60, "comment": "INC-1"})
        self.assertEqual(json.loads(self.run_ctl("capture", "start", "--port", "vd-7", "-o", "json")[0])["id"],
                         "5")

    def test_wrong_options(self):
        for args, said in (
                ([], "--port NAME"), (["--port", "a", "--port", "b"], "--port NAME"),
                (["--port", "a", "--snaplen", "63"], "64 to 65535"),
                (["--port", "a", "--packets", "0"], "from 1"), (["--port", "a", "--seconds", "604801"], "604800"),
                (["--port", "a", "--size", "0"], "number of bytes"),
                (["--port", "a", "--size", "-1"], "number of bytes"),
                (["--port", "a", "--size", "1MB"], "number of bytes"),
                (["--port", "a", "--size", "9999999999999G"], "number of bytes")):
            self.assertIn(said, self.fails(2, "capture", "start", *args))
            self.assertIn(said if args else "--port NAME", self.fails(2, "capture", *args, "-w", self.file))
        self.assertIn("where to?", self.fails(2, "capture", "--port", "a"))
        self.assertIn("where to?", self.fails(2, "capture", "get", "5"))
        self.assertIn("'x' is not a capture", self.fails(2, "capture", "get", "x", "-w", self.file))
        self.assertIn("is not a capture", self.fails(2, "capture", "stop", "0"))
        self.assertIn("is not a capture", self.fails(2, "capture", "delete", "--", "-1"))
        self.assertEqual(self.switch.requests, [])

    def test_list(self):
        self.switch.answers["ListCaptures"] = make(
            "ListCapturesResponse", bytes="3456", budgetBytes="1073741824")
        self.switch.answers["ListCaptures"].captures.extend([
            capture(), capture(id="6", state="CAPTURE_STATE_FAILED", onlyDropped=True, lost="3",
                               why="No space\x1b left", comment="INC-1")])
        lines = self.run_ctl("capture", "list")[0].splitlines()
        self.assertEqual(lines[0].split(), "ID PORT STATE WHAT PACKETS BYTES LOST STARTED BY WHY COMMENT".split())
        self.assertRegex(lines[1], r"^5 +vd-7  running  all +12 +3456 +0  2026-11-24 06:45:12 \+0000  "
                         r"uid 0 \(root\)  - +-$")
        self.assertRegex(lines[2], r"^6 +vd-7  failed +dropped +12 +3456 +3 .*No space.* left  INC-1$")
        self.assertNotIn("\x1b", lines[2])
        self.assertEqual(lines[3], "3456 of 1073741824 bytes are taken")
        self.assertIn("MAX-SECONDS", self.run_ctl("capture", "list", "-o", "wide")[0])

    def test_stop_and_delete(self):
        self.assertEqual(self.run_ctl("capture", "stop", "5")[0],
                         "capture 5 of vd-7 is over: its time is up; 12 packets, 3456 bytes, 0 lost\n")
        self.assertEqual(self.sent(), {"id": "5"})
        self.assertEqual(self.run_ctl("capture", "delete", "5")[0], "deleted\n")
        self.switch.answers["DeleteCapture"] = Refused(grpc.StatusCode.NOT_FOUND, "there is no capture 5")
        self.assertIn("there is no capture 5", self.fails(1, "capture", "delete", "5"))

    def test_get(self):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write("something longer than that")
        os.chmod(self.file, 0o666)
        self.run_ctl("capture", "get", "5", "-w", self.file)
        self.assertEqual(self.written(), b"abc\0\xff")
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertEqual(self.sent(), {"id": "5"})
        self.switch.requests.clear()
        out = subprocess.run([SWCTL, "capture", "get", "5", "--follow", "--save", "-"], env=self.env,
                             capture_output=True, timeout=LIMIT_S, check=True)
        self.assertEqual((out.stdout, out.stderr), (b"abc\0\xff", b""))
        self.assertEqual(self.sent(), {"id": "5", "follow": True})
        with open("/dev/full", "wb") as full:
            out = subprocess.run([SWCTL, "capture", "get", "5", "-w", "-"], env=self.env, stdout=full,
                                 stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
        self.assertEqual(out.returncode, 1)
        self.assertIn(b"No space left", out.stderr)

    def live(self, *args, **more):
        return subprocess.Popen([SWCTL, "capture", "--port", "vd-7", "-w", self.file, *args], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def methods(self):
        return [name for name, _ in self.switch.requests]

    def test_live_until_a_limit(self):
        p = self.live()
        out, err = p.communicate(timeout=LIMIT_S)
        self.assertEqual((p.returncode, out), (0, ""))
        self.assertIn("as capture 5; Ctrl-C ends it", err)
        self.assertIn("12 packets, 3456 bytes, 0 lost", err)
        self.assertEqual(self.written(), b"abc\0\xff")
        self.assertEqual(self.methods(), ["StartCapture", "ReadCapture", "StopCapture", "DeleteCapture"])

    def test_live_until_interrupted(self):
        stopped = threading.Event()

        def read(_):
            yield from chunks(b"before")
            stopped.wait(LIMIT_S)
            yield from chunks(b"after")

        def stop(_):
            stopped.set()
            return capture(state="CAPTURE_STATE_ENDED")

        self.switch.answers.update(ReadCapture=read, StopCapture=stop)
        for signo in (signal.SIGINT, signal.SIGTERM):
            stopped.clear()
            p = self.live()
            self.assertIn("Ctrl-C ends it", p.stderr.readline())
            while not os.path.exists(self.file) or self.written() != b"before":
                self.assertIsNone(p.poll())
            p.send_signal(signo)
            err = p.communicate(timeout=LIMIT_S)[1]
            self.assertEqual(p.returncode, 0, err)
            self.assertEqual(self.written(), b"beforeafter")
            self.assertEqual(self.methods()[-1], "DeleteCapture")

    def test_live_in_trouble(self):
        self.switch.answers["StopCapture"] = capture(state="CAPTURE_STATE_FAILED", why="No space")
        p = self.live()
        self.assertIn("the capture has failed: No space", p.communicate(timeout=LIMIT_S)[1])
        self.assertEqual(p.returncode, 1)
        self.switch.answers["DeleteCapture"] = Refused(grpc.StatusCode.INTERNAL, "no")
        p = self.live()
        self.assertIn("capture 5 is left on the switch", p.communicate(timeout=LIMIT_S)[1])
        self.assertEqual(p.returncode, 1)
        self.switch.answers["StartCapture"] = Refused(grpc.StatusCode.NOT_FOUND, "no port is named")
        p = self.live()
        self.assertIn("no port is named", p.communicate(timeout=LIMIT_S)[1])
        self.assertEqual(p.returncode, 1)

    def test_quarantine(self):
        self.switch.answers["Quarantine"] = make("QuarantineReceipt", port="vd-7", quarantined=True,
                                                 captureId="5")
        self.assertIn("capture 5 has what it sends", self.run_ctl("quarantine", "vd-7", "--capture")[0])
        self.assertEqual(self.sent(), {"port": "vd-7", "capture": True})
        self.switch.answers["Quarantine"] = make("QuarantineReceipt", port="vd-7", quarantined=True,
                                                 captureError="capture 5 has failed: No space")
        self.assertIn("NOT captured: capture 5 has failed: No space",
                      self.run_ctl("quarantine", "vd-7", "--capture")[0])

    def test_help(self):
        for words in ([], ["start"], ["stop"], ["list"], ["get"], ["delete"]):
            out = self.run_ctl("capture", *words, "--help", env={})[0]
            self.assertLessEqual(max(map(len, out.splitlines())), 100)


if __name__ == "__main__":
    unittest.main()
