#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/policy.h"
#include "suites.h"

static const char good[] = "version: 1\n"
                           "groups:\n"
                           "  desktops: { labels: { pool: sales, floor: '3' } }\n"
                           "  servers:\n"
                           "    cidrs: [10.0.0.0/24, \"2001:db8::/64\", 10.9.9.9]\n"
                           "    ports: [srv0, srv1]\n"
                           "rules:\n"
                           "  - id: web\n"
                           "    direction: egress\n"
                           "    peer: servers\n"
                           "    protocol: tcp\n"
                           "    ports: [80, 443, 8000-8100]\n"
                           "    action: allow\n"
                           "  - { id: ping, direction: egress, peer: any, protocol: icmp,"
                           " icmp: [8, 3/4], action: allow, log: record }\n"
                           "  - { id: gre, direction: ingress, peer: 10.1.0.0/16, protocol: 47,"
                           " action: reject }\n"
                           "  - { id: again, direction: ingress, peer: 10.1.0.0/16, action: drop,"
                           " log: none }\n"
                           "  - { id: v6, direction: ingress, peer: '2001:db8::1',"
                           " protocol: icmpv6, action: allow }\n";

static void
test_model(void)
{
    struct acl_policy *policy;
    struct acl_error error;
    const struct acl_rule *r;

    CU_ASSERT_EQUAL_FATAL(
        acl_policy_parse(&(struct acl_source){ good, sizeof good - 1 }, 1, &policy, &error), 0);
    CU_ASSERT_EQUAL(policy->n_groups, 4);
    CU_ASSERT_EQUAL_FATAL(policy->n_rules, 5);
    CU_ASSERT_EQUAL(policy->groups[0].in.n_labels, 2);
    CU_ASSERT_STRING_EQUAL(policy->groups[0].in.labels[1].value, "3");
    CU_ASSERT(policy->groups[1].in.n_prefixes == 3 && policy->groups[1].in.n_ports == 2);
    CU_ASSERT_EQUAL(policy->groups[1].in.prefixes[0].len, 120);
    CU_ASSERT_STRING_EQUAL(policy->groups[2].name, "10.1.0.0/16");
    CU_ASSERT_STRING_EQUAL(policy->groups[3].name, "2001:db8::1");

    r = &policy->rules[0];
    CU_ASSERT_STRING_EQUAL(r->id, "web");
    CU_ASSERT(r->direction == ACL_EGRESS && r->n_peers == 1 && r->peers[0] == 1 &&
              r->services[0].protocol == 6 && r->place.line == 8);
    CU_ASSERT(r->services[0].n_ports == 3 && r->services[0].ports[2].lo == 8000 &&
              r->services[0].ports[2].hi == 8100);
    CU_ASSERT(r->action == ACL_ALLOW && r->log == ACL_LOG_NONE);
    r = &policy->rules[1];
    CU_ASSERT(!r->n_peers && r->services[0].protocol == 1 && r->log == ACL_LOG_RECORD);
    CU_ASSERT(r->services[0].n_ports == 2 && r->services[0].ports[0].lo == 0x800 &&
              r->services[0].ports[0].hi == 0x8ff);
    CU_ASSERT(r->services[0].ports[1].lo == 0x304 && r->services[0].ports[1].hi == 0x304 &&
              r->place.line == 14);
    r = &policy->rules[2];
    CU_ASSERT(r->direction == ACL_INGRESS && r->peers[0] == 2 && r->services[0].protocol == 47 &&
              !r->services[0].n_ports);
    CU_ASSERT(r->action == ACL_REJECT && r->log == ACL_LOG_INCIDENT);
    r = &policy->rules[3];
    CU_ASSERT(r->peers[0] == 2 && r->services[0].protocol == ACL_PROTO_ANY);
    CU_ASSERT(r->action == ACL_DROP && r->log == ACL_LOG_NONE);
    CU_ASSERT(policy->rules[4].peers[0] == 3 && policy->rules[4].services[0].protocol == 58);
    acl_policy_destroy(policy);
}

