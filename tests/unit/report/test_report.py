#!/usr/bin/python3
"""Reports of the incidents in tests/data/incident: what they say, that nothing in them can do harm, and
that their drawings can be read."""
import json
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

BUILD = os.environ.get('top_builddir', '.')
DATA = os.path.join(os.environ.get('top_srcdir', '.'), 'tests/data/incident')
NAMES = sorted(n[:-5] for n in os.listdir(DATA) if n.endswith('.json'))
LANGUAGES = ('en', 'ja')


def load_type():
    pool = descriptor_pool.DescriptorPool()
    with open(os.path.join(BUILD, 'proto/fusuma.protoset'), 'rb') as f:
        for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file:
            pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName('fusuma.v1.IncidentReport'))


REPORT = load_type()


def message(name, change=None):
    with open(os.path.join(DATA, name + '.json'), encoding='utf-8') as f:
        fields = json.load(f)
    if change:
        change(fields)
    return json_format.ParseDict(fields, REPORT())


def render(report, *arguments):
    r = subprocess.run([os.path.join(BUILD, 'tests/unit/report/render'), *arguments], check=True,
                       input=report.SerializeToString(), capture_output=True, timeout=60)
    return r.stdout.decode('utf-8')


def page(name, language='en', change=None):
    """The HTML, which is XML, too, as a tree."""
    return ElementTree.fromstring(render(message(name, change), 'html', language))


def text_of(element):
    return re.sub(r'\s+', ' ', ''.join(element.itertext())).strip()


def sections(tree):
    """{title: element}"""
    return {text_of(s.find('h2')): s for s in tree.iter('section')}


def rows(table):
    return [[text_of(cell) for cell in row] for row in table.find('tbody')]


def number(element, *names):
    return [float(element.get(name)) for name in names]


class Summary(unittest.TestCase):
    def lead(self, name, language='en', change=None):
        return [text_of(p) for p in page(name, language, change).find('.//div[@class]')]

    def test_desktops(self):
        lines = self.lead('lateral')
        self.assertEqual(lines[0], 'vd-7, the desktop of Aiko Sato, tried to reach 14 other desktops '
                         'over tcp/445 smb, arp, between 10:02:11 and 10:02:19 UTC on 2026-11-24.')
        self.assertEqual(lines[1], 'All of it was denied: none of these 37 packets got through.')
        self.assertEqual(lines[2], 'The desktop has been in quarantine since 10:02:20 UTC: nothing it '
                         'sends passes. The incident is open.')
        self.assertIn('14 desktops tried within 10 seconds', lines[4])

    def test_in_japanese(self):
        self.assertEqual(self.lead('lateral', 'ja')[0],
                         'Aiko Sato さんのデスクトップ vd-7 が、2026-11-24 10:02:11 から 10:02:19 UTC の'
                         '間に、他のデスクトップ14台への接続を tcp/445 smb, arp で試みました。')

    def test_one_packet(self):
        lines = self.lead('probe')
        self.assertEqual(lines[0], "vd-7, the desktop of Aiko Sato, tried to reach Ren Watanabe's "
                         'desktop vd-13 (10.0.0.13) over arp, at 10:02:11 UTC on 2026-11-24.')
        self.assertEqual(lines[1], 'It was denied: the one packet did not get through.')
        self.assertEqual(lines[2], 'The desktop is not in quarantine. The incident is open.')

    def test_whom(self):
        self.assertIn('reach the address 10.9.0.40 over about 1,000 services (among them tcp/22 ssh, ',
                      self.lead('portscan')[0])
        self.assertIn('reach 30 other desktops and 223 addresses that are no desktops here over '
                      'icmp/8, tcp/3389 rdp, between', self.lead('sweep')[0])
        self.assertIn('reach 7 other desktops and about 1,193 addresses that', self.lead('worm')[0])
        self.assertIn('reach 1 other desktop and 1 address that is', self.lead('closed')[0])

    def test_who(self):
        def nobody(r):
            del r['incident']['user'], r['incident']['sessions']

        self.assertTrue(self.lead('lateral', 'en', nobody)[0].startswith('The desktop vd-7 tried to'))
        self.assertTrue(self.lead('worm')[0].startswith(
            'vd-7, a desktop to which Aiko Sato, Ken Mori were logged in, tried'))
        self.assertIn('Each of them is a candidate', text_of(sections(page('worm'))['Who it was']))
        self.assertNotIn('candidate', text_of(page('lateral')))

    def test_how_long(self):
        for last, en, ja in (('10:02:11.223Z', '0.1 s', '0.1秒'), ('10:05:12Z', '3 min 0 s', '3分0秒'),
                             ('13:04:12Z', '3 h 2 min', '3時間2分')):
            def change(r):
                r['incident']['lastSeen'] = '2026-11-24T' + last

            for language, want in (('en', en), ('ja', ja)):
                self.assertEqual(text_of(page('lateral', language, change).findall('.//dd')[3]), want)

    def test_what_became_of_it(self):
        self.assertIn('was released at 11:28:51 UTC', self.lead('sweep')[2])
        self.assertEqual(self.lead('closed')[2], 'The desktop is not in quarantine. The incident was '
                         'closed at 2026-11-25 11:05:42 UTC by unix:suzuki(1001).')
        # What audit mode let through must not be called denied.
        self.assertTrue(self.lead('hostile')[1].startswith('Not all of it was stopped'))

    def test_another_day(self):
        def late(r):
            r['incident']['lastSeen'] = '2026-11-25T00:00:01Z'

        self.assertIn('between 2026-11-24 10:02:11 and 2026-11-25 00:00:01 UTC.',
                      self.lead('lateral', 'en', late)[0])


