/* What is recommended of what was seen: every branch by the text that comes of it, and random
 * sights held against what was seen by a walk of its own. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/cover.h"
#include "acl/explain.h"
#include "acl/recommend.h"
#include "acl/text.h"
#include "suites.h"

#define TCP 6
#define UDP 17
#define ICMP 1

/* ---- a switch ---- */

enum { D1, D2, D3, D4, UP, SRV };

static struct acl_label sales[] = { { (char *) "pool", (char *) "sales" },
                                    { (char *) "floor", (char *) "1" } };
static struct acl_label dev[] = { { (char *) "pool", (char *) "dev" },
                                  { (char *) "note", (char *) "not a name!" } };
static struct acl_addr addrs[6];
static struct acl_site_port ports[6];
static struct acl_site_set sets[2];
static struct acl_prefix far[2], near[2];
static struct acl_site site;
static struct acl_flows flows;
static bool include_desktops, include_drops;

static struct acl_addr
addr(const char *text)
{
    struct acl_addr a = { .q = { 0, 0 } };

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(text, &a));
    return a;
}

int
recommend_setup(void)
{
    static const char *const names[] = { "d1", "d2", "d3", "d4", "up", "srv" };

    for (int i = 0; i < 6; i++) {
        char text[16];

        snprintf(text, sizeof text, "10.0.0.%u", (unsigned) i + 11);
        acl_addr_parse(text, &addrs[i]);
        ports[i] = (struct acl_site_port){ .name = names[i],
                                           .labels = i < 2 ? sales : dev,
                                           .n_labels = i < 4 ? 2 : 0,
                                           .addrs = &addrs[i],
                                           .n_addrs = i < 4,
                                           .is_desktop = i < 4 };
    }
    acl_prefix_parse("10.8.0.1/32", &far[0]);
    acl_prefix_parse("10.8.0.2/32", &far[1]);
    acl_prefix_parse("10.7.0.0/31", &near[0]);
    sets[0] = (struct acl_site_set){ "far", far, 2 };
    sets[1] = (struct acl_site_set){ "near", near, 1 };
    site = (struct acl_site){ ports, 6, sets, 2 };
    return 0;
}

static void
begin(void)
{
    acl_flows_destroy(&flows);
    include_desktops = include_drops = false;
}

static void
see(uint32_t from, uint32_t to, const char *src, const char *dst, uint8_t protocol,
    uint16_t service, enum acl_direction direction)
{
    struct acl_sighting s = { .port = from,
                              .peer_port = to,
                              .src = addr(src),
                              .dst = addr(dst),
                              .protocol = protocol,
                              .sport = (uint16_t) (40000 + flows.records),
                              .service = service,
                              .direction = direction,
                              .packets = 2,
                              .time_s = 1000000000 + (int64_t) flows.records };

    CU_ASSERT_EQUAL_FATAL(acl_flows_add(&flows, &site, &s), 0);
}

/* A desktop opens something behind the uplink. */
static void
out(uint32_t from, const char *dst, uint8_t protocol, uint16_t service)
{
    char src[ACL_ADDR_STRLEN];

    see(from, UP, acl_addr_format(&addrs[from], src), dst, protocol, service, ACL_EGRESS);
}

static void
in(uint32_t to, const char *src, uint8_t protocol, uint16_t service)
{
    char dst[ACL_ADDR_STRLEN];

    see(UP, to, src, acl_addr_format(&addrs[to], dst), protocol, service, ACL_INGRESS);
}

static void
recommend(const char *policy, struct acl_recommendation *rec)
{
    static const char *const name[] = { "present.yaml" };
    struct acl_source source = { policy, strlen(policy) };
    struct acl_recommend_facts facts = { .sources = &source,
                                         .n_sources = 1,
                                         .names = name,
                                         .version = 7,
                                         .site = &site,
                                         .flows = &flows,
                                         .drops = include_drops,
                                         .desktops = include_desktops };
    struct acl_error error = { .text = "" };
    int rc = acl_recommend(&facts, rec, &error);

    if (rc) {
        printf("%d: %u:%u:%u: %s\n", rc, error.source, error.line, error.column, error.text);
    }
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT_EQUAL(rec->n_denied, 0);
    CU_ASSERT_EQUAL(rec->n_needless, 0);
    CU_ASSERT_EQUAL(rec->n_tried, rec->n_rules);
}

/* What is no comment. */
static char *
rules_of(const char *text)
{
    struct acl_text rules = { .n = 0 };

    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        if (line[strspn(line, " ")] != '#') {
            acl_text_add(&rules, "%.*s\n", (int) strcspn(line, "\n"), line);
        }
    }
    return acl_text_take(&rules);
}

/* One blank for every run of blanks, line ends and comment marks: where lines are broken is no
 * matter. */
