#include <config.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/detect.h"
#include "telemetry/reasons.h"
#include "telemetry/recent.h"
#include "tests/unit/telemetry/suites.h"

#define NS 1000000000ull
#define EPOCH_S 1700000000ull /* of the wall clock */
#define T0 100000u            /* of the monotonic one: beyond all windows */

/* Ports: desktops 1 to 9, and an uplink. */
#define UPLINK 20

static struct acl_addr
v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    struct acl_addr addr;
    char text[64];

    snprintf(text, sizeof text, "%u.%u.%u.%u", a, b, c, d);
    CU_ASSERT_FATAL(acl_addr_parse(text, &addr));
    return addr;
}

static struct drop_record
attempt(uint16_t port, struct acl_addr dst, uint16_t peer, uint8_t protocol, uint16_t dport,
        uint32_t at_s)
{
    return (struct drop_record){ .mono_ns = at_s * NS,
                                 .wall_ns = (EPOCH_S + at_s) * NS,
                                 .dst = dst,
                                 .count = 1,
                                 .port = port,
                                 .peer_port = peer,
                                 .ethertype = 0x0800,
                                 .protocol = protocol,
                                 .dport = dport,
                                 .reason = DROP_EGRESS_DEFAULT,
                                 .log = ACL_LOG_INCIDENT,
                                 .attempt = DROP_ATTEMPT };
}

/* ---- sketches ---- */

static void
test_hll(void)
{
    for (unsigned n = 1; n <= 100000; n *= 10) {
        struct hll a = { { 0 } }, b = { { 0 } };
        double got;

        for (unsigned i = 0; i < n; i++) {
            struct acl_addr addr = v4(10, i >> 16, i >> 8 & 0xff, i & 0xff);

            hll_add(i & 1 ? &a : &b, hll_hash(&addr, 0, 42));
            hll_add(&a, hll_hash(&addr, 0, 42)); /* again: no difference */
        }
        hll_merge(&a, &b);
        got = (double) hll_count(&a);
        CU_ASSERT(got > n * 0.8 && got < n * 1.2 + 1);
    }
}

static void
test_sketch(void)
{
    struct sketch *s = calloc(1, sizeof *s);
    struct acl_addr addr;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    /* Of each desktop a few pass; a new slot lets a few more. */
    for (int i = 0; i < SKETCH_PEER_RECORDS; i++) {
        CU_ASSERT(sketch_may_tell(s, 100, 3));
    }
    CU_ASSERT_FALSE(sketch_may_tell(s, 109, 3));
    CU_ASSERT(sketch_may_tell(s, 109, 4));
    CU_ASSERT(sketch_may_tell(s, 110, 3));
    CU_ASSERT_FALSE(sketch_may_tell(s, 110, DP_PORT_NONE));

    /* ARP for a few strangers is a desktop's own business. */
    for (unsigned i = 0; i < SKETCH_STRANGERS; i++) {
        addr = v4(10, 0, 0, i);
        CU_ASSERT_FALSE(sketch_is_strange(s, 100, &addr));
        CU_ASSERT_FALSE(sketch_is_strange(s, 101, &addr));
    }
    addr = v4(10, 0, 0, 99);
    CU_ASSERT(sketch_is_strange(s, 101, &addr));
    CU_ASSERT_FALSE(sketch_is_strange(s, 110, &addr));

    for (unsigned i = 0; i < 50; i++) {
        addr = v4(10, 0, 1, i);
        sketch_add(s, 100, hll_hash(&addr, 0, 7), 1, 2);
    }
    CU_ASSERT_EQUAL(s->slots[sketch_number(100) % 2].packets, 100);
    CU_ASSERT(hll_count(&s->slots[sketch_number(100) % 2].targets) > 40);
    sketch_add(s, 120, 1, 1, 1); /* the same half: what was there is gone */
    CU_ASSERT_EQUAL(s->slots[sketch_number(120) % 2].packets, 1);
    free(s);
}

