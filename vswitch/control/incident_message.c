#include <config.h>

#include "control/incident_message.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/drop_message.h"
#include "control/message.h"
#include "fusuma/v1/incident.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "report/report.h"
#include "telemetry/session_lines.h"
#include "util.h"

static void
put_text(char **field, const char *text)
{
    if (*field != protobuf_c_empty_string) {
        free(*field);
    }
    *field = xstrdup(text);
}

static void
put_time(Google__Protobuf__Timestamp **field, int64_t us)
{
    message_free(*field);
    *field = time_message(us);
}

/* Frees a repeated field of messages. */
#define CLEAR(ARRAY, N)                                                                            \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < (N); i_++) {                                                      \
            message_free((ARRAY)[i_]);                                                             \
        }                                                                                          \
        free(ARRAY);                                                                               \
        (ARRAY) = NULL;                                                                            \
        (N) = 0;                                                                                   \
    } while (0)

static void
append_text(char ***array, size_t *n, const char *text)
{
    *array = message_grow(*array, *n);
    (*array)[(*n)++] = xstrdup(text);
}

/* ---- from detection ---- */

static Fusuma__V1__IncidentKind
kind_of(enum suspect_kind kind)
{
    switch (kind) {
    case SUSPECT_PORT_SCAN:
        return FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PORT_SCAN;
    case SUSPECT_SWEEP:
        return FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_SWEEP;
    case SUSPECT_WORM:
        return FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_WORM;
    case SUSPECT_FLOOD:
        return FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_FLOOD;
    case SUSPECT_NOTHING:
    case SUSPECT_PROBE:
    default:
        return FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PROBE;
    }
}

static Fusuma__V1__IncidentTarget *
target_message(const struct suspect_target *t)
{
    Fusuma__V1__IncidentTarget *m = message_new(&fusuma__v1__incident_target__descriptor);

    m->address = addr_text(&t->addr);
    m->port = xstrdup(t->port ? t->port : "");
    m->user = xstrdup(t->user ? t->user : "");
    m->first_seen = time_message(t->first_us);
    m->last_seen = time_message(t->last_us);
    m->packets = t->packets;
    for (unsigned i = 0; i < t->n_services; i++) {
        char *text = service_key_text(t->services[i]);

        append_text(&m->services, &m->n_services, text);
        free(text);
    }
    m->distinct_services = suspect_target_services(t);
    for (unsigned i = 0; i < t->n_rules; i++) {
        append_text(&m->rules, &m->n_rules, t->rules[i]);
    }
    return m;
}

/* Desktops first of all, as far as there is room, in the order of the first attempts. */
static void
put_targets(Fusuma__V1__Incident *m, const struct suspect *s)
{
    size_t room = INCIDENT_TARGETS, n_desktops = 0;

    CLEAR(m->targets, m->n_targets);
    for (uint32_t i = 0; i < s->n_targets; i++) {
        n_desktops += s->targets[i].is_desktop;
    }
    n_desktops = MIN(n_desktops, room);
    for (uint32_t i = 0; i < s->n_targets && room; i++) {
        bool desktop = s->targets[i].is_desktop;

        if (desktop ? n_desktops : room > n_desktops) {
            message_append(m->targets, m->n_targets, target_message(&s->targets[i]));
            n_desktops -= desktop;
            room--;
        }
    }
}

struct aim {
    uint32_t service;
    uint64_t targets, packets;
};

static int
compare_aims(const void *a_, const void *b_)
{
    const struct aim *a = a_, *b = b_;

    return a->service < b->service ? -1 : a->service > b->service;
}

static int
compare_targets_of_aims(const void *a_, const void *b_)
{
    const struct aim *a = a_, *b = b_;

    return a->targets > b->targets ? -1 : a->targets < b->targets ? 1 : compare_aims(a, b);
}

/* Sums up what is next to each other; returns how many are left. */
static size_t
merge_aims(struct aim *aims, size_t n)
{
    size_t kept = 0;

    qsort(aims, n, sizeof *aims, compare_aims);
    for (size_t i = 0; i < n; i++) {
        if (kept && aims[kept - 1].service == aims[i].service) {
            aims[kept - 1].targets += aims[i].targets;
            aims[kept - 1].packets += aims[i].packets;
        } else {
            aims[kept++] = aims[i];
        }
    }
    return kept;
}

