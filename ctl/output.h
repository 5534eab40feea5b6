/* Printing: tables, fields and JSON.
 *
 * Text from the switch is cleaned on its way to the terminal: a user's name must not carry an
 * escape sequence. */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "openvswitch/dynamic-string.h"
#include "svec.h"

enum output_format {
    OUTPUT_TABLE,
    OUTPUT_WIDE,
    OUTPUT_JSON,
    OUTPUT_YAML,
    /* Of commands that say so (commands.h). */
    OUTPUT_HTML,
    OUTPUT_MARKDOWN,
    OUTPUT_CSV,
    OUTPUT_N_FORMATS
};
#define OUTPUT_FORMATS "table wide json yaml"                   /* of most commands */
extern const char *const output_format_names[OUTPUT_N_FORMATS]; /* "table" */
/* Once, before anything is printed.  Without it: OUTPUT_TABLE. */
void output_set_format(enum output_format);
enum output_format output_format(void);

/* As JSON, by its standard mapping, or the same object as YAML; 'event' is one of many: its JSON is
 * on one line.  YAML documents are set apart. */
void output_message(const ProtobufCMessage *);
void output_event(const ProtobufCMessage *);
void output_value(const json_t *);
void output_value_line(const json_t *);

/* Unicode's marks that set text right to left: they could make a line read as another. */
bool output_turns_text(wchar_t);

/* Hands what was printed to the system.  False when that failed, which it says on standard error,
 * once. */
bool output_flush(void);

/* Appends 'text' ("-" when it is empty), cleaned, padded to 'width' columns: to the right of the
 * text, or to its left when 'width' is negative. */
void output_pad(struct ds *, const char *text, int width);
/* "Name:   value", one line. */
void output_field(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* printf() of cleaned text. */
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A table whose columns are as wide as they need be. */
struct columns {
    struct svec headings; /* a leading '>' sets the column flush right; '+' before that: only with
                             OUTPUT_WIDE is it printed */
    struct svec cells;    /* row by row */
};
/* 'headings' is separated by spaces: "NAME ROLE >PACKETS +>ID". */
void columns_init(struct columns *, const char *headings);
void columns_text(struct columns *, const char *cell);
void columns_number(struct columns *, uint64_t);
void columns_format(struct columns *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Frees a table that is not to be printed. */
void columns_destroy(struct columns *);
/* Prints the table, headings only if there are no rows, and frees it. */
void columns_print(struct columns *);

/* "a, b, c", or "" for none.  The caller's to free. */
char *output_list(char *const *words, size_t n);
/* "10.0.0.7:445", "[fd00::7]:445", or the address alone for protocols without ports.  Likewise. */
char *output_endpoint(const char *address, uint32_t protocol, uint32_t port);
/* "tcp"; protocols without a name here by number.  Likewise. */
char *output_protocol(uint32_t protocol);

#endif
