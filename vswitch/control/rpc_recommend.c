/* RecommendPolicy.  A week of records may be a million events on the disk, so it is worked on in
 * the background, with a copy of what it needs. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/recommend.h"
#include "control/background.h"
#include "control/message.h"
#include "control/policy_message.h"
#include "control/rpc.h"
#include "control/sights.h"
#include "control/site.h"
#include "fusuma/v1/policy.pb-c.h"
#include "telemetry/drop_log.h"
#include "util.h"

/* Requests that wait, the one at work included. */
#define REQUESTS_MAX 16

struct question {
    struct background_job job;
    struct rpc_call *call;
    struct acl_site *site;
    struct state_policy *text; /* of the policy that is present */
    uint64_t version;
    bool drops, desktops;
    /* Answer. */
    struct acl_recommendation out;
    enum rpc_status status;
    char *error;
};

struct recommender {
    struct background background;
};

struct recommender *
recommender_create(struct control *c)
{
    struct recommender *r = xzalloc(sizeof *r);

    background_init(&r->background, "recommend", REQUESTS_MAX, &c->wake);
    return r;
}

static struct question *
question_cast(struct background_job *job)
{
    return CONTAINER_OF(job, struct question, job);
}

static void
question_destroy(struct background_job *job)
{
    struct question *q = question_cast(job);

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
    while (!error && at.n < until && !atomic_load(&q->job.stop) && drop_log_next(&at, &event)) {
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

static void
work(struct background_job *job)
{
    struct question *q = question_cast(job);
    struct sights sights;
    uint64_t forgotten;

    sights_init(&sights, q->site, q->drops);
    if (read_events(q, &sights, &forgotten)) {
        q->status = RPC_RESOURCE_EXHAUSTED;
        q->error = xasprintf("no memory to recommend a policy");
    } else if (!atomic_load(&q->job.stop)) {
        recommend(q, &sights, forgotten);
    }
    sights_destroy(&sights);
}

/* ---- the control thread ---- */

static void
answer(struct background_job *job)
{
    struct question *q = question_cast(job);
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
    background_run(&c->recommender->background);
}

void
recommender_destroy(struct recommender *r)
{
    if (r) {
        background_destroy(&r->background);
        free(r);
    }
}

void
rpc_recommend_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__RecommendPolicyRequest *m =
        (const Fusuma__V1__RecommendPolicyRequest *) request;
    struct control *c = control;
    const struct policy *present = c->publisher.policy;
    struct question *q = xzalloc(sizeof *q);

    q->job.work = work;
    q->job.done = answer;
    q->job.destroy = question_destroy;
    q->call = call;
    q->site = site_copy(&c->desired);
    q->text = present ? state_policy_copy_sources(present->text) : policy_nothing();
    q->version = present ? present->text->version : 0;
    q->drops = m->include_drops;
    q->desktops = m->include_desktops;
    if (!background_submit(&c->recommender->background, &q->job)) {
        rpc_call_fail(call, RPC_RESOURCE_EXHAUSTED,
                      "%d recommendations are being made: try again when they are done",
                      REQUESTS_MAX);
        question_destroy(&q->job);
    }
}
