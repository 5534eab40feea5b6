#!/usr/bin/python3
"""swctl's incident commands against a stock gRPC server (test_swctl.py)."""
import csv
import io
import json
import os
import stat
import subprocess
import sys
import unittest

import grpc
from google.protobuf import json_format

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_swctl import SWCTL, TOP, Refused, SwctlTest, make  # noqa: E402

DATA = os.path.join(TOP, "tests/data/incident")


def incident(name="lateral"):
    with open(os.path.join(DATA, name + ".json"), encoding="utf-8") as f:
        return make("IncidentReport", **json.load(f)).incident


def listed(*incidents, **more):
    reply = make("ListIncidentsResponse", **more)
    reply.incidents.extend(incidents)
    return reply


class Incidents(SwctlTest):
    def test_list(self):
        self.switch.answers["ListIncidents"] = listed(incident("worm"), incident("closed"),
                                                      truncated=True)
        lines = self.run_ctl("incident", "list")[0].splitlines()
        self.assertEqual(lines[0].split(), ["ID", "SEVERITY", "KIND", "PORT", "USER", "TARGETS",
                                            "SERVICES", "FIRST", "LAST", "STATE"])
        self.assertRegex(lines[1], r"^45  critical  worm   vd-7  Aiko Sato, Ken Mori +~1200 +1  "
                         r"2026-11-24 10:02:11 \+0000  2026-11-24 10:07:12 \+0000  open, quarantined$")
        self.assertRegex(lines[2], r"^47  low +probe +vd-7  Aiko Sato +2 +2 .* closed$")
        self.assertIn("there are more", lines[3])
        self.assertEqual(self.sent(), {})
        wide = self.run_ctl("incident", "list", "-o", "wide")[0]
        self.assertIn("the same service of 1,200 addresses in 23 networks", wide)
        self.assertEqual(json.loads(self.run_ctl("incident", "list", "-o", "json")[0])["incidents"][0]["id"],
                         "45")

    def test_list_filters(self):
        self.switch.answers["ListIncidents"] = listed()
        self.run_ctl("incident", "list", "--open", "--port", "vd-7", "--user", "佐藤", "--severity",
                     "high", "--limit", "5")
        self.assertEqual(self.sent(), {"open": True, "port": "vd-7", "user": "佐藤", "limit": 5,
                                       "atLeast": "INCIDENT_SEVERITY_HIGH"})
        for args, said in ((["--severity", "bad"], "'bad' is none of low, medium, high, critical"),
                           (["--severity", "ungraded"], "none of"),
                           (["--port", "a", "--port", "b"], "one --port"),
                           (["--limit", "0"], "--limit"),
                           (["-o", "csv"], "'csv' is none of table, wide, json, yaml")):
            self.assertIn(said, self.fails(2, "incident", "list", *args))

    def test_show(self):
        self.switch.answers["GetIncident"] = incident()
        out = self.run_ctl("incident", "show", "42")[0]
        self.assertEqual(self.sent(), {"id": "42"})
        for line in ("Incident: +42, high sweep, open, quarantined",
                     "Grounds: +14 desktops tried within 10 seconds",
                     "Sessions: +Aiko Sato \\(4711\\)", "Addresses: +10.0.0.7, fd00::7",
                     "Tried: +14 addresses, 2 services",
                     "Packets: +37, 0 of them without a record",
                     "Records: +1764000000.2000 to 1764000000.2027",
                     r"2026-11-24 10:02:20 \+0000  quarantined  switch  incident 42: 14 desktops .*",
                     r"tcp/445 smb +14 +23",
                     r"10.0.0.10  vd-10  Kenji Tanaka +2  arp, tcp/445 smb  default-egress, probe"):
            self.assertRegex(out, "(?m)^" + line + "$")
        self.switch.answers["GetIncident"] = incident("worm")
        out = self.run_ctl("incident", "show", "45")[0]
        self.assertIn("each is a candidate", out)
        self.assertIn("-- and 944 more that are not listed", out)

    def test_show_is_clean(self):
        self.switch.answers["GetIncident"] = incident("hostile")
        out = self.run_ctl("incident", "show", "46")[0]
        self.assertNotRegex(out, "[\0-\x09\x0b-\x1f\u202e\u2066]")
        self.assertIn("sato?gnp.exe", out)

    def test_nothing_known_yet(self):
        self.switch.answers["GetIncident"] = make("Incident", id="1", kind=99, severity=99)
        self.assertRegex(self.run_ctl("incident", "show", "1")[0], r"(?m)^Incident: +1, \? \?, open$")

    def test_ids(self):
        for command in ("show", "note", "close", "report", "pivot"):
            for bad in ("x", "0", "-1", "1x", "99999999999999999999999"):
                self.assertIn("'%s' is not an incident" % bad,
                              self.fails(2, "incident", command, "--", bad, *["t"] * (command == "note")))
            self.assertIn("needs ID", self.fails(2, "incident", command))
        self.assertEqual(self.switch.requests, [])

    def test_note_and_close(self):
        self.switch.answers["NoteIncident"] = incident()
        self.assertEqual(self.run_ctl("incident", "note", "42", "called", "the user")[0],
                         "incident 42: noted\n")
        self.assertEqual(self.sent(), {"id": "42", "text": "called the user"})
        self.assertIn("needs a TEXT", self.fails(2, "incident", "note", "42"))
        self.switch.requests.clear()
        self.switch.answers["CloseIncident"] = incident("closed")
        self.assertEqual(self.run_ctl("incident", "close", "47", "--comment", "no malware")[0],
                         "incident 47 is closed since 2026-11-25 11:05:42 +0000, by "
                         "unix:suzuki(1001)\n")
        self.assertEqual(self.sent(), {"id": "47", "text": "no malware"})
        self.switch.answers["CloseIncident"] = Refused(grpc.StatusCode.NOT_FOUND, "no incident 9")
        self.assertEqual(self.fails(1, "incident", "close", "9"), "swctl: no incident 9\n")

    def test_scope(self):
        scoped = make("ScopeIncidentsResponse", incidents=[
            {"part": "target", "targets": [{"address": "10.0.0.12", "services": ["arp", "tcp/445 smb"],
                                            "distinctServices": "5"}]}, {"part": "suspect"}])
        scoped.incidents[0].incident.CopyFrom(incident())
        scoped.incidents[1].incident.CopyFrom(incident("closed"))
        self.switch.answers["ScopeIncidents"] = scoped
        lines = self.run_ctl("incident", "scope", "--host", "10.0.0.12")[0].splitlines()
        self.assertEqual(self.sent(), {"host": "10.0.0.12"})
        self.assertRegex(lines[1], r"^42  target +high +sweep +vd-7 .*  10.0.0.12: arp, tcp/445 smb and 3 more$")
        self.assertRegex(lines[2], r"^47  suspect .* closed +-$")
        self.switch.requests.clear()
        self.run_ctl("incident", "scope", "--user", "sato")
        self.assertEqual(self.sent(), {"user": "sato"})
        self.assertIn("one of --host and --user", self.fails(2, "incident", "scope"))
        self.assertIn("one of --host and --user",
                      self.fails(2, "incident", "scope", "--host", "::1", "--user", "u"))