/* ---- grading ---- */

static struct acl_detection defaults;
static const struct suspect_rules rules = { .detection = &defaults };
static const struct drop_names no_names = { "", "", "", "", "r", "", "" };

/* Takes in an attempt at an address, or at a desktop. */
static void
try(struct suspect *s, struct acl_addr dst, bool desktop, uint16_t dport, uint32_t at_s)
{
    struct drop_record r = attempt(1, dst, desktop ? 2 : UPLINK, IPPROTO_TCP, dport, at_s);

    suspect_add(s, &rules, &r, &no_names, desktop);
}

static struct suspect_grade
grade(const struct suspect *s, uint32_t now_s)
{
    struct suspect_grade g;

    suspect_grade(s, &rules, now_s, &g);
    return g;
}

static void
test_probe(void)
{
    struct suspect s;
    struct drop_record r;
    struct suspect_grade g;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    /* A denied server is none; nor is ARP for a desktop, by itself. */
    try(&s, v4(10, 0, 0, 1), false, 445, T0);
    r = attempt(1, v4(10, 0, 0, 2), 2, 0, 0, T0);
    r.ethertype = 0x0806;
    r.reason = DROP_PROBE;
    suspect_add(&s, &rules, &r, &no_names, true);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    /* A late segment is little. */
    r = attempt(1, v4(10, 0, 0, 2), 2, IPPROTO_TCP, 445, T0);
    r.attempt = DROP_LATE;
    suspect_add(&s, &rules, &r, &no_names, true);
    g = grade(&s, T0);
    CU_ASSERT(g.kind == SUSPECT_PROBE && g.severity == ACL_THREAT_LOW);
    try(&s, v4(10, 0, 0, 2), true, 445, T0);
    g = grade(&s, T0);
    CU_ASSERT(g.kind == SUSPECT_PROBE && g.severity == ACL_THREAT_MEDIUM);
    suspect_destroy(&s);

    /* Nor is what the policy calls a record, or an excluded service. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    r = attempt(1, v4(10, 0, 0, 2), 2, IPPROTO_TCP, 445, T0);
    r.log = ACL_LOG_RECORD;
    suspect_add(&s, &rules, &r, &no_names, true);
    try(&s, v4(10, 0, 0, 2), true, 7680, T0);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    suspect_destroy(&s);
}

static void
test_port_scan(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 9; i++) {
        try(&s, v4(10, 0, 0, 1), false, 100 + i, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    try(&s, v4(10, 0, 0, 1), false, 100, T0); /* not a new one */
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    try(&s, v4(10, 0, 0, 1), false, 109, T0);
    CU_ASSERT(grade(&s, T0).kind == SUSPECT_PORT_SCAN && grade(&s, T0).severity == ACL_THREAT_HIGH);
    for (unsigned i = 0; i < 1000; i++) {
        try(&s, v4(10, 0, 0, 1), false, 1000 + i, T0);
    }
    CU_ASSERT(suspect_target_services(&s.targets[0]) > 850 &&
              suspect_target_services(&s.targets[0]) < 1170);
    suspect_destroy(&s);

    /* Of a desktop, slowly: a port every half a minute. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 4; i++) {
        try(&s, v4(10, 0, 0, 2), true, 100 + i, T0 + i * 30);
    }
    CU_ASSERT_EQUAL(grade(&s, T0 + 90).kind, SUSPECT_PROBE);
    try(&s, v4(10, 0, 0, 2), true, 104, T0 + 120);
    CU_ASSERT_EQUAL(grade(&s, T0 + 120).kind, SUSPECT_PORT_SCAN);
    suspect_destroy(&s);
}

static void
test_sweep(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 7; i++) {
        try(&s, v4(10, 0, 0, i), false, 445, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    CU_ASSERT_EQUAL(grade(&s, T0 + 400).kind, SUSPECT_NOTHING);
    try(&s, v4(10, 0, 0, 7), false, 445, T0);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_SWEEP);
    CU_ASSERT_EQUAL(grade(&s, T0 + 11).kind, SUSPECT_NOTHING); /* 8 in 5 minutes are few */
    suspect_destroy(&s);

    /* Desktops, one in four hours. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT(grade(&s, T0 + i * 14400).kind <= SUSPECT_PROBE);
        try(&s, v4(10, 0, 0, i), true, 445, T0 + i * 14400);
    }
    CU_ASSERT_EQUAL(grade(&s, T0 + 4 * 14400).kind, SUSPECT_SWEEP);
    suspect_prune(&s, T0 + 86401 + 14400);
    CU_ASSERT_EQUAL(s.n_targets, 3);
    CU_ASSERT(acl_addr_equals(&s.targets[0].addr, &(struct acl_addr[]){ v4(10, 0, 0, 2) }[0]));
    suspect_destroy(&s);
}

/* Programs have servers of their own, anywhere in the internet. */
static void
test_public_sweep(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 31; i++) {
        try(&s, v4(93, i, 0, 1), false, 8130, T0);
    }
    for (unsigned i = 0; i < 7; i++) {
        try(&s, v4(10, 0, 0, i), false, 8130, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    try(&s, v4(93, 31, 0, 1), false, 445, T0); /* not all of one service: no worm */
    CU_ASSERT_EQUAL(grade(&s, T0).grounds.kind, GROUNDS_PUBLIC);
    CU_ASSERT_EQUAL(grade(&s, T0).grounds.count, 32);
    CU_ASSERT_EQUAL(grade(&s, T0).grounds.within_s, 10);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_SWEEP);
    CU_ASSERT_EQUAL(grade(&s, T0 + 11).kind, SUSPECT_NOTHING);
    try(&s, v4(93, 32, 0, 1), false, 8130, T0);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_WORM);
    suspect_destroy(&s);

    /* As many ports of one of them are a scan as of any. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 10; i++) {
        try(&s, v4(93, 0, 0, 1), false, 1000 + i, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_PORT_SCAN);
    suspect_destroy(&s);

    /* One that is a desktop's is one. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 3; i++) {
        try(&s, v4(93, 0, 0, i), true, 445, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).grounds.kind, GROUNDS_DESKTOPS);
    CU_ASSERT_EQUAL(grade(&s, T0).grounds.count, 3);
    suspect_destroy(&s);
}

/* A worm through the internet, so slowly that only a day shows it; and 0 is never. */
static void
test_slow_worm(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 256; i++) {
        CU_ASSERT_EQUAL(grade(&s, T0 + i * 300).kind, SUSPECT_NOTHING);
        try(&s, v4(93, i, 0, 1), false, 23, T0 + i * 300);
    }
    CU_ASSERT_EQUAL(grade(&s, T0 + 255 * 300).kind, SUSPECT_WORM);
    for (int w = 0; w < ACL_N_WINDOWS; w++) {
        defaults.sweep[ACL_PUBLIC][w] = 0;
    }
    CU_ASSERT_EQUAL(grade(&s, T0 + 255 * 300).kind, SUSPECT_NOTHING);
    acl_detection_default(&defaults);
    suspect_destroy(&s);
}

