#include <config.h>

#include "ctl/drill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fusuma/v1/drop.pb-c.h"
#include "fusuma/v1/incident.pb-c.h"
#include "fusuma/v1/port.pb-c.h"
#include "fusuma/v1/quarantine.pb-c.h"
#include "util.h"

#define POLL_MS 5
#define CONNECT_MS 1000
#define MANUAL_MS 300000 /* for a person to run the probe */
#define AUTOMATIC_MS 300 /* for the policy to cut the desktop off by itself */
#define DRILL "drill"

static const ProtobufCServiceDescriptor *const incidents =
    &fusuma__v1__incident_service__descriptor;
static const ProtobufCServiceDescriptor *const quarantines =
    &fusuma__v1__quarantine_service__descriptor;

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t
time_us(const Google__Protobuf__Timestamp *t)
{
    return t ? t->seconds * 1000000 + t->nanos / 1000 : 0;
}

/* ---- what the switch says ---- */

static Fusuma__V1__Port *
get_port(struct drill *d)
{
    Fusuma__V1__GetPortRequest request = FUSUMA__V1__GET_PORT_REQUEST__INIT;
    Fusuma__V1__Port *port = NULL;

    request.name = (char *) d->port;
    client_call(d->ctl, &fusuma__v1__port_service__descriptor, "GetPort", &request, &port);
    return port;
}

/* The port's open incident: its id, or 0.  Negative: there is no answer.  As none was open before
 * the drill, one that is has been opened since, though it may count attempts of before. */
static int64_t
open_incident(struct drill *d, Fusuma__V1__Incident **incident)
{
    Fusuma__V1__ListIncidentsRequest list = FUSUMA__V1__LIST_INCIDENTS_REQUEST__INIT;
    Fusuma__V1__GetIncidentRequest get = FUSUMA__V1__GET_INCIDENT_REQUEST__INIT;
    Fusuma__V1__ListIncidentsResponse *found;

    list.open = true;
    list.port = (char *) d->port;
    list.limit = 1;
    if (client_call(d->ctl, incidents, "ListIncidents", &list, &found)) {
        return -1;
    }
    if (found->n_incidents) {
        get.id = found->incidents[0]->id;
    }
    client_free(found);
    if (get.id && incident && client_call(d->ctl, incidents, "GetIncident", &get, incident)) {
        return -1;
    }
    return (int64_t) get.id;
}

struct found_drop {
    const struct drill *drill;
    char *rule;
    int64_t at_us;
};

static int
take_drop(const struct ctl *ctl OVS_UNUSED, const ProtobufCMessage *message, int patience_ms,
          void *found_)
{
    const Fusuma__V1__DropRecord *r = ((const Fusuma__V1__DropEvent *) message)->record;
    struct found_drop *found = found_;

    if (((const Fusuma__V1__DropEvent *) message)->event_case !=
            FUSUMA__V1__DROP_EVENT__EVENT_RECORD ||
        time_us(r->time) < found->drill->memory.probe_us ||
        strcmp(r->dst_ip, found->drill->target.ip) ||
        (r->dst_port && r->dst_port != found->drill->target.port)) {
        return patience_ms;
    }
    found->at_us = time_us(r->time);
    found->rule = xasprintf("%s%s%s to %s", r->reason, r->rule[0] ? ", rule " : "", r->rule,
                            r->service[0] ? r->service : "it");
    return -1;
}

/* The probe's record.  'from' is the incident's first, which spares the switch a search. */
static bool
find_drop(struct drill *d, const Fusuma__V1__Cursor *from, struct found_drop *found)
{
    Fusuma__V1__WatchDropsRequest request = FUSUMA__V1__WATCH_DROPS_REQUEST__INIT;
    Fusuma__V1__Cursor before = FUSUMA__V1__CURSOR__INIT;
    char *error = NULL;

    *found = (struct found_drop){ .drill = d };
    request.ports = (char **) &d->port;
    request.n_ports = 1;
    request.address = d->target.ip;
    if (from && from->n) {
        before.epoch = from->epoch;
        before.n = from->n - 1;
        request.resume = &before;
    }
    client_read(d->ctl, &fusuma__v1__drop_service__descriptor, "WatchDrops", &request,
                d->ctl->timeout_ms, take_drop, found, &error);
    free(error);
    return found->rule != NULL;
}