static char *
flatten(const char *s)
{
    struct acl_text text = { .n = 0 };

    while (*s) {
        size_t blank = strspn(s, " \n#"), n = strcspn(s + blank, " \n#");

        acl_text_add(&text, "%s%.*s", blank ? " " : "", (int) n, s + blank);
        s += blank + n;
    }
    return acl_text_take(&text);
}

static bool
has_words(const char *text, const char *words)
{
    char *t = flatten(text), *w = flatten(words);
    bool found = strstr(t, w) != NULL;

    if (!found) {
        printf("'%s' is not in:\n%s\n", words, text);
    }
    free(t);
    free(w);
    return found;
}

static void
expect_text(const char *policy, const char *wanted, size_t n_rules)
{
    struct acl_recommendation rec;
    char *got, *flat, *flat_wanted = flatten(wanted);

    recommend(policy, &rec);
    got = rules_of(rec.text);
    flat = flatten(got);
    CU_ASSERT_EQUAL(rec.n_rules, n_rules);
    CU_ASSERT_STRING_EQUAL(flat, flat_wanted);
    if (strcmp(flat, flat_wanted)) {
        printf("wanted:\n%s\ngot:\n%s\n", wanted, rec.text);
    }
    free(got);
    free(flat);
    free(flat_wanted);
    acl_recommendation_destroy(&rec);
}

static bool
says(const char *policy, const char *words)
{
    struct acl_recommendation rec;
    bool found;

    recommend(policy, &rec);
    found = has_words(rec.text, words);
    acl_recommendation_destroy(&rec);
    return found;
}

#define BASE                                                                                       \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  desktops: { labels: { pool: sales } }\n"                                                    \
    "  servers: { cidrs: [10.9.0.1, 10.9.0.2] }\n"                                                 \
    "  wide: { cidrs: [10.9.0.0/24] }\n"                                                           \
    "address_sets: { far: {}, near: {}, gone: {} }\n"                                              \
    "services: { build: [tcp/8080], many: [tcp/8000-8100] }\n"

/* ---- tests ---- */

static void
test_nothing(void)
{
    begin();
    expect_text(BASE, "version: 1\n", 0);
    CU_ASSERT(says(BASE, "Recommended: 0 rules for 0 flows."));
}

static void
test_source_ports_vanish(void)
{
    begin();
    for (int i = 0; i < 50; i++) {
        out(D1, "10.9.9.9", TCP, 22);
    }
    CU_ASSERT_EQUAL(flows.n, 1);
    CU_ASSERT_EQUAL(flows.records, 50);
    expect_text("version: 1\n",
                "version: 1\ngroups:\n  desktop-d1: { ports: [d1] }\nrules:\n"
                "  - { id: seen-ssh, direction: egress, applied_to: [desktop-d1], peer: "
                "[10.9.9.9/32], service: [ssh],\n      action: allow }\n",
                1);
    CU_ASSERT(
        says("version: 1\n",
             "  # 1 flow, 100 packets, 2001-09-09 01:46:40Z to 2001-09-09 01:47:29Z; denied by"
             "\n  # default.  Needed by d1.\n"));
}

#define RULE(ID, TO, PEER, SERVICE)                                                                \
    "  - { id: " ID ", direction: egress, applied_to: [" TO "], peer: [" PEER "], service: "       \
    "[" SERVICE "],\n      action: allow }\n"
#define SHORT(ID, TO, PEER, SERVICE)                                                               \
    "  - { id: " ID ", direction: egress, applied_to: [" TO "], peer: [" PEER "], service: "       \
    "[" SERVICE "], action: allow }\n"

/* Each case sees one thing of both desktops of the pool. */
static void
expect_service(uint8_t protocol, uint16_t service, const char *id, const char *name)
{
    struct acl_recommendation rec;
    char words[64];

    begin();
    out(D1, "10.9.9.9", protocol, service);
    out(D2, "10.9.9.9", protocol, service);
    recommend(BASE, &rec);
    snprintf(words, sizeof words, "service: [%s]", name);
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, words));
    snprintf(words, sizeof words, "id: %s,", id);
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, words));
    CU_ASSERT_EQUAL(rec.n_rules, 1);
    if (!strstr(rec.text, words)) {
        printf("%s\n", rec.text);
    }
    acl_recommendation_destroy(&rec);
}

