/* What the switch knows of a policy that is checked: who is in which group now, and whose
 * connection to it would be cut. */
#include <config.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "control/lint_facts.h"
#include "control/membership.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

static struct acl_policy *
parse(const char *yaml)
{
    struct acl_source source = { yaml, strlen(yaml) };
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(&source, 1, &policy, &error), 0);
    return policy;
}

/* What a check of 'yaml' says of the kinds of 'wanted', a bit each: "name name ". */
static char *
checked(const struct desired *d, const char *before, const char *yaml, unsigned wanted,
        const struct api_client *clients, size_t n_clients)
{
    struct acl_policy *old = before ? parse(before) : NULL, *policy = parse(yaml);
    struct compile_job job = { .policy = policy, .check = true, .before = old };
    struct ds found = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&found, "");
    job.slots = xcalloc(policy->n_rules + 1, sizeof *job.slots);
    job.members = membership_of_addresses(policy, d, VLAN_NONE, &job.n_members);
    compile_add_ports(&job, d);
    lint_facts_connections(&job, d, clients, n_clients);
    compile_now(&job);
    CU_ASSERT_EQUAL_FATAL(job.error, 0);
    for (size_t i = 0; i < job.n_findings; i++) {
        if (wanted >> job.findings[i].kind & 1) {
            ds_put_format(&found, "%s ", job.findings[i].name);
        }
    }
    acl_compiled_destroy(&job.compiled);
    compile_job_release(&job);
    acl_policy_destroy(policy);
    acl_policy_destroy(old);
    return ds_steal_cstr(&found);
}

/* ---- members ---- */

static void
expect_empty(const struct desired *d, const char *yaml, const char *want)
{
    char *got = checked(d, NULL, yaml, 1u << ACL_LINT_EMPTY_GROUP, NULL, 0);

    expect_text(got, want);
    free(got);
}

#define GROUPS                                                                                     \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  sales: { labels: { pool: sales } }\n"                                                       \
    "  dev: { labels: { pool: dev } }\n"                                                           \
    "  by-name: { ports: [desk7] }\n"                                                              \
    "  lan: { cidrs: [10.0.0.0/16] }\n"                                                            \
    "  none-left: { groups: [sales], except: { groups: [sales] } }\n"                              \
    "  either: { groups: [sales, dev, remote] }\n"                                                 \
    "  of-set: { groups: [remote] }\n"                                                             \
    "address_sets: { remote: {} }\n"                                                               \
    "rules:\n"                                                                                     \
    "  - { id: a, direction: egress, peer: [sales, dev, by-name, lan, none-left, either, of-set]," \
    " action: allow }\n"

static void
put_set(struct desired *d, const char *name, const char *prefix)
{
    struct address_set *set = xzalloc(sizeof *set);

    if (prefix) {
        set->prefixes = xcalloc(1, sizeof *set->prefixes);
        set->n = 1;
        CU_ASSERT_TRUE_FATAL(acl_prefix_parse(prefix, set->prefixes));
    }
    set_destroy(sets_replace(&d->sets, name, set));
}

static void
test_members(void)
{
    struct desired_port *port;
    struct test_spec spec;
    struct desired d;

    desired_init(&d);
    expect_empty(&d, GROUPS, "sales dev by-name none-left either of-set remote ");
    spec_desktop(&spec, 1);
    spec.spec.n_ips = 0; /* it has no address but that of its MAC */
    port = switch_add(&d, &spec);
    expect_empty(&d, GROUPS, "dev by-name none-left of-set remote ");
    put_set(&d, "remote", NULL);
    expect_empty(&d, GROUPS, "dev by-name none-left of-set remote ");
    put_set(&d, "remote", "10.5.0.0/24");
    expect_empty(&d, GROUPS, "dev by-name none-left ");
    desired_remove(&d, port);
    desired_port_destroy(port);
    expect_empty(&d, GROUPS, "sales dev by-name none-left ");
    spec_desktop(&spec, 7);
    spec.labels[0].value = "dev";
    switch_add(&d, &spec);
    expect_empty(&d, GROUPS, "sales none-left ");
    desired_destroy(&d);
}

/* ---- connections ---- */

static struct api_client
client(const char *remote, const char *local, uint16_t port)
{
    struct api_client c = { .local_port = port };

    CU_ASSERT_TRUE(acl_addr_parse(remote, &c.remote));
    CU_ASSERT_TRUE(acl_addr_parse(local, &c.local));
    return c;
}

static void
expect_cut(const struct desired *d, struct api_client c, const char *before, const char *after,
           const char *want)
{
    char *got = checked(d, before, after, 1u << ACL_LINT_CUTS_CONTROLLER, &c, 1);

    expect_text(got, want);
    free(got);
}

#define OPEN                                                                                       \
    "version: 1\n"                                                                                 \
    "rules:\n"                                                                                     \
    "  - { id: a, direction: egress, peer: any, action: allow }\n"                                 \
    "  - { id: b, direction: ingress, peer: any, action: allow }\n"
#define RULE(DIRECTION, PEER, PORT)                                                                \
    "  - { id: r, direction: " DIRECTION ", peer: " PEER ", protocol: tcp, ports: [" PORT          \
    "], action: allow }\n"
