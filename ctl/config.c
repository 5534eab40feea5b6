#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "dirs.h"
#include "fusuma/v1/system.pb-c.h"
#include "util.h"

enum {
    TROUBLE = 2, /* of --dry-run, whose exit codes are diff(1)'s */
};

static void
print_names(const char *what, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        output_line("port %s %s", names[i], what);
    }
}

static void
print_config(const Fusuma__V1__ApplyConfigResponse *r, bool dry_run)
{
    print_names("removed", r->removed, r->n_removed);
    print_names("replaced", r->replaced, r->n_replaced);
    print_names("added", r->added, r->n_added);
    for (size_t i = 0; i < r->n_policy_changes; i++) {
        output_line("%s", r->policy_changes[i]->text);
    }
    if (dry_run) {
        output_line("%s is good; nothing was changed", r->file);
    } else if (r->policy_version) {
        output_line("%s applied: policy version %" PRIu64 ", generation %" PRIu64, r->file,
                    r->policy_version, r->generation);
    } else {
        output_line("%s applied: the policy stays, generation %" PRIu64, r->file, r->generation);
    }
}

static bool
would_change(const Fusuma__V1__ApplyConfigResponse *r)
{
    return r->n_added || r->n_removed || r->n_replaced || r->n_policy_changes;
}

/* "FILE:3:7: what" is said without our name before it, as editors know it. */
static int
fail(const struct ctl *ctl, enum rpc_status status, char *error)
{
    int end = 0;

    if (status == RPC_INVALID_ARGUMENT && error &&
        sscanf(error, "/%*[^:]:%*u:%*u: %n", &end) == 0 && end) {
        return client_fail_at(error);
    }
    return client_fail(ctl, status, error);
}

/* The switch reads it: on this host, from where we are.  The caller frees it; NULL, and said. */
static char *
file_argument(const struct ctl *ctl)
{
    if (!ctl->arg) {
        return xstrdup("");
    }
    if (strncmp(ctl->target, "unix:", 5) && ctl->arg[0] != '/') {
        ctl_error("'%s': of another host, FILE is an absolute path there", ctl->arg);
        return NULL;
    }
    return abs_file_name(NULL, ctl->arg);
}

int
config_apply(struct ctl *ctl)
{
    Fusuma__V1__ApplyConfigRequest request = FUSUMA__V1__APPLY_CONFIG_REQUEST__INIT;
    bool dry_run = args_has(ctl->args, OPT_DRY_RUN);
    Fusuma__V1__ApplyConfigResponse *reply;
    enum rpc_status status;
    char *error = NULL;
    int code;

    request.file = file_argument(ctl);
    request.dry_run = dry_run;
    if (!request.file) {
        return CTL_USAGE;
    }
    status = client_try(ctl, &fusuma__v1__system_service__descriptor, "ApplyConfig", &request,
                        &reply, &error);
    free(request.file);
    if (status != RPC_OK) {
        code = fail(ctl, status, error);
        return dry_run ? TROUBLE : code;
    }
    code = dry_run && would_change(reply) ? 1 : CTL_OK;
    if (ctl->structured) {
        output_message(&reply->base);
    } else {
        print_config(reply, dry_run);
    }
    client_free(reply);
    return output_flush() ? code : dry_run ? TROUBLE : CTL_REFUSED;
}
