#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/yaml.h"
#include "proto/json.h"
#include "util.h"

const char *const output_format_names[OUTPUT_N_FORMATS] = { "table", "wide", "json", "yaml",
                                                            "html",  "md",   "csv" };

static enum output_format format;

void
output_set_format(enum output_format wanted)
{
    format = wanted;
}

enum output_format
output_format(void)
{
    return format;
}

static void
print_value(const json_t *value, size_t flags)
{
    static bool again;

    if (format == OUTPUT_YAML) {
        if (again) {
            puts("---");
        }
        yaml_dump(value, stdout);
    } else {
        json_dumpf(value, stdout, flags);
        putchar('\n');
    }
    again = true;
}

static void
print_message(const ProtobufCMessage *message, size_t flags)
{
    json_t *json = proto_to_json(message);

    print_value(json, flags);
    json_decref(json);
}

void
output_message(const ProtobufCMessage *message)
{
    print_message(message, JSON_INDENT(2));
}

void
output_event(const ProtobufCMessage *message)
{
    print_message(message, JSON_COMPACT);
}

void
output_value(const json_t *value)
{
    print_value(value, JSON_INDENT(2));
}

void
output_value_line(const json_t *value)
{
    print_value(value, JSON_COMPACT);
}

bool
output_flush(void)
{
    static bool said;

    if (!fflush(stdout) && !ferror(stdout)) {
        return true;
    }
    if (!said) {
        ctl_error("cannot write: %s", strerror(errno));
        said = true;
    }
    return false;
}

bool
output_turns_text(wchar_t c)
{
    return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* Appends 'text', with '?' for what is no printing character, and returns how many columns it
 * takes. */
static int
put_clean(struct ds *s, const char *text)
{
    mbstate_t state = { 0 };
    int columns = 0;

    while (*text) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, strlen(text), &state);

        if (n == (size_t) -1 || n == (size_t) -2) {
            n = 1;
            c = L'\0';
            memset(&state, 0, sizeof state);
        }
        if (c && iswprint(c) && !output_turns_text(c)) {
            ds_put_buffer(s, text, n);
            columns += MAX(wcwidth(c), 0);
        } else {
            ds_put_char(s, '?');
            columns++;
        }
        text += n;
    }
    return columns;
}

void
output_pad(struct ds *s, const char *text, int width)
{
    struct ds clean = DS_EMPTY_INITIALIZER;
    int columns = put_clean(&clean, text[0] ? text : "-");
    int missing = MAX(abs(width) - columns, 0);

    if (width < 0) {
        ds_put_char_multiple(s, ' ', missing);
    }
    ds_put_cstr(s, ds_cstr(&clean));
    if (width > 0) {
        ds_put_char_multiple(s, ' ', missing);
    }
    ds_destroy(&clean);
}

/* Prints a line without the blanks at its end. */
static void
put_line(struct ds *line)
{
    ds_chomp(line, ' ');
    while (line->length && ds_last(line) == ' ') {
        ds_truncate(line, line->length - 1);
    }
    puts(ds_cstr(line));
}

void
output_field(const char *name, const char *format, ...)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    va_list args;
    char *value;

    va_start(args, format);
    value = xvasprintf(format, args);
    va_end(args);
    output_pad(&line, name, 16);
    ds_put_char(&line, ' ');
    output_pad(&line, value, 0);
    put_line(&line);
    free(value);
    ds_destroy(&line);
}

void
output_line(const char *format, ...)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    put_clean(&line, text);
    put_line(&line);
    free(text);
    ds_destroy(&line);
}

void
columns_init(struct columns *c, const char *headings)
{
    svec_init(&c->headings);
    svec_init(&c->cells);
    svec_parse_words(&c->headings, headings);
}

void
columns_text(struct columns *c, const char *cell)
{
    svec_add(&c->cells, cell);
}

void
columns_number(struct columns *c, uint64_t number)
{
    columns_format(c, "%" PRIu64, number);
}

void
columns_format(struct columns *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    svec_add_nocopy(&c->cells, xvasprintf(format, args));
    va_end(args);
}

static int
text_width(const char *text)
{
    struct ds clean = DS_EMPTY_INITIALIZER;
    int width = put_clean(&clean, text[0] ? text : "-");

    ds_destroy(&clean);
    return width;
}

/* What a heading says of its column. */
struct column {
    const char *name;
    bool right, hidden;
    int width; /* negative when it is flush right, as output_pad() has it */
};

static struct column
column_of(const char *heading)
{
    struct column column = { .hidden = heading[0] == '+' && format != OUTPUT_WIDE };

    heading += heading[0] == '+';
    column.right = heading[0] == '>';
    column.name = heading + column.right;
    return column;
}

/* The caller's to free. */
static struct column *
columns_measure(const struct columns *c)
{
    size_t n = c->headings.n;
    struct column *columns = xcalloc(n, sizeof *columns);

    for (size_t i = 0; i < n; i++) {
        int width;

        columns[i] = column_of(c->headings.names[i]);
        width = text_width(columns[i].name);
        for (size_t cell = i; cell < c->cells.n; cell += n) {
            width = MAX(width, text_width(c->cells.names[cell]));
        }
        columns[i].width = columns[i].right ? -width : width;
    }
    return columns;
}

void
columns_destroy(struct columns *c)
{
    svec_destroy(&c->headings);
    svec_destroy(&c->cells);
}

void
columns_print(struct columns *c)
{
    size_t n = c->headings.n;
    struct column *columns = columns_measure(c);
    struct ds line = DS_EMPTY_INITIALIZER;

    for (size_t first = 0; first < n + c->cells.n; first += n) {
        ds_clear(&line);
        for (size_t i = 0; i < n; i++) {
            if (!columns[i].hidden) {
                output_pad(&line, first ? c->cells.names[first - n + i] : columns[i].name,
                           columns[i].width);
                ds_put_cstr(&line, "  ");
            }
        }
        put_line(&line);
    }
    ds_destroy(&line);
    free(columns);
    columns_destroy(c);
}

char *
output_list(char *const *words, size_t n)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "");
    for (size_t i = 0; i < n; i++) {
        ds_put_format(&s, "%s%s", i ? ", " : "", words[i]);
    }
    return ds_steal_cstr(&s);
}

char *
output_endpoint(const char *address, uint32_t protocol, uint32_t port)
{
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
        return xstrdup(address);
    }
    return xasprintf(strchr(address, ':') ? "[%s]:%" PRIu32 : "%s:%" PRIu32, address, port);
}

char *
output_protocol(uint32_t protocol)
{
    switch (protocol) {
    case IPPROTO_ICMP:
        return xstrdup("icmp");
    case IPPROTO_TCP:
        return xstrdup("tcp");
    case IPPROTO_UDP:
        return xstrdup("udp");
    case IPPROTO_ICMPV6:
        return xstrdup("icmpv6");
    default:
        return xasprintf("%" PRIu32, protocol);
    }
}
