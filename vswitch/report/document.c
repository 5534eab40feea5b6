/* What a report says, in its order: first what one has to know, then all the rest. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/text.h"
#include "util.h"

/* Rows of a table; the JSON form has all. */
#define MAX_SERVICES 24
#define MAX_FLOWS 60
#define MAX_RECORDS 40
#define MAX_PEERS 24

#define TABLE(P, ...)                                                                              \
    do {                                                                                           \
        static const struct column columns_[] = { __VA_ARGS__ };                                   \
        table_begin(P, columns_, ARRAY_SIZE(columns_));                                            \
    } while (0)

static const char *
word_of(const struct page *p, enum word w)
{
    return word(w, p->facts->language);
}

static const char *
or_dash(const char *text)
{
    return text[0] ? text : "–";
}

/* Takes 'text'. */
static void
paragraph(struct page *p, char *text, bool aside)
{
    if (text[0]) {
        p->writer->paragraph(p, text, aside);
    }
    free(text);
}

/* ---- tables ---- */

static void
table_begin(struct page *p, const struct column *columns, size_t n)
{
    p->columns = columns;
    p->n_columns = n;
    p->at = 0;
    p->writer->table_begin(p);
}

static void
cell(struct page *p, const char *text)
{
    p->writer->cell(p, text);
    p->at = (p->at + 1) % p->n_columns;
}

/* Takes 'text'. */
static void
cell_of(struct page *p, char *text)
{
    cell(p, text);
    free(text);
}

/* Says how many rows there are beyond those that were shown. */
static void
table_end(struct page *p, uint64_t shown, uint64_t all)
{
    p->writer->table_end(p);
    if (all > shown) {
        char *more = number_text(all - shown);

        paragraph(p, phrase(p->facts->language, W_MORE_ROWS, more), true);
        free(more);
    }
}

/* ---- who it was ---- */

static char *
sessions_text(const struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t k = 0; k < i->n_sessions; k++) {
        char *id = xasprintf("%" PRIu64, i->sessions[k]->id);
        char *one = phrase(p->facts->language, W_SESSION, i->sessions[k]->user, id);

        ds_put_format(&s, "%s%s", k ? ", " : "", one);
        free(one);
        free(id);
    }
    return i->n_sessions ? ds_steal_cstr(&s) : xstrdup(word_of(p, W_NO_SESSION));
}

static const char *
who_text(const struct page *p, const char *who)
{
    return strcmp(who, "switch") ? who : word_of(p, W_BY_ITSELF);
}

static char *
quarantine_text(const struct page *p)
{
    const Fusuma__V1__QuarantineState *q = p->facts->report->quarantine;
    char *since, *comment, *text;

    if (!p->facts->incident->quarantined) {
        return xstrdup(word_of(p, W_NONE));
    } else if (!q) {
        return xstrdup(word_of(p, W_IN_QUARANTINE));
    }
    since = stamp_text(q->since);
    comment = say_comment(p->facts, q->comment);
    text = xasprintf("%s%s%s%s%s", since[0] ? since : word_of(p, W_IN_QUARANTINE),
                     q->who[0] ? ", " : "", who_text(p, q->who), comment[0] ? ": " : "", comment);
    free(since);
    free(comment);
    return text;
}

static void
suspect(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    char *addresses = list_text(i->addresses, i->n_addresses, SIZE_MAX);
    char *sessions = sessions_text(p), *quarantine = quarantine_text(p);

    p->writer->section(p, W_SUSPECT);
    p->writer->facts_begin(p);
    p->writer->fact(p, W_DESKTOP, or_dash(i->port));
    p->writer->fact(p, W_USER, i->user[0] ? i->user : word_of(p, W_NOT_KNOWN));
    p->writer->fact(p, W_SESSIONS, sessions);
    p->writer->fact(p, W_ADDRESSES_OF, or_dash(addresses));
    p->writer->fact(p, W_MAC, or_dash(i->mac));
    if (i->vm_id[0]) {
        p->writer->fact(p, W_VM, i->vm_id);
    }
    p->writer->fact(p, W_QUARANTINE, quarantine);
    p->writer->facts_end(p);
    if (i->n_sessions > 1) {
        p->writer->paragraph(p, word_of(p, W_CANDIDATES), false);
    }
    free(addresses);
    free(sessions);
    free(quarantine);
}

/* ---- when ---- */