static void
test_services(void)
{
    expect_service(TCP, 443, "seen-https", "https");
    expect_service(UDP, 443, "seen-https", "https");
    expect_service(UDP, 53, "seen-dns", "dns");
    expect_service(ICMP, 8 << 8, "seen-ping", "ping");
    expect_service(ICMP, 13 << 8 | 1, "seen-icmp-13-1", "icmp/13/1");
    expect_service(TCP, 8080, "seen-build", "build");       /* the policy's own before "proxy" */
    expect_service(TCP, 8001, "seen-tcp-8001", "tcp/8001"); /* "many" says more */
    expect_service(TCP, 5900, "seen-tcp-5900", "tcp/5900"); /* and so does "spice" */
    expect_service(TCP, 0, "seen-tcp-0", "tcp/0");
    expect_service(47, 0, "seen-47", "47");                 /* a tunnel passes by its number */
    expect_service(UDP, 4789, "seen-udp-4789", "udp/4789"); /* or its very port */
    expect_service(41, 0, "seen-41", "41");
}

static void
test_services_together(void)
{
    begin();
    out(D1, "10.9.9.9", TCP, 443);
    CU_ASSERT(says(BASE, "Of https only tcp/443 was seen."));
    out(D1, "10.9.9.9", UDP, 443);
    out(D1, "10.9.9.9", TCP, 8530);
    CU_ASSERT(says(BASE, "service: [tcp/8530, https]"));
    out(D1, "10.9.9.9", TCP, 8531);
    CU_ASSERT(says(BASE, "service: [wsus, https]"));
    {
        struct acl_recommendation rec;

        recommend(BASE, &rec);
        CU_ASSERT_PTR_NULL(strstr(rec.text, "was seen."));
        acl_recommendation_destroy(&rec);
    }
}

/* A name that would open what another rule denies is none. */
static void
test_service_denied_elsewhere(void)
{
    static const char quic[] =
        BASE "rules:\n"
             "  - { id: quic, direction: egress, peer: any, service: udp/443, action: drop }\n";

    begin();
    out(D1, "10.9.9.9", TCP, 443);
    CU_ASSERT(says(quic, "service: [tcp/443]"));
    out(D1, "10.9.9.9", UDP, 443);
    CU_ASSERT(says(quic, "denied by default, quic."));
}

static void
test_peers(void)
{
    begin();
    out(D1, "10.9.0.1", TCP, 22);
    expect_text(BASE,
                "version: 1\ngroups:\n  desktop-d1: { ports: [d1] }\nrules:\n" RULE(
                    "seen-ssh", "desktop-d1", "10.9.0.1/32", "ssh"),
                1);
    out(D1, "10.9.0.2", TCP, 22); /* the group is seen as a whole now */
    expect_text(BASE,
                "version: 1\ngroups:\n  desktop-d1: { ports: [d1] }\nrules:\n" SHORT(
                    "seen-ssh", "desktop-d1", "servers", "ssh"),
                1);
    out(D1, "10.9.0.3", TCP, 22); /* ... and something beside it */
    CU_ASSERT(says(BASE, "peer: [servers, 10.9.0.3/32]"));
    for (int i = 0; i < 256; i++) {
        char text[16];

        snprintf(text, sizeof text, "10.9.0.%u", (unsigned) i);
        out(D1, text, TCP, 22);
    }
    CU_ASSERT(says(BASE, "peer: [wide]"));
}

static void
test_blocks(void)
{
    begin();
    for (unsigned i = 0; i < 13; i++) { /* 10.5.0.4 to 10.5.0.16 */
        char text[16];

        snprintf(text, sizeof text, "10.5.0.%u", i + 4);
        out(D1, text, TCP, 22);
    }
    CU_ASSERT(says(BASE, "peer: [10.5.0.4/30, 10.5.0.8/29, 10.5.0.16/32]"));
    out(D1, "2001:db8::2", TCP, 22);
    out(D1, "2001:db8::3", TCP, 22);
    CU_ASSERT(says(BASE, "\"2001:db8::2/127\""));
    /* Too many for a rule: a group. */
    out(D1, "10.6.0.1", TCP, 22);
    out(D1, "10.6.0.3", TCP, 22);
    CU_ASSERT(says(BASE, "peer: [peers-seen-ssh]"));
    CU_ASSERT(says(BASE, "  peers-seen-ssh: { cidrs: [10.5.0.4/30, "));
}

static void
test_sets(void)
{
    begin();
    out(D1, "10.7.0.0", TCP, 22);
    CU_ASSERT(says(BASE, "peer: [10.7.0.0/32]"));
    out(D1, "10.7.0.1", TCP, 22);
    CU_ASSERT(says(BASE, "peer: [near]"));
}

