#include <config.h>

#include "control/gate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/answers.h"
#include "control/audit_log.h"
#include "control/control.h"
#include "control/election.h"
#include "control/request_digest.h"
#include "control/request_ids.h"
#include "openvswitch/vlog.h"
#include "proto/summary.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(gate);

#define MAX_FILE (16u << 20) /* of the audit log, before the next one begins */
#define MAX_SUMMARY 200
#define MAX_ERROR 300
#define MAX_REASON 1000
#define MAX_ID 128
#define REFUSALS_BURST 100

struct gate {
    struct audit_log *log;
    struct latch *wake;
    struct request_ids *ids;
    struct state *state;
    uint64_t election, stored_election; /* the highest so far; the one that a restart knows of */
    long long refill_s;
    unsigned refusals; /* that may be said now */
    uint64_t unsaid;
    bool direct; /* there is no writer thread any more */
    char *lines[GATE_MAX_LINES];
    size_t n_lines;               /* ever; the newest is at (n_lines - 1) % GATE_MAX_LINES */
    struct request_digest digest; /* of the request that is being handled, if it writes */
    struct ovs_mutex mutex;
    struct ovs_list written OVS_GUARDED; /* of struct record, by the writer */
};

/* A change under way: from its request to its answer. */
struct write {
    struct gate *gate;
    struct rpc_call *call;
    struct request *id; /* or NULL: it has none */
    char *who;
    char *rpc;
    uint64_t seq;      /* the writer: of the line of its request; 0: that is lost */
    uint64_t election; /* to be stored before anything of it is; 0: none.  0 when it could not be */
    struct rpc_answer answer;
};

/* A line on its way. */
struct record {
    struct writer_job job;
    struct ovs_list node;
    struct gate *gate;
    json_t *entry;
    struct write *write; /* that it is of, or NULL */
    bool is_result;
    char *lines;
};

/* ---- lines ---- */

/* Text of peers is theirs: cut, and JSON sees to the rest. */
static void
put_text(json_t *entry, const char *key, const char *text, size_t max)
{
    size_t n = MIN(strlen(text), max);

    while (n && n == max && ((unsigned char) text[n] & 0xc0) == 0x80) {
        n--;
    }
    json_object_set_new(entry, key, json_stringn(text, n));
}

static void
keep_line(struct gate *gate, char *line)
{
    char **slot = &gate->lines[gate->n_lines++ % GATE_MAX_LINES];

    free(*slot);
    *slot = line;
}

struct old_lines {
    struct gate *gate;
    struct unanswered unanswered;
};

static void
take_old_line(const char *line, void *old_)
{
    struct old_lines *old = old_;

    keep_line(old->gate, xstrdup(line));
    unanswered_take(&old->unanswered, line);
}

static void
keep_lines(struct gate *gate, const char *lines)
{
    for (size_t n; *lines; lines += n + 1) {
        n = strcspn(lines, "\n");
        keep_line(gate, xmemdup0(lines, n));
    }
}

void
gate_lines(const struct gate *gate, size_t n, void (*cb)(const char *line, void *aux), void *aux)
{
    size_t kept = MIN(gate->n_lines, GATE_MAX_LINES);

    for (size_t i = gate->n_lines - MIN(n, kept); i < gate->n_lines; i++) {
        cb(gate->lines[i % GATE_MAX_LINES], aux);
    }
}

static void
store_election(struct gate *gate, struct write *w)
{
    char *error = NULL;

    if (w->election && state_put_election(gate->state, w->election, &error)) {
        VLOG_EMER("election id %" PRIu64 " is not stored, and a restart would forget it: %s",
                  w->election, error);
        free(error);
        w->election = 0;
    }
}

static void
write_record(struct record *r)
{
    if (r->write && !r->is_result) {
        store_election(r->gate, r->write);
    }
    if (r->is_result && r->write->id) {
        answers_store(r->gate->state, r->write->id, &r->write->answer);
    }
    if (r->is_result && r->write->seq) {
        json_object_set_new(r->entry, "of", json_integer(r->write->seq));
    }
    audit_log_append(r->gate->log, r->entry, r->is_result,
                     r->write && !r->is_result ? &r->write->seq : NULL, &r->lines);
}