static bool
selects(const struct acl_policy *policy, uint32_t group, const char *name,
        const struct acl_label *labels, size_t n)
{
    uint32_t raw[16], groups[8];
    size_t n_raw, n_groups;

    acl_groups_of_port(policy, name, labels, n, raw, &n_raw);
    CU_ASSERT_TRUE(acl_groups_resolve(policy, raw, n_raw, groups, &n_groups));
    for (size_t i = 0; i < n_groups; i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

static void
test_selects_port(void)
{
    const struct acl_label sales[] = { { "pool", "sales" }, { "floor", "3" }, { "x", "y" } };
    const struct acl_label other[] = { { "pool", "sales" }, { "floor", "4" } };
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(
        acl_policy_parse(&(struct acl_source){ good, sizeof good - 1 }, 1, &policy, &error), 0);
    CU_ASSERT(selects(policy, 0, "d1", sales, 3));
    CU_ASSERT(!selects(policy, 0, "d1", other, 2));
    CU_ASSERT(!selects(policy, 0, "d1", NULL, 0));
    CU_ASSERT(selects(policy, 1, "srv1", NULL, 0));
    CU_ASSERT(!selects(policy, 1, "srv2", sales, 3));
    CU_ASSERT(!selects(policy, 2, "srv1", sales, 3));
    acl_policy_destroy(policy);
}

static void
test_detection(void)
{
    static const char text[] =
        "version: 1\n"
        "groups:\n"
        "  managers: { ports: [m1] }\n"
        "address_sets:\n"
        "  remote: {}\n"
        "detection:\n"
        "  desktops: remote\n"
        "  sweep: { desktops: { 10s: 7 }, addresses: { 24h: 0 }, public: { 10s: 99 } }\n"
        "  worm: { networks: 9 }\n"
        "  shipped_exclusions: false\n"
        "  exclude: [{ service: [tcp/7680, smb], to: public, up_to: 3 }, { service: udp/9 }]\n"
        "  quarantine: { severity: critical, rate: 50, never: [managers], at_most: 2,\n"
        "                allow: [display, forensics], reset: true, capture: true }\n"
        "quarantine:\n"
        "  lists:\n"
        "    display: [{ direction: ingress, peer: 10.0.0.1, protocol: tcp, ports: [3389] }]\n"
        "    forensics: [{ direction: ingress, peer: 10.0.0.2, protocol: tcp, ports: [22] }]\n";
    struct acl_policy *policy;
    struct acl_error error;
    const struct acl_detection *d;

    CU_ASSERT_EQUAL_FATAL(
        acl_policy_parse(&(struct acl_source){ text, sizeof text - 1 }, 1, &policy, &error), 0);
    d = &policy->detection;
    CU_ASSERT(d->n_desktops == 1 && policy->groups[d->desktops[0]].is_set);
    CU_ASSERT(d->sweep[ACL_DESKTOPS][ACL_10S] == 7 && d->sweep[ACL_DESKTOPS][ACL_5MIN] == 4);
    CU_ASSERT(d->sweep[ACL_ADDRESSES][ACL_24H] == 0 && d->sweep[ACL_ADDRESSES][ACL_10S] == 8);
    CU_ASSERT(d->sweep[ACL_PUBLIC][ACL_10S] == 99 && d->sweep[ACL_PUBLIC][ACL_5MIN] == 64);
    CU_ASSERT(d->worm_networks == 9 && d->n_exclusions == 2);
    CU_ASSERT(d->exclusions[0].public_only && d->exclusions[0].up_to == 3 &&
              d->exclusions[0].n_services > 1);
    CU_ASSERT(!d->exclusions[1].public_only && d->exclusions[1].up_to > 1000);
    CU_ASSERT(d->quarantine.severity == ACL_THREAT_CRITICAL && d->quarantine.rate == 50 &&
              d->quarantine.n_never == 1 && d->quarantine.at_most == 2 &&
              d->quarantine.n_allow == 2 && d->quarantine.reset && d->quarantine.capture);
    CU_ASSERT_STRING_EQUAL(d->quarantine.allow[1], "forensics");
    CU_ASSERT(acl_detection_cuts(d));
    acl_policy_destroy(policy);

    CU_ASSERT_EQUAL_FATAL(
        acl_policy_parse(&(struct acl_source){ good, sizeof good - 1 }, 1, &policy, &error), 0);
    CU_ASSERT(policy->detection.n_exclusions > 3 && !acl_detection_cuts(&policy->detection));
    acl_policy_destroy(policy);
}

#define V "version: 1\n"
#define RULE(MORE) V "rules:\n  - { id: a, direction: egress, peer: any, action: drop, " MORE " }\n"
#define GROUP(BODY) V "groups:\n  g: { " BODY " }\n"

static const struct {
    const char *text;
    unsigned line, column;
    const char *part; /* of the message */
} mistakes[] = {
    { "", 1, 1, "empty" },
    { "# nothing\n", 1, 1, "empty" },
    { "a: [", 2, 1, "flow sequence" },
    { "a: \"b", 1, 5, "quote" },
    { "\t- x", 1, 2, "" },
    { "text", 1, 1, "must be a mapping" },
    { "---\n", 1, 1, "must be a mapping" },
    { "rules: []\n", 1, 1, "lacks 'version'" },
    { "version: 2\n", 1, 10, "version '2'" },
    { "version:\n", 1, 1, "version ''" },
    { "version: [1]\n", 1, 10, "must be a single value" },
    { V "rule: []\n", 2, 1, "unknown key 'rule'" },
    { V "version: 1\n", 2, 1, "duplicate key 'version'" },
    { V "groups: []\n", 2, 9, "must be a mapping" },
    { V "rules: {}\n", 2, 8, "must be a list" },
    { V "---\n" V, 2, 1, "several documents" },
    { V "groups: &a {}\n", 2, 12, "anchors" },
    { V "groups: *a\n", 2, 10, "aliases" },
    { V "groups: !x {}\n", 2, 12, "tags" },
    { V "groups: { [a]: {} }\n", 2, 11, "key must be plain" },
    { V "a: \"\\0\"\n", 2, 4, "NUL" },
    { V "a: \xc3\x28\n", 2, 4, "0xc3" },
    { V "a: [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\n", 2, 19, "too deeply" },
    { GROUP("label: {}"), 3, 8, "unknown key 'label'" },
    { GROUP("labels: [a]"), 3, 16, "must be a mapping" },
    { GROUP("labels: { a: [] }"), 3, 21, "label value" },
    { GROUP("labels: { a: b, a: c }"), 3, 24, "duplicate key 'a'" },
    { GROUP("cidrs: 10.0.0.0/8"), 3, 15, "must be a list" },
    { GROUP("cidrs: [10.0.0.0/8, 10.0.0.1/8]"), 3, 28, "host bits" },
    { GROUP("cidrs: [10.0.0.0/33]"), 3, 16, "prefix length" },
    { GROUP("cidrs: [10.0.0/8]"), 3, 16, "not an IPv4" },
    { GROUP("cidrs: [[]]"), 3, 16, "single value" },
    { GROUP("ports: [a b]"), 3, 16, "port name" },
    { V "groups:\n  g: {}\n  h: {}\n  g: {}\n", 5, 3, "duplicate key 'g'" },
    { V "groups:\n  any: {}\n", 3, 3, "cannot be called" },
    { V "groups:\n  10.0.0.1: {}\n", 3, 3, "cannot be called" },
    { V "groups:\n  'a b': {}\n", 3, 3, "bad group name" },
    { V "rules: [a]\n", 2, 9, "must be a mapping" },
    { V "rules: [{ id: a }]\n", 2, 9, "lacks 'direction'" },
    { RULE("colour: red"), 3, 58, "unknown key 'colour'" },
    { RULE("id: b"), 3, 58, "duplicate key 'id'" },
    { RULE("log: loud"), 3, 63, "bad log 'loud'" },
    { RULE("protocol: tpc"), 3, 68, "bad protocol 'tpc'" },
    { RULE("protocol: 256"), 3, 68, "bad protocol '256'" },
    { RULE("protocol: -1"), 3, 68, "bad protocol '-1'" },
    { RULE("ports: [80]"), 3, 65, "needs protocol tcp or udp" },
    { RULE("protocol: icmp, ports: [80]"), 3, 81, "needs protocol tcp or udp" },
    { RULE("protocol: tcp, icmp: [8]"), 3, 79, "needs protocol icmp" },
    { RULE("protocol: tcp, ports: 80"), 3, 80, "must be a list" },
    { RULE("protocol: tcp, ports: []"), 3, 80, "is empty" },
    { RULE("protocol: tcp, ports: [80, 65536]"), 3, 85, "0 to 65535" },
    { RULE("protocol: tcp, ports: [90-80]"), 3, 81, "ends before" },
    { RULE("protocol: tcp, ports: [80-]"), 3, 81, "0 to 65535" },
    { RULE("protocol: tcp, ports: [-80]"), 3, 81, "0 to 65535" },
    { RULE("protocol: tcp, ports: [1-2-3]"), 3, 81, "0 to 65535" },
    { RULE("protocol: tcp, ports: [http]"), 3, 81, "0 to 65535" },
    { RULE("protocol: icmp, icmp: [256]"), 3, 81, "0 to 255" },
    { RULE("protocol: icmp, icmp: [3/256]"), 3, 81, "codes" },
    { RULE("protocol: icmp, icmp: [3/]"), 3, 81, "codes" },
    { V "rules: [{ id: a, direction: in, peer: any, action: drop }]\n", 2, 29, "direction 'in'" },
    { V "rules: [{ id: a, direction: egress, peer: any, action: deny }]\n", 2, 56, "'deny'" },
    { V "rules: [{ id: a, direction: egress, peer: x, action: drop }]\n", 2, 43, "group 'x'" },
    { V "rules: [{ id: a, direction: egress, peer: 10.0.0.1/8, action: drop }]\n", 2, 43,
      "host bits" },
    { V "rules: [{ id: a, direction: egress, peer: 10.0.0, action: drop }]\n", 2, 43, "bad CIDR" },
    { V "rules: [{ id: a b, direction: egress, peer: any, action: drop }]\n", 2, 15,
      "bad rule id" },
    { RULE("mode: loud"), 3, 64, "bad mode 'loud'" },
    { RULE("service: nope"), 3, 67, "unknown service 'nope'" },
    { RULE("service: []"), 3, 67, "'service' is empty" },
    { RULE("service: tcp/99999"), 3, 67, "0 to 65535" },
    { RULE("service: gre/4"), 3, 67, "it begins with" },
    { RULE("service: 47/4"), 3, 67, "only tcp and udp have ports" },
    { RULE("service: dns, ports: [4]"), 3, 79, "'ports' beside 'service'" },
    { RULE("applied_to: sales"), 3, 70, "unknown group 'sales'" },
    { RULE("applied_to: []"), 3, 70, "is empty" },
    { V "rules: [{ id: a, direction: egress, peer: any, action: allow, mode: audit }]\n", 2, 69,
      "'audit' is for rules" },
    { V "rules: [{ id: a, direction: egress, peer: [], action: drop }]\n", 2, 43, "is empty" },
    { V "rules: [{ id: a, direction: egress, peer: [any], action: drop }]\n", 2, 44,
      "stands alone" },
    { V "rules: [{ id: a, direction: egress, peer: {}, action: drop }]\n", 2, 43,
      "must be a single value" },
    { V "tiers: { default: [{ id: a, direction: egress, peer: any, action: pass }] }\n", 2, 67,
      "no tier behind 'default'" },
    { V "tiers: { last: [] }\n", 2, 10, "unknown key 'last' in tiers" },
    { V "tiers: []\n", 2, 8, "must be a mapping" },
    { V "tiers: { default: {} }\n", 2, 19, "must be a list" },
    { V "services: { dns: tcp/53 }\n", 2, 13, "shipped with the switch" },
    { V "services: { a: [] }\n", 2, 16, "is empty" },
    { V "services: { a: tcp-53 }\n", 2, 16, "it begins with" },
    { V "services: [a]\n", 2, 11, "must be a mapping" },
    { V "address_sets: { a: 5 }\n", 2, 20, "must be a mapping" },
    { V "address_sets: { a: { stale_after: soon } }\n", 2, 35, "bad stale_after 'soon'" },
    { V "address_sets: { a: {} }\ngroups: { a: {} }\n", 3, 11, "'a' is there already" },
    { V "detection: []\n", 2, 12, "must be a mapping" },
    { V "detection: { sweeps: {} }\n", 2, 14, "unknown key 'sweeps'" },
    { V "detection: { sweep: { desktops: { 10s: x } } }\n", 2, 40, "bad 10s 'x'" },
    { V "detection: { sweep: { desktops: { 1h: 3 } } }\n", 2, 35, "unknown key '1h'" },
    { V "detection: { worm: { networks: 1000001 } }\n", 2, 32, "bad networks" },
    { V "detection: { desktops: nobody }\n", 2, 24, "unknown group 'nobody'" },
    { V "detection: { exclude: [{ to: any }] }\n", 2, 24, "lacks 'service'" },
    { V "detection: { exclude: [{ service: tcp/1, to: here }] }\n", 2, 46, "any or public" },
    { V "detection: { quarantine: { reset: true } }\n", 2, 26, "which severity or rate" },
    { V "detection: { quarantine: { rate: 9, allow: display } }\n", 2, 12, "none of the lists" },
    { V "detection: { quarantine: { severity: worst } }\n", 2, 38, "low, medium, high or" },
    { V "groups: { x: { cidrs: [10.0.0.0/8] } }\n"
        "detection: { quarantine: { rate: 9, never: x } }\n",
      3, 12, "'never' is about ports" },
    { V "pools: [{ group: x }]\n", 2, 18, "unknown group 'x'" },
    { V "pools: [{ mode: audit }]\n", 2, 9, "lacks 'group'" },
    { V "groups: { x: { cidrs: [10.0.0.0/8] } }\npools: [{ group: x }]\n", 3, 9, "is no pool" },
    { V "groups: { x: { cidrs: [10.0.0.0/8] } }\nrules: [{ id: a, direction: egress, peer: any,"
        " applied_to: x, action: drop }]\n",
      3, 15, "cannot be applied to group 'x'" },
    { GROUP("groups: [h]"), 3, 17, "unknown group 'h'" },
    { GROUP("groups: [g]"), 3, 3, "made of itself" },
    { GROUP("except: { except: {} }"), 3, 18, "unknown key 'except' in except" },
    { V "groups:\n  a: { groups: [b] }\n  b: { except: { groups: [a] } }\n", 3, 3,
      "made of itself" },
    { V "rules:\n  - { id: a, direction: egress, peer: any, action: drop }\n"
        "  - { id: b, direction: egress, peer: any, action: drop }\n"
        "  - { id: a, direction: egress, peer: any, action: drop }\n",
      5, 11, "duplicate rule id 'a' (first on line 3)" },
};

static void
test_mistakes(void)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        size_t len = strlen(mistakes[i].text);
        char *exact = malloc(len ? len : 1); /* so that a sanitizer sees a read past the end */
        struct acl_policy *policy = NULL;
        struct acl_error error = { .line = 0 };
        bool right;

        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, mistakes[i].text, len);
        right =
            acl_policy_parse(&(struct acl_source){ exact, len }, 1, &policy, &error) == EINVAL &&
            !policy && error.line == mistakes[i].line && error.column == mistakes[i].column &&
            strstr(error.text, mistakes[i].part);
        if (!right) {
            printf("\n%s\nexpected %u:%u '%s', got %u:%u '%s'\n", mistakes[i].text,
                   mistakes[i].line, mistakes[i].column, mistakes[i].part, error.line, error.column,
                   error.text);
        }
        CU_ASSERT(right);
        free(exact);
    }
}

