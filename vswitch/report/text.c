#include <config.h>

#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

#define NS_PER_S INT64_C(1000000000)

/* ---- characters ---- */

/* The character that 'p' begins with, and its length in bytes; 0 and 1 when that is no UTF-8
 * (RFC 3629: nothing overlong, no surrogates). */
static uint32_t
next_character(const unsigned char *p, size_t *n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : 4;
    uint32_t c = *p & (length == 1 ? 0x7f : 0x7f >> length);

    *n = 1;
    if (length == 1) {
        return *p;
    } else if (*p < 0xc2 || *p > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[length] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        return 0;
    }
    *n = length;
    return c;
}

/* Controls, marks of direction, separators, joiners, tags and variation selectors: what a reader
 * does not see, or what makes one line read as another. */
static bool
is_unseen(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        { 0x00, 0x1f },     { 0x7f, 0x9f },        { 0xad, 0xad },     { 0x34f, 0x34f },
        { 0x61c, 0x61c },   { 0x115f, 0x1160 },    { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
        { 0x200b, 0x200f }, { 0x2028, 0x202e },    { 0x2060, 0x206f }, { 0x3164, 0x3164 },
        { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },    { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
        { 0xe000, 0xf8ff }, { 0xe0000, 0x10ffff },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return (c & 0xfffe) == 0xfffe;
}

/* Columns on paper: those of East Asia are twice as wide, marks that combine take none. */
static int
columns_of(uint32_t c)
{
    if (c >= 0x300 && c < 0x370) {
        return 0;
    }
    return (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xd7a4) ||
                   (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) ||
                   (c >= 0xff00 && c < 0xff61) || c >= 0x1f300
               ? 2
               : 1;
}

/* Puts the character at 'p' cleaned into 'piece', and returns its columns. */
static int
clean_character(const char *p, size_t *n, char piece[16])
{
    uint32_t c = next_character((const unsigned char *) p, n);

    if (!c) {
        snprintf(piece, 16, "[0x%02X]", (unsigned char) *p);
    } else if (is_unseen(c)) {
        snprintf(piece, 16, "[U+%04" PRIX32 "]", c);
    } else {
        memcpy(piece, p, *n);
        piece[*n] = '\0';
        return columns_of(c);
    }
    return (int) strlen(piece);
}

/* What HTML's text and attributes have for 'c', or NULL. */
static const char *
entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void
put_piece_html(struct ds *s, const char *piece)
{
    const char *name = entity(piece[0]);

    ds_put_cstr(s, name ? name : piece);
}

static void
put_with(struct ds *s, const char *text, void (*put)(struct ds *, const char *piece))
{
    char piece[16];
    size_t n;

    for (; text && *text; text += n) {
        clean_character(text, &n, piece);
        put(s, piece);
    }
}

static void
put_piece(struct ds *s, const char *piece)
{
    ds_put_cstr(s, piece);
}

void
put_clean(struct ds *s, const char *text)
{
    put_with(s, text, put_piece);
}

void
put_html(struct ds *s, const char *text)
{
    put_with(s, text, put_piece_html);
}

/* What Markdown could read as its own: HTML, tables, links, and what some dialects make links of.
 */
static bool
is_markdown(const char *text)
{
    return strchr("\\`*_{}[]<>#|~&!$@", *text) || !strncmp(text, "://", 3) ||
           !strncasecmp(text, "www.", 4);
}

void
put_markdown(struct ds *s, const char *text)
{
    char piece[16];
    size_t n;

    for (; text && *text; text += n) {
        clean_character(text, &n, piece);
        if (piece[1] ? piece[0] != '[' : !is_markdown(text)) {
            ds_put_cstr(s, piece);
        } else if (piece[1]) {
            ds_put_format(s, "&#91;%.*s&#93;", (int) strlen(piece) - 2, piece + 1);
        } else {
            ds_put_format(s, "&#%d;", piece[0]); /* the one escape that every dialect has */
        }
    }
}

static int
width_of(const char *text)
{
    char piece[16];
    int width = 0;
    size_t n;

    for (; *text; text += n) {
        width += clean_character(text, &n, piece);
    }
    return width;
}

int
put_svg(struct ds *s, const char *text, int columns)
{
    bool whole = width_of(text) <= columns;
    int used = 0;
    char piece[16];
    size_t n;

    for (; *text; text += n) {
        int width = clean_character(text, &n, piece);

        if (!whole && used + width > columns - 1) {
            ds_put_cstr(s, "…");
            return used + 1;
        }
        put_piece_html(s, piece);
        used += width;
    }
    return used;
}

/* ---- numbers ---- */

char *
number_text(uint64_t number)
{
    char *digits = xasprintf("%" PRIu64, number);
    size_t n = strlen(digits);
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) {
            ds_put_char(&s, ',');
        }
        ds_put_char(&s, digits[i]);
    }
    free(digits);
    return ds_steal_cstr(&s);
}

char *
bytes_text(uint64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    double value = (double) bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        return xasprintf("%" PRIu64 " B", bytes);
    }
    while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1000;
        unit++;
    }
    return xasprintf(value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* ---- times ---- */

int64_t
time_ns(const Google__Protobuf__Timestamp *t)
{
    /* Before 2100: what is outside is nonsense, and the sum of two such times must fit. */
    return t && t->seconds >= 0 && t->seconds < INT64_C(4102444800) && t->nanos >= 0 &&
                   t->nanos < NS_PER_S
               ? t->seconds * NS_PER_S + t->nanos
               : 0;
}

static char *
format_time(const Google__Protobuf__Timestamp *t, const char *format)
{
    time_t seconds = t ? (time_t) t->seconds : 0;
    char text[64];
    struct tm tm;

    if (!time_ns(t) || !gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, format, &tm)) {
        return xstrdup("");
    }
    return xstrdup(text);
}

char *
stamp_text(const Google__Protobuf__Timestamp *t)
{
    return format_time(t, "%Y-%m-%d %H:%M:%S");
}

char *
clock_text(const Google__Protobuf__Timestamp *t)
{
    return format_time(t, "%H:%M:%S");
}

char *
date_text(const Google__Protobuf__Timestamp *t)
{
    return format_time(t, "%Y-%m-%d");
}

char *
exact_text(const Google__Protobuf__Timestamp *t)
{
    char *whole = stamp_text(t), *text;

    if (!whole[0]) {
        return whole;
    }
    text = xasprintf("%s.%03d", whole, abs(t->nanos / 1000000) % 1000);
    free(whole);
    return text;
}

bool
same_day(const Google__Protobuf__Timestamp *a, const Google__Protobuf__Timestamp *b)
{
    char *x = date_text(a), *y = date_text(b);
    bool same = !strcmp(x, y);

    free(x);
    free(y);
    return same;
}

char *
list_text(char *const *words, size_t n, size_t max)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "");
    for (size_t i = 0; i < MIN(n, max); i++) {
        ds_put_format(&s, "%s%s", i ? ", " : "", words[i]);
    }
    return ds_steal_cstr(&s);
}
