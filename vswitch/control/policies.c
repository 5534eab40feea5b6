#include <config.h>

#include <stdlib.h>

#include "control/control.h"
#include "control/digest.h"
#include "control/lint_facts.h"
#include "control/membership.h"
#include "control/port_plan.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(policies);

/* A policy on its way: parsed, waiting or compiling, then a change. */
struct apply {
    struct ovs_list node;
    struct policy *policy; /* NULL: it is the publisher's */
    struct compile_job job;
    int64_t submitted_us; /* to the compiler */
    struct change change;
    struct policy_options options;
    bool compare_only;
    struct acl_policy *compared_with; /* then; or NULL */
    uint64_t go_back;                 /* if it is to be confirmed: the version that is, 0 none */
    uint64_t version;                 /* as stored */
    uint64_t before; /* version that stays when it cannot be put in force, 0 none */
    struct state_pending pending, pending_before;
    policy_done *done;
    void *aux;
};

/* ---- texts ---- */

void
policy_digest(const struct state_policy *text, char digest[65])
{
    struct ds all = DS_EMPTY_INITIALIZER;

    if (text->n_sources == 1 && text->sources[0].sha256[0]) {
        memcpy(digest, text->sources[0].sha256, sizeof text->sources[0].sha256);
        return;
    }
    if (text->n_sources == 1) {
        digest_sha256(text->sources[0].yaml, strlen(text->sources[0].yaml), digest);
        return;
    }
    for (size_t i = 0; i < text->n_sources; i++) {
        if (i) {
            ds_put_char(&all, '\0');
        }
        ds_put_cstr(&all, text->sources[i].yaml);
    }
    digest_sha256(ds_cstr(&all), all.length, digest);
    ds_destroy(&all);
}

/* "FILE:LINE:COLUMN: what", or, of a text without a name, "line LINE, column COLUMN: what". */
static char *
describe(const struct state_policy *text, const struct acl_error *e)
{
    const char *name = e->source < text->n_sources ? text->sources[e->source].name : "";

    if (!e->line) {
        return xstrdup(e->text);
    }
    return name[0] ? xasprintf("%s:%u:%u: %s", name, e->line, e->column, e->text)
                   : xasprintf("line %u, column %u: %s", e->line, e->column, e->text);
}

static struct acl_source *
sources_of(const struct state_policy *text)
{
    struct acl_source *sources = xcalloc(text->n_sources + 1, sizeof *sources);

    for (size_t i = 0; i < text->n_sources; i++) {
        sources[i] = (struct acl_source){ text->sources[i].yaml, strlen(text->sources[i].yaml) };
    }
    return sources;
}

/* 'like' is a policy that it may be an edited copy of, or NULL. */
static enum rpc_status
parse_like(const struct state_policy *text, const struct policy *like, struct acl_policy **parsed,
           char **error)
{
    struct acl_source *sources = sources_of(text), *before = NULL;
    struct acl_error e = { .text = "" };
    int retval;

    like = like && like->text->n_sources == text->n_sources ? like : NULL;
    before = like ? sources_of(like->text) : NULL;
    retval = acl_policy_parse_like(sources, text->n_sources, like ? like->parsed : NULL, before,
                                   parsed, &e);
    free(before);
    free(sources);
    if (retval) {
        *error = describe(text, &e);
        return RPC_INVALID_ARGUMENT;
    }
    return RPC_OK;
}

enum rpc_status
policy_parse(const struct state_policy *text, struct acl_policy **parsed, char **error)
{
    return parse_like(text, NULL, parsed, error);
}

/* Takes 'text', also when it fails. */
static enum rpc_status
parse(struct state_policy *text, const struct policy *like, struct policy **policyp, char **error)
{
    struct acl_policy *parsed;
    enum rpc_status status = parse_like(text, like, &parsed, error);

    *policyp = NULL;
    if (status) {
        state_policy_destroy(text);
        return status;
    }
    *policyp = xzalloc(sizeof **policyp);
    (*policyp)->text = text;
    (*policyp)->parsed = parsed;
    policy_digest(text, (*policyp)->digest);
    free(text->digest);
    text->digest = xstrdup((*policyp)->digest);
    if (text->n_sources == 1) {
        ovs_strlcpy(text->sources[0].sha256, text->digest, sizeof text->sources[0].sha256);
    }
    return RPC_OK;
}

