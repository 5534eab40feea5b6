/* Drop events as messages. */
#include <config.h>

#include <netinet/in.h>
#include <string.h>

#include "acl/policy.h"
#include "control/drop_message.h"
#include "control/message.h"
#include "packets.h"
#include "telemetry/reasons.h"
#include "tests/unit/control/suites.h"

static struct acl_addr
address(const char *text)
{
    struct acl_addr a;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(text, &a));
    return a;
}

/* A TCP packet of port desk1 that a rule denied. */
static struct drop_event
denied(void)
{
    struct drop_event e = { .n = 42,
                            .type = DROP_EVENT_RECORD,
                            .port = "desk1",
                            .user = "alice",
                            .peer_port = "desk2",
                            .peer_user = "bob",
                            .rule = "no-smb" };

    e.record = (struct drop_record){ .mono_ns = 77,
                                     .wall_ns = UINT64_C(1700000000123456789),
                                     .generation = 9,
                                     .vlan = 30,
                                     .src = address("10.0.0.1"),
                                     .dst = address("10.0.0.2"),
                                     .count = 1,
                                     .sport = 49152,
                                     .dport = 445,
                                     .ethertype = ETH_TYPE_IP,
                                     .packet_len = 60,
                                     .protocol = IPPROTO_TCP,
                                     .reason = DROP_EGRESS_RULE,
                                     .log = ACL_LOG_INCIDENT,
                                     .n_bytes = 60 };
    memcpy(e.record.bytes, "\2\0\0\0\0\2\2\0\0\0\0\1\10\0", ETH_HEADER_LEN);
    e.record.bytes[59] = 0xee;
    return e;
}

static void
test_record(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m = drop_event_message(5, &e);
    const Fusuma__V1__DropRecord *r = m->record;

    CU_ASSERT_EQUAL_FATAL(m->event_case, FUSUMA__V1__DROP_EVENT__EVENT_RECORD);
    CU_ASSERT_EQUAL(r->cursor->epoch, 5);
    CU_ASSERT_EQUAL(r->cursor->n, 42);
    CU_ASSERT_EQUAL(r->time->seconds, 1700000000);
    CU_ASSERT_EQUAL(r->time->nanos, 123456789);
    CU_ASSERT_EQUAL(r->monotonic_ns, 77);
    expect_text(r->port, "desk1");
    expect_text(r->user, "alice");
    expect_text(r->peer_port, "desk2");
    expect_text(r->peer_user, "bob");
    expect_text(r->rule, "no-smb");
    expect_text(r->reason, "egress-rule");
    expect_text(r->log_class, "incident");
    CU_ASSERT_EQUAL(r->count, 1);
    CU_ASSERT_FALSE(r->repeat);
    CU_ASSERT_EQUAL(r->packet_length, 60);
    CU_ASSERT_EQUAL(r->generation, 9);
    CU_ASSERT_EQUAL(r->vlan, 30);
    message_free(m);
}

static void
test_ipv4(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m = drop_event_message(1, &e);
    const Fusuma__V1__DropRecord *r = m->record;

    expect_text(r->src_mac, "02:00:00:00:00:01");
    expect_text(r->dst_mac, "02:00:00:00:00:02");
    CU_ASSERT_EQUAL(r->ethertype, 0x0800);
    expect_text(r->src_ip, "10.0.0.1");
    expect_text(r->dst_ip, "10.0.0.2");
    CU_ASSERT_EQUAL(r->protocol, 6);
    CU_ASSERT_EQUAL(r->src_port, 49152);
    CU_ASSERT_EQUAL(r->dst_port, 445);
    CU_ASSERT_EQUAL(r->icmp_type, 0);
    expect_text(r->service, "tcp/445 smb");
    CU_ASSERT_EQUAL_FATAL(r->packet.len, 60);
    CU_ASSERT_EQUAL(memcmp(r->packet.data, e.record.bytes, 60), 0);
    message_free(m);
}

static void
test_ipv6_repeats(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m;

    e.record.ethertype = ETH_TYPE_IPV6;
    e.record.src = address("2001:db8::1");
    e.record.dst = address("ff02::fb");
    e.record.protocol = IPPROTO_UDP;
    e.record.dport = 40000;
    e.record.log = ACL_LOG_RECORD;
    e.record.count = 17;
    e.record.repeat = 1;
    m = drop_event_message(1, &e);
    CU_ASSERT_EQUAL(m->record->ethertype, 0x86dd);
    expect_text(m->record->src_ip, "2001:db8::1");
    expect_text(m->record->dst_ip, "ff02::fb");
    expect_text(m->record->service, "udp/40000");
    expect_text(m->record->log_class, "record");
    CU_ASSERT_EQUAL(m->record->count, 17);
    CU_ASSERT_TRUE(m->record->repeat);
    message_free(m);
}

