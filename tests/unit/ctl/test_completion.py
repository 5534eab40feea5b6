#!/usr/bin/python3
"""Completion in a real bash, of swctl against a stock gRPC server and of vswitchd."""
import os
import pty
import re
import select
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_swctl import LIMIT_S, SWCTL, TOP, SwctlTest, make, port  # noqa: E402

SCRIPT = os.path.join(TOP, "ctl/bash-completion/swctl")
BIN = os.path.dirname(SWCTL)
SHELL = r'''
source "$1"; shift
COMP_LINE=$1 COMP_POINT=$2; shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_fusuma "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" ""
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
'''


def taken_apart(line):
    """The words of a line as readline has them: = and : are words, too."""
    words = [w for w in re.split(r"\s+|([=:]+)", line) if w]
    return words + [""] if line[-1:].isspace() else words


class Completion(SwctlTest):
    def setUp(self):
        super().setUp()
        self.env = dict(self.env, PATH=BIN + ":" + self.env["PATH"])
        self.switch.answers.update(
            ListPorts=make("ListPortsResponse"), ListAddressSets=make(
                "ListAddressSetsResponse", sets=[{"name": "peers"}, {"name": "remote"}]),
            ListPolicyVersions=make("ListPolicyVersionsResponse",
                                    versions=[{"version": "12"}, {"version": "11"}, {"version": "7"}]),
            ListIncidents=make("ListIncidentsResponse", incidents=[{"id": "41"}, {"id": "42"}]),
            ListCaptures=make("ListCapturesResponse", captures=[{"id": "5"}, {"id": "6"}]),
            WatchCounters=[make("Counters", ports=[{"port": "a", "drops": [{"reason": "ra"},
                                                                           {"reason": "land"}]}])])
        evil = port("$(touch x)", quarantined=True)
        self.switch.answers["GetPort"] = port("up0")
        self.switch.answers["ListPorts"].ports.extend(
            [port("vd-1"), port("vd-2", quarantined=True), port("up0"), evil])

    def offers(self, line, cwd=None, env=None):
        words = taken_apart(line)
        r = subprocess.run(["bash", "--norc", "-c", SHELL, "bash", SCRIPT, line, str(len(line)),
                            *words], capture_output=True, text=True, env=env or self.env,
                           timeout=LIMIT_S, cwd=cwd or self.dir.name, check=True)
        self.assertEqual(r.stderr, "", line)
        return r.stdout.split()

    def expect(self, line, want, **more):
        self.assertEqual(sorted(self.offers(line, **more)), sorted(want.split()), line)

    def test_broker(self):
        self.expect("swctl b", "binding broker")
        self.expect("swctl broker --adapter ", "webhook uds")
        self.expect("swctl broker --li", "--listen --listen-cert --listen-key")

    def test_verbs(self):
        self.expect("swctl po", "port policy")
        self.expect("swctl port ", "add del list show")
        self.expect("swctl port s", "show")
        self.expect("swctl help policy d", "diff")
        self.expect("swctl -o json policy ch", "check")
        self.expect("swctl frobnicate ", "")
        self.assertEqual(self.switch.requests, [])

    def test_every_verb_is_there(self):
        overview = self.run_ctl("--help")[0]
        paths = re.findall(r"(?m)^  ([a-z-]+)(?: ([a-z]+))?(?= )", overview.split("Options of")[0])
        self.assertGreater(len(paths), 30)
        self.expect("swctl ", " ".join({p[0] for p in paths} | {"help"}))
        for family in {p[0] for p in paths if p[1]} - {"quarantine"}:  # which has ports, too
            self.expect("swctl %s " % family, " ".join(p[1] for p in paths if p[0] == family))

    def test_every_option_is_there(self):
        for words in ("port add x", "policy diff", "drops", "conn list", "status"):
            text = self.run_ctl(*words.split(), "--help")[0]
            options = re.findall(r"(?m)^  (?:-., |    )(--[a-z-]+)", text)
            self.assertGreater(len(options), 7)
            self.expect("swctl %s --" % words, " ".join(set(options)))
        self.expect("swctl status --output json --o", "")
        self.expect("swctl port add x --ip fd00::1 --i", "--ip --interface")

    def test_values(self):
        self.expect("swctl port list -o ", "table wide json yaml")
        self.expect("swctl incident report 42 -o ", "html md json")
        self.expect("swctl incident pivot 42 --output=c", "csv")
        self.expect("swctl incident report 42 --lang ", "en ja")
        self.expect("swctl port list --output=j", "json")  # what is behind the = is replaced
        self.expect("swctl port list --output=", "table wide json yaml")
        self.expect("swctl port add x --type v", "vhost-user")
        self.expect("swctl port add x --mac 02:00:00:00:00:01 --role ", "desktop uplink")
        self.expect("swctl watch ports po", "ports policy")
        self.expect("swctl conn list --state clos", "closing closed")
        self.expect("swctl port add x --storm b", "broadcast=")

    def test_names_of_the_switch(self):
        self.expect("swctl port show vd", "vd-1 vd-2")
        self.expect("swctl quarantine ", "list vd-1 vd-2 up0")
        self.expect("swctl release ", "vd-2")
        self.expect("swctl drops --port up", "up0")
        self.expect("swctl drops --port=up", "up0")
        self.expect("swctl drops --reason ", "ra land")
        self.expect("swctl conn list --user ", "sato")
        self.expect("swctl policy rollback 1", "11 12")
        self.expect("swctl policy diff --from 7 --to ", "7 11 12")
        self.expect("swctl incident show ", "41 42")
        self.expect("swctl incident note 42 ", "")
        self.expect("swctl capture get ", "5 6")
        self.expect("swctl capture start --port up", "up0")
        self.expect("swctl capture ", "start stop list get delete")
        self.expect("swctl set add r", "remote")
        self.expect("swctl set add remote ", "")
        self.expect("swctl port show vd-1 ", "")

    def test_of_another_switch(self):
        line = "swctl --target %s port show vd" % self.target
        self.expect(line, "vd-1 vd-2", env={"PATH": self.env["PATH"]})
        self.expect("swctl --target unix:/nowhere port show ", "")
        self.expect("swctl --target nonsense port show ", "")

    def test_files(self):
        place = os.path.join(self.dir.name, "files")
        os.makedirs(place + "/rules.d")
        for name in ("a.yaml", "a b.yaml"):
            with open(os.path.join(place, name), "w", encoding="utf-8"):
                pass
        for line in ("swctl policy apply ", "swctl policy check a.yaml ", "vswitchd --config "):
            self.assertEqual(sorted(self.offers(line, cwd=place)),
                             ["a", "a.yaml", "b.yaml", "rules.d"])
        self.expect("swctl set put x --file=rules", "rules.d", cwd=place)

    def test_vswitchd(self):
        self.expect("vswitchd --tls", "--tls-ca --tls-cert --tls-key")
        self.expect("vswitchd --insecure-loopback ", "viewer operator responder policy admin")
        self.expect("vswitchd --insecure-loopback=a", "admin")
        text = subprocess.run([BIN + "/vswitchd", "--help"], capture_output=True, text=True,
                              check=True).stdout
        self.expect("vswitchd --", " ".join(re.findall(r"(?m)^  (?:-., )?(--[a-z-]+)", text)))

    def test_at_a_keyboard(self):
        """readline itself, without bash-completion."""
        pid, fd = pty.fork()
        if not pid:
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"],
                       dict(self.env, PS1="ready> ", TERM="dumb", INPUTRC="/dev/null"))
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, fd)
        self.seen = ""
        self.read_until(fd, "ready> ")
        os.write(fd, b"source %s; printf ' %%s' got\n" % SCRIPT.encode())
        self.read_until(fd, " got")
        os.write(fd, b"set -- ; swctl --output=js\tport show --\x7f\x7fup\t\n")
        self.read_until(fd, '"id": 3')
        self.assertEqual([(m, r.name) for m, r in self.switch.requests if m == "GetPort"],
                         [("GetPort", "up0")])
        os.write(fd, b"exit\n")

    def read_until(self, fd, *any_of):
        end = time.monotonic() + LIMIT_S
        while not any(text in self.seen for text in any_of):
            if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                self.fail(self.seen)
            self.seen += os.read(fd, 4096).decode(errors="replace")
        self.seen = ""


del SwctlTest

if __name__ == "__main__":
    unittest.main()
