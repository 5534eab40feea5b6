/* Parsing: from bytes to what the later stages ask about.  Bounded, one pass, no guessing: what
 * cannot be parsed has a drop reason.
 *
 * Ethernet II; IPv4 with options (RFC 791); IPv6 with hop-by-hop, routing, destination and
 * authentication headers (RFC 8200, 4.1), TCP, UDP, ICMP, ICMPv6, ARP (RFC 826). */
#ifndef DATAPATH_PARSE_H
#define DATAPATH_PARSE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/port.h"
#include "telemetry/reasons.h"

struct rte_mbuf;
struct conn;

#define PKT_IP 0x01 /* src, dst, protocol hold */
#define PKT_V6 0x02
#define PKT_ARP 0x04
#define PKT_ND 0x08         /* ICMPv6 types 133 to 137; judged by neigh.c, not by rules */
#define PKT_GROUP 0x10      /* broadcast or multicast destination MAC */
#define PKT_TRACKED 0x20    /* TCP, UDP or ICMP echo: may have a connection */
#define PKT_ORIGINATED 0x40 /* made by the switch */

struct pkt {
    struct rte_mbuf *m;
    uint64_t smac, dmac;      /* first byte in bits 40..47 */
    struct acl_addr src, dst; /* ARP: sender and target protocol address */
    uint64_t hash;            /* of the connection key */
    struct conn *conn;
    uint32_t seq, ack;     /* TCP, host order */
    uint16_t sport, dport; /* TCP, UDP: ports; ICMP echo: the identifier, twice */
    uint16_t icmp;         /* type << 8 | code */
    uint16_t ethertype;
    uint16_t vlan;                   /* 0: untagged */
    uint16_t l3_off, l4_off, l4_len; /* l4_len: to the end of the IP packet */
    uint16_t out;                    /* port to send to */
    uint8_t protocol;
    uint8_t tcp_flags;
    uint8_t flags;  /* PKT_* */
    uint8_t side;   /* index of the source in the canonical key */
    uint8_t reason; /* enum drop_reason; DROP_NONE while it lives */
    uint8_t arp_op;
};

/* Fills in 'p' from p->m.  DROP_NONE or why not. */
enum drop_reason pkt_parse(struct pkt *);

/* The destination port that rules match: the L4 port, or ICMP's type and code. */
static inline uint16_t
pkt_service(const struct pkt *p)
{
    return p->protocol == 1 || p->protocol == 58 ? p->icmp : p->dport;
}

#endif
