/* From what audit mode saw, rules that would allow it. */
#include <config.h>

#include <stdio.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"

static void
print_yaml(const void *reply)
{
    fputs(((const Fusuma__V1__RecommendPolicyResponse *) reply)->yaml, stdout);
}

int
policy_recommend(struct ctl *ctl)
{
    Fusuma__V1__RecommendPolicyRequest request = FUSUMA__V1__RECOMMEND_POLICY_REQUEST__INIT;

    request.include_drops = args_has(ctl->args, OPT_INCLUDE_DROPS);
    request.include_desktops = args_has(ctl->args, OPT_INCLUDE_DESKTOPS);
    return client_show(ctl, policy_service, "RecommendPolicy", &request, print_yaml);
}