/* ARP says nothing yet of what follows it. */
static void
test_arp(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 5; i++) {
        struct drop_record r = attempt(1, v4(10, 0, 0, i), 2, 0, 0, T0);

        r.ethertype = 0x0806;
        r.reason = DROP_PROBE;
        suspect_add(&s, &rules, &r, &no_names, true);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    CU_ASSERT_EQUAL(s.probe_due_s, T0 + SUSPECT_PROBE_S);
    try(&s, v4(10, 0, 0, 0), true, 7680, T0);
    try(&s, v4(10, 0, 0, 1), true, 7680, T0);
    try(&s, v4(10, 0, 0, 2), true, 7680, T0);
    CU_ASSERT_EQUAL(grade(&s, T0 + SUSPECT_PROBE_S).kind, SUSPECT_NOTHING); /* two are left */
    suspect_destroy(&s);

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct drop_record r = attempt(1, v4(10, 0, 0, i), 2, 0, 0, T0);

        r.ethertype = 0x0806;
        r.reason = DROP_PROBE;
        suspect_add(&s, &rules, &r, &no_names, true);
    }
    CU_ASSERT_EQUAL(grade(&s, T0 + SUSPECT_PROBE_S).kind, SUSPECT_SWEEP);
    suspect_destroy(&s);
}

