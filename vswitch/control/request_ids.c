#include <config.h>

#include "control/request_ids.h"

#include <stdlib.h>
#include <string.h>

#include "control/gate.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "util.h"

struct request {
    struct ovs_list age; /* in 'answered', oldest first, once it is */
    char *key;
    const struct rpc_method *method;
    char digest[65];
    bool is_answered;
    struct rpc_answer answer;
    long long answered_ms;
    struct rpc_call **waiting;
    size_t n_waiting;
};

struct request_ids {
    struct shash requests;
    struct ovs_list answered;
    size_t bytes; /* of the answers */
};

struct request_ids *
request_ids_create(void)
{
    struct request_ids *ids = xzalloc(sizeof *ids);

    shash_init(&ids->requests);
    ovs_list_init(&ids->answered);
    return ids;
}

static size_t
answer_bytes(const struct rpc_answer *answer)
{
    return answer->reply_len + (answer->error ? strlen(answer->error) : 0);
}

static void
forget(struct request_ids *ids, struct request *r)
{
    shash_find_and_delete(&ids->requests, r->key);
    if (r->is_answered) {
        ovs_list_remove(&r->age);
        ids->bytes -= answer_bytes(&r->answer);
    }
    rpc_answer_destroy(&r->answer);
    free(r->waiting);
    free(r->key);
    free(r);
}

void
request_ids_destroy(struct request_ids *ids)
{
    struct shash_node *node;

    if (ids) {
        SHASH_FOR_EACH_SAFE (node, &ids->requests) {
            forget(ids, node->data);
        }
        shash_destroy(&ids->requests);
        free(ids);
    }
}

static struct request *
oldest(const struct request_ids *ids)
{
    return ovs_list_is_empty(&ids->answered)
               ? NULL
               : CONTAINER_OF(ovs_list_front(&ids->answered), struct request, age);
}

/* Makes room for 'n' more. */
static void
forget_old(struct request_ids *ids, size_t n, long long now_ms)
{
    struct request *r;

    while ((r = oldest(ids)) &&
           (now_ms - r->answered_ms >= GATE_ID_S * 1000LL ||
            shash_count(&ids->requests) + n > GATE_MAX_IDS || ids->bytes > GATE_MAX_BYTES)) {
        forget(ids, r);
    }
}

/* The server has a table of its own. */
static bool
is_same(const struct rpc_method *a, const struct rpc_method *b)
{
    return a->service == b->service && !strcmp(a->name, b->name);
}

static enum request_asked
ask_again(struct request *r, const struct rpc_method *method, const char *digest,
          struct rpc_call *call)
{
    if (!is_same(r->method, method) || strcmp(r->digest, digest)) {
        return REQUEST_OTHER;
    }
    if (r->is_answered) {
        rpc_call_answer(call, &r->answer);
    } else {
        r->waiting = xrealloc(r->waiting, (r->n_waiting + 1) * sizeof *r->waiting);
        r->waiting[r->n_waiting++] = call;
    }
    return REQUEST_REPEATED;
}

static struct request *
add(struct request_ids *ids, const char *key, const struct rpc_method *method, const char *digest)
{
    struct request *r = xzalloc(sizeof *r);

    r->key = xstrdup(key);
    r->method = method;
    ovs_strlcpy(r->digest, digest, sizeof r->digest);
    shash_add(&ids->requests, key, r);
    return r;
}

enum request_asked
request_ids_ask(struct request_ids *ids, const char *key, const struct rpc_method *method,
                const char *digest, struct rpc_call *call, long long now_ms,
                struct request **requestp)
{
    struct request *r;

    *requestp = NULL;
    forget_old(ids, 0, now_ms);
    r = shash_find_data(&ids->requests, key);
    if (r) {
        return ask_again(r, method, digest, call);
    }
    forget_old(ids, 1, now_ms);
    if (shash_count(&ids->requests) >= GATE_MAX_IDS) {
        return REQUEST_TOO_MANY;
    }
    *requestp = add(ids, key, method, digest);
    return REQUEST_NEW;
}

void
request_ids_restore(struct request_ids *ids, const char *key, const struct rpc_method *method,
                    const char *digest, const struct rpc_answer *answer, long long answered_ms)
{
    if (!shash_find(&ids->requests, key)) {
        request_ids_answer(ids, add(ids, key, method, digest), answer, answered_ms);
    }
}

const char *
request_key(const struct request *r)
{
    return r->key;
}

const char *
request_digest(const struct request *r)
{
    return r->digest;
}

char *
request_rpc(const struct request *r)
{
    return xasprintf("%s.%s", r->method->service->short_name, r->method->name);
}

void
request_ids_answer(struct request_ids *ids, struct request *r, const struct rpc_answer *answer,
                   long long now_ms)
{
    r->answer.status = answer->status;
    r->answer.error = nullable_xstrdup(answer->error);
    r->answer.reply = answer->reply ? xmemdup(answer->reply, answer->reply_len + 1) : NULL;
    r->answer.reply_len = answer->reply_len;
    r->is_answered = true;
    r->answered_ms = now_ms;
    ovs_list_push_back(&ids->answered, &r->age);
    ids->bytes += answer_bytes(&r->answer);
    for (size_t i = 0; i < r->n_waiting; i++) {
        rpc_call_answer(r->waiting[i], &r->answer);
    }
    free(r->waiting);
    r->waiting = NULL;
    r->n_waiting = 0;
    forget_old(ids, 0, now_ms); /* may be this very one */
}
