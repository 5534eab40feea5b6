/* The sentences of a report. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "report/facts.h"
#include "report/text.h"
#include "util.h"

char *
say_title(const struct facts *f)
{
    char *id = xasprintf("%" PRIu64, f->incident->id);
    char *title = phrase(f->language, W_TITLE, id);

    free(id);
    return title;
}

char *
say_made_by(const struct facts *f)
{
    const Fusuma__V1__IncidentReport *r = f->report;
    char *made = stamp_text(r->made);
    char *text = phrase(f->language, W_MADE_BY, r->switch_name[0] ? r->switch_name : "?",
                        made[0] ? made : "?", r->version[0] ? r->version : "?");

    free(made);
    return text;
}

#define MAX_SERVICES 64
#define SERVICES_LENGTH 44 /* of a list in a sentence */

/* ---- who tried to reach whom, by what, when ---- */

static char *
say_who(const struct facts *f)
{
    const Fusuma__V1__Incident *i = f->incident;
    const char *port = i->port[0] ? i->port : "?";

    if (!i->user[0]) {
        return phrase(f->language, W_WHO_PORT, port);
    }
    return phrase(f->language, i->n_sessions > 1 ? W_WHO_USERS : W_WHO_USER, port, i->user);
}

static char *
say_one_target(const struct facts *f, const Fusuma__V1__IncidentTarget *t)
{
    if (!t->port[0]) {
        return phrase(f->language, W_WHOM_ADDRESS, t->address);
    } else if (!t->user[0]) {
        return phrase(f->language, W_WHOM_DESKTOP, t->port, t->address);
    }
    return phrase(f->language, W_WHOM_DESKTOP_OF, t->port, t->address, t->user);
}

static char *
say_number(const struct facts *f, uint64_t n, enum word one, enum word many)
{
    char *number = facts_count(f, n, f->incident->n_targets - f->n_desktops);
    char *text = phrase(f->language, n == 1 ? one : many, number);

    free(number);
    return text;
}

static char *
say_whom(const struct facts *f)
{
    char *desktops, *others, *text;

    if (f->incident->n_targets == 1 && f->incident->distinct_targets <= 1) {
        return say_one_target(f, f->incident->targets[0]);
    } else if (!f->n_desktops && !f->n_others) {
        return phrase(f->language, W_WHOM_NOBODY);
    }
    /* Those that are listed were counted one by one. */
    desktops = number_text(f->n_desktops);
    text = phrase(f->language, f->n_desktops == 1 ? W_DESKTOPS_ONE : W_DESKTOPS, desktops);
    free(desktops);
    others = say_number(f, f->n_others, W_ADDRESSES_ONE, W_ADDRESSES);
    if (!f->n_others) {
        free(others);
        return text;
    } else if (!f->n_desktops) {
        free(text);
        return others;
    }
    desktops = text;
    text = phrase(f->language, W_WHOM_BOTH, desktops, others);
    free(desktops);
    free(others);
    return text;
}

static char *
say_services(const struct facts *f)
{
    const Fusuma__V1__Incident *i = f->incident;
    uint64_t n = MAX(i->distinct_services, i->n_services);
    char *names[MAX_SERVICES];
    size_t listed = MIN(i->n_services, MAX_SERVICES), left_out;
    char *list, *number, *text;

    if (!listed) {
        return phrase(f->language, W_BY_NOTHING);
    }
    for (size_t k = 0; k < listed; k++) {
        names[k] = i->services[k]->service;
    }
    list = telling_services(names, listed, SERVICES_LENGTH, &left_out);
    number = facts_count(f, n, i->n_services);
    text = n == listed && !left_out ? phrase(f->language, W_BY_SERVICES, list)
                                    : phrase(f->language, W_BY_MANY, number, list);
    free(number);
    free(list);
    return text;
}

static char *
say_when(const struct facts *f)
{
    char *date = date_text(f->incident->first_seen);
    char *from =
        f->own_day ? clock_text(f->incident->first_seen) : stamp_text(f->incident->first_seen);
    char *to = f->own_day ? clock_text(f->incident->last_seen) : stamp_text(f->incident->last_seen);
    char *text = !f->own_day        ? phrase(f->language, W_FROM_TO, from, to)
                 : strcmp(from, to) ? phrase(f->language, W_BETWEEN, date, from, to)
                                    : phrase(f->language, W_AT, date, from);

    free(date);
    free(from);
    free(to);
    return text;
}

char *
say_summary(const struct facts *f)
{
    char *who = say_who(f), *whom = say_whom(f), *services = say_services(f), *when = say_when(f);
    char *text = phrase(f->language, W_TRIED, who, whom, services, when);

    free(who);
    free(whom);
    free(services);
    free(when);
    return text;
}

