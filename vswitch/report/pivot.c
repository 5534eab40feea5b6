#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "report/report.h"
#include "util.h"

#define BEFORE_S 3600

static Google__Protobuf__Timestamp *
moment(const Google__Protobuf__Timestamp *t, int64_t shift_s)
{
    Google__Protobuf__Timestamp *copy;

    if (!t) {
        return NULL;
    }
    copy = xmalloc(sizeof *copy);
    google__protobuf__timestamp__init(copy);
    copy->seconds = t->seconds + shift_s;
    copy->nanos = t->nanos;
    return copy;
}

/* ---- users ---- */

static void
add_user(Fusuma__V1__PivotIncidentResponse *m, const char *user)
{
    for (size_t i = 0; i < m->n_users; i++) {
        if (!strcmp(m->users[i], user)) {
            return;
        }
    }
    if (user[0]) {
        m->users = xrealloc(m->users, (m->n_users + 1) * sizeof *m->users);
        m->users[m->n_users++] = xstrdup(user);
    }
}

/* Those of the sessions; where there are none, the user of the port. */
static void
add_users(Fusuma__V1__PivotIncidentResponse *m, const Fusuma__V1__Incident *incident)
{
    for (size_t i = 0; i < incident->n_sessions; i++) {
        add_user(m, incident->sessions[i]->user);
    }
    if (!m->n_users) {
        add_user(m, incident->user);
    }
}

/* ---- peers ---- */

static void
add_peer(Fusuma__V1__PivotIncidentResponse *m, Fusuma__V1__PivotPeer peer)
{
    Fusuma__V1__PivotPeer *copy = xmalloc(sizeof *copy);

    *copy = peer;
    copy->address = xstrdup(peer.address);
    copy->service = xstrdup(peer.service);
    copy->verdict = xstrdup(peer.verdict);
    copy->port = xstrdup(peer.port);
    copy->user = xstrdup(peer.user);
    copy->first_seen = moment(peer.first_seen, 0);
    copy->last_seen = moment(peer.last_seen, 0);
    m->peers[m->n_peers++] = copy;
}

static void
add_target(Fusuma__V1__PivotIncidentResponse *m, const Fusuma__V1__IncidentTarget *t)
{
    Fusuma__V1__PivotPeer peer = FUSUMA__V1__PIVOT_PEER__INIT;

    peer.address = t->address;
    peer.verdict = CONST_CAST(char *, "denied");
    peer.first_seen = t->first_seen;
    peer.last_seen = t->last_seen;
    peer.port = t->port;
    peer.user = t->user;
    for (size_t i = 0; i < t->n_services; i++) {
        peer.service = t->services[i];
        add_peer(m, peer);
    }
    if (!t->n_services) {
        add_peer(m, peer);
    }
}

static void
add_flow(Fusuma__V1__PivotIncidentResponse *m, const Fusuma__V1__Flow *f)
{
    Fusuma__V1__PivotPeer peer = FUSUMA__V1__PIVOT_PEER__INIT;

    peer.address = f->peer;
    peer.service = f->service;
    peer.verdict = CONST_CAST(char *, "allowed");
    peer.first_seen = f->first;
    peer.last_seen = f->last;
    peer.port = f->peer_port;
    add_peer(m, peer);
}

static void
add_peers(Fusuma__V1__PivotIncidentResponse *m, const Fusuma__V1__Incident *incident,
          const Fusuma__V1__IncidentReport *report)
{
    size_t n = report->n_flows;

    for (size_t i = 0; i < incident->n_targets; i++) {
        n += MAX(incident->targets[i]->n_services, 1);
    }
    m->peers = xcalloc(n + 1, sizeof *m->peers);
    for (size_t i = 0; i < incident->n_targets; i++) {
        add_target(m, incident->targets[i]);
    }
    for (size_t i = 0; i < report->n_flows; i++) {
        add_flow(m, report->flows[i]);
    }
}

Fusuma__V1__PivotIncidentResponse *
report_pivot(const Fusuma__V1__IncidentReport *report)
{
    Fusuma__V1__PivotIncidentResponse *m = xmalloc(sizeof *m);
    const Fusuma__V1__Incident *i = report->incident;

    fusuma__v1__pivot_incident_response__init(m);
    if (!i) {
        return m;
    }
    m->id = i->id;
    m->mac = xstrdup(i->mac);
    m->port = xstrdup(i->port);
    m->vm_id = xstrdup(i->vm_id);
    m->addresses = xcalloc(i->n_addresses + 1, sizeof *m->addresses);
    for (size_t k = 0; k < i->n_addresses; k++) {
        m->addresses[m->n_addresses++] = xstrdup(i->addresses[k]);
    }
    m->from = moment(i->first_seen, -BEFORE_S);
    m->to = moment(i->last_seen, 0);
    add_users(m, i);
    add_peers(m, i, report);
    return m;
}
