#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/relay/suites.h"

static void
test_drop(void)
{
    struct relay_event *e = ecs_drop(sample_record(), &sample_observer);

    expect_text(
        e->json,
        "{\"@timestamp\":\"2025-11-28T05:16:40.123456789Z\",\"ecs\":{\"version\":\"8.11.0\"},"
        "\"event\":{\"id\":\"77-12\",\"kind\":\"alert\",\"category\":[\"network\"],"
        "\"type\":[\"connection\",\"denied\"],\"action\":\"denied\",\"severity\":47,"
        "\"module\":\"fusuma\",\"dataset\":\"fusuma.drops\",\"outcome\":\"failure\","
        "\"sequence\":12,\"code\":\"egress-rule\"},"
        "\"observer\":{\"vendor\":\"Fusuma\",\"product\":\"Fusuma\",\"type\":\"firewall\","
        "\"name\":\"host-3\",\"version\":\"1.2\",\"ingress\":{\"interface\":{\"name\":\"d1\"}},"
        "\"egress\":{\"interface\":{\"name\":\"d2\"}}},"
        "\"fusuma\":{\"severity\":\"medium\",\"epoch\":77,\"n\":12,\"reason\":\"egress-rule\","
        "\"service\":\"tcp/80 http\",\"log_class\":\"incident\",\"repeat\":false,"
        "\"packet_length\":74,\"ethertype\":2048,\"generation\":3,\"packet\":\"AQIDBA==\"},"
        "\"source\":{\"ip\":\"128.232.110.120\",\"address\":\"128.232.110.120\","
        "\"mac\":\"02-00-00-00-00-0A\",\"port\":34855,\"packets\":1,\"user\":{\"name\":\"aiko\"}},"
        "\"destination\":{\"ip\":\"66.35.250.204\",\"address\":\"66.35.250.204\","
        "\"mac\":\"02-00-00-00-00-02\",\"port\":80,\"user\":{\"name\":\"ben\"}},"
        "\"related\":{\"user\":[\"aiko\",\"ben\"],\"ip\":[\"128.232.110.120\",\"66.35.250.204\"],"
        "\"hosts\":[\"d1\",\"d2\"]},\"user\":{\"name\":\"aiko\"},"
        "\"network\":{\"type\":\"ipv4\",\"transport\":\"tcp\",\"iana_number\":\"6\","
        "\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\",\"protocol\":\"http\","
        "\"vlan\":{\"id\":\"10\"}},\"rule\":{\"id\":\"no-lateral\"},"
        "\"message\":\"denied on d1 (aiko): 128.232.110.120 to 66.35.250.204, tcp/80 http, "
        "egress-rule (rule no-lateral), 1 packet\"}");
    CU_ASSERT_EQUAL(e->severity, RELAY_MEDIUM);
    CU_ASSERT_EQUAL(e->at.drop.epoch, 77);
    CU_ASSERT_EQUAL(e->at.drop.n, 12);
    json_decref(expect_json(e));
    relay_event_free(e);
}

/* What is not IP has no addresses, and so no flow. */
static void
test_arp(void)
{
    Fusuma__V1__DropRecord *r = sample_record();
    struct relay_event *e;

    r->ethertype = 0x0806;
    r->src_ip = r->dst_ip = "";
    r->protocol = r->src_port = r->dst_port = 0;
    r->service = "arp";
    r->rule = "";
    r->reason = "probe";
    r->log_class = "record";
    e = ecs_drop(r, &sample_observer);
    expect_at(e, "source.ip", "(nothing)");
    expect_at(e, "source.address", "\"02:00:00:00:00:0a\"");
    expect_at(e, "source.port", "(nothing)");
    expect_at(e, "network.transport", "(nothing)");
    expect_at(e, "network.community_id", "(nothing)");
    expect_at(e, "rule", "(nothing)");
    expect_at(e, "event.action", "\"probe\"");
    expect_at(e, "event.kind", "\"event\"");
    expect_at(e, "event.type", "[\"connection\",\"allowed\"]");
    CU_ASSERT_EQUAL(e->severity, RELAY_LOW);
    relay_event_free(e);
}

static void
test_icmp(void)
{
    Fusuma__V1__DropRecord *r = sample_record();
    struct relay_event *e;

    r->src_ip = "192.168.0.89";
    r->dst_ip = "192.168.0.1";
    r->protocol = 1;
    r->src_port = r->dst_port = 0;
    r->icmp_type = 8;
    e = ecs_drop(r, &sample_observer);
    expect_at(e, "network.community_id", "\"1:X0snYXpgwiv9TZtqg64sgzUn6Dk=\"");
    expect_at(e, "fusuma.icmp.type", "8");
    expect_at(e, "destination.port", "(nothing)");
    relay_event_free(e);
}

