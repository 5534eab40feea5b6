#!/usr/bin/python3
"""manual.py NAME SECTION 'TITLE' TEXT.md [PROGRAM]: a manual page, in man(7), on standard output.

TEXT.md is Markdown as docs/ has it: headings, paragraphs, code, lists, tables of definitions.  A line
@OPTIONS@ or @COMMANDS@ stands for what PROGRAM says of itself ('PROGRAM __tables'), so that the page
cannot say anything else.  A comment <!-- man: skip --> leaves out what follows up to the next heading of
its level or a higher one.
"""
import json
import re
import subprocess
import sys


def escape(text, code=False):
    text = text.replace('\\', '\\e')
    if code:
        text = text.replace('-', '\\-')
    return ''.join(c if c < '\x7f' else '\\[u%04X]' % ord(c) for c in text)


INLINE = re.compile(r'`([^`]+)`|\*\*(.+?)\*\*|\*([^* ][^*]*)\*|\[([^\]]*)\]\(([^)#]*)[^)]*\)')


def inline(text):
    out, at = [], 0
    for m in INLINE.finditer(text):
        out.append(escape(text[at:m.start()]))
        code, bold, slanted, link, where = m.groups()
        if code is not None:
            out.append('\\fB' + escape(code, True) + '\\fR')
        elif bold is not None:
            out.append('\\fB' + inline(bold).replace('\\fR', '\\fB') + '\\fR')
        elif slanted is not None:
            out.append('\\fI' + escape(slanted) + '\\fR')
        else:
            out.append(inline(link) + (escape(' (%s)' % where) if where and where != link else ''))
        at = m.end()
    return ''.join(out) + escape(text[at:])


def line(text):
    """A line of text must not be taken for a request."""
    return '\\&' + text if text[:1] in ('.', "'") else text


def paragraph(text):
    """Sentences begin lines, as roff likes them."""
    return '\n'.join(line(s) for s in re.sub(r'([.:;?!]\)?) +(?=[A-Z`*])', r'\1\n', text).split('\n'))


def block(lines):
    while lines and not lines[-1].strip():
        lines.pop()
    return ['.PP', '.RS 4', '.nf'] + [line(escape(x, True)) or '\\&' for x in lines] + ['.fi', '.RE']


def cells(row):
    return [c.strip().replace('\\|', '|') for c in re.split(r'(?<!\\)\|', row.strip().strip('|'))]


def table(rows):
    """Rows of definitions: the first column is what is defined."""
    out = []
    for row in rows[2:]:
        name, *rest = cells(row)
        note = '' if len(rest) < 2 or not rest[0] else '(%s) ' % rest[0]
        out += ['.TP', line(inline(name)), paragraph(inline(note + rest[-1]))]
    return out


def option(o):
    head = '\\fB\\-%s\\fR, ' % o['letter'] if o.get('letter') else ''
    head += '\\fB\\-\\-%s\\fR' % escape(o['name'], True)
    head += ' \\fI%s\\fR' % escape(o['value'], True) if o.get('value') else ''
    return ['.TP', head, line(escape(' '.join(o['brief'].split())))]


def help_text(text):
    """--help of a command: paragraphs, and after 'Examples:' or where it is indented, as it is."""
    out = []
    for part in text.split('\n\n'):
        lines = part.split('\n')
        while lines and not lines[0].startswith('  '):
            n = next((i for i, x in enumerate(lines) if x.startswith('  ')), len(lines))
            out += ['.PP', paragraph(escape(' '.join(lines[:n])))]
            lines = lines[n:]
        n = next((i for i, x in enumerate(lines) if not x.startswith(' ')), len(lines))
        if lines:
            out += block([x[2:] for x in lines[:n]])
            if lines[n:]:
                out += ['.PP', paragraph(escape(' '.join(lines[n:])))]
    return out


def commands(tables):
    options = {o['name']: o for o in tables['options']}
    out = []
    for c in tables['commands']:
        out += ['.SS "%s"' % escape(' '.join(filter(None, ('swctl', c['path'], c.get('args')))), True),
                line(escape(c['brief'][0].upper() + c['brief'][1:] + '.'))]
        out += help_text(c['help']) if c.get('help') else []
        for name in c['options']:
            out += option(options[name])
    return out


def page(text, tables):
    out, skip = [], 0
    lines = text.split('\n')
    while lines:
        x = lines.pop(0)
        heading = re.match(r'(#+) (.*)', x)
        if heading and skip and len(heading.group(1)) <= skip:
            skip = 0
        if heading and lines[1:2] and '<!-- man: skip -->' in lines[:2]:
            skip = len(heading.group(1))
        if skip or not x.strip() or x.startswith('<!--') or x.startswith('# '):
            continue
        if heading:
            level = '.SH' if len(heading.group(1)) == 2 else '.SS'
            title = heading.group(2)
            out.append('%s "%s"' % (level, escape(title.upper() if level == '.SH' else title)))
        elif x == '@OPTIONS@':
            chosen = tables if isinstance(tables, list) else [
                o for o in tables['options'] if o['name'] in tables['common']]
            out += [y for o in chosen for y in option(o)]
        elif x == '@COMMANDS@':
            out += commands(tables)
        elif x.startswith('    '):
            code = [x[4:]]
            while lines and (lines[0].startswith('    ') or
                             (not lines[0].strip() and lines[1:2] and lines[1].startswith('    '))):
                code.append(lines.pop(0)[4:])
            out += block(code)
        elif x.startswith('|'):
            rows = [x]
            while lines and lines[0].startswith('|'):
                rows.append(lines.pop(0))
            out += table(rows)
        else:
            bullet = x.startswith('* ')
            text = [x[2:] if bullet else x]
            while lines and lines[0].strip() and not re.match(r'\* |\||#|@|    ', lines[0]):
                text.append(lines.pop(0).strip())
            out += ['.IP \\(bu 2' if bullet else '.PP', paragraph(inline(' '.join(text)))]
    if not out[0].startswith('.SH'):
        out.insert(0, '.SH DESCRIPTION')
    return [y for i, y in enumerate(out) if not (y == '.PP' and i and out[i - 1].startswith('.S'))]


def main():
    name, section, title, source = sys.argv[1:5]
    tables = None
    if len(sys.argv) > 5:
        tables = json.loads(subprocess.run([sys.argv[5], '__tables'], check=True,
                                           stdout=subprocess.PIPE).stdout)
    with open(source, encoding='utf-8') as f:
        text = f.read()
    print('.TH %s %s "" Fusuma Fusuma' % (name.upper().replace('-', '\\-'), section))
    print('.nh\n.ad l')
    print('.SH NAME\n%s \\- %s' % (escape(name, True), escape(title)))
    print('\n'.join(page(text, tables)))


main()