/* No beginning of a good text, and no good text with one byte changed, does harm. */
static void
test_mangled(void)
{
    char text[sizeof good];
    struct acl_policy *policy;
    struct acl_error error;
    size_t len = sizeof good - 1;

    for (size_t i = 0; i < len; i++) {
        if (!acl_policy_parse(&(struct acl_source){ good, i }, 1, &policy, &error)) {
            acl_policy_destroy(policy);
        }
    }
    for (size_t i = 0; i < 4 * len; i++) {
        memcpy(text, good, len);
        text[test_below((uint32_t) len)] = (char) test_random();
        if (!acl_policy_parse(&(struct acl_source){ text, len }, 1, &policy, &error)) {
            acl_policy_destroy(policy);
        } else {
            CU_ASSERT(error.text[0] != '\0' && strlen(error.text) < sizeof error.text);
        }
    }
}

/* A ladder of groups, each made twice of the one before, has as many ways down as it has steps
 * doubled: none of them is gone twice, or this does not end. */
static void
test_ladder(void)
{
    char text[8192];
    int n = snprintf(text, sizeof text,
                     V "groups:\n  a0: { cidrs: [10.0.0.0/8] }\n"
                       "  b0: { cidrs: [10.0.0.0/8] }\n");
    struct acl_policy *policy;
    struct acl_error error;

    for (int i = 1; i < 31; i++) {
        for (char c = 'a'; c <= 'b'; c++) {
            n += snprintf(text + n, sizeof text - n, "  %c%d: { groups: [a%d, b%d] }\n", c, i,
                          i - 1, i - 1);
        }
    }
    n += snprintf(text + n, sizeof text - n, "pools: [{ group: a30 }]\n");
    CU_ASSERT_EQUAL(acl_policy_parse(&(struct acl_source){ text, n }, 1, &policy, &error), EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is no pool"));
}

static void
test_bounds(void)
{
    size_t len = ACL_POLICY_MAX_BYTES + 1;
    char *text = malloc(len);
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, '#', len);
    CU_ASSERT_EQUAL(acl_policy_parse(&(struct acl_source){ text, len }, 1, &policy, &error),
                    EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "longer than"));
    memset(text, '[', 1 << 20);
    CU_ASSERT_EQUAL(acl_policy_parse(&(struct acl_source){ text, 1 << 20 }, 1, &policy, &error),
                    EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "too deeply"));
    free(text);
    acl_policy_destroy(NULL);
}

CU_TestInfo policy_tests[] = {
    { "text to model", test_model },
    { "which ports a group selects", test_selects_port },
    { "detection, given and by default", test_detection },
    { "mistakes, each with its place", test_mistakes },
    { "a ladder of groups", test_ladder },
    { "mangled texts", test_mangled },
    { "size and depth are bounded", test_bounds },
    CU_TEST_INFO_NULL,
};
