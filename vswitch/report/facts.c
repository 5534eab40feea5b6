#include <config.h>

#include "report/facts.h"

#include <stdlib.h>
#include <string.h>

#include "report/text.h"
#include "util.h"

static const Fusuma__V1__Incident no_incident = FUSUMA__V1__INCIDENT__INIT;

const char *
why_denied(const Fusuma__V1__DropRecord *r)
{
    return r->rule[0] && strcmp(r->reason, "would-drop") != 0 ? r->rule : r->reason;
}

const char *
source_of(const Fusuma__V1__DropRecord *r)
{
    return r->src_ip[0] ? r->src_ip : r->src_mac;
}

const char *
destination_of(const Fusuma__V1__DropRecord *r)
{
    return r->dst_ip[0] ? r->dst_ip : r->dst_mac;
}

/* Asking who has an address comes before most else, and says the least. */
static bool
is_preface(const char *service)
{
    return !strcmp(service, "arp") || !strcmp(service, "icmpv6/135");
}

char *
telling_services(char *const *services, size_t n, size_t max, size_t *left_out)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t shown = 0;

    ds_put_cstr(&s, "");
    for (int preface = 0; preface < 2; preface++) {
        for (size_t i = 0; i < n; i++) {
            bool fits = !shown || s.length + strlen(services[i]) + 2 <= max;

            if (is_preface(services[i]) == preface && fits) {
                ds_put_format(&s, "%s%s", shown++ ? ", " : "", services[i]);
            }
        }
    }
    *left_out = n - shown;
    return ds_steal_cstr(&s);
}

/* ---- tallies ---- */

static struct tally *
tally_find(struct tally **tallies, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++) {
        if (!strcmp((*tallies)[i].name, name)) {
            return &(*tallies)[i];
        }
    }
    *tallies = xrealloc(*tallies, (*n + 1) * sizeof **tallies);
    (*tallies)[*n] = (struct tally){ .name = name };
    return &(*tallies)[(*n)++];
}

static int
compare_tallies(const void *a_, const void *b_)
{
    const struct tally *a = a_, *b = b_;
    int targets = (a->targets < b->targets) - (a->targets > b->targets);
    int packets = (a->packets < b->packets) - (a->packets > b->packets);

    return targets ? targets : packets ? packets : strcmp(a->name, b->name);
}

static void
count_targets(struct facts *f)
{
    for (size_t i = 0; i < f->incident->n_targets; i++) {
        const Fusuma__V1__IncidentTarget *t = f->incident->targets[i];

        f->n_desktops += t->port[0] != '\0';
        for (size_t j = 0; j < t->n_rules; j++) {
            tally_find(&f->rules, &f->n_rules, t->rules[j])->targets++;
            f->audited = f->audited || !strcmp(t->rules[j], "would-drop");
        }
    }
    f->n_others = f->incident->distinct_targets > f->n_desktops
                      ? f->incident->distinct_targets - f->n_desktops
                      : 0;
}

static void
count_records(struct facts *f)
{
    for (size_t i = 0; i < f->report->n_records; i++) {
        const Fusuma__V1__DropRecord *r = f->report->records[i];
        const char *source = source_of(r);

        tally_find(&f->rules, &f->n_rules, why_denied(r))->packets += r->count;
        tally_find(&f->sources, &f->n_sources, source[0] ? source : "-")->packets += r->count;
        f->audited = f->audited || !strcmp(r->reason, "would-drop");
    }
}

static int
compare_flows(const void *a_, const void *b_)
{
    const Fusuma__V1__Flow *a = *(Fusuma__V1__Flow *const *) a_,
                           *b = *(Fusuma__V1__Flow *const *) b_;
    int bytes = (a->bytes_out < b->bytes_out) - (a->bytes_out > b->bytes_out);

    return bytes
               ? bytes
               : (time_ns(a->first) > time_ns(b->first)) - (time_ns(a->first) < time_ns(b->first));
}