class Watch(SwctlTest):
    def event(self, what, position=None, **obj):
        fields = {"type": "WATCH_EVENT_TYPE_" + what, **obj}
        if position:
            fields["position"] = {"epoch": "7", "revision": str(position)}
        return make("WatchEvent", **fields)

    def test_watch(self):
        first = self.event("ADDED")
        first.incident.CopyFrom(incident("closed"))
        change = self.event("CHANGED", 5)
        change.incident.CopyFrom(incident("worm"))
        gone = self.event("REMOVED", 6, incident={"id": "3"})
        self.switch.answers["Watch"] = [first, self.event("SYNCED", 4), change, gone]
        for words in (["incident", "watch"], ["watch", "incidents"]):
            self.switch.requests.clear()
            lines = self.run_ctl(*words)[0].splitlines()
            self.assertEqual(self.sent(), {"kinds": ["WATCH_KIND_INCIDENTS"]})
            self.assertRegex(lines[0], r"^added +incident +47 +low probe of vd-7 \(Aiko Sato\): "
                             r"2 addresses, 2 services, 6 packets, closed$")
            self.assertIn("position 7.4", lines[1])
            self.assertRegex(lines[2], r"^changed +incident +45 +critical worm of vd-7 \(Aiko Sato, Ken "
                             r"Mori\): ~1200 addresses, 1 service, 3604 packets, open, quarantined$")
            self.assertRegex(lines[3], r"^removed +incident +3$")

    def test_resumes_after_a_break(self):
        answers = iter([[self.event("SYNCED", 4), Refused(grpc.StatusCode.UNAVAILABLE, "gone")],
                        [self.event("SYNCED", 9)]])

        def answer(_request):
            for event in next(answers):
                if isinstance(event, Refused):
                    raise event
                yield event

        self.switch.answers["Watch"] = answer
        out, err = self.run_ctl("incident", "watch", "--resume", "7.1")
        self.assertIn("trying again", err)
        self.assertEqual([json_format.MessageToDict(r)["resume"]["revision"]
                          for _, r in self.switch.requests], ["1", "4"])
        self.assertIn("position 7.9", out)


