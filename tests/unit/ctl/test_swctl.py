#!/usr/bin/python3
"""swctl against a stock gRPC server: what it sends, what it prints, and how it exits.

The server knows the API from its .proto files only.  SWCTL names the program; without it
bin/swctl of the working directory, then of build/, is taken.
"""
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent import futures

import grpc
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
PACKAGE = "fusuma.v1."
LIMIT_S = 20


def find_swctl():
    for path in (os.environ.get("SWCTL"), "bin/swctl", os.path.join(TOP, "build/bin/swctl")):
        if path and os.path.exists(path):
            return os.path.abspath(path)
    sys.exit("no swctl: build it, or name it in SWCTL")


def load_api():
    """The API's descriptors, from the same files that swctl is made from."""
    proto = os.path.join(TOP, "proto")
    names = sorted(n for n in os.listdir(proto + "/fusuma/v1") if n.endswith(".proto"))
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["protoc-c", "-I" + proto, "-I/usr/include", "--include_imports",
                        "--descriptor_set_out=" + d + "/set"] + ["fusuma/v1/" + n for n in names],
                       check=True, cwd=proto)
        with open(d + "/set", "rb") as f:
            files = descriptor_pb2.FileDescriptorSet.FromString(f.read())
    pool = descriptor_pool.DescriptorPool()
    for f in files.file:
        pool.Add(f)
    return files, pool


FILES, POOL = load_api()
FACTORY = message_factory.MessageFactory(POOL)
SWCTL = find_swctl()


def make(name, /, **fields):
    return json_format.ParseDict(fields, FACTORY.GetPrototype(
        POOL.FindMessageTypeByName(PACKAGE + name))())


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Switch:
    """A gRPC server of all the API's services.  'answers' maps a method to its reply, to a list of
    messages, to a Refused, or to a function of the request; 'requests' is what arrived."""

    def __init__(self, endpoint):
        self.answers = {}
        self.requests = []
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        for f in FILES.file:
            for service in f.service:
                name = f.package + "." + service.name
                handlers = {m.name: self.handler(m) for m in service.method}
                self.server.add_generic_rpc_handlers(
                    (grpc.method_handlers_generic_handler(name, handlers),))
        self.port = self.server.add_insecure_port(endpoint)
        self.server.start()

    def handler(self, method):
        classes = [FACTORY.GetPrototype(POOL.FindMessageTypeByName(t.lstrip(".")))
                   for t in (method.input_type, method.output_type)]
        kind = (grpc.unary_stream_rpc_method_handler if method.server_streaming
                else grpc.unary_unary_rpc_method_handler)

        def answer(request, context):
            self.requests.append((method.name, request))
            reply = self.answers[method.name]
            if callable(reply):
                reply = reply(request)
            if isinstance(reply, Refused):
                context.abort(reply.code, str(reply))
            return reply

        def stream(request, context):
            try:
                yield from answer(request, context)
            except Refused as refused:
                context.abort(refused.code, str(refused))

        return kind(stream if method.server_streaming else answer,
                    request_deserializer=classes[0].FromString,
                    response_serializer=classes[1].SerializeToString)


def port(name="vd-1", **more):
    spec = {"name": name, "role": "PORT_ROLE_DESKTOP", "mac": "02:00:00:00:00:01",
            "ips": ["10.0.0.1", "fd00::1"], "user": "sato",
            "vhostUser": {"socket": name + ".sock", "client": True},
            "labels": {"pool": "sales", "floor": "3"}}
    return make("Port", spec=spec, id=3, state="PORT_STATE_UP", worker=1, generation="12", **more)


def record(n=1, **more):
    fields = {"cursor": {"epoch": "7", "n": str(n)}, "time": "2026-11-24T06:45:12.123Z",
              "port": "vd-1", "user": "sato", "srcIp": "10.0.0.1", "dstIp": "10.0.0.2",
              "service": "tcp/445 smb", "rule": "default-egress", "reason": "egress-default",
              "count": 1}
    fields.update(more)
    return make("DropEvent", record=fields)


INFO = {"version": "0.1.0", "dpdkVersion": "DPDK 22.11.11", "pid": 42, "ports": 3, "portsUp": 2,
        "connections": 10, "connectionsMax": 262144, "generation": "5"}


class SwctlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        cls.target = "unix:" + cls.dir.name + "/s"
        cls.switch = Switch(cls.target)
        cls.env = {"PATH": os.environ["PATH"], "FUSUMA_TARGET": cls.target, "TZ": "UTC"}
        cls.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})

    @classmethod
    def tearDownClass(cls):
        cls.switch.server.stop(None).wait()
        cls.dir.cleanup()

    def setUp(self):
        self.switch.answers.clear()
        self.switch.requests.clear()

    def run_ctl(self, *args, code=0, stdin="", env=None):
        """(stdout, stderr); what succeeds says nothing on stderr, what fails nothing on stdout
        unless the test looks for it."""
        r = subprocess.run([SWCTL, *args], input=stdin, capture_output=True, text=True,
                           env=self.env if env is None else env, timeout=LIMIT_S)
        self.assertEqual(r.returncode, code, (args, r.stdout, r.stderr))
        return r.stdout, r.stderr

    def fails(self, code, *args, **more):
        out, err = self.run_ctl(*args, code=code, **more)
        self.assertEqual(out, "")
        self.assertTrue(err.endswith("\n") and err.count("\n") == 1, err)
        return err

    def sent(self):
        self.assertEqual(len(self.switch.requests), 1)
        return json_format.MessageToDict(self.switch.requests[0][1])


class Ports(SwctlTest):
    def test_add_sends_every_field(self):
        self.switch.answers["AddPort"] = port()
        out, err = self.run_ctl(
            "port", "add", "vd-1", "--type", "vhost-user", "--socket", "vd-1.sock", "--client",
            "--role", "desktop", "--mac", "02:00:00:00:00:01", "--ip", "10.0.0.1", "--ip",
            "fd00::1", "--learn", "--user", "佐藤", "--label", "pool=sales", "--label", "note=a=b",
            "--refresh-on-logoff")
        self.assertEqual(err, "")
        self.assertEqual(out, "port vd-1 added: id 3, worker 1, generation 12\n")
        self.assertEqual(self.sent(), {"spec": {
            "name": "vd-1", "role": "PORT_ROLE_DESKTOP", "mac": "02:00:00:00:00:01",
            "vhostUser": {"socket": "vd-1.sock", "client": True},
            "ips": ["10.0.0.1", "fd00::1"], "learn": True, "user": "佐藤", "refreshOnLogoff": True,
            "labels": {"pool": "sales", "note": "a=b"}}})

    def test_add_other_types(self):
        self.switch.answers["AddPort"] = port("up0")
        for kind, option, key in (("af_packet", "interface", "afPacket"),
                                  ("ethdev", "devargs", "ethdev")):
            self.switch.requests.clear()
            self.run_ctl("--type", kind, "--" + option + "=x,y", "--role=uplink", "port", "add", "up0")
            self.assertEqual(self.sent()["spec"], {"name": "up0", "role": "PORT_ROLE_UPLINK",
                                                   key: {option: "x,y"}})

    def test_add_vlans(self):
        self.switch.answers["AddPort"] = port("up0")
        self.run_ctl("port", "add", "up0", "--type", "af_packet", "--interface", "e", "--role",
                     "uplink", "--vlan", "5", "--trunk", "30,20-22", "--trunk", "10")
        self.assertEqual(self.sent()["spec"], {
            "name": "up0", "role": "PORT_ROLE_UPLINK", "afPacket": {"interface": "e"}, "vlan": 5,
            "trunks": [10, 20, 21, 22, 30]})
        self.switch.requests.clear()
        self.run_ctl("port", "add", "up0", "--type", "af_packet", "--interface", "e", "--role",
                     "uplink", "--trunk", "10", "--no-untagged")
        self.assertEqual(self.sent()["spec"]["noUntagged"], True)

    def test_list_and_show_vlans(self):
        access, trunk, tagged = port(), port("up0"), port("up1")
        access.spec.vlan = 10
        trunk.spec.trunks.extend([22, 10, 20, 21])
        tagged.spec.trunks.append(4094)
        tagged.spec.no_untagged = True
        self.switch.answers["ListPorts"] = make("ListPortsResponse")
        self.switch.answers["ListPorts"].ports.extend([access, trunk, tagged])
        lines = self.run_ctl("port", "list")[0].split("\n")
        for line, want in zip(lines[1:], ("10 ", "0, 10,20-22 tagged ", "4094 tagged ")):
            self.assertTrue(line[lines[0].index("VLAN"):].startswith(want), line)
        self.switch.answers["GetPort"] = trunk
        self.assertRegex(self.run_ctl("port", "show", "up0")[0], r"(?m)^VLAN: +0, 10,20-22 tagged$")
    def test_add_with_limits(self):
        self.switch.answers["AddPort"] = port("up0")
        self.run_ctl("port", "add", "up0", "--type=ethdev", "--devargs=d", "--role=uplink",
                     "--storm", "broadcast=7", "--storm", "unknown-unicast=off", "--mac-limit=5")
        self.assertEqual(self.sent()["spec"]["macLimit"], 5)
        self.assertEqual(self.sent()["spec"]["storm"],
                         {"broadcastPps": 7, "unknownUnicastPps": 4294967295})

    def test_mcast_list(self):
        self.switch.answers["ListGroups"] = make(
            "ListGroupsResponse",
            groups=[{"address": "239.1.2.3", "members": [{"port": "vd-1", "ageS": 7},
                                                         {"port": "vd-2"}]}],
            routers=[{"vlan": 5, "members": [{"port": "up0", "ageS": 100}]}])
        lines = [line.split() for line in self.run_ctl("mcast", "list")[0].splitlines()]
        self.assertEqual(lines, [["GROUP", "VLAN", "PORT", "AGE"],
                                 ["239.1.2.3", "0", "vd-1", "7", "s"],
                                 ["239.1.2.3", "0", "vd-2", "0", "s"],
                                 ["routers", "5", "up0", "100", "s"]])

    def test_show_limits(self):
        self.switch.answers["GetPort"] = port(
            storm={"broadcastPps": 7, "multicastPps": 4294967295, "unknownUnicastPps": 9},
            macLimit=8192, macsLearned=3)
        self.assertRegex(self.run_ctl("port", "show", "vd-1")[0],
                         r"(?m)^Stations: +3 learned, at most 8192$")
        self.assertRegex(self.run_ctl("port", "show", "vd-1")[0],
                         r"(?m)^Storm limits: +broadcast 7, multicast off, unknown-unicast 9$")

    def test_show_what_is_realised(self):
        realised = {"port": "vd-1", "generation": "12", "policyDigest": "ab" * 32, "egressRules": 7,
                    "ingressRules": 1, "egressTable": str(0xabc), "ingressTable": str(2**64 - 1),
                    "mode": "audit-default"}
        self.switch.answers["GetPort"] = port(policy=realised)
        out = self.run_ctl("port", "show", "vd-1")[0]
        for line in ("Policy: +sha256 " + "ab" * 32, " +In force: +generation 12, mode audit-default",
                     " +Egress: +7 rules, table 0000000000000abc",
                     " +Ingress: +1 rule, table ffffffffffffffff"):
            self.assertRegex(out, "(?m)^" + line + "$")
        self.switch.answers["GetPort"] = port(policy={"port": "vd-1", "generation": "9",
                                                      "mode": "enforce"})
        out = self.run_ctl("port", "show", "vd-1")[0]
        self.assertRegex(out, "(?m)^Policy: +none: everything is denied$")
        self.assertRegex(out, "(?m)^ +In force: +generation 9$")
        self.switch.answers["GetPort"] = port("up0")
        self.assertRegex(self.run_ctl("port", "show", "up0")[0], "(?m)^Policy: +none: ")

    def test_add_wrong_input_names_what(self):
        good = ["port", "add", "p", "--type", "af_packet", "--interface", "e", "--role", "desktop"]
        for args, said in (
                (["port", "add"], "needs NAME"),
                (["port", "add", "p", "q"], "does not take 'q'"),
                (["port", "add", "p"], "--type"),
                (["port", "add", "p", "--type", "tap"], "'tap'"),
                (["port", "add", "p", "--type", "ethdev"], "--devargs"),
                (["port", "add", "p", "--type", "ethdev", "--devargs", "d"], "--role"),
                (good + ["--socket", "s"], "has no --socket"),
                (good + ["--client"], "has no --client"),
                (good[:-1] + ["boss"], "'boss'"),
                (good + ["--label", "pool"], "'pool' is not KEY=VALUE"),
                (good + ["--label", "=x"], "KEY=VALUE"),
                (good + ["--label", "a=1", "--label", "a=2"], "twice"),
                (good + ["--mac", "x", "--mac", "y"], "--mac was given twice"),
                (good + ["--mac"], "--mac needs a value"),
                (good + ["--mac", ""], "--mac needs a value"),
                (good + ["--vlan", "4095"], "from 0 to 4094"),
                (good + ["--trunk", "10,20-"], "'10,20-' is not a list of VLANs"),
                (good + ["--trunk", "0"], "'0' is not a list of VLANs"),
                (good + ["--follow"], "no option --follow"),
                (good + ["--client=yes"], "--client takes no value"),
                (good + ["--storm", "broadcast"], "'broadcast' is not CLASS=PPS"),
                (good + ["--storm", "arp=5"], "classes: broadcast, multicast, unknown-unicast"),
                (good + ["--storm", "multicast=0"], "from 1 to 100000000, or 'off'"),
                (good + ["--storm", "multicast=100000001"], "from 1 to 100000000"),
                (good + ["--storm", "multicast=-1"], "from 1 to 100000000"),
                (good + ["--storm", "multicast="], "from 1 to 100000000"),
                (good + ["--storm", "broadcast=off", "--storm", "broadcast=1"], "given twice"),
                (good + ["--mac-limit", "0"], "from 1 to 65536"),
                (good + ["--mac-limit", "65537"], "from 1 to 65536"),
                (good + ["--labl", "a=1"], "did you mean '--label'"),
                (good + ["-x"], "'-x'")):
            self.assertIn(said, self.fails(2, *args))
        self.assertEqual(self.switch.requests, [])

    def test_refusals(self):
        self.switch.answers["AddPort"] = Refused(
            grpc.StatusCode.ALREADY_EXISTS, "name: 'vd-1' is taken")
        self.switch.answers["DeletePort"] = Refused(grpc.StatusCode.NOT_FOUND, "no port 'x'")
        self.assertEqual(self.fails(1, "port", "add", "vd-1", "--type", "af_packet", "--interface",
                                    "e", "--role", "uplink"), "swctl: name: 'vd-1' is taken\n")
        self.assertEqual(self.fails(1, "port", "del", "x"), "swctl: no port 'x'\n")

    def test_del(self):
        self.switch.answers["DeletePort"] = make("DeletePortResponse", generation="13")
        self.assertEqual(self.run_ctl("port", "del", "vd-1")[0], "port vd-1 deleted: generation 13\n")
        self.assertEqual(self.sent(), {"name": "vd-1"})

    def test_list(self):
        bad = port("vd-2", quarantined=True)
        bad.spec.user = "e\x1b[31m\u202e\nx"
        self.switch.answers["ListPorts"] = make("ListPortsResponse")
        self.switch.answers["ListPorts"].ports.extend([port(), bad])
        lines = self.run_ctl("port", "list")[0].split("\n")
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[0].split()[:4], ["NAME", "ROLE", "STATE", "WORKER"])
        self.assertIn("vhost-user vd-1.sock (client)", lines[1])
        self.assertIn("10.0.0.1, fd00::1", lines[1])
        self.assertIn("floor=3, pool=sales", lines[1])
        self.assertIn("quarantined", lines[2])
        self.assertIn("e?[31m??x", lines[2])
        self.assertEqual(lines[0].index("MAC"), lines[1].index("02:00"))

    def test_show_and_json(self):
        self.switch.answers["GetPort"] = port()
        self.assertRegex(self.run_ctl("port", "show", "vd-1")[0], r"(?m)^State: +up$")
        self.assertRegex(self.run_ctl("port", "show", "vd-1")[0], r"(?m)^Quarantined: +no$")
        self.switch.answers["GetPort"] = port(
            quarantined=True, quarantine={"port": "vd-1", "since": "2026-11-24T06:45:12Z",
                                          "who": "uid 0 (root)", "comment": "INC\x1b-12"})
        self.assertRegex(self.run_ctl("port", "show", "vd-1")[0],
                         r"(?m)^Quarantined: +yes, since 2026-11-24 06:45:12, by uid 0 \(root\): INC\?-12$")
        self.switch.answers["GetPort"] = port()
        for where in (["-o", "json", "port", "show", "vd-1"], ["port", "show", "-ojson", "vd-1"],
                      ["port", "show", "vd-1", "--output=json"]):
            parsed = json.loads(self.run_ctl(*where)[0])
            self.assertEqual(parsed, json_format.MessageToDict(port()))

    def test_empty_list_json(self):
        self.switch.answers["ListPorts"] = make("ListPortsResponse")
        self.assertEqual(json.loads(self.run_ctl("port", "list", "-o", "json")[0]), {})