/* ---- one compilation ---- */

static enum rpc_status
job_fill(struct control *c, struct compile_job *job, struct policy *policy, char **error)
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
    policy->members_version = c->desired.members_changed || desired_uses_vlans(&c->desired)
                                  ? 0
                                  : c->publisher.members_version;
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
    quarantines_warn(c);
    return RPC_OK;
}

/* Rules that are in no policy in force lose their counters. */
static void
release_slots(struct control *c)
{
    slots_retain(&c->slots, c->publisher.policy ? c->publisher.policy->parsed : NULL);
}

enum rpc_status
policies_start(struct control *c, struct state_policy *text, char **error)
{
    struct compile_job job;
    struct policy *policy;
    enum rpc_status status = parse(text, NULL, &policy, error);

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

static uint64_t
version_in_force(const struct control *c)
{
    return c->publisher.policy ? c->publisher.policy->text->version : 0;
}

/* Only now is it known what it takes the place of. */
static enum rpc_status
apply_begin(struct control *c, struct change *change, char **error)
{
    struct apply *a = apply_cast(change);
    const struct policy_options *o = &a->options;

    a->before = version_in_force(c);
    a->pending_before = c->pending;
    if (o->has_expected && o->expected != a->before) {
        return control_fail(error, RPC_ABORTED,
                            "version %" PRIu64 " is in force, not %" PRIu64 " as expected",
                            a->before, o->expected);
    }
    if (o->confirm_within_s) {
        a->pending = (struct state_pending){
            .confirm_by_s = time_wall() + o->confirm_within_s,
            .go_back = c->pending.confirm_by_s ? c->pending.go_back : a->before,
        };
    }
    return o->ports ? port_plan_begin(c, o->ports, error) : RPC_OK;
}

static int
store(struct state *state, struct apply *a, char **error)
{
    int retval = a->options.ports ? port_plan_store(state, a->options.ports, error) : 0;

    return retval
               ? retval
               : state_policy_put(state, a->policy->text,
                                  a->pending.confirm_by_s ? &a->pending : NULL, &a->version, error);
}

static int
unstore(struct state *state, struct apply *a, char **error)
{
    int retval = a->options.ports ? port_plan_unstore(state, a->options.ports, error) : 0;

    return retval
               ? retval
               : state_policy_take_back(state, a->version, a->before,
                                        a->pending_before.confirm_by_s ? &a->pending_before : NULL,
                                        error);
}

/* Ports and policy are stored together. */
static int
in_transaction(struct state *state, struct apply *a,
               int (*step)(struct state *, struct apply *, char **error), char **error)
{
    int retval = state_begin(state, error);

    if (retval) {
        return retval;
    }
    retval = step(state, a, error);
    retval = retval ? retval : state_commit(state, error);
    if (retval) {
        state_rollback(state);
    }
    return retval;
}

static int
apply_store(struct state *state, struct change *change, char **error)
{
    return in_transaction(state, apply_cast(change), store, error);
}

static int
apply_unstore(struct state *state, struct change *change, char **error)
{
    return in_transaction(state, apply_cast(change), unstore, error);
}

static enum rpc_status
apply_commit(struct control *c, struct change *change, char **error)
{
    struct apply *a = apply_cast(change);
    struct port_plan *ports = a->options.ports;
    enum rpc_status status = ports ? port_plan_exchange(c, ports, error) : RPC_OK;

    if (status) {
        return status;
    }
    a->policy->text->version = a->version;
    status = put_in_force(c, a->policy, error);
    if (status && ports) {
        port_plan_exchange_back(c, ports);
    }
    if (!status && ports) {
        port_plan_finish(c, ports);
    }
    if (!status) {
        a->policy = NULL;
        c->pending = a->pending;
        c->pending_due_ms = time_msec() + a->options.confirm_within_s * 1000LL;
    }
    return status;
}

static void apply_next(struct control *);

static void
apply_end(struct control *c, struct apply *a, enum rpc_status status, const char *error)
{
    struct policy_outcome outcome = {
        .policy = a->policy ? a->policy : c->publisher.policy,
        .confirm_by_s = a->pending.confirm_by_s,
        .checked = a->options.dry_run || a->compare_only ? &a->job : NULL,
        .elapsed = a->change.elapsed,
    };

    a->done(c, status, error, status ? NULL : &outcome, a->aux);
    policy_destroy(a->policy);
    acl_policy_destroy(a->compared_with);
    compile_job_release(&a->job);
    release_slots(c);
    ovs_list_remove(&a->node);
    free(a);
}

static void
apply_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    apply_end(c, apply_cast(change), status, error);
    apply_next(c);
}

