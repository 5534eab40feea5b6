/* Text of a report: cleaning, escaping, numbers and times. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "openvswitch/dynamic-string.h"

/* Appends 'text' cleaned, and never a newline: what prints nothing or turns text around is shown by
 * number, and so is a byte that is not UTF-8.  NULL is nothing. */
void put_clean(struct ds *, const char *text);
/* Cleaned, and escaped for HTML's text and attributes. */
void put_html(struct ds *, const char *text);
/* ... and for Markdown, tables included. */
void put_markdown(struct ds *, const char *text);
/* Cleaned, cut to so many columns with "…" where it is longer, and escaped for SVG.  Returns the
 * columns that it takes: wide characters are two. */
int put_svg(struct ds *, const char *text, int columns);

/* "1,234,567"; "1.4 MB".  The caller frees these and what is below. */
char *number_text(uint64_t);
char *bytes_text(uint64_t);

/* Nanoseconds of Unix time, from 1970 to 2099; 0 for none, and for what is outside of that. */
int64_t time_ns(const Google__Protobuf__Timestamp *);
/* UTC.  "2026-11-24 10:02:11", "10:02:11", "2026-11-24"; "" for none. */
char *stamp_text(const Google__Protobuf__Timestamp *);
char *clock_text(const Google__Protobuf__Timestamp *);
char *date_text(const Google__Protobuf__Timestamp *);
/* "2026-11-24 10:02:11.123". */
char *exact_text(const Google__Protobuf__Timestamp *);
bool same_day(const Google__Protobuf__Timestamp *, const Google__Protobuf__Timestamp *);

/* "a, b, c", of at most 'max' of them.  Not cleaned. */
char *list_text(char *const *words, size_t n, size_t max);

#endif
