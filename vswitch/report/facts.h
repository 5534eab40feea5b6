/* What a report says that its message does not say outright. */
#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H 1

#include <stdbool.h>

#include "report/report.h"
#include "report/words.h"

/* Something counted by name, such as a rule or a source. */
struct tally {
    const char *name; /* of the message */
    uint64_t targets;
    uint64_t packets;
};

struct facts {
    const Fusuma__V1__IncidentReport *report;
    const Fusuma__V1__Incident *incident; /* never NULL */
    enum report_language language;

    size_t n_desktops; /* listed targets that are desktops of this switch */
    uint64_t n_others; /* distinct targets beside them */
    bool audited;      /* something was let through, in audit mode */
    bool own_day;      /* first and last attempt are of one day (UTC) */

    struct tally *rules; /* those of most targets first */
    size_t n_rules;
    struct tally *sources; /* those of most packets first */
    size_t n_sources;
    Fusuma__V1__Flow **flows;        /* those that sent most first; only the array is owned */
    uint64_t connections, bytes_out; /* of all flows */
};

/* The report must outlive the facts. */
void facts_init(struct facts *, const Fusuma__V1__IncidentReport *, enum report_language);
void facts_destroy(struct facts *);

/* The rule (or "default-egress") that denied it, or else the reason. */
const char *why_denied(const Fusuma__V1__DropRecord *);
/* Those that tell most first, as many as 'max' bytes have room for (one in any case), and how many
 * that leaves out.  The caller frees it. */
char *telling_services(char *const *services, size_t n, size_t max, size_t *left_out);
/* What is not IP has MAC addresses only. */
const char *source_of(const Fusuma__V1__DropRecord *);
const char *destination_of(const Fusuma__V1__DropRecord *);

/* "10:02:11", or with its date when that is not the day of the first attempt.  The caller frees
 * these and the sentences. */
char *facts_time(const struct facts *, const Google__Protobuf__Timestamp *);
/* ... to the millisecond. */
char *facts_exact(const struct facts *, const Google__Protobuf__Timestamp *);
/* "1,234", or "about 1,234" of what is estimated: more than are listed. */
char *facts_count(const struct facts *, uint64_t n, size_t listed);
/* "8.4 s", "3 min 20 s", "2 h 5 min": from the first attempt to the last. */
char *facts_duration(const struct facts *);

/* Sentences (sentences.c). */
char *say_title(const struct facts *);
char *say_made_by(const struct facts *);
char *say_summary(const struct facts *); /* who tried to reach whom, by what, when */
char *say_verdict(const struct facts *); /* whether it got through */
char *say_state(const struct facts *);   /* quarantine, open or closed */
char *say_flows(const struct facts *);
char *say_budget(const struct facts *); /* of the flow journal; "" when it is not known */
char *say_unseen(const struct facts *, const Fusuma__V1__Unseen *);

/* What the switch says by itself, in the report's language; what people wrote, as it is
 * (grounds.c). */
char *say_grounds(const struct facts *); /* why it is graded so; "" when it is not */
char *say_action(const struct facts *, const Fusuma__V1__IncidentAction *);
char *say_comment(const struct facts *, const char *comment); /* of the quarantine */

enum word kind_word(Fusuma__V1__IncidentKind);
/* N_WORDS when there is nothing to explain. */
enum word kind_means(Fusuma__V1__IncidentKind);
enum word severity_word(Fusuma__V1__IncidentSeverity);
enum word action_word(Fusuma__V1__IncidentActionKind);

#endif