static void
test_arp(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m;

    e.record.ethertype = ETH_TYPE_ARP;
    e.record.protocol = 0;
    e.record.sport = e.record.dport = 0;
    e.record.reason = DROP_PROBE;
    e.rule[0] = '\0';
    m = drop_event_message(1, &e);
    expect_text(m->record->service, "arp");
    expect_text(m->record->src_ip, "10.0.0.1");
    expect_text(m->record->dst_ip, "10.0.0.2");
    expect_text(m->record->rule, "");
    expect_text(m->record->reason, "probe");
    CU_ASSERT_EQUAL(m->record->protocol, 0);
    message_free(m);
}

static void
test_icmp(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m;

    e.record.protocol = IPPROTO_ICMP;
    e.record.sport = 0;
    e.record.dport = 3 << 8 | 4;
    m = drop_event_message(1, &e);
    expect_text(m->record->service, "icmp/3");
    CU_ASSERT_EQUAL(m->record->icmp_type, 3);
    CU_ASSERT_EQUAL(m->record->icmp_code, 4);
    CU_ASSERT_EQUAL(m->record->dst_port, 0);
    CU_ASSERT_EQUAL(m->record->protocol, 1);
    message_free(m);

    e.record.ethertype = ETH_TYPE_IPV6;
    e.record.protocol = IPPROTO_ICMPV6;
    e.record.dport = 128 << 8;
    m = drop_event_message(1, &e);
    expect_text(m->record->service, "icmpv6/128");
    CU_ASSERT_EQUAL(m->record->icmp_type, 128);
    CU_ASSERT_EQUAL(m->record->icmp_code, 0);
    CU_ASSERT_EQUAL(m->record->protocol, 58);
    message_free(m);
}

static void
test_unknown(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m;

    e.record.protocol = IPPROTO_GRE;
    e.record.sport = e.record.dport = 0;
    m = drop_event_message(1, &e);
    expect_text(m->record->service, "ip/47");
    message_free(m);

    e.record.ethertype = 0x88cc;
    e.record.protocol = 0;
    e.record.src = e.record.dst = (struct acl_addr){ .q = { 0, 0 } };
    e.record.reason = DROP_ETHERTYPE;
    m = drop_event_message(1, &e);
    expect_text(m->record->service, "0x88cc");
    expect_text(m->record->src_ip, "");
    expect_text(m->record->dst_ip, "");
    CU_ASSERT_EQUAL(m->record->ethertype, 0x88cc);
    message_free(m);
}

/* What could not be parsed has no addresses, and what is not even a frame no MACs. */
static void
test_malformed(void)
{
    struct drop_event e = denied();
    Fusuma__V1__DropEvent *m;

    e.record.protocol = 0;
    e.record.sport = e.record.dport = 0;
    e.record.src = e.record.dst = (struct acl_addr){ .q = { 0, 0 } };
    e.record.reason = DROP_MALFORMED;
    e.record.n_bytes = ETH_HEADER_LEN;
    m = drop_event_message(1, &e);
    expect_text(m->record->src_ip, "");
    expect_text(m->record->dst_ip, "");
    expect_text(m->record->src_mac, "02:00:00:00:00:01");
    message_free(m);

    e.record.n_bytes = ETH_HEADER_LEN - 1;
    m = drop_event_message(1, &e);
    expect_text(m->record->src_mac, "");
    expect_text(m->record->dst_mac, "");
    CU_ASSERT_EQUAL(m->record->packet.len, ETH_HEADER_LEN - 1);
    message_free(m);

    e.record.n_bytes = 0;
    m = drop_event_message(1, &e);
    CU_ASSERT_EQUAL(m->record->packet.len, 0);
    message_free(m);

    /* Duplicate address detection asks from the unspecified address. */
    e.record.ethertype = ETH_TYPE_IPV6;
    e.record.dst = address("ff02::1:ff00:2");
    m = drop_event_message(1, &e);
    expect_text(m->record->src_ip, "::");
    expect_text(m->record->dst_ip, "ff02::1:ff00:2");
    message_free(m);
}

