/* The linker sends every allocation of acl/ and of these tests through here (--wrap, see
 * automake.mk), so that each in turn can fail. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "acl/compile.h"
#include "acl/diff.h"
#include "acl/lint.h"
#include "acl/recommend.h"
#include "suites.h"

static long until_failure = -1; /* allocations that still succeed; negative: all */

static bool
fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

#define WRAP(TYPE, NAME, PARAMETERS, ...)                                                          \
    TYPE __real_##NAME PARAMETERS;                                                                 \
    TYPE __wrap_##NAME PARAMETERS;                                                                 \
    TYPE __wrap_##NAME PARAMETERS                                                                  \
    {                                                                                              \
        return fails() ? NULL : __real_##NAME(__VA_ARGS__);                                        \
    }
WRAP(void *, malloc, (size_t size), size)
WRAP(void *, calloc, (size_t n, size_t size), n, size)
WRAP(void *, realloc, (void *p, size_t size), p, size)
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), p, n, size)
WRAP(char *, strdup, (const char *s), s)
WRAP(char *, strndup, (const char *s, size_t n), s, n)

static const char text[] = "version: 1\n"
                           "groups:\n"
                           "  d: { labels: { pool: sales }, ports: [a] }\n"
                           "  s: { cidrs: [10.0.0.0/24, '2001:db8::/64'] }\n"
                           "  all: { groups: [d, s, r], except: { groups: [d] } }\n"
                           "address_sets: { r: { stale_after: 9 } }\n"
                           "services: { erp: [tcp/8000, icmp/8] }\n"
                           "pools: [{ group: d, default: audit }]\n"
                           "tiers: { emergency: [{ id: c, direction: egress, peer: [all, s],"
                           " service: [erp, dns, udp/5], applied_to: d, action: pass }] }\n"
                           "rules:\n"
                           "  - { id: a, direction: egress, peer: s, protocol: tcp,"
                           " ports: [80, 90-95], action: allow }\n"
                           "  - { id: b, direction: ingress, peer: 10.0.0.0/8, action: drop }\n";

static int
extend(struct acl_compiled *compiled)
{
    static const uint32_t groups[] = { 1, 5 };
    struct acl_table *table;

    if (acl_classes_intern(compiled->classes, groups, 2) == ACL_CLASS_INVALID) {
        return ENOMEM;
    }
    table = acl_table_extend(compiled->scopes[0].table[ACL_EGRESS], compiled->classes);
    acl_table_destroy(table);
    return table ? 0 : ENOMEM;
}

/* Of which many kinds of findings come, also of rules that cover one together. */
static const char strange[] =
    "version: 1\n"
    "groups: { g: { labels: { x: y } }, h: { groups: [g], except: { cidrs: [10.0.0.9] } }, e: {} "
    "}\n"
    "services: { none: tcp/1 }\n"
    "pools: [{ group: g }]\n"
    "rules:\n"
    "  - { id: a, direction: egress, peer: [10.0.0.0/25, g], protocol: tcp, action: allow }\n"
    "  - { id: b, direction: egress, peer: [10.0.0.128/25, e], protocol: tcp, action: allow }\n"
    "  - { id: c, direction: egress, peer: [10.0.0.0/24, h], protocol: tcp, action: drop }\n"
    "  - { id: d, direction: egress, peer: 10.0.0.128/25, service: [tcp/1], action: drop }\n"
    "  - { id: f, direction: egress, peer: [10.0.0.0/25, g], protocol: tcp, action: drop }\n"
    "  - { id: q, direction: ingress, peer: any, service: [tcp/6-9, udp], action: reject }\n"
    "  - { id: r, direction: ingress, peer: any, service: [tcp/1-5], action: reject }\n"
    "  - { id: s, direction: ingress, peer: any, service: [tcp/2-8], action: allow }\n";

static int
compare(const struct acl_policy *before, const struct acl_policy *after)
{
    struct acl_diff diff;
    int rc = acl_diff(before, after, &diff);

    CU_ASSERT(rc || diff.n > 5);
    acl_diff_destroy(&diff);
    return rc;
}