/* ---- the steps ---- */

static bool
may_begin(struct drill *d)
{
    Fusuma__V1__Port *port = get_port(d);
    bool cut = port && port->quarantined;
    int64_t open;

    if (!port) {
        return false;
    }
    client_free(port);
    if (cut) {
        ctl_error("%s is in quarantine already", d->port);
        return false;
    }
    open = open_incident(d, NULL);
    if (open > 0) {
        ctl_error("%s has an open incident, %" PRId64 ": a drill needs one of its own", d->port,
                  open);
    }
    return !open;
}

static const char *
probe_name(enum drill_probe probe)
{
    return probe == PROBE_CONNECTED ? "connected"
           : probe == PROBE_REFUSED ? "refused"
           : probe == PROBE_SILENCE ? "no answer"
                                    : strerror(errno);
}

static bool
probe(struct drill *d)
{
    enum drill_probe result;
    int64_t at;

    if (!d->netns) {
        d->memory.probe_us = now_us();
        drill_remember(d);
        fprintf(stderr,
                "Run this in the desktop, within %d minutes (Linux; Windows):\n"
                "    nc -z -w 1 %s %u\n"
                "    Test-NetConnection %s -Port %u\n",
                MANUAL_MS / 60000, d->target.ip, d->target.port, d->target.ip, d->target.port);
        return true;
    }
    at = d->memory.probe_us = now_us();
    drill_remember(d);
    result = drill_probe(d->netns, &d->target, CONNECT_MS);
    if (result == PROBE_FAILED) {
        d->memory.probe_us = 0; /* nothing was sent */
        drill_remember(d);
        drill_note(d, "probe", DRILL_FAILED, 0, "from namespace %s: %s", d->netns, strerror(errno));
        return false;
    }
    drill_note(d, "probe", result == PROBE_CONNECTED ? DRILL_FAILED : DRILL_SEEN, at, "%s: %s",
               d->target.text, result == PROBE_CONNECTED ? "it is allowed" : probe_name(result));
    return result != PROBE_CONNECTED;
}

static void
note_drop(struct drill *d, const Fusuma__V1__Cursor *from)
{
    struct found_drop found;

    if (!find_drop(d, from, &found)) {
        drill_note(d, "drop", DRILL_FAILED, 0, "there is no record of it");
        return;
    }
    if (!d->netns) {
        d->memory.probe_us = found.at_us; /* nobody knows it better */
        drill_note(d, "probe", DRILL_SEEN, found.at_us, "%s: by hand", d->target.text);
    }
    drill_note(d, "drop", DRILL_SEEN, found.at_us, "%s", found.rule);
    free(found.rule);
}

static bool
wait_for_incident(struct drill *d)
{
    int64_t end = now_us() + (d->netns ? d->ctl->timeout_ms : MANUAL_MS) * INT64_C(1000), id = 0;
    Fusuma__V1__Incident *incident = NULL;

    while (!id && now_us() < end) {
        id = open_incident(d, &incident);
        usleep(id ? 0 : POLL_MS * 1000);
    }
    note_drop(d, incident ? incident->first_record : NULL);
    if (!incident) {
        drill_note(d, "incident", DRILL_FAILED, 0, "none was opened");
        return false;
    }
    d->memory.incident = (uint64_t) id;
    drill_note(d, "incident", DRILL_SEEN,
               incident->n_actions ? time_us(incident->actions[0]->time) : now_us(),
               "%" PRId64 ": %s", id, incident->grounds);
    client_free(incident);
    return !d->failed;
}