static void
test_desktops_of_a_rule(void)
{
    begin();
    out(D1, "10.9.9.9", TCP, 22);
    out(D2, "10.9.9.9", TCP, 22); /* all of the group */
    CU_ASSERT(says(BASE, "applied_to: [desktops]"));
    out(D3, "10.9.9.9", TCP, 22); /* ... and one of another pool */
    CU_ASSERT(says(BASE, "applied_to: [desktops, desktop-d3]"));
    out(D4, "10.9.9.9", TCP, 22); /* ... and all of it, which has no group */
    CU_ASSERT(says(BASE, "applied_to: [desktops, pool-dev]"));
    CU_ASSERT(says(BASE, "  pool-dev: { labels: { pool: \"dev\" } }"));
    /* Without groups, by labels; a pool before another label that says the same. */
    CU_ASSERT(says("version: 1\n", "applied_to: [pool-sales, pool-dev]"));
    begin();
    out(D2, "10.9.9.9", TCP, 22);
    out(D3, "10.9.9.9", TCP, 22);
    CU_ASSERT(says(BASE, "  desktops-seen-ssh: { ports: [d2, d3] }"));
}

/* A product that was not seen is not recommended. */
static void
test_never_wider(void)
{
    begin();
    out(D1, "10.9.9.9", TCP, 22);
    out(D1, "10.9.9.8", TCP, 80);
    CU_ASSERT(says(BASE, "Recommended: 2 rules for 2 flows."));
    out(D1, "10.9.9.9", TCP, 80);
    CU_ASSERT(says(BASE, "Recommended: 2 rules for 3 flows."));
    out(D1, "10.9.9.8", TCP, 22);
    CU_ASSERT(says(BASE, "Recommended: 1 rule for 4 flows."));
    CU_ASSERT(says(BASE, "peer: [10.9.9.8/31], service: [http, ssh]"));
    out(D2, "10.9.9.8", TCP, 22);
    CU_ASSERT(says(BASE, "Recommended: 2 rules for 5 flows."));
}

static void
test_ingress(void)
{
    begin();
    in(D1, "10.9.0.1", TCP, 5900);
    in(D2, "10.9.0.1", TCP, 5900);
    expect_text(BASE,
                "version: 1\nrules:\n"
                "  - { id: seen-in-tcp-5900, direction: ingress, applied_to: [desktops], peer: "
                "[10.9.0.1/32],\n      service: [tcp/5900], action: allow }\n",
                1);
}

#define TIERS                                                                                      \
    BASE "rules:\n"                                                                                \
         "  - { id: late, direction: egress, peer: 10.9.0.2, action: drop }\n"                     \
         "tiers:\n"                                                                                \
         "  infrastructure:\n"                                                                     \
         "    - { id: early, direction: egress, peer: 10.9.0.1, action: drop }\n"                  \
         "  emergency:\n"                                                                          \
         "    - { id: told, direction: egress, peer: 10.9.0.4, action: drop, mode: audit }\n"      \
         "  default:\n"                                                                            \
         "    - { id: web, direction: egress, peer: any, service: https, action: allow }\n"

static void
test_tiers(void)
{
    begin();
    out(D1, "10.9.0.1", TCP, 22);  /* denied in "infrastructure" */
    out(D1, "10.9.0.2", TCP, 22);  /* in "application" */
    out(D1, "10.9.0.3", TCP, 22);  /* by default */
    out(D1, "10.9.0.4", TCP, 443); /* by a rule in audit mode, which another would allow */
    out(D1, "10.9.0.5", TCP, 443); /* not at all */
    expect_text(
        TIERS,
        "version: 1\ngroups:\n  desktop-d1: { ports: [d1] }\nrules:\n" RULE(
            "seen-ssh-2", "desktop-d1", "10.9.0.2/31",
            "ssh") "tiers:\n"
                   "  emergency:\n"
                   "    - { id: seen-https, direction: egress, applied_to: [desktop-d1], peer: "
                   "[10.9.0.4/32],\n        service: [https], action: allow }\n"
                   "  infrastructure:\n"
                   "    - { id: seen-ssh, direction: egress, applied_to: [desktop-d1], peer: "
                   "[10.9.0.1/32],\n        service: [ssh], action: allow }\n",
        3);
    CU_ASSERT(says(TIERS, "denied by\n    # told.  Needed by d1."));
    CU_ASSERT(says(TIERS, "- 1 flow that the policy allows by now."));
}

static void
test_names_that_are_taken(void)
{
    static const char taken[] =
        "version: 1\n"
        "groups: { desktop-d1: { cidrs: [10.1.1.1] }, desktop-d1-2: { ports: [d2] } }\n"
        "rules:\n"
        "  - { id: seen-ssh, direction: egress, peer: 10.1.1.1, action: drop }\n";

    begin();
    out(D1, "10.9.9.9", TCP, 22);
    CU_ASSERT(says(taken, "id: seen-ssh-2,"));
    CU_ASSERT(says(taken, "  desktop-d1-3: { ports: [d1] }"));
}

/* ---- between desktops ---- */

