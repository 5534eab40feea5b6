/* The rule set that is shipped for the noise of healthy desktops: what it silences, and what it
 * must not. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "acl/compile.h"
#include "acl/policy.h"
#include "suites.h"

#define FILE_NAME "acl/rules/desktop-noise.yaml"
#define MAX_RULES 64
#define MAX_MEMBERS 64

static struct acl_policy *policy;
static struct acl_compiled compiled;
static struct acl_classmap *map;

static char *
read_file(const char *name, size_t *size)
{
    const char *top = getenv("top_srcdir");
    char path[4096], *text = malloc(65536);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", top ? top : "..", name);
    f = fopen(path, "r");
    *size = f && text ? fread(text, 1, 65536, f) : 0;
    if (f) {
        fclose(f);
    }
    return text;
}

int
noise_setup(void)
{
    static uint32_t slots[MAX_RULES];
    const uint32_t defaults[ACL_N_DIRECTIONS] = { 0, 0 };
    struct acl_member members[MAX_MEMBERS];
    struct acl_error error = { .text = "" };
    size_t size, n = 0, scope;
    char *text = read_file(FILE_NAME, &size);
    int failed = acl_policy_parse(&(struct acl_source){ text, size }, 1, &policy, &error);

    free(text);
    if (failed || policy->n_rules > MAX_RULES) {
        fprintf(stderr, FILE_NAME ":%u:%u: %s\n", error.line, error.column, error.text);
        return 1;
    }
    for (uint32_t g = 0; g < policy->n_groups; g++) {
        for (size_t i = 0; i < policy->groups[g].in.n_prefixes && n < MAX_MEMBERS; i++) {
            members[n++] = (struct acl_member){ policy->groups[g].in.prefixes[i], ACL_RAW_IN(g) };
        }
    }
    if (acl_compile(policy, slots, defaults, members, n, &compiled) ||
        acl_compile_scope(policy, &compiled, NULL, 0, &scope)) {
        return 1;
    }
    map = acl_classmap_build(compiled.classes, policy, members, n);
    return !map;
}

int
noise_teardown(void)
{
    acl_classmap_destroy(map);
    acl_compiled_destroy(&compiled);
    acl_policy_destroy(policy);
    return 0;
}

static enum acl_log
log_of(const char *peer, uint8_t protocol, uint16_t dport)
{
    struct acl_addr addr;
    struct acl_verdict verdict;
    struct acl_key key = { .protocol = protocol, .sport = 40000, .dport = dport };

    CU_ASSERT_TRUE(acl_addr_parse(peer, &addr));
    key.peer_class = acl_classmap_lookup(map, &addr);
    acl_table_lookup(compiled.scopes[0].table[ACL_EGRESS], &key, &verdict);
    CU_ASSERT_EQUAL(verdict.action, ACL_DROP); /* none of it passes */
    return verdict.log;
}

static void
test_discovery_is_silent(void)
{
    static const struct {
        const char *group;
        uint16_t port;
    } noise[] = {
        { "224.0.0.251", 5353 },     { "ff02::fb", 5353 },        { "224.0.0.252", 5355 },
        { "ff02::1:3", 5355 },       { "255.255.255.255", 137 },  { "255.255.255.255", 138 },
        { "239.255.255.250", 1900 }, { "ff02::c", 1900 },         { "ff05::c", 1900 },
        { "239.255.255.250", 3702 }, { "255.255.255.255", 1900 }, { "ff02::c", 3702 },
    };

    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
        CU_ASSERT_EQUAL(log_of(noise[i].group, 17, noise[i].port), ACL_LOG_NONE);
        CU_ASSERT_EQUAL(log_of(noise[i].group, 6, noise[i].port), ACL_LOG_INCIDENT);
        CU_ASSERT_EQUAL(log_of("10.0.0.12", 17, noise[i].port), ACL_LOG_INCIDENT);
        CU_ASSERT_EQUAL(log_of("fd00::12", 17, noise[i].port), ACL_LOG_INCIDENT);
    }
}

static void
test_peers_are_recorded(void)
{
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 6, 7680), ACL_LOG_RECORD);
    CU_ASSERT_EQUAL(log_of("fd00::12", 17, 7680), ACL_LOG_RECORD);
    CU_ASSERT_EQUAL(log_of("192.0.2.1", 17, 3544), ACL_LOG_RECORD);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 17, 50000), ACL_LOG_RECORD);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 17, 50059), ACL_LOG_RECORD);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 17, 50060), ACL_LOG_INCIDENT);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 6, 50000), ACL_LOG_INCIDENT);
}

/* No port but those above is quieter than an incident, to a station or to a group. */
static void
test_scans_are_incidents(void)
{
    static const char *const peers[] = { "10.0.0.12", "fd00::12", "255.255.255.255", "224.0.0.251",
                                         "239.255.255.250" };
    unsigned quiet = 0;

    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        for (unsigned port = 0; port <= UINT16_MAX; port++) {
            quiet += log_of(peers[i], 6, port) != ACL_LOG_INCIDENT;
        }
    }
    CU_ASSERT_EQUAL(quiet, sizeof peers / sizeof *peers); /* 7680 */
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 6, 445), ACL_LOG_INCIDENT);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 6, 3389), ACL_LOG_INCIDENT);
    CU_ASSERT_EQUAL(log_of("10.0.0.12", 1, 8 << 8), ACL_LOG_INCIDENT);
}

/* Each by itself, and behind the rules for noise. */
static void
test_examples(void)
{
    static const char *const names[] = { "internet-separated", "call-centre", "developers",
                                         "quarantine-tier" };
    struct acl_source sources[2];

    sources[0].text = read_file(FILE_NAME, &sources[0].len);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct acl_policy *example;
        struct acl_error error = { .text = "" };
        char path[256];

        snprintf(path, sizeof path, "docs/examples/%s.yaml", names[i]);
        sources[1].text = read_file(path, &sources[1].len);
        for (size_t first = 0; first < 2; first++) {
            int rc = acl_policy_parse(sources + first, 2 - first, &example, &error);

            if (rc) {
                printf("%s:%u:%u: %s\n", path, error.line, error.column, error.text);
            }
            CU_ASSERT_EQUAL(rc, 0);
            CU_ASSERT_TRUE(rc || example->n_rules > 3);
            acl_policy_destroy(example);
        }
        free((void *) sources[1].text);
    }
    free((void *) sources[0].text);
}

CU_TestInfo noise_tests[] = {
    { "the examples can be applied", test_examples },
    { "discovery is silent, and denied", test_discovery_is_silent },
    { "peer-to-peer is recorded", test_peers_are_recorded },
    { "scans are incidents", test_scans_are_incidents },
    CU_TEST_INFO_NULL,
};