static void
count_flows(struct facts *f)
{
    size_t n = f->report->n_flows;

    f->flows = xcalloc(n + 1, sizeof *f->flows);
    for (size_t i = 0; i < n; i++) {
        f->flows[i] = f->report->flows[i];
        f->connections += f->flows[i]->connections;
        f->bytes_out += f->flows[i]->bytes_out;
    }
    qsort(f->flows, n, sizeof *f->flows, compare_flows);
}

void
facts_init(struct facts *f, const Fusuma__V1__IncidentReport *report, enum report_language language)
{
    *f = (struct facts){ .report = report,
                         .incident = report->incident ? report->incident : &no_incident,
                         .language = language };
    f->own_day = same_day(f->incident->first_seen, f->incident->last_seen);
    count_targets(f);
    count_records(f);
    count_flows(f);
    if (f->n_rules) {
        qsort(f->rules, f->n_rules, sizeof *f->rules, compare_tallies);
    }
    if (f->n_sources) {
        qsort(f->sources, f->n_sources, sizeof *f->sources, compare_tallies);
    }
}

void
facts_destroy(struct facts *f)
{
    free(f->rules);
    free(f->sources);
    free(f->flows);
}

/* ---- times and counts ---- */

char *
facts_time(const struct facts *f, const Google__Protobuf__Timestamp *t)
{
    return same_day(t, f->incident->first_seen) ? clock_text(t) : stamp_text(t);
}

char *
facts_exact(const struct facts *f, const Google__Protobuf__Timestamp *t)
{
    char *text = exact_text(t);

    if (text[0] && same_day(t, f->incident->first_seen)) {
        memmove(text, text + strlen("2026-11-24 "), strlen(text) - strlen("2026-11-24 ") + 1);
    }
    return text;
}

char *
facts_count(const struct facts *f, uint64_t n, size_t listed)
{
    char *number = number_text(n), *text;

    if (!f->incident->estimated || n <= listed) {
        return number;
    }
    text = phrase(f->language, W_ABOUT, number);
    free(number);
    return text;
}

char *
facts_duration(const struct facts *f)
{
    int64_t ns = time_ns(f->incident->last_seen) - time_ns(f->incident->first_seen);
    long long s = MAX(ns, 0) / 1000000000;
    char *first, *second, *text;
    enum word w;

    if (s < 60) {
        w = W_SECONDS;
        first = xasprintf("%.1f", (double) MAX(ns, 0) / 1e9);
        second = xstrdup("");
    } else {
        long long unit = s < 3600 ? 60 : s < 48 * 3600LL ? 3600 : 86400;
        long long part = s < 3600 ? 1 : s < 48 * 3600LL ? 60 : 3600;

        w = s < 3600 ? W_MINUTES : s < 48 * 3600LL ? W_HOURS : W_DAYS;
        first = xasprintf("%lld", s / unit);
        second = xasprintf("%lld", s % unit / part);
    }
    text = phrase(f->language, w, first, second);
    free(first);
    free(second);
    return text;
}

/* ---- enums ---- */

enum word
kind_word(Fusuma__V1__IncidentKind kind)
{
    bool known = kind > FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_UNSPECIFIED &&
                 kind <= FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_FLOOD;

    return known ? W_UNKNOWN_KIND + (int) kind : W_UNKNOWN_KIND;
}

enum word
kind_means(Fusuma__V1__IncidentKind kind)
{
    enum word w = kind_word(kind);

    return w == W_UNKNOWN_KIND ? N_WORDS : W_PROBE_MEANS + (w - W_PROBE);
}

enum word
severity_word(Fusuma__V1__IncidentSeverity severity)
{
    bool known = severity > FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_UNSPECIFIED &&
                 severity <= FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_CRITICAL;

    return known ? W_UNGRADED + (int) severity : W_UNGRADED;
}

enum word
action_word(Fusuma__V1__IncidentActionKind kind)
{
    bool known = kind > FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_UNSPECIFIED &&
                 kind <= FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CAPTURE;

    return known ? W_ACT_OTHER + (int) kind : W_ACT_OTHER;
}
