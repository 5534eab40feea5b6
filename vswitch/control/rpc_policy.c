#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/policy.pb-c.h"
#include "util.h"

static const char *const action_names[] = {
    [ACL_DROP] = "drop",
    [ACL_REJECT] = "reject",
    [ACL_ALLOW] = "allow",
};

static const char *
direction_name(enum acl_direction direction)
{
    return direction == ACL_EGRESS ? "egress" : "ingress";
}

static Fusuma__V1__Rule *
rule_message(const char *id, enum acl_direction direction, enum acl_action action,
             struct ledger_rule_hits hits)
{
    Fusuma__V1__Rule *rule = message_new(&fusuma__v1__rule__descriptor);

    rule->id = xstrdup(id);
    rule->direction = xstrdup(direction_name(direction));
    rule->action = xstrdup(action_names[action]);
    rule->packets = hits.packets;
    rule->bytes = hits.bytes;
    return rule;
}

void
rpc_get_policy(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__Policy *reply = message_new(&fusuma__v1__policy__descriptor);
    struct control *c = control;
    const struct policy *policy = c->publisher.policy;

    if (policy) {
        reply->yaml = xstrdup(policy->yaml);
        reply->digest = xstrdup(policy->digest);
        reply->generation = policy->generation;
        for (size_t i = 0; i < policy->parsed->n_rules; i++) {
            const struct acl_rule *rule = &policy->parsed->rules[i];

            message_append(reply->rules, reply->n_rules,
                           rule_message(rule->id, rule->direction, rule->action,
                                        slots_hits(&c->slots, rule->id)));
        }
    }
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        message_append(reply->rules, reply->n_rules,
                       rule_message(default_rule_id(i), i, ACL_DROP, slots_total(DEFAULT_SLOT(i))));
    }
    rpc_reply_with(call, reply);
}

static void
applied(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
        const struct policy *policy, void *call)
{
    Fusuma__V1__ApplyPolicyResponse *reply;

    if (status) {
        rpc_call_fail(call, status, "%s", error);
        return;
    }
    reply = message_new(&fusuma__v1__apply_policy_response__descriptor);
    reply->generation = policy->generation;
    reply->digest = xstrdup(policy->digest);
    reply->rules = policy->parsed->n_rules;
    rpc_reply_with(call, reply);
}

void
rpc_apply_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    policies_apply(control, ((const Fusuma__V1__ApplyPolicyRequest *) request)->yaml, applied,
                   call);
}