class Report(SwctlTest):
    TEXT = "<!DOCTYPE html>\n<p>報告</p>\n<!-- %s -->\n" % ("ab" * 32)

    def setUp(self):
        super().setUp()
        self.switch.answers["GetIncidentReport"] = make(
            "GetIncidentReportResponse", text=self.TEXT, sha256="ab" * 32, mediaType="text/html")

    def test_formats(self):
        for args, want in (([], {"format": "REPORT_FORMAT_HTML", "language": "en"}),
                           (["-o", "html"], {"format": "REPORT_FORMAT_HTML", "language": "en"}),
                           (["-o", "md", "--lang", "ja"],
                            {"format": "REPORT_FORMAT_MARKDOWN", "language": "ja"}),
                           (["-o", "json"], {"format": "REPORT_FORMAT_JSON", "language": "en"})):
            self.switch.requests.clear()
            # Byte for byte, whatever the format: it has its own digest.
            self.assertEqual(self.run_ctl("incident", "report", "42", *args)[0], self.TEXT)
            self.assertEqual(self.sent(), {"id": "42", **want})
        self.switch.requests.clear()
        self.assertIn("'pdf' is none of html, md, json",
                      self.fails(2, "incident", "report", "42", "-o", "pdf"))
        self.assertIn("'table' is none of", self.fails(2, "incident", "report", "42", "-o", "table"))
        self.assertIn("'html' is none of table, wide", self.fails(2, "status", "-o", "html"))
        self.assertIn("'fr' is neither en nor ja",
                      self.fails(2, "incident", "report", "42", "--lang", "fr"))
        self.assertEqual(self.switch.requests, [])

    def test_save(self):
        name = self.dir.name + "/r.html"
        for was in (None, "an old, longer text" * 100):
            if was:
                with open(name, "w", encoding="utf-8") as f:
                    f.write(was)
                os.chmod(name, 0o644)
            out = self.run_ctl("incident", "report", "42", "--save", name)[0]
            self.assertEqual(out, "%s  %s\n" % ("ab" * 32, name))
            with open(name, encoding="utf-8") as f:
                self.assertEqual(f.read(), self.TEXT)
            self.assertEqual(stat.S_IMODE(os.stat(name).st_mode), 0o600)
        self.assertIn("No such file", self.fails(1, "incident", "report", "42", "--save",
                                                 self.dir.name + "/none/r.html"))

    def test_save_to_a_full_disk(self):
        self.assertIn("No space left", self.fails(1, "incident", "report", "42", "--save", "/dev/full"))

    def test_a_refusal_leaves_the_file(self):
        name = self.dir.name + "/kept.html"
        with open(name, "w", encoding="utf-8") as f:
            f.write("kept")
        self.switch.answers["GetIncidentReport"] = Refused(grpc.StatusCode.NOT_FOUND, "no incident 9")
        self.fails(1, "incident", "report", "9", "--save", name)
        with open(name, encoding="utf-8") as f:
            self.assertEqual(f.read(), "kept")