static void
test_between_desktops(void)
{
    static const char wanted[] = "version: 1\n";
    struct acl_recommendation rec;

    begin();
    see(D1, D2, "10.0.0.11", "10.0.0.12", TCP, 445, ACL_EGRESS);
    see(D1, D2, "10.0.0.11", "10.0.0.12", TCP, 445, ACL_INGRESS);
    expect_text(BASE, wanted, 0);
    recommend(BASE, &rec);
    CU_ASSERT_EQUAL(rec.n_desktop_rules, 2);
    CU_ASSERT_EQUAL(rec.n_desktop_flows, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "WARNING: between desktops."));
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "\n#rules:\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "\n#  - { id: seen-smb, direction: egress, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "\n#  - { id: seen-in-smb, direction: ingress, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "\n#  desktop-d1: { ports: [d1] }"));
    acl_recommendation_destroy(&rec);
    include_desktops = true;
    recommend(BASE, &rec);
    CU_ASSERT_EQUAL(rec.n_rules, 2);
    CU_ASSERT_EQUAL(rec.n_desktop_rules, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(rec.text, "\n  - { id: seen-smb, direction: egress, "));
    CU_ASSERT_PTR_NULL(strstr(rec.text, "WARNING"));
    acl_recommendation_destroy(&rec);
}

/* The text with its comments in force: "#" goes where it stands first in a line of the body. */
static char *
uncomment(const char *text)
{
    struct acl_text to = { .n = 0 };

    for (const char *line = strstr(text, "version: 1\n"); *line; line += strcspn(line, "\n") + 1) {
        acl_text_add(&to, "%.*s\n", (int) strcspn(line, "\n") - (*line == '#'),
                     line + (*line == '#'));
    }
    return acl_text_take(&to);
}

static void
test_comments_are_rules(void)
{
    struct acl_recommendation rec;
    struct acl_policy *policy = NULL;
    struct acl_error error = { .text = "" };
    char *text;

    for (int also = 0; also < 2; also++) {
        struct acl_source sources[] = { { NULL, 0 }, { BASE, strlen(BASE) } };

        begin();
        if (also) { /* headings and groups that are in force */
            out(D1, "10.9.9.9", TCP, 22);
        }
        see(D1, D2, "10.0.0.11", "10.0.0.12", TCP, 445, ACL_EGRESS);
        see(D3, D2, "10.0.0.13", "10.0.0.12", TCP, 445, ACL_EGRESS);
        recommend(BASE, &rec);
        text = uncomment(rec.text);
        sources[0] = (struct acl_source){ text, strlen(text) };
        CU_ASSERT_EQUAL_FATAL(acl_policy_parse(sources, 2, &policy, &error), 0);
        CU_ASSERT_EQUAL(policy->n_rules, 2 + (size_t) also);
        acl_policy_destroy(policy);
        free(text);
        acl_recommendation_destroy(&rec);
    }
}

/* An address that is bound to a desktop, and sets that are named together with desktops. */
static void
test_desktops_elsewhere(void)
{
    static const char lateral[] = BASE
        "rules:\n  - { id: lateral, direction: egress, peer: [desktops, far], action: drop }\n";

    begin();
    see(D1, ACL_NO_PORT, "10.0.0.11", "10.0.0.12", TCP, 445, ACL_EGRESS);
    CU_ASSERT(says(BASE, "- 1 flow between desktops"));
    begin();
    out(D1, "10.8.0.1", TCP, 445);
    CU_ASSERT(says(BASE, "Recommended: 1 rule for 1 flow."));
    CU_ASSERT(says(lateral, "- 1 flow between desktops"));
    begin();
    in(D1, "10.8.0.2", TCP, 445);
    CU_ASSERT(says(lateral, "- 1 flow between desktops"));
    begin();
    out(D1, "10.7.0.0", TCP, 445);
    CU_ASSERT(says(lateral, "Recommended: 1 rule for 1 flow."));
}

/* What would allow something between desktops along with what it is for, is left out, too. */
static void
test_same_address_as_a_desktop(void)
{
    begin();
    see(UP, D2, "0.0.0.0", "255.255.255.255", UDP, 67, ACL_INGRESS);
    CU_ASSERT(says(BASE, "Recommended: 1 rule for 1 flow."));
    see(D1, D2, "0.0.0.0", "255.255.255.255", UDP, 67, ACL_INGRESS);
    CU_ASSERT(says(BASE, "- 2 flows between desktops"));
    CU_ASSERT(says(BASE, "Recommended: 0 rules for 0 flows."));
}

/* ---- records ---- */

