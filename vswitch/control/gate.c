#include <config.h>

#include "control/gate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/answers.h"
#include "control/audit_log.h"
#include "control/control.h"
#include "control/election.h"
#include "control/gate_private.h"
#include "openvswitch/vlog.h"
#include "proto/summary.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(gate);

#define MAX_FILE (16u << 20) /* of the audit log, before the next one begins */
#define MAX_SUMMARY 200
#define MAX_REASON 1000
#define MAX_ID 128
#define REFUSALS_BURST 100

/* ---- asking ---- */

/* What is known of a request at the gate. */
struct asked {
    struct control *control;
    struct rpc_call *call;
    const struct rpc_method *method;
    const ProtobufCMessage *request;
    unsigned roles;
    char *who;
    const char *digest; /* of writes only; otherwise NULL */
    const char *id;     /* or NULL */
    uint64_t election;  /* 0: none */
};

/* What a request gives as its reason is there to be read here, so all of it. */
static void
put_reason(json_t *entry, const ProtobufCMessage *request)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "reason");
    const char *text = "";

    if (field && field->type == PROTOBUF_C_TYPE_STRING &&
        field->label != PROTOBUF_C_LABEL_REPEATED) {
        text = *(char *const *) ((const char *) request + field->offset);
    }
    if (text && text[0]) {
        gate_put_text(entry, "reason", text, MAX_REASON);
    }
}

static json_t *
describe(const struct asked *a, const char *event)
{
    const struct rpc_peer *peer = rpc_call_peer(a->call);
    char *roles = access_roles_text(a->roles);
    char summary[MAX_SUMMARY], rpc[128];
    json_t *entry = audit_entry(event);

    proto_summary(a->request, summary, sizeof summary);
    snprintf(rpc, sizeof rpc, "%s.%s", a->method->service->short_name, a->method->name);
    gate_put_text(entry, "who", a->who, GATE_MAX_ERROR);
    json_object_set_new(entry, "roles", json_string(roles));
    gate_put_text(entry, "peer", peer->address ? peer->address : "", GATE_MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(rpc));
    if (a->digest) {
        json_object_set_new(entry, "digest", json_string(a->digest));
    }
    gate_put_text(entry, "summary", summary, MAX_SUMMARY);
    put_reason(entry, a->request);
    if (a->id) {
        gate_put_text(entry, "request_id", a->id, MAX_ID);
    }
    free(roles);
    return entry;
}

/* One a second, and a burst: who is refused must not be able to fill the disk. */
static bool
may_say_refusal(struct gate *gate)
{
    long long now_s = time_msec() / 1000;
    long long earned = now_s - gate->refill_s;

    gate->refill_s = now_s;
    gate->refusals = MIN(gate->refusals + earned, REFUSALS_BURST);
    if (!gate->refusals) {
        gate->unsaid++;
        return false;
    }
    gate->refusals--;
    return true;
}

/* It shows what not everybody may see. */
static bool
is_private(const struct rpc_method *method)
{
    return !method->writes && method->role != RPC_VIEWER;
}

/* Takes 'why'.  Always false. */
static bool
refuse(const struct asked *a, enum rpc_status status, char *why)
{
    struct gate *gate = a->control->gate;

    if ((a->method->writes || is_private(a->method)) && may_say_refusal(gate)) {
        json_t *entry = describe(a, "refused");

        json_object_set_new(entry, "status", json_string(rpc_status_name(status)));
        gate_put_text(entry, "error", why, GATE_MAX_ERROR);
        if (gate->unsaid) {
            json_object_set_new(entry, "unsaid", json_integer(gate->unsaid));
            gate->unsaid = 0;
        }
        gate_submit(gate, entry, NULL, false);
    }
    rpc_call_fail(a->call, status, "%s", why);
    free(why);
    return false;
}