/* ---- what became of it ---- */

char *
say_verdict(const struct facts *f)
{
    char *packets = number_text(f->incident->packets);
    char *text = phrase(f->language,
                        f->audited                  ? W_AUDITED
                        : f->incident->packets == 1 ? W_DENIED_ONE
                                                    : W_DENIED,
                        packets);

    free(packets);
    return text;
}

static const Google__Protobuf__Timestamp *
last_action(const struct facts *f, Fusuma__V1__IncidentActionKind kind)
{
    for (size_t i = f->incident->n_actions; i-- > 0;) {
        if (f->incident->actions[i]->kind == kind) {
            return f->incident->actions[i]->time;
        }
    }
    return NULL;
}

static char *
say_quarantine(const struct facts *f)
{
    const Google__Protobuf__Timestamp *since =
        f->report->quarantine && f->report->quarantine->since
            ? f->report->quarantine->since
            : last_action(f, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_QUARANTINED);
    const Google__Protobuf__Timestamp *released =
        last_action(f, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_RELEASED);
    char *time = facts_time(f, f->incident->quarantined ? since : released), *text;

    if (f->incident->quarantined) {
        text = phrase(f->language, time[0] ? W_QUARANTINED_SINCE : W_QUARANTINED_NOW, time);
    } else {
        text = phrase(f->language, time[0] ? W_RELEASED_AT : W_NOT_QUARANTINED, time);
    }
    free(time);
    return text;
}

static char *
say_closed(const struct facts *f)
{
    const char *who = f->incident->closed_by;
    char *time, *text;

    if (!f->incident->closed) {
        return phrase(f->language, W_IS_OPEN);
    }
    who = strcmp(who, "switch") ? who : word(W_BY_ITSELF, f->language);
    time = facts_time(f, f->incident->closed_at);
    text = phrase(f->language, W_CLOSED_AT, time[0] ? time : "?", who[0] ? who : "?");
    free(time);
    return text;
}

char *
say_state(const struct facts *f)
{
    char *quarantine = say_quarantine(f), *closed = say_closed(f);
    char *text = xasprintf("%s%s%s", quarantine, word(W_SENTENCE_GAP, f->language), closed);

    free(quarantine);
    free(closed);
    return text;
}

/* ---- what succeeded ---- */

char *
say_flows(const struct facts *f)
{
    char *from = facts_time(f, f->report->flows_from), *to = facts_time(f, f->report->flows_to);
    char *number = number_text(f->connections), *bytes = bytes_text(f->bytes_out);
    char *connections =
        phrase(f->language, f->connections == 1 ? W_FLOWS_ONE : W_FLOWS_MANY, number);
    char *sum = phrase(f->language, f->report->n_flows ? W_FLOWS_SUM : W_FLOWS_NONE,
                       from[0] ? from : "?", to[0] ? to : "?", connections, bytes);
    char *text = sum;

    if (f->report->flows_truncated) {
        text = xasprintf("%s%s%s", sum, word(W_SENTENCE_GAP, f->language),
                         word(W_FLOWS_AT_LEAST, f->language));
        free(sum);
    }
    free(from);
    free(to);
    free(number);
    free(connections);
    free(bytes);
    return text;
}

char *
say_budget(const struct facts *f)
{
    const Fusuma__V1__FlowBudget *b = f->report->flow_budget;
    char *capacity, *held, *put_out, *lost, *oldest, *text, *more;

    if (!b) {
        return xstrdup("");
    }
    capacity = number_text(b->capacity);
    held = number_text(b->held);
    put_out = number_text(b->put_out);
    lost = number_text(b->lost);
    oldest = facts_time(f, b->oldest);
    text = phrase(f->language, W_FLOWS_BUDGET, capacity, held, put_out, lost);
    if (oldest[0]) {
        char *since = phrase(f->language, W_FLOWS_OLDEST, oldest);

        more = xasprintf("%s%s%s", text, word(W_SENTENCE_GAP, f->language), since);
        free(since);
        free(text);
        text = more;
    }
    free(capacity);
    free(held);
    free(put_out);
    free(lost);
    free(oldest);
    return text;
}

/* ---- what is missing ---- */

char *
say_unseen(const struct facts *f, const Fusuma__V1__Unseen *u)
{
    bool known = u->kind > FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_UNSPECIFIED &&
                 u->kind <= FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_TARGETS;
    char *count = u->count ? number_text(u->count) : xstrdup(word(W_UNSEEN_UNKNOWN, f->language));
    char *text =
        phrase(f->language, known ? W_UNSEEN_OTHER + (int) u->kind : W_UNSEEN_OTHER, count);

    free(count);
    return text;
}
