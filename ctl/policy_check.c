/* Asking before doing: check, diff, and apply --dry-run.  Their exit codes are diff(1)'s. */
#include <config.h>

#include <inttypes.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"

enum {
    SAME = 0,
    DIFFERENT = 1,
    TROUBLE = 2, /* no answer to the question: a bad policy, no switch, a full disk */
};

/* ---- printing ---- */

/* "FILE:3:7: warning: what [shadowed]", or without a place. */
static void
print_findings(const Fusuma__V1__ApplyPolicyResponse *r)
{
    for (size_t i = 0; i < r->n_findings; i++) {
        const Fusuma__V1__PolicyFinding *f = r->findings[i];

        if (f->line) {
            output_line("%s:%" PRIu32 ":%" PRIu32 ": %s: %s [%s]", f->source, f->line, f->column,
                        f->severity, f->text, f->kind);
        } else {
            output_line("%s: %s [%s]", f->severity, f->text, f->kind);
        }
    }
}

static void
print_changes(Fusuma__V1__PolicyChange *const *changes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        output_line("%s", changes[i]->text);
    }
}

static void
print_verdict(const Fusuma__V1__ApplyPolicyResponse *r)
{
    output_line("policy is good: %" PRIu32 " rule%s, sha256 %s; nothing was changed", r->rules,
                policy_plural(r->rules), r->digest);
}

static void
print_checked(const Fusuma__V1__ApplyPolicyResponse *r)
{
    print_findings(r);
    print_verdict(r);
}

static void
print_dry_run(const Fusuma__V1__ApplyPolicyResponse *r)
{
    print_findings(r);
    print_changes(r->changes, r->n_changes);
    print_verdict(r);
}

/* ---- check, apply --dry-run ---- */

/* NULL, and said: there is none.  The caller frees it. */
static Fusuma__V1__ApplyPolicyResponse *
check(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyRequest r = FUSUMA__V1__APPLY_POLICY_REQUEST__INIT;
    Fusuma__V1__ApplyPolicyResponse *reply = NULL;
    enum rpc_status status;
    char *error = NULL;

    if (policy_read_conditions(ctl, &r.expected_version, &r.has_expected, &r.confirm_within_s) &&
        policy_read_sources(ctl, &r.sources, &r.n_sources)) {
        status = client_try(ctl, policy_service, "CheckPolicy", &r, &reply, &error);
        if (status != RPC_OK) {
            policy_fail(ctl, status, error);
            reply = NULL;
        }
    }
    policy_sources_destroy(r.sources, r.n_sources);
    return reply;
}

static int
print_check(struct ctl *ctl, Fusuma__V1__ApplyPolicyResponse *reply, bool found,
            void (*print)(const Fusuma__V1__ApplyPolicyResponse *))
{
    if (ctl->structured) {
        output_message(&reply->base);
    } else {
        print(reply);
    }
    client_free(reply);
    return !output_flush() ? TROUBLE : found ? DIFFERENT : SAME;
}

int
policy_check(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyResponse *reply = check(ctl);

    return reply ? print_check(ctl, reply, reply->n_findings, print_checked) : TROUBLE;
}

int
policy_dry_run(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyResponse *reply = check(ctl);

    return reply ? print_check(ctl, reply, reply->n_findings || reply->n_changes, print_dry_run)
                 : TROUBLE;
}

/* ---- diff ---- */

static bool
read_versions(const struct ctl *ctl, Fusuma__V1__DiffPoliciesRequest *r)
{
    if (!policy_version_option(ctl, OPT_FROM, &r->from_version) ||
        !policy_version_option(ctl, OPT_TO, &r->to_version)) {
        return false;
    }
    if (ctl->n_words && r->to_version) {
        ctl_error("'policy diff' compares with FILE or with --to, not with both");
        return false;
    }
    if (!ctl->n_words && !r->from_version && !r->to_version) {
        ctl_error("'policy diff' needs FILE, --from or --to");
        return false;
    }
    return !ctl->n_words || policy_read_sources(ctl, &r->to_sources, &r->n_to_sources);
}

int
policy_diff(struct ctl *ctl)
{
    Fusuma__V1__DiffPoliciesRequest r = FUSUMA__V1__DIFF_POLICIES_REQUEST__INIT;
    Fusuma__V1__DiffPoliciesResponse *reply;
    char *error = NULL;
    int code = TROUBLE;

    if (read_versions(ctl, &r)) {
        enum rpc_status status =
            client_try(ctl, policy_service, "DiffPolicies", &r, &reply, &error);

        if (status == RPC_OK) {
            code = reply->n_changes ? DIFFERENT : SAME;
            if (ctl->structured) {
                output_message(&reply->base);
            } else {
                print_changes(reply->changes, reply->n_changes);
            }
            client_free(reply);
        } else {
            policy_fail(ctl, status, error);
        }
    }
    policy_sources_destroy(r.to_sources, r.n_to_sources);
    return output_flush() ? code : TROUBLE;
}
