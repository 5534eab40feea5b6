#include <config.h>

#include <stdlib.h>

#include "control/control.h"
#include "control/digest.h"
#include "control/membership.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(policies);

/* A policy on its way: parsed, waiting or compiling, then a change. */
struct apply {
    struct ovs_list node;
    struct policy *policy; /* NULL: it is the publisher's */
    struct compile_job job;
    struct change change;
    char *old_yaml; /* of the policy that stays, or NULL */
    policy_done *done;
    void *aux;
};

static enum rpc_status
parse(const char *yaml, struct policy **policyp, char **error)
{
    struct policy *policy = xzalloc(sizeof *policy);
    struct acl_source source = { yaml, strlen(yaml) };
    struct acl_error e = { .text = "" };

    *policyp = NULL;
    if (acl_policy_parse(&source, 1, &policy->parsed, &e)) {
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
                            "%zu rules, some with new ids, beside the %zu in force: there are "
                            "counters for %d ids at once",
                            policy->parsed->n_rules,
                            c->publisher.policy ? c->publisher.policy->parsed->n_rules : 0,
                            N_RULE_SLOTS - ACL_N_DIRECTIONS);
    }
    job->members = membership_of_addresses(policy->parsed, &c->desired, VLAN_NONE, &job->n_members);
    compile_add_ports(job, &c->desired);
    return RPC_OK;
}

static enum rpc_status
take_compiled(struct policy *policy, const struct compile_job *job, char **error)
{
    if (job->error) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "the policy cannot be compiled: %s",
                            ovs_strerror(job->error));
    }
    policy->compiled = job->compiled;
    policy->n_rows = acl_classes_count(policy->compiled.classes);
    return RPC_OK;
}

/* After RPC_OK 'policy' is the publisher's.  Ports may have come and gone since it was compiled:
 * publish() looks at the present ones. */
static enum rpc_status
put_in_force(struct control *c, struct policy *policy, char **error)
{
    if (publish(&c->publisher, &c->desired, policy)) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the policy");
    }
    VLOG_INFO("policy %.12s is in force: %zu rules, generation %" PRIu64, policy->digest,
              policy->parsed->n_rules, policy->generation);
    return RPC_OK;
}

/* Rules that are in no policy in force lose their counters. */
static void
release_slots(struct control *c)
{
    slots_retain(&c->slots, c->publisher.policy ? c->publisher.policy->parsed : NULL);
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
    status = take_compiled(policy, &job, error);
    status = status ? status : put_in_force(c, policy, error);
    if (status) {
        policy_destroy(policy);
    }
    compile_job_release(&job);
    release_slots(c);
    return status;
}

/* ---- the last step: a change ---- */

static struct apply *
apply_cast(struct change *change)
{
    return CONTAINER_OF(change, struct apply, change);
}

static int
apply_store(struct state *state, struct change *change, char **error)
{
    return state_set_policy(state, apply_cast(change)->policy->yaml, error);
}

static int
apply_unstore(struct state *state, struct change *change, char **error)
{
    return state_set_policy(state, apply_cast(change)->old_yaml, error);
}

static enum rpc_status
apply_commit(struct control *c, struct change *change, char **error)
{
    struct apply *a = apply_cast(change);
    enum rpc_status status = put_in_force(c, a->policy, error);

    if (!status) {
        a->policy = NULL;
    } else if (c->publisher.policy) {
        a->old_yaml = xstrdup(c->publisher.policy->yaml);
    }
    return status;
}

static void apply_next(struct control *);

static void
apply_end(struct control *c, struct apply *a, enum rpc_status status, const char *error)
{
    policy_destroy(a->policy);
    compile_job_release(&a->job);
    release_slots(c);
    a->done(c, status, error, status ? NULL : c->publisher.policy, a->aux);
    ovs_list_remove(&a->node);
    free(a->old_yaml);
    free(a);
}

static void
apply_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    apply_end(c, apply_cast(change), status, error);
    apply_next(c);
}

static const struct change_ops apply_ops = {
    .store = apply_store, .unstore = apply_unstore, .commit = apply_commit, .done = apply_done
};

/* ---- the queue ---- */

/* Starts to compile the first in the queue. */
static void
apply_next(struct control *c)
{
    /* The compiler goes first when the switch stops. */
    while (c->compiler && !ovs_list_is_empty(&c->applies)) {
        struct apply *a = CONTAINER_OF(ovs_list_front(&c->applies), struct apply, node);
        char *error = NULL;
        enum rpc_status status = job_fill(c, &a->job, a->policy, &error);

        if (!status) {
            compiler_submit(c->compiler, &a->job);
            return;
        }
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
    a->change.ops = &apply_ops;
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
    struct apply *a;
    char *error = NULL;
    enum rpc_status status;

    if (!job) {
        return;
    }
    a = CONTAINER_OF(job, struct apply, job);
    status = take_compiled(a->policy, job, &error);
    if (status) {
        apply_end(c, a, status, error);
        free(error);
        apply_next(c);
    } else {
        change_submit(c, &a->change);
    }
}

/* The compile thread has ended; what it did last is thrown away. */
void
policies_stop(struct control *c)
{
    struct apply *a, *next;

    LIST_FOR_EACH_SAFE (a, next, node, &c->applies) {
        acl_compiled_destroy(&a->job.compiled);
        apply_end(c, a, RPC_UNAVAILABLE, "the switch is stopping");
    }
}