static void
actions(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;

    p->writer->heading(p, W_RESPONSE);
    if (!i->n_actions) {
        p->writer->paragraph(p, word_of(p, W_NO_RESPONSE), false);
        return;
    }
    TABLE(p, { W_COUNT_NUMBER, COLUMN_NUMBER }, { W_TIME, COLUMN_TIME }, { W_WHAT, COLUMN_LABEL },
          { W_WHO, COLUMN_LABEL }, { W_TEXT, COLUMN_TEXT });
    for (size_t k = 0; k < i->n_actions; k++) {
        const Fusuma__V1__IncidentAction *a = i->actions[k];
        char *text = say_action(p->facts, a);

        cell_of(p, number_text(k + 1));
        cell_of(p, facts_exact(p->facts, a->time));
        cell(p, word_of(p, action_word(a->kind)));
        cell(p, or_dash(who_text(p, a->who)));
        cell(p, or_dash(text));
        free(text);
    }
    table_end(p, 0, 0);
}

static void
timeline(struct page *p)
{
    p->writer->section(p, W_TIMELINE);
    if (p->writer->drawing) {
        struct ds svg = DS_EMPTY_INITIALIZER;

        draw_timeline(&svg, p->facts);
        paragraph(p, say_timeline(p->facts), true);
        p->writer->drawing(p, &svg);
        ds_destroy(&svg);
    }
    actions(p);
}

/* ---- whom and what ---- */

static void
graph(struct page *p)
{
    struct ds svg = DS_EMPTY_INITIALIZER;

    if (!p->writer->drawing || !p->facts->incident->n_targets) {
        return;
    }
    p->writer->section(p, W_GRAPH);
    p->writer->paragraph(p, word_of(p, W_GRAPH_SAYS), true);
    draw_graph(&svg, p->facts);
    p->writer->drawing(p, &svg);
    p->writer->paragraph(p, word_of(p, W_GRAPH_LEGEND), true);
    ds_destroy(&svg);
}

static void
services(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    size_t n = MIN(i->n_services, MAX_SERVICES);

    p->writer->heading(p, W_BY_SERVICE);
    TABLE(p, { W_SERVICE, COLUMN_CODE }, { W_TARGETS, COLUMN_NUMBER },
          { W_PACKETS, COLUMN_NUMBER });
    for (size_t k = 0; k < n; k++) {
        cell(p, i->services[k]->service);
        cell_of(p, number_text(i->services[k]->targets));
        cell_of(p, number_text(i->services[k]->packets));
    }
    table_end(p, n, i->distinct_services);
}

static void
rules(struct page *p)
{
    const struct facts *f = p->facts;

    p->writer->heading(p, W_BY_RULE);
    TABLE(p, { W_RULE, COLUMN_CODE }, { W_MEANS, COLUMN_TEXT }, { W_TARGETS, COLUMN_NUMBER },
          { W_RECORDS_OF, COLUMN_NUMBER });
    for (size_t k = 0; k < f->n_rules; k++) {
        const char *means = reason_means(f->rules[k].name, f->language);

        cell(p, or_dash(f->rules[k].name));
        cell(p, means ? means : word_of(p, W_RULE_OF_POLICY));
        cell_of(p, number_text(f->rules[k].targets));
        cell_of(p, number_text(f->rules[k].packets));
    }
    table_end(p, 0, 0);
}

static bool
is_own(const Fusuma__V1__Incident *i, const char *source)
{
    for (size_t k = 0; k < i->n_addresses; k++) {
        if (!strcmp(source, i->addresses[k])) {
            return true;
        }
    }
    return !strcmp(source, i->mac);
}

static void
sources(struct page *p)
{
    const struct facts *f = p->facts;

    if (!f->n_sources) {
        return;
    }
    p->writer->heading(p, W_BY_SOURCE);
    p->writer->paragraph(p, word_of(p, W_BY_SOURCE_SAYS), true);
    TABLE(p, { W_SOURCE, COLUMN_ADDRESS }, { W_OWN, COLUMN_TEXT }, { W_RECORDS_OF, COLUMN_NUMBER });
    for (size_t k = 0; k < f->n_sources; k++) {
        cell(p, f->sources[k].name);
        cell(p, word_of(p, is_own(f->incident, f->sources[k].name) ? W_OWN_YES : W_OWN_NO));
        cell_of(p, number_text(f->sources[k].packets));
    }
    table_end(p, 0, 0);
}

/* ---- what succeeded ---- */

