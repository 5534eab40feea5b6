/* GetIncidentReport and PivotIncident.  What an incident's records are may have to be looked for in
 * a million events on the disk, so it is done in the background, with a copy of the incident. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/background.h"
#include "control/drop_message.h"
#include "control/flow_message.h"
#include "control/incidents.h"
#include "control/message.h"
#include "control/port_message.h"
#include "control/rpc.h"
#include "fusuma/v1/incident.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "report/report.h"
#include "telemetry/drop_log.h"
#include "telemetry/flow_log.h"
#include "timeval.h"
#include "util.h"

#define REPORTS_MAX 16 /* that wait, the one at work included */
#define RECORDS 100    /* of the first ones, and of the last ones */
#define FLOWS 1000
#define FLOWS_BEFORE_S (24 * 3600)
#define FRESH_TRIES 200 /* times 10 ms: until what connections carry now is told */
#define NS_PER_S UINT64_C(1000000000)

struct reporter {
    struct background background;
};

struct question {
    struct background_job job;
    struct rpc_call *call;
    Fusuma__V1__GetIncidentReportRequest *request; /* NULL: only the keys are wanted */
    Fusuma__V1__IncidentReport *report;
    uint64_t gaps, rx_lost;
    bool any_gap;
};

static struct question *
question_cast(struct background_job *job)
{
    return CONTAINER_OF(job, struct question, job);
}

static void
question_destroy(struct background_job *job)
{
    struct question *q = question_cast(job);

    message_free(q->report);
    message_free(q->request);
    free(q);
}

/* ---- the thread: records ---- */

/* The first RECORDS are in the report already; of the others the newest are kept. */
struct last_records {
    Fusuma__V1__DropRecord *ring[RECORDS];
    size_t n; /* that were put in */
};

static void
take_record(struct question *q, struct last_records *last, Fusuma__V1__DropEvent *event)
{
    Fusuma__V1__IncidentReport *r = q->report;

    if (r->n_records < RECORDS) {
        message_append(r->records, r->n_records, event->record);
    } else {
        Fusuma__V1__DropRecord **slot = &last->ring[last->n++ % RECORDS];

        message_free(*slot);
        *slot = event->record;
    }
    event->record = NULL;
    event->event_case = FUSUMA__V1__DROP_EVENT__EVENT__NOT_SET;
}

static void
add_last(Fusuma__V1__IncidentReport *r, struct last_records *last)
{
    size_t kept = MIN(last->n, RECORDS);

    r->records_left_out = last->n - kept;
    for (size_t i = last->n - kept; i < last->n; i++) {
        message_append(r->records, r->n_records, last->ring[i % RECORDS]);
    }
}

static bool
is_of(const struct drop_event *event, const Fusuma__V1__Incident *m)
{
    return event->type == DROP_EVENT_RECORD && !strcmp(event->port, m->port);
}

static void
find_records(struct question *q)
{
    const Fusuma__V1__Incident *m = q->report->incident;
    struct last_records last = { .n = 0 };
    struct drop_position at;
    struct drop_event event;

    if (!m->first_record || !m->last_record) {
        return;
    }
    at = (struct drop_position){ m->first_record->epoch, m->first_record->n - 1 };
    while (at.n < m->last_record->n && !atomic_load(&q->job.stop) && drop_log_next(&at, &event)) {
        if (event.type == DROP_EVENT_GAP) {
            q->any_gap = true;
            q->gaps += event.gap.events;
        } else if (is_of(&event, m)) {
            Fusuma__V1__DropEvent *message = drop_event_message(at.epoch, &event);

            take_record(q, &last, message);
            message_free(message);
        }
    }
    add_last(q->report, &last);
}

/* ---- the thread: flows, and what is missing ---- */

static void
add_flow(const struct flow_row *row, void *report)
{
    Fusuma__V1__IncidentReport *r = report;

    message_append(r->flows, r->n_flows, flow_message(row));
}

static void
wait_until_fresh(const struct question *q)
{
    uint64_t refresh = flow_log_refresh();

    for (int i = 0; i < FRESH_TRIES && !flow_log_is_fresh(refresh); i++) {
        if (atomic_load(&q->job.stop)) {
            return;
        }
        usleep(10000);
    }
}

static void
find_flows(struct question *q)
{
    Fusuma__V1__IncidentReport *r = q->report;
    int64_t from_s = r->incident->first_seen ? r->incident->first_seen->seconds : 0;
    int64_t to_s = r->incident->last_seen ? r->incident->last_seen->seconds + 1 : 0;
    struct flow_filter filter = { .port = r->incident->port, .limit = FLOWS };

    from_s = MAX(from_s - FLOWS_BEFORE_S, 0);
    filter.from_ns = (uint64_t) from_s * NS_PER_S;
    filter.to_ns = (uint64_t) to_s * NS_PER_S;
    r->flows_from = time_message(from_s * 1000000);
    r->flows_to = time_message(to_s * 1000000);
    wait_until_fresh(q);
    r->flows_truncated = flow_log_query(&filter, add_flow, r);
    r->flow_budget = flow_budget_message();
}