static bool
check_role(const struct asked *a)
{
    char *roles;

    if (access_allows(a->roles, a->method->role)) {
        return true;
    }
    roles = access_roles_text(a->roles);
    refuse(a, RPC_PERMISSION_DENIED,
           xasprintf("%s may not call %s.%s: it takes the role %s, and the roles here are: %s",
                     a->who, a->method->service->short_name, a->method->name,
                     rpc_role_names[a->method->role], roles));
    free(roles);
    return false;
}

/* ---- writes ---- */

static bool
read_election(struct asked *a)
{
    bool repeated;
    const char *text = rpc_call_header(a->call, "fusuma-election-id", &repeated);
    unsigned long long n;

    if (!text) {
        return true;
    }
    if (repeated || text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &n) || !n) {
        return refuse(a, RPC_INVALID_ARGUMENT,
                      xasprintf("fusuma-election-id: one number from 1 to 2^64 - 1 is expected"));
    }
    a->election = n;
    return true;
}

static bool
check_election(const struct asked *a)
{
    const struct gate *gate = a->control->gate;

    if (!a->election || a->election >= gate->election) {
        return true;
    }
    return refuse(a, RPC_FAILED_PRECONDITION,
                  xasprintf("election id %" PRIu64 " is lower than %" PRIu64
                            ", the highest so far: "
                            "another controller has taken over",
                            a->election, gate->election));
}

static bool
read_id(struct asked *a)
{
    bool repeated;
    size_t n = 0;

    a->id = rpc_call_header(a->call, "fusuma-request-id", &repeated);
    while (a->id && isprint((unsigned char) a->id[n])) {
        n++;
    }
    if (a->id && (repeated || !n || n > MAX_ID || a->id[n])) {
        a->id = NULL;
        return refuse(
            a, RPC_INVALID_ARGUMENT,
            xasprintf("fusuma-request-id: one of 1 to %d printable characters is expected",
                      MAX_ID));
    }
    return true;
}

/* Whether it is new; otherwise it is gate_answered, or will be. */
static bool
check_id(const struct asked *a, struct request **idp)
{
    struct gate *gate = a->control->gate;
    char *key;

    *idp = NULL;
    if (!a->id) {
        return true;
    }
    key = answers_key(a->who, a->id);
    switch (request_ids_ask(gate->ids, key, a->method, a->digest, a->call, time_msec(), idp)) {
    case REQUEST_NEW:
        free(key);
        return true;
    case REQUEST_REPEATED:
        break;
    case REQUEST_OTHER:
        refuse(a, RPC_INVALID_ARGUMENT,
               xasprintf("fusuma-request-id: '%s' was the id of another request", a->id));
        break;
    case REQUEST_TOO_MANY:
    default:
        refuse(a, RPC_RESOURCE_EXHAUSTED,
               xasprintf("fusuma-request-id: %d requests with an id are under way", GATE_MAX_IDS));
        break;
    }
    free(key);
    return false;
}

static void
begin_write(const struct asked *a, struct request *id)
{
    struct gate *gate = a->control->gate;
    struct write *w = xzalloc(sizeof *w);
    json_t *entry = describe(a, "request");

    if (a->election) {
        char text[24];

        gate->election = a->election;
        snprintf(text, sizeof text, "%" PRIu64, a->election);
        json_object_set_new(entry, "election", json_string(text));
    }
    w->gate = gate;
    w->call = a->call;
    w->id = id;
    w->election = a->election != gate->stored_election ? a->election : 0;
    w->who = xstrdup(a->who);
    w->rpc = xasprintf("%s.%s", a->method->service->short_name, a->method->name);
    gate_submit(gate, entry, w, false);
    rpc_call_divert(a->call, gate_answered, w);
}

static bool
admit_write(struct asked *a)
{
    struct request *id;

    request_digest_take(a->request, &a->control->gate->digest);
    a->digest = a->control->gate->digest.hex;
    if (!check_role(a) || !read_election(a) || !read_id(a) || !check_election(a) ||
        !check_id(a, &id)) {
        return false;
    }
    begin_write(a, id);
    return true;
}

