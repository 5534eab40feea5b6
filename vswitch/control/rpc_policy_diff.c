/* DiffPolicies: two policies are found, one after the other, and compared in the compile thread. */
#include <config.h>

#include <stdlib.h>

#include "control/policy_message.h"
#include "control/rpc.h"
#include "util.h"

struct comparison {
    struct rpc_call *call;
    uint64_t from, to;
    struct state_policy *text; /* of 'to'; NULL until it is found */
    struct acl_policy *before; /* of 'from'; NULL: none */
    char *from_digest;
};

static void
comparison_destroy(struct comparison *x)
{
    state_policy_destroy(x->text);
    acl_policy_destroy(x->before);
    free(x->from_digest);
    free(x);
}

static void
fail(struct comparison *x, enum rpc_status status, const char *error)
{
    rpc_call_fail(x->call, status, "%s", error);
    comparison_destroy(x);
}

static void
compared(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
         const struct policy_outcome *outcome, void *comparison)
{
    struct comparison *x = comparison;
    Fusuma__V1__DiffPoliciesResponse *reply;

    if (status) {
        fail(x, status, error);
        return;
    }
    reply = policy_diff_message(&outcome->checked->diff);
    reply->from_version = x->from;
    reply->from_digest = nullable_xstrdup(x->from_digest);
    reply->to_version = x->to;
    reply->to_digest = xstrdup(outcome->policy->digest);
    rpc_reply_with(x->call, reply);
    comparison_destroy(x);
}

static void
compare(struct control *c, struct comparison *x)
{
    struct acl_policy *before = x->before;
    struct state_policy *text = x->text;

    x->before = NULL;
    x->text = NULL;
    policies_compare(c, before, text, compared, x);
}

static void
found_to(struct control *c, enum rpc_status status, const char *error,
         const struct state_policy *text, void *comparison)
{
    struct comparison *x = comparison;

    if (status) {
        fail(x, status, error);
        return;
    }
    x->text = text ? state_policy_copy_sources(text) : policy_nothing();
    compare(c, x);
}

/* Calls 'done' with the version, or, when it is 0, with the policy in force, whose version is
 * noted; with NULL when there is none. */
static void
find(struct control *c, uint64_t *version, policy_found *done, struct comparison *x)
{
    const struct policy *present = c->publisher.policy;

    if (*version && (!present || *version != present->text->version)) {
        policies_fetch(c, *version, done, x);
    } else {
        *version = present ? present->text->version : 0;
        done(c, RPC_OK, NULL, present ? present->text : NULL, x);
    }
}

static void
found_from(struct control *c, enum rpc_status status, const char *error,
           const struct state_policy *text, void *comparison)
{
    struct comparison *x = comparison;
    char *why = NULL;

    if (!status && text) {
        x->from_digest = xstrdup(text->digest);
        status = policy_parse(text, &x->before, &why);
        error = why;
    }
    if (status) {
        fail(x, status, error);
    } else if (x->text) {
        compare(c, x);
    } else {
        find(c, &x->to, found_to, x);
    }
    free(why);
}

void
rpc_diff_policies(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__DiffPoliciesRequest *r = (const Fusuma__V1__DiffPoliciesRequest *) request;
    struct control *c = control;
    struct comparison *x;

    if (r->n_to_sources && r->to_version) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "to_version: there are to_sources, too");
        return;
    }
    x = xzalloc(sizeof *x);
    x->call = call;
    x->from = r->from_version;
    x->to = r->to_version;
    if (r->n_to_sources) {
        x->text = policy_text_from_sources(call, r->to_sources, r->n_to_sources);
        if (!x->text) {
            comparison_destroy(x);
            return;
        }
    }
    find(c, &x->from, found_from, x);
}