static void
put_services(Fusuma__V1__Incident *m, const struct suspect *s)
{
    struct aim *aims = xmalloc((s->n_targets * SUSPECT_SERVICES + 1) * sizeof *aims);
    size_t n = 0;
    uint64_t more = 0;

    CLEAR(m->services, m->n_services);
    for (uint32_t i = 0; i < s->n_targets; i++) {
        const struct suspect_target *t = &s->targets[i];

        for (unsigned j = 0; j < t->n_services; j++) {
            aims[n++] = (struct aim){ t->services[j], 1, t->service_packets[j] };
        }
        more = MAX(more, t->more_count);
    }
    n = merge_aims(aims, n);
    m->distinct_services = n + more;
    m->estimated |= more > 0;
    qsort(aims, n, sizeof *aims, compare_targets_of_aims);
    for (size_t i = 0; i < n && i < INCIDENT_AIMS; i++) {
        Fusuma__V1__IncidentAim *aim = message_new(&fusuma__v1__incident_aim__descriptor);

        aim->service = service_key_text(aims[i].service);
        aim->targets = aims[i].targets;
        aim->packets = aims[i].packets;
        message_append(m->services, m->n_services, aim);
    }
    free(aims);
}

static void
put_cursor(Fusuma__V1__Cursor **field, uint64_t epoch, uint64_t n)
{
    if (n) {
        if (!*field) {
            *field = message_new(&fusuma__v1__cursor__descriptor);
        }
        (*field)->epoch = epoch;
        (*field)->n = n;
    }
}

static void
put_totals(Fusuma__V1__Incident *m, const struct detected *d)
{
    uint64_t estimate = hll_count(&d->targets), listed = d->suspect.n_targets;

    m->packets = d->suspect.packets + d->unrecorded;
    m->packets_unrecorded = d->unrecorded;
    m->distinct_targets = listed + d->suspect.n_forgotten;
    /* What has no record may have had other targets; the sketch has seen all. */
    m->estimated = d->suspect.n_forgotten || d->unrecorded;
    if (m->estimated) {
        m->distinct_targets = MAX(listed, estimate);
    }
}

/* Of an incident from before they had a form there are only words, which stay. */
static void
put_grounds(Fusuma__V1__Incident *m, const struct suspect_grounds *g)
{
    char *text;

    if (g->kind == GROUNDS_UNKNOWN) {
        return;
    }
    if (!m->because) {
        m->because = message_new(&fusuma__v1__incident_grounds__descriptor);
    }
    m->because->kind = (Fusuma__V1__IncidentGroundsKind) g->kind;
    m->because->count = g->count;
    m->because->networks = g->networks;
    m->because->at_least = g->at_least;
    m->because->within_seconds = g->within_s;
    text = report_grounds(m->because, REPORT_ENGLISH);
    put_text(&m->grounds, text);
    free(text);
}

/* ---- who was logged in ---- */

static void
lines_of(const Fusuma__V1__Incident *m, char text[DROP_SESSIONS_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; i < m->n_sessions; i++) {
        char *line = xasprintf("%" PRIu64 " %s\n", m->sessions[i]->id, m->sessions[i]->user);

        session_lines_add(text, line);
        free(line);
    }
}

static void
put_sessions(Fusuma__V1__Incident *m, const char *lines, const char *otherwise)
{
    char *users;

    CLEAR(m->sessions, m->n_sessions);
    users = sessions_message(lines, otherwise, &m->sessions, &m->n_sessions);
    put_text(&m->user, users);
    free(users);
}

bool
incident_message_correct(Fusuma__V1__Incident *m, const char *session,
                         const struct drop_correction *what, const char *otherwise)
{
    char lines[DROP_SESSIONS_SIZE];

    lines_of(m, lines);
    if (!detect_mends(lines, time_us(m->first_seen), time_us(m->last_seen), session, what)) {
        return false;
    }
    (what->withdrawn ? session_lines_remove : session_lines_add)(lines, session);
    put_sessions(m, lines, otherwise);
    return true;
}

void
incident_message_update(Fusuma__V1__Incident *m, const struct detected *d, uint64_t epoch)
{
    m->kind = kind_of(d->grade.kind);
    m->severity = (Fusuma__V1__IncidentSeverity) d->grade.severity;
    put_grounds(m, &d->grade.grounds);
    put_time(&m->first_seen, d->first_us);
    put_time(&m->last_seen, d->last_us);
    put_sessions(m, d->sessions, d->user);
    put_totals(m, d);
    put_targets(m, &d->suspect);
    put_services(m, &d->suspect);
    if (!m->first_record) {
        put_cursor(&m->first_record, epoch, d->first_n);
    }
    put_cursor(&m->last_record, epoch, d->last_n);
}

/* ---- the way back ---- */

static void
restore_target(struct suspect *s, const Fusuma__V1__IncidentTarget *m, uint32_t now_s,
               int64_t now_us)
{
    struct acl_addr addr;
    int64_t last_us = time_us(m->last_seen), ago_us = now_us - last_us;
    struct suspect_target *t;

    if (!acl_addr_parse(m->address, &addr)) {
        return;
    }
    t = suspect_restore(s, &addr, m->port[0] != '\0', ago_us > 0 ? ago_us / 1000000 : 0, now_s);
    t->first_us = time_us(m->first_seen);
    t->last_us = last_us;
    t->packets = m->packets;
    t->port = m->port[0] ? strdup(m->port) : NULL;
    t->user = m->user[0] ? strdup(m->user) : NULL;
    for (size_t i = 0; i < m->n_services && t->n_services < SUSPECT_SERVICES; i++) {
        if (service_key_parse(m->services[i], &t->services[t->n_services])) {
            t->n_services++;
        }
    }
    t->more_count = m->distinct_services > t->n_services ? m->distinct_services - t->n_services : 0;
    for (size_t i = 0; i < m->n_rules && t->n_rules < SUSPECT_RULES; i++) {
        t->rules[t->n_rules] = strdup(m->rules[i]);
        t->n_rules += t->rules[t->n_rules] != NULL;
    }
}

