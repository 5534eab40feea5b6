#include <config.h>

#include "acl/lint_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum acl_severity severity;
} kinds[ACL_N_FINDINGS] = {
    [ACL_LINT_CUTS_CONTROLLER] = { "cuts-controller", ACL_ERROR },
    [ACL_LINT_CUTS_DHCP] = { "cuts-dhcp", ACL_WARNING },
    [ACL_LINT_CUTS_DNS] = { "cuts-dns", ACL_WARNING },
    [ACL_LINT_CONTRADICTORY] = { "contradictory", ACL_ERROR },
    [ACL_LINT_SHADOWED] = { "shadowed", ACL_WARNING },
    [ACL_LINT_DUPLICATE] = { "duplicate", ACL_WARNING },
    [ACL_LINT_REDUNDANT] = { "redundant", ACL_NOTE },
    [ACL_LINT_EMPTY_GROUP] = { "empty-group", ACL_WARNING },
    [ACL_LINT_NO_RULES_FOR] = { "no-rules-for", ACL_WARNING },
    [ACL_LINT_UNUSED_GROUP] = { "unused-group", ACL_NOTE },
    [ACL_LINT_UNUSED_SERVICE] = { "unused-service", ACL_NOTE },
    [ACL_LINT_QUARANTINE_LIST] = { "quarantine-list", ACL_WARNING },
};

const char *
acl_finding_name(enum acl_finding_kind kind)
{
    return kinds[kind].name;
}

const char *
acl_severity_name(enum acl_severity severity)
{
    static const char *const names[] = { "note", "warning", "error" };

    return names[severity];
}

static bool
reserve(struct acl_lint *lint)
{
    size_t allocated = lint->allocated ? lint->allocated * 2 : 16;
    struct acl_finding *findings;

    if (lint->n < lint->allocated) {
        return true;
    }
    findings = reallocarray(lint->findings, allocated, sizeof *findings);
    if (findings) {
        lint->findings = findings;
        lint->allocated = allocated;
    }
    return findings != NULL;
}

int
acl_lint_add(struct acl_lint *lint, enum acl_finding_kind kind, const char *name,
             const struct acl_place *place, const struct acl_rule *other, const char *format, ...)
{
    struct acl_finding *finding;
    char text[512];
    va_list args;

    if (!reserve(lint)) {
        return ENOMEM;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    finding = &lint->findings[lint->n++];
    *finding = (struct acl_finding){
        .severity = kinds[kind].severity,
        .kind = kind,
        .name = strdup(name),
        .other = other ? strdup(other->id) : NULL,
        .text = strdup(text),
    };
    if (place) {
        finding->place = *place;
    }
    if (other) {
        finding->other_place = other->place;
    }
    return finding->name && finding->text && (!other || finding->other) ? 0 : ENOMEM;
}

static int
compare(const void *a_, const void *b_)
{
    const struct acl_finding *a = a_, *b = b_;
    const struct acl_place *p = &a->place, *q = &b->place;

    if (!p->line != !q->line) {
        return p->line ? 1 : -1;
    }
    if (p->source != q->source) {
        return p->source > q->source ? 1 : -1;
    }
    if (p->line != q->line) {
        return p->line > q->line ? 1 : -1;
    }
    if (p->column != q->column) {
        return p->column > q->column ? 1 : -1;
    }
    return a->kind != b->kind ? (a->kind > b->kind ? 1 : -1) : strcmp(a->text, b->text);
}

int
acl_lint(const struct acl_policy *policy, const struct acl_lint_facts *facts,
         struct acl_finding **findings, size_t *n)
{
    struct acl_lint lint = { .policy = policy, .facts = facts };
    int rc = acl_matcher_build(policy, &lint.matcher);

    *findings = NULL;
    *n = 0;
    rc = rc ? rc : acl_lint_reach(&lint);
    rc = rc ? rc : acl_lint_names(&lint);
    rc = rc ? rc : acl_lint_rules(&lint);
    acl_matcher_destroy(&lint.matcher);
    if (rc) {
        acl_findings_destroy(lint.findings, lint.n);
        return rc;
    }
    if (lint.n) {
        qsort(lint.findings, lint.n, sizeof *lint.findings, compare);
    }
    *findings = lint.findings;
    *n = lint.n;
    return 0;
}

void
acl_findings_destroy(struct acl_finding *findings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(findings[i].name);
        free(findings[i].other);
        free(findings[i].text);
    }
    free(findings);
}
