#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/incident.h"
#include "ctl/output.h"
#include "ctl/quarantine.h"
#include "ctl/refresh.h"
#include "fusuma/v1/watch.pb-c.h"
#include "util.h"

#define RETRY_US 500000

/* Fixed widths: lines are printed as they come, and the next one is not known. */
enum {
    EVENT_WIDTH = 8,
    KIND_WIDTH = 11,
    NAME_WIDTH = 16,
};

static const struct {
    const char *name;
    Fusuma__V1__WatchKind kind;
} kinds[] = {
    { "ports", FUSUMA__V1__WATCH_KIND__WATCH_KIND_PORTS },
    { "policy", FUSUMA__V1__WATCH_KIND__WATCH_KIND_POLICY },
    { "bindings", FUSUMA__V1__WATCH_KIND__WATCH_KIND_BINDINGS },
    { "quarantine", FUSUMA__V1__WATCH_KIND__WATCH_KIND_QUARANTINE },
    { "incidents", FUSUMA__V1__WATCH_KIND__WATCH_KIND_INCIDENTS },
};

/* What goes on over connections. */
struct watching {
    Fusuma__V1__WatchPosition position;
    bool has_position;
    bool answered; /* the switch has said something ... */
    bool lost;     /* ... and the connection broke, which was said */
    bool synced;   /* on this connection */
    size_t n;      /* objects listed on it */
    bool failed;   /* to print */
};

/* ---- printing ---- */

static void
put_port(struct ds *s, const Fusuma__V1__Port *p)
{
    bool up = p->state == FUSUMA__V1__PORT_STATE__PORT_STATE_UP;

    ds_put_format(s, "%s%s, generation %" PRIu64, up ? "up" : "down",
                  p->quarantined ? ", in quarantine" : "", p->generation);
    if (p->spec && p->spec->mac[0]) {
        ds_put_format(s, ", %s", p->spec->mac);
    }
    if (p->spec && p->spec->user[0]) {
        ds_put_format(s, ", %s", p->spec->user);
    }
    if (p->refresh) {
        ds_put_cstr(s, "; refresh ");
        put_refresh(s, p->refresh);
    }
}

/* What there is to say of the event's object.  Its kind, or NULL.  '*name' lasts until the next
 * call. */
static const char *
describe(const Fusuma__V1__WatchEvent *e, const char **name, struct ds *s)
{
    static char id[24];

    *name = "";
    switch (e->object_case) {
    case FUSUMA__V1__WATCH_EVENT__OBJECT_PORT:
        *name = e->port->spec ? e->port->spec->name : "";
        put_port(s, e->port);
        return "port";
    case FUSUMA__V1__WATCH_EVENT__OBJECT_POLICY:
        ds_put_format(s, "version %" PRIu64 ", %.12s, %" PRIu32 " rules, generation %" PRIu64 "%s",
                      e->policy->version, e->policy->digest, e->policy->rules,
                      e->policy->generation, e->policy->confirm_by ? ", to be confirmed" : "");
        return "policy";
    case FUSUMA__V1__WATCH_EVENT__OBJECT_BINDING:
        *name = e->binding->port;
        ds_put_format(s, "%s, %s, %s", e->binding->ip, e->binding->mac, e->binding->how);
        return "binding";
    case FUSUMA__V1__WATCH_EVENT__OBJECT_QUARANTINE:
        *name = e->quarantine->port;
        put_quarantine(s, e->quarantine);
        return "quarantine";
    case FUSUMA__V1__WATCH_EVENT__OBJECT_INCIDENT:
        snprintf(id, sizeof id, "%" PRIu64, e->incident->id);
        *name = id;
        put_incident(s, e->incident);
        return "incident";
    case FUSUMA__V1__WATCH_EVENT__OBJECT__NOT_SET:
    default:
        return NULL;
    }
}

static void
print_object(const char *what, const Fusuma__V1__WatchEvent *e)
{
    struct ds text = DS_EMPTY_INITIALIZER, line = DS_EMPTY_INITIALIZER;
    const char *name, *kind = describe(e, &name, &text);
    bool gone = e->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_REMOVED;
    bool is_binding = e->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_BINDING;

    if (kind) {
        output_pad(&line, what, EVENT_WIDTH);
        ds_put_char(&line, ' ');
        output_pad(&line, kind, KIND_WIDTH);
        ds_put_char(&line, ' ');
        output_pad(&line, name, NAME_WIDTH);
        /* Of what is gone only its name is certain, which is, of a binding, more than the port's.
         */
        output_line("%s %s", ds_cstr(&line), gone && !is_binding ? "" : ds_cstr(&text));
    } else {
        output_line("-- an event that this version of swctl does not know");
    }
    ds_destroy(&line);
    ds_destroy(&text);
}

