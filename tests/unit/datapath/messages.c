#include <config.h>

#include "tests/unit/datapath/messages.h"

#include <string.h>

#include <rte_ip.h>

#include "datapath/mcast.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

static void
begin4(struct message *m, uint8_t from, uint32_t dst)
{
    struct rte_ipv4_hdr *ip = (void *) (m->b + 14);

    memset(m, 0, sizeof *m);
    memcpy(m->b, (uint8_t[]){ 1, 0, 0x5e, dst >> 16 & 0x7f, dst >> 8, dst, 2 }, 7);
    m->b[11] = from;
    m->b[12] = 8;
    ip->version_ihl = 0x46;
    ip->time_to_live = 1;
    ip->next_proto_id = 2;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, from));
    ip->dst_addr = rte_cpu_to_be_32(dst);
    memcpy(ip + 1, "\x94\x04\0\0", 4); /* router alert */
    m->l4 = 38;
    m->len = 46;
}

static void
begin6(struct message *m, uint8_t from, const uint8_t dst[16])
{
    struct rte_ipv6_hdr *ip = (void *) (m->b + 14);

    memset(m, 0, sizeof *m);
    m->v6 = true;
    memcpy(m->b, (uint8_t[]){ 0x33, 0x33, dst[12], dst[13], dst[14], dst[15], 2 }, 7);
    m->b[11] = from;
    m->b[12] = 0x86;
    m->b[13] = 0xdd;
    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->proto = 0;
    ip->hop_limits = 1;
    memcpy(ip->src_addr, (uint8_t[16]){ 0xfe, 0x80, [15] = from }, 16);
    memcpy(ip->dst_addr, dst, 16);
    memcpy(ip + 1, "\x3a\0\x05\x02\0\0\x01\0", 8); /* hop-by-hop: router alert, PadN */
    m->l4 = 62;
    m->len = 62;
}

static uint8_t *
l4(struct message *m)
{
    return m->b + m->l4;
}

void
message_about4(struct message *m, uint8_t from, uint8_t type, uint32_t dst, uint32_t group)
{
    begin4(m, from, dst);
    l4(m)[0] = type;
    group = rte_cpu_to_be_32(group);
    memcpy(l4(m) + 4, &group, 4);
}

void
message_about6(struct message *m, uint8_t from, uint8_t type, const uint8_t dst[16],
               const uint8_t group[16])
{
    begin6(m, from, dst);
    l4(m)[0] = type;
    memcpy(l4(m) + 8, group, 16);
    m->len += 24;
}

void
message_report4(struct message *m, uint8_t from)
{
    begin4(m, from, RTE_IPV4(224u, 0, 0, 22));
    l4(m)[0] = V3_REPORT;
}

void
message_report6(struct message *m, uint8_t from)
{
    begin6(m, from, (uint8_t[16]){ 0xff, 2, [15] = 22 });
    l4(m)[0] = MLD_V2_REPORT;
    m->len += 8;
}

void
message_record(struct message *m, uint8_t type, const void *group, uint8_t n_sources, uint8_t n_aux)
{
    uint8_t *p = m->b + m->len, size = m->v6 ? 16 : 4;

    p[0] = type;
    p[1] = n_aux;
    p[3] = n_sources;
    memcpy(p + 4, group, size);
    m->len += 4 + size * (1 + n_sources) + 4 * n_aux;
    l4(m)[7]++;
}

void
message_record4(struct message *m, uint8_t type, uint32_t group, uint8_t n_sources, uint8_t n_aux)
{
    group = rte_cpu_to_be_32(group);
    message_record(m, type, &group, n_sources, n_aux);
}

static void
finish4(struct message *m)
{
    struct rte_ipv4_hdr *ip = (void *) (m->b + 14);
    uint16_t sum;

    ip->total_length = rte_cpu_to_be_16(m->len - 14);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = ~rte_raw_cksum(ip, 24);
    memset(l4(m) + 2, 0, 2);
    sum = ~rte_raw_cksum(l4(m), m->len - m->l4) ^ m->bad_sum;
    memcpy(l4(m) + 2, &sum, 2);
}

static void
finish6(struct message *m)
{
    struct rte_ipv6_hdr *ip = (void *) (m->b + 14), pseudo = *ip;
    uint16_t sum;

    ip->payload_len = rte_cpu_to_be_16(m->len - 54);
    pseudo.payload_len = rte_cpu_to_be_16(m->len - m->l4);
    pseudo.proto = 58;
    memset(l4(m) + 2, 0, 2);
    sum = rte_ipv6_udptcp_cksum(&pseudo, l4(m)) ^ m->bad_sum;
    memcpy(l4(m) + 2, &sum, 2);
}

void
message_send(struct message *m)
{
    if (m->v6) {
        finish6(m);
    } else {
        finish4(m);
    }
    bench_send(m->b[11], packet_at_edge(packet_raw(m->b, m->len)));
}

void
message_tell(struct message *m)
{
    message_send(m);
    bench_learn(bench->now_s);
}

bool
message_heard4(uint16_t port, uint32_t group)
{
    struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(group));
    struct mcast_set set;

    mcast_members(&a, 0, &set);
    return mcast_set_has(&set, port);
}

bool
message_heard6(uint16_t port, const uint8_t group[16])
{
    struct acl_addr a;
    struct mcast_set set;

    memcpy(&a, group, 16);
    mcast_members(&a, 0, &set);
    return mcast_set_has(&set, port);
}
