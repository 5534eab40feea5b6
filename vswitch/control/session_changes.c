#include <config.h>

#include "control/session_changes.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "control/incidents.h"
#include "control/refresh_changes.h"
#include "control/state_sessions.h"
#include "openvswitch/vlog.h"
#include "telemetry/flow_log.h"
#include "telemetry/stream.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(sessions);

#define TEXT_SIZE 1024 /* of all users of a port; struct drop_event has as much */

struct session_change {
    struct change change;
    struct session *session;   /* of a login, until it is in force */
    const struct session *was; /* open already: nothing is to be done */
    int64_t at_us;             /* when it was, as it is told; 0: now */
    struct session **ending;   /* of a logout: the table's */
    size_t n_ending;
    int64_t to_us;
    char *port;
    struct refresh *refresh;      /* that it begins, until it is in force; or NULL */
    struct session_choice choice; /* strings are owned */
    session_done *done;
    void *aux;
};

static struct session_change *
cast(struct change *change)
{
    return CONTAINER_OF(change, struct session_change, change);
}

static void
destroy(struct session_change *sc)
{
    session_destroy(sc->session);
    refresh_destroy(sc->refresh);
    free(sc->ending);
    free(sc->port);
    free(CONST_CAST(char *, sc->choice.broker));
    free(CONST_CAST(char *, sc->choice.port));
    free(sc);
}

/* ---- whose drops they are ---- */

void
sessions_stamp(struct control *c, struct desired_port *port)
{
    char text[TEXT_SIZE];

    sessions_text(&c->sessions, port->spec->name, text, sizeof text);
    port->user_slot = text[0] ? ++c->last_user_slot : 0;
    port->restamped = true;
    stream_set_sessions(port->id, port->user_slot, text);
    flow_log_set_sessions(port->id, text);
}

/* Publishes what the port's sessions are now. */
static enum rpc_status
restamp(struct control *c, const char *name, char **error)
{
    struct desired_port *port = desired_find(&c->desired, name);

    if (!port) {
        return RPC_OK;
    }
    sessions_stamp(c, port);
    return publish(&c->publisher, &c->desired, NULL)
               ? control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change")
               : RPC_OK;
}

/* Since 'since_us' records have said otherwise, up to now. */
static void
correct(struct control *c, const char *port_name, const struct session *session, int64_t since_us,
        bool withdrawn)
{
    const struct desired_port *port = desired_find(&c->desired, port_name);
    struct drop_correction what = { .from_ns = since_us * UINT64_C(1000),
                                    .to_ns = (time_wall_usec() + 1) * UINT64_C(1000),
                                    .withdrawn = withdrawn };
    char line[SESSION_LINE_SIZE];

    if (port) {
        session_line(session, line);
        stream_correct(port->id, line, &what);
        incidents_correct(c, port_name, line, &what);
    }
}

/* ---- login ---- */

static enum rpc_status
begin_login(struct control *c, struct change *change, char **error)
{
    struct session_change *sc = cast(change);
    struct session *session = sc->session;
    const struct session *open = sessions_find_broker(&c->sessions, session->broker);
    const struct desired_port *port = desired_find(&c->desired, session->port);
    enum rpc_status status;

    if (!port) {
        return control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", session->port);
    }
    if (open && (strcmp(open->port, session->port) || strcmp(open->user, session->user))) {
        return control_fail(error, RPC_FAILED_PRECONDITION,
                            "broker_session: \"%s\" is open, as %s on port %s: log it out first",
                            session->broker, open->user, open->port);
    }
    for (const struct session *s = NULL;
         !open && !session->broker[0] && (s = sessions_next(&c->sessions, session->port, s));) {
        open = !s->broker[0] && !strcmp(s->user, session->user) ? s : NULL;
    }
    sc->was = open;
    if (!open && c->sessions.n_open >= SESSIONS_MAX) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "%d sessions are open already",
                            SESSIONS_MAX);
    }
    session->vm_id = xstrdup(port->spec->vm_id);
    session->id = c->sessions.last_id + 1;
    session->from_us = time_wall_usec();
    if (!sc->at_us || open) {
        return RPC_OK;
    }
    status = session_may_begin(&c->sessions, session, port->added_us, session->from_us, &sc->at_us,
                               error);
    session->from_us = sc->at_us;
    return status;
}

static int
store_login(struct state *state, struct change *change, char **error)
{
    const struct session_change *sc = cast(change);

    return sc->was ? 0 : state_put_session(state, sc->session, error);
}

static int
unstore_login(struct state *state, struct change *change, char **error)
{
    return state_delete_session(state, cast(change)->session->id, error);
}

static enum rpc_status
commit_login(struct control *c, struct change *change, char **error)
{
    struct session_change *sc = cast(change);
    struct session *session = sc->session;
    enum rpc_status status;

    if (sc->was) {
        return RPC_OK;
    }
    sessions_add(&c->sessions, session);
    status = restamp(c, session->port, error);
    if (status) {
        sessions_remove(&c->sessions, session);
        return status;
    }
    correct(c, session->port, session, session->from_us, false);
    VLOG_INFO("session %" PRIu64 ": %s on port %s", session->id, session->user, session->port);
    sc->was = session; /* the table's */
    sc->session = NULL;
    return RPC_OK;
}