class Tables(unittest.TestCase):
    def test_rules_and_sources(self):
        services, rules, sources = list(sections(page('portscan'))['What was tried, counted'].iter('table'))
        self.assertEqual(rows(services)[5], ['tcp/445 smb', '1', '2'])
        self.assertEqual(len(rows(services)), 24)
        self.assertEqual([r[0] for r in rows(rules)], ['default-egress', 'no-lateral', 'spoof-ip'])
        self.assertEqual(rows(rules)[1][1], 'a rule of the policy that denies')
        self.assertEqual(rows(sources), [['10.0.0.7', 'yes', '127'], ['10.0.0.99', 'no', '1']])
        self.assertIn('976 more are not listed here', text_of(page('portscan')))

    def test_what_succeeded(self):
        section = sections(page('lateral'))['What had succeeded']
        table = rows(section.find('table'))
        self.assertEqual(table[0], ['203.0.113.80', 'tcp/443 https', 'desktop', 'proxy-out',
                                    '09:48:11 – 10:00:36', '3', '3', '48 MB', '201 kB'])
        self.assertEqual(table[-1][7], '240 B')
        self.assertEqual([r[2] for r in table].count('peer'), 1)
        said = text_of(section)
        self.assertIn('was allowed 286 connections, and sent 51 MB.', said)
        self.assertIn('room for 262,144 entries and holds 81,233', said)
        self.assertIn('nothing from before 2026-11-18 10:02:11 UTC', said)
        self.assertNotIn('lower bounds', said)
        self.assertIn('lower bounds', text_of(sections(page('worm'))['What had succeeded']))
        self.assertIn('has no connection of this desktop that it allowed',
                      text_of(sections(page('probe'))['What had succeeded']))

    def test_what_was_not_seen(self):
        said = [text_of(li) for li in sections(page('worm'))['What this report does not have'].iter('li')]
        self.assertEqual(len(said), 5)
        self.assertIn('budget of records: 512.', said[0])
        self.assertIn('how many is not known', said[1])
        self.assertIn('20,133', said[2])
        self.assertIn('Nothing that the switch knows of',
                      text_of(sections(page('probe'))['What this report does not have']))
        self.assertIn('drop log has, but not this report: 3,052.', text_of(page('worm')))

    def test_response(self):
        table = rows(sections(page('closed'))['When it happened'].find('table'))
        self.assertEqual([r[2] for r in table], ['incident opened', 'note', 'note', 'incident closed'])
        self.assertEqual(table[0][1:4], ['10:02:11.143', 'incident opened', 'the switch, by itself'])
        self.assertEqual(table[3][1], '2026-11-25 11:05:42.123')

    def test_switch_speaks_japanese(self):
        def texts(name, change=None):
            return [r[3:] for r in rows(sections(page(name, 'ja', change))['経過'].find('table'))]

        own = 'スイッチ(自動)'
        self.assertEqual(texts('lateral'), [
            [own, '他のデスクトップへの接続の試み(拒否)'],
            [own, '10秒以内にデスクトップ3台への接続を試行'],
            [own, '10秒以内にデスクトップ14台への接続を試行'],
            [own, 'インシデント 42: 10秒以内にデスクトップ14台への接続を試行']])
        self.assertIn('2026-11-24 10:02:20, スイッチ(自動): インシデント 42: 10秒以内にデスクトップ14台への',
                      text_of(sections(page('lateral', 'ja'))['発信元']))
        # What people wrote, and what a switch of before did, stays.
        self.assertEqual(texts('sweep')[2], ['unix:suzuki(1001)', 'incident 44'])
        self.assertIn('判定の根拠: 2 addresses were tried, one of them a desktop', text_of(page('closed', 'ja')))

        for kind, en, ja in (
                ('PROBE', 'a denied attempt to reach another desktop', '他のデスクトップへの接続の試み(拒否)'),
                ('DESKTOPS', '1,200 desktops tried within 5 minutes', '5分以内にデスクトップ1,200台への接続を試行'),
                ('ADDRESSES', '1,200 addresses tried within 5 minutes', '5分以内にアドレス1,200件への接続を試行'),
                ('PUBLIC', '1,200 public addresses tried within 5 minutes',
                 '5分以内にインターネット上のアドレス1,200件への接続を試行'),
                ('RATE', '1,200 denied packets within 5 minutes', '5分以内に1,200個のパケットを拒否'),
                ('RELEASED', 'not cut off: it was released, and that holds until this incident is closed',
                 '隔離せず: 隔離は一度解除済み(このインシデントのクローズまで有効)'),
                ('FLOOD', 'about 1,200 addresses tried within 5 minutes, under a flood',
                 '大量の送信のなかで、5分以内にアドレス約1,200件への接続を試行'),
                ('PORTS', '1,200 ports of one target tried within 5 minutes',
                 '5分以内に1つの相手の1,200個のポートを試行'),
                ('SERVICE', 'the same service of 1,200 addresses in 23 networks tried within 5 minutes',
                 '5分以内に、23個のネットワークにあるアドレス1,200件の同じサービスを試行'),
                ('PORT_GONE', "the desktop is gone, or somebody else's", 'デスクトップの削除、または利用者の交代'),
                ('QUIET', 'nothing was seen for seven days', '7日間、新たな試みなし'),
                ('SPARED', 'not cut off: the policy says never', '隔離せず: ポリシーで自動隔離の対象外'),
                ('BRAKE', 'not cut off: as many ports as the policy lets the switch cut off in 10 minutes are '
                 'cut off already', '隔離せず: 10分間に自動で隔離できる数の上限に到達')):
            def change(r):
                r['incident']['actions'][1]['because']['kind'] = 'INCIDENT_GROUNDS_KIND_' + kind
                r['incident']['actions'][1]['because'].update(count=1200, networks=23, withinSeconds=300)

            for language, title, want in (('en', 'When it happened', en), ('ja', '経過', ja)):
                table = rows(sections(page('lateral', language, change))[title].find('table'))
                self.assertEqual(table[1][4], want)

        def at_least(r):
            r['incident']['because'] = {'kind': 'INCIDENT_GROUNDS_KIND_SERVICE', 'count': 70, 'networks': 64,
                                        'atLeast': True, 'withinSeconds': 86400}

        self.assertIn('根拠: 24時間以内に、64個以上のネットワークにあるアドレス70件以上の同じサービスを試行',
                      text_of(page('lateral', 'ja', at_least)))

    def test_destinations_and_records(self):
        parts = sections(page('lateral'))
        table = rows(parts['By destination'].find('table'))
        self.assertEqual(len(table), 14)
        self.assertEqual(table[0], ['10.0.0.10', 'vd-10', 'Kenji Tanaka', '10:02:11',
                                    '10:02:11', '2', 'arp, tcp/445 smb', 'default-egress, probe'])
        records = rows(parts['The records'].find('table'))
        self.assertEqual(records[0], ['10:02:11.123', '10.0.0.7', '10.0.0.10', 'tcp/445 smb',
                                      'default-egress', '1'])
        self.assertTrue(records[1][0].startswith('IPv4, ttl 128, TCP 49832 > 445 SYN: 4500 0034'))
        self.assertIn('+984 more', text_of(sections(page('portscan'))['By destination']))


