/* The lean reader of YAML: blocks of "key: value" and "- item", { flow } and [ flow ], and scalars
 * that are plain or quoted without escapes and begin and end on one line.  What goes beyond that,
 * every error included, it leaves to libfyaml, which is ten times as slow; so each doubt ends in
 * giving up, and nothing here needs to explain itself to a person.
 *
 * One pass.  Text of nodes lies in a copy of the whole, where each ends with a NUL of its own. */
#include <config.h>

#include "acl/yaml_priv.h"

#include <errno.h>

#define GIVE_UP EINVAL
#define MAX_KEY 1000 /* YAML 1.2.2, 7.4.2: an implicit key has up to 1024 characters */

struct lean {
    struct acl_yaml_builder *b;
    const char *text, *p, *end;
    const char *line_start, *first; /* of its characters that is no space, once it is found */
    unsigned line;
    char *copy;
};

/* A scalar before it is known what it is. */
struct token {
    const char *start, *end; /* without quotes */
    unsigned column;
    bool quoted;
};

/* ---- characters ---- */

enum {
    FLOW = 1,   /* ends plain text within { } and [ ] */
    DOUBT = 2,  /* may end plain text anywhere, or is for libfyaml */
    SPECIAL = 4 /* begins no plain text, or not always */
};
static const uint8_t kinds[256] = {
    [0 ... 31] = DOUBT | SPECIAL,
    [127 ... 255] = DOUBT | SPECIAL,
    [':'] = DOUBT | SPECIAL,
    ['#'] = DOUBT | SPECIAL,
    [','] = FLOW | SPECIAL,
    ['['] = FLOW | SPECIAL,
    [']'] = FLOW | SPECIAL,
    ['{'] = FLOW | SPECIAL,
    ['}'] = FLOW | SPECIAL,
    ['-'] = SPECIAL,
    ['?'] = SPECIAL,
    ['&'] = SPECIAL,
    ['*'] = SPECIAL,
    ['!'] = SPECIAL,
    ['|'] = SPECIAL,
    ['>'] = SPECIAL,
    ['\''] = SPECIAL,
    ['"'] = SPECIAL,
    ['%'] = SPECIAL,
    ['@'] = SPECIAL,
    ['`'] = SPECIAL,
    [' '] = SPECIAL,
};

/* The character at 'p'; a newline behind the last one. */
static inline char
at(const struct lean *l, const char *p)
{
    return p < l->end ? *p : '\n';
}

static inline bool
is_blank(char c)
{
    return c == ' ' || c == '\n';
}

static inline unsigned
column_of(const struct lean *l, const char *p)
{
    return (unsigned) (p - l->line_start) + 1;
}

/* Where the present line puts its first character, from 0. */
static inline long
indent_of(const struct lean *l)
{
    return l->p - l->line_start;
}

static void
skip_spaces(struct lean *l)
{
    while (l->p < l->end && *l->p == ' ') {
        l->p++;
    }
}

/* To the end of the line, over a comment if there is one; false: something else is there. */
static bool
skip_rest(struct lean *l)
{
    skip_spaces(l);
    if (l->p < l->end && *l->p == '#' && (l->p == l->line_start || l->p[-1] == ' ')) {
        for (; l->p < l->end && *l->p != '\n'; l->p++) {
            if ((uint8_t) *l->p < ' ' || (uint8_t) *l->p > '~') {
                return false;
            }
        }
    }
    return l->p == l->end || *l->p == '\n';
}

/* To the next line that says something, unless that is where we are; false: give up. */
static bool
skip_lines(struct lean *l)
{
    if (l->p == l->first) {
        return true;
    }
    while (skip_rest(l)) {
        if (l->p == l->end) {
            return true;
        }
        l->line++;
        l->line_start = ++l->p;
        skip_spaces(l);
        if (l->p < l->end && *l->p != '\n' && *l->p != '#') {
            l->first = l->p;
            return true;
        }
    }
    return false;
}

/* ---- scalars ---- */

static int
scan_quoted(struct lean *l, struct token *t)
{
    char quote = *l->p++;

    t->quoted = true;
    t->start = l->p;
    while (l->p < l->end && *l->p != quote) {
        if ((uint8_t) *l->p < ' ' || (uint8_t) *l->p > '~' || (quote == '"' && *l->p == '\\')) {
            return GIVE_UP;
        }
        l->p++;
    }
    t->end = l->p;
    if (l->p == l->end || at(l, ++l->p) == quote) {
        return GIVE_UP;
    }
    return 0;
}

/* Up to ": ", " #", the end of the line and, in a flow, its punctuation; spaces at the end are none
 * of it. */
