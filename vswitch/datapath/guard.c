#include <config.h>

#include "datapath/guard.h"

#include <netinet/in.h>

#include "datapath/dhcp.h"
#include "datapath/fdb.h"

/* Types of ICMPv6. */
#define MLD_REPORT 131
#define MLD_DONE 132
#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOR_SOLICIT 135
#define ND_REDIRECT 137
#define MLD_V2_REPORT 143

bool
guard_is_bound(const struct port_leaf *leaf, const struct acl_addr *a)
{
    for (uint16_t i = 0; i < leaf->n_addrs; i++) {
        if (acl_addr_equals(&leaf->addrs[i], a)) {
            return true;
        }
    }
    return false;
}

static bool
is_unspecified(const struct acl_addr *a)
{
    return !a->q[0] && (!a->q[1] || a->q[1] == acl_addr_from_v4(0).q[1]);
}

/* Router solicitation and DAD (RFC 4861, 4.1 and 4.3), MLD reports and done (RFC 3590, 4). */
static bool
is_without_address(uint8_t icmpv6_type)
{
    return icmpv6_type == ND_ROUTER_SOLICIT || icmpv6_type == ND_NEIGHBOR_SOLICIT ||
           icmpv6_type == MLD_REPORT || icmpv6_type == MLD_DONE || icmpv6_type == MLD_V2_REPORT;
}

/* Who has no address yet may ask for one: DHCP discovery, DAD and MLD from ::, IGMP from 0.0.0.0
 * (RFC 3376, 4.2.13). */
static bool
may_lack_address(const struct pkt *p)
{
    if (p->flags & PKT_V6) {
        return p->protocol == IPPROTO_ICMPV6 && is_without_address(p->icmp >> 8);
    }
    return p->protocol == IPPROTO_IGMP ||
           (p->protocol == IPPROTO_UDP && p->sport == DHCP_CLIENT && p->dport == DHCP_SERVER);
}

static enum drop_reason
check_desktop(const struct port_leaf *from, const struct pkt *p)
{
    if (p->smac != from->mac) {
        return DROP_SPOOF_MAC;
    }
    if (!(p->flags & PKT_IP)) {
        return DROP_NONE;
    }
    if (!guard_is_bound(from, &p->src) && !(is_unspecified(&p->src) && may_lack_address(p))) {
        return DROP_SPOOF_IP;
    }
    if (p->flags & PKT_DHCP && dhcp_is_reply(p)) {
        return DROP_DHCP_SERVER;
    }
    uint8_t type = p->icmp >> 8;
    if (p->protocol == IPPROTO_ICMPV6 && (type == ND_ROUTER_ADVERT || type == ND_REDIRECT)) {
        return DROP_RA;
    }
    return DROP_NONE;
}

bool
guard_is_desktop_mac(const struct worker *w, uint64_t mac, uint16_t vlan)
{
    uint16_t owner = fdb_lookup(mac, vlan);
    const struct port_leaf *leaf = owner == DP_PORT_NONE ? NULL : w->snapshot->ports[owner];

    return leaf && leaf->role == PORT_DESKTOP;
}

static enum drop_reason
check_uplink(const struct worker *w, const struct pkt *p)
{
    if (p->vlan == VLAN_NONE) {
        return DROP_VLAN;
    }
    return p->smac >> 40 & 1 || guard_is_desktop_mac(w, p->smac, p->vlan) ? DROP_SPOOF_MAC
                                                                          : DROP_NONE;
}

enum drop_reason
guard_check(const struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    return from->role == PORT_DESKTOP ? check_desktop(from, p) : check_uplink(w, p);
}
