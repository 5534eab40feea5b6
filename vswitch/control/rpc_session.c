#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "control/session_changes.h"
#include "fusuma/v1/session.pb-c.h"
#include "util.h"

#define DEFAULT_LIMIT 1000

static Fusuma__V1__Session *
session_message(const struct session *session)
{
    Fusuma__V1__Session *m = message_new(&fusuma__v1__session__descriptor);

    m->id = session->id;
    m->port = xstrdup(session->port);
    m->vm_id = xstrdup(session->vm_id);
    m->user = xstrdup(session->user);
    m->broker_session = xstrdup(session->broker);
    m->who = xstrdup(session->who);
    m->from = time_message(session->from_us);
    m->to = time_message(session->to_us);
    return m;
}

/* False, and the call has failed: it is no time. */
static bool
take_time(struct rpc_call *call, const Google__Protobuf__Timestamp *at, int64_t *at_us)
{
    bool ok = time_from_message(at, at_us);

    if (!ok) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "at: it is no time from 1970 to 9999");
    }
    return ok;
}

/* ---- changes ---- */

static void
logged_in(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
          const struct session *const *sessions, size_t n OVS_UNUSED, void *call)
{
    if (status) {
        rpc_call_fail(call, status, "%s", error);
    } else {
        rpc_reply_with(call, session_message(sessions[0]));
    }
}

void
rpc_login(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__LoginRequest *r = (const Fusuma__V1__LoginRequest *) request;
    const struct session_desktop by = { r->port, r->mac, r->vm_id };
    struct control *c = control;
    struct session_told told = { .user = r->user, .broker = r->broker_session };
    char *who;

    if (!take_time(call, r->at, &told.at_us)) {
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    told.who = who;
    sessions_login(c, &by, &told, logged_in, call);
    free(who);
}

static void
logged_out(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
           const struct session *const *sessions, size_t n, void *call)
{
    Fusuma__V1__LogoutResponse *m;

    if (status) {
        rpc_call_fail(call, status, "%s", error);
        return;
    }
    m = message_new(&fusuma__v1__logout_response__descriptor);
    for (size_t i = 0; i < n; i++) {
        message_append(m->ended, m->n_ended, session_message(sessions[i]));
    }
    rpc_reply_with(call, m);
}

void
rpc_logout(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__LogoutRequest *r = (const Fusuma__V1__LogoutRequest *) request;
    struct session_choice choice = { .id = r->id, .broker = r->broker_session, .port = r->port };

    if (take_time(call, r->at, &choice.at_us)) {
        sessions_logout(control, &choice, logged_out, call);
    }
}

/* ---- the list ---- */

static bool
is_wanted(const Fusuma__V1__ListSessionsRequest *r, int64_t at_us, const struct session *session)
{
    return (!r->port[0] || !strcmp(r->port, session->port)) &&
           (!r->user[0] || !strcmp(r->user, session->user)) && (!r->open || !session->to_us) &&
           (!r->at || (session->from_us <= at_us && (!session->to_us || session->to_us > at_us)));
}

static int
compare_newest(const void *a_, const void *b_)
{
    const struct session *const *a = a_, *const *b = b_;

    return ((*a)->id < (*b)->id) - ((*a)->id > (*b)->id);
}

void
rpc_list_sessions(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ListSessionsRequest *r = (const Fusuma__V1__ListSessionsRequest *) request;
    const struct sessions *s = &((const struct control *) control)->sessions;
    const struct session **found, *session;
    Fusuma__V1__ListSessionsResponse *m;
    size_t n = 0, limit = r->limit ? r->limit : DEFAULT_LIMIT;
    int64_t at_us;

    if (!take_time(call, r->at, &at_us)) {
        return;
    }
    found = xcalloc(s->n_open + s->n_ended + 1, sizeof *found);
    m = message_new(&fusuma__v1__list_sessions_response__descriptor);
    LIST_FOR_EACH (session, node, &s->open) {
        found[n] = session;
        n += is_wanted(r, at_us, session);
    }
    LIST_FOR_EACH (session, node, &s->ended) {
        found[n] = session;
        n += is_wanted(r, at_us, session);
    }
    qsort(found, n, sizeof *found, compare_newest);
    for (size_t i = 0; i < n && i < limit; i++) {
        message_append(m->sessions, m->n_sessions, session_message(found[i]));
    }
    free(found);
    rpc_reply_with(call, m);
}