class Policy(SwctlTest):
    TEXT = "groups:\n  sales: {label: pool=sales}  # 営業\nrules: []\n"

    def file(self, content):
        path = os.path.join(self.dir.name, "p.yaml")
        with open(path, "wb") as f:
            f.write(content)
        return path

    def test_apply(self):
        self.switch.answers["ApplyPolicy"] = make(
            "ApplyPolicyResponse", generation="9", version="4", digest="ab" * 32, rules=2,
            ports=[{"port": "vd-1"}],
            elapsed={"totalUs": 4321, "parseUs": 1049, "compileUs": 800, "storeUs": 1500,
                     "publishUs": 250})
        path = self.file(self.TEXT.encode())
        out = self.run_ctl("policy", "apply", path)[0]
        self.assertEqual(out, "policy applied: version 4, 2 rules, generation 9, in force on "
                              "1 desktop, sha256 " + "ab" * 32 + "\n"
                              "it took 4.3 ms: to read 1.0, to compile 0.8, to store 1.5, "
                              "to publish 0.2\n")
        self.assertEqual(self.sent(), {"sources": [{"name": path, "yaml": self.TEXT}]})
        self.switch.requests.clear()
        self.run_ctl("policy", "apply", path, "-", "--expect-version", "0", "--confirm-within",
                     "60", "--comment", "why", stdin="rules: []\n")
        self.assertEqual(self.sent(), {
            "sources": [{"name": path, "yaml": self.TEXT},
                        {"name": "<stdin>", "yaml": "rules: []\n"}],
            "hasExpected": True, "confirmWithinS": 60, "comment": "why"})

    FINDING = {"severity": "warning", "kind": "shadowed", "source": "p.yaml", "line": 3, "column": 5,
               "name": "late", "other": "first", "text": "rule 'late' never matches"}
    CHANGE = {"kind": "added", "what": "rule", "name": "web", "text": "rule 'web': added"}

    def test_check(self):
        path = self.file(self.TEXT.encode())
        check, dry_run = ("policy", "check", path), ("policy", "apply", "--dry-run", path)
        good = "policy is good: 1 rule, sha256 " + "ab" * 32 + "; nothing was changed\n"
        finding = "p.yaml:3:5: warning: rule 'late' never matches [shadowed]\n"
        change = "rule 'web': added\n"
        for findings, changes, words, code, want in (
                ([], [], check, 0, good), ([], [], dry_run, 0, good),
                ([self.FINDING], [], check, 1, finding + good),
                ([self.FINDING], [], dry_run, 1, finding + good),
                ([], [self.CHANGE], check, 0, good),
                ([], [self.CHANGE], dry_run, 1, change + good),
                ([self.FINDING], [self.CHANGE], dry_run, 1, finding + change + good)):
            self.switch.answers["CheckPolicy"] = make(
                "ApplyPolicyResponse", digest="ab" * 32, rules=1, findings=findings, changes=changes)
            self.assertEqual(self.run_ctl(*words, code=code), (want, ""))
            parsed = json.loads(self.run_ctl(*words, "-o", "json", code=code)[0])
            self.assertEqual((parsed.get("findings", []), parsed.get("changes", [])),
                             (findings, changes))

    def test_diff(self):
        path = self.file(self.TEXT.encode())
        for words, sent in (
                ((path,), {"toSources": [{"name": path, "yaml": self.TEXT}]}),
                (("--from", "3", path), {"fromVersion": "3",
                                         "toSources": [{"name": path, "yaml": self.TEXT}]}),
                (("--from", "3", "--to", "5"), {"fromVersion": "3", "toVersion": "5"}),
                (("--from", "3"), {"fromVersion": "3"}), (("--to", "3"), {"toVersion": "3"})):
            for changes, code, want in (([], 0, ""), ([self.CHANGE], 1, "rule 'web': added\n")):
                self.switch.answers["DiffPolicies"] = make(
                    "DiffPoliciesResponse", toDigest="ab" * 32, changes=changes)
                self.switch.requests.clear()
                self.assertEqual(self.run_ctl("policy", "diff", *words, code=code), (want, ""))
                self.assertEqual(self.sent(), sent)
                out = self.run_ctl("policy", "diff", *words, "-ojson", code=code)[0]
                self.assertEqual(json.loads(out).get("changes", []), changes)

    def test_trouble_is_no_difference(self):
        """Like diff, these exit with 2 for whatever is wrong."""
        path = self.file(b"x")
        said = path + ":3:7: no group 'salse'"
        refused = Refused(grpc.StatusCode.INVALID_ARGUMENT, said)
        self.switch.answers.update(CheckPolicy=refused, DiffPolicies=refused)
        commands = (("policy", "check"), ("policy", "apply", "--dry-run"), ("policy", "diff"))
        nobody = "unix:" + self.dir.name + "/nobody"
        for words in commands:
            self.assertEqual(self.fails(2, *words, path), said + "\n")
            self.assertIn("No such file", self.fails(2, *words, "/nowhere/p.yaml"))
            self.assertIn("cannot reach", self.fails(2, *words, path, "--target", nobody))
        for words, want in (((), "needs FILE, --from or --to"), (("--from", "0"), "'0'"),
                            (("--to", "x"), "'x'"), ((path, "--to", "3"), "not with both")):
            self.assertIn(want, self.fails(2, "policy", "diff", *words))
        self.switch.answers["CheckPolicy"] = make("ApplyPolicyResponse")
        self.switch.answers["DiffPolicies"] = make("DiffPoliciesResponse", changes=[self.CHANGE])
        for words in commands:
            with open("/dev/full", "w") as full:
                r = subprocess.run([SWCTL, *words, path], stdout=full, stderr=subprocess.PIPE,
                                   text=True, env=self.env, timeout=LIMIT_S)
            self.assertEqual((r.returncode, "No space left" in r.stderr), (2, True), r.stderr)

    def test_history_and_rollback(self):
        self.switch.answers["ListPolicyVersions"] = make("ListPolicyVersionsResponse", versions=[
            {"version": "3", "digest": "cd" * 32, "who": "uid 0 (root)", "inForce": True,
             "comment": "why"}, {"version": "2", "digest": "ab" * 32}])
        lines = self.run_ctl("policy", "history")[0].splitlines()
        self.assertRegex(lines[1], r"^ +3 .* uid 0 \(root\) +cdcdcdcdcdcd +in force +why")
        self.switch.requests.clear()
        self.switch.answers["RollbackPolicy"] = make("ApplyPolicyResponse", version="4")
        self.assertIn("version 4", self.run_ctl("policy", "rollback", "2", "--comment", "x")[0])
        self.assertEqual(self.sent(), {"version": "2", "comment": "x"})
        self.switch.requests.clear()
        for words in (("rollback", "x"), ("rollback", "0"), ("confirm", "-1"), ("get", "1.5")):
            self.fails(2, "policy", *words)
        self.fails(2, "policy", "get", "2", "--rules")
        self.assertEqual(self.switch.requests, [])

    def test_recommend(self):
        text = "# Recommended: 1 rule for 2 flows.\n" + self.TEXT
        self.switch.answers["RecommendPolicy"] = make(
            "RecommendPolicyResponse", yaml=text, version="7", rules=1, flows=2)
        self.assertEqual(self.run_ctl("policy", "recommend")[0], text)
        self.assertEqual(self.sent(), {})
        self.switch.requests.clear()
        out = self.run_ctl("policy", "recommend", "--include-drops", "--include-desktops", "-o",
                           "json")[0]
        self.assertEqual(json.loads(out), {"yaml": text, "version": "7", "rules": 1, "flows": 2})
        self.assertEqual(self.sent(), {"includeDrops": True, "includeDesktops": True})
        self.switch.answers["RecommendPolicy"] = Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
        self.assertIn("busy", self.fails(1, "policy", "recommend"))
        self.assertIn("--include-drops", self.fails(2, "policy", "get", "--include-drops"))
        self.fails(2, "policy", "recommend", "seen.yaml")

    def test_mistakes_are_reported_in_place(self):
        path = self.file(b"x")
        for name in (path, "<stdin>"):
            said = name + ":3:7: no group 'salse'"
            self.switch.answers["ApplyPolicy"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, said)
            self.assertEqual(self.fails(1, "policy", "apply", path, "-"), said + "\n")
        for text in ("too deep", "line x", "line 3, column 7"):
            self.switch.answers["ApplyPolicy"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, text)
            self.assertEqual(self.fails(1, "policy", "apply", path), "swctl: " + text + "\n")

    def test_unreadable(self):
        for content, said in ((b"a\0b", "byte 2 is 0"), (b"\xff\xfe", "not UTF-8"),
                              (b"#" * (16 << 20), "longer than")):
            path = self.file(content)
            err = self.fails(2, "policy", "apply", path)
            self.assertIn(path, err)
            self.assertIn(said, err)
        self.assertIn("No such file", self.fails(2, "policy", "apply", "/nowhere/p.yaml"))
        self.assertIn("Is a directory", self.fails(2, "policy", "apply", "/"))
        self.assertEqual(self.switch.requests, [])

    def test_get_is_byte_for_byte(self):
        self.switch.answers["GetPolicy"] = make(
            "Policy", sources=[{"name": "a", "yaml": self.TEXT + "# no newline"}], rules=[
                {"id": "web", "tier": "default", "direction": "egress", "action": "drop",
                 "audit": True, "packets": "5", "bytes": "900"}])
        self.assertEqual(self.run_ctl("policy", "get")[0], self.TEXT + "# no newline")
        lines = self.run_ctl("policy", "get", "--rules")[0].splitlines()
        self.assertEqual(lines[1].split(),
                         ["web", "default", "egress", "drop", "(audit)", "5", "900", "-"])
        self.switch.answers["GetPolicy"].rules[0].last_hit.FromJsonString("2026-11-25T10:00:00Z")
        self.assertIn("2026-11-25", self.run_ctl("policy", "get", "--rules")[0].splitlines()[1])
        self.switch.answers["GetPolicy"] = make("Policy")
        out, err = self.run_ctl("policy", "get")
        self.assertEqual((out, "everything is denied" in err), ("", True))