static void
print_synced(const struct watching *w)
{
    output_line("-- %zu %s; from here on, changes (position %" PRIu64 ".%" PRIu64 ")", w->n,
                w->n == 1 ? "event" : "events", w->position.epoch, w->position.revision);
}

static void
print_event(const Fusuma__V1__WatchEvent *e, const struct watching *w)
{
    switch (e->type) {
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_ADDED:
        print_object("added", e);
        break;
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_CHANGED:
        print_object("changed", e);
        break;
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_REMOVED:
        print_object("removed", e);
        break;
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_SYNCED:
        print_synced(w);
        break;
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_RESET:
        output_line("-- forget all of the above: the switch started anew, or too much was missed");
        break;
    case FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_UNSPECIFIED:
    default:
        output_line("-- an event that this version of swctl does not know");
        break;
    }
}

/* ---- the stream ---- */

static void
note(struct watching *w, const Fusuma__V1__WatchEvent *e)
{
    w->answered = true;
    w->lost = false;
    if (e->position) {
        w->position.epoch = e->position->epoch;
        w->position.revision = e->position->revision;
        w->has_position = true;
    }
    w->synced = w->synced || e->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_SYNCED;
    w->n += e->object_case != FUSUMA__V1__WATCH_EVENT__OBJECT__NOT_SET;
}

static int
take(const struct ctl *ctl, const ProtobufCMessage *message, int patience_ms, void *watching)
{
    const Fusuma__V1__WatchEvent *e = (const Fusuma__V1__WatchEvent *) message;
    struct watching *w = watching;

    note(w, e);
    if (ctl->structured) {
        output_event(message);
    } else {
        print_event(e, w);
    }
    w->failed = !output_flush();
    return w->failed ? -1 : w->synced ? 0 : patience_ms;
}

static bool
add_kind(Fusuma__V1__WatchRequest *request, const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(word, kinds[i].name)) {
            request->kinds[request->n_kinds++] = kinds[i].kind;
            return true;
        }
    }
    ctl_error("'%s' is none of ports, policy, bindings, quarantine, incidents", word);
    return false;
}

/* Whether it is worth another try.  The first failure after success is said. */
static bool
tries_again(struct watching *w, enum rpc_status status, char *error)
{
    if (status != RPC_UNAVAILABLE || !w->answered) {
        return false;
    }
    if (!w->lost) {
        ctl_error("%s; trying again", error);
        w->lost = true;
    }
    free(error);
    return true;
}

static int
follow(struct ctl *ctl, Fusuma__V1__WatchRequest *request, struct watching *w)
{
    int patience_ms = ctl->timeout_ms;
    enum rpc_status status;
    char *error;

    for (;;) {
        error = NULL;
        w->synced = false;
        w->n = 0;
        request->resume = w->has_position ? &w->position : NULL;
        status = client_read(ctl, &fusuma__v1__watch_service__descriptor, "Watch", request,
                             patience_ms, take, w, &error);
        if (w->failed) {
            return CTL_REFUSED;
        }
        if (!tries_again(w, status, error)) {
            return status == RPC_OK ? CTL_OK : client_fail(ctl, status, error);
        }
        patience_ms = 0;
        usleep(RETRY_US);
    }
}

/* Of these kinds; without any, of all. */
static int
watch_kinds(struct ctl *ctl, const char *const *names, size_t n)
{
    Fusuma__V1__WatchRequest request = FUSUMA__V1__WATCH_REQUEST__INIT;
    struct watching w = { .position = FUSUMA__V1__WATCH_POSITION__INIT };
    Fusuma__V1__WatchKind asked[ARRAY_SIZE(kinds)];

    if (n > ARRAY_SIZE(asked)) {
        ctl_error("each kind is named once at most");
        return CTL_USAGE;
    }
    request.kinds = asked;
    for (size_t i = 0; i < n; i++) {
        if (!add_kind(&request, names[i])) {
            return CTL_USAGE;
        }
    }
    if (!args_position(ctl->args, OPT_RESUME, &w.position.epoch, &w.position.revision)) {
        return CTL_USAGE;
    }
    w.has_position = args_has(ctl->args, OPT_RESUME);
    return follow(ctl, &request, &w);
}

int
watch(struct ctl *ctl)
{
    return watch_kinds(ctl, ctl->words, ctl->n_words);
}

int
incident_watch(struct ctl *ctl)
{
    static const char *const names[] = { "incidents" };

    return watch_kinds(ctl, names, 1);
}