static void
login_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct session_change *sc = cast(change);

    sc->done(c, status, error, &sc->was, status ? 0 : 1, sc->aux);
    destroy(sc);
}

/* ---- logout ---- */

static void
choose(struct session_change *sc, struct session *session)
{
    if (session) {
        sc->ending = xrealloc(sc->ending, (sc->n_ending + 1) * sizeof *sc->ending);
        sc->ending[sc->n_ending++] = session;
    }
}

/* When they end, and whether that is the port's refresh. */
static enum rpc_status
prepare_end(struct control *c, struct session_change *sc, char **error)
{
    const struct desired_port *port = desired_find(&c->desired, sc->ending[0]->port);
    const struct session *last = sc->ending[sc->n_ending - 1];

    sc->port = xstrdup(last->port);
    sc->to_us = time_wall_usec();
    if (sc->choice.at_us) {
        int64_t now_us = sc->to_us;

        sc->to_us = sc->choice.at_us;
        for (size_t i = 0; i < sc->n_ending; i++) {
            enum rpc_status status = session_may_end(sc->ending[i], now_us, &sc->to_us, error);

            if (status) {
                return status;
            }
        }
    }
    if (port && port->spec->refresh_on_logoff &&
        sessions_count(&c->sessions, sc->port) == sc->n_ending) {
        sc->refresh = refresh_prepare(port, last, sc->to_us);
    }
    return RPC_OK;
}

static enum rpc_status
begin_logout(struct control *c, struct change *change, char **error)
{
    struct session_change *sc = cast(change);
    const struct session_choice *choice = &sc->choice;
    struct session *session = NULL;

    choose(sc, choice->id ? sessions_find(&c->sessions, choice->id)
                          : sessions_find_broker(&c->sessions, choice->broker));
    while (choice->port[0] && (session = sessions_next(&c->sessions, choice->port, session))) {
        choose(sc, session);
    }
    if (!sc->n_ending && choice->id) {
        return control_fail(error, RPC_NOT_FOUND, "session %" PRIu64 " is not open", choice->id);
    } else if (!sc->n_ending) {
        return choice->port[0]
                   ? control_fail(error, RPC_NOT_FOUND, "no session is open on port \"%s\"",
                                  choice->port)
                   : control_fail(error, RPC_NOT_FOUND, "no session that is open is named \"%s\"",
                                  choice->broker);
    }
    return prepare_end(c, sc, error);
}

static int
store_logout(struct state *state, struct change *change, char **error)
{
    const struct session_change *sc = cast(change);

    return state_end_sessions(state, sc->ending, sc->n_ending, sc->to_us, sc->refresh, error);
}

static int
unstore_logout(struct state *state, struct change *change, char **error)
{
    const struct session_change *sc = cast(change);

    return state_end_sessions(state, sc->ending, sc->n_ending, 0, NULL, error);
}

/* Without memory to publish, the slot's text is nobody's already. */
static enum rpc_status
commit_logout(struct control *c, struct change *change, char **error)
{
    struct session_change *sc = cast(change);
    enum rpc_status status;

    for (size_t i = 0; i < sc->n_ending; i++) {
        sessions_end(&c->sessions, sc->ending[i], sc->to_us);
        VLOG_INFO("session %" PRIu64 ": %s has left port %s", sc->ending[i]->id,
                  sc->ending[i]->user, sc->port);
    }
    status = restamp(c, sc->port, error);
    if (status) {
        VLOG_ERR("%s", *error);
        free(*error);
        *error = NULL;
    }
    for (size_t i = 0; i < sc->n_ending; i++) {
        correct(c, sc->port, sc->ending[i], sc->to_us, true);
    }
    if (sc->refresh) {
        refresh_commit(c, desired_find(&c->desired, sc->port), sc->refresh);
        sc->refresh = NULL; /* the port's */
    }
    return RPC_OK;
}

static void
logout_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct session_change *sc = cast(change);

    sc->done(c, status, error, (const struct session *const *) sc->ending,
             status ? 0 : sc->n_ending, sc->aux);
    destroy(sc);
}

/* ---- what is asked for ---- */

static struct session_change *
create(const struct change_ops *ops, session_done *done, void *aux)
{
    struct session_change *sc = xzalloc(sizeof *sc);

    sc->change.ops = ops;
    sc->done = done;
    sc->aux = aux;
    return sc;
}

/* A name that is shown to people, and on a line with others. */
static enum rpc_status
check_text(const char *field, const char *text, bool needed, char **error)
{
    size_t n = strlen(text);

    if (n > SESSION_TEXT_MAX || (needed && !n)) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "%s: it has %zu bytes; %d to %d are allowed", field, n, needed,
                            SESSION_TEXT_MAX);
    }
    for (const char *p = text; *p; p++) {
        if (iscntrl((unsigned char) *p)) {
            return control_fail(error, RPC_INVALID_ARGUMENT, "%s: it has a control character",
                                field);
        }
    }
    return RPC_OK;
}

