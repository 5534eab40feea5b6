/* RecommendPolicy.  A week of records may be a million events on the disk, so each request is
 * worked on in a thread of its own, one after the other, with a copy of what it needs; neither the
 * control thread nor the compile thread, which policies wait for, is held up. */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "acl/recommend.h"
#include "control/message.h"
#include "control/policy_message.h"
#include "control/rpc.h"
#include "control/sights.h"
#include "control/site.h"
#include "fusuma/v1/policy.pb-c.h"
#include "ovs-rcu.h"
#include "telemetry/drop_log.h"
#include "util.h"

/* Requests that wait, the one at work included. */
#define REQUESTS_MAX 16

struct question {
    struct ovs_list node;
    struct rpc_call *call;
    struct acl_site *site;
    struct state_policy *text; /* of the policy that is present */
    uint64_t version;
    bool drops, desktops;
    struct latch *wake;
    atomic_bool done, stop;
    /* Answer. */
    struct acl_recommendation out;
    enum rpc_status status;
    char *error;
};

struct recommender {
    struct ovs_list questions; /* the first one is at work in 'thread' */
    size_t n;
    pthread_t thread;
};

struct recommender *
recommender_create(void)
{
    struct recommender *r = xzalloc(sizeof *r);

    ovs_list_init(&r->questions);
    return r;
}

static void
question_destroy(struct question *q)
{
    acl_recommendation_destroy(&q->out);
    state_policy_destroy(q->text);
    site_destroy(q->site);
    free(q->error);
    free(q);
}

/* ---- the thread ---- */

/* Everything up to now.  0 or ENOMEM. */
static int
read_events(struct question *q, struct sights *sights, uint64_t *forgotten)
{
    struct drop_position at = drop_log_oldest();
    uint64_t until = drop_log_newest().n;
    struct drop_event event;
    int error = 0;

    *forgotten = at.n;
    while (!error && at.n < until && !atomic_load(&q->stop) && drop_log_next(&at, &event)) {
        error = sights_add(sights, at.epoch, &event);
    }
    return error;
}

static void
recommend(struct question *q, const struct sights *sights, uint64_t forgotten)
{
    size_t n = q->text->n_sources;
    struct acl_source *sources = xcalloc(n + 1, sizeof *sources);
    const char **names = xcalloc(n + 1, sizeof *names);
    struct acl_recommend_facts facts = { .sources = sources,
                                         .n_sources = n,
                                         .names = names,
                                         .version = q->version,
                                         .site = q->site,
                                         .flows = &sights->flows,
                                         .drops = q->drops,
                                         .desktops = q->desktops,
                                         .unrecorded = sights_unrecorded(sights),
                                         .forgotten = forgotten,
                                         .gaps = sights->gaps };
    struct acl_error error = { .text = "" };
    int retval;

    for (size_t i = 0; i < n; i++) {
        const struct state_source *s = &q->text->sources[i];

        sources[i] = (struct acl_source){ s->yaml, strlen(s->yaml) };
        names[i] = s->name;
    }
    retval = acl_recommend(&facts, &q->out, &error);
    if (retval) {
        q->status = retval == ENOMEM ? RPC_RESOURCE_EXHAUSTED : RPC_INTERNAL;
        q->error = retval == ENOMEM
                       ? xasprintf("no memory to recommend a policy")
                       : xasprintf("what would be recommended is no policy: line %u, column %u: %s",
                                   error.line, error.column, error.text);
    }
    free(sources);
    free(names);
}

static void *
recommend_main(void *question)
{
    struct question *q = question;
    struct sights sights;
    uint64_t forgotten;

    ovsrcu_quiesce_start(); /* Nothing here is protected by RCU. */
    sights_init(&sights, q->site, q->drops);
    if (read_events(q, &sights, &forgotten)) {
        q->status = RPC_RESOURCE_EXHAUSTED;
        q->error = xasprintf("no memory to recommend a policy");
    } else if (!atomic_load(&q->stop)) {
        recommend(q, &sights, forgotten);
    }
    sights_destroy(&sights);
    atomic_store(&q->done, true);
    latch_set(q->wake);
    return NULL;
}

/* ---- the control thread ---- */

static struct question *
first_of(struct recommender *r)
{
    return ovs_list_is_empty(&r->questions)
               ? NULL
               : CONTAINER_OF(ovs_list_front(&r->questions), struct question, node);
}

static void
work_on_next(struct recommender *r)
{
    struct question *q = first_of(r);

    if (q) {
        r->thread = ovs_thread_create("recommend", recommend_main, q);
    }
}

static void
answer(struct question *q)
{
    Fusuma__V1__RecommendPolicyResponse *reply;

    if (q->status) {
        rpc_call_fail(q->call, q->status, "%s", q->error);
        return;
    }
    reply = message_new(&fusuma__v1__recommend_policy_response__descriptor);
    reply->yaml = xstrdup(q->out.text);
    reply->version = q->version;
    reply->rules = q->out.n_rules;
    reply->flows = q->out.n_flows;
    reply->flows_allowed = q->out.n_allowed;
    reply->flows_of_desktops = q->out.n_desktop_flows;
    reply->flows_denied = q->out.n_denied;
    reply->rules_needless = q->out.n_needless;
    rpc_reply_with(q->call, reply);
}

void
recommends_run(struct control *c)
{
    struct recommender *r = c->recommender;
    struct question *q = first_of(r);

    if (q && atomic_load(&q->done)) {
        xpthread_join(r->thread, NULL);
        ovs_list_remove(&q->node);
        r->n--;
        work_on_next(r);
        answer(q);
        question_destroy(q);
    }
}

void
recommender_destroy(struct recommender *r)
{
    struct question *q, *next;

    if (!r) {
        return;
    }
    q = first_of(r);
    if (q) {
        atomic_store(&q->stop, true);
        xpthread_join(r->thread, NULL);
    }
    LIST_FOR_EACH_SAFE (q, next, node, &r->questions) {
        question_destroy(q);
    }
    free(r);
}

void
rpc_recommend_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__RecommendPolicyRequest *m =
        (const Fusuma__V1__RecommendPolicyRequest *) request;
    struct control *c = control;
    struct recommender *r = c->recommender;
    const struct policy *present = c->publisher.policy;
    struct question *q;

    if (r->n == REQUESTS_MAX) {
        rpc_call_fail(call, RPC_RESOURCE_EXHAUSTED,
                      "%d recommendations are being made: try again when they are done",
                      REQUESTS_MAX);
        return;
    }
    q = xzalloc(sizeof *q);
    q->call = call;
    q->site = site_copy(&c->desired);
    q->text = present ? state_policy_copy_sources(present->text) : policy_nothing();
    q->version = present ? present->text->version : 0;
    q->drops = m->include_drops;
    q->desktops = m->include_desktops;
    q->wake = &c->wake;
    atomic_init(&q->done, false);
    atomic_init(&q->stop, false);
    ovs_list_push_back(&r->questions, &q->node);
    if (!r->n++) {
        work_on_next(r);
    }
}
