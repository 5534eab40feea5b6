#include <config.h>

#include "datapath/snoop_parse.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/csum.h"

#define IGMP_QUERY 0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD_V2_REPORT 143

#define IGMP_HEADER 8
#define IGMP_V3_QUERY 12
#define MLD_HEADER 24
#define MLD_V2_QUERY 28
#define REPORT_HEADER 8 /* of IGMPv3 and MLDv2 alike */
#define OPTION_ROUTER_ALERT 5

/* Group records (RFC 3376, 4.2.12). */
enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD };

static uint16_t
be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

bool
snoop_is_group(const struct acl_addr *a)
{
    return acl_addr_is_v4(a) ? a->b[12] >> 4 == 0xe : a->b[0] == 0xff;
}

static struct acl_addr
address_at(const uint8_t *p, bool v6)
{
    struct acl_addr a;
    uint32_t v4;

    if (v6) {
        memcpy(&a, p, sizeof a);
        return a;
    }
    memcpy(&v4, p, sizeof v4);
    return acl_addr_from_v4(v4);
}

/* ---- records ---- */

static uint32_t
address_size(const struct snoop_message *s)
{
    return s->v6 ? 16 : 4;
}

static uint32_t
record_size(const struct snoop_message *s)
{
    return 4 + address_size(s) * (1 + be16(s->at + 2)) + 4 * s->at[1];
}

/* By group, not by source: who wants to hear some sources wants the group; who wants none of them
 * does not.  A block of sources leaves others that we do not know of. */
static enum snoop_change
change_of(uint8_t type, uint16_t n_sources)
{
    switch (type) {
    case IS_EXCLUDE:
    case TO_EXCLUDE:
        return SNOOP_JOIN;
    case IS_INCLUDE:
    case TO_INCLUDE:
        return n_sources ? SNOOP_JOIN : SNOOP_LEAVE;
    case ALLOW_NEW:
        return n_sources ? SNOOP_JOIN : SNOOP_NO_CHANGE;
    default: /* RFC 3376, 4.2.12: unknown types are ignored */
        return SNOOP_NO_CHANGE;
    }
}

bool
snoop_next(struct snoop_message *s, struct acl_addr *group, enum snoop_change *change)
{
    if (!s->n) {
        return false;
    }
    s->n--;
    if (!s->records) {
        *group = s->group;
        *change = s->change;
        return true;
    }
    *group = address_at(s->at + 4, s->v6);
    *change = change_of(s->at[0], be16(s->at + 2));
    s->at += record_size(s);
    return true;
}

/* Whether all records end within the 'left' bytes. */
static enum drop_reason
check_records(struct snoop_message s, uint32_t left)
{
    while (s.n) {
        enum snoop_change change;
        struct acl_addr group;
        uint32_t size;

        if (left < 4 + address_size(&s)) {
            return DROP_MALFORMED;
        }
        size = record_size(&s);
        if (left < size) {
            return DROP_MALFORMED;
        }
        snoop_next(&s, &group, &change);
        if (!snoop_is_group(&group)) {
            return DROP_MCAST_INVALID;
        }
        left -= size;
    }
    return DROP_NONE;
}

static enum drop_reason
take_records(struct snoop_message *s, const uint8_t *l4, uint16_t len)
{
    s->records = true;
    s->n = be16(l4 + 6);
    s->at = l4 + REPORT_HEADER;
    return check_records(*s, len - REPORT_HEADER);
}

/* One group; a report is sent to the group itself. */
static enum drop_reason
take_group(struct snoop_message *s, const struct pkt *p, const uint8_t *at,
           enum snoop_change change)
{
    s->n = 1;
    s->group = address_at(at, s->v6);
    s->change = change;
    return snoop_is_group(&s->group) &&
                   (change == SNOOP_LEAVE || acl_addr_equals(&s->group, &p->dst))
               ? DROP_NONE
               : DROP_MCAST_INVALID;
}

/* The group that a query asks for, or none, and sources behind 'header' bytes. */
static enum drop_reason
check_query(const struct snoop_message *s, const uint8_t *l4, uint16_t len, uint16_t old,
            uint16_t header)
{
    uint32_t before = header - 4 - address_size(s);
    struct acl_addr group = address_at(l4 + before, s->v6);
    bool general = s->v6 ? !group.q[0] && !group.q[1] : !group.w[3];

    if (!general && !snoop_is_group(&group)) {
        return DROP_MCAST_INVALID;
    }
    return len == old || (len >= header && header + be16(l4 + header - 2) * address_size(s) <= len)
               ? DROP_NONE
               : DROP_MALFORMED; /* RFC 3376, 7.1; RFC 3810, 8.1 */
}

