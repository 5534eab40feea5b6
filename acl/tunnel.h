/* Tunnels: what carries packets that no rule gets to see.  They are allowed only by a rule that
 * names them, by protocol number or by exact port; a rule for "any", for all of UDP, or for a range
 * of ports does not let them through.  Deny rules mean them like everything else. */
#ifndef ACL_TUNNEL_H
#define ACL_TUNNEL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"

/* What a key has for the protocol of a tunnel inside of UDP. */
#define ACL_UDP_TUNNEL 256
#define ACL_N_PROTOCOLS 257

static inline bool
acl_is_udp_tunnel(uint16_t dport)
{
    switch (dport) {
    case 1701: /* L2TP, RFC 2661 */
    case 3544: /* Teredo, RFC 4380 */
    case 4754: /* GRE in UDP, RFC 8086 */
    case 4789: /* VXLAN, RFC 7348 */
    case 4790: /* VXLAN-GPE */
    case 6081: /* Geneve, RFC 8926 */
    case 8472: /* VXLAN before it had a port */
        return true;
    default:
        return false;
    }
}

/* Protocols by number, and ACL_UDP_TUNNEL. */
static inline bool
acl_is_tunnel(int protocol)
{
    switch (protocol) {
    case 4:   /* IPv4, RFC 2003 */
    case 41:  /* IPv6, RFC 4213 */
    case 47:  /* GRE, RFC 2784 */
    case 94:  /* IPIP */
    case 97:  /* EtherIP, RFC 3378 */
    case 115: /* L2TPv3, RFC 3931 */
    case 137: /* MPLS, RFC 4023 */
    case ACL_UDP_TUNNEL:
        return true;
    default:
        return false;
    }
}

/* The protocol of a key. */
static inline uint16_t
acl_key_protocol(uint8_t protocol, uint16_t dport)
{
    return protocol == 17 && acl_is_udp_tunnel(dport) ? ACL_UDP_TUNNEL : protocol;
}

/* Whether a rule of this protocol and these ports names a tunnel. */
static inline bool
acl_names_tunnel(int protocol, const struct acl_range *ports, size_t n)
{
    for (size_t i = 0; protocol == 17 && i < n; i++) {
        if (ports[i].lo == ports[i].hi && acl_is_udp_tunnel(ports[i].lo)) {
            return true;
        }
    }
    return acl_is_tunnel(protocol);
}

#endif