class Config(SwctlTest):
    def test_apply(self):
        self.switch.answers["ApplyConfig"] = make(
            "ApplyConfigResponse", file="/etc/f.yaml", added=["a"], removed=["b"], replaced=["c", "d"],
            policyVersion="3", generation="9")
        self.assertEqual(self.run_ctl("config", "apply")[0],
                         "port b removed\nport c replaced\nport d replaced\nport a added\n"
                         "/etc/f.yaml applied: policy version 3, generation 9\n")
        self.assertEqual(self.sent(), {})
        self.switch.answers["ApplyConfig"] = make("ApplyConfigResponse", file="/f", generation="9")
        for words, file in ((["x.yaml"], os.getcwd() + "/x.yaml"), (["/x.yaml"], "/x.yaml")):
            self.switch.requests.clear()
            self.assertEqual(self.run_ctl("config", "apply", *words)[0],
                             "/f applied: the policy stays, generation 9\n")
            self.assertEqual(self.sent(), {"file": file})

    def test_dry_run(self):
        for fields, code in (({}, 0), ({"added": ["a"]}, 1), ({"removed": ["a"]}, 1),
                             ({"replaced": ["a"]}, 1), ({"policyChanges": [Policy.CHANGE]}, 1)):
            self.switch.requests.clear()
            self.switch.answers["ApplyConfig"] = make("ApplyConfigResponse", file="/f", **fields)
            out = self.run_ctl("config", "apply", "--dry-run", code=code)[0]
            self.assertTrue(out.endswith("/f is good; nothing was changed\n"))
            self.assertEqual(len(out.splitlines()), 1 + code)
            self.assertEqual(self.sent(), {"dryRun": True})

    def test_mistakes(self):
        for said, want in (("/etc/f.yaml:3:7: what", "/etc/f.yaml:3:7: what\n"),
                           ("/etc/f.yaml: No such file", "swctl: /etc/f.yaml: No such file\n")):
            self.switch.answers["ApplyConfig"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, said)
            self.assertEqual(self.fails(1, "config", "apply"), want)
            self.assertEqual(self.fails(2, "config", "apply", "--dry-run"), want)
        self.assertIn("an absolute path", self.fails(2, "config", "apply", "x", "--target",
                                                     "127.0.0.1:1"))
        self.assertIn("does not take", self.fails(2, "config", "apply", "x", "y"))


class Sets(SwctlTest):
    CHANGED = {"name": "peers", "revision": "17", "prefixCount": 3, "added": 2, "removed": 1,
               "generation": "9", "inPolicy": True}

    def setUp(self):
        super().setUp()
        for method in ("PutAddressSet", "PatchAddressSet", "DeleteAddressSet"):
            self.switch.answers[method] = make("AddressSetChanged", **self.CHANGED)

    def file(self, text):
        path = os.path.join(self.dir.name, "prefixes")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def test_words(self):
        self.assertEqual(self.run_ctl("set", "put", "peers", "10.0.0.1", "fd00::/64")[0],
                         "peers: 3 prefixes, 2 added, 1 removed, generation 9\n")
        self.assertEqual(self.sent(), {"name": "peers", "prefixes": ["10.0.0.1", "fd00::/64"]})
        for words, want in ((["put", "peers"], {"name": "peers"}),
                            (["add", "peers"], {"name": "peers"}),
                            (["add", "peers", "10.0.0.1"], {"name": "peers", "add": ["10.0.0.1"]}),
                            (["remove", "peers", "10.0.0.1"],
                             {"name": "peers", "remove": ["10.0.0.1"]})):
            self.switch.requests.clear()
            self.run_ctl("set", *words)
            self.assertEqual(self.sent(), want)
        self.switch.answers["PutAddressSet"] = make("AddressSetChanged", name="x", prefixCount=1,
                                                    added=1, generation="9")
        self.assertEqual(self.run_ctl("set", "put", "x", "10.0.0.1")[0],
                         "x: 1 prefix, 1 added, 0 removed, generation 9; "
                         "the policy in force does not name it\n")

    def test_file(self):
        path = self.file("# hosts\n10.0.0.2\r\n\n\t fd00::1 # one\n10.0.0.3")
        for words, stdin in (([path], ""), (["-"], "10.0.0.2\nfd00::1\n10.0.0.3\n")):
            self.switch.requests.clear()
            self.run_ctl("set", "add", "peers", "10.0.0.1", "--file", *words, stdin=stdin)
            self.assertEqual(self.sent(), {"name": "peers", "add": ["10.0.0.1", "10.0.0.2", "fd00::1",
                                                                    "10.0.0.3"]})

    def test_bad_file(self):
        for text, want in (("10.0.0.1 10.0.0.2\n", ":1: more than one prefix on the line\n"),
                           ("10.0.0.1\n" + "1" * 300 + "\n", ":2: the line is too long")):
            path = self.file(text)
            self.assertIn("swctl: " + path + want, self.fails(2, "set", "put", "peers", "--file", path))
        self.assertIn("No such file", self.fails(2, "set", "put", "peers", "--file", "/nowhere/p"))
        self.assertIn("Is a directory", self.fails(2, "set", "put", "peers", "--file", "/"))
        self.assertIn("needs prefixes", self.fails(2, "set", "remove", "peers"))
        self.assertIn("needs NAME", self.fails(2, "set", "put"))
        self.assertEqual(self.switch.requests, [])

    def test_the_place_of_a_mistake(self):
        path = self.file("\n# hosts\n10.0.0.2\n\n10.0.0.1/8\n")
        words = ("set", "add", "peers", "10.0.0.1", "--file", path)
        for text, want in (("add[2]: bad", path + ":5: bad\n"), ("add[1]: bad", path + ":3: bad\n"),
                           ("add[0]: bad", "swctl: add[0]: bad\n"),
                           ("add[3]: bad", "swctl: add[3]: bad\n"),
                           ("name: bad", "swctl: name: bad\n")):
            self.switch.answers["PatchAddressSet"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, text)
            self.assertEqual(self.fails(1, *words), want)
        self.switch.answers["PatchAddressSet"] = Refused(grpc.StatusCode.NOT_FOUND, "add[2]: none")
        self.assertEqual(self.fails(1, *words), "swctl: add[2]: none\n")

    def test_list(self):
        self.switch.answers["ListAddressSets"] = make("ListAddressSetsResponse", sets=[
            {"name": "peers", "prefixCount": 3, "revision": "17", "ageS": "70", "staleAfterS": 60,
             "stale": True, "inPolicy": True},
            {"name": "unused", "prefixCount": 1, "revision": "18", "ageS": "5"},
            {"name": "wanted", "staleAfterS": 60, "stale": True, "inPolicy": True}])
        lines = [line.split() for line in self.run_ctl("set", "list")[0].splitlines()]
        self.assertEqual(lines, [["SET", "PREFIXES", "AGE", "STALE-AFTER", "STATE", "POLICY"],
                                 ["peers", "3", "70", "s", "60", "s", "STALE", "yes"],
                                 ["unused", "1", "5", "s", "-", "fresh", "no"],
                                 ["wanted", "0", "-", "60", "s", "missing", "yes"]])
        self.assertEqual(json.loads(self.run_ctl("set", "list", "-o", "json")[0])["sets"][0]["ageS"],
                         "70")

    def test_show_and_delete(self):
        self.switch.answers["GetAddressSet"] = make(
            "AddressSet", name="peers", prefixes=["10.0.0.1/32"], prefixCount=1, revision="17",
            ageS="70", staleAfterS=60, stale=True, inPolicy=True)
        out = self.run_ctl("set", "show", "peers")[0]
        self.assertIn("STALE (stale after 60 s)", out)
        self.assertTrue(out.endswith("\n  10.0.0.1/32\n"), out)
        self.assertEqual(self.run_ctl("set", "del", "peers")[0], "peers: deleted\n")

    def test_status(self):
        for fields, want in (({}, None), ({"addressSets": 2}, "2"),
                             ({"addressSets": 2, "staleAddressSets": ["a", "b"]}, "2, STALE: a, b")):
            self.switch.answers["GetInfo"] = make("Info", **INFO, **fields)
            lines = [line for line in self.run_ctl("status")[0].splitlines()
                     if line.startswith("Address sets:")]
            self.assertEqual([line.split(":", 1)[1].strip() for line in lines], [want] if want else [])


class Sessions(SwctlTest):
    def at(self, text):
        self.switch.requests.clear()
        self.switch.answers["Login"] = make("Session", id="3", user="sato", port="vd-1")
        self.run_ctl("session", "login", "sato", "--port", "vd-1", "--at", text)
        return self.sent()["at"]

    def test_times(self):
        for text, want in (("2026-11-25T14:00:00Z", "2026-11-25T14:00:00Z"),
                           ("2026-11-25T14:00:00+09:00", "2026-11-25T05:00:00Z"),
                           ("2026-11-25T14:00:00.123456789-00:30", "2026-11-25T14:30:00.123456789Z"),
                           ("2028-02-29T23:59:59.5Z", "2028-02-29T23:59:59.500Z"),
                           ("2026-11-25 14:00:00Z", "2026-11-25T14:00:00Z"),
                           ("2026-11-25T14:00", "2026-11-25T14:00:00Z"),
                           ("2026-11-25", "2026-11-25T00:00:00Z")):
            self.assertEqual(self.at(text), want)
        for text, ago in (("-90s", 90), ("-5m", 300), ("-2h", 7200), ("-1d", 86400), ("-0s", 0), ("5m", 300)):
            before = time.time() - ago
            self.at(text)
            at = self.switch.requests[0][1].at
            self.assertTrue(before - 0.001 <= at.seconds + at.nanos / 1e9 <= time.time() - ago, text)
        for text in ("yesterday", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-25T24:00:00Z",
                     "2026-11-25T14:00:60Z", "2026-11-25T14:00:00.Z", "2026-11-25T14:00:00+24:00",
                     "2026-11-25T14:00:00+0900", "2026-11-25T14:00:00Zx", "+2026-11-25T14:00:00Z",
                     "-", "-5", "-s", "-5w", "-5ss", "--5s", "-1234567890s"):
            self.assertIn("--at: '" + text + "' is neither",
                          self.fails(2, "session", "login", "sato", "--port", "vd-1", "--at=" + text))

    def test_logout_and_list(self):
        self.switch.answers["Logout"] = make("LogoutResponse")
        self.run_ctl("session", "logout", "7", "--at", "2026-11-25T14:00:00Z")
        self.assertEqual(self.sent(), {"id": "7", "at": "2026-11-25T14:00:00Z"})
        self.switch.requests.clear()
        self.switch.answers["ListSessions"] = make("ListSessionsResponse")
        self.run_ctl("session", "list", "--at", "2026-11-25T14:00:00Z")
        self.assertEqual(self.sent(), {"at": "2026-11-25T14:00:00Z"})

    def refresh(self, **fields):
        p = port(refresh=dict(fields, sessionId="3", user="sato", since="2026-11-25T14:00:00Z"))
        p.spec.refresh_on_logoff = True
        self.switch.answers["GetPort"] = p
        lines = [line for line in self.run_ctl("port", "show", "vd-1")[0].splitlines()
                 if line.startswith("Refresh:")]
        return lines[0].split(None, 1)[1]

    def test_refresh(self):
        self.assertEqual(self.refresh(state="REFRESH_STATE_UNDER_WAY"),
                         "on logoff; under way since 2026-11-25 14:00:00 +0000 after session 3 (sato)")
        self.assertEqual(self.refresh(state="REFRESH_STATE_HELD", heldBy="quarantine"), "on logoff; "
                         "held: quarantine, since 2026-11-25 14:00:00 +0000 after session 3 (sato)")
        self.assertEqual(self.refresh(state="REFRESH_STATE_DONE", done="2026-11-25T14:00:30Z",
                                      imageLivedMs="29005"),
                         "on logoff; done 2026-11-25 14:00:30 +0000: the image lived for 29.005 s "
                         "after session 3 (sato)")
        self.switch.answers["GetPort"] = port()
        self.assertNotIn("Refresh:", self.run_ctl("port", "show", "vd-1")[0])


