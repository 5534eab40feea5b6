#include <config.h>

#include <stdlib.h>

#include "control/control.h"
#include "control/digest.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(policies);

/* A policy on its way: parsed, waiting or compiling, then published. */
struct apply {
    struct ovs_list node;
    struct policy *policy;
    struct compile_job job;
    policy_done *done;
    void *aux;
};

static enum rpc_status
parse(const char *yaml, struct policy **policyp, char **error)
{
    struct policy *policy = xzalloc(sizeof *policy);
    struct acl_error e = { .text = "" };

    *policyp = NULL;
    if (acl_policy_parse(yaml, strlen(yaml), &policy->parsed, &e)) {
        *error = e.line ? xasprintf("line %u, column %u: %s", e.line, e.column, e.text)
                        : xstrdup(e.text);
        free(policy);
        return RPC_INVALID_ARGUMENT;
    }
    policy->yaml = xstrdup(yaml);
    digest_sha256(yaml, strlen(yaml), policy->digest);
    *policyp = policy;
    return RPC_OK;
}

/* ---- one compilation ---- */

static enum rpc_status
job_fill(struct control *c, struct compile_job *job, const struct policy *policy, char **error)
{
    memset(job, 0, sizeof *job);
    job->policy = policy->parsed;
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        job->default_slots[i] = DEFAULT_SLOT(i);
    }
    if (!slots_assign(&c->slots, policy->parsed, &job->slots)) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED,
                            "%zu rules are more than there are counters for (%d in all)",
                            policy->parsed->n_rules, N_RULE_SLOTS);
    }
    job->members = policy_members(policy->parsed, &c->desired, &job->n_members);
    return RPC_OK;
}

static void
job_release(struct compile_job *job)
{
    free(job->slots);
    free(job->members);
    job->slots = NULL;
    job->members = NULL;
}

/* Stores 'policy' (when 'store') and puts it in force; it is the publisher's then.  Ports may have
 * come and gone since the job was filled: publish() looks at the present ones. */
static enum rpc_status
put_in_force(struct control *c, struct policy *policy, struct compile_job *job, bool store,
             char **error)
{
    const struct policy *old = c->publisher.policy;
    char *why = NULL;

    if (job->error) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "the policy cannot be compiled: %s",
                            ovs_strerror(job->error));
    }
    policy->compiled = job->compiled;
    policy->n_rows = acl_classes_count(policy->compiled.classes);
    if (store && state_set_policy(c->state, policy->yaml, &why)) {
        enum rpc_status status = control_fail(error, RPC_INTERNAL, "not stored: %s", why);

        free(why);
        return status;
    }
    if (publish(&c->publisher, &c->desired, policy)) {
        if (store && state_set_policy(c->state, old ? old->yaml : NULL, &why)) {
            VLOG_ERR("a policy that was refused is still stored: %s", why);
            free(why);
        }
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the policy");
    }
    return RPC_OK;
}

/* Ends a compilation: rules that are in no policy in force lose their counters. */
static enum rpc_status
finish(struct control *c, struct policy *policy, struct compile_job *job, bool store, char **error)
{
    enum rpc_status status = put_in_force(c, policy, job, store, error);

    job_release(job);
    if (status) {
        policy_destroy(policy);
    } else {
        VLOG_INFO("policy %.12s is in force: %zu rules, generation %" PRIu64, policy->digest,
                  policy->parsed->n_rules, policy->generation);
    }
    slots_retain(&c->slots, c->publisher.policy ? c->publisher.policy->parsed : NULL);
    return status;
}

enum rpc_status
policies_start(struct control *c, const char *yaml, char **error)
{
    struct compile_job job;
    struct policy *policy;
    enum rpc_status status = parse(yaml, &policy, error);

    if (status) {
        return status;
    }
    status = job_fill(c, &job, policy, error);
    if (status) {
        policy_destroy(policy);
        return status;
    }
    compile_now(&job);
    return finish(c, policy, &job, false, error);
}

/* ---- the queue ---- */

static void
apply_end(struct control *c, struct apply *a, enum rpc_status status, const char *error)
{
    a->done(c, status, error, status ? NULL : c->publisher.policy, a->aux);
    ovs_list_remove(&a->node);
    free(a);
}

/* Starts to compile the first in the queue. */
static void
apply_next(struct control *c)
{
    while (!ovs_list_is_empty(&c->applies)) {
        struct apply *a = CONTAINER_OF(ovs_list_front(&c->applies), struct apply, node);
        char *error = NULL;
        enum rpc_status status = job_fill(c, &a->job, a->policy, &error);

        if (!status) {
            compiler_submit(c->compiler, &a->job);
            return;
        }
        policy_destroy(a->policy);
        apply_end(c, a, status, error);
        free(error);
    }
}

void
policies_apply(struct control *c, const char *yaml, policy_done *done, void *aux)
{
    struct policy *policy;
    struct apply *a;
    char *error = NULL;
    enum rpc_status status = parse(yaml, &policy, &error);

    if (status) {
        done(c, status, error, NULL, aux);
        free(error);
        return;
    }
    a = xzalloc(sizeof *a);
    a->policy = policy;
    a->done = done;
    a->aux = aux;
    ovs_list_push_back(&c->applies, &a->node);
    if (ovs_list_is_singleton(&c->applies)) {
        apply_next(c);
    }
}

void
policies_run(struct control *c)
{
    struct compile_job *job = compiler_take(c->compiler);

    if (job) {
        struct apply *a = CONTAINER_OF(job, struct apply, job);
        char *error = NULL;
        enum rpc_status status = finish(c, a->policy, &a->job, true, &error);

        apply_end(c, a, status, error);
        free(error);
        apply_next(c);
    }
}

/* The compile thread has ended; what it did last is thrown away. */
void
policies_stop(struct control *c)
{
    while (!ovs_list_is_empty(&c->applies)) {
        struct apply *a = CONTAINER_OF(ovs_list_front(&c->applies), struct apply, node);

        acl_compiled_destroy(&a->job.compiled);
        job_release(&a->job);
        policy_destroy(a->policy);
        apply_end(c, a, RPC_UNAVAILABLE, "the switch is stopping");
    }
}