static int
scan_plain(struct lean *l, bool flow, struct token *t)
{
    uint8_t stop = flow ? FLOW | DOUBT : DOUBT;
    const char *p = l->p;

    if (kinds[(uint8_t) *p] & SPECIAL) {
        return GIVE_UP;
    }
    t->quoted = false;
    t->start = p;
    for (; p < l->end; p++) {
        if (!(kinds[(uint8_t) *p] & stop)) {
            continue;
        }
        if (*p == ':') {
            char next = at(l, p + 1);

            if (!is_blank(next) && !(flow && kinds[(uint8_t) next] & FLOW)) {
                continue;
            }
        } else if (*p == '#') {
            if (p[-1] != ' ') {
                continue;
            }
        } else if (*p != '\n' && !(kinds[(uint8_t) *p] & FLOW)) {
            return GIVE_UP;
        }
        break;
    }
    l->p = p;
    while (p[-1] == ' ') {
        p--;
    }
    t->end = p;
    return 0;
}

static int
scan_scalar(struct lean *l, bool flow, struct token *t)
{
    t->column = column_of(l, l->p);
    return *l->p == '"' || *l->p == '\'' ? scan_quoted(l, t) : scan_plain(l, flow, t);
}

static int
add_scalar(struct lean *l, const struct token *t)
{
    char *text = l->copy + (t->start - l->text);

    text[t->end - t->start] = '\0';
    return acl_yaml_scalar(l->b, text, l->line, t->column);
}

/* Whether a scalar that has been scanned is a key: ':' follows at once, and then a space or the end
 * of the line. */
static bool
is_key(const struct lean *l, const struct token *t)
{
    return at(l, l->p) == ':' && is_blank(at(l, l->p + 1)) && l->p < l->end &&
           (t->quoted || t->end == l->p) && t->end - t->start <= MAX_KEY;
}

/* ---- flows ---- */

/* Over spaces, comments and line ends; what follows stands deeper than the block around it. */
static int
skip_in_flow(struct lean *l, long around)
{
    unsigned line = l->line;

    skip_spaces(l);
    if (l->p < l->end && *l->p != '\n' && *l->p != '#') {
        return 0;
    }
    if (!skip_lines(l) || l->p == l->end || (l->line != line && indent_of(l) <= around)) {
        return GIVE_UP;
    }
    return 0;
}

static int read_flow(struct lean *, long around);

static int
read_flow_value(struct lean *l, long around)
{
    struct token t;
    int rc;

    if (*l->p == '{' || *l->p == '[') {
        return read_flow(l, around);
    }
    rc = scan_scalar(l, true, &t);
    return rc ? rc : add_scalar(l, &t);
}

/* "key:" and what leads to its value. */
static int
read_flow_key(struct lean *l, long around)
{
    struct token t;
    int rc = scan_scalar(l, true, &t);

    if (rc || !is_key(l, &t)) {
        return rc ? rc : GIVE_UP;
    }
    rc = add_scalar(l, &t);
    l->p++;
    return rc ? rc : skip_in_flow(l, around);
}

/* As deep as the builder lets it be. */
static int
read_flow(struct lean *l, long around)
{
    bool map = *l->p == '{';
    char close = map ? '}' : ']';
    int rc = acl_yaml_open(l->b, map ? ACL_YAML_MAPPING : ACL_YAML_SEQUENCE, l->line,
                           column_of(l, l->p));

    l->p++;
    rc = rc ? rc : skip_in_flow(l, around);
    if (!rc && *l->p == close) {
        l->p++;
        return acl_yaml_close(l->b);
    }
    while (!rc) {
        rc = map ? read_flow_key(l, around) : 0;
        rc = rc ? rc : read_flow_value(l, around);
        rc = rc ? rc : skip_in_flow(l, around);
        if (!rc && *l->p == close) {
            l->p++;
            return acl_yaml_close(l->b);
        }
        if (!rc && *l->p != ',') {
            rc = GIVE_UP;
        }
        l->p += !rc;
        rc = rc ? rc : skip_in_flow(l, around);
    }
    return rc;
}

/* ---- blocks ---- */

static int read_block(struct lean *, long around);
static int read_sequence(struct lean *, long indent);

static bool
at_item(const struct lean *l)
{
    return at(l, l->p) == '-' && at(l, l->p + 1) == ' ';
}

/* What stands behind "key:". */
static int
read_value(struct lean *l, long indent)
{
    struct token t;
    int rc;

    skip_spaces(l);
    if (l->p < l->end && *l->p != '\n' && *l->p != '#') {
        if (*l->p == '{' || *l->p == '[') {
            return read_flow(l, indent);
        }
        rc = scan_scalar(l, false, &t);
        return rc ? rc : add_scalar(l, &t);
    }
    if (!skip_lines(l) || l->p == l->end) {
        return GIVE_UP;
    }
    if (indent_of(l) == indent && at_item(l)) {
        return read_sequence(l, indent); /* it may stand where its key does */
    }
    return indent_of(l) > indent ? read_block(l, indent) : GIVE_UP;
}