class Pivot(SwctlTest):
    HEADER = ["incident", "suspect_port", "suspect_vm", "suspect_mac", "suspect_addresses", "users",
              "from", "to", "peer", "peer_port", "peer_user", "service", "verdict", "first_seen",
              "last_seen"]

    def keys(self, **more):
        return make("PivotIncidentResponse", id="42", port="vd-7", mac="02:00:00:00:00:07",
                    addresses=["10.0.0.7", "fd00::7"], users=["Aiko Sato"],
                    **{"from": "2026-11-24T09:02:11.123Z", "to": "2026-11-24T10:02:19Z"}, **more)

    def rows(self, **more):
        self.switch.answers["PivotIncident"] = self.keys(**more)
        out = self.run_ctl("incident", "pivot", "42")[0]
        return out, list(csv.reader(io.StringIO(out, newline=""), strict=True))

    def test_rows(self):
        out, rows = self.rows(peers=[
            {"address": "10.0.0.9", "service": "tcp/445 smb", "verdict": "denied", "port": "vd-9",
             "user": "Tanaka, \"Ken\"", "firstSeen": "2026-11-24T10:02:11.123Z",
             "lastSeen": "2026-11-24T10:02:12Z"},
            {"address": "10.9.0.5", "service": "tcp/88 kerberos", "verdict": "allowed"}])
        self.assertEqual(self.sent(), {"id": "42"})
        self.assertEqual(rows[0], self.HEADER)
        self.assertEqual(rows[1], [
            "42", "vd-7", "", "02:00:00:00:00:07", "10.0.0.7 fd00::7", "Aiko Sato",
            "2026-11-24T09:02:11.123Z", "2026-11-24T10:02:19.000Z", "10.0.0.9", "vd-9",
            "Tanaka, \"Ken\"", "tcp/445 smb", "denied", "2026-11-24T10:02:11.123Z",
            "2026-11-24T10:02:12.000Z"])
        self.assertEqual(rows[2][8:], ["10.9.0.5", "", "", "tcp/88 kerberos", "allowed", "", ""])
        self.assertEqual(len(rows), 3)
        self.assertIn('"Tanaka, ""Ken"""', out)

    def test_line_ends(self):
        self.switch.answers["PivotIncident"] = self.keys()
        r = self.run_ctl_bytes("incident", "pivot", "42")
        self.assertEqual(r.count(b"\r\n"), 2)
        self.assertEqual(r.count(b"\n"), 2)

    def run_ctl_bytes(self, *args):
        return subprocess.run([SWCTL, *args], capture_output=True, check=True, env=self.env).stdout

    def test_nobody_tried(self):
        rows = self.rows()[1]
        self.assertEqual(len(rows), 2)
        self.assertEqual(rows[1][8:], [""] * 7)

    def test_no_cell_is_a_formula(self):
        evil = ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\nb", "\u202eabc"]
        rows = self.rows(peers=[{"address": "10.0.0.9", "user": user} for user in evil])[1]
        self.assertEqual([r[10] for r in rows[1:]],
                         ["'=cmd|'/c calc'!A1", "'+1", "'-1", "'@SUM(A1)", "?=1", "?=1", "a?b", "?abc"])
        for row in rows:
            self.assertEqual(len(row), len(self.HEADER))

    def test_json(self):
        self.switch.answers["PivotIncident"] = self.keys(peers=[{"address": "10.0.0.9", "user": "=1"}])
        got = json.loads(self.run_ctl("incident", "pivot", "42", "-o", "json")[0])
        self.assertEqual(got["peers"], [{"address": "10.0.0.9", "user": "=1"}])
        self.assertEqual(got["from"], "2026-11-24T09:02:11.123Z")
        self.assertIn("'wide' is none of csv, json, yaml",
                      self.fails(2, "incident", "pivot", "42", "-o", "wide"))


if __name__ == "__main__":
    unittest.main()