static void
test_worm(void)
{
    struct suspect s;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 8; i++) {
        try(&s, v4(10, i * 7, i, 5), false, 445, T0);
    }
    CU_ASSERT(grade(&s, T0).kind == SUSPECT_WORM && grade(&s, T0).severity == ACL_THREAT_CRITICAL);
    suspect_destroy(&s);

    /* A network after the other is a sweep. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 400; i++) {
        try(&s, v4(10, 0, i / 64, i % 64), false, 445, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_SWEEP);
    suspect_destroy(&s);

    /* So is a different service for each. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 8; i++) {
        try(&s, v4(10, i, 0, 1), false, 1000 + i, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_SWEEP);
    suspect_destroy(&s);
}

static void
test_exclusions(void)
{
    struct suspect s;
    struct drop_record r;

    /* The web is anywhere; up to a point. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 256; i++) {
        try(&s, v4(93, i, 0, 1), false, 443, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    try(&s, v4(94, 0, 0, 1), false, 443, T0);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_WORM);
    suspect_destroy(&s);

    /* So it is by NAT64. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 40; i++) {
        struct acl_addr a;
        char text[64];

        snprintf(text, sizeof text, "64:ff9b::5d%02x:1", i);
        CU_ASSERT_FATAL(acl_addr_parse(text, &a));
        try(&s, a, false, 443, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    suspect_destroy(&s);

    /* traceroute has a port for each packet. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 90; i++) {
        r = attempt(1, v4(93, 0, 0, 1), UPLINK, IPPROTO_UDP, 33434 + i, T0);
        suspect_add(&s, &rules, &r, &no_names, false);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    r = attempt(1, v4(10, 0, 0, 2), 2, IPPROTO_UDP, 33434, T0);
    suspect_add(&s, &rules, &r, &no_names, true);
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_PROBE); /* a neighbour's way is nobody's business */
    suspect_destroy(&s);

    /* Printers are looked for address by address. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 1; i < 255; i++) {
        r = attempt(1, v4(192, 168, 1, i), UPLINK, IPPROTO_UDP, 8612, T0);
        suspect_add(&s, &rules, &r, &no_names, false);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_NOTHING);
    suspect_destroy(&s);

    /* Inside it is no web. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 8; i++) {
        try(&s, v4(172, 16 + i, 0, 1), false, 443, T0);
    }
    CU_ASSERT_EQUAL(grade(&s, T0).kind, SUSPECT_WORM);
    suspect_destroy(&s);

    /* What may be late is nothing, but at a desktop. */
    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 100; i++) {
        r = attempt(1, v4(10, 0, 0, 1), UPLINK, IPPROTO_TCP, 40000 + i, T0);
        r.attempt = DROP_LATE;
        suspect_add(&s, &rules, &r, &no_names, false);
    }
    CU_ASSERT(!s.n_targets && grade(&s, T0).kind == SUSPECT_NOTHING);
    suspect_destroy(&s);
}