class Drawings(unittest.TestCase):
    def drawing(self, name, title, change=None):
        return sections(page(name, 'en', change))[title].find('.//svg')

    def boxes(self, svg):
        return [number(r, 'x', 'y', 'width', 'height') for r in svg.iter('rect')
                if r.get('class').split()[0] in ('node', 'suspect')]

    def test_nothing_overlaps(self):
        for name in NAMES:
            svg = self.drawing(name, 'Whom it tried')
            width, height = map(float, svg.get('viewBox').split()[2:])
            boxes = self.boxes(svg)
            for i, (x, y, w, h) in enumerate(boxes):
                self.assertTrue(x >= 0 and y >= 0 and x + w <= width and y + h <= height, (name, x, y))
                for x2, y2, w2, h2 in boxes[:i]:
                    apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
                    self.assertTrue(apart, (name, x, y, x2, y2))
            lines = [number(t, 'x', 'y') for t in svg.iter('text')]
            self.assertEqual(len(lines), len({tuple(p) for p in lines}))

    def test_graph_is_bounded(self):
        for name, nodes, more in (('sweep', 40, ['and 10 more', 'and 203 more']),
                                  ('worm', 27, ['and 1,173 more']), ('lateral', 14, []),
                                  ('probe', 1, [])):
            svg = self.drawing(name, 'Whom it tried')
            self.assertEqual(len(self.boxes(svg)), 1 + nodes, name)
            said = [text_of(t) for t in svg.iter('text')]
            self.assertEqual([t for t in said if t.startswith('and ')], more)

    def test_graph_names(self):
        svg = self.drawing('lateral', 'Whom it tried')
        said = [text_of(t) for t in svg.iter('text')]
        for text in ('vd-7', 'Aiko Sato', 'vd-10', '10.0.0.10 · Kenji Tanaka',
                     'Desktops of this switch: 14'):
            self.assertIn(text, said)
        self.assertEqual(said.count('tcp/445 smb, arp'), 14)
        said = [text_of(t) for t in self.drawing('portscan', 'Whom it tried').iter('text')]
        self.assertIn('tcp/3389 rdp', said)
        self.assertIn('+990 more', said)

    def test_sort_by_shape(self):
        """Colour alone says nothing: what is no desktop has another frame."""
        svg = self.drawing('sweep', 'Whom it tried')
        self.assertEqual(sum(r.get('class') == 'node' for r in svg.iter('rect')), 20)
        self.assertEqual(sum(r.get('class') == 'node other' for r in svg.iter('rect')), 20)

    def test_timeline(self):
        for name in NAMES:
            svg = self.drawing(name, 'When it happened')
            width, height = map(float, svg.get('viewBox').split()[2:])
            marks = [number(c, 'cx', 'cy', 'r') for c in svg.iter('circle')]
            self.assertEqual(len(marks), len(message(name).incident.actions))
            for i, (x, y, r) in enumerate(marks):
                self.assertTrue(x >= r and x + r <= width and y + r <= height, name)
                self.assertTrue(not i or x - marks[i - 1][0] >= 2 * r, name)
            bars = [r for r in svg.iter('rect') if r.get('class') == 'bar']
            self.assertTrue(bars)
            for bar in bars:
                x, y, w, h = number(bar, 'x', 'y', 'width', 'height')
                self.assertTrue(x >= 0 and y >= 0 and x + w <= width and y + h <= height and h >= 2)

    def test_every_target_is_in_the_timeline(self):
        for name, count in (('lateral', 14), ('sweep', 253), ('worm', 256)):
            svg = self.drawing(name, 'When it happened')
            self.assertEqual(sum(int(t.text) for t in svg.iter('title')), count)

    def test_many_actions(self):
        def many(r):
            r['incident']['actions'] = [dict(r['incident']['actions'][1]) for _ in range(60)]

        svg = self.drawing('closed', 'When it happened', many)
        xs = [float(c.get('cx')) for c in svg.iter('circle')]
        self.assertEqual(len(xs), 24)
        self.assertTrue(all(b - a >= 20 for a, b in zip(xs, xs[1:])))
        self.assertTrue(min(xs) >= 10 and max(xs) <= 870)