#define RULES "version: 1\ngroups: { sales: { labels: { pool: sales } } }\nrules:\n"

static void
test_connections(void)
{
    struct api_client by_desktop = client("10.0.0.1", "10.9.0.1", 50051);
    struct api_client to_desktop = client("10.9.0.1", "10.0.0.1", 50051);
    struct api_client between = client("10.0.0.1", "10.0.0.2", 50051);
    struct api_client elsewhere = client("10.9.0.1", "10.9.0.2", 50051);
    struct desired d;
    struct test_spec spec;

    desired_init(&d);
    for (unsigned i = 1; i <= 2; i++) {
        spec_desktop(&spec, i);
        switch_add(&d, &spec);
    }
    spec_uplink(&spec, 1);
    switch_add(&d, &spec);

    expect_cut(&d, by_desktop, OPEN, OPEN, "");
    expect_cut(&d, by_desktop, OPEN, "version: 1\n", "10.0.0.1 ");
    expect_cut(&d, by_desktop, NULL, "version: 1\n", "");
    expect_cut(&d, by_desktop, RULES RULE("egress", "any", "443"), "version: 1\n", "");
    expect_cut(&d, by_desktop, OPEN, RULES RULE("egress", "10.9.0.0/24", "50051"), "");
    expect_cut(&d, by_desktop, OPEN, RULES RULE("egress", "10.9.0.0/24", "50052"), "10.0.0.1 ");
    expect_cut(&d, by_desktop, OPEN, RULES RULE("egress", "10.9.1.0/24", "50051"), "10.0.0.1 ");
    expect_cut(&d, by_desktop, OPEN, RULES RULE("ingress", "any", "50051"), "10.0.0.1 ");
    expect_cut(&d, to_desktop, OPEN, RULES RULE("ingress", "10.9.0.0/24", "50051"), "");
    expect_cut(&d, to_desktop, OPEN, RULES RULE("egress", "any", "50051"), "10.9.0.1 ");
    /* By both, and each alone would cut it. */
    expect_cut(&d, between, OPEN, RULES RULE("egress", "sales", "50051"), "10.0.0.1 ");
    expect_cut(&d, between, OPEN, RULES RULE("ingress", "sales", "50051"), "10.0.0.1 ");
    expect_cut(&d, between, OPEN, "version: 1\n", "10.0.0.1 10.0.0.1 ");
    expect_cut(&d, elsewhere, OPEN, "version: 1\n", "");
    /* Whose it is in another VLAN as well is not certain. */
    spec_desktop(&spec, 3);
    spec.spec.vlan = 5;
    strcpy(spec.ip, "10.0.0.1");
    switch_add(&d, &spec);
    expect_cut(&d, by_desktop, OPEN, "version: 1\n", "");
    desired_destroy(&d);
}

/* ---- who is connected ---- */

static int
listener(struct sockaddr_in6 *address)
{
    static const int no;
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    *address = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
    CU_ASSERT_FALSE_FATAL(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no));
    CU_ASSERT_FALSE_FATAL(bind(fd, (struct sockaddr *) address, sizeof *address));
    CU_ASSERT_FALSE_FATAL(listen(fd, 8));
    CU_ASSERT_FALSE_FATAL(getsockname(fd, (struct sockaddr *) address, &len));
    return fd;
}

static int
connected(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_FALSE_FATAL(connect(fd, (struct sockaddr *) &to, sizeof to));
    return fd;
}

/* 'own' is a port of ours that nobody else knows; others may be there, of whoever runs this. */
static size_t
count(uint16_t own)
{
    size_t n, found = 0;
    struct api_client *clients = api_clients(&n);
    struct acl_addr loopback = acl_addr_from_v4(htonl(INADDR_LOOPBACK));

    for (size_t i = 0; i < n; i++) {
        found += clients[i].local_port == own && acl_addr_equals(&clients[i].remote, &loopback) &&
                 acl_addr_equals(&clients[i].local, &loopback);
    }
    free(clients);
    return found;
}

static void
test_clients(void)
{
    struct sockaddr_in6 address;
    int server = listener(&address), ends[4];
    uint16_t port = ntohs(address.sin6_port);

    CU_ASSERT_EQUAL(count(port), 0);
    for (int i = 0; i < 4; i += 2) {
        ends[i] = connected(port);
        ends[i + 1] = accept(server, NULL, NULL);
        CU_ASSERT_TRUE_FATAL(ends[i + 1] >= 0);
        CU_ASSERT_EQUAL(count(port), 1); /* each client once; our own end is none */
    }
    close(ends[1]);
    CU_ASSERT_EQUAL(count(port), 1);
    close(ends[3]);
    CU_ASSERT_EQUAL(count(port), 0);
    close(ends[0]);
    close(ends[2]);
    close(server);
}

CU_SuiteInfo
lint_facts_suite(void)
{
    static CU_TestInfo tests[] = {
        { "empty groups", test_members },
        { "connections that would be cut", test_connections },
        { "who is connected", test_clients },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "lint facts", switch_init, switch_exit, NULL, NULL, tests };
}
