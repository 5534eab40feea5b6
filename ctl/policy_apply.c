/* Changing the policy. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"
#include "ctl/when.h"

/* ---- requests ---- */

bool
policy_read_conditions(const struct ctl *ctl, uint64_t *expected, int *has_expected,
                       uint32_t *confirm)
{
    uint32_t version = 0;

    if (!args_number(ctl->args, OPT_EXPECT_VERSION, 0, UINT32_MAX, &version) ||
        !args_number(ctl->args, OPT_CONFIRM_WITHIN, 1, 86400, confirm)) {
        return false;
    }
    *expected = version;
    *has_expected = args_has(ctl->args, OPT_EXPECT_VERSION);
    return true;
}

static void
print_applied(const Fusuma__V1__ApplyPolicyResponse *r)
{
    output_line("policy applied: version %" PRIu64 ", %" PRIu32 " rule%s, generation %" PRIu64
                ", in force on %zu desktop%s, sha256 %s",
                r->version, r->rules, policy_plural(r->rules), r->generation, r->n_ports,
                policy_plural(r->n_ports), r->digest);
    if (r->elapsed) {
        const Fusuma__V1__Elapsed *e = r->elapsed;

        output_line(
            "it took %.1f ms: to read %.1f, to compile %.1f, to store %.1f, to publish %.1f",
            e->total_us / 1e3, e->parse_us / 1e3, e->compile_us / 1e3, e->store_us / 1e3,
            e->publish_us / 1e3);
    }
    if (r->confirm_by) {
        char *when = when_text(r->confirm_by);

        output_line("it goes back by itself at %s unless 'swctl policy confirm' comes first", when);
        free(when);
    }
}

static int
call(struct ctl *ctl, const char *method, const void *request)
{
    Fusuma__V1__ApplyPolicyResponse *reply;
    char *error = NULL;
    enum rpc_status status = client_try(ctl, policy_service, method, request, &reply, &error);

    if (status != RPC_OK) {
        return policy_fail(ctl, status, error);
    }
    if (ctl->structured) {
        output_message(&reply->base);
    } else {
        print_applied(reply);
    }
    client_free(reply);
    return CTL_OK;
}

int
policy_apply(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyRequest r = FUSUMA__V1__APPLY_POLICY_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);
    int code = CTL_USAGE;

    if (args_has(ctl->args, OPT_DRY_RUN)) {
        return policy_dry_run(ctl);
    }
    r.comment = (char *) (comment ? comment : "");
    if (policy_read_conditions(ctl, &r.expected_version, &r.has_expected, &r.confirm_within_s) &&
        policy_read_sources(ctl, &r.sources, &r.n_sources)) {
        code = call(ctl, "ApplyPolicy", &r);
    }
    policy_sources_destroy(r.sources, r.n_sources);
    return code;
}

int
policy_confirm(struct ctl *ctl)
{
    Fusuma__V1__ConfirmPolicyRequest r = FUSUMA__V1__CONFIRM_POLICY_REQUEST__INIT;

    return policy_version_argument(ctl, &r.version) ? call(ctl, "ConfirmPolicy", &r) : CTL_USAGE;
}

int
policy_rollback(struct ctl *ctl)
{
    Fusuma__V1__RollbackPolicyRequest r = FUSUMA__V1__ROLLBACK_POLICY_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);

    r.comment = (char *) (comment ? comment : "");
    return policy_version_argument(ctl, &r.version) &&
                   policy_read_conditions(ctl, &r.expected_version, &r.has_expected,
                                          &r.confirm_within_s)
               ? call(ctl, "RollbackPolicy", &r)
               : CTL_USAGE;
}