class Drops(SwctlTest):
    def test_lines(self):
        self.switch.answers["WatchDrops"] = [
            record(vlan=10), record(2, count=57, repeat=True, vlan=10),
            record(3, srcIp="", dstIp="", srcMac="02:00:00:00:00:01", dstMac="ff:ff:ff:ff:ff:ff"),
            make("DropEvent", unsaid={"cursor": {"epoch": "7", "n": "4"}, "port": "vd-1",
                                      "reason": "egress-default", "suppressed": "100", "lost": "3"}),
            make("DropEvent", gap={"first": {"epoch": "7", "n": "5"},
                                   "last": {"epoch": "7", "n": "9"}, "events": "5"}),
            make("DropEvent", correction={
                "cursor": {"epoch": "7", "n": "10"}, "port": "vd-1", "session": {"id": "3", "user": "sato"},
                "from": "2026-11-24T06:45:00Z", "to": "2026-11-24T06:46:00Z", "withdrawn": True})]
        lines = self.run_ctl("drops")[0].splitlines()
        self.assertEqual(lines.pop(1), "-- 2026-11-24")  # the day, when it changes
        self.assertEqual(len(lines), 7)
        self.assertEqual(lines[1].split(), "06:45:12.123 vd-1 sato 10.0.0.1 -> 10.0.0.2 "
                         "tcp/445 smb egress-default x1 vlan 10".split())
        self.assertLess(max(map(len, lines[:4])), 120)
        self.assertTrue(lines[2].endswith("x57 again"))
        self.assertEqual([line.index("->") for line in lines[:4]], [lines[0].index("->")] * 4)
        self.assertEqual(lines[4], "-- vd-1: so far 103 packets denied by egress-default have no "
                         "record of their own (100 suppressed, 3 lost)")
        self.assertIn("-- gap: 5 events are missing here, 7.5 to 7.9", lines[5])
        self.assertEqual(lines[6], "-- vd-1: corrected: from 2026-11-24 06:45:00 +0000 to 2026-11-24 "
                         "06:46:00 +0000 session 3 (sato) had ended")

    def test_request(self):
        self.switch.answers["WatchDrops"] = []
        self.assertEqual(self.run_ctl("drops", "--port", "a", "--port", "b", "--reason", "ra",
                                      "--address", "10.0.0.0/8", "--resume",
                                      "18446744073709551615.42"), ("", ""))
        self.assertEqual(self.sent(), {"ports": ["a", "b"], "reasons": ["ra"],
                                       "address": "10.0.0.0/8",
                                       "resume": {"epoch": "18446744073709551615", "n": "42"}})
        self.switch.requests.clear()
        self.run_ctl("drops", "-f", "--new")
        self.assertEqual(self.sent(), {"follow": True, "onlyNew": True})

    def test_wrong_input(self):
        for cursor in ("1", "1.", ".1", "1.2.3", "a.b", "-1.2", "1.18446744073709551616"):
            self.assertIn("'" + cursor + "'", self.fails(2, "drops", "--resume", cursor))
        self.assertIn("exclude", self.fails(2, "drops", "--resume", "1.2", "--new"))
        self.switch.answers["WatchDrops"] = Refused(grpc.StatusCode.INVALID_ARGUMENT,
                                                    "reasons: no reason 'x'")
        self.assertEqual(self.fails(1, "drops", "--reason", "x"), "swctl: reasons: no reason 'x'\n")

    def test_json_lines(self):
        events = [record(n) for n in range(1, 4)]
        self.switch.answers["WatchDrops"] = events
        lines = self.run_ctl("drops", "-o", "json")[0].splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [json_format.MessageToDict(e) for e in events])

    def follow(self, *more):
        done = threading.Event()
        self.addCleanup(done.set)

        def events(_request):
            yield record()
            done.wait(LIMIT_S)

        self.switch.answers["WatchDrops"] = events
        p = subprocess.Popen([SWCTL, "drops", "--follow", *more], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=self.env, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p, done

    def test_follow_prints_at_once_and_ends_by_sigint(self):
        p, _ = self.follow("--timeout", "0.2")
        self.assertIn("SERVICE", p.stdout.readline())
        self.assertEqual("-- 2026-11-24\n", p.stdout.readline())
        self.assertIn("tcp/445 smb", p.stdout.readline())
        time.sleep(0.4)
        self.assertIsNone(p.poll(), "a quiet stream is no silent switch")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(LIMIT_S), 130)
        self.assertEqual((p.stdout.read(), p.stderr.read()), ("", ""))

    def test_closed_pipe_is_quiet(self):
        self.switch.answers["WatchDrops"] = lambda _: (record(n) for n in range(1, 20000))
        p = subprocess.Popen([SWCTL, "drops"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=self.env, text=True)
        p.stdout.readline()
        p.stdout.close()
        self.assertEqual(p.stderr.read(), "")
        self.assertEqual(p.wait(LIMIT_S), -signal.SIGPIPE)
        p.stderr.close()

    def test_full_disk_is_said(self):
        self.switch.answers["WatchDrops"] = [record()]
        with open("/dev/full", "w") as full:
            r = subprocess.run([SWCTL, "drops"], stdout=full, stderr=subprocess.PIPE, text=True,
                               env=self.env, timeout=LIMIT_S)
        self.assertEqual(r.returncode, 1)
        self.assertIn("No space left", r.stderr)

    def test_stream_that_breaks(self):
        def events(_request):
            yield record()
            raise RuntimeError
        self.switch.answers["WatchDrops"] = events
        out, err = self.run_ctl("drops", code=1)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertTrue(err.startswith("swctl: "))


def watched(event, position=None, **obj):
    if position:
        obj["position"] = {"epoch": "7", "revision": str(position)}
    return make("WatchEvent", type="WATCH_EVENT_TYPE_" + event, **obj)


class Watch(SwctlTest):
    LIST = [watched("ADDED", port=json_format.MessageToDict(port(quarantined=True))),
            watched("ADDED", policy={"version": "3", "digest": "ab" * 32, "rules": 12,
                                     "generation": "9", "confirmBy": "2026-11-24T06:45:12Z"}),
            watched("ADDED", binding={"port": "vd-1", "ip": "10.0.0.1", "mac": "02:00:00:00:00:01",
                                      "how": "dhcp"}),
            watched("ADDED", quarantine={"port": "vd-1", "since": "2026-11-24T06:45:12Z"}),
            watched("ADDED", quarantine={"port": "vd-2", "who": "uid 7", "comment": "why"}),
            watched("SYNCED", 20)]

    def test_lines(self):
        self.switch.answers["Watch"] = self.LIST + [
            watched("CHANGED", 21, port=json_format.MessageToDict(port())),
            watched("CHANGED", 22, port=json_format.MessageToDict(port(refresh={
                "state": "REFRESH_STATE_UNDER_WAY", "since": "2026-11-24T06:45:12Z", "sessionId": "3",
                "user": "sato"}))),
            watched("REMOVED", 22, port=json_format.MessageToDict(port())),
            watched("REMOVED", 23, binding={"port": "vd-1", "ip": "10.0.0.1"}), watched("RESET")]
        lines = self.run_ctl("watch")[0].splitlines()
        self.assertEqual([" ".join(line.split()) for line in lines], [
            "added port vd-1 up, in quarantine, generation 12, 02:00:00:00:00:01, sato",
            "added policy - version 3, abababababab, 12 rules, generation 9, to be confirmed",
            "added binding vd-1 10.0.0.1, 02:00:00:00:00:01, dhcp",
            "added quarantine vd-1 since 2026-11-24 06:45:12",
            "added quarantine vd-2 since when is not known, by uid 7: why",
            "-- 5 events; from here on, changes (position 7.20)",
            "changed port vd-1 up, generation 12, 02:00:00:00:00:01, sato",
            "changed port vd-1 up, generation 12, 02:00:00:00:00:01, sato; refresh under way since "
            "2026-11-24 06:45:12 +0000 after session 3 (sato)",
            "removed port vd-1", "removed binding vd-1 10.0.0.1, ,",
            "-- forget all of the above: the switch started anew, or too much was missed"])

    def test_request(self):
        self.switch.answers["Watch"] = []
        self.run_ctl("watch", "policy", "ports", "--resume", "7.42")
        self.assertEqual(self.sent(), {"kinds": ["WATCH_KIND_POLICY", "WATCH_KIND_PORTS"],
                                       "resume": {"epoch": "7", "revision": "42"}})
        self.switch.requests.clear()
        self.run_ctl("watch", "bindings", "quarantine")
        self.assertEqual(self.sent(), {"kinds": ["WATCH_KIND_BINDINGS", "WATCH_KIND_QUARANTINE"]})
        self.switch.requests.clear()
        self.run_ctl("watch")
        self.assertEqual(self.sent(), {})

    def test_wrong_input(self):
        self.assertIn("'port' is none of ports, policy", self.fails(2, "watch", "port"))
        self.assertIn("once", self.fails(2, "watch", *["ports"] * 6))
        self.assertIn("'7'", self.fails(2, "watch", "--resume", "7"))
        self.switch.answers["Watch"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, "resume: no")
        self.assertEqual(self.fails(1, "watch"), "swctl: resume: no\n")

    def test_json(self):
        self.switch.answers["Watch"] = self.LIST
        lines = self.run_ctl("watch", "-o", "json")[0].splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [json_format.MessageToDict(e) for e in self.LIST])

    def test_connects_again_from_where_it_was(self):
        unavailable = Refused(grpc.StatusCode.UNAVAILABLE, "going down")
        answers = [self.LIST[:1] + [unavailable], self.LIST + [unavailable], [unavailable],
                   [watched("REMOVED", 21, quarantine={"port": "vd-1"}), watched("SYNCED", 21)]]
        resumes = []

        def answer(request):
            resumes.append(request.resume.revision if request.HasField("resume") else None)
            return self.breaking(answers[len(resumes) - 1])

        self.switch.answers["Watch"] = answer
        out, err = self.outcome("watch")
        # Only what came with a position can be gone on from.
        self.assertEqual(resumes, [None, None, 20, 20])
        self.assertEqual(err.count("swctl: going down; trying again"), 2)
        self.assertIn("-- 1 event; from here on, changes (position 7.21)", out)

    @staticmethod
    def breaking(events):
        """Yields up to a Refused."""
        for event in events:
            if isinstance(event, Refused):
                raise event
            yield event

    def outcome(self, *args):
        r = subprocess.run([SWCTL, *args], capture_output=True, text=True, env=self.env,
                           timeout=LIMIT_S)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout, r.stderr


class Counters(SwctlTest):
    COUNTERS = {"monotonicNs": "1", "ports": [
        {"port": "vd-1", "received": "100", "forwarded": "58", "offered": "9", "accepted": "8",
         "drops": [{"reason": "egress-default", "packets": "40"},
                   {"reason": "ra", "packets": "2"}, {"reason": "land"}],
         "txDrops": [{"reason": "tx-full", "packets": "1"}]}]}

    def test_once(self):
        self.switch.answers["WatchCounters"] = [make("Counters", **self.COUNTERS)]
        lines = self.run_ctl("counters", "--port", "vd-1")[0].splitlines()
        row = dict(zip(lines[0].split(), lines[1].split()))
        self.assertEqual((row["RECEIVED"], row["DROPS"], row["TX-DROPS"]), ("100", "42", "1"))
        self.assertEqual(lines[0].index("RECEIVED") + 8, lines[1].index(" 100") + 4)
        self.assertEqual([line.split() for line in lines[4:]],
                         ["vd-1 from the port egress-default 40".split(),
                          "vd-1 from the port ra 2".split(), "vd-1 to the port tx-full 1".split()])
        self.assertEqual(self.sent(), {"ports": ["vd-1"]})

    def test_interval(self):
        message = make("Counters", **self.COUNTERS)
        self.switch.answers["WatchCounters"] = [message, message]
        lines = self.run_ctl("counters", "--interval", "200", "-o", "json")[0].splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [json_format.MessageToDict(message)] * 2)
        self.assertEqual(self.sent(), {"intervalMs": 200})
        for wrong in ("0", "-5", "+5", "1.5", "x", "99999999999999999999"):
            self.assertIn("'" + wrong + "'", self.fails(2, "counters", "--interval", wrong))