/* The writer thread. */
static void
record_job(struct writer_job *job)
{
    struct record *r = CONTAINER_OF(job, struct record, job);
    struct gate *gate = r->gate;
    bool hurry = r->is_result || !r->write; /* otherwise the change's end will take it along */

    write_record(r);
    ovs_mutex_lock(&gate->mutex);
    ovs_list_push_back(&gate->written, &r->node);
    ovs_mutex_unlock(&gate->mutex);
    if (hurry) {
        latch_set(gate->wake);
    }
}

static void record_done(struct record *);

static void
submit(struct gate *gate, json_t *entry, struct write *w, bool is_result)
{
    struct record *r = xzalloc(sizeof *r);

    r->gate = gate;
    r->entry = entry;
    r->write = w;
    r->is_result = is_result;
    if (gate->direct) {
        write_record(r);
        record_done(r);
    } else {
        r->job.run = record_job;
        writer_submit(&r->job, WRITER_STATE);
    }
}

/* ---- the end of a change ---- */

static void
write_destroy(struct write *w)
{
    rpc_answer_destroy(&w->answer);
    free(w->who);
    free(w->rpc);
    free(w);
}

static void
record_done(struct record *r)
{
    struct write *w = r->write;

    keep_lines(r->gate, r->lines);
    free(r->lines);
    if (r->is_result) {
        rpc_call_answer(w->call, &w->answer);
        if (w->id) {
            request_ids_answer(r->gate->ids, w->id, &w->answer, time_msec());
        }
        write_destroy(w);
    } else if (w && w->election) {
        r->gate->stored_election = w->election;
    }
    json_decref(r->entry);
    free(r);
}

void
gate_run(struct control *c)
{
    struct gate *gate = c->gate;
    struct ovs_list written;
    struct record *r;

    ovs_list_init(&written);
    ovs_mutex_lock(&gate->mutex);
    ovs_list_push_back_all(&written, &gate->written);
    ovs_mutex_unlock(&gate->mutex);
    LIST_FOR_EACH_POP (r, node, &written) {
        record_done(r);
    }
}

/* What the handler has to say, which is not for the peer yet. */
static void
answered(struct rpc_call *call OVS_UNUSED, struct rpc_answer *answer, void *write)
{
    struct write *w = write;
    struct control *c = CONTAINER_OF(w->gate->wake, struct control, wake);
    json_t *entry = audit_entry("result");

    w->answer = *answer;
    put_text(entry, "who", w->who, MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(w->rpc));
    json_object_set_new(entry, "status", json_string(rpc_status_name(answer->status)));
    if (answer->error) {
        put_text(entry, "error", answer->error, MAX_ERROR);
    }
    json_object_set_new(entry, "generation", json_integer(c->publisher.generation));
    submit(w->gate, entry, w, true);
}

/* ---- asking ---- */

/* What is known of a request at the gate. */
struct asked {
    struct control *control;
    struct rpc_call *call;
    const struct rpc_method *method;
    const ProtobufCMessage *request;
    unsigned roles;
    char *who;
    const char *digest; /* of writes only */
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
        put_text(entry, "reason", text, MAX_REASON);
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
    put_text(entry, "who", a->who, MAX_ERROR);
    json_object_set_new(entry, "roles", json_string(roles));
    put_text(entry, "peer", peer->address ? peer->address : "", MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(rpc));
    json_object_set_new(entry, "digest", json_string(a->digest));
    put_text(entry, "summary", summary, MAX_SUMMARY);
    put_reason(entry, a->request);
    if (a->id) {
        put_text(entry, "request_id", a->id, MAX_ID);
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

/* Takes 'why'.  Always false. */
static bool
refuse(const struct asked *a, enum rpc_status status, char *why)
{
    struct gate *gate = a->control->gate;

    if (a->method->writes && may_say_refusal(gate)) {
        json_t *entry = describe(a, "refused");

        json_object_set_new(entry, "status", json_string(rpc_status_name(status)));
        put_text(entry, "error", why, MAX_ERROR);
        if (gate->unsaid) {
            json_object_set_new(entry, "unsaid", json_integer(gate->unsaid));
            gate->unsaid = 0;
        }
        submit(gate, entry, NULL, false);
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

/* Whether it is new; otherwise it is answered, or will be. */
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
    submit(gate, entry, w, false);
    rpc_call_divert(a->call, answered, w);
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

    put_text(entry, "who", who, MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(rpc));
    json_object_set_new(entry, "status", json_string(rpc_status_name(status)));
    json_object_set_new(entry, "of", json_integer(strtoll(seq, NULL, 10)));
    submit(gate, entry, NULL, false);
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
    submit(gate, entry, NULL, false);
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