/* An answer in a connection that was judged again stands for what opened it. */
static void
test_answers(void)
{
    struct acl_sighting s = { .port = UP,
                              .peer_port = UP,
                              .src = addr("10.9.9.9"),
                              .dst = addr("10.0.0.11"),
                              .protocol = TCP,
                              .sport = 22,
                              .service = 40000,
                              .direction = ACL_EGRESS,
                              .packets = 1,
                              .time_s = 1000000000 };

    begin();
    CU_ASSERT_EQUAL(acl_flows_add(&flows, &site, &s), 0);
    s.peer_port = ACL_NO_PORT;
    CU_ASSERT_EQUAL(acl_flows_add(&flows, &site, &s), 0);
    CU_ASSERT_EQUAL_FATAL(flows.n, 1);
    CU_ASSERT_EQUAL(flows.v[0].from, D1);
    CU_ASSERT_EQUAL(flows.v[0].to, UP);
    CU_ASSERT_EQUAL(flows.v[0].service, 22);
    CU_ASSERT(says(BASE, "service: [ssh]"));
    /* A desktop answers another one. */
    s = (struct acl_sighting){ .port = D2,
                               .peer_port = D2,
                               .src = addr("10.0.0.12"),
                               .dst = addr("10.0.0.11"),
                               .protocol = ICMP,
                               .service = 0,
                               .direction = ACL_INGRESS,
                               .packets = 1 };
    CU_ASSERT_EQUAL(acl_flows_add(&flows, &site, &s), 0);
    CU_ASSERT_EQUAL_FATAL(flows.n, 2);
    CU_ASSERT_EQUAL(flows.v[1].from, D1);
    CU_ASSERT_EQUAL(flows.v[1].to, D2);
    CU_ASSERT_EQUAL(flows.v[1].service, 8 << 8);
}

static void
test_left_out(void)
{
    begin();
    see(ACL_PORT_GONE, UP, "10.0.0.99", "10.9.9.9", TCP, 22, ACL_EGRESS);
    see(D1, ACL_PORT_GONE, "10.0.0.11", "10.0.0.99", TCP, 22, ACL_EGRESS);
    see(UP, SRV, "10.3.3.3", "10.9.9.9", TCP, 22, ACL_EGRESS);
    CU_ASSERT_EQUAL(flows.n, 0);
    CU_ASSERT_EQUAL(flows.gone, 2);
    CU_ASSERT_EQUAL(flows.unknown, 1);
    CU_ASSERT(says(BASE, "- 2 records of ports that are no more."));
    CU_ASSERT(says(BASE, "- 1 record of which nobody knows the desktop."));
}

static void
test_too_many(void)
{
    begin();
    for (uint32_t i = 0; i < ACL_FLOWS_MAX + 10; i++) {
        struct acl_sighting s = {
            .port = D1, .peer_port = UP, .protocol = TCP, .service = 443, .packets = 1
        };

        s.dst.q[0] = 0x20;
        s.dst.w[3] = i;
        s.src = addrs[D1];
        CU_ASSERT_EQUAL(acl_flows_add(&flows, &site, &s), 0);
    }
    CU_ASSERT_EQUAL(flows.n, ACL_FLOWS_MAX);
    CU_ASSERT_EQUAL(flows.too_many, 10);
}

static void
test_head(void)
{
    static const char *const names[] = { "a b.yaml", "base.yaml" };
    static const char nothing[] = "version: 1\n";
    struct acl_source sources[] = { { nothing, sizeof nothing - 1 }, { BASE, sizeof BASE - 1 } };
    struct acl_recommend_facts facts = { .sources = sources,
                                         .n_sources = 2,
                                         .names = names,
                                         .version = 7,
                                         .site = &site,
                                         .flows = &flows,
                                         .drops = true,
                                         .unrecorded = 3,
                                         .forgotten = 4,
                                         .gaps = 5 };
    static const char *const words[] = {
        "# The fewest rules that were found for what was dropped, or would have been",
        "(version 7)",
        "#     swctl policy apply RECOMMENDED.yaml PRESENT.yaml base.yaml\n",
        "# Seen: 2 records of 4 packets, which are 2 flows (who, to whom, which service),",
        "# Recommended: 1 rule for 2 flows.\n",
        "2 of 2 flows are allowed, and 1 of 1 rules cannot be left out",
        "# - 3 packets without a record: ",
        "# - 4 older events, which the switch no longer holds.\n",
        "# - What is missing in 5 places",
    };
    struct acl_recommendation rec;
    struct acl_error error;

    begin();
    out(D1, "10.9.9.9", TCP, 22);
    out(D1, "10.9.9.9", TCP, 23);
    CU_ASSERT_EQUAL_FATAL(acl_recommend(&facts, &rec, &error), 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CU_ASSERT(has_words(rec.text, words[i]));
    }
    CU_ASSERT_PTR_NULL(strstr(rec.text, "--include-drops"));
    acl_recommendation_destroy(&rec);
    sources[1] = (struct acl_source){ "version: 2\n", 11 };
    CU_ASSERT_EQUAL(acl_recommend(&facts, &rec, &error), 22 /* EINVAL */);
    CU_ASSERT_PTR_NULL(rec.text);
}

