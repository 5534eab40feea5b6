/* A policy that is parsed as an edited copy of another one is what it is when all of it is read. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/policy.h"
#include "suites.h"

#define ROUNDS 3000
#define MAX_TEXT 16384
#define MAX_LINES 64

/* ---- equal ---- */

static bool
same_place(const struct acl_place *a, const struct acl_place *b)
{
    return a->source == b->source && a->line == b->line && a->column == b->column;
}

static bool
same_numbers(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof *a));
}

static bool
same_services(const struct acl_service *a, size_t n_a, const struct acl_service *b, size_t n_b)
{
    for (size_t i = 0; n_a == n_b && i < n_a; i++) {
        if (a[i].protocol != b[i].protocol || a[i].n_ports != b[i].n_ports ||
            (a[i].n_ports && memcmp(a[i].ports, b[i].ports, a[i].n_ports * sizeof *a[i].ports))) {
            return false;
        }
    }
    return n_a == n_b;
}

static bool
same_rule(const struct acl_rule *a, const struct acl_rule *b)
{
    return !strcmp(a->id, b->id) && a->direction == b->direction && a->tier == b->tier &&
           !a->peers == !b->peers && same_numbers(a->peers, a->n_peers, b->peers, b->n_peers) &&
           same_numbers(a->applied_to, a->n_applied_to, b->applied_to, b->n_applied_to) &&
           same_services(a->services, a->n_services, b->services, b->n_services) &&
           a->action == b->action && a->log == b->log && a->audit == b->audit &&
           a->by_names == b->by_names && same_place(&a->place, &b->place);
}

