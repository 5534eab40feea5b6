#!/usr/bin/python3
"""The manual pages say what the programs say, and roff has nothing to say about them."""
import os
import re
import subprocess
import unittest

BUILD = os.environ.get("top_builddir") or "."
PAGES = ("swctl.8", "vswitchd.8", "fusuma-policy.5")


def said_by(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def program(name, *arguments):
    return said_by(os.path.join(BUILD, "bin", name), *arguments)


def path(page):
    return os.path.join(BUILD, "docs/man", page)


def read(page):
    """As it is printed, on lines that are long enough, without what makes letters bold."""
    out = said_by("groff", "-man", "-Tascii", "-P-cbou", "-rLL=400n", path(page))
    return re.sub(r"[ \t]+", " ", out)


def plain(text):
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-")


class Manual(unittest.TestCase):
    def test_roff(self):
        for page in PAGES:
            r = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", path(page)],
                               capture_output=True, text=True, check=True)
            self.assertEqual((r.stdout, r.stderr), ("", ""))
            with open(path(page), encoding="ascii") as f:
                text = f.read()
            self.assertTrue(text.startswith(".TH "))
            self.assertIn("\n.SH NAME\n", text)

    def options(self, text):
        """{option: what it takes} of --help or of a page."""
        return dict(re.findall(r"(?m)^ +(?:-., )?--([a-z-]+)((?: [A-Z=.N]+)?)(?= |$)", text))

    def defined(self, text):
        """The same of a part of a page's source."""
        heads = re.findall(r"(?m)^\.TP\n(?:\\fB\\-.\\fR, )?\\fB\\-\\-(.*?)\\fR((?: \\fI.*\\fR)?)$", text)
        return {plain(name): plain(value) for name, value in heads}

    def sections(self, page, request):
        """{title: source}"""
        with open(path(page), encoding="ascii") as f:
            parts = re.split(r'(?m)^\.%s "(.*)"$' % request, f.read())
        return {plain(title): text for title, text in zip(parts[1::2], parts[2::2])}

    def test_options_of_vswitchd(self):
        listed = self.options(program("vswitchd", "--help"))
        self.assertGreater(len(listed), 15)
        self.assertEqual(self.defined(self.sections("vswitchd.8", "SH")["OPTIONS"]), listed)

    def test_commands_of_swctl(self):
        overview, common = program("swctl", "--help").split("Options of every")
        commands = re.findall(
            r"(?m)^  ([a-z-]+(?: [a-z]+)?(?= \[?[A-Z]|  ))((?: \[?[A-Z]+[.\]]*)*)", overview)
        self.assertGreater(len(commands), 30)
        sections = self.sections("swctl.8", "S[HS]")
        self.assertEqual(self.defined(sections["OPTIONS OF EVERY COMMAND"]), self.options(common))
        titles = {title for title in sections if title.startswith("swctl ")}
        self.assertEqual(titles, {"swctl " + command + takes for command, takes in commands})
        for command, takes in commands:
            own = program("swctl", *command.split(), "--help").split("Options of every")[0]
            own = own.split("Options:\n")[1] if "Options:\n" in own else ""
            self.assertEqual(self.defined(sections["swctl " + command + takes]), self.options(own),
                             command)

    def test_the_page_of_policies(self):
        page = read("fusuma-policy.5")
        for part in ("DESCRIPTION\n", "GROUPS\n", "address_sets", "applied_to", "stale_after"):
            self.assertIn(part, page)
        self.assertNotIn("VERDICTS ARE PROVEN", page)
        self.assertNotRegex(page, r"\]\(|`|@[A-Z]+@|<!--")


if __name__ == "__main__":
    unittest.main()