/* ---- VLANs ---- */

/* A group of ports is other addresses in each VLAN: it is a name only where it means one thing. */
static void
test_vlans(void)
{
    static const char policy[] = "version: 1\ngroups: { servers: { ports: [srv] } }\n";
    struct acl_site_port before = ports[D2], srv = ports[SRV];

    ports[SRV].addrs = &addrs[SRV];
    ports[SRV].n_addrs = 1;
    begin();
    out(D1, "10.0.0.16", TCP, 22);
    CU_ASSERT(says(policy, "peer: [servers]"));
    ports[D2].vlan = 7;
    begin();
    out(D2, "10.0.0.16", TCP, 22);
    CU_ASSERT(says(policy, "peer: [10.0.0.16/32]"));
    ports[D2] = before;
    ports[SRV] = srv;
}

/* ---- covers ---- */

static bool
in_box(const struct acl_box *box, const struct acl_triple *t)
{
    for (int s = 0; s < ACL_SIDES; s++) {
        size_t i = 0;

        while (i < box->n[s] && box->v[s][i] != t->v[s]) {
            i++;
        }
        if (i == box->n[s]) {
            return false;
        }
    }
    return true;
}

/* Boxes make up the set, hold nothing else, and none can be left out. */
static void
check_cover(const struct acl_triple *t, size_t n, const struct acl_cover *cover)
{
    size_t *has = calloc(cover->n + 1, sizeof *has);
    unsigned bad = 0;

    for (size_t i = 0; i < n; i++) {
        bad += cover->owner[i] >= cover->n || !in_box(&cover->boxes[cover->owner[i]], &t[i]);
        for (size_t b = 0; b < cover->n; b++) {
            bool in_it = in_box(&cover->boxes[b], &t[i]);

            has[b] += in_it;
            bad += in_it && b != cover->owner[i] && cover->boxes[b].witness == i;
            bad += in_it && b < cover->owner[i];
        }
    }
    for (size_t b = 0; b < cover->n; b++) {
        const struct acl_box *box = &cover->boxes[b];

        bad += has[b] != box->n[0] * box->n[1] * box->n[2];
        bad += !in_box(box, &t[box->witness]);
    }
    CU_ASSERT_EQUAL(bad, 0);
    free(has);
}

static void
test_covers(void)
{
    for (int round = 0; round < 300; round++) {
        uint32_t size[] = { 1 + test_below(6), 1 + test_below(12), 1 + test_below(5) };
        unsigned density = 1 + test_below(8);
        struct acl_triple t[12 * 6 * 5];
        struct acl_cover cover;
        size_t n = 0;

        for (uint32_t i = 0; i < size[0] * size[1] * size[2]; i++) {
            if (test_below(8) < density) {
                t[n++] = (struct acl_triple){ { i % size[0] * 7, i / size[0] % size[1] * 3,
                                                i / size[0] / size[1] } };
            }
        }
        CU_ASSERT_EQUAL_FATAL(acl_cover_build(t, n, &cover), 0);
        check_cover(t, n, &cover);
        CU_ASSERT(density < 8 || cover.n <= 1);
        acl_cover_destroy(&cover);
    }
}

/* Boxes that were put in come out again, whatever they share. */
static void
test_covers_are_small(void)
{
    unsigned more = 0;

    for (int round = 0; round < 200; round++) {
        bool in_it[8][10][4] = { { { false } } };
        struct acl_triple t[8 * 10 * 4];
        struct acl_cover cover;
        size_t n = 0;

        for (int b = 0; b < 3; b++) {
            uint32_t x = 1 + test_below(255), y = 1 + test_below(1023), z = 1 + test_below(15);

            for (int i = 0; i < 8 * 10 * 4; i++) {
                if (x >> i % 8 & 1 && y >> i / 8 % 10 & 1 && z >> i / 80 & 1) {
                    in_it[i % 8][i / 8 % 10][i / 80] = true;
                }
            }
        }
        for (uint32_t i = 0; i < 8 * 10 * 4; i++) {
            if (in_it[i % 8][i / 8 % 10][i / 80]) {
                t[n++] = (struct acl_triple){ { i % 8, i / 8 % 10, i / 80 } };
            }
        }
        CU_ASSERT_EQUAL_FATAL(acl_cover_build(t, n, &cover), 0);
        check_cover(t, n, &cover);
        more += cover.n > 3;
        acl_cover_destroy(&cover);
    }
    CU_ASSERT(more < 100);
}

/* ---- at random ---- */

