/* DHCP messages, as far as they bind addresses: DHCPv4 (RFC 2131, RFC 2132) and DHCPv6 (RFC 8415).
 *
 * Pure; what is cut short or not understood binds nothing. */
#ifndef DATAPATH_DHCP_H
#define DATAPATH_DHCP_H 1

#include "datapath/parse.h"

enum { DHCP_SERVER = 67, DHCP_CLIENT = 68, DHCP6_CLIENT = 546, DHCP6_SERVER = 547 };

#define DHCP_MAX_LEASES 4 /* addresses of one message that are looked at */

enum dhcp_kind {
    DHCP_OTHER,
    DHCP_BINDS, /* DHCPACK, Reply: 'lease' says what, and for how long */
    DHCP_ENDS,  /* DHCPRELEASE, DHCPDECLINE, Release, Decline: the client lets go of 'lease' */
};

struct dhcp_lease {
    struct acl_addr addr;
    uint32_t seconds; /* UINT32_MAX: for ever */
};

struct dhcp_message {
    enum dhcp_kind kind;
    uint32_t id;     /* of the transaction */
    uint64_t chaddr; /* DHCPv4: the client's MAC */
    uint32_t giaddr; /* DHCPv4: the relay's address, network byte order */
    bool relayed;    /* DHCPv6: a relay's message, which is not looked into */
    struct acl_addr ciaddr;
    uint8_t n_leases;
    struct dhcp_lease lease[DHCP_MAX_LEASES];
};

/* From client to server; from server to client: by their ports. */
static inline bool
dhcp_is_request(const struct pkt *p)
{
    return p->dport == DHCP_SERVER || p->dport == DHCP6_SERVER;
}

static inline bool
dhcp_is_reply(const struct pkt *p)
{
    return (p->sport == DHCP_SERVER && p->dport == DHCP_CLIENT) ||
           (p->sport == DHCP6_SERVER && p->dport == DHCP6_CLIENT);
}

/* Reads the whole UDP packet 'p' (PKT_DHCP, no fragments).  False: no DHCP message. */
bool dhcp_parse(const struct pkt *p, struct dhcp_message *);

#endif