class Safety(unittest.TestCase):
    def test_html_asks_for_nothing(self):
        attributes = {'class', 'lang', 'charset', 'http-equiv', 'content', 'name', 'scope', 'colspan',
                      'viewBox', 'role', 'aria-label', 'aria-hidden', 'x', 'y', 'width', 'height',
                      'rx', 'fill', 'stroke', 'd', 'cx', 'cy', 'r', 'font-size', 'text-anchor'}
        elements = {'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'header', 'section',
                    'h1', 'h2', 'h3', 'p', 'span', 'div', 'dl', 'dt', 'dd', 'table', 'thead', 'tbody',
                    'tr', 'th', 'td', 'ul', 'li', 'figure', 'code', 'wbr', 'svg', 'rect', 'text',
                    'path', 'circle'}
        for name in NAMES:
            for language in LANGUAGES:
                tree = page(name, language)
                self.assertEqual(tree.get('lang'), language)
                for e in tree.iter():
                    self.assertIn(e.tag, elements)
                    self.assertLessEqual(set(e.keys()), attributes)
                style = tree.find('.//style').text
                self.assertNotRegex(style, r'url\(|@import|@font-face|//|expression|\\')
                policy = tree.find(".//meta[@http-equiv='Content-Security-Policy']").get('content')
                self.assertTrue(policy.startswith("default-src 'none'"))

    def test_hostile_text_is_visible_text(self):
        for language in LANGUAGES:
            said = text_of(page('hostile', language).find('body'))
            for text in ('<script>alert(1)</script>', 'sato[U+202E]gnp.exe',
                         'a[U+0007]b[U+001B][31mc[U+000D][U+000A]d', '"\'`&amp;|*_[x](https://evil',
                         '--><!-- ]]>', '</style><script>alert(2)', '<b>https</b>', '[U+2066][U+200B]',
                         'r"><img src=x onerror=alert(1)>', 'host<>&"'):
                self.assertIn(text, said)

    def test_no_character_hides(self):
        for name in NAMES:
            for language in LANGUAGES:
                for form in ('html', 'markdown', 'json'):
                    text = render(message(name), form, language)
                    self.assertNotRegex(text, '[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e'
                                        '\u2066-\u2069\ufeff]')

    def test_markdown_stays_a_table(self):
        for name in NAMES:
            for language in LANGUAGES:
                text = render(message(name), 'markdown', language)
                self.assertNotRegex(text, r'<(?!$)|\]\(|[a-z]://|www\.')
                columns = 0
                for line in text.split('\n'):
                    n = line.count('|')
                    self.assertTrue(not n or not columns or n == columns, line)
                    columns = n
                # What a note says does not become a heading.
                self.assertEqual(len(re.findall('(?m)^## ', text)), 9)