static void
test_services(void)
{
    expect_text(service_name(IPPROTO_TCP, 20), "ftp-data"); /* the first in the table */
    expect_text(service_name(IPPROTO_TCP, 3389), "rdp");
    expect_text(service_name(IPPROTO_UDP, 53), "dns");
    expect_text(service_name(IPPROTO_TCP, 27017), "mongodb"); /* and the last */
    CU_ASSERT_PTR_NULL(service_name(IPPROTO_TCP, 1));
    CU_ASSERT_PTR_NULL(service_name(IPPROTO_TCP, 0));
    CU_ASSERT_PTR_NULL(service_name(IPPROTO_UDP, 65535));
    CU_ASSERT_PTR_NULL(service_name(IPPROTO_ICMP, 445)); /* ICMP has no ports */
    CU_ASSERT_PTR_NULL(service_name(0, 445));
}

static void
test_unsaid(void)
{
    struct drop_event e = { .n = 7, .type = DROP_EVENT_UNSAID, .port = "desk1" };
    Fusuma__V1__DropEvent *m;

    e.unsaid.reason = DROP_INGRESS_DEFAULT;
    e.unsaid.suppressed = UINT64_C(5000000000);
    e.unsaid.lost = 3;
    m = drop_event_message(2, &e);
    CU_ASSERT_EQUAL_FATAL(m->event_case, FUSUMA__V1__DROP_EVENT__EVENT_UNSAID);
    CU_ASSERT_EQUAL(m->unsaid->cursor->epoch, 2);
    CU_ASSERT_EQUAL(m->unsaid->cursor->n, 7);
    expect_text(m->unsaid->port, "desk1");
    expect_text(m->unsaid->reason, "ingress-default");
    CU_ASSERT_EQUAL(m->unsaid->suppressed, UINT64_C(5000000000));
    CU_ASSERT_EQUAL(m->unsaid->lost, 3);
    message_free(m);
}

static void
test_correction(void)
{
    struct drop_event e = { .n = 8,
                            .type = DROP_EVENT_CORRECTION,
                            .port = "desk1",
                            .sessions = "7 alice b\n",
                            .correction = { .from_ns = UINT64_C(1700000000123456789),
                                            .to_ns = UINT64_C(1700000001000000000),
                                            .withdrawn = true } };
    Fusuma__V1__DropEvent *m = drop_event_message(2, &e);

    CU_ASSERT_EQUAL_FATAL(m->event_case, FUSUMA__V1__DROP_EVENT__EVENT_CORRECTION);
    CU_ASSERT_EQUAL(m->correction->cursor->epoch, 2);
    CU_ASSERT_EQUAL(m->correction->cursor->n, 8);
    expect_text(m->correction->port, "desk1");
    CU_ASSERT_EQUAL(m->correction->from->seconds, 1700000000);
    CU_ASSERT_EQUAL(m->correction->from->nanos, 123456789);
    CU_ASSERT_EQUAL(m->correction->to->seconds, 1700000001);
    CU_ASSERT_EQUAL(m->correction->to->nanos, 0);
    CU_ASSERT_EQUAL(m->correction->session->id, 7);
    expect_text(m->correction->session->user, "alice b");
    CU_ASSERT_TRUE(m->correction->withdrawn);
    message_free(m);

    e.sessions[0] = '\0'; /* of a journal that somebody wrote in */
    m = drop_event_message(2, &e);
    CU_ASSERT_PTR_NULL(m->correction->session);
    message_free(m);
}

static void
test_gap(void)
{
    struct drop_event e = { .n = 20, .type = DROP_EVENT_GAP };
    Fusuma__V1__DropEvent *m;

    e.gap.first = (struct drop_position){ 1, 11 };
    e.gap.last = (struct drop_position){ 2, 20 };
    e.gap.events = 10;
    m = drop_event_message(3, &e);
    CU_ASSERT_EQUAL_FATAL(m->event_case, FUSUMA__V1__DROP_EVENT__EVENT_GAP);
    /* The gap's own epochs, not the event's. */
    CU_ASSERT_EQUAL(m->gap->first->epoch, 1);
    CU_ASSERT_EQUAL(m->gap->first->n, 11);
    CU_ASSERT_EQUAL(m->gap->last->epoch, 2);
    CU_ASSERT_EQUAL(m->gap->last->n, 20);
    CU_ASSERT_EQUAL(m->gap->events, 10);
    message_free(m);
}

CU_SuiteInfo
drop_message_suite(void)
{
    static CU_TestInfo tests[] = {
        { "what every record says", test_record },
        { "IPv4", test_ipv4 },
        { "IPv6, and merged repeats", test_ipv6_repeats },
        { "ARP", test_arp },
        { "ICMP and ICMPv6", test_icmp },
        { "other protocols and ethertypes", test_unknown },
        { "malformed packets", test_malformed },
        { "service names", test_services },
        { "unsaid", test_unsaid },
        { "correction", test_correction },
        { "gap", test_gap },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "drop events as messages", NULL, NULL, NULL, NULL, tests };
}
