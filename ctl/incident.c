#include <config.h>

#include "ctl/incident.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "util.h"

/* That an incident lists (incident.proto). */
#define MAX_TARGETS 256
#define MAX_SERVICES 64

const ProtobufCServiceDescriptor *const incident_service =
    &fusuma__v1__incident_service__descriptor;

/* ---- words ---- */

static const char *const severities[] = { "ungraded", "low", "medium", "high", "critical" };
static const char *const kinds[] = { "?", "probe", "port scan", "sweep", "worm", "flood" };
static const char *const actions[] = { "?",    "opened", "graded",    "quarantined", "released",
                                       "note", "closed", "port gone", "capture" };

const char *
incident_severity(Fusuma__V1__IncidentSeverity severity)
{
    return (size_t) severity < ARRAY_SIZE(severities) ? severities[severity] : "?";
}

const char *
incident_kind(Fusuma__V1__IncidentKind kind)
{
    return (size_t) kind < ARRAY_SIZE(kinds) ? kinds[kind] : "?";
}

const char *
incident_action(Fusuma__V1__IncidentActionKind kind)
{
    return (size_t) kind < ARRAY_SIZE(actions) ? actions[kind] : "?";
}

const char *
incident_state(const Fusuma__V1__Incident *i)
{
    const char *open = i->quarantined ? "open, quarantined" : "open";

    return i->closed ? i->quarantined ? "closed, quarantined" : "closed" : open;
}

static char *
count_text(const Fusuma__V1__Incident *i, uint64_t n, uint64_t listed)
{
    return xasprintf("%s%" PRIu64, i->estimated && n > listed ? "~" : "", n);
}

char *
incident_targets(const Fusuma__V1__Incident *i)
{
    return count_text(i, i->distinct_targets, MAX_TARGETS);
}

char *
incident_services(const Fusuma__V1__Incident *i)
{
    return count_text(i, i->distinct_services, MAX_SERVICES);
}

void
put_incident(struct ds *s, const Fusuma__V1__Incident *i)
{
    char *targets = incident_targets(i);
    char *services = incident_services(i);

    ds_put_format(s, "%s %s of %s", incident_severity(i->severity), incident_kind(i->kind),
                  i->port);
    if (i->user[0]) {
        ds_put_format(s, " (%s)", i->user);
    }
    ds_put_format(s, ": %s address%s, %s service%s, %" PRIu64 " packets, %s", targets,
                  i->distinct_targets == 1 ? "" : "es", services,
                  i->distinct_services == 1 ? "" : "s", i->packets, incident_state(i));
    free(targets);
    free(services);
}

/* ---- arguments ---- */

uint64_t
incident_id(const char *text)
{
    char *end;
    uint64_t id;

    errno = 0;
    id = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || !id) {
        ctl_error("'%s' is not an incident: a number that 'incident list' shows", text);
        return 0;
    }
    return id;
}

static bool
set_severity(const struct ctl *ctl, Fusuma__V1__IncidentSeverity *severity)
{
    const char *text = args_value(ctl->args, OPT_SEVERITY);

    if (!text) {
        return true;
    }
    for (size_t i = 1; i < ARRAY_SIZE(severities); i++) {
        if (!strcmp(text, severities[i])) {
            *severity = (Fusuma__V1__IncidentSeverity) i;
            return true;
        }
    }
    ctl_error("--severity: '%s' is none of low, medium, high, critical", text);
    return false;
}

/* ---- list ---- */

static void
put_time(struct columns *c, const Google__Protobuf__Timestamp *t)
{
    char *text = when_text(t);

    columns_text(c, text ? text : "-");
    free(text);
}

static void
put_row(struct columns *c, const Fusuma__V1__Incident *i)
{
    char *targets = incident_targets(i);
    char *services = incident_services(i);

    columns_number(c, i->id);
    columns_text(c, incident_severity(i->severity));
    columns_text(c, incident_kind(i->kind));
    columns_text(c, i->port);
    columns_text(c, i->user);
    columns_text(c, targets);
    columns_text(c, services);
    put_time(c, i->first_seen);
    put_time(c, i->last_seen);
    columns_text(c, incident_state(i));
    columns_number(c, i->packets);
    columns_text(c, i->mac);
    columns_text(c, i->vm_id);
    columns_text(c, i->grounds);
    free(targets);
    free(services);
}

static void
print_list(const void *reply)
{
    const Fusuma__V1__ListIncidentsResponse *list = reply;
    struct columns c;

    columns_init(&c, ">ID SEVERITY KIND PORT USER >TARGETS >SERVICES FIRST LAST STATE +>PACKETS "
                     "+MAC +VM +GROUNDS");
    for (size_t i = 0; i < list->n_incidents; i++) {
        put_row(&c, list->incidents[i]);
    }
    columns_print(&c);
    if (list->truncated) {
        output_line("-- there are more: --limit N, or what narrows it down");
    }
}