static enum suspect_kind
kind_back(Fusuma__V1__IncidentKind kind)
{
    for (enum suspect_kind k = SUSPECT_PROBE; k <= SUSPECT_FLOOD; k++) {
        if (kind_of(k) == kind) {
            return k;
        }
    }
    return SUSPECT_PROBE;
}

void
incident_message_restore(const Fusuma__V1__Incident *m, struct detected *d, uint32_t now_s,
                         int64_t now_us)
{
    d->grade.kind = kind_back(m->kind);
    d->grade.severity = (enum acl_threat) m->severity;
    if (m->because) {
        d->grade.grounds = (struct suspect_grounds){ .kind = (enum grounds_kind) m->because->kind,
                                                     .count = m->because->count,
                                                     .networks = m->because->networks,
                                                     .at_least = m->because->at_least,
                                                     .within_s = m->because->within_seconds };
    }
    ovs_strzcpy(d->user, m->user, sizeof d->user);
    lines_of(m, d->sessions);
    ovs_strzcpy(d->stamped, d->sessions, sizeof d->stamped);
    d->first_us = time_us(m->first_seen);
    d->last_us = time_us(m->last_seen);
    d->first_n = m->first_record ? m->first_record->n : 0;
    d->unrecorded = m->packets_unrecorded;
    d->suspect.packets = m->packets - MIN(m->packets, m->packets_unrecorded);
    d->suspect.opens = true;
    d->suspect.late_only = false;
    for (size_t i = 0; i < m->n_targets; i++) {
        restore_target(&d->suspect, m->targets[i], now_s, now_us);
    }
    if (m->distinct_targets > d->suspect.n_targets) {
        d->suspect.n_forgotten = m->distinct_targets - d->suspect.n_targets;
    }
}

/* ---- its history ---- */

void
incident_message_act(Fusuma__V1__Incident *m, Fusuma__V1__IncidentActionKind kind, int64_t time_us,
                     const char *who, const char *text)
{
    Fusuma__V1__IncidentAction *a = message_new(&fusuma__v1__incident_action__descriptor);

    a->kind = kind;
    a->time = time_message(time_us);
    a->who = xstrdup(who);
    a->text = xstrdup(text);
    if (m->n_actions == INCIDENT_ACTIONS) { /* the opening stays */
        message_free(m->actions[1]);
        memmove(&m->actions[1], &m->actions[2], (m->n_actions - 2) * sizeof *m->actions);
        m->actions[m->n_actions - 1] = a;
    } else {
        message_append(m->actions, m->n_actions, a);
    }
}

static void
last_because(Fusuma__V1__Incident *m, const Fusuma__V1__IncidentGrounds *because)
{
    m->actions[m->n_actions - 1]->because = because ? message_copy(&because->base) : NULL;
}

void
incident_message_act_by_itself(Fusuma__V1__Incident *m, Fusuma__V1__IncidentActionKind kind,
                               int64_t time_us, Fusuma__V1__IncidentGroundsKind why)
{
    Fusuma__V1__IncidentGrounds own = FUSUMA__V1__INCIDENT_GROUNDS__INIT;
    const Fusuma__V1__IncidentGrounds *because = why ? &own : m->because;
    char *text;

    own.kind = why;
    text = why ? report_grounds(because, REPORT_ENGLISH) : xstrdup(m->grounds);
    incident_message_act(m, kind, time_us, "switch", text);
    last_because(m, because);
    free(text);
}

void
incident_message_quarantined(Fusuma__V1__Incident *m, int64_t time_us, const char *who,
                             const char *comment)
{
    const Fusuma__V1__IncidentGrounds *because = NULL;

    /* It may have been graded again since. */
    for (size_t i = strcmp(who, "switch") ? 0 : m->n_actions; i-- > 0 && !because;) {
        const Fusuma__V1__IncidentAction *a = m->actions[i];
        char *text = report_cut_off(m->id, a->text, REPORT_ENGLISH);

        because = strcmp(text, comment) ? NULL : a->because;
        free(text);
    }
    incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_QUARANTINED,
                         time_us, who, comment);
    last_because(m, because);
}

Fusuma__V1__Incident *
incident_message_short(const Fusuma__V1__Incident *m)
{
    Fusuma__V1__Incident copy = *m;

    copy.n_targets = copy.n_services = copy.n_actions = 0;
    return message_copy(&copy.base);
}