static void
add_unseen(Fusuma__V1__IncidentReport *r, Fusuma__V1__UnseenKind kind, uint64_t count)
{
    Fusuma__V1__Unseen *u = message_new(&fusuma__v1__unseen__descriptor);

    u->kind = kind;
    u->count = count;
    message_append(r->unseen, r->n_unseen, u);
}

/* Flows of the time in question that have been put out, or were never held. */
static bool
lacks_flows(const Fusuma__V1__IncidentReport *r)
{
    const Fusuma__V1__FlowBudget *b = r->flow_budget;

    return b->put_out || b->lost || b->n_gaps ||
           (b->oldest && b->oldest->seconds > r->flows_from->seconds);
}

static void
say_unseen(const struct question *q)
{
    Fusuma__V1__IncidentReport *r = q->report;
    const Fusuma__V1__Incident *m = r->incident;

    if (m->packets_unrecorded) {
        add_unseen(r, FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_SUPPRESSED, m->packets_unrecorded);
    }
    if (q->any_gap) {
        add_unseen(r, FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_GAP, q->gaps);
    }
    if (lacks_flows(r)) {
        add_unseen(r, FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_FLOWS,
                   r->flow_budget->put_out + r->flow_budget->lost);
    }
    if (q->rx_lost) {
        add_unseen(r, FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_RX_LOST, q->rx_lost);
    }
    if (m->distinct_targets > m->n_targets) {
        add_unseen(r, FUSUMA__V1__UNSEEN_KIND__UNSEEN_KIND_TARGETS,
                   m->distinct_targets - m->n_targets);
    }
}

static void
work(struct background_job *job)
{
    struct question *q = question_cast(job);

    if (q->request) {
        find_records(q);
    }
    find_flows(q);
    say_unseen(q);
}

/* ---- the control thread ---- */

static void
answer(struct background_job *job)
{
    struct question *q = question_cast(job);
    Fusuma__V1__GetIncidentReportResponse *reply;
    char *error = NULL;

    q->report->pivot = report_pivot(q->report);
    if (!q->request) {
        rpc_call_reply(q->call, &q->report->pivot->base);
        return;
    }
    reply = report_answer(q->report, q->request, &error);
    if (reply) {
        rpc_reply_with(q->call, reply);
    } else {
        rpc_fail_with(q->call, RPC_INVALID_ARGUMENT, error);
    }
}

static Fusuma__V1__IncidentReport *
begin(const struct control *c, const Fusuma__V1__Incident *m)
{
    Fusuma__V1__IncidentReport *r = message_new(&fusuma__v1__incident_report__descriptor);
    const struct desired_port *port = desired_find(&c->desired, m->port);
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    r->incident = message_copy(&m->base);
    r->made = time_message(time_wall_usec());
    r->switch_name = xstrdup(host);
    r->version = xstrdup(PACKAGE_VERSION);
    if (port && port->quarantine && m->quarantined) {
        r->quarantine = quarantine_message(port->quarantine, port->spec->name);
    }
    return r;
}

static void
ask(struct rpc_call *call, struct control *c, uint64_t id,
    const Fusuma__V1__GetIncidentReportRequest *request)
{
    const Fusuma__V1__Incident *m = incidents_find(c->incidents, id);
    const struct desired_port *port = m ? desired_find(&c->desired, m->port) : NULL;
    struct question *q;

    if (!m) {
        rpc_call_fail(call, RPC_NOT_FOUND, "there is no incident %" PRIu64, id);
        return;
    }
    q = xzalloc(sizeof *q);
    q->job.work = work;
    q->job.done = answer;
    q->job.destroy = question_destroy;
    q->call = call;
    q->request = request ? message_copy(&request->base) : NULL;
    q->report = begin(c, m);
    q->rx_lost = port && port->dp && port->dp->ops->lost ? port->dp->ops->lost(port->dp) : 0;
    if (!background_submit(&c->reporter->background, &q->job)) {
        rpc_call_fail(call, RPC_RESOURCE_EXHAUSTED,
                      "%d reports are being made: try again when they are done", REPORTS_MAX);
        question_destroy(&q->job);
    }
}

void
rpc_get_incident_report(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__GetIncidentReportRequest *r =
        (const Fusuma__V1__GetIncidentReportRequest *) request;

    ask(call, control, r->id, r);
}

void
rpc_pivot_incident(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    ask(call, control, ((const Fusuma__V1__PivotIncidentRequest *) request)->id, NULL);
}

struct reporter *
reporter_create(struct control *c)
{
    struct reporter *r = xzalloc(sizeof *r);

    background_init(&r->background, "report", REPORTS_MAX, &c->wake);
    return r;
}

void
reports_run(struct control *c)
{
    background_run(&c->reporter->background);
}

void
reporter_destroy(struct reporter *r)
{
    if (r) {
        background_destroy(&r->background);
        free(r);
    }
}
