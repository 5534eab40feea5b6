#include <config.h>

#include "control/answers.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/gate.h"
#include "control/rpc.h"
#include "control/state_answers.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(answers);

/* Doing it again ends where doing it once does; an expected revision is refused the second time. */
static const char *const may_be_done_again[] = {
    "QuarantineService.Quarantine",    "QuarantineService.Release",
    "AddressSetService.PutAddressSet", "AddressSetService.PatchAddressSet",
    "ConnService.FlushConnections",
};

struct begun {
    char *key, *rpc, *digest;
    int64_t time_us; /* to the second */
    bool is_answered;
    int status;
};

char *
answers_key(const char *who, const char *id)
{
    return xasprintf("%s\n%s", who, id);
}

/* ---- what was begun ---- */

void
unanswered_init(struct unanswered *u)
{
    shash_init(&u->by_seq);
}

static void
begun_destroy(struct begun *b)
{
    if (b) {
        free(b->key);
        free(b->rpc);
        free(b->digest);
        free(b);
    }
}

void
unanswered_destroy(struct unanswered *u)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &u->by_seq) {
        begun_destroy(node->data);
    }
    shash_destroy(&u->by_seq);
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static int64_t
time_of(const json_t *object)
{
    struct tm tm;

    memset(&tm, 0, sizeof tm);
    return strptime(text_of(object, "time"), "%Y-%m-%dT%H:%M:%S", &tm)
               ? timegm(&tm) * INT64_C(1000000)
               : 0;
}

static void
begin(struct unanswered *u, const char *seq, const json_t *o)
{
    struct begun *b;

    if (!text_of(o, "request_id")[0] || shash_find(&u->by_seq, seq)) {
        return;
    }
    b = xzalloc(sizeof *b);
    b->key = answers_key(text_of(o, "who"), text_of(o, "request_id"));
    b->rpc = xstrdup(text_of(o, "rpc"));
    b->digest = xstrdup(text_of(o, "digest"));
    b->time_us = time_of(o);
    shash_add(&u->by_seq, seq, b);
}

void
unanswered_take(struct unanswered *u, const char *line)
{
    json_t *o = json_loads(line, 0, NULL);
    bool is_result = !strcmp(text_of(o, "event"), "result");
    char seq[24];

    snprintf(seq, sizeof seq, "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(o, is_result ? "of" : "seq")));
    if (is_result) {
        begun_destroy(shash_find_and_delete(&u->by_seq, seq));
    } else if (!strcmp(text_of(o, "event"), "request")) {
        begin(u, seq, o);
    }
    json_decref(o);
}

/* ---- what was answered ---- */

void
answers_store(struct state *state, const struct request *request, const struct rpc_answer *answer)
{
    int64_t now = time_wall_usec();
    char *error = NULL, *rpc = request_rpc(request);
    struct state_answer a = { .key = request_key(request),
                              .rpc = rpc,
                              .digest = request_digest(request),
                              .status = answer->status,
                              .error = answer->error ? answer->error : "",
                              .reply = answer->reply,
                              .reply_len = answer->reply_len,
                              .answered_us = now };

    if (state_put_answer(state, &a, now - GATE_ID_S * INT64_C(1000000), GATE_MAX_IDS, &error)) {
        VLOG_ERR("%s: a restart would forget the answer: %s", rpc, error);
        free(error);
    }
    free(rpc);
}

struct restore {
    struct request_ids *ids;
    struct unanswered *unanswered;
    int64_t now_us;
};

static const struct rpc_method *
find_method(const char *rpc)
{
    for (size_t i = 0; i < control_n_rpc_methods; i++) {
        const struct rpc_method *m = &control_rpc_methods[i];
        size_t n = strlen(m->service->short_name);

        if (!strncmp(rpc, m->service->short_name, n) && rpc[n] == '.' &&
            !strcmp(rpc + n + 1, m->name)) {
            return m;
        }
    }
    return NULL; /* of another release */
}

static void
restore(const struct restore *r, const char *key, const char *rpc, const char *digest,
        const struct rpc_answer *answer, int64_t time_us)
{
    const struct rpc_method *method = find_method(rpc);
    long long age_ms = llabs(r->now_us - time_us) / 1000;

    if (method && age_ms < GATE_ID_S * 1000LL) {
        request_ids_restore(r->ids, key, method, digest, answer, time_msec() - age_ms);
    }
}

/* A kill came between the storing and the line. */
static void
note_answer(struct unanswered *u, const struct state_answer *a)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &u->by_seq) {
        struct begun *b = node->data;

        if (!strcmp(b->key, a->key) && !strcmp(b->digest, a->digest) &&
            a->answered_us >= b->time_us) {
            b->is_answered = true;
            b->status = a->status;
        }
    }
}

static void
restore_answer(const struct state_answer *a, void *r_)
{
    const struct restore *r = r_;
    struct rpc_answer answer = { .status = a->status,
                                 .error = a->status ? (char *) a->error : NULL,
                                 .reply = a->status ? NULL : (uint8_t *) a->reply,
                                 .reply_len = a->status ? 0 : a->reply_len };
    uint8_t none = 0;

    if (!a->status && !a->reply_len) {
        answer.reply = &none;
    }
    note_answer(r->unanswered, a);
    restore(r, a->key, a->rpc, a->digest, &answer, a->answered_us);
}

static bool
may_be_repeated(const char *rpc)
{
    for (size_t i = 0; i < ARRAY_SIZE(may_be_done_again); i++) {
        if (!strcmp(rpc, may_be_done_again[i])) {
            return true;
        }
    }
    return false;
}

static void
tell_late(const char *seq, const struct begun *b, answers_late *late, void *aux)
{
    char *who = xmemdup0(b->key, strcspn(b->key, "\n"));

    late(seq, who, b->rpc, b->status, aux);
    free(who);
}

int
answers_restore(struct state *state, struct unanswered *unanswered, struct request_ids *ids,
                answers_late *late, void *aux, char **error)
{
    struct restore r = { ids, unanswered, time_wall_usec() };
    struct rpc_answer unknown = { .status = RPC_ABORTED,
                                  .error = "the switch ended while it was at this request, which "
                                           "may be done or not: look, and ask "
                                           "with another fusuma-request-id" };
    struct shash_node *node;
    int retval = state_load_answers(state, restore_answer, &r, error);

    if (retval) {
        return retval;
    }
    SHASH_FOR_EACH (node, &unanswered->by_seq) {
        const struct begun *b = node->data;

        if (b->is_answered) {
            tell_late(node->name, b, late, aux);
        } else if (!may_be_repeated(b->rpc)) {
            restore(&r, b->key, b->rpc, b->digest, &unknown, b->time_us);
        }
    }
    return 0;
}