int
incident_list(struct ctl *ctl)
{
    Fusuma__V1__ListIncidentsRequest request = FUSUMA__V1__LIST_INCIDENTS_REQUEST__INIT;
    const char *port = args_value(ctl->args, OPT_PORT), *user = args_value(ctl->args, OPT_USER);

    if (ctl->args->values[OPT_PORT].n > 1) {
        ctl_error("'incident list' takes one --port");
        return CTL_USAGE;
    }
    request.port = CONST_CAST(char *, port ? port : "");
    request.user = CONST_CAST(char *, user ? user : "");
    request.open = args_has(ctl->args, OPT_OPEN);
    if (!set_severity(ctl, &request.at_least) ||
        !args_number(ctl->args, OPT_LIMIT, 1, UINT32_MAX, &request.limit)) {
        return CTL_USAGE;
    }
    return client_show(ctl, incident_service, "ListIncidents", &request, print_list);
}

/* ---- show, note, close ---- */

int
incident_show(struct ctl *ctl)
{
    Fusuma__V1__GetIncidentRequest request = FUSUMA__V1__GET_INCIDENT_REQUEST__INIT;

    request.id = incident_id(ctl->arg);
    return request.id ? client_show(ctl, incident_service, "GetIncident", &request, print_incident)
                      : CTL_USAGE;
}

static void
print_noted(const void *reply)
{
    const Fusuma__V1__Incident *i = reply;

    output_line("incident %" PRIu64 ": noted", i->id);
}

int
incident_note(struct ctl *ctl)
{
    Fusuma__V1__NoteIncidentRequest request = FUSUMA__V1__NOTE_INCIDENT_REQUEST__INIT;
    struct ds text = DS_EMPTY_INITIALIZER;
    int code = CTL_USAGE;

    for (size_t i = 1; i < ctl->n_words; i++) {
        ds_put_format(&text, "%s%s", i > 1 ? " " : "", ctl->words[i]);
    }
    request.id = incident_id(ctl->arg);
    request.text = ds_cstr(&text);
    if (request.id && !request.text[0]) {
        ctl_error("'incident note' needs a TEXT");
    } else if (request.id) {
        code = client_show(ctl, incident_service, "NoteIncident", &request, print_noted);
    }
    ds_destroy(&text);
    return code;
}

static void
print_closed(const void *reply)
{
    const Fusuma__V1__Incident *i = reply;
    char *time = when_text(i->closed_at);

    output_line("incident %" PRIu64 " is closed since %s, by %s", i->id, time ? time : "-",
                i->closed_by);
    free(time);
}

int
incident_close(struct ctl *ctl)
{
    Fusuma__V1__CloseIncidentRequest request = FUSUMA__V1__CLOSE_INCIDENT_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);

    request.id = incident_id(ctl->arg);
    request.text = CONST_CAST(char *, comment ? comment : "");
    return request.id ? client_show(ctl, incident_service, "CloseIncident", &request, print_closed)
                      : CTL_USAGE;
}

/* ---- scope ---- */

/* What was tried with it, as a target. */
static char *
tried_text(const Fusuma__V1__ScopedIncident *s)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < s->n_targets; i++) {
        const Fusuma__V1__IncidentTarget *t = s->targets[i];
        char *services = output_list(t->services, t->n_services);

        ds_put_format(&text, "%s%s: %s", i ? "; " : "", t->address, services);
        if (t->distinct_services > t->n_services) {
            ds_put_format(&text, " and %" PRIu64 " more", t->distinct_services - t->n_services);
        }
        free(services);
    }
    ds_put_cstr(&text, "");
    return ds_steal_cstr(&text);
}

static void
print_scope(const void *reply)
{
    const Fusuma__V1__ScopeIncidentsResponse *scope = reply;
    struct columns c;

    columns_init(&c, ">ID PART SEVERITY KIND PORT USER FIRST LAST STATE TRIED");
    for (size_t k = 0; k < scope->n_incidents; k++) {
        const Fusuma__V1__ScopedIncident *s = scope->incidents[k];
        char *tried = tried_text(s);

        if (s->incident) {
            columns_number(&c, s->incident->id);
            columns_text(&c, s->part);
            columns_text(&c, incident_severity(s->incident->severity));
            columns_text(&c, incident_kind(s->incident->kind));
            columns_text(&c, s->incident->port);
            columns_text(&c, s->incident->user);
            put_time(&c, s->incident->first_seen);
            put_time(&c, s->incident->last_seen);
            columns_text(&c, incident_state(s->incident));
            columns_text(&c, tried);
        }
        free(tried);
    }
    columns_print(&c);
}

int
incident_scope(struct ctl *ctl)
{
    Fusuma__V1__ScopeIncidentsRequest request = FUSUMA__V1__SCOPE_INCIDENTS_REQUEST__INIT;
    const char *host = args_value(ctl->args, OPT_HOST), *user = args_value(ctl->args, OPT_USER);

    if (!host == !user) {
        ctl_error("'incident scope' needs one of --host and --user");
        return CTL_USAGE;
    }
    request.host = CONST_CAST(char *, host ? host : "");
    request.user = CONST_CAST(char *, user ? user : "");
    return client_show(ctl, incident_service, "ScopeIncidents", &request, print_scope);
}