#define RANDOM_POLICY                                                                              \
    BASE                                                                                           \
        "rules:\n"                                                                                 \
        "  - { id: r1, direction: egress, peer: servers, service: [https, ssh], action: allow }\n" \
        "  - { id: r2, direction: egress, peer: wide, service: http, action: drop }\n"             \
        "  - { id: r3, direction: egress, peer: any, service: dns, applied_to: desktops, action: " \
        "allow }\n"                                                                                \
        "  - { id: r4, direction: ingress, peer: wide, service: tcp/5900, action: allow }\n"       \
        "tiers:\n"                                                                                 \
        "  infrastructure:\n"                                                                      \
        "    - { id: r5, direction: egress, peer: 10.9.0.3, action: pass }\n"                      \
        "    - { id: r6, direction: egress, peer: 10.9.0.4, service: http, action: drop }\n"       \
        "    - { id: r7, direction: egress, peer: 10.9.0.5, action: drop, mode: audit }\n"

/* Whether both allow the same but for what was seen: everything there is, asked of both. */
static void
check_exact(const char *text, const bool *seen)
{
    static const uint16_t services[] = { 22, 80, 443, 5900, 8001 };
    struct acl_source sources[] = { { text, strlen(text) },
                                    { RANDOM_POLICY, strlen(RANDOM_POLICY) } };
    struct acl_policy *before = NULL, *after = NULL;
    struct acl_trial x, y;
    struct acl_error error;
    unsigned bad = 0;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(&sources[1], 1, &before, &error), 0);
    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(sources, 2, &after, &error), 0);
    CU_ASSERT_EQUAL_FATAL(acl_trial_open(&x, before, &site), 0);
    CU_ASSERT_EQUAL_FATAL(acl_trial_open(&y, after, &site), 0);
    for (unsigned i = 0; i < 2 * 4 * 8 * 5; i++) {
        struct acl_trial_query q = { .port = i / 2 % 4,
                                     .direction = i % 2 ? ACL_INGRESS : ACL_EGRESS,
                                     .peer = addr("10.9.0.0"),
                                     .protocol = TCP,
                                     .service = services[i / 64] };
        uint32_t rule;

        q.peer.b[15] = (uint8_t) (i / 8 % 8);
        bad += acl_trial_allows(&y, &q, &rule) != (acl_trial_allows(&x, &q, &rule) || seen[i]);
    }
    CU_ASSERT_EQUAL(bad, 0);
    acl_trial_close(&x);
    acl_trial_close(&y);
    acl_policy_destroy(before);
    acl_policy_destroy(after);
}

static void
test_random_sights(void)
{
    static const uint16_t services[] = { 22, 80, 443, 5900, 8001 };

    for (int round = 0; round < 200; round++) {
        bool seen[2 * 4 * 8 * 5] = { false };
        unsigned density = 1 + test_below(20);
        struct acl_recommendation rec;

        begin();
        for (unsigned i = 0; i < 2 * 4 * 8 * 5; i++) {
            char text[16];

            seen[i] = test_below(20) < density;
            snprintf(text, sizeof text, "10.9.0.%u", i / 8 % 8);
            if (seen[i] && i % 2) {
                in(i / 2 % 4, text, TCP, services[i / 64]);
            } else if (seen[i]) {
                out(i / 2 % 4, text, TCP, services[i / 64]);
            }
        }
        recommend(RANDOM_POLICY, &rec);
        CU_ASSERT_EQUAL(rec.n_flows + rec.n_allowed, flows.n);
        check_exact(rec.text, seen);
        acl_recommendation_destroy(&rec);
    }
}

int
recommend_teardown(void)
{
    acl_flows_destroy(&flows);
    return 0;
}

CU_TestInfo recommend_tests[] = {
    { "nothing was seen", test_nothing },
    { "source ports vanish", test_source_ports_vanish },
    { "services by name", test_services },
    { "services of several ports", test_services_together },
    { "a name that would open more", test_service_denied_elsewhere },
    { "peers by group", test_peers },
    { "blocks that are fully seen", test_blocks },
    { "address sets", test_sets },
    { "the desktops of a rule", test_desktops_of_a_rule },
    { "never wider than what was seen", test_never_wider },
    { "what was opened to a desktop", test_ingress },
    { "in the tier of what denies", test_tiers },
    { "names that are taken", test_names_that_are_taken },
    { "between desktops", test_between_desktops },
    { "comments are rules", test_comments_are_rules },
    { "desktops elsewhere", test_desktops_elsewhere },
    { "an address that a desktop has, too", test_same_address_as_a_desktop },
    { "answers stand for questions", test_answers },
    { "what is left out", test_left_out },
    { "too many flows", test_too_many },
    { "the head", test_head },
    { "groups in VLANs", test_vlans },
    { "covers", test_covers },
    { "covers are small", test_covers_are_small },
    { "random sights", test_random_sights },
    CU_TEST_INFO_NULL,
};
