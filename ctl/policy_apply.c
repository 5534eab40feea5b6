/* Changing the policy: files are read here and judged by the switch. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"
#include "unicode.h"
#include "util.h"

/* Room for what the request has beside its texts. */
#define MAX_TEXT (RPC_MAX_REQUEST - 65536)

/* ---- files ---- */

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
        return read_text(stdin, "<stdin>");
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

static void
request_destroy(Fusuma__V1__ApplyPolicyRequest *r)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        free(r->sources[i]->yaml);
        free(r->sources[i]);
    }
    free(r->sources);
}

static bool
read_sources(const struct ctl *ctl, Fusuma__V1__ApplyPolicyRequest *r)
{
    size_t length = 0;

    r->sources = xcalloc(ctl->n_words, sizeof *r->sources);
    for (size_t i = 0; i < ctl->n_words; i++) {
        Fusuma__V1__PolicySource *s = xmalloc(sizeof *s);

        fusuma__v1__policy_source__init(s);
        s->name = (char *) (strcmp(ctl->words[i], "-") ? ctl->words[i] : "<stdin>");
        s->yaml = read_policy(ctl->words[i]);
        if (!s->yaml) {
            free(s);
            return false;
        }
        r->sources[r->n_sources++] = s;
        length += strlen(s->yaml);
    }
    if (length > MAX_TEXT) {
        ctl_error("the files together are longer than the %d bytes that a policy may have",
                  MAX_TEXT);
        return false;
    }
    return true;
}

/* ---- requests ---- */

/* --expect-version, --confirm-within. */
static bool
read_conditions(const struct ctl *ctl, uint64_t *expected, int *has_expected, uint32_t *confirm)
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

/* A mistake is said the way that editors know, "FILE:3:7: what", without our name before it. */
static int
fail(const struct ctl *ctl, enum rpc_status status, char *error)
{
    for (size_t i = 0; status == RPC_INVALID_ARGUMENT && error && i < ctl->n_words; i++) {
        const char *name = strcmp(ctl->words[i], "-") ? ctl->words[i] : "<stdin>";
        size_t n = strlen(name);

        if (!strncmp(error, name, n) && error[n] == ':') {
            struct ds line = DS_EMPTY_INITIALIZER;

            output_pad(&line, error, 0);
            fprintf(stderr, "%s\n", ds_cstr(&line));
            ds_destroy(&line);
            free(error);
            return CTL_REFUSED;
        }
    }
    return client_fail(ctl, status, error);
}

static const char *
plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

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
print_checked(const Fusuma__V1__ApplyPolicyResponse *r)
{
    print_findings(r);
    for (size_t i = 0; i < r->n_changes; i++) {
        output_line("%s", r->changes[i]->text);
    }
    output_line("policy is good: %" PRIu32 " rule%s, sha256 %s; nothing was changed", r->rules,
                plural(r->rules), r->digest);
}

static void
print_applied(const Fusuma__V1__ApplyPolicyResponse *r, bool dry_run)
{
    if (dry_run) {
        print_checked(r);
        return;
    }
    output_line("policy applied: version %" PRIu64 ", %" PRIu32 " rule%s, generation %" PRIu64
                ", in force on %zu desktop%s, sha256 %s",
                r->version, r->rules, plural(r->rules), r->generation, r->n_ports,
                plural(r->n_ports), r->digest);
    if (r->confirm_by) {
        char *when = policy_time(r->confirm_by);

        output_line("it goes back by itself at %s unless 'swctl policy confirm' comes first", when);
        free(when);
    }
}

static int
call(struct ctl *ctl, const char *method, const void *request, bool dry_run)
{
    Fusuma__V1__ApplyPolicyResponse *reply;
    char *error = NULL;
    enum rpc_status status = client_try(ctl, policy_service, method, request, &reply, &error);

    if (status != RPC_OK) {
        return fail(ctl, status, error);
    }
    if (ctl->json) {
        output_json(&reply->base);
    } else {
        print_applied(reply, dry_run);
    }
    client_free(reply);
    return CTL_OK;
}

static int
apply(struct ctl *ctl, bool dry_run)
{
    Fusuma__V1__ApplyPolicyRequest r = FUSUMA__V1__APPLY_POLICY_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);
    int code = CTL_USAGE;

    r.comment = (char *) (comment ? comment : "");
    if (read_conditions(ctl, &r.expected_version, &r.has_expected, &r.confirm_within_s) &&
        read_sources(ctl, &r)) {
        code = call(ctl, dry_run ? "CheckPolicy" : "ApplyPolicy", &r, dry_run);
    }
    request_destroy(&r);
    return code;
}

int
policy_apply(struct ctl *ctl)
{
    return apply(ctl, args_has(ctl->args, OPT_DRY_RUN));
}

int
policy_check(struct ctl *ctl)
{
    return apply(ctl, true);
}

int
policy_confirm(struct ctl *ctl)
{
    Fusuma__V1__ConfirmPolicyRequest r = FUSUMA__V1__CONFIRM_POLICY_REQUEST__INIT;

    return policy_version_argument(ctl, &r.version) ? call(ctl, "ConfirmPolicy", &r, false)
                                                    : CTL_USAGE;
}

int
policy_rollback(struct ctl *ctl)
{
    Fusuma__V1__RollbackPolicyRequest r = FUSUMA__V1__ROLLBACK_POLICY_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);

    r.comment = (char *) (comment ? comment : "");
    return policy_version_argument(ctl, &r.version) &&
                   read_conditions(ctl, &r.expected_version, &r.has_expected, &r.confirm_within_s)
               ? call(ctl, "RollbackPolicy", &r, false)
               : CTL_USAGE;
}