static bool
is_it(const struct desired_port *port, const struct session_desktop *by)
{
    return by->port[0]  ? !strcmp(port->spec->name, by->port)
           : by->mac[0] ? port->role == PORT_DESKTOP && !strcasecmp(port->spec->mac, by->mac)
                        : !strcmp(port->spec->vm_id, by->vm_id);
}

static enum rpc_status
find_port(const struct control *c, const struct session_desktop *by,
          const struct desired_port **found, char **error)
{
    struct shash_node *node;

    *found = NULL;
    SHASH_FOR_EACH (node, &c->desired.ports) {
        const struct desired_port *port = node->data;

        if (!is_it(port, by)) {
            continue;
        }
        if (*found) { /* in two VLANs */
            return control_fail(error, RPC_FAILED_PRECONDITION,
                                "mac: ports %s and %s both have %s: name the port",
                                (*found)->spec->name, node->name, by->mac);
        }
        *found = port;
    }
    if (!*found) {
        return by->port[0] ? control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", by->port)
               : by->mac[0]
                   ? control_fail(error, RPC_NOT_FOUND, "no desktop has MAC %s", by->mac)
                   : control_fail(error, RPC_NOT_FOUND, "no desktop has VM id \"%s\"", by->vm_id);
    }
    return (*found)->role == PORT_DESKTOP
               ? RPC_OK
               : control_fail(error, RPC_FAILED_PRECONDITION, "port %s is no desktop",
                              (*found)->spec->name);
}

static enum rpc_status
check_login(const struct control *c, const struct session_desktop *by,
            const struct session_told *told, const struct desired_port **port, char **error)
{
    enum rpc_status status;

    if (!!by->port[0] + !!by->mac[0] + !!by->vm_id[0] != 1) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "one of port, mac and vm_id is needed, and no more");
    }
    status = check_text("user", told->user, true, error);
    status = status ? status : check_text("broker_session", told->broker, false, error);
    return status ? status : find_port(c, by, port, error);
}

void
sessions_login(struct control *c, const struct session_desktop *by, const struct session_told *told,
               session_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = begin_login,
                                           .store = store_login,
                                           .unstore = unstore_login,
                                           .commit = commit_login,
                                           .done = login_done };
    const struct desired_port *port = NULL;
    struct session_change *sc;
    char *error = NULL;
    enum rpc_status status = check_login(c, by, told, &port, &error);

    if (status) {
        done(c, status, error, NULL, 0, aux);
        free(error);
        return;
    }
    ovs_assert(port); /* It was found. */
    sc = create(&ops, done, aux);
    sc->at_us = told->at_us;
    sc->session = xzalloc(sizeof *sc->session);
    sc->session->port = xstrdup(port->spec->name);
    sc->session->user = xstrdup(told->user);
    sc->session->broker = xstrdup(told->broker);
    sc->session->who = xstrdup(told->who);
    change_submit(c, &sc->change);
}

void
sessions_logout(struct control *c, const struct session_choice *choice, session_done *done,
                void *aux)
{
    static const struct change_ops ops = { .begin = begin_logout,
                                           .store = store_logout,
                                           .unstore = unstore_logout,
                                           .commit = commit_logout,
                                           .done = logout_done };
    struct session_change *sc;

    if (!!choice->id + !!choice->broker[0] + !!choice->port[0] != 1) {
        done(c, RPC_INVALID_ARGUMENT, "one of id, broker_session and port is needed, and no more",
             NULL, 0, aux);
        return;
    }
    sc = create(&ops, done, aux);
    sc->choice = (struct session_choice){ .id = choice->id,
                                          .broker = xstrdup(choice->broker),
                                          .port = xstrdup(choice->port),
                                          .at_us = choice->at_us };
    change_submit(c, &sc->change);
}

/* ---- ports that go, and restarts ---- */

void
sessions_port_gone(struct control *c, const char *port)
{
    int64_t now_us = time_wall_usec();
    struct session *session;

    while ((session = sessions_next(&c->sessions, port, NULL))) {
        VLOG_INFO("session %" PRIu64 ": %s's port %s is gone", session->id, session->user, port);
        sessions_end(&c->sessions, session, now_us);
    }
}

static void
load(struct session *session, void *control)
{
    struct control *c = control;

    sessions_add(&c->sessions, session);
}

/* Whoever had a port that is not there any more has nothing. */
static int
end_orphans(struct control *c, char **error)
{
    struct session *session, *next;
    int64_t now_us = time_wall_usec();
    int retval = 0;

    LIST_FOR_EACH_SAFE (session, next, node, &c->sessions.open) {
        if (!desired_find(&c->desired, session->port)) {
            retval = retval ? retval : state_end_session(c->state, session->id, now_us, error);
            sessions_end(&c->sessions, session, now_us);
        }
    }
    return retval;
}

int
sessions_load(struct control *c, char **error)
{
    int retval = state_load_sessions(c->state, load, c, error);

    return retval ? retval : end_orphans(c, error);
}