/* Memory is bounded, and no flood puts out desktops. */
static void
test_flood(void)
{
    struct suspect s;
    unsigned desktops = 0;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&s), 0);
    for (unsigned i = 0; i < 20; i++) {
        try(&s, v4(10, 0, 0, i), true, 445, T0);
    }
    for (unsigned i = 0; i < 50000; i++) {
        try(&s, v4(11, i >> 16, i >> 8 & 0xff, i & 0xff), false, 80 + i % 1000, T0);
    }
    CU_ASSERT(s.n_targets <= SUSPECT_TARGETS);
    CU_ASSERT_EQUAL(s.n_targets + s.n_forgotten, 50020);
    for (uint32_t i = 0; i < s.n_targets; i++) {
        desktops += s.targets[i].is_desktop;
    }
    CU_ASSERT_EQUAL(desktops, 20);
    try(&s, v4(10, 0, 0, 3), true, 445, T0 + 1); /* found again where it is now */
    CU_ASSERT_EQUAL(s.n_targets + s.n_forgotten, 50020);
    suspect_destroy(&s);
}

/* ---- incidents ---- */

static unsigned told;

static void
count_told(void *aux)
{
    (void) aux;
    told++;
}

static struct seen {
    unsigned n;
    uint64_t id, packets;
    int64_t first_us;
    uint32_t n_targets, recent;
    enum suspect_kind kind;
    char port[64], sessions[DROP_SESSIONS_SIZE];
    bool detached;
} seen;

static void
look(const struct detected *d, void *aux)
{
    (void) aux;
    seen.n++;
    seen.id = d->id;
    seen.packets = d->suspect.packets;
    seen.first_us = d->first_us;
    seen.n_targets = d->suspect.n_targets;
    seen.recent = d->recent;
    seen.kind = d->grade.kind;
    snprintf(seen.port, sizeof seen.port, "%s", d->port);
    snprintf(seen.sessions, sizeof seen.sessions, "%s", d->sessions);
    seen.detached |= d->detached;
}

static void
take(void)
{
    memset(&seen, 0, sizeof seen);
    detect_take(look, NULL);
}

static void
begin(void)
{
    char name[8];

    told = 0;
    CU_ASSERT_EQUAL_FATAL(detect_init(count_told, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(detect_configure(&defaults, NULL, 0), 0);
    detect_set_next_id(7);
    for (uint16_t i = 1; i < 10; i++) {
        snprintf(name, sizeof name, "d%u", i);
        detect_set_port(i, name, true);
    }
    detect_set_port(UPLINK, "up", false);
}

static void
deny(uint16_t port, uint16_t peer, uint16_t dport, uint32_t at_s, const char *sessions)
{
    struct drop_record r = attempt(port, v4(10, 0, 0, peer), peer, IPPROTO_TCP, dport, at_s);
    struct drop_names names = { .port = "",
                                .user = "",
                                .peer_port = "",
                                .peer_user = "",
                                .rule = "",
                                .sessions = sessions,
                                .peer_sessions = "" };

    detect_record(1, &r, &names);
    detect_turn(at_s);
}

static void
test_incident(void)
{
    begin();
    deny(UPLINK, 2, 445, T0, ""); /* an uplink is no suspect */
    deny(1, UPLINK, 445, T0, ""); /* nor is a server no desktop */
    take();
    CU_ASSERT(!seen.n && !told);
    deny(1, 2, 445, T0, "");
    CU_ASSERT_EQUAL(told, 1);
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7 && seen.kind == SUSPECT_PROBE);
    CU_ASSERT_STRING_EQUAL(seen.port, "d1");
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    /* What follows folds in, and is told once a second. */
    deny(1, 2, 445, T0, "");
    deny(1, 2, 445, T0, "");
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    deny(1, 2, 445, T0 + 1, "");
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7 && seen.packets == 5 && seen.n_targets == 2);
    /* Worse is told at once; another port has its own. */
    deny(1, 3, 445, T0 + 1, "");
    deny(1, 4, 445, T0 + 1, "");
    take();
    CU_ASSERT(seen.n == 1 && seen.kind == SUSPECT_SWEEP);
    deny(2, 1, 445, T0 + 1, "");
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 8);
    /* Closed: what comes then is another one. */
    detect_close(7);
    deny(1, 2, 445, T0 + 2, "");
    take();
    CU_ASSERT(seen.n >= 1 && seen.kind == SUSPECT_PROBE);
    detect_exit();
}