/* From behind the first key, whose token it is. */
static int
read_mapping(struct lean *l, long indent, struct token *key)
{
    int rc = acl_yaml_open(l->b, ACL_YAML_MAPPING, l->line, key->column);

    while (!rc) {
        rc = add_scalar(l, key);
        l->p++;
        rc = rc ? rc : read_value(l, indent);
        if (rc || !skip_lines(l)) {
            return rc ? rc : GIVE_UP;
        }
        if (l->p == l->end || indent_of(l) < indent) {
            return acl_yaml_close(l->b);
        }
        rc = indent_of(l) == indent ? scan_scalar(l, false, key) : GIVE_UP;
        rc = rc || is_key(l, key) ? rc : GIVE_UP;
    }
    return rc;
}

/* ---- items that are known ---- */

#define LOOK_AHEAD 8 /* items that may have been taken out before one that is known again */

static bool
is_same_line(const struct lean *l, const struct acl_item *item)
{
    return item->size <= (size_t) (l->end - l->p) &&
           !memcmp(l->p, l->b->known->text + item->offset, item->size);
}

/* Which of the known items begins here; as many as there are when it is not known. */
static size_t
find_known(const struct lean *l)
{
    const struct acl_yaml_known *known = l->b->known;
    size_t first = l->b->next_known;

    for (size_t i = first; i < known->n && i < first + LOOK_AHEAD; i++) {
        if (is_same_line(l, &known->items[i])) {
            return i;
        }
    }
    return known->n;
}

/* Notes how long the item is that has just been read, if its line says nothing else. */
static void
note_size(struct lean *l, const char *start)
{
    const char *end = memchr(l->p, '\n', (size_t) (l->end - l->p));

    if (end && end - start < 1 << 24) {
        struct acl_yaml *item = acl_yaml_last(l->b);

        item->text = (char *) (uintptr_t) start;
        item->size = (unsigned) (end - start) + 1;
    }
}

static int
read_known_item(struct lean *l, long indent)
{
    const struct acl_yaml_known *known = l->b->known;
    size_t which = find_known(l);
    const char *start = l->p;
    unsigned line = l->line;
    int rc;

    if (which < known->n) {
        rc = acl_yaml_add_known(l->b, known->first + which, line, column_of(l, start));
        l->b->next_known = which + 1;
        l->p += known->items[which].size - 1;
    } else {
        rc = read_flow(l, indent);
    }
    if (!rc && l->line == line) {
        note_size(l, start);
    }
    return rc;
}

static int
read_item(struct lean *l, long indent)
{
    return l->b->known && *l->p == '{' ? read_known_item(l, indent) : read_block(l, indent);
}

static int
read_sequence(struct lean *l, long indent)
{
    int rc = acl_yaml_open(l->b, ACL_YAML_SEQUENCE, l->line, column_of(l, l->p));

    while (!rc) {
        l->p++;
        skip_spaces(l);
        rc = l->p < l->end && !at_item(l) && *l->p != '\n' && *l->p != '#' ? read_item(l, indent)
                                                                           : GIVE_UP;
        if (rc || !skip_lines(l)) {
            return rc ? rc : GIVE_UP;
        }
        if (l->p == l->end || indent_of(l) < indent || (indent_of(l) == indent && !at_item(l))) {
            return acl_yaml_close(l->b);
        }
        rc = indent_of(l) == indent ? 0 : GIVE_UP;
    }
    return rc;
}

/* A node that begins here, within a block of indentation 'around'. */
static int
read_block(struct lean *l, long around)
{
    long indent = indent_of(l);
    struct token t;
    int rc;

    if (*l->p == '{' || *l->p == '[') {
        return read_flow(l, around);
    }
    if (at_item(l)) {
        return read_sequence(l, indent);
    }
    rc = scan_scalar(l, false, &t);
    if (rc) {
        return rc;
    }
    return is_key(l, &t) ? read_mapping(l, indent, &t) : add_scalar(l, &t);
}

int
acl_yaml_read_lean(struct acl_yaml_builder *b, const char *text, size_t len)
{
    struct lean l = {
        .b = b, .text = text, .p = text, .end = text + len, .line_start = text, .line = 1
    };
    int rc;

    l.copy = acl_yaml_keep(b, len + 1);
    if (!l.copy) {
        return ENOMEM;
    }
    memcpy(l.copy, text, len);
    skip_spaces(&l);
    if ((l.p == l.end || *l.p == '\n' || *l.p == '#') && !skip_lines(&l)) {
        return GIVE_UP;
    }
    if (l.p == l.end || indent_of(&l)) {
        return GIVE_UP;
    }
    rc = read_block(&l, -1);
    if (!rc && (!skip_lines(&l) || l.p < l.end)) {
        rc = GIVE_UP;
    }
    return rc;
}