/* Whether the file has a line of the incident among what is new. */
static bool
file_has(const struct drill *d, const char *key)
{
    FILE *f = fopen(d->file, "r");
    bool has = false;
    char *line = NULL;
    size_t size = 0;

    if (!f) {
        return false;
    }
    /* A file that is shorter now was begun anew. */
    if (!fseeko(f, 0, SEEK_END) &&
        !fseeko(f, ftello(f) < d->file_from ? 0 : d->file_from, SEEK_SET)) {
        while (!has && getline(&line, &size, f) > 0) {
            has = strchr(line, '\n') && strstr(line, key);
        }
    }
    free(line);
    fclose(f);
    return has;
}

static void
wait_for_sink(struct drill *d)
{
    int64_t end = now_us() + d->ctl->timeout_ms * INT64_C(1000);
    char *key = xasprintf("\"incident-%" PRIu64 "-", d->memory.incident);
    bool has = false;

    if (!d->file) {
        drill_note(d, "sink", DRILL_NOT_CHECKED, 0, "without --sink-file");
        free(key);
        return;
    }
    while (!(has = file_has(d, key)) && now_us() < end) {
        usleep(POLL_MS * 1000);
    }
    drill_note(d, "sink", has ? DRILL_SEEN : DRILL_FAILED, has ? now_us() : 0, "%s%s", d->file,
               has ? "" : ": it has no line of the incident");
    free(key);
}

/* Cut off because of the drill, and not by somebody meanwhile. */
static bool
is_ours(const struct drill *d, const Fusuma__V1__Port *port)
{
    const Fusuma__V1__QuarantineState *q = port->quarantined ? port->quarantine : NULL;

    return q && time_us(q->since) >= d->memory.probe_us &&
           (!strcmp(q->comment, DRILL) || !strcmp(q->who, "switch"));
}

/* 0: it is not, or was not for the drill. */
static int64_t
cut_off_since(struct drill *d, bool *by_switch)
{
    Fusuma__V1__Port *port = get_port(d);
    int64_t since = port && is_ours(d, port) ? time_us(port->quarantine->since) : 0;

    *by_switch = since && !strcmp(port->quarantine->who, "switch");
    client_free(port);
    return since;
}

static void
quarantine(struct drill *d)
{
    Fusuma__V1__QuarantineRequest request = FUSUMA__V1__QUARANTINE_REQUEST__INIT;
    Fusuma__V1__QuarantineReceipt *receipt = NULL;
    int64_t end = now_us() + AUTOMATIC_MS * INT64_C(1000), since;
    bool by_switch;

    while (!(since = cut_off_since(d, &by_switch)) && !d->quarantines && now_us() < end) {
        usleep(POLL_MS * 1000);
    }
    if (!since && !d->quarantines) {
        drill_note(d, "quarantine", DRILL_NOT_CHECKED, 0,
                   "not by the policy for one probe, and without --quarantine");
        return;
    }
    if (!since) {
        request.port = (char *) d->port;
        request.comment = (char *) DRILL;
        if (client_call(d->ctl, quarantines, "Quarantine", &request, &receipt)) {
            drill_note(d, "quarantine", DRILL_FAILED, 0, "the switch refuses it");
            return;
        }
        client_free(receipt);
        since = cut_off_since(d, &by_switch);
    }
    d->cut_off = since != 0;
    drill_note(d, "quarantine", since ? DRILL_SEEN : DRILL_FAILED, since, "%s",
               !since      ? "the port is not cut off"
               : by_switch ? "by the policy"
                           : "by the drill");
}

/* Whether allowed packets pass as they should at this point. */
static bool
check_allowed(struct drill *d, const char *name, bool should)
{
    int64_t end = now_us() + (should ? d->ctl->timeout_ms : 0) * INT64_C(1000);
    enum drill_probe result;

    if (!d->has_allowed) {
        return true;
    }
    do {
        result = drill_probe(d->netns, &d->allowed, CONNECT_MS);
    } while (should && result != PROBE_CONNECTED && now_us() < end);
    drill_note(d, name,
               result != PROBE_FAILED && (result == PROBE_CONNECTED) == should ? DRILL_SEEN
                                                                               : DRILL_FAILED,
               now_us(), "%s: %s", d->allowed.text, probe_name(result));
    return (result == PROBE_CONNECTED) == should;
}