class Digest(unittest.TestCase):
    COMMAND = r'tail -n 1 "$1" | grep -q "$(head -n -1 "$1" | sha256sum | cut -c-64)"'

    def whole(self, text):
        with tempfile.NamedTemporaryFile('w', encoding='utf-8', newline='') as f:
            f.write(text)
            f.flush()
            return subprocess.run(['sh', '-c', self.COMMAND, 'sh', f.name], check=False).returncode == 0

    def test_stock_tools_agree(self):
        for name in NAMES:
            for form in ('html', 'markdown', 'json'):
                self.assertTrue(self.whole(render(message(name), form)), (name, form))
        for form in ('html', 'markdown', 'json'):
            text = render(message('lateral'), form, 'ja')
            self.assertTrue(self.whole(text))
            self.assertFalse(self.whole(text.replace('10.0.0.7', '10.0.0.8', 1)))
            self.assertFalse(self.whole(text + '\n'))

    def test_command_is_documented(self):
        with open(os.path.join(DATA, '../../../docs/incidents.md'), encoding='utf-8') as f:
            self.assertIn(self.COMMAND.replace('"$1"', 'FILE'), f.read())

    def test_digest_is_seen(self):
        text = render(message('probe'), 'html')
        digest = re.search('[0-9a-f]{64}', text.split('\n')[-2]).group()
        self.assertTrue(text_of(page('probe').find('body')).endswith(digest))


