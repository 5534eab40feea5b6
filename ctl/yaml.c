#include <config.h>

#include "ctl/yaml.h"

#include <string.h>
#include <strings.h>
#include <wchar.h>

#include "ctl/output.h"

/* YAML 1.1 has a truth value in each of these, YAML 1.2 in some. */
static bool
is_reserved(const char *text)
{
    static const char *const words[] = { "true", "false", "yes", "no",   "on",
                                         "off",  "y",     "n",   "null", NULL };

    for (const char *const *word = words; *word; word++) {
        if (!strcasecmp(text, *word)) {
            return true;
        }
    }
    return false;
}

/* A letter first: no number, date or indicator begins with one. */
static bool
is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";

    return text[0] && strchr(letters, text[0]) && !text[strspn(text, more)] && !is_reserved(text);
}

/* What must not stand as it is between quotes: C0 and C1 controls, line and paragraph separators,
 * marks that set text right to left, and what YAML calls not printable. */
static bool
must_escape(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           c == 0xfffe || c == 0xffff || output_turns_text(c);
}

static void
put_quoted(const char *text, FILE *f)
{
    mbstate_t state = { 0 };

    putc('"', f);
    while (*text) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, strlen(text), &state);

        if (n == (size_t) -1 || n == (size_t) -2) { /* not UTF-8, which nothing here is */
            break;
        }
        if (c == '"' || c == '\\') {
            fprintf(f, "\\%c", (char) c);
        } else if (must_escape(c)) {
            fprintf(f, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned) c);
        } else {
            fwrite(text, 1, n, f);
        }
        text += n;
    }
    putc('"', f);
}

static void
put_string(const char *text, FILE *f)
{
    if (is_plain(text)) {
        fputs(text, f);
    } else {
        put_quoted(text, f);
    }
}

static void
put_scalar(const json_t *value, FILE *f)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        put_string(json_string_value(value), f);
        break;
    case JSON_OBJECT:
        fputs("{}", f);
        break;
    case JSON_ARRAY:
        fputs("[]", f);
        break;
    default: /* numbers, true, false and null are the same in both */
        json_dumpf(value, f, JSON_ENCODE_ANY);
        break;
    }
    putc('\n', f);
}

static bool
has_children(const json_t *value)
{
    return json_object_size(value) || json_array_size(value);
}

static void put_children(const json_t *, unsigned depth, bool inline_first, FILE *);

/* What comes after "key:" or "-". */
static void
put_value(const json_t *value, unsigned depth, bool in_sequence, FILE *f)
{
    if (!has_children(value)) {
        putc(' ', f);
        put_scalar(value, f);
    } else if (in_sequence) {
        putc(' ', f);
        put_children(value, depth, true, f);
    } else {
        putc('\n', f);
        put_children(value, depth, false, f);
    }
}

static void
indent(unsigned depth, FILE *f)
{
    fprintf(f, "%*s", (int) (2 * depth), "");
}

/* 'inline_first': the first one goes on a line that has been begun.  Objects are no deeper than the
 * messages of the API are. */
static void
put_children(const json_t *value, unsigned depth, bool inline_first, FILE *f)
{
    const char *key;
    json_t *child;
    size_t i;

    json_array_foreach(value, i, child)
    {
        if (i || !inline_first) {
            indent(depth, f);
        }
        putc('-', f);
        put_value(child, depth + 1, true, f);
    }
    json_object_foreach((json_t *) value, key, child)
    {
        if (!inline_first) {
            indent(depth, f);
        }
        inline_first = false;
        put_string(key, f);
        putc(':', f);
        put_value(child, depth + 1, false, f);
    }
}

void
yaml_dump(const json_t *value, FILE *f)
{
    if (has_children(value)) {
        put_children(value, 0, false, f);
    } else {
        put_scalar(value, f);
    }
}