int
drill_run(struct drill *d)
{
    if (!may_begin(d)) {
        return CTL_REFUSED;
    }
    if (!check_allowed(d, "allowed before", true) || !probe(d) || !wait_for_incident(d)) {
        return CTL_REFUSED;
    }
    wait_for_sink(d);
    quarantine(d);
    if (d->cut_off) {
        check_allowed(d, "nothing passes", false);
    }
    return d->failed ? CTL_REFUSED : CTL_OK;
}

/* ---- afterwards ---- */

static int
release(struct drill *d)
{
    Fusuma__V1__ReleaseRequest request = FUSUMA__V1__RELEASE_REQUEST__INIT;
    Fusuma__V1__QuarantineReceipt *receipt;
    int code;

    request.port = (char *) d->port;
    request.reason = (char *) DRILL;
    code = client_call(d->ctl, quarantines, "Release", &request, &receipt);
    if (code) {
        ctl_error("%s is still in quarantine: 'swctl release %s --reason drill'", d->port, d->port);
        drill_note(d, "release", DRILL_FAILED, 0, "it is still in quarantine");
        return code;
    }
    client_free(receipt);
    drill_note(d, "release", DRILL_SEEN, now_us(), "%s", DRILL);
    return check_allowed(d, "allowed after", true) ? CTL_OK : CTL_REFUSED;
}

static int
close_incident(struct drill *d, uint64_t id)
{
    Fusuma__V1__CloseIncidentRequest request = FUSUMA__V1__CLOSE_INCIDENT_REQUEST__INIT;
    Fusuma__V1__Incident *closed;
    int code;

    request.id = id;
    request.text = (char *) DRILL;
    code = client_call(d->ctl, incidents, "CloseIncident", &request, &closed);
    drill_note(d, "close", code ? DRILL_FAILED : DRILL_SEEN, code ? 0 : now_us(),
               "incident %" PRIu64, id);
    if (!code) {
        client_free(closed);
    }
    return code;
}

/* Whether the desktop has gone for more desktops than the drill made it try, or for so much that it
 * is no mere probe: that is no drill any more. */
static bool
is_more(const struct drill *d, const Fusuma__V1__Incident *incident)
{
    for (size_t i = 0; i < incident->n_targets; i++) {
        const Fusuma__V1__IncidentTarget *t = incident->targets[i];

        if (t->port[0] && time_us(t->last_seen) >= d->memory.probe_us &&
            strcmp(t->address, d->target.ip) &&
            (!d->has_allowed || strcmp(t->address, d->allowed.ip))) {
            return true;
        }
    }
    return incident->kind != FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PROBE;
}

int
drill_clear_up(struct drill *d)
{
    Fusuma__V1__Incident *incident = NULL;
    bool by_switch, cut, more;
    int64_t id;
    int code = CTL_OK, closed = CTL_OK;

    if (!d->memory.probe_us) {
        return CTL_OK;
    }
    id = open_incident(d, &incident);
    cut = cut_off_since(d, &by_switch) != 0;
    more = incident && is_more(d, incident);
    if (more) {
        ctl_error("%s has tried more than the drill made it try: incident %" PRId64
                  " is left open%s",
                  d->port, id, cut && by_switch ? ", and the port in quarantine" : "");
        drill_note(d, "close", DRILL_FAILED, 0, "incident %" PRId64 " has more than the drill", id);
    } else if (id > 0) {
        closed = close_incident(d, (uint64_t) id);
    }
    /* Closed first, or the policy might cut it off once more. */
    if (cut && !(more && by_switch)) {
        code = release(d);
    }
    client_free(incident);
    d->memory.cleared = !code && !closed;
    drill_remember(d);
    return code ? code : closed || more || id < 0 ? CTL_REFUSED : CTL_OK;
}