static void
flow_row(struct page *p, const Fusuma__V1__Flow *flow)
{
    char *first = facts_time(p->facts, flow->first), *last = facts_time(p->facts, flow->last);
    bool at_once = !strcmp(first, last);

    cell_of(p, flow->peer_port[0] ? xasprintf("%s (%s)", flow->peer, flow->peer_port)
                                  : xstrdup(or_dash(flow->peer)));
    cell(p, or_dash(flow->service));
    cell(p, word_of(p, strcmp(flow->direction, "ingress") ? W_OUT : W_IN));
    cell(p, or_dash(flow->rule));
    cell_of(p, at_once ? xstrdup(or_dash(first)) : xasprintf("%s – %s", first, last));
    cell_of(p, number_text(flow->connections));
    cell_of(p, number_text(flow->answered));
    cell_of(p, bytes_text(flow->bytes_out));
    cell_of(p, bytes_text(flow->bytes_in));
    free(first);
    free(last);
}

static void
flows(struct page *p)
{
    const struct facts *f = p->facts;
    size_t n = MIN(f->report->n_flows, MAX_FLOWS);

    p->writer->section(p, W_FLOWS);
    paragraph(p, say_flows(f), false);
    if (n) {
        TABLE(p, { W_PEER, COLUMN_ADDRESS }, { W_SERVICE, COLUMN_CODE },
              { W_DIRECTION, COLUMN_TEXT }, { W_ALLOWED_BY, COLUMN_CODE }, { W_WHEN, COLUMN_TEXT },
              { W_CONNECTIONS, COLUMN_NUMBER }, { W_ANSWERED, COLUMN_NUMBER },
              { W_BYTES_OUT, COLUMN_NUMBER }, { W_BYTES_IN, COLUMN_NUMBER });
        for (size_t k = 0; k < n; k++) {
            flow_row(p, f->flows[k]);
        }
        table_end(p, n, f->report->n_flows);
        p->writer->paragraph(p, word_of(p, W_FLOWS_ORDER), true);
    }
    paragraph(p, say_budget(f), true);
}

/* ---- what is missing ---- */

static void
unseen(struct page *p)
{
    const Fusuma__V1__IncidentReport *r = p->facts->report;

    p->writer->section(p, W_UNSEEN);
    if (!r->n_unseen) {
        p->writer->paragraph(p, word_of(p, W_UNSEEN_NOTHING), false);
    } else {
        p->writer->list_begin(p);
        for (size_t k = 0; k < r->n_unseen; k++) {
            char *text = say_unseen(p->facts, r->unseen[k]);

            p->writer->item(p, text);
            free(text);
        }
        p->writer->list_end(p);
    }
    if (r->records_left_out) {
        char *n = number_text(r->records_left_out);

        paragraph(p, phrase(p->facts->language, W_RECORDS_LEFT_OUT, n), false);
        free(n);
    }
}

/* ---- all of it ---- */

static void
destinations(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;

    p->writer->section(p, W_BY_DESTINATION);
    TABLE(p, { W_ADDRESS, COLUMN_ADDRESS }, { W_DESKTOP, COLUMN_TEXT }, { W_USER, COLUMN_TEXT },
          { W_FIRST, COLUMN_TIME }, { W_LAST, COLUMN_TIME }, { W_PACKETS, COLUMN_NUMBER },
          { W_SERVICES, COLUMN_CODE }, { W_RULES, COLUMN_CODE });
    for (size_t k = 0; k < i->n_targets; k++) {
        const Fusuma__V1__IncidentTarget *t = i->targets[k];
        char *names = list_text(t->services, t->n_services, SIZE_MAX);
        uint64_t more =
            t->distinct_services > t->n_services ? t->distinct_services - t->n_services : 0;
        char *number = number_text(more);
        char *rest = phrase(p->facts->language, W_MORE_SERVICES, number);

        cell(p, t->address);
        cell(p, or_dash(t->port));
        cell(p, or_dash(t->user));
        cell_of(p, facts_time(p->facts, t->first_seen));
        cell_of(p, facts_time(p->facts, t->last_seen));
        cell_of(p, number_text(t->packets));
        cell_of(p, xasprintf("%s%s%s", names, more ? " " : "", more ? rest : ""));
        cell_of(p, list_text(t->rules, t->n_rules, SIZE_MAX));
        free(names);
        free(number);
        free(rest);
    }
    table_end(p, i->n_targets, i->distinct_targets);
}

