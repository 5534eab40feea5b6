#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/incident_message.h"
#include "control/incidents.h"
#include "control/message.h"
#include "control/rpc.h"
#include "util.h"

#define DEFAULT_LIMIT 100
#define TEXT_MAX 1000

static void
fail_not_found(struct rpc_call *call, uint64_t id)
{
    rpc_call_fail(call, RPC_NOT_FOUND, "there is no incident %" PRIu64, id);
}

/* Whether the user is one of those whom the incident names. */
static bool
is_user_of(const char *users, const Fusuma__V1__SessionRef *const *sessions, size_t n,
           const char *user)
{
    bool found = !strcmp(users, user);

    for (size_t i = 0; i < n; i++) {
        found |= !strcmp(sessions[i]->user, user);
    }
    return found;
}

static bool
is_suspect(const Fusuma__V1__Incident *m, const char *user)
{
    return is_user_of(m->user, (const Fusuma__V1__SessionRef *const *) m->sessions, m->n_sessions,
                      user);
}

/* ---- reading ---- */

void
rpc_list_incidents(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ListIncidentsRequest *r = (const Fusuma__V1__ListIncidentsRequest *) request;
    const struct control *c = control;
    Fusuma__V1__ListIncidentsResponse *reply =
        message_new(&fusuma__v1__list_incidents_response__descriptor);
    size_t limit = r->limit ? r->limit : DEFAULT_LIMIT;

    for (const Fusuma__V1__Incident *m = incidents_previous(c->incidents, 0); m;
         m = incidents_previous(c->incidents, m->id)) {
        if ((r->open && m->closed) || (r->port[0] && strcmp(r->port, m->port)) ||
            (r->user[0] && !is_suspect(m, r->user)) || m->severity < r->at_least) {
            continue;
        }
        if (reply->n_incidents == limit) {
            reply->truncated = true;
            break;
        }
        message_append(reply->incidents, reply->n_incidents, incident_message_short(m));
    }
    rpc_reply_with(call, reply);
}

void
rpc_get_incident(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    uint64_t id = ((const Fusuma__V1__GetIncidentRequest *) request)->id;
    const struct control *c = control;
    const Fusuma__V1__Incident *m = incidents_find(c->incidents, id);

    if (m) {
        rpc_call_reply(call, &m->base);
    } else {
        fail_not_found(call, id);
    }
}

/* ---- changes ---- */

static void
changed(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
        const Fusuma__V1__Incident *m, void *call)
{
    if (status) {
        rpc_call_fail(call, status, "%s", error);
    } else {
        rpc_call_reply(call, &m->base);
    }
}

static bool
check_text(struct rpc_call *call, const char *text, bool required)
{
    size_t n = strlen(text);

    if (n > TEXT_MAX || (required && !n)) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "text: it has %zu bytes; %d to %d are allowed", n,
                      required, TEXT_MAX);
        return false;
    }
    return true;
}

void
rpc_note_incident(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__NoteIncidentRequest *r = (const Fusuma__V1__NoteIncidentRequest *) request;
    struct control *c = control;
    char *who;

    if (check_text(call, r->text, true)) {
        who = access_who(&c->config.access, rpc_call_peer(call));
        incidents_note(c, r->id, who, r->text, changed, call);
        free(who);
    }
}

void
rpc_close_incident(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__CloseIncidentRequest *r = (const Fusuma__V1__CloseIncidentRequest *) request;
    struct control *c = control;
    char *who;

    if (check_text(call, r->text, false)) {
        who = access_who(&c->config.access, rpc_call_peer(call));
        incidents_close(c, r->id, who, r->text, changed, call);
        free(who);
    }
}

/* ---- scope ---- */

struct scope {
    struct acl_prefix host;
    const char *user; /* NULL: by host */
};

static bool
covers(const struct scope *s, const char *address)
{
    struct acl_addr addr;

    return acl_addr_parse(address, &addr) && acl_prefix_contains(&s->host, &addr);
}

static bool
scope_has_suspect(const struct scope *s, const Fusuma__V1__Incident *m)
{
    bool found = s->user && is_suspect(m, s->user);

    for (size_t i = 0; !s->user && i < m->n_addresses; i++) {
        found |= covers(s, m->addresses[i]);
    }
    return found;
}

/* Users of a target are one text, "aiko" or "aiko, ben". */
static bool
has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = list; (p = strstr(p, word)); p++) {
        if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ',')) {
            return true;
        }
    }
    return false;
}

static void
add_scoped(Fusuma__V1__ScopeIncidentsResponse *reply, const struct scope *s,
           const Fusuma__V1__Incident *m)
{
    Fusuma__V1__ScopedIncident *scoped = message_new(&fusuma__v1__scoped_incident__descriptor);
    bool suspect = scope_has_suspect(s, m);

    for (size_t i = 0; i < m->n_targets; i++) {
        const Fusuma__V1__IncidentTarget *t = m->targets[i];

        if (s->user ? has_word(t->user, s->user) : covers(s, t->address)) {
            message_append(scoped->targets, scoped->n_targets, message_copy(&t->base));
        }
    }
    if (!suspect && !scoped->n_targets) {
        message_free(scoped);
        return;
    }
    scoped->part = xstrdup(suspect && scoped->n_targets ? "suspect, target"
                           : suspect                    ? "suspect"
                                                        : "target");
    scoped->incident = incident_message_short(m);
    message_append(reply->incidents, reply->n_incidents, scoped);
}

void
rpc_scope_incidents(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ScopeIncidentsRequest *r =
        (const Fusuma__V1__ScopeIncidentsRequest *) request;
    struct scope s = { .user = r->user[0] ? r->user : NULL };
    const struct control *c = control;
    Fusuma__V1__ScopeIncidentsResponse *reply;

    if (!r->host[0] == !r->user[0]) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "exactly one of host and user is wanted");
        return;
    }
    if (r->host[0] && !acl_prefix_parse(r->host, &s.host)) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT,
                      "host: \"%s\" is neither an address nor a prefix without host bits", r->host);
        return;
    }
    reply = message_new(&fusuma__v1__scope_incidents_response__descriptor);
    for (const Fusuma__V1__Incident *m = incidents_previous(c->incidents, 0); m;
         m = incidents_previous(c->incidents, m->id)) {
        add_scoped(reply, &s, m);
    }
    rpc_reply_with(call, reply);
}