class System(SwctlTest):
    def test_audit(self):
        good = {"port": "vd-1", "received": "10", "originated": "1", "forwarded": "5",
                "consumed": "1", "held": "1", "drops": "4", "offered": "3", "accepted": "2",
                "txDrops": "1"}
        self.switch.answers["Audit"] = make("AuditResponse", ports=[good], clean=True)
        self.assertTrue(self.run_ctl("audit")[0].endswith("clean: every packet is accounted for\n"))
        for wrong in ({"ingressDifference": "-1"}, {"egressDifference": "1"}, {"held": "2"},
                      {"accepted": "1"}):
            bad = dict(good, **wrong)
            self.switch.answers["Audit"] = make("AuditResponse", ports=[good, bad], clean=True)
            out, err = self.run_ctl("audit", code=1)
            self.assertEqual(len(out.splitlines()), 3)
            self.assertIn("1 of 4 equations do not hold", err)
        self.switch.answers["Audit"] = make("AuditResponse", ports=[good])
        out, err = self.run_ctl("audit", "-o", "json", code=1)
        self.assertEqual(json.loads(out)["ports"][0]["drops"], "4")
        self.assertIn("does not add up", err)

    def test_bindings(self):
        self.switch.answers["ListBindings"] = make("ListBindingsResponse", bindings=[
            {"port": "vd-1", "ip": "10.0.0.1", "mac": "02:00:00:00:00:01", "how": "given"},
            {"port": "vd-1", "ip": "fd00::7", "mac": "02:00:00:00:00:01", "how": "slaac",
             "expires_s": 3600}])
        lines = self.run_ctl("binding", "list", "--port", "vd-1")[0].splitlines()
        self.assertEqual(self.sent(), {"port": "vd-1"})
        self.assertEqual([line.split() for line in lines], [
            ["PORT", "ADDRESS", "MAC", "HOW", "ENDS-IN"],
            ["vd-1", "10.0.0.1", "02:00:00:00:00:01", "given", "-"],
            ["vd-1", "fd00::7", "02:00:00:00:00:01", "slaac", "3600", "s"]])

    def test_fdb(self):
        self.switch.answers["ListFdb"] = make("ListFdbResponse", entries=[
            {"mac": "02:00:00:00:00:01", "port": "vd-1", "bound": True},
            {"mac": "02:00:00:00:00:99", "port": "up0", "ageS": 12}])
        lines = self.run_ctl("fdb")[0].splitlines()
        self.assertEqual(lines[1].split(), ["02:00:00:00:00:01", "0", "vd-1", "bound", "-"])
        self.assertEqual(lines[2].split(), ["02:00:00:00:00:99", "0", "up0", "learned", "12", "s"])

    def test_worker(self):
        self.switch.answers["ListWorkers"] = make("ListWorkersResponse", workers=[
            {"index": 1, "lcore": 2, "cpu": 3, "ports": ["a", "b"], "packets": "10",
             "busyCycles": "1000", "sleeping": True}, {"index": 2}])
        lines = self.run_ctl("worker")[0].splitlines()
        self.assertEqual(lines[1].split()[:4], ["1", "2", "3", "asleep"])
        self.assertIn(" 100 ", lines[1])
        self.assertTrue(lines[1].endswith("a, b"))

    def test_worker_show(self):
        self.switch.answers["ListWorkers"] = make("ListWorkersResponse", workers=[
            {"index": 1, "profiledPackets": "100", "stages": [
                {"stage": "receive", "cycles": "3000"}, {"stage": "lookup", "cycles": "9000"}]},
            {"index": 2}])
        lines = self.run_ctl("worker", "show")[0].splitlines()
        self.assertEqual([line.split() for line in lines[1:]],
                         [["1", "receive", "30", "25.0", "%"], ["1", "lookup", "90", "75.0", "%"]])

    def test_quarantine(self):
        self.switch.answers["Quarantine"] = make(
            "QuarantineReceipt", port="vd-1", quarantined=True, generation="8", elapsedUs="312",
            connectionsEnded="1", resetsSent="2", inForceAt="2026-01-31T12:00:00.123456Z",
            lastPassed="2026-01-31T12:00:00.100Z")
        out = self.run_ctl("quarantine", "vd-1")[0]
        for part in ("vd-1 is in quarantine: nothing of it passes (generation 8", "312 us",
                     "1 connection ended, 2 resets sent", "in force since 2026-01-31 12:00:00.123456",
                     "passed at 2026-01-31 12:00:00.100000"):
            self.assertIn(part, out)
        self.assertEqual(self.sent(), {"port": "vd-1"})
        parsed = json.loads(self.run_ctl("quarantine", "vd-1", "-o", "json")[0])
        self.assertEqual(parsed, json_format.MessageToDict(self.switch.answers["Quarantine"]))
        self.assertIn("needs PORT", self.fails(2, "quarantine"))
        self.switch.requests.clear()
        self.switch.answers["Quarantine"] = make("QuarantineReceipt", port="vd-1", quarantined=True,
                                                 elapsedUs="3", allow=["a", "b"])
        out = self.run_ctl("quarantine", "vd-1", "--comment", "INC-12", "--allow", "a", "--reset",
                           "--allow", "b")[0]
        self.assertIn("nothing of it passes but what a, b allow", out)
        self.assertIn("no packet of it had passed", out)
        self.assertEqual(self.sent(), {"port": "vd-1", "comment": "INC-12", "allow": ["a", "b"],
                                       "reset": True})

    def test_release(self):
        self.switch.answers["Release"] = make("QuarantineReceipt", port="vd-1", generation="8",
                                              elapsedUs="312")
        out = self.run_ctl("release", "vd-1", "--reason", "over")[0]
        self.assertIn("vd-1 is released (generation 8", out)
        self.assertIn("312 us", out)
        self.assertEqual(self.sent(), {"port": "vd-1", "reason": "over"})
        self.switch.requests.clear()
        self.run_ctl("release", "--vm-id", "v1", "--reason", "over")
        self.assertEqual(self.sent(), {"vmId": "v1", "reason": "over"})
        for words in ((), ("vd-1",), ("--reason", "x"), ("vd-1", "--vm-id", "v", "--reason", "x"),
                      ("vd-1", "--reason", "x", "--reason", "y")):
            self.assertIn("needs", self.fails(2, "release", *words))
        self.switch.answers["Release"] = make("QuarantineReceipt", port="vd-1", quarantined=True)
        self.assertIn("still in quarantine", self.run_ctl("release", "vd-1", "--reason", "x")[0])

    def test_quarantines(self):
        self.switch.answers["ListQuarantines"] = make("ListQuarantinesResponse", quarantines=[
            {"id": "port:vd-1", "port": "vd-1", "since": "2026-01-31T12:00:00Z", "who": "uid 0",
             "comment": "INC-12", "allow": ["a", "b"]},
            {"id": "vm:v2", "port": "vd-2", "vmId": "v2", "absent": True}])
        lines = self.run_ctl("quarantine", "list")[0].splitlines()
        self.assertEqual(len(lines), 3)
        for part in ("vd-1", "in force", "2026-01-31 12:00:00.000000", "a, b", "uid 0", "INC-12"):
            self.assertIn(part, lines[1])
        self.assertEqual(lines[2].split(), ["vd-2", "v2", "absent", "-", "-", "-", "-"])

    def test_status_and_version(self):
        self.switch.answers["GetInfo"] = make("Info", **INFO)
        out = self.run_ctl("status")[0]
        self.assertIn("3, 2 up, 0 in quarantine", out)
        self.assertIn("everything is denied", out)
        self.assertEqual(json.loads(self.run_ctl("status", "-o", "json")[0]), INFO)
        own = self.run_ctl("--version", env={})[0].split()[1]
        self.assertEqual(json.loads(self.run_ctl("version", "-ojson")[0]),
                         {"swctl": own, "switch": INFO})
        self.assertEqual(self.run_ctl("version")[0].split()[:4], ["swctl", own, "vswitchd", "0.1.0"])


class Flows(SwctlTest):
    FLOW = {"port": "vd-1", "direction": "egress", "peer": "10.0.0.9", "service": "tcp/443 https",
            "rule": "web", "first": "2026-11-28T10:00:00Z", "last": "2026-11-28T10:31:07.5Z",
            "connections": "12", "answered": "11", "packetsOut": "40", "bytesOut": "4000",
            "packetsIn": "50", "bytesIn": "50000", "user": "sa\x1bto", "peerPort": "vd-9", "vlan": 7}

    def answer(self, **more):
        self.switch.answers["ListFlows"] = make("ListFlowsResponse", flows=[self.FLOW], budget={
            "capacity": "1024", "held": "3", "putOut": "4", "lost": "5", "storing": True,
            "oldest": "2026-11-28T09:00:00Z"}, **more)

    def asked(self, *args):
        self.switch.requests.clear()
        self.run_ctl("flow", "list", *args)
        return self.sent()

    def test_list(self):
        self.answer()
        out = self.run_ctl("flow", "list")[0].splitlines()
        self.assertEqual(out[0].split(), ["PORT", "DIR", "PEER", "SERVICE", "RULE", "CONNS", "BYTES-OUT",
                                          "BYTES-IN", "LAST", "USER"])
        self.assertEqual(out[1].split(), ["vd-1", "egress", "10.0.0.9", "tcp/443", "https", "web", "12",
                                          "4000", "50000", "2026-11-28", "10:31:07", "+0000", "sa?to"])
        self.assertEqual(out[2:], ["-- the journal holds 3 flows of at most 1024, since 2026-11-28 "
                                   "09:00:00 +0000; 4 were put out and 5 connections lost"])
        self.answer(truncated=True)
        self.switch.answers["ListFlows"].budget.storing = False
        gap = self.switch.answers["ListFlows"].budget.gaps.add()
        getattr(gap, "from").seconds, gap.to.seconds = 0, 60
        out = self.run_ctl("flow", "list", "-o", "wide")[0].splitlines()
        self.assertEqual(out[1].split()[6:13], ["web", "12", "11", "40", "4000", "50", "50000"])
        self.assertIn("vd-9", out[1])
        self.assertEqual(out[2], "-- these are the newest 1; --limit shows more")
        self.assertTrue(out[3].endswith("; the disk does not take them"))
        self.assertEqual(out[4], "-- the switch was killed: something of 1970-01-01 00:00:00 +0000 to "
                                 "1970-01-01 00:01:00 +0000 may be missing")
        self.assertEqual(json.loads(self.run_ctl("flow", "list", "-o", "json")[0])["flows"][0]["bytesOut"],
                         "4000")

    def test_filter(self):
        self.answer()
        self.assertEqual(self.asked(), {})
        self.assertEqual(self.asked("--port", "vd-1", "--address", "10.0.0.0/8", "--limit", "7"),
                         {"port": "vd-1", "peer": "10.0.0.0/8", "limit": 7})
        for text, time_ in (("2026-11-28", "2026-11-28T00:00:00Z"),
                            ("2026-11-28T10:30", "2026-11-28T10:30:00Z"),
                            ("2026-11-28 10:30:15", "2026-11-28T10:30:15Z"),
                            ("2026-11-28T10:30Z", "2026-11-28T10:30:00Z")):
            self.assertEqual(self.asked("--since", text, "--until=" + text), {"from": time_, "to": time_})

    def test_times_are_local_or_ago(self):
        self.answer()
        self.env = dict(self.env, TZ="UTC-9")
        self.assertEqual(self.asked("--since", "2026-11-28T10:30"), {"from": "2026-11-28T01:30:00Z"})
        self.assertEqual(self.asked("--since", "2026-11-28T10:30Z"), {"from": "2026-11-28T10:30:00Z"})
        now = time.time()
        for text, seconds in (("90s", 90), ("30m", 1800), ("2h", 7200), ("3d", 259200), ("0s", 0)):
            self.asked("--since", text)
            is_ = self.switch.requests[0][1]
            self.assertLess(abs(getattr(is_, "from").seconds - (now - seconds)), 2 * LIMIT_S)
        self.asked("--since", "10:30")
        is_ = getattr(self.switch.requests[0][1], "from").seconds
        self.assertEqual((is_ + 9 * 3600) % 86400, 10 * 3600 + 30 * 60)
        self.assertLess(abs(is_ - now), 86400 + 2 * LIMIT_S)

    def test_wrong_times(self):
        for text in ("x", "2026", "2026-13-01", "10:61", "5w", "2hh", "2026-11-28T10:30+09",
                     "99999999999999999999s", "99999999d", "2026-11-28Zx"):
            err = self.fails(2, "flow", "list", "--until=" + text)
            self.assertIn("--until: '%s' is neither a time" % text, err)


