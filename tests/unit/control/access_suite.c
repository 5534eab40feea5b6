/* Who has which role: entries that are read, those that are not, and whom they fit. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/access.h"
#include "tests/unit/control/suites.h"
#include "util.h"

/* Reads a list of entries.  Expects 'want' ("LINE:COLUMN: what"), or that all is well (NULL). */
static void
read_list(struct access *a, const char *text, const char *want)
{
    struct acl_yaml *root = NULL;
    struct acl_error error;
    const struct acl_yaml *where = NULL;
    char *why = NULL, *got;

    memset(a, 0, sizeof *a);
    CU_ASSERT_EQUAL_FATAL(acl_yaml_parse(text, strlen(text), NULL, &root, &error), 0);
    for (const struct acl_yaml *item = root->child; item; item = item->next) {
        if (!access_add(a, item, &where, &why)) {
            break;
        }
    }
    if (want) {
        got = why ? xasprintf("%u:%u: %s", where->line, where->column, why) : NULL;
        expect_text(got, want);
        free(got);
    } else if (why) {
        expect_text(why, "no error");
    }
    free(why);
    acl_yaml_destroy(root);
}

static void
bad(const char *text, const char *want)
{
    struct access a;

    read_list(&a, text, want);
    access_destroy(&a);
}

static void
test_refused(void)
{
    bad("- hello", "1:3: a mapping (key: value) is expected");
    bad("- {}", "1:3: access: an entry needs user, group, cn, dns or uri");
    bad("- { cn: x }", "1:3: access: an entry needs roles");
    bad("- { roles: [viewer] }", "1:3: access: an entry needs user, group, cn, dns or uri");
    bad("- { cn: x, roles: viewer }", "1:19: roles: a list of roles is expected");
    bad("- { cn: x, roles: [] }", "1:19: roles: a list of roles is expected");
    bad("- { cn: x, roles: [viewer, root] }",
        "1:28: roles: viewer, operator, responder, policy or admin is expected");
    bad("- { cn: x, roles: [none] }",
        "1:20: roles: viewer, operator, responder, policy or admin is expected");
    bad("- { cn: x, roles: [[viewer]] }",
        "1:20: roles: viewer, operator, responder, policy or admin is expected");
    bad("- { cn: x, uri: y, roles: [viewer] }",
        "1:12: uri: an entry has one of user, group, cn, dns and uri");
    bad("- { cn: '', roles: [viewer] }", "1:9: cn: a value is expected");
    bad("- { cn: [x], roles: [viewer] }", "1:9: cn: a value is expected");
    bad("- { ou: x, roles: [viewer] }",
        "1:5: ou: unknown key (there are: user, group, cn, dns, uri, roles)");
    bad("- { user: no such user, roles: [viewer] }", "1:11: user: there is no 'no such user'");
    bad("- { group: -1, roles: [viewer] }", "1:12: group: there is no '-1'");
    bad("- { user: 4294967295, roles: [viewer] }", "1:11: user: there is no '4294967295'");
    bad("- { cn: x, roles: [viewer] }\n- { cn: y }", "2:3: access: an entry needs roles");
}

static void
expect_roles(const struct access *a, const struct rpc_peer *peer, const char *want)
{
    char *got = access_roles_text(access_roles(a, peer, RPC_RESPONDER));

    expect_text(got, want);
    free(got);
}

static void
expect_who(const struct access *a, const struct rpc_peer *peer, const char *want)
{
    char *got = access_who(a, peer);

    expect_text(got, want);
    free(got);
}

static void
test_unix(void)
{
    uint32_t groups[] = { 7, 8 };
    struct rpc_peer peer = {
        .kind = RPC_PEER_UNIX, .uid = 1000, .gid = 6, .groups = groups, .n_groups = 2
    };
    struct access a;

    read_list(&a,
              "- { user: 1000, roles: [viewer] }\n- { group: 8, roles: [policy, responder] }\n"
              "- { group: 6, roles: [operator] }\n- { user: nobody, roles: [policy] }\n"
              "- { cn: '1000', roles: [admin] }\n",
              NULL);
    expect_roles(&a, &peer, "viewer, operator, responder, policy");
    expect_who(&a, &peer, "uid 1000");
    peer.n_groups = 1;
    expect_roles(&a, &peer, "viewer, operator");
    peer.gid = 9;
    peer.uid = 1001;
    expect_roles(&a, &peer, "none");
    peer.uid = 65534;
    expect_roles(&a, &peer, "policy");
    expect_who(&a, &peer, "uid 65534 (nobody)");
    peer.uid = 0;
    expect_roles(&a, &peer, "admin");
    expect_who(&a, &peer, "uid 0 (root)");
    peer.uid = geteuid();
    expect_roles(&a, &peer, "admin");
    access_destroy(&a);
}

static void
test_tls(void)
{
    char *dns[] = { "a.example", "b.example" }, *uris[] = { "spiffe://x/y" };
    struct rpc_peer peer = {
        .kind = RPC_PEER_TLS, .cn = "ctl", .dns = dns, .n_dns = 2, .uris = uris, .n_uris = 1
    };
    struct access a;

    read_list(&a,
              "- { cn: ctl, roles: [viewer] }\n- { dns: b.example, roles: [operator] }\n"
              "- { uri: 'spiffe://x/y', roles: [policy] }\n"
              "- { user: 0, roles: [admin] }\n- { group: 0, roles: [admin] }\n"
              /* A name of one kind is none of another. */
              "- { cn: a.example, roles: [admin] }\n- { dns: ctl, roles: [admin] }\n"
              "- { uri: ctl, roles: [admin] }\n",
              NULL);
    expect_roles(&a, &peer, "viewer, operator, policy");
    expect_who(&a, &peer, "certificate CN=ctl DNS=a.example DNS=b.example URI=spiffe://x/y");
    peer.cn = NULL;
    peer.n_dns = 1;
    expect_roles(&a, &peer, "policy");
    peer.kind = RPC_PEER_UNKNOWN;
    peer.why = "its certificate expired";
    expect_roles(&a, &peer, "none");
    expect_who(&a, &peer, "a stranger (its certificate expired)");
    peer.kind = RPC_PEER_ANYONE;
    expect_roles(&a, &peer, "responder");
    access_destroy(&a);
}

static void
test_allows(void)
{
    unsigned responder = 1u << RPC_RESPONDER, admin = 1u << RPC_ADMIN;

    CU_ASSERT_TRUE(access_allows(responder, RPC_RESPONDER));
    CU_ASSERT_TRUE(access_allows(responder, RPC_VIEWER));
    CU_ASSERT_FALSE(access_allows(responder, RPC_OPERATOR));
    CU_ASSERT_FALSE(access_allows(responder, RPC_ADMIN));
    CU_ASSERT_TRUE(access_allows(admin, RPC_POLICY));
    CU_ASSERT_FALSE(access_allows(0, RPC_VIEWER));
    CU_ASSERT_FALSE(access_allows(admin, RPC_ROLE_NONE));
    CU_ASSERT_FALSE(access_allows(admin, RPC_N_ROLES));
}

CU_SuiteInfo
access_suite(void)
{
    static CU_TestInfo tests[] = {
        { "entries that are refused", test_refused },
        { "users and groups", test_unix },
        { "names in certificates", test_tls },
        { "what a role may", test_allows },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "access", NULL, NULL, NULL, NULL, tests };
}