/* Whoever is logged in is a candidate. */
static void
test_sessions(void)
{
    Fusuma__V1__DropRecord *r = sample_record();
    Fusuma__V1__SessionRef one = FUSUMA__V1__SESSION_REF__INIT, two = one;
    Fusuma__V1__SessionRef *both[] = { &one, &two };
    struct relay_event *e;

    one.id = 4;
    one.user = "aiko";
    two.id = 5;
    two.user = "ren";
    r->user = "aiko, ren";
    r->sessions = both;
    r->n_sessions = 2;
    e = ecs_drop(r, &sample_observer);
    expect_at(e, "user.name", "[\"aiko\",\"ren\"]");
    expect_at(e, "related.user", "[\"aiko\",\"ren\",\"ben\"]");
    expect_at(e, "fusuma.sessions", "[4,5]");
    relay_event_free(e);
    r->n_sessions = 1;
    e = ecs_drop(r, &sample_observer);
    expect_at(e, "user.name", "\"aiko\"");
    relay_event_free(e);
}

/* A name must not begin another line, or turn the terminal's text. */
static void
test_hostile(void)
{
    Fusuma__V1__DropRecord *r = sample_record();
    struct relay_event *e;

    r->user = "x\r\nBcc: y\033[2J\xe2\x80\xae\"}";
    e = ecs_drop(r, &sample_observer);
    expect_text(e->text, "denied on d1 (x??Bcc: y?[2J?\"}): 128.232.110.120 to 66.35.250.204, "
                         "tcp/80 http, egress-rule (rule no-lateral), 1 packet");
    expect_at(e, "user.name", "\"x\\r\\nBcc: y\\u001B[2J\xe2\x80\xae\\\"}\"");
    relay_event_free(e);
}

static void
test_unsaid(void)
{
    Fusuma__V1__Unsaid u = FUSUMA__V1__UNSAID__INIT;
    Fusuma__V1__Cursor cursor = FUSUMA__V1__CURSOR__INIT;
    struct relay_event *e;

    cursor.epoch = 77;
    cursor.n = 13;
    u.cursor = &cursor;
    u.port = "d1";
    u.reason = "storm";
    u.suppressed = 5;
    u.lost = 2;
    e = ecs_unsaid(&u, &sample_observer);
    expect_at(e, "event.id", "\"77-13\"");
    expect_at(e, "fusuma.suppressed", "5");
    expect_at(e, "fusuma.lost", "2");
    CU_ASSERT_EQUAL(e->at.drop.n, 13);
    relay_event_free(e);
}

static void
test_correction(void)
{
    Fusuma__V1__Correction c = FUSUMA__V1__CORRECTION__INIT;
    Fusuma__V1__Cursor cursor = FUSUMA__V1__CURSOR__INIT;
    Google__Protobuf__Timestamp from = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Fusuma__V1__SessionRef session = FUSUMA__V1__SESSION_REF__INIT;
    struct relay_event *e;

    cursor.epoch = 77;
    cursor.n = 14;
    session.id = 4;
    session.user = "aiko";
    c.cursor = &cursor;
    c.port = "d1";
    c.from = &from;
    c.session = &session;
    e = ecs_correction(&c, &sample_observer);
    expect_at(e, "event.id", "\"77-14\"");
    expect_at(e, "event.action", "\"session-added\"");
    expect_at(e, "fusuma.sessions", "[4]");
    expect_text(e->text, "d1: drops from 1970-01-01T00:00:00.000000000Z to now were aiko's");
    CU_ASSERT_EQUAL(e->at.drop.n, 14);
    relay_event_free(e);
}

/* The position after a gap is its end. */
static void
test_gap(void)
{
    Fusuma__V1__Gap g = FUSUMA__V1__GAP__INIT;
    Fusuma__V1__Cursor first = FUSUMA__V1__CURSOR__INIT, last = first;
    struct relay_event *e;

    first.epoch = 77;
    first.n = 13;
    last.epoch = 78;
    last.n = 20;
    g.first = &first;
    g.last = &last;
    g.events = 8;
    e = ecs_gap(&g, &sample_observer);
    expect_at(e, "event.id", "\"gap-77-13-78-20\"");
    expect_at(e, "event.action", "\"events-missing\"");
    expect_at(e, "fusuma.gap",
              "{\"first\":{\"epoch\":77,\"n\":13},\"last\":{\"epoch\":78,"
              "\"n\":20},\"events\":8}");
    CU_ASSERT_EQUAL(e->at.drop.epoch, 78);
    CU_ASSERT_EQUAL(e->at.drop.n, 20);
    CU_ASSERT_EQUAL(e->at.drop.missing, 8);
    CU_ASSERT_TRUE(e->at.drop.gap);
    relay_event_free(e);
}