class Connections(SwctlTest):
    @staticmethod
    def conn(n, **more):
        return {"id": str(n), "srcPortName": "vd-1", "dstPortName": "up0", "srcIp": "10.0.0.1",
                "dstIp": "10.0.0.9", "protocol": 6, "srcPort": 40000 + n, "dstPort": 443,
                "state": "established", **more}

    def serve(self, n_conns, per_page):
        """A table of 'n_conns', of which a page looks at 'per_page' entries."""
        def answer(request):
            end = min(request.cursor + per_page, n_conns)
            stop = end if request.count_only else min(request.cursor + request.limit, end)
            found = [] if request.count_only else [
                self.conn(n + 1) for n in range(request.cursor, stop)]
            return make("ListConnectionsResponse", connections=found,
                        selected=stop - request.cursor, next=str(stop if stop < n_conns else 0))
        self.switch.answers["ListConnections"] = answer

    def test_list(self):
        self.switch.answers["ListConnections"] = make("ListConnectionsResponse", selected=2, connections=[
            self.conn(7, srcIp="fd00::1", dstIp="fd00::9"),
            self.conn(8, protocol=1, srcPort=5, dstPort=5, state="replied")])
        lines = self.run_ctl("conn", "list", "--port", "vd-1", "--user", "sato", "--source",
                             "10.0.0.0/8", "--destination", "10.0.0.9", "--protocol", "tcp",
                             "--dport", "443", "--state", "established")[0].splitlines()
        self.assertIn("[fd00::1]:40007", lines[1])
        self.assertEqual(lines[2].split()[:7],
                         ["8", "vd-1", "up0", "icmp", "10.0.0.1", "10.0.0.9", "replied"])
        self.assertEqual(self.sent(), {"limit": 1000, "filter": {
            "port": "vd-1", "user": "sato", "source": "10.0.0.0/8", "destination": "10.0.0.9",
            "protocol": 6, "destinationPort": 443, "state": "established"}})

    def test_pages(self):
        self.serve(2500, per_page=700)
        lines = self.run_ctl("conn", "list")[0].splitlines()
        self.assertEqual(len(lines), 1002)
        self.assertEqual(lines[-1], "-- 1000 of 2500 connections; --limit shows more")
        self.assertTrue(all(r.limit <= 1000 for _, r in self.switch.requests))
        lines = self.run_ctl("conn", "list", "--limit", "2500", "-o", "json")[0].splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], [str(n + 1) for n in range(2500)])
        lines = self.run_ctl("conn", "list", "--limit", "2500")[0].splitlines()
        self.assertEqual([line.split()[0] for line in lines if not line.split()[0].startswith("ID")],
                         [str(n + 1) for n in range(2500)])

    def test_list_refused(self):
        for words, said in ((["--protocol", "sctp"], "none of icmp, tcp"), (["--dport", "0"], "--dport"),
                            (["--protocol", "256"], "from 1 to 255"), (["--limit", "x"], "--limit"),
                            (["--port", "a", "--port", "b"], "once")):
            self.assertIn(said, self.fails(2, "conn", "list", *words))
        self.assertEqual(self.switch.requests, [])
        self.switch.answers["ListConnections"] = Refused(
            grpc.StatusCode.INVALID_ARGUMENT, 'source: "10.0.0.1/8": host bits are set')
        out, err = self.run_ctl("conn", "list", "--source", "10.0.0.1/8", code=1)
        self.assertIn("host bits are set", err)
        self.assertIn("needs one of: list, show, flush, stats", self.fails(2, "conn"))

    DETAIL = {"connection": {"id": "7", "srcIp": "10.0.0.1", "dstIp": "10.0.0.9", "protocol": 6,
                             "srcPort": 40007, "dstPort": 443, "state": "established",
                             "generation": "4"},
              "ageMs": "2500", "egressRule": "web", "generationInForce": "5", "timeoutS": 7440,
              "expiresInMs": "7439000",
              "source": {"port": "vd-1", "user": "sato", "packets": "5", "bytes": "500", "classId": 2,
                         "tcp": {"first": 1001, "end": 2001, "acknowledged": 9001, "edge": 74537,
                                 "window": 65536, "scale": 7, "scaling": True,
                                 "said": ["syn", "syn-ack"]}},
              "destination": {"port": "up0", "tcp": {"window": 1000}}}

    def test_show_by_id(self):
        self.switch.answers["GetConnection"] = make("ConnectionDetail", **self.DETAIL)
        out = self.run_ctl("conn", "show", "7")[0]
        self.assertEqual(self.sent(), {"id": "7"})
        for part in ("tcp 10.0.0.1:40007 -> 10.0.0.9:443", "7439.000 s without a packet (7440 s",
                     "egress web, ingress -", "generation 4 (in force: 5)", "user sato, class 2",
                     "5 packets, 500 bytes", "syn, syn-ack", "acknowledged 9001",
                     "65536 bytes, scale 7", "1000 bytes, no scaling", "nothing"):
            self.assertIn(part, out)
        self.assertEqual(json.loads(self.run_ctl("conn", "show", "7", "-ojson")[0]),
                         json_format.MessageToDict(self.switch.answers["GetConnection"]))
        self.switch.answers["GetConnection"] = Refused(grpc.StatusCode.NOT_FOUND, "no connection")
        self.assertIn("no connection", self.fails(1, "conn", "show", "8"))

    def test_show_by_tuple(self):
        def answer(request):
            found = [self.conn(7)] if request.filter.source == "10.0.0.1" else []
            return make("ListConnectionsResponse", connections=found, selected=len(found))
        self.switch.answers["ListConnections"] = answer
        self.switch.answers["GetConnection"] = make("ConnectionDetail", **self.DETAIL)
        self.assertIn("established", self.run_ctl("conn", "show", "tcp", "10.0.0.1:40007",
                                                  "10.0.0.9:443")[0])
        self.assertEqual(json_format.MessageToDict(self.switch.requests[0][1])["filter"],
                         {"protocol": 6, "source": "10.0.0.1", "sourcePort": 40007,
                          "destination": "10.0.0.9", "destinationPort": 443})
        self.run_ctl("conn", "show", "tcp", "10.0.0.9:443", "10.0.0.1:40007")
        self.assertIn("nor the other way round",
                      self.fails(1, "conn", "show", "udp", "[fd00::1]:1", "[fd00::2]:2"))
        self.assertIn("no connection is icmp", self.fails(1, "conn", "show", "icmp", "10.0.0.8", "10.0.0.7"))

    def test_show_refused(self):
        for words, said in (([], "needs CONNECTION"), (["x"], "not the id"), (["1", "2"], "PROTOCOL"),
                            (["tcp", "10.0.0.1", "10.0.0.2:3"], "ADDRESS:PORT"),
                            (["tcp", "fd00::1:3", "[fd00::2]:3"], "ADDRESS:PORT"),
                            (["tcp", "10.0.0.1:0", "10.0.0.2:3"], "from 1 to 65535"),
                            (["ip", "10.0.0.1", "10.0.0.2"], "none of icmp")):
            self.assertIn(said, self.fails(2, "conn", "show", *words))
        self.assertEqual(self.switch.requests, [])

    def test_flush(self):
        self.switch.answers["FlushConnections"] = make("FlushConnectionsResponse", flushed=3)
        self.assertEqual(self.run_ctl("conn", "flush", "--user", "sato", "--protocol", "17")[0],
                         "3 connections ended\n")
        self.assertEqual(self.sent(), {"filter": {"user": "sato", "protocol": 17}})
        self.switch.requests.clear()
        self.run_ctl("conn", "flush", "--all")
        self.assertEqual(self.sent(), {"all": True, "filter": {}})
        self.switch.requests.clear()
        self.assertIn("--all", self.fails(2, "conn", "flush"))
        self.assertIn("--all", self.fails(2, "conn", "flush", "--all", "--port", "vd-1"))
        self.assertIn("no option --limit", self.fails(2, "conn", "flush", "--limit", "5"))
        self.assertEqual(self.switch.requests, [])
        self.assertIn("tcp-state", self.run_ctl("conn", "flush", "--help")[0])

    def test_stats(self):
        self.switch.answers["GetConnectionStats"] = make(
            "ConnectionStats", max=1000, live=900, bytesPerEntry=256, tableBytes="300000",
            underPressure=True, refusedFull="5", refusedQuota="6", evicted="7", expired="8",
            portMax=64, states=[{"state": "closed", "entries": 3, "timeoutS": 10}],
            ports=[{"port": "vd-1", "open": 60, "max": 64, "refusedQuota": "6"}, {"port": "up0"}])
        out = self.run_ctl("conn", "stats")[0]
        for part in ("900 of 1000 in use (90.0 %), under pressure", "256 bytes an entry",
                     "5 for a full table, 6 over a desktop's limit of 64", "8 by age, 7 closed ones"):
            self.assertIn(part, out)
        lines = [line.split() for line in out.splitlines()]
        self.assertIn(["closed", "3", "10", "s", "0", "s"], lines)
        self.assertIn(["vd-1", "60", "64", "0", "6"], lines)
        self.assertIn(["up0", "0", "-", "0", "0"], lines)

    def test_status_says_so(self):
        self.switch.answers["GetInfo"] = make("Info", **INFO, connectionStats={
            "underPressure": True, "refusedFull": "5", "portMax": 64})
        out = self.run_ctl("status")[0]
        self.assertIn("10 of 262144, under pressure", out)
        self.assertIn("5 for a full table", out)


class Formats(SwctlTest):
    """yaml is the object of json for any parser; wide is table and more columns."""

    def objects(self, *words):
        out = {}
        for form in ("json", "yaml"):
            out[form] = self.run_ctl(*words, "-o", form)[0]
        return out["json"], out["yaml"]

    def same(self, *words):
        as_json, as_yaml = self.objects(*words)
        self.assertEqual(yaml.safe_load(as_yaml), json.loads(as_json), as_yaml)
        return as_yaml

    def test_strings_that_parsers_take_for_something_else(self):
        odd = ["", " ", "a ", "true", "No", "y", "null", "~", "1", "0x1f", "1e3", "1:20", "12.5",
               "2026-11-24", "-", "- a", "? a", "a: b", "a #b", "#a", "&a", "*a", "!a", "|", ">",
               "%a", "@a", "`a", "'a'", '"a"', "a\\b", "a\nb", "\n", "a\tb", "=", "<<", ".inf", ".nan",
               "[a]", "{a}", "a,b", "---", "...", "\x7f", "\x85", "\u2028", "\u202ex", "\ufeff", "\ufffe",
               "佐藤", "😀", "e\u0301", "\x1b[31m", "a/b.c_d-e", "fd00::1", "10.0.0.1", "a" * 300]
        message = port()
        del message.spec.ips[:]
        message.spec.ips.extend(odd)
        message.spec.labels.clear()
        for text in odd:
            message.spec.labels[text] = text
        self.switch.answers["GetPort"] = message
        out = self.same("port", "show", "vd-1")
        self.assertFalse([c for c in out if c != "\n" and not c.isprintable() and c != "\ufffe"])
        self.assertIn("name: vd-1\n", out)  # plain where that is safe

    def test_shapes(self):
        self.switch.answers["ListPorts"] = make("ListPortsResponse")
        self.assertEqual(self.objects("port", "list"), ("{}\n", "{}\n"))
        self.switch.answers["ListPorts"].ports.extend([port(), make("Port"), port("vd-2")])
        self.same("port", "list")
        self.switch.answers["GetInfo"] = make("Info", **INFO)
        self.same("version")
        self.same("status")
        self.switch.answers["GetConnection"] = make("ConnectionDetail", **Connections.DETAIL)
        self.same("conn", "show", "7")

    def test_many_objects_are_documents(self):
        self.switch.answers["WatchDrops"] = [record(n) for n in range(1, 4)]
        self.switch.answers["Watch"] = Watch.LIST
        self.switch.answers["ListConnections"] = make(
            "ListConnectionsResponse", connections=[Connections.conn(n) for n in range(3)], selected=3)
        for words in (["drops"], ["watch"], ["conn", "list"]):
            as_json, as_yaml = self.objects(*words)
            self.assertEqual(list(yaml.safe_load_all(as_yaml)),
                             [json.loads(line) for line in as_json.splitlines()])

    def test_every_listing(self):
        """Of each command that prints columns: wide begins with what table has, and names are
        there once."""
        self.switch.answers.update(
            ListPorts=make("ListPortsResponse"), ListBindings=make("ListBindingsResponse"),
            ListPolicyVersions=make("ListPolicyVersionsResponse"), GetPolicy=make("Policy"),
            ListServices=make("ListServicesResponse"), ListConnections=make("ListConnectionsResponse"),
            ListAddressSets=make("ListAddressSetsResponse"), ListFdb=make("ListFdbResponse"),
            ListGroups=make("ListGroupsResponse"), ListWorkers=make("ListWorkersResponse"),
            ListAuditLog=make("ListAuditLogResponse"), ListFlows=make("ListFlowsResponse"),
            WatchCounters=[make("Counters")])
        more = set()
        for words in (["port", "list"], ["binding", "list"], ["policy", "history"],
                      ["policy", "get", "--rules"], ["policy", "services"], ["conn", "list"],
                      ["set", "list"], ["fdb"], ["mcast", "list"], ["worker"], ["audit-log", "list"],
                      ["flow", "list"], ["counters"]):
            table, wide = ([line.split() for line in self.run_ctl(*words, "-o", form)[0].splitlines()]
                           for form in ("table", "wide"))
            self.assertEqual(table, [line.split() for line in self.run_ctl(*words)[0].splitlines()])
            self.assertEqual(set(table[0]) - set(wide[0]), set(), words)
            self.assertFalse([h for h in table[0] + wide[0] if h[0] in "+>"])
            more.update(words[0] for _ in range(len(wide[0]) > len(table[0])))
            for form in ("json", "yaml"):
                self.run_ctl(*words, "-o", form)
        self.assertEqual(more, {"port", "policy", "conn", "set", "worker", "audit-log", "flow", "counters"})

    def wide(self, *words):
        lines = self.run_ctl(*words, "-o", "wide")[0].splitlines()
        return dict(zip(lines[0].split(), lines[1].split()))

    def test_wide(self):
        self.switch.answers["ListPorts"] = make("ListPortsResponse")
        plain = port(policy={"policyDigest": "ab" * 32, "egressRules": 7, "ingressRules": 1,
                             "mode": "enforce"})
        plain.spec.labels.clear()
        del plain.spec.ips[:]
        plain.spec.vhost_user.client = False
        self.switch.answers["ListPorts"].ports.append(plain)
        lines = self.run_ctl("port", "list", "-owide")[0].splitlines()
        self.assertEqual(lines[1].split()[-8:],
                         ["no", "0", "enforce", "7", "1", "abababababab", "12", "3"])
        self.assertEqual(lines[0].split()[-8:], ["LEARNS", "STATIONS", "MODE", "EGRESS", "INGRESS",
                                                 "POLICY", "GENERATION", "ID"])
        self.switch.answers["ListConnections"] = make(
            "ListConnectionsResponse", connections=[Connections.conn(7, generation="42")])
        self.assertTrue(self.run_ctl("conn", "list", "-owide")[0].splitlines()[1].endswith(" 42"))
        self.switch.answers["WatchCounters"] = [make("Counters", ports=[
            {"port": "a", "txDropsCaused": "3", "macsLearned": "4", "macsRefused": "5",
             "groupsRefused": "6"}])]
        got = self.wide("counters")
        self.assertEqual([got[h] for h in ("TX-DROPS-CAUSED", "STATIONS", "STATIONS-REFUSED",
                                           "GROUPS-REFUSED")], ["3", "4", "5", "6"])
        self.switch.answers["WatchDrops"] = [record(srcMac="02:00:00:00:00:01", peerPort="vd-2",
                                                    dstMac="02:00:00:00:00:02", peerUser="b\x1b",
                                                    packetLength=74, logClass="incident",
                                                    generation="9")]
        line = self.run_ctl("drops", "-owide")[0].splitlines()[2]
        self.assertTrue(line.endswith(
            "x1  02:00:00:00:00:01 > 02:00:00:00:00:02, 74 bytes, rule default-egress, for vd-2 (b?), "
            "incident, generation 9, 7.1"), line)