static void
test_other_user(void)
{
    begin();
    deny(1, 2, 445, T0, "1 aiko\n");
    deny(1, 3, 445, T0 + 1, "1 aiko\n2 ben\n"); /* shared: still hers, or his */
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7 && !seen.detached);
    CU_ASSERT_STRING_EQUAL(seen.sessions, "1 aiko\n2 ben\n");
    deny(1, 3, 445, T0 + 2, ""); /* nobody is known: no reason for another one */
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7);
    deny(1, 3, 445, T0 + 3, "3 chiyo\n");
    take();
    CU_ASSERT(seen.n == 2 && seen.id == 8 && seen.detached);
    CU_ASSERT_STRING_EQUAL(seen.sessions, "3 chiyo\n");
    /* A desktop that is gone takes its incident along. */
    detect_set_port(1, "", false);
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 8 && seen.detached);
    detect_set_port(1, "d1", true);
    deny(1, 3, 445, T0 + 4, "3 chiyo\n");
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 9);
    detect_exit();
}

static void
test_quarantined(void)
{
    struct drop_record r = attempt(1, v4(10, 0, 0, 2), 2, IPPROTO_TCP, 445, T0);

    begin();
    deny(1, 3, 445, T0, "");
    take();
    r.reason = DROP_QUARANTINE;
    r.attempt = DROP_NO_ATTEMPT;
    detect_record(2, &r, &no_names);
    r.dst = v4(10, 0, 9, 9); /* a server that it may reach otherwise */
    r.peer_port = UPLINK;
    detect_record(3, &r, &no_names);
    detect_turn(T0 + 1);
    take();
    CU_ASSERT(seen.n == 1 && seen.n_targets == 2);
    detect_exit();
}

static void
test_elsewhere(void)
{
    struct acl_prefix remote[3];

    begin();
    CU_ASSERT_FATAL(acl_prefix_parse("10.7.0.8/29", &remote[2])); /* within the first one */
    CU_ASSERT_FATAL(acl_prefix_parse("10.7.0.0/16", &remote[0]));
    CU_ASSERT_FATAL(acl_prefix_parse("10.3.0.9", &remote[1]));
    CU_ASSERT_EQUAL(detect_configure(&defaults, remote, 3), 0);
    for (int i = 0; i < 3; i++) {
        static const unsigned tried[3][4] = { { 10, 8, 0, 1 }, { 10, 3, 0, 9 }, { 10, 7, 1, 2 } };
        struct drop_record r = attempt(
            i + 1, v4(tried[i][0], tried[i][1], tried[i][2], tried[i][3]), UPLINK, 6, 445, T0);

        detect_record(1, &r, &no_names);
        detect_turn(T0);
        take();
        CU_ASSERT_EQUAL(seen.n, i > 0);
    }
    detect_exit();
}

static void
test_flood_is_seen(void)
{
    struct sketch *s = calloc(1, sizeof *s);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    begin();
    for (unsigned i = 0; i < 500; i++) {
        struct acl_addr addr = v4(10, 1, i >> 8, i & 0xff);

        sketch_add(s, T0, hll_hash(&addr, 0, 7), 1, 1);
    }
    detect_sketch(1, s, T0); /* all of it has records: these decide */
    detect_turn(T0);
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    detect_unsaid(1, 400);
    detect_sketch(1, s, T0);
    detect_turn(T0 + 1);
    take();
    CU_ASSERT(seen.n == 1 && seen.kind == SUSPECT_SWEEP);
    detect_exit();
    free(s);
}

/* ---- how many at once ---- */