static void
records(struct page *p)
{
    const Fusuma__V1__IncidentReport *r = p->facts->report;
    size_t n = MIN(r->n_records, MAX_RECORDS);

    p->writer->section(p, W_RECORDS);
    if (!n) {
        p->writer->paragraph(p, word_of(p, W_RECORDS_NONE), false);
        return;
    }
    p->writer->paragraph(p, word_of(p, W_RECORDS_SAYS), true);
    TABLE(p, { W_TIME, COLUMN_TIME }, { W_SOURCE, COLUMN_ADDRESS },
          { W_DESTINATION, COLUMN_ADDRESS }, { W_SERVICE, COLUMN_CODE }, { W_WHY, COLUMN_CODE },
          { W_COUNT, COLUMN_NUMBER }, { W_PACKET, COLUMN_DETAIL });
    for (size_t k = 0; k < n; k++) {
        const Fusuma__V1__DropRecord *d = r->records[k];

        cell_of(p, facts_exact(p->facts, d->time));
        cell(p, or_dash(source_of(d)));
        cell(p, or_dash(destination_of(d)));
        cell(p, or_dash(d->service));
        cell(p, or_dash(why_denied(d)));
        cell_of(p, number_text(d->count));
        cell_of(p, packet_text(d->packet.data, d->packet.len));
    }
    table_end(p, n, r->n_records);
}

static char *
interval_text(const Fusuma__V1__PivotIncidentResponse *keys)
{
    char *from = stamp_text(keys->from), *to = stamp_text(keys->to);
    char *text = xasprintf("%s – %s", from, to);

    free(from);
    free(to);
    return text;
}

static void
pivot(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    Fusuma__V1__PivotIncidentResponse *keys = report_pivot(p->facts->report);
    char *id = xasprintf("%" PRIu64, i->id), *interval = interval_text(keys);
    char *addresses = list_text(keys->addresses, keys->n_addresses, SIZE_MAX);
    char *users = list_text(keys->users, keys->n_users, SIZE_MAX);
    struct ds peers = DS_EMPTY_INITIALIZER;

    for (size_t k = 0; k < MIN(i->n_targets, MAX_PEERS); k++) {
        ds_put_format(&peers, "%s%s", k ? ", " : "", i->targets[k]->address);
    }
    ds_put_cstr(&peers, i->distinct_targets > MAX_PEERS ? ", …" : "");
    p->writer->section(p, W_KEYS);
    paragraph(p, phrase(p->facts->language, W_KEYS_SAYS, id), true);
    p->writer->facts_begin(p);
    p->writer->fact(p, W_ADDRESSES_OF, or_dash(addresses));
    p->writer->fact(p, W_MAC, or_dash(keys->mac));
    p->writer->fact(p, W_USER, or_dash(users));
    p->writer->fact(p, W_INTERVAL, interval);
    p->writer->fact(p, W_PEERS, or_dash(ds_cstr(&peers)));
    p->writer->facts_end(p);
    ds_destroy(&peers);
    free(users);
    free(addresses);
    free(interval);
    free(id);
    protobuf_c_message_free_unpacked(&keys->base, NULL);
}

static void
guide(struct page *p)
{
    char *date = date_text(p->facts->incident->first_seen);

    p->writer->section(p, W_GUIDE);
    p->writer->paragraph(p, word_of(p, W_GUIDE_WHAT), false);
    p->writer->facts_begin(p);
    p->writer->fact(p, W_TERM_DENIED, word_of(p, W_TERM_DENIED_MEANS));
    p->writer->fact(p, W_TERM_ALLOWED, word_of(p, W_TERM_ALLOWED_MEANS));
    p->writer->fact(p, W_SERVICE, word_of(p, W_TERM_SERVICE_MEANS));
    p->writer->fact(p, W_RULE, word_of(p, W_TERM_RULE_MEANS));
    p->writer->fact(p, W_QUARANTINE, word_of(p, W_TERM_QUARANTINE_MEANS));
    p->writer->fact(p, W_RECORDS, word_of(p, W_TERM_RECORD_MEANS));
    p->writer->facts_end(p);
    paragraph(p, phrase(p->facts->language, W_GUIDE_TIMES, date[0] ? date : "?"), false);
    p->writer->paragraph(p, word_of(p, W_GUIDE_ODD), false);
    free(date);
}

void
document_write(struct page *p)
{
    p->writer->begin(p);
    suspect(p);
    timeline(p);
    graph(p);
    p->writer->section(p, W_BREAKDOWN);
    services(p);
    rules(p);
    sources(p);
    flows(p);
    unseen(p);
    destinations(p);
    records(p);
    pivot(p);
    guide(p);
    p->writer->end(p);
}
