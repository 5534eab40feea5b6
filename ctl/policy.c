#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/policy.pb-c.h"
#include "unicode.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__policy_service__descriptor;

/* Room for the request's own few bytes. */
#define MAX_TEXT (RPC_MAX_REQUEST - 64)

/* Reads 'f' to its end.  The text is the caller's to free; NULL, said on standard error, when it
 * cannot be read or cannot be sent. */
static char *
read_text(FILE *f, const char *name)
{
    char *text = xmalloc(MAX_TEXT + 2);
    size_t length = fread(text, 1, MAX_TEXT + 1, f);
    char *error;

    text[length] = '\0';
    if (ferror(f)) {
        ctl_error("%s: %s", name, strerror(errno));
    } else if (length > MAX_TEXT) {
        ctl_error("%s: longer than the %d bytes that a policy may have", name, MAX_TEXT);
    } else if (strlen(text) < length) {
        ctl_error("%s: not a text, byte %zu is 0", name, strlen(text) + 1);
    } else if ((error = utf8_validate(text, NULL))) {
        ctl_error("%s: not UTF-8", name);
        free(error);
    } else {
        return text;
    }
    free(text);
    return NULL;
}

static char *
read_policy(const char *name)
{
    FILE *f;
    char *text;

    if (!strcmp(name, "-")) {
        return read_text(stdin, "standard input");
    }
    f = fopen(name, "r");
    if (!f) {
        ctl_error("%s: %s", name, strerror(errno));
        return NULL;
    }
    text = read_text(f, name);
    fclose(f);
    return text;
}

/* "line 3, column 7: what" as "FILE:3:7: what", the way that editors know. */
static bool
complain_in_place(const char *file, const char *error)
{
    struct ds what = DS_EMPTY_INITIALIZER;
    unsigned line, column;
    int end = 0;

    if (!error || sscanf(error, "line %u, column %u: %n", &line, &column, &end) != 2 || !end) {
        return false;
    }
    output_pad(&what, error + end, 0);
    fprintf(stderr, "%s:%u:%u: %s\n", strcmp(file, "-") ? file : "<stdin>", line, column,
            ds_cstr(&what));
    ds_destroy(&what);
    return true;
}

static int
fail(const struct ctl *ctl, enum rpc_status status, char *error)
{
    if (status == RPC_INVALID_ARGUMENT && complain_in_place(ctl->arg, error)) {
        free(error);
        return CTL_REFUSED;
    }
    return client_fail(ctl, status, error);
}

static void
print_applied(const Fusuma__V1__ApplyPolicyResponse *reply)
{
    output_line("policy applied: %" PRIu32 " rule%s, generation %" PRIu64 ", sha256 %s",
                reply->rules, reply->rules == 1 ? "" : "s", reply->generation, reply->digest);
}

int
policy_apply(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyRequest request = FUSUMA__V1__APPLY_POLICY_REQUEST__INIT;
    Fusuma__V1__ApplyPolicyResponse *reply;
    enum rpc_status status;
    char *error = NULL;

    request.yaml = read_policy(ctl->arg);
    if (!request.yaml) {
        return CTL_USAGE;
    }
    status = client_try(ctl, service, "ApplyPolicy", &request, &reply, &error);
    free(request.yaml);
    if (status != RPC_OK) {
        return fail(ctl, status, error);
    }
    if (ctl->json) {
        output_json(&reply->base);
    } else {
        print_applied(reply);
    }
    client_free(reply);
    return CTL_OK;
}

static void
print_text(const void *reply)
{
    const Fusuma__V1__Policy *policy = reply;

    fputs(policy->yaml, stdout);
    if (!policy->yaml[0]) {
        ctl_error("no policy has been applied: everything is denied");
    }
}

static void
print_rules(const void *reply)
{
    const Fusuma__V1__Policy *policy = reply;
    struct columns c;

    columns_init(&c, "RULE DIRECTION ACTION >PACKETS >BYTES");
    for (size_t i = 0; i < policy->n_rules; i++) {
        const Fusuma__V1__Rule *rule = policy->rules[i];

        columns_text(&c, rule->id);
        columns_text(&c, rule->direction);
        columns_text(&c, rule->action);
        columns_number(&c, rule->packets);
        columns_number(&c, rule->bytes);
    }
    columns_print(&c);
}

int
policy_get(struct ctl *ctl)
{
    Fusuma__V1__GetPolicyRequest request = FUSUMA__V1__GET_POLICY_REQUEST__INIT;

    return client_show(ctl, service, "GetPolicy", &request,
                       args_has(ctl->args, OPT_RULES) ? print_rules : print_text);
}
