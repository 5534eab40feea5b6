#include <config.h>

#include "acl/policy_priv.h"

#include <stdlib.h>

void
acl_policy_destroy(struct acl_policy *policy)
{
    if (policy) {
        free(policy->groups);
        free(policy->services);
        free(policy->rules);
        free(policy->lists);
        free(policy->pools);
        acl_arena_destroy(&policy->arena);
        free(policy);
    }
}

const char *
acl_tier_name(enum acl_tier tier)
{
    static const char *const names[ACL_N_TIERS] = { "emergency", "infrastructure", "application",
                                                    "default" };

    return names[tier];
}

const char *
acl_action_name(enum acl_action action)
{
    static const char *const names[] = {
        [ACL_DROP] = "drop", [ACL_REJECT] = "reject", [ACL_ALLOW] = "allow", [ACL_PASS] = "pass"
    };

    return names[action];
}
