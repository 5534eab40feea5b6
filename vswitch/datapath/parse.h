/* Parsing: from bytes to what the later stages ask about.  Bounded, one pass, no guessing: what
 * cannot be parsed has a drop reason.
 *
 * Ethernet II; IPv4 with options (RFC 791); IPv6 with hop-by-hop, routing, destination and
 * authentication headers (RFC 8200, 4.1), TCP, UDP, ICMP, ICMPv6, ARP (RFC 826).  Neighbour
 * discovery behind any fragment header is DROP_FRAGMENT (RFC 6980). */
#ifndef DATAPATH_PARSE_H
#define DATAPATH_PARSE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/conn_tcp.h"
#include "datapath/port.h"
#include "telemetry/reasons.h"

struct rte_mbuf;
struct conn;
struct frag_entry;

#define PKT_IP 0x01 /* src, dst, protocol hold */
#define PKT_V6 0x02
#define PKT_ARP 0x04
#define PKT_ND 0x08          /* ICMPv6 types 133 to 137; judged by neigh.c, not by rules */
#define PKT_GROUP 0x10       /* broadcast or multicast destination MAC */
#define PKT_TRACKED 0x20     /* may have a connection: all but ICMP other than echo */
#define PKT_DHCP 0x40        /* UDP from or to a DHCP server's port */
#define PKT_FRAGMENT 0x80    /* l4_off, l4_len and frag_* hold; nothing of L4 was looked at */
#define PKT_MORE 0x100       /* a fragment that is not the last */
#define PKT_GONE 0x400       /* held, or dropped already: nothing of it is left here */
#define PKT_ICMP_ERROR 0x200 /* quotes a packet: pkt_parse_quoted() */
#define PKT_ATOMIC 0x800     /* has an IPv6 fragment header that makes no fragment (RFC 6946) */
#define PKT_REFRESH 0x1000   /* ARP or ND for the station that it is sent to */

struct pkt {
    struct rte_mbuf *m;
    uint64_t smac, dmac;      /* first byte in bits 40..47 */
    struct acl_addr src, dst; /* ARP: sender and target protocol address */
    uint64_t hash;            /* of the connection key */
    struct conn *conn;
    struct frag_entry *frag; /* a datagram that came in fragments: all of them, 'm' included */
    struct tcp_segment tcp;
    uint32_t frag_id;      /* of a fragment */
    uint16_t sport, dport; /* TCP, UDP: ports; ICMP echo: the identifier, twice */
    uint16_t icmp;         /* type << 8 | code */
    uint16_t ethertype;
    uint16_t vlan;                   /* it is in; 0: the untagged network */
    uint16_t l3_off, l4_off, l4_len; /* l4_len: to the end of the IP packet */
    uint16_t frag_off;               /* of a fragment: offset of its l4_len bytes */
    uint16_t out;                    /* port to send to */
    uint8_t protocol;                /* of a fragment: what the whole is, as its header says */
    uint16_t flags;                  /* PKT_* */
    uint8_t side;                    /* index of the source in the canonical key */
    uint8_t reason;                  /* enum drop_reason; DROP_NONE while it lives */
    uint8_t arp_op;
};

/* Whether a frame's type is that of a VLAN tag: 802.1Q, 802.1ad, or what was used before that. */
static inline bool
pkt_is_tag(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* Fills in 'p' from p->m, less its VLAN, which is the caller's matter: DROP_VLAN when it begins
 * with a tag.  DROP_NONE or why not. */
enum drop_reason pkt_parse(struct pkt *);
/* Looks at L4 of a datagram whose first fragment is 'p': its header is all there, or that is
 * DROP_FRAGMENT (RFC 1858, RFC 7112).  'l4_len' is the whole datagram's. */
enum drop_reason pkt_parse_datagram(struct pkt *p, uint32_t l4_len);

/* The packet that an ICMP error complains about, as far as it is quoted. */
struct pkt_quoted {
    struct acl_addr src, dst;
    uint32_t seq;          /* TCP */
    uint16_t sport, dport; /* ICMP echo: the identifier, twice */
    uint8_t protocol;
};
/* False when what is quoted is too little to tell whose it was, or nothing that is tracked. */
bool pkt_parse_quoted(const struct pkt *, struct pkt_quoted *);

/* The destination port that rules match: the L4 port, or ICMP's type and code. */
static inline uint16_t
pkt_service(const struct pkt *p)
{
    return p->protocol == 1 || p->protocol == 58 ? p->icmp : p->dport;
}

#endif