static bool
same_prefixes(const struct acl_prefix *a, const struct acl_prefix *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (acl_prefix_compare(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

static bool
same_selector(const struct acl_selector *a, const struct acl_selector *b)
{
    return a->n_labels == b->n_labels && a->n_ports == b->n_ports &&
           a->n_prefixes == b->n_prefixes &&
           same_prefixes(a->prefixes, b->prefixes, a->n_prefixes) &&
           same_numbers(a->groups, a->n_groups, b->groups, b->n_groups);
}

/* Where a group that a rule makes stands is said by nobody; of it only the line is the same. */
static bool
same_group(const struct acl_group *a, const struct acl_group *b)
{
    return !strcmp(a->name, b->name) && a->is_literal == b->is_literal && a->is_set == b->is_set &&
           a->has_ports == b->has_ports && same_selector(&a->in, &b->in) &&
           same_selector(&a->out, &b->out) && a->place.line == b->place.line;
}

static bool
same_item(const struct acl_item *a, const struct acl_item *b)
{
    return a->source == b->source && a->offset == b->offset && a->size == b->size &&
           a->column == b->column && a->rule == b->rule;
}

static bool
same_policy(const struct acl_policy *a, const struct acl_policy *b)
{
    bool same = a->n_rules == b->n_rules && a->n_groups == b->n_groups &&
                a->n_items == b->n_items && a->n_services == b->n_services &&
                a->n_pools == b->n_pools &&
                same_numbers(a->order, a->n_groups, b->order, b->n_groups) &&
                same_numbers(a->composed, a->n_composed, b->composed, b->n_composed) &&
                same_numbers(a->selecting, a->n_selecting, b->selecting, b->n_selecting);

    for (size_t i = 0; same && i < a->n_rules; i++) {
        same = same_rule(&a->rules[i], &b->rules[i]);
    }
    for (size_t i = 0; same && i < a->n_groups; i++) {
        same = same_group(&a->groups[i], &b->groups[i]);
    }
    for (size_t i = 0; same && i < a->n_items; i++) {
        same = same_item(&a->items[i], &b->items[i]);
    }
    for (size_t i = 0; same && i < a->n_services; i++) {
        same = a->services[i].used == b->services[i].used;
    }
    return same;
}

static bool
are_sorted(const struct acl_policy *policy)
{
    for (size_t i = 1; i < policy->n_items; i++) {
        const struct acl_item *a = &policy->items[i - 1], *b = &policy->items[i];

        if (a->source > b->source || (a->source == b->source && a->offset >= b->offset)) {
            return false;
        }
    }
    return true;
}

/* ---- both ways ---- */

static unsigned n_good, n_wrong;

static struct acl_source
source_of(const char *text)
{
    return (struct acl_source){ text, strlen(text) };
}

/* Parses 'texts' as like 'before' and as such; the policy of the one way, or NULL. */
static struct acl_policy *
check(const char *const *texts, size_t n, const struct acl_policy *before,
      const struct acl_source *before_texts)
{
    struct acl_policy *all = NULL, *like = NULL;
    struct acl_source sources[2];
    struct acl_error e_all = { .text = "" }, e_like = { .text = "" };
    int rc;

    for (size_t i = 0; i < n; i++) {
        sources[i] = source_of(texts[i]);
    }
    rc = acl_policy_parse(sources, n, &all, &e_all);
    CU_ASSERT_EQUAL(acl_policy_parse_like(sources, n, before, before_texts, &like, &e_like), rc);
    CU_ASSERT_EQUAL(!all, !like);
    if (rc) {
        n_wrong++;
        CU_ASSERT_STRING_EQUAL(e_all.text, e_like.text);
        CU_ASSERT_EQUAL(e_all.line, e_like.line);
        CU_ASSERT_EQUAL(e_all.column, e_like.column);
        CU_ASSERT_EQUAL(e_all.source, e_like.source);
    } else if (all && like) {
        bool same = same_policy(all, like) && are_sorted(like);

        n_good++;
        CU_ASSERT_TRUE(same);
        if (!same) {
            printf("\n%s\n", texts[0]);
        }
    }
    acl_policy_destroy(all);
    return like;
}

/* 'after', like 'before'. */
static void
check_pair(const char *before, const char *after)
{
    struct acl_source source = source_of(before);
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(&source, 1, &policy, &error), 0);
    acl_policy_destroy(check(&after, 1, policy, &source));
    acl_policy_destroy(policy);
}

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  servers: { cidrs: [10.0.0.0/24] }\n"                                                        \
    "  desks: { labels: { pool: a } }\n"                                                           \
    "services:\n"                                                                                  \
    "  web: [tcp/80, tcp/443]\n"                                                                   \
    "rules:\n"
#define R1 "  - { id: r1, direction: egress, peer: servers, service: web, action: allow }\n"
#define R2                                                                                         \
    "  - { id: r2, direction: egress, peer: 10.1.0.0/16, protocol: tcp, ports: [22], "             \
    "applied_to: desks, action: allow } # a comment\n"
#define R3                                                                                         \
    "  - { id: r3, direction: ingress, peer: [servers, 10.2.0.0/16], service: [smb, tcp/99], "     \
    "action: drop }\n"
#define R4 "  - { id: r4, direction: egress, peer: any, action: pass }\n"

#define TWO_LINES "  - { id: r5, direction: egress, peer: any,\n      action: drop }\n"

static void
test_edits(void)
{
    static const char *const after[] = {
        HEAD R1 R2 R3 R4,
        HEAD R1 R3 R4,
        HEAD R4 R3 R2 R1,
        HEAD R2 R2,
        "version: 1\nrules:\n" R4,
        "version: 1\nrules:\n" R1,
        "version: 1\nrules:\n" R2,
        "version: 1\nservices:\n  web: udp/53\ngroups: { servers: { cidrs: [10.0.0.0/24] } "
        "}\nrules:\n" R1,
        "version: 1\ngroups: { 10.1.0.0/16: { cidrs: [10.3.0.0/16] } }\nrules:\n" R4,
        HEAD "  - { id: r0, direction: egress, peer: 10.2.0.0/16, action: drop }\n" R2 R3,
        HEAD "\n\n# down\n" R2 "\n" R3,
        "version: 1\nrules:\n- { id: r4, direction: egress, peer: any, action: pass }\n",
        "version: 1\ntiers:\n  default:\n" R4,
        "version: 1\ntiers:\n  emergency:\n" R4,
        "version: 1\npools:\n" R4,
        "version: 1\ngroups:\n" R4,
        HEAD R2 "  - { id: r4, direction: egress, peer: any, action: pass }",
        HEAD R2 "  - { id: r4, direction: egress, peer: any,\n      action: pass }\n",
        HEAD R2 "  - { id: r4, direction: egress, peer: any, action: pass } x\n",
        HEAD R2 "  - { id: r4, direction: egress, peer: any, action: pass }\n   y: z\n",
        HEAD R2 R4 "bad: 1\n",
    };

    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        check_pair(HEAD R1 R2 R3 R4, after[i]);
    }
    check_pair(HEAD R1 TWO_LINES R4, HEAD TWO_LINES R1 R4);
}

/* The second text changes; the first one defines what it names. */
static void
test_two_texts(void)
{
    const char *before[] = { HEAD R1 R2, "version: 1\nrules:\n" R3 R4 };
    const char *after[] = { HEAD R2, "version: 1\nrules:\n" R4 R3 R1 };
    struct acl_source sources[] = { source_of(before[0]), source_of(before[1]) };
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(sources, 2, &policy, &error), 0);
    acl_policy_destroy(check(after, 2, policy, sources));
    acl_policy_destroy(policy);
}