static const struct change_ops apply_ops = { .begin = apply_begin,
                                             .store = apply_store,
                                             .unstore = apply_unstore,
                                             .commit = apply_commit,
                                             .done = apply_done };

/* ---- the queue ---- */

static enum rpc_status
apply_fill(struct control *c, struct apply *a, char **error)
{
    enum rpc_status status;

    if (a->compare_only) {
        a->job = (struct compile_job){ .policy = a->policy->parsed,
                                       .compare_only = true,
                                       .before = a->compared_with };
        return RPC_OK;
    }
    status = job_fill(c, &a->job, a->policy, error);
    a->job.check = a->options.dry_run;
    a->job.before = c->publisher.policy ? c->publisher.policy->parsed : NULL;
    if (!status && a->job.check) {
        size_t n;
        struct api_client *clients = api_clients(&n);

        lint_facts_connections(&a->job, &c->desired, clients, n);
        free(clients);
        lint_facts_quarantines(&a->job, &c->desired);
    }
    return status;
}

/* Starts to compile the first in the queue. */
static void
apply_next(struct control *c)
{
    /* The compiler goes first when the switch stops. */
    while (c->compiler && !ovs_list_is_empty(&c->applies)) {
        struct apply *a = CONTAINER_OF(ovs_list_front(&c->applies), struct apply, node);
        char *error = NULL;
        enum rpc_status status = apply_fill(c, a, &error);

        if (!status) {
            a->submitted_us = time_usec();
            compiler_submit(c->compiler, &a->job);
            return;
        }
        apply_end(c, a, status, error);
        free(error);
    }
}

/* NULL: 'text' is wrong, and 'done' was called. */
static struct apply *
apply_create(struct control *c, struct state_policy *text, policy_done *done, void *aux)
{
    struct policy *policy;
    struct apply *a;
    int64_t begun_us = time_usec();
    char *error = NULL;
    enum rpc_status status = parse(text, c->publisher.policy, &policy, &error);

    if (status) {
        done(c, status, error, NULL, aux);
        free(error);
        return NULL;
    }
    a = xzalloc(sizeof *a);
    a->policy = policy;
    a->change.ops = &apply_ops;
    a->change.elapsed.parse_us = time_usec() - begun_us;
    a->done = done;
    a->aux = aux;
    return a;
}

static void
apply_queue(struct control *c, struct apply *a)
{
    ovs_list_push_back(&c->applies, &a->node);
    if (ovs_list_is_singleton(&c->applies)) {
        apply_next(c);
    }
}

void
policies_apply(struct control *c, struct state_policy *text, const struct policy_options *options,
               policy_done *done, void *aux)
{
    struct apply *a = apply_create(c, text, done, aux);

    if (a) {
        a->policy->text->applied_us = time_wall_usec();
        a->options = *options;
        a->change.elapsed.asked_us = options->asked_us;
        apply_queue(c, a);
    }
}

void
policies_compare(struct control *c, struct acl_policy *before, struct state_policy *text,
                 policy_done *done, void *aux)
{
    struct apply *a = apply_create(c, text, done, aux);

    if (a) {
        a->compare_only = true;
        a->compared_with = before;
        apply_queue(c, a);
    } else {
        acl_policy_destroy(before);
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
    a->change.elapsed.compile_us = time_usec() - a->submitted_us;
    status = a->compare_only && !job->error ? RPC_OK : take_compiled(a->policy, job, &error);
    if (status || a->options.dry_run || a->compare_only) {
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