class Packets(SwctlTest):
    RULE = {"id": "web", "direction": "egress", "tier": "application", "action": "allow",
            "source": "sales.yaml", "line": 6, "column": 5, "text": "{ id: web }"}
    REPLY = {"port": "vd-1", "user": "sato", "generation": "9",
             "packet": "tcp 10.0.0.1:49152 -> 10.0.0.9:445 SYN",
             "stages": [{"stage": "guard", "result": "pass", "text": "bound"},
                        {"stage": "egress", "result": "drop", "text": "vd-1: none", "nearest": RULE,
                         "missed": ["peer", "ports"], "rule": {"id": "default-egress"},
                         "audited": [dict(RULE, id="later")]}],
             "verdict": {"verdict": "dropped", "reason": "egress-default", "rule": "default-egress"}}
    # An Ethernet frame, one that is longer than what is sent, and one byte less than that.
    FRAMES = [bytes(range(60)), bytes(1500), bytes(1024)]

    def setUp(self):
        super().setUp()
        self.switch.answers["TracePacket"] = make("TracePacketResponse", **self.REPLY)

    def file(self, name, data):
        path = os.path.join(self.dir.name, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    @staticmethod
    def pcap(frames, order="<", magic=0xa1b2c3d4, link=1):
        out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
        for f in frames:
            out += struct.pack(order + "IIII", 1, 2, len(f), len(f) + 4) + f
        return out

    @staticmethod
    def block(order, kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack(order + "II", kind, len(body) + 12) + body + \
            struct.pack(order + "I", len(body) + 12)

    def pcapng(self, frames, order="<", link=1):
        out = self.block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
        out += self.block(order, 1, struct.pack(order + "HHI", link, 0, 0))
        out += self.block(order, 5, bytes(12))  # statistics: nobody's business
        for f in frames:
            out += self.block(order, 6, struct.pack(order + "IIIII", 0, 1, 2, len(f), len(f) + 4) + f)
        out += self.block(order, 3, struct.pack(order + "I", 60) + frames[0])
        return out + self.block(order, 2, struct.pack(order + "HHIIII", 0, 0, 1, 2, 60, 60) + frames[0])

    def event(self, n=1, **more):
        return json_format.MessageToDict(record(n, packet="AQIDBAUGBwgJCgsMDQ4PEA==", packetLength=60,
                                                vlan=7, **more))


class Trace(Packets):
    def frames(self):
        return [r.input.frame for _, r in self.switch.requests]

    def test_described(self):
        out = self.run_ctl("trace", "tcp/445", "--port", "vd-1", "--dst", "10.0.0.9")[0]
        self.assertEqual(self.sent(), {"input": {"port": "vd-1", "description": {
            "dstIp": "10.0.0.9", "protocol": 6, "dstPort": 445}}})
        lines = out.splitlines()
        self.assertEqual(lines[0], "tcp 10.0.0.1:49152 -> 10.0.0.9:445 SYN, in by vd-1 (sato)")
        self.assertEqual(lines[1].split(), ["guard", "pass", "bound"])
        self.assertEqual(lines[2].split(), ["egress", "drop", "vd-1:", "none"])
        self.assertIn("it would be denied by later (sales.yaml:6:5)", lines[3])
        self.assertEqual(lines[4].strip(), "nearest: web (sales.yaml:6:5), which would allow it but for: "
                         "peer, ports")
        self.assertEqual(lines[5].strip(), "{ id: web }")
        self.assertEqual(lines[6], "Verdict: dropped, egress-default")
        out = self.run_ctl("trace", "tcp/445", "--dst", "10.0.0.9", "-o", "json", "--src", "10.0.0.1")[0]
        self.assertEqual(json.loads(out)["verdict"]["rule"], "default-egress")

    def test_services_and_ends(self):
        six = "2001:db8::9"
        for words, want in (
                (["udp/53", "--src", "10.0.0.1:5353", "--dst", "10.0.0.9"],
                 {"srcIp": "10.0.0.1", "srcPort": 5353, "dstIp": "10.0.0.9", "protocol": 17, "dstPort": 53}),
                (["tcp", "--dst", "10.0.0.9:445"], {"dstIp": "10.0.0.9", "protocol": 6, "dstPort": 445}),
                (["tcp", "--dst", "[%s]:445" % six], {"dstIp": six, "protocol": 6, "dstPort": 445}),
                (["icmp", "--dst", "10.0.0.9"], {"dstIp": "10.0.0.9", "protocol": 1, "icmpType": 8}),
                (["icmp", "--dst", six], {"dstIp": six, "protocol": 58, "icmpType": 128}),
                (["icmp/3/4", "--dst", "10.0.0.9"],
                 {"dstIp": "10.0.0.9", "protocol": 1, "icmpType": 3, "icmpCode": 4}),
                (["icmp/0", "--dst", "10.0.0.9"], {"dstIp": "10.0.0.9", "protocol": 1}),
                (["47", "--dst", "10.0.0.9"], {"dstIp": "10.0.0.9", "protocol": 47}),
                (["ip/47", "--dst", "10.0.0.9"], {"dstIp": "10.0.0.9", "protocol": 47})):
            self.switch.requests.clear()
            self.run_ctl("trace", *words)
            self.assertEqual(self.sent()["input"]["description"], want)

    def test_wrong_words(self):
        to = ["--dst", "10.0.0.9"]
        for words, said in ((["tcp", *to], "which port?  As in tcp/445"),
                            (["tcp/x", *to], "'x' is not a whole number from 0 to 65535"),
                            (["tcp/65536", *to], "'65536' is not"), (["icmp/256", *to], "'256' is not"),
                            (["256", *to], "'256' is not"), (["47/1", *to], "protocol 47 has no ports"),
                            (["https", *to], "'https' is not a service"), (["tcp/", *to], "'' is not"),
                            (["tcp/1", "--dst", "[::1"], "'[::1' is neither"),
                            (["tcp/1"], "needs --dst"), (to, "which service?"), ([], "which packet?"),
                            (["tcp/1", *to, "--pcap", "x"], "one of them"),
                            (["--pcap", "x", "--drop", "y"], "one of them"),
                            (["tcp/1", *to, "--limit", "1"], "one packet only"),
                            (["tcp/1", *to, "--port", "a", "--port", "b"], "--port once"),
                            (["--drop", "-", "--port", "a"], "has its port"),
                            (["--drop", "1.2.3"], "is not a position")):
            self.assertIn(said, self.fails(2, "trace", *words))
        self.assertEqual(self.switch.requests, [])

    def test_captures(self):
        files = {"us": self.pcap(self.FRAMES), "ns-be": self.pcap(self.FRAMES, ">", 0xa1b23c4d),
                 "ng": self.pcapng(self.FRAMES), "ng-be": self.pcapng(self.FRAMES, ">")}
        for name, data in files.items():
            self.switch.requests.clear()
            path = self.file(name, data)
            out = self.run_ctl("trace", "--pcap", path, "--port", "vd-1")[0]
            frames = self.frames()[:3]
            self.assertEqual([f.data for f in frames], [f[:1024] for f in self.FRAMES])
            self.assertEqual([f.length for f in frames], [len(f) + 4 for f in self.FRAMES])
            self.assertEqual({r.input.port for _, r in self.switch.requests}, {"vd-1"})
            self.assertEqual(len(self.frames()), 5 if "ng" in name else 3)
            self.assertIn("-- %s: frame 2\n" % path, out)
            self.assertEqual([(f.data, f.length) for f in self.frames()[3:]],
                             [(self.FRAMES[0], 60)] * (2 if "ng" in name else 0))

    def test_limit_and_json_lines(self):
        path = self.file("us", self.pcap(self.FRAMES))
        out = self.run_ctl("trace", "--pcap", path, "--limit", "2")[0]
        self.assertIn("-- 1 more; --limit N prints more\n", out)
        out = self.run_ctl("trace", "--pcap", path, "-o", "json")[0]
        self.assertEqual([json.loads(line)["port"] for line in out.splitlines()], ["vd-1"] * 3)

    def test_bad_captures(self):
        good, ng = self.pcap(self.FRAMES), self.pcapng(self.FRAMES)
        ng_start = self.block("<", 0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
        interface = self.block("<", 1, struct.pack("<HHI", 1, 0, 0))
        for data, said in (
                (b"", "the file is empty"), (good[:20], "the file is cut short"),
                (good[:-1], "after frame 2: the file is cut short"),
                (good[:30], "the file is cut short"), (b"GIF89a", "neither pcap nor pcapng"),
                (self.pcap([], link=105), "link type 105 is not Ethernet"),
                (good[:24] + struct.pack("<IIII", 0, 0, 1 << 30, 1), "longer than any frame is"),
                (ng[:-1], "after frame 4: the file is cut short"),
                (self.pcapng(self.FRAMES, link=113), "link type 113 is not Ethernet"),
                (ng_start + struct.pack("<II", 6, 13), "a block of a wrong length"),
                (ng_start + struct.pack("<II", 6, 1 << 31), "a block of a wrong length"),
                (ng_start + struct.pack("<III", 5, 12, 16), "two lengths differ"),
                (ng_start + self.block("<", 6, bytes(20)), "a frame of no interface"),
                (ng_start + interface + self.block("<", 6, struct.pack("<IIIII", 0, 0, 0, 61, 61) + bytes(60)),
                 "a frame that is longer than its block"),
                (ng_start + interface + self.block("<", 6, bytes(16)), "a frame that is cut short"),
                (ng_start + self.block("<", 1, bytes(4)), "an interface that is cut short"),
                (struct.pack("<IIIIII", 0x0a0d0d0a, 28, 0, 0, 0, 0), "a section of no byte order"),
                (struct.pack("<IIII", 0x0a0d0d0a, 1 << 31, 0x1a2b3c4d, 0), "of a wrong length")):
            path = self.file("bad", data)
            err = self.fails(2, "trace", "--pcap", path)
            self.assertIn("swctl: " + path + ": ", err)
            self.assertIn(said, err)
        self.assertIn("No such file", self.fails(2, "trace", "--pcap", "/nowhere/x"))
        self.assertEqual(self.switch.requests, [])

    def test_a_refusal_names_the_frame(self):
        path = self.file("us", self.pcap(self.FRAMES))
        self.switch.answers["TracePacket"] = Refused(grpc.StatusCode.INVALID_ARGUMENT, "port: say which")
        self.assertEqual(self.fails(1, "trace", "--pcap", path),
                         "swctl: %s: frame 1: port: say which\n" % path)

    def test_drop_records(self):
        one, two = self.event(1), self.event(2, reason="egress-rule", rule="smb")
        noise = [{"unsaid": {"port": "vd-1"}}, {"gap": {}}]
        for text in ("\n".join(map(json.dumps, [one, *noise, two])) + "\n",
                     json.dumps([one, *noise, two], indent=2), json.dumps([one["record"], two["record"]])):
            self.switch.requests.clear()
            out = self.run_ctl("trace", "--drop", "-", stdin=text)[0]
            self.assertEqual([(f.data, f.length, f.vlan) for f in self.frames()],
                             [(bytes(range(1, 17)), 60, 7)] * 2)
            self.assertEqual(self.switch.requests[0][1].input.port, "vd-1")
            self.assertIn("event 1, dropped then: egress-default\n", out)
            self.assertIn(", dropped then: egress-rule by smb\n", out)

    def test_bad_drop_records(self):
        for text, said in (("", "no drop record is in it"), ("{", "event 1, its line"),
                           (json.dumps(self.event()) + "\n[1", "event 2, its line"),
                           ('{"port": "a"}', "event 1: no drop record with a port and a packet"),
                           ('{"port": "a", "packet": "A*=="}', "event 1: no drop record"),
                           ("[7]", "event 1: no drop record"), ("7", "event 1, its line 1")):
            self.assertIn(said, self.fails(2, "trace", "--drop", "-", stdin=text))
        self.assertIn("No such file", self.fails(2, "trace", "--drop", "/nowhere/x"))

    def test_a_record_of_the_switch(self):
        self.switch.answers["WatchDrops"] = [record(42, packet="AQIDBAUGBwgJCgsMDQ4PEA==")]
        out = self.run_ctl("trace", "--drop", "7.42")[0]
        self.assertEqual(json_format.MessageToDict(self.switch.requests[0][1]),
                         {"resume": {"epoch": "7", "n": "41"}})
        self.assertTrue(out.startswith("-- 7.42, dropped then: egress-default\n"), out)
        for answer in ([record(43, packet="AQIDBAUGBwgJCgsMDQ4PEA==")], [], [make("DropEvent", gap={})]):
            self.switch.answers["WatchDrops"] = answer
            self.assertIn("holds no record 7.42", self.fails(1, "trace", "--drop", "7.42"))


class Replay(Packets):
    CHANGES = [{"index": 1, "port": "vd-1", "packet": "tcp a -> b", "verdictChanges": True,
                "before": {"verdict": "dropped", "reason": "egress-default"},
                "after": {"verdict": "forwarded"}, "ruleBefore": {"id": "default-egress"},
                "ruleAfter": {"id": "web"}},
               {"index": 0, "port": "vd-1", "packet": "udp a -> b", "verdictChanges": True,
                "before": {"verdict": "forwarded", "wouldDrop": True},
                "after": {"verdict": "rejected", "reason": "egress-rule"}, "ruleAfter": {"id": "no"}},
               {"index": 2, "port": "vd-1", "packet": "never seen", "before": {"verdict": "dropped"},
                "after": {"verdict": "dropped"}}]

    def setUp(self):
        super().setUp()
        self.policy = self.file("new.yaml", b"version: 1\n")
        self.switch.answers["ReplayPolicy"] = lambda r: make(
            "ReplayPolicyResponse", digest="d", packets=len(r.packets), deniedBefore=2, deniedAfter=1,
            changes=self.CHANGES, skipped=[{"index": 2, "why": "no port"}])

    def replay(self, *words, **more):
        return self.run_ctl("policy", "replay", self.policy, *words, **more)[0]

    def test_drops_and_what_changes(self):
        path = self.file("drops.json", "\n".join(json.dumps(self.event(i)) for i in range(3)).encode())
        lines = self.replay("--against", path).splitlines()
        request = self.switch.requests[0][1]
        self.assertEqual([(s.name, s.yaml) for s in request.sources], [(self.policy, "version: 1\n")])
        self.assertEqual([(p.port, p.frame.length, p.frame.vlan) for p in request.packets],
                         [("vd-1", 60, 7)] * 3)
        self.assertEqual(lines[0], "-- %s: event 3: skipped: no port" % path)
        self.assertEqual(lines[1].split(), ["PACKET", "PORT", "WHAT", "BEFORE", "AFTER"])
        self.assertRegex(lines[2], "^%s: event 2 +vd-1 +tcp a -> b +dropped by default-egress +allowed by "
                         "web$" % path)
        self.assertRegex(lines[3], "^%s: event 1 +vd-1 +udp a -> b +allowed, policy audits +rejected by "
                         "no$" % path)
        self.assertEqual(lines[4], "3 packets, 2 of them denied by the policy in force and 1 by this one: "
                         "1 would be allowed, 1 would be denied; 1 by another rule; 1 skipped")
        self.assertEqual(len(lines), 5)

    def test_captures_and_batches(self):
        path = self.file("many", self.pcap([bytes(1000)] * 4500))
        out = self.replay("--against", path, "--port", "vd-1", "-o", "json")
        sizes = [len(r.packets) for _, r in self.switch.requests]
        self.assertEqual(sum(sizes), 4500)
        self.assertTrue(all(r.ByteSize() < 16 << 20 for _, r in self.switch.requests))
        self.assertEqual([json.loads(line)["changes"][0]["index"] for line in out.splitlines()],
                         [1 + sum(sizes[:i]) for i in range(len(sizes))])
        self.assertEqual({p.port for _, r in self.switch.requests for p in r.packets}, {"vd-1"})

    def test_what_is_wrong(self):
        good = self.file("us", self.pcap(self.FRAMES))
        for words, said in (([], "needs --against"), (["--against", "/nowhere/x"], "No such file"),
                            (["--against", self.policy], "neither pcap nor pcapng"),
                            (["--against", "-", "--port", "a"], "has its port"),
                            (["--against", good, "/nowhere/y"], "/nowhere/y: No such file")):
            self.assertIn(said, self.fails(2, "policy", "replay", self.policy, *words))
        self.assertIn("needs FILE", self.fails(2, "policy", "replay", "--against", good))
        self.assertEqual(self.switch.requests, [])
        self.switch.answers["ReplayPolicy"] = Refused(grpc.StatusCode.INVALID_ARGUMENT,
                                                      self.policy + ":1:1: bad")
        self.assertEqual(self.fails(1, "policy", "replay", "--against", good, self.policy),
                         self.policy + ":1:1: bad\n")


class CommandLine(SwctlTest):
    def test_help_everywhere(self):
        for words in ([], ["port"], ["port", "add"], ["policy"], ["policy", "apply"], ["policy", "diff"],
                      ["drops"],
                      ["counters"], ["trace"], ["fdb"], ["conn"], ["conn", "list"], ["conn", "show"],
                      ["conn", "flush"], ["conn", "stats"], ["worker"], ["audit"], ["quarantine"],
                      ["release"], ["status"], ["version"]):
            out, err = self.run_ctl(*words, "--help", env={})
            self.assertEqual(err, "")
            for part in ("Usage: swctl", "Exit status:", "--target", "FUSUMA_TARGET"):
                self.assertIn(part, out)
            self.assertEqual(max(len(line) for line in out.splitlines() if line) <= 100, True)
            self.assertEqual(self.run_ctl("-h", *words, env={})[0], out)
            self.assertEqual(self.run_ctl("help", *words, env={})[0], out)
        self.assertIn("--label KEY=VALUE", self.run_ctl("port", "add", "--help")[0])

    def test_did_you_mean(self):
        for words, said in ((["satus"], "'status'"), (["quarantin", "x"], "'quarantine'"),
                            (["port", "lst"], "'port list'"), (["prot", "add", "x"], "'port add'"),
                            (["polcy", "get"], "'policy get'"), (["drop"], "'drops'"),
                            (["ports"], "'port'"), (["port", "remove", "x"], "swctl port --help"),
                            (["frobnicate"], "swctl --help"), ([], "swctl --help"),
                            (["port"], "add, del, list, show")):
            self.assertIn(said, self.fails(2, *words))
            if words and words != ["port"]:
                self.assertIn(said, self.fails(2, *words, "--help"))

    def test_common_options(self):
        for args, said in ((["-o", "xml"], "'xml'"), (["--timeout", "0"], "'0'"),
                           (["--timeout", "1s"], "'1s'"), (["--timeout", "nan"], "'nan'"),
                           (["--target", "nowhere"], "nowhere: neither"), (["--target", "unix:"], "--target: "),
                           (["-o"], "needs a value"), (["--port", "x"], "no option --port")):
            self.assertIn(said, self.fails(2, "status", *args))
        self.assertIn("not UTF-8", self.fails(2, "port", "show", b"\xff"))
        self.assertIn("FUSUMA_TARGET", self.fails(2, "status", env={"FUSUMA_TARGET": "x"}))

    def test_order_of_words(self):
        self.switch.answers["GetPort"] = port()
        for env in (self.env, dict(self.env, POSIXLY_CORRECT="1")):
            for args in (["-o", "json", "port", "show", "vd-1"], ["port", "-ojson", "show", "vd-1"],
                         ["port", "show", "vd-1", "-o", "json"],
                         ["port", "show", "-o", "json", "--", "vd-1"]):
                self.switch.requests.clear()
                self.assertEqual(json.loads(self.run_ctl(*args, env=env)[0])["id"], 3)
                self.assertEqual(self.sent(), {"name": "vd-1"})
        self.switch.requests.clear()
        self.run_ctl("port", "show", "--", "--odd")
        self.assertEqual(self.sent(), {"name": "--odd"})

    def test_targets(self):
        self.switch.answers["GetInfo"] = make("Info", **INFO)
        other = Switch("127.0.0.1:0")
        other.answers["GetInfo"] = make("Info", version="other")
        self.addCleanup(lambda: other.server.stop(None).wait())
        out = self.run_ctl("status", "--target", "127.0.0.1:%d" % other.port, "-o", "json")[0]
        self.assertEqual(json.loads(out), {"version": "other"})

    def test_tls_options(self):
        for args, words in (
                (("--target", "switch.example.org:50051"),
                 "switch.example.org:50051: HOST:PORT needs --tls-ca, --tls-cert and --tls-key"),
                (("--target", "127.0.0.1:1", "--tls-ca", "x"), "HOST:PORT needs --tls-ca"),
                (("--target", "127.0.0.1:1", "--tls-ca", "/none", "--tls-cert", "/none", "--tls-key",
                  "/none"), "/none: No such file or directory"),
                (("--target", "127.0.0.1:1", "--tls-ca", __file__, "--tls-cert", __file__, "--tls-key",
                  __file__), "test_swctl.py: no certificate in PEM"),
                (("--target", "a b:1"), "neither unix:PATH nor HOST:PORT")):
            self.assertIn(words, self.fails(2, "status", *args))

    def audit_lines(self, *events):
        """A log as the switch writes it."""
        before, lines = "0" * 64, []
        for i, event in enumerate(events):
            body = json.dumps(dict({"seq": i + 1, "time": "2026-01-01T00:00:00.000000Z"}, **event),
                              separators=(",", ":"))
            if not i:
                body = body[:-1] + ',"prev":"%s"}' % before
            before = hashlib.sha256((before + body).encode()).hexdigest()
            lines.append('%s,"hash":"%s"}' % (body[:-1], before))
        return lines

    AUDIT = ({"event": "begin"}, {"event": "start"},
             {"event": "request", "who": "uid 0 (root)", "rpc": "PortService.AddPort",
              "summary": "spec={name=d1}"},
             {"event": "result", "of": 3, "who": "uid 0 (root)", "rpc": "PortService.AddPort",
              "status": "OK", "generation": 7},
             {"event": "request", "who": "certificate CN=x", "rpc": "PortService.DeletePort"},
             {"event": "refused", "who": "certificate CN=\u202ey\x1b", "rpc": "PortService.AddPort",
              "status": "PERMISSION_DENIED", "error": "may not"})

    def test_audit_log(self):
        lines = self.audit_lines(*self.AUDIT)
        self.switch.answers["ListAuditLog"] = make("ListAuditLogResponse", lines=lines)
        self.switch.requests.clear()
        out = self.run_ctl("audit-log", "list", "--limit", "7")[0]
        self.assertEqual(self.sent(), {"limit": 7})
        self.assertIn("of 3, generation 7", out)
        self.assertIn("may not", out)
        self.assertNotIn("\x1b", out)
        self.assertEqual(self.run_ctl("audit-log", "list", "-o", "json")[0].splitlines(), lines)
        file = self.dir.name + "/audit.log"
        with open(file, "w") as f:
            f.write("\n".join(lines) + "\n")
        self.assertEqual(self.run_ctl("audit-log", "list", file)[0], out)
        self.assertEqual(self.run_ctl("audit-log", "list", file, "-o", "json")[0].splitlines(), lines)
        out = self.run_ctl("audit-log", "verify", file)[0]
        self.assertIn("whole, 1 to 6, last hash " + lines[-1][-66:-2], out)
        self.assertIn("1 changes have no result", out)
        report = json.loads(self.run_ctl("audit-log", "verify", file, "-o", "json")[0])
        self.assertEqual((report["whole"], report["seq"], report["without_result"]), (True, 6, 1))

    def test_audit_log_that_is_not_whole(self):
        lines = self.audit_lines(*self.AUDIT)
        file, other = self.dir.name + "/audit.log", self.dir.name + "/other.log"
        with open(file, "w") as f:
            f.write("\n".join(lines[:2] + lines[3:]) + "\n")
        out = self.run_ctl("audit-log", "verify", file, code=1)[0]
        self.assertIn("BROKEN: line 3: ", out)
        self.assertIn("line 3: ", self.run_ctl("audit-log", "list", file, code=1)[1])
        report = json.loads(self.run_ctl("audit-log", "verify", file, "-o", "json", code=1)[0])
        self.assertEqual(report["whole"], False)
        # A file that is whole, but not the next one.
        for name in (file, other):
            with open(name, "w") as f:
                f.write("\n".join(lines) + "\n")
        self.assertIn("does not go on from the file before it",
                      self.run_ctl("audit-log", "verify", file, other, code=1)[0])
        with open(file, "w") as f:
            f.write("\n".join(lines)[:-5])
        self.assertIn("no whole line", self.run_ctl("audit-log", "verify", file, code=1)[0])
        with open(file, "w"):
            pass
        self.assertIn("it has no line", self.run_ctl("audit-log", "verify", file, code=1)[0])
        self.assertIn("No such file", self.fails(2, "audit-log", "verify", self.dir.name + "/none"))
        self.assertIn("'audit-log list' does not take 'x'", self.fails(2, "audit-log", "list", file, "x"))

    def test_unreachable(self):
        nobody = "unix:" + self.dir.name + "/nobody"
        for args in (["status"], ["drops", "--follow"], ["counters"], ["port", "list"]):
            err = self.fails(3, *args, "--target", nobody)
            self.assertIn("cannot reach the switch: cannot connect to " + nobody, err)
        out, err = self.run_ctl("version", "--target", nobody, code=3)
        self.assertTrue(out.startswith("swctl "))

    def test_silent_switch(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def silence(_request):
            done.wait(LIMIT_S)
            return make("Info")

        def silent_stream(_request):
            done.wait(LIMIT_S)
            return []

        self.switch.answers.update(GetInfo=silence, WatchDrops=silent_stream,
                                   WatchCounters=silent_stream)
        for command in ("status", "drops", "counters"):
            self.assertIn("within 0.3 s", self.fails(3, command, "--timeout", "0.3"))

    def test_refusals_keep_to_one_line_and_one(self):
        self.switch.answers["GetInfo"] = Refused(grpc.StatusCode.PERMISSION_DENIED, "")
        self.assertEqual(self.fails(1, "status"), "swctl: PERMISSION_DENIED\n")


if __name__ == "__main__":
    unittest.main()