class Forms(unittest.TestCase):
    def test_json_is_the_message(self):
        for name in NAMES:
            got = json.loads(render(message(name), 'json'))
            self.assertEqual(list(got), ['report', 'sha256'])
            self.assertEqual(json_format.ParseDict(got['report'], REPORT()), message(name))

    def test_languages_say_as_much(self):
        for name in NAMES:
            en, ja = page(name, 'en'), page(name, 'ja')
            self.assertEqual([e.tag for e in en.iter()], [e.tag for e in ja.iter()])
            for e in ja.iter():
                if e.tag in ('h1', 'h2', 'h3'):
                    self.assertRegex(text_of(e), '[\u3041-\u9fff]')

    def test_markdown_says_what_html_says(self):
        for name in NAMES:
            html = page(name)
            text = render(message(name), 'markdown')
            for e in html.iter('h2'):
                drawn = text_of(e) == 'Whom it tried'
                self.assertEqual('\n## %s\n' % text_of(e) in text, not drawn)
            lead = text_of(html.find('.//div[@class]')[0])
            self.assertTrue(name == 'hostile' or lead in text)

    def test_pivot(self):
        keys = json.loads(render(message('lateral'), 'pivot'))
        self.assertEqual(keys['from'], '2026-11-24T09:02:11.123Z')
        self.assertEqual(keys['to'], '2026-11-24T10:02:19.123Z')
        self.assertEqual(keys['users'], ['Aiko Sato'])
        self.assertEqual(keys['addresses'], ['10.0.0.7', 'fd00::7'])
        self.assertEqual((keys['id'], keys['port'], keys['mac']), ('42', 'vd-7', '02:00:00:00:00:07'))
        peers = keys['peers']
        self.assertEqual(len(peers), 14 * 2 + 8)
        self.assertEqual(peers[1], {
            'address': '10.0.0.10', 'service': 'tcp/445 smb', 'verdict': 'denied', 'port': 'vd-10',
            'user': 'Kenji Tanaka', 'firstSeen': '2026-11-24T10:02:11.123Z',
            'lastSeen': '2026-11-24T10:02:11.623Z'})
        self.assertEqual(sum(p['verdict'] == 'allowed' for p in peers), 8)
        self.assertEqual(json.loads(render(message('worm'), 'pivot'))['users'], ['Aiko Sato', 'Ken Mori'])

        def nobody(r):
            del r['incident']['sessions']
            del r['incident']['targets'][0]['services']

        keys = json.loads(render(message('lateral', nobody), 'pivot'))
        self.assertEqual(keys['users'], ['Aiko Sato'])
        self.assertNotIn('service', keys['peers'][0])


if __name__ == '__main__':
    unittest.main()
