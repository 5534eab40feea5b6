/* Policies as they are: the one in force, earlier ones, services. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"
#include "ctl/when.h"
#include "util.h"

const ProtobufCServiceDescriptor *const policy_service = &fusuma__v1__policy_service__descriptor;

static bool
take_version(const char *text, uint64_t *version)
{
    unsigned long long n;

    if (text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &n) || !n) {
        ctl_error("'%s' is not a version: a number that 'policy history' shows", text);
        return false;
    }
    *version = n;
    return true;
}

bool
policy_version_argument(const struct ctl *ctl, uint64_t *version)
{
    return !ctl->arg || take_version(ctl->arg, version);
}

bool
policy_version_option(const struct ctl *ctl, enum option_id id, uint64_t *version)
{
    return !args_has(ctl->args, id) || take_version(args_value(ctl->args, id), version);
}

const char *
policy_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- policy get ---- */

static void
print_text(const void *reply)
{
    const Fusuma__V1__Policy *policy = reply;

    for (size_t i = 0; i < policy->n_sources; i++) {
        if (policy->n_sources > 1) {
            printf("%s# ---- %s\n", i ? "\n" : "", policy->sources[i]->name);
        }
        fputs(policy->sources[i]->yaml, stdout);
    }
    if (!policy->n_sources) {
        ctl_error("no policy has been applied: everything is denied");
    }
}

static void
print_rules(const void *reply)
{
    const Fusuma__V1__Policy *policy = reply;
    struct columns c;

    columns_init(&c, "RULE TIER DIRECTION ACTION >PACKETS >BYTES LAST-HIT");
    for (size_t i = 0; i < policy->n_rules; i++) {
        const Fusuma__V1__Rule *rule = policy->rules[i];
        char *last_hit = when_text(rule->last_hit);

        columns_text(&c, rule->id);
        columns_text(&c, rule->tier);
        columns_text(&c, rule->direction);
        columns_format(&c, "%s%s", rule->action, rule->audit ? " (audit)" : "");
        columns_number(&c, rule->packets);
        columns_number(&c, rule->bytes);
        columns_text(&c, last_hit);
        free(last_hit);
    }
    columns_print(&c);
}

int
policy_get(struct ctl *ctl)
{
    Fusuma__V1__GetPolicyRequest request = FUSUMA__V1__GET_POLICY_REQUEST__INIT;

    if (!policy_version_argument(ctl, &request.version)) {
        return CTL_USAGE;
    }
    if (request.version && args_has(ctl->args, OPT_RULES)) {
        ctl_error("--rules is of the policy in force: an earlier version counts nothing");
        return CTL_USAGE;
    }
    return client_show(ctl, policy_service, "GetPolicy", &request,
                       args_has(ctl->args, OPT_RULES) ? print_rules : print_text);
}

/* ---- policy history ---- */

static void
print_history(const void *reply)
{
    const Fusuma__V1__ListPolicyVersionsResponse *r = reply;
    struct columns c;

    columns_init(&c,
                 ">VERSION APPLIED WHO DIGEST STATE COMMENT +CONFIRM-BY +>GOES-BACK-TO +SHA256");
    for (size_t i = 0; i < r->n_versions; i++) {
        const Fusuma__V1__PolicyVersion *v = r->versions[i];
        char *applied = when_text(v->applied);
        char *confirm_by = when_text(v->confirm_by);

        columns_number(&c, v->version);
        columns_text(&c, applied);
        columns_text(&c, v->who);
        columns_format(&c, "%.12s", v->digest);
        columns_text(&c, !v->in_force ? "" : v->confirm_by ? "to be confirmed" : "in force");
        columns_text(&c, v->comment);
        columns_text(&c, confirm_by);
        columns_number(&c, v->goes_back_to);
        columns_text(&c, v->digest);
        free(confirm_by);
        free(applied);
    }
    columns_print(&c);
}

int
policy_history(struct ctl *ctl)
{
    Fusuma__V1__ListPolicyVersionsRequest request = FUSUMA__V1__LIST_POLICY_VERSIONS_REQUEST__INIT;

    return client_show(ctl, policy_service, "ListPolicyVersions", &request, print_history);
}

/* ---- policy services ---- */

static void
print_services(const void *reply)
{
    const Fusuma__V1__ListServicesResponse *r = reply;
    struct columns c;

    columns_init(&c, "SERVICE DESCRIPTION PARTS");
    for (size_t i = 0; i < r->n_services; i++) {
        const Fusuma__V1__NamedService *s = r->services[i];
        struct ds parts = DS_EMPTY_INITIALIZER;

        for (size_t j = 0; j < s->n_parts; j++) {
            ds_put_format(&parts, "%s%s", j ? ", " : "", s->parts[j]);
        }
        columns_text(&c, s->name);
        columns_text(&c, s->description);
        columns_text(&c, ds_cstr(&parts));
        ds_destroy(&parts);
    }
    columns_print(&c);
}

int
policy_services(struct ctl *ctl)
{
    Fusuma__V1__ListServicesRequest request = FUSUMA__V1__LIST_SERVICES_REQUEST__INIT;

    return client_show(ctl, policy_service, "ListServices", &request, print_services);
}