static void
test_incident(void)
{
    struct relay_event *e = ecs_incident(sample_incident(), "incident-opened", &sample_observer);

    expect_at(e, "event.id", "\"incident-7-40\"");
    expect_at(e, "event.kind", "\"alert\"");
    expect_at(e, "event.category", "[\"network\",\"intrusion_detection\"]");
    expect_at(e, "event.type", "[\"denied\",\"start\"]");
    expect_at(e, "event.severity", "47");
    expect_at(e, "event.reason", "\"it tried 9 peers\"");
    expect_at(e, "event.start", "\"2025-11-28T05:16:40.000000000Z\"");
    expect_at(e, "event.end", "\"2025-11-28T05:17:40.000000000Z\"");
    expect_at(e, "source.ip", "[\"10.0.0.11\",\"fd00::11\"]");
    expect_at(e, "related",
              "{\"ip\":[\"10.0.0.11\",\"fd00::11\",\"10.0.0.12\"],"
              "\"hosts\":[\"d1\",\"d2\"],\"user\":[\"aiko\",\"ben\"]}");
    expect_at(e, "fusuma.incident.kind", "\"INCIDENT_KIND_SWEEP\"");
    expect_text(e->text, "incident 7 opened: sweep, severity medium, by d1 (aiko): 30 packets to "
                         "9 targets and 1 services: it tried 9 peers");
    CU_ASSERT_TRUE(e->notable);
    relay_event_free(e);
}

static void
test_quarantine(void)
{
    Fusuma__V1__QuarantineState q = FUSUMA__V1__QUARANTINE_STATE__INIT;
    Google__Protobuf__Timestamp since = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    struct relay_event *e;

    since.seconds = 5;
    since.nanos = 1;
    q.port = "d1";
    q.who = "uid 0 (root)";
    q.comment = "INC-12";
    q.since = &since;
    e = ecs_quarantine(&q, true, "5000000001", 9, &sample_observer);
    expect_at(e, "event.id", "\"quarantine-d1-5000000001-set\"");
    expect_at(e, "event.reason", "\"INC-12\"");
    expect_text(e->text, "d1 is in quarantine, by uid 0 (root): INC-12");
    CU_ASSERT_EQUAL(e->time_ns, 5000000001);
    relay_event_free(e);
    e = ecs_quarantine(&q, false, "5000000001", 9, &sample_observer);
    expect_at(e, "event.id", "\"quarantine-d1-5000000001-released\"");
    expect_text(e->text, "d1 is out of quarantine");
    CU_ASSERT_EQUAL(e->time_ns, 9);
    relay_event_free(e);
}

static void
test_heartbeat(void)
{
    struct relay_pulse p = { .up = true,
                             .known = true,
                             .drop_epoch = 77,
                             .drops_newest = 20,
                             .storing = true,
                             .workers = 2,
                             .workers_alive = 1,
                             .ports = 8,
                             .ports_up = 7,
                             .alarm = "",
                             .has_lag = true,
                             .lag = 3,
                             .delivered = 17 };
    struct relay_event *e = ecs_heartbeat("siem", "heartbeat", &p, 5, &sample_observer);

    expect_at(e, "event.id", "\"siem-heartbeat-5\"");
    expect_at(e, "event.kind", "\"metric\"");
    expect_at(e, "fusuma.heartbeat",
              "{\"up\":true,\"drops\":{\"epoch\":77,\"newest\":20,\"storing\":true},"
              "\"workers\":{\"all\":2,\"alive\":1},\"ports\":{\"all\":8,\"up\":7,"
              "\"quarantined\":0},\"sink\":{\"lag\":3,\"delivered\":17,\"refused\":0,"
              "\"missing\":0}}");
    CU_ASSERT_FALSE(e->notable);
    relay_event_free(e);
    e = ecs_heartbeat("siem", "sensor-silent", &p, 5, &sample_observer);
    expect_at(e, "event.kind", "\"alert\"");
    CU_ASSERT_EQUAL(e->severity, RELAY_HIGH);
    CU_ASSERT_TRUE(e->notable && e->at.heartbeat.silent);
    relay_event_free(e);
}

CU_SuiteInfo
ecs_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a drop record", test_drop },      { "one that is not IP", test_arp },
        { "one of ICMP", test_icmp },        { "several users", test_sessions },
        { "hostile names", test_hostile },   { "what has no record", test_unsaid },
        { "a correction", test_correction }, { "a gap", test_gap },
        { "an incident", test_incident },    { "quarantine", test_quarantine },
        { "a heartbeat", test_heartbeat },   CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "events in the Elastic Common Schema", .pTests = tests };
}