/* The window goes on across slots; each look adds what is new. */
static void
test_recent(void)
{
    struct recent r = { 0 };

    CU_ASSERT_EQUAL(recent_look(&r, 1000, 101, 5, 0), 5);
    CU_ASSERT_EQUAL(recent_look(&r, 1000, 101, 7, 0), 7);
    CU_ASSERT_EQUAL(recent_look(&r, 1009, 101, 8, 0), 8);
    CU_ASSERT_EQUAL(recent_look(&r, 1010, 102, 3, 9), 5); /* without those of 1000 */
    CU_ASSERT_EQUAL(recent_look(&r, 1018, 102, 3, 9), 5);
    CU_ASSERT_EQUAL(recent_look(&r, 1019, 102, 3, 9), 4);
    CU_ASSERT_EQUAL(recent_look(&r, 1025, 103, 1, 3), 1);
    CU_ASSERT_EQUAL(recent_look(&r, 2000, 201, 6, 4), 10); /* after a long time */
    CU_ASSERT_EQUAL(recent_look(&r, 2100, 211, 0, 0), 0);
}

static void
begin_rate(uint32_t rate)
{
    struct acl_detection d = defaults;

    begin();
    d.quarantine.rate = rate;
    CU_ASSERT_EQUAL_FATAL(detect_configure(&d, NULL, 0), 0);
}

/* Attempts at servers only are an incident by their number, if the policy cuts off for that. */
static void
test_rate(void)
{
    begin_rate(100);
    deny(1, UPLINK, 445, T0, "1 aiko\n");
    for (uint32_t s = 0; s < 30; s++) { /* nine a second are not enough */
        detect_rate(2, s % 10 * 9, s < 10 ? 0 : 81, T0 + s);
        detect_turn(T0 + s);
    }
    detect_rate(UPLINK, 5000, 0, T0 + 8);
    detect_rate(1, 60, 0, T0 + 9);
    detect_turn(T0 + 9);
    take();
    CU_ASSERT(!seen.n && !told);
    detect_rate(1, 39, 60, T0 + 10);
    detect_turn(T0 + 10);
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    detect_rate(1, 40, 60, T0 + 11);
    detect_turn(T0 + 11);
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7 && seen.kind == SUSPECT_FLOOD && seen.recent == 100);
    CU_ASSERT_STRING_EQUAL(seen.sessions, "1 aiko\n");
    /* It is one incident, and says what it is once there is more to say. */
    detect_rate(1, 500, 60, T0 + 12);
    deny(1, 2, 445, T0 + 12, "1 aiko\n");
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 7 && seen.kind == SUSPECT_PROBE && seen.recent == 560);
    /* Closed, and not over: another one, although it has no record. */
    detect_close(7);
    detect_rate(1, 600, 60, T0 + 13);
    detect_turn(T0 + 13);
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 8 && seen.kind == SUSPECT_FLOOD && seen.first_us);
    detect_exit();
    begin_rate(0); /* no matter how many */
    detect_rate(1, 1000000, 0, T0);
    detect_turn(T0);
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    detect_exit();
}

/* ---- what is told late ---- */

static struct drop_correction
told_late(uint32_t from_s, uint32_t to_s, bool withdrawn)
{
    return (struct drop_correction){ (EPOCH_S + from_s) * NS, (EPOCH_S + to_s) * NS, withdrawn };
}