/* ---- at random ---- */

static void
random_line(char *line, size_t size)
{
    static const char *const peers[] = { "any",         "servers",     "10.1.0.0/16",
                                         "10.2.0.0/16", "2001:db8::1", "[servers, 10.9.0.1]",
                                         "desks",       "nobody" };
    static const char *const whats[] = { "",
                                         "",
                                         ", protocol: tcp, ports: [80]",
                                         ", service: web",
                                         ", service: smb",
                                         ", applied_to: desks",
                                         ", protocol: icmp, icmp: [8]",
                                         ", mode: audit" };
    static const char *const actions[] = { "allow", "drop", "reject", "pass" };
    uint32_t peer = test_below(200) ? test_below(7) : 7;

    snprintf(line, size, "%*s- { id: r%u, direction: %s, peer: %s%s, action: %s }%s\n", 2, "",
             test_below(3000), test_below(2) ? "egress" : "ingress", peers[peer],
             whats[test_below(8)], actions[1 + test_below(2)], test_below(9) ? "" : "  # why");
}

/* A new line, none, another place, or the same again. */
static void
edit(char lines[][256], size_t *n)
{
    char line[256];

    for (uint32_t i = test_below(4); i > 0; i--) {
        size_t at = test_below((uint32_t) *n + 1);

        if (test_below(2) && *n < MAX_LINES) {
            random_line(line, sizeof line);
            memmove(lines[at + 1], lines[at], (*n - at) * sizeof *lines);
            memcpy(lines[at], line, sizeof line);
            ++*n;
        } else if (*n && at < *n) {
            memmove(lines[at], lines[at + 1], (*n - at - 1) * sizeof *lines);
            --*n;
        }
    }
}

static void
write_text(char *text, char lines[][256], size_t n)
{
    size_t used = (size_t) snprintf(text, MAX_TEXT,
                                    "version: 1\ngroups:\n%s  servers: { cidrs: [10.0.0.0/24] }\n%s"
                                    "services: { web: [tcp/%u] }\n%s",
                                    test_below(5) ? "" : "  more: { cidrs: [192.0.2.0/24] }\n",
                                    test_below(40) ? "  desks: { labels: { pool: a } }\n" : "",
                                    80 + test_below(3), n ? "rules:\n" : "");
    size_t split = test_below(6) ? n : test_below((uint32_t) n + 1);

    for (size_t i = 0; i < n; i++) {
        if (i == split && i) {
            used += (size_t) snprintf(text + used, MAX_TEXT - used, "tiers:\n  emergency:\n");
        }
        used += (size_t) snprintf(text + used, MAX_TEXT - used, "%s", lines[i]);
    }
}

static void
test_random_edits(void)
{
    static char texts[2][MAX_TEXT], lines[MAX_LINES + 1][256];
    struct acl_policy *policy = NULL, *next;
    struct acl_source source = { .text = "" };
    size_t n = 0;

    n_good = n_wrong = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char *text = texts[round % 2];

        edit(lines, &n);
        write_text(text, lines, n);
        if (policy && source.text == text) { /* the one before was wrong */
            acl_policy_destroy(policy);
            policy = NULL;
        }
        next = check(&(const char *){ text }, 1, policy, &source);
        if (next) {
            acl_policy_destroy(policy);
            policy = next;
            source = source_of(text);
        }
    }
    acl_policy_destroy(policy);
    CU_ASSERT(n_good > ROUNDS / 3 && n_wrong > ROUNDS / 100);
}

/* A byte is another one. */
static void
test_bytes(void)
{
    static const char before[] = HEAD R1 R2 R3 R4;
    struct acl_source source = source_of(before);
    struct acl_policy *policy;
    struct acl_error error;
    char text[sizeof before];

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(&source, 1, &policy, &error), 0);
    for (size_t i = 0; i + 1 < sizeof before; i++) {
        for (int j = 0; j < 3; j++) {
            memcpy(text, before, sizeof text);
            text[i] = j ? " \n{}[]:#,-'\"ax1"[test_below(16)] : (char) test_random();
            text[i] = text[i] ? text[i] : ' ';
            acl_policy_destroy(check(&(const char *){ text }, 1, policy, &source));
        }
    }
    acl_policy_destroy(policy);
}

CU_TestInfo like_tests[] = {
    { "edits", test_edits },
    { "two texts", test_two_texts },
    { "random edits", test_random_edits },
    { "bytes", test_bytes },
    CU_TEST_INFO_NULL,
};
