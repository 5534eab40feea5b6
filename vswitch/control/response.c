#include <config.h>

#include "control/response.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/incident_message.h"
#include "control/membership.h"
#include "openvswitch/vlog.h"
#include "report/report.h"
#include "telemetry/detect.h"
#include "telemetry/recent.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(response);

static const struct acl_detection *
detection_of(const struct control *c)
{
    const struct policy *policy = c->publisher.policy;

    return policy ? &policy->parsed->detection : NULL;
}

/* ---- thresholds ---- */

struct prefixes {
    struct acl_prefix *array;
    size_t n, allocated;
};

static void
add(struct prefixes *p, const struct acl_prefix *array, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p->array =
            p->n < p->allocated ? p->array : x2nrealloc(p->array, &p->allocated, sizeof *p->array);
        p->array[p->n++] = array[i];
    }
}

/* A group's CIDRs, a set's addresses, and those of the groups that it is made of.  Ports need no
 * address: they are known to be desktops. */
static void
add_group(struct prefixes *p, const struct acl_policy *policy, const struct sets *sets, uint32_t g)
{
    const struct acl_group *group = &policy->groups[g];
    const struct address_set *set = group->is_set ? sets_find(sets, group->name) : NULL;

    add(p, group->in.prefixes, group->in.n_prefixes);
    if (set) {
        add(p, set->prefixes, set->n);
    }
    for (size_t i = 0; i < group->in.n_groups; i++) {
        add_group(p, policy, sets, group->in.groups[i]);
    }
}

void
response_configure(struct control *c)
{
    const struct policy *policy = c->publisher.policy;
    const struct acl_detection *d = detection_of(c);
    struct prefixes p = { .n = 0 };
    struct acl_detection none;
    /* Sets change with a generation of their own. */
    uint64_t generation = d && d->n_desktops ? c->publisher.generation
                          : policy           ? policy->generation
                                             : 0;

    if (generation == c->detection_generation) {
        return;
    }
    if (!d) {
        acl_detection_default(&none);
    }
    for (size_t i = 0; d && i < d->n_desktops; i++) {
        add_group(&p, policy->parsed, &c->desired.sets, d->desktops[i]);
    }
    d = d ? d : &none;
    add(&p, d->decoys, d->n_decoys);
    if (detect_configure(d, p.array, p.n)) {
        VLOG_ERR("no memory for the thresholds of detection: those of before hold");
    } else {
        c->detection_generation = generation;
    }
    free(p.array);
}

/* ---- quarantine ---- */

bool
response_wants_rate(const struct control *c, uint32_t recent)
{
    const struct acl_detection *d = detection_of(c);

    return d && d->quarantine.rate && recent >= d->quarantine.rate;
}

static bool
is_spared(const struct control *c, const struct acl_auto_quarantine *q,
          const struct desired_port *port)
{
    size_t n = 0;
    uint32_t *groups = membership_of_port(c->publisher.policy->parsed, port, &n);
    bool spared = false;

    for (size_t i = 0; groups && i < n; i++) {
        for (size_t j = 0; j < q->n_never; j++) {
            spared |= groups[i] == q->never[j];
        }
    }
    free(groups);
    return spared;
}

/* Whether the brake leaves room for one more. */
static bool
brake(struct control *c, uint32_t at_most)
{
    long long now = time_msec();

    if (!at_most) {
        return true;
    }
    if (now - c->cuts_since_ms >= ACL_AT_MOST_S * 1000LL) {
        c->cuts_since_ms = now;
        c->n_cuts = 0;
    }
    return c->n_cuts < at_most && ++c->n_cuts;
}

static void
cut(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
    const struct quarantine_receipt *receipt OVS_UNUSED, void *name)
{
    if (status) {
        VLOG_ERR("port %s: %s", (char *) name, error);
    }
    free(name);
}

static void
say(Fusuma__V1__Incident *m, Fusuma__V1__IncidentGroundsKind why)
{
    incident_message_act_by_itself(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_NOTE,
                                   time_wall_usec(), why);
    VLOG_WARN("incident %" PRIu64 ": %s", m->id, m->actions[m->n_actions - 1]->text);
}

static bool
was_released(const Fusuma__V1__Incident *m)
{
    for (size_t i = 0; i < m->n_actions; i++) {
        if (m->actions[i]->kind ==
            FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_RELEASED) {
            return true;
        }
    }
    return false;
}

/* Why it was cut off, for the quarantine's comment. */
static char *
reason_of(const Fusuma__V1__Incident *m, bool bad, uint32_t recent)
{
    Fusuma__V1__IncidentGrounds rate = FUSUMA__V1__INCIDENT_GROUNDS__INIT;
    char *text, *comment;

    if (bad || m->kind == FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_FLOOD) {
        return report_cut_off(m->id, m->grounds, REPORT_ENGLISH);
    }
    rate.kind = FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_RATE;
    rate.count = recent;
    rate.within_seconds = RECENT_S;
    text = report_grounds(&rate, REPORT_ENGLISH);
    comment = report_cut_off(m->id, text, REPORT_ENGLISH);
    free(text);
    return comment;
}

void
response_consider(struct control *c, Fusuma__V1__Incident *m, uint32_t recent)
{
    const struct acl_detection *d = detection_of(c);
    const struct acl_auto_quarantine *q = d ? &d->quarantine : NULL;
    const struct desired_port *port = desired_find(&c->desired, m->port);
    bool bad = q && q->severity && (int) m->severity >= (int) q->severity;
    char *comment;

    if (!q || !port || port->quarantine || m->closed || !(bad || response_wants_rate(c, recent))) {
        return;
    }
    if (was_released(m)) {
        say(m, FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_RELEASED);
        return;
    }
    if (is_spared(c, q, port)) {
        say(m, FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_SPARED);
        return;
    }
    if (!brake(c, q->at_most)) {
        say(m, FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_BRAKE);
        return;
    }
    const struct quarantine_options options = { .allow = (const char *const *) q->allow,
                                                .n_allow = q->n_allow,
                                                .resets = q->reset,
                                                .capture = q->capture,
                                                .leave_as_is = true };
    comment = reason_of(m, bad, recent);
    ports_quarantine(c, m->port, "switch", comment, &options, cut, xstrdup(m->port));
    free(comment);
}