bool
gate_admit(struct rpc_call *call, const struct rpc_method *method, const ProtobufCMessage *request,
           void *control)
{
    struct control *c = control;
    const struct rpc_peer *peer = rpc_call_peer(call);
    struct asked a = { .control = c,
                       .call = call,
                       .method = method,
                       .request = request,
                       .roles = access_roles(&c->config.access, peer, c->options->insecure_role),
                       .who = access_who(&c->config.access, peer) };
    bool admitted;

    c->gate->digest.n_texts = 0;
    admitted = method->writes ? admit_write(&a) : check_role(&a);
    if (admitted && is_private(method)) {
        gate_submit(c->gate, describe(&a, "read"), NULL, false);
    }
    free(a.who);
    return admitted;
}

const char *
gate_text_digest(const struct gate *gate, const char *text)
{
    return request_digest_of(&gate->digest, text);
}

/* ---- life ---- */

static void
write_late(const char *seq, const char *who, const char *rpc, int status, void *gate)
{
    json_t *entry = audit_entry("result");

    gate_put_text(entry, "who", who, GATE_MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(rpc));
    json_object_set_new(entry, "status", json_string(rpc_status_name(status)));
    json_object_set_new(entry, "of", json_integer(strtoll(seq, NULL, 10)));
    gate_submit(gate, entry, NULL, false);
}

struct old_lines {
    struct gate *gate;
    struct unanswered unanswered;
};

static void
take_old_line(const char *line, void *old_)
{
    struct old_lines *old = old_;

    gate_keep_line(old->gate, xstrdup(line));
    unanswered_take(&old->unanswered, line);
}

/* What is known from before: the audit log's lines, the election, and answers. */
static int
remember(struct gate *gate, const char *state_dir, char **error)
{
    struct old_lines old = { .gate = gate };
    int retval;

    unanswered_init(&old.unanswered);
    retval = audit_log_open(state_dir, MAX_FILE, take_old_line, &old, &gate->log, error);
    retval =
        retval ? retval
               : election_open(gate->state, audit_log_election(gate->log), &gate->election, error);
    retval =
        retval ? retval
               : answers_restore(gate->state, &old.unanswered, gate->ids, write_late, gate, error);
    unanswered_destroy(&old.unanswered);
    gate->stored_election = gate->election;
    return retval;
}

int
gate_open(struct control *c, struct gate **gatep, char **error)
{
    struct gate *gate = xzalloc(sizeof *gate);
    json_t *entry;
    int retval;

    *gatep = NULL;
    gate->wake = &c->wake;
    gate->state = c->state;
    gate->refusals = REFUSALS_BURST;
    gate->refill_s = time_msec() / 1000;
    gate->ids = request_ids_create();
    ovs_mutex_init(&gate->mutex);
    ovs_mutex_lock(&gate->mutex);
    ovs_list_init(&gate->written);
    ovs_mutex_unlock(&gate->mutex);
    gate->direct = true;
    retval = remember(gate, c->options->state_dir, error);
    if (retval) {
        gate_close(gate);
        return retval;
    }
    entry = audit_entry("start");
    json_object_set_new(entry, "version", json_string(PACKAGE_VERSION));
    gate_submit(gate, entry, NULL, false);
    gate->direct = false;
    *gatep = gate;
    return 0;
}

void
gate_writer_gone(struct control *c)
{
    if (c->gate) {
        gate_run(c);
        c->gate->direct = true;
    }
}

void
gate_close(struct gate *gate)
{
    if (gate) {
        request_ids_destroy(gate->ids);
        audit_log_close(gate->log);
        for (size_t i = 0; i < GATE_MAX_LINES; i++) {
            free(gate->lines[i]);
        }
        ovs_mutex_destroy(&gate->mutex);
        free(gate);
    }
}