static void
test_late_login(void)
{
    struct drop_correction what = told_late(T0 + 5, T0 + 60, false);

    begin();
    deny(1, 2, 445, T0, "");
    take();
    detect_correct(1, "1 aiko\n", &what); /* of the time after it */
    detect_correct(9, "1 aiko\n", &what); /* of a port that has done nothing */
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    deny(1, 3, 445, T0 + 6, "");
    detect_correct(1, "1 aiko\n", &what);
    take();
    CU_ASSERT_STRING_EQUAL(seen.sessions, "1 aiko\n");
    detect_correct(1, "1 aiko\n", &what); /* twice does no harm */
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    deny(1, 3, 445, T0 + 70, "2 ben\n"); /* it has become hers */
    take();
    CU_ASSERT(seen.n == 2 && seen.detached && seen.id == 8);
    /* Who came within an incident of somebody who was known is named; what is then done under his
     * name alone is another one. */
    what = told_late(T0 + 69, T0 + 75, false);
    detect_correct(1, "3 chiyo\n", &what);
    take();
    CU_ASSERT_STRING_EQUAL(seen.sessions, "2 ben\n3 chiyo\n");
    deny(1, 3, 445, T0 + 80, "3 chiyo\n");
    take();
    CU_ASSERT(seen.n == 2 && seen.detached && seen.id == 9);
    detect_exit();
}

static void
test_late_logout(void)
{
    struct drop_correction after = told_late(T0 + 5, T0 + 60, true);
    struct drop_correction before = told_late(T0 - 5, T0 + 60, true);

    begin();
    deny(1, 2, 445, T0, "1 aiko\n2 ben\n");
    deny(1, 2, 445, T0 + 6, "1 aiko\n2 ben\n");
    take();
    detect_correct(1, "1 aiko\n", &after); /* the first one is still hers */
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    detect_correct(1, "1 aiko\n", &before);
    take();
    CU_ASSERT_STRING_EQUAL(seen.sessions, "2 ben\n");
    deny(1, 3, 445, T0 + 61, "1 aiko\n");
    take();
    CU_ASSERT(seen.n == 2 && seen.detached);
    detect_exit();
}

static void
test_restored(void)
{
    struct acl_addr addr = v4(10, 0, 0, 2);
    struct detected *d;

    begin();
    CU_ASSERT_PTR_NULL(detect_restore(5, "nobody"));
    CU_ASSERT_PTR_NULL(detect_restore(5, "up"));
    d = detect_restore(5, "d1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    d->grade =
        (struct suspect_grade){ SUSPECT_PROBE, ACL_THREAT_MEDIUM, { .kind = GROUNDS_PROBE } };
    CU_ASSERT_PTR_NOT_NULL(suspect_restore(&d->suspect, &addr, true, 60, T0));
    detect_restored();
    take();
    CU_ASSERT_EQUAL(seen.n, 0);
    deny(1, 3, 445, T0, "");
    deny(1, 4, 445, T0, "");
    deny(1, 5, 445, T0, "");
    take();
    CU_ASSERT(seen.n == 1 && seen.id == 5 && seen.n_targets == 4 && seen.kind == SUSPECT_SWEEP);
    detect_exit();
}

static int
set_up(void)
{
    acl_detection_default(&defaults);
    return 0;
}

CU_SuiteInfo
detect_suite(void)
{
    static CU_TestInfo tests[] = {
        { "distinct things are counted", test_hll },
        { "a port's sketch", test_sketch },
        { "a probe", test_probe },
        { "port scans", test_port_scan },
        { "sweeps", test_sweep },
        { "sweeps of the internet", test_public_sweep },
        { "a slow worm through the internet", test_slow_worm },
        { "worms", test_worm },
        { "ARP before something else, and by itself", test_arp },
        { "what does not count, and how long", test_exclusions },
        { "a flood", test_flood },
        { "an incident opens, folds in, grades and closes", test_incident },
        { "another user is another incident", test_other_user },
        { "a desktop in quarantine", test_quarantined },
        { "desktops of other switches", test_elsewhere },
        { "a sweep without records", test_flood_is_seen },
        { "how many there were of late", test_recent },
        { "a flood that the policy cuts off", test_rate },
        { "a login that was told late", test_late_login },
        { "a logout that was told late", test_late_logout },
        { "an incident from before a restart", test_restored },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "detection", set_up, NULL, NULL, NULL, tests };
}