/* ---- IGMP ---- */

static enum drop_reason
parse_igmp(const struct pkt *p, const uint8_t *l4, struct snoop_message *s)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_ipv4_hdr *, p->l3_off);

    if (p->l4_len < IGMP_HEADER) {
        return DROP_MALFORMED;
    }
    if (ip->time_to_live != 1) {
        return DROP_MCAST_INVALID;
    }
    if (!csum_holds(p) || rte_raw_cksum(l4, p->l4_len) != 0xffff) {
        return DROP_CSUM;
    }
    switch (l4[0]) {
    case IGMP_QUERY:
        s->kind = SNOOP_QUERY;
        return check_query(s, l4, p->l4_len, IGMP_HEADER, IGMP_V3_QUERY);
    case IGMP_V1_REPORT:
    case IGMP_V2_REPORT:
        return take_group(s, p, l4 + 4, SNOOP_JOIN);
    case IGMP_V2_LEAVE:
        return take_group(s, p, l4 + 4, SNOOP_LEAVE);
    case IGMP_V3_REPORT:
        return take_records(s, l4, p->l4_len);
    default:
        s->kind = SNOOP_OTHER;
        return DROP_NONE;
    }
}

/* ---- MLD ---- */

/* A router alert for MLD (RFC 2711) in a hop-by-hop header, which the parser has found whole. */
static bool
has_router_alert(const struct pkt *p)
{
    const struct rte_ipv6_hdr *ip =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_ipv6_hdr *, p->l3_off);
    const uint8_t *header = (const uint8_t *) (ip + 1);
    const uint8_t *end = header + (header[1] + 1) * 8;

    if (ip->proto != IPPROTO_HOPOPTS) {
        return false;
    }
    for (const uint8_t *o = header + 2; o < end;) {
        if (*o == 0) { /* Pad1 */
            o++;
            continue;
        }
        if (end - o < 2 || end - o < 2 + o[1]) {
            return false;
        }
        if (*o == OPTION_ROUTER_ALERT && o[1] == 2) {
            return !be16(o + 2);
        }
        o += 2 + o[1];
    }
    return false;
}

/* RFC 3810, 5.1.14 and 5.2.13: link-local, or unspecified where a host has no address yet. */
static bool
source_is_right(const struct pkt *p, uint8_t type)
{
    return (p->src.b[0] == 0xfe && (p->src.b[1] & 0xc0) == 0x80) ||
           (type != MLD_QUERY && !p->src.q[0] && !p->src.q[1]);
}

static enum drop_reason
parse_mld(const struct pkt *p, const uint8_t *l4, struct snoop_message *s)
{
    const struct rte_ipv6_hdr *ip =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_ipv6_hdr *, p->l3_off);

    if (p->l4_len < (l4[0] == MLD_V2_REPORT ? REPORT_HEADER : MLD_HEADER)) {
        return DROP_MALFORMED;
    }
    if (ip->hop_limits != 1 || !has_router_alert(p) || !source_is_right(p, l4[0])) {
        return DROP_MCAST_INVALID;
    }
    if (!csum_holds(p)) {
        return DROP_CSUM;
    }
    switch (l4[0]) {
    case MLD_QUERY:
        s->kind = SNOOP_QUERY;
        return check_query(s, l4, p->l4_len, MLD_HEADER, MLD_V2_QUERY);
    case MLD_REPORT:
        return take_group(s, p, l4 + 8, SNOOP_JOIN);
    case MLD_DONE:
        return take_group(s, p, l4 + 8, SNOOP_LEAVE);
    default:
        return take_records(s, l4, p->l4_len);
    }
}

enum drop_reason
snoop_parse(const struct pkt *p, struct snoop_message *s)
{
    const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);

    *s = (struct snoop_message){ .kind = SNOOP_REPORT, .v6 = p->flags & PKT_V6 };
    if (p->protocol == IPPROTO_IGMP && s->v6) {
        return DROP_MCAST_INVALID;
    }
    if (!(p->flags & PKT_GROUP) || !snoop_is_group(&p->dst)) {
        return DROP_MCAST_INVALID;
    }
    return s->v6 ? parse_mld(p, l4, s) : parse_igmp(p, l4, s);
}
