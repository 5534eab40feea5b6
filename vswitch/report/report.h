/* Incident reports, made from their message alone: no state, no clock, no file.  Any thread.
 *
 * A report is UTF-8 that ends with a newline, and names its own SHA-256: the last line has the 64
 * hex digits of the digest of all that stands before it.
 *
 * What people and guests have named is hostile: it is escaped for the format, and characters that
 * print nothing, or turn the text around, are shown by number, "[U+202E]". */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H 1

#include <stdbool.h>

#include "fusuma/v1/incident.pb-c.h"

enum report_language { REPORT_ENGLISH, REPORT_JAPANESE, N_REPORT_LANGUAGES };

#define REPORT_DIGEST_LEN 64

/* "en" (also when empty) or "ja".  False: none of them. */
bool report_language_from_name(const char *name, enum report_language *);

/* The caller's to free. */
char *report_html(const Fusuma__V1__IncidentReport *, enum report_language);
char *report_markdown(const Fusuma__V1__IncidentReport *, enum report_language);
/* {"report": the message, "sha256": its digest}. */
char *report_json(const Fusuma__V1__IncidentReport *);

/* What the switch says by itself, in one sentence without its full stop; "" where that is nothing
 * that this version knows.  The caller frees it. */
char *report_grounds(const Fusuma__V1__IncidentGrounds *, enum report_language);
/* ... of a port that it cut off for an incident. */
char *report_cut_off(uint64_t incident, const char *grounds, enum report_language);

/* What GetIncidentReport answers.  NULL: the request's format or language is none, and '*error'
 * (the caller frees it) says so. */
Fusuma__V1__GetIncidentReportResponse *report_answer(const Fusuma__V1__IncidentReport *,
                                                     const Fusuma__V1__GetIncidentReportRequest *,
                                                     char **error);

/* The keys for other products' logs, from the incident and its flows ('pivot' of the report is not
 * looked at).  Of a target that has more services than are listed, those that are.  Like the answer
 * above, it goes by protobuf_c_message_free_unpacked(). */
Fusuma__V1__PivotIncidentResponse *report_pivot(const Fusuma__V1__IncidentReport *);

/* The digest that 'text' names, and whether it is that of 'text'. */
bool report_digest(const char *text, char digest[REPORT_DIGEST_LEN + 1]);

#endif