static int
check(const struct acl_policy *before)
{
    const struct acl_lint_connection one = { .before.protocol = 6, .name = "x", .what = "x" };
    const struct acl_lint_facts facts = { .connections = &one,
                                          .n_connections = 1,
                                          .before = before };
    const struct acl_source source = { strange, sizeof strange - 1 };
    struct acl_finding *findings;
    struct acl_policy *after;
    struct acl_error error;
    size_t n;
    int rc = acl_policy_parse(&source, 1, &after, &error);

    if (rc) {
        return rc;
    }
    rc = acl_lint(after, &facts, &findings, &n);
    CU_ASSERT(rc ? !findings && !n : n > 5);
    acl_findings_destroy(findings, n);
    rc = rc ? rc : compare(before, after);
    acl_policy_destroy(after);
    return rc;
}

/* What it takes to recommend rules of all kinds. */
static int
recommend(void)
{
    static const struct acl_label labels[] = { { (char *) "pool", (char *) "dev" } };
    struct acl_addr bound[3] = { acl_addr_from_v4(1), acl_addr_from_v4(2), acl_addr_from_v4(3) };
    const struct acl_site_port ports[] = {
        { .name = "a", .addrs = &bound[0], .n_addrs = 1, .is_desktop = true },
        { .name = "b", labels, 1, &bound[1], 1, 0, true },
        { .name = "c", labels, 1, &bound[2], 1, 0, true },
    };
    const struct acl_site site = { ports, 3, NULL, 0 };
    const struct acl_source source = { text, sizeof text - 1 };
    const char *const name[] = { "a.yaml" };
    struct acl_flows flows = { .n = 0 };
    struct acl_recommend_facts facts = {
        .sources = &source, .n_sources = 1, .names = name, .site = &site, .flows = &flows
    };
    struct acl_recommendation out;
    struct acl_error error;
    int rc = 0;

    for (uint32_t i = 0; i < 24 && !rc; i++) {
        struct acl_sighting s = { .port = i % 3,
                                  .peer_port = i > 21 ? 0 : ACL_NO_PORT,
                                  .src = bound[i % 3],
                                  .dst = acl_addr_from_v4(i > 21 ? 1 : 0x100 * (7 + i / 3 * 2)),
                                  .protocol = 6,
                                  .service = (uint16_t) (i % 2 ? 443 : 8001) };

        rc = acl_flows_add(&flows, &site, &s);
    }
    rc = rc ? rc : acl_recommend(&facts, &out, &error);
    CU_ASSERT(rc || (out.n_rules > 1 && !out.n_denied && !out.n_needless));
    if (!rc) {
        acl_recommendation_destroy(&out);
    }
    acl_flows_destroy(&flows);
    return rc;
}

/* Text to tables and on, with what must be undone left to the sanitizer's leak check. */
static int
work(void)
{
    static const uint32_t slots[] = { 1, 2, 5 }, defaults[] = { 3, 4 };
    struct acl_member members[2] = { { .group = ACL_RAW_IN(1) }, { .group = ACL_RAW_IN(2) } };
    struct acl_compiled compiled;
    struct acl_policy *policy;
    struct acl_error error;
    size_t scope;
    int rc;

    acl_prefix_parse("10.0.0.0/24", &members[0].prefix);
    acl_prefix_parse("10.0.0.0/8", &members[1].prefix);
    rc = acl_policy_parse(&(struct acl_source){ text, sizeof text - 1 }, 1, &policy, &error);
    if (rc) {
        return rc;
    }
    rc = acl_compile(policy, slots, defaults, members, 2, &compiled);
    if (!rc) {
        rc = acl_compile_scope(policy, &compiled, NULL, 0, &scope);
        rc = rc ? rc : extend(&compiled);
        acl_compiled_destroy(&compiled);
    }
    rc = rc ? rc : check(policy);
    acl_policy_destroy(policy);
    return rc;
}

static void
fail_in_turn(int (*what)(void))
{
    bool spared = false;
    long n;

    for (n = 0; !spared && n < 10000; n++) {
        int rc;

        until_failure = n;
        rc = what();
        spared = until_failure >= 0; /* the work ended before an allocation failed */
        until_failure = -1;
        /* It may also succeed: giving back spare room may fail without harm. */
        CU_ASSERT(rc == ENOMEM || rc == 0);
        CU_ASSERT(!spared || rc == 0);
    }
    CU_ASSERT(spared && n > 100);
}

static void
test_every_allocation_fails(void)
{
    fail_in_turn(work);
}

static void
test_recommending(void)
{
    fail_in_turn(recommend);
}

CU_TestInfo memory_tests[] = {
    { "every allocation fails once", test_every_allocation_fails },
    { "... of a recommendation", test_recommending },
    CU_TEST_INFO_NULL,
};
