#include <config.h>

#include "datapath/snoop.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "datapath/capture.h"
#include "datapath/flood.h"
#include "datapath/record.h"
#include "datapath/snoop_parse.h"

bool
snoop_is_membership(const struct pkt *p)
{
    uint8_t type = p->icmp >> 8;

    return p->protocol == IPPROTO_IGMP ||
           (p->protocol == IPPROTO_ICMPV6 &&
            ((type >= 130 && type <= 132) || type == 143)); /* RFC 2710, 3810 */
}

/* RFC 4541, 2.1.2 (2): hosts need not report these, so whoever wants them gets them unasked.  Over
 * IPv6 they do (section 3), but not all do, and neighbour discovery rests on it. */
static bool
is_of_link(const struct acl_addr *a)
{
    return acl_addr_is_v4(a) ? a->b[12] == 224 && !a->b[13] && !a->b[14]
                             : a->b[0] == 0xff && (a->b[1] & 0xf) == 2;
}

bool
snoop_is_for_members(struct worker *w, const struct pkt *p)
{
    if (!(p->flags & PKT_IP) || !snoop_is_group(&p->dst) || is_of_link(&p->dst)) {
        return false;
    }
    mcast_members(&p->dst, p->vlan, &w->members);
    return true;
}

bool
snoop_wants(const struct worker *w, const struct port_leaf *to)
{
    return to->role == PORT_UPLINK || mcast_set_has(&w->members, to->id);
}

/* ---- IGMP and MLD ---- */

static bool
to_known_routers(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
                 const struct pkt *p, struct judgement *j)
{
    return flood_to_uplinks(w, from, to, p, j) && mcast_set_has(&w->members, to->id);
}

static void
pass(struct worker *w, const struct port_leaf *from, struct pkt *p, flood_filter *filter)
{
    if (!flood(w, from, p, filter)) {
        page_of(w, from)->consumed++;
        if (unlikely(from->capture)) {
            capture_taken(w, from, p, CAPTURED_CONSUMED);
        }
        rte_pktmbuf_free(p->m);
        p->m = NULL;
    }
}

static void
learn(struct worker *w, const struct port_leaf *from, const struct pkt *p, struct snoop_message *s)
{
    enum snoop_change change;
    struct acl_addr group;

    while (snoop_next(s, &group, &change)) {
        if (is_of_link(&group)) {
            continue;
        }
        if (change == SNOOP_JOIN) {
            page_of(w, from)->groups_refused +=
                !mcast_join(w->index, &group, p->vlan, from->id, w->now_s);
        } else if (change == SNOOP_LEAVE) {
            mcast_leave(w->index, &group, p->vlan, from->id);
        }
    }
}

/* Whoever asks without an address is no router, but a switch that stands in for one (RFC 4541,
 * 2.1.1). */
static bool
is_router(const struct pkt *p)
{
    return p->flags & PKT_V6 || p->src.w[3];
}

static enum drop_reason
check(const struct port_leaf *from, const struct pkt *p, struct snoop_message *s)
{
    enum drop_reason reason = snoop_parse(p, s);

    if (from->quarantined) {
        return DROP_QUARANTINE;
    }
    if (reason == DROP_NONE && from->role == PORT_DESKTOP && s->kind != SNOOP_REPORT) {
        return DROP_MCAST_QUERY;
    }
    return reason;
}

enum drop_reason
snoop_decide(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             struct snoop_message *s, flood_filter **filter)
{
    enum drop_reason reason = check(from, p, s);

    *filter = flood_to_uplinks;
    if (reason == DROP_NONE && s->kind == SNOOP_QUERY) {
        *filter = flood_to_all;
    } else if (reason == DROP_NONE && s->kind == SNOOP_REPORT &&
               mcast_members(&mcast_routers, p->vlan, &w->members)) {
        *filter = to_known_routers;
    }
    return reason;
}

void
snoop_input(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct snoop_message s;
    flood_filter *filter;

    p->reason = snoop_decide(w, from, p, &s, &filter);
    if (p->reason != DROP_NONE) {
        record_guard_drop(w, from, p);
        return;
    }
    if (s.kind == SNOOP_REPORT && from->role == PORT_DESKTOP) {
        learn(w, from, p, &s);
    } else if (s.kind == SNOOP_QUERY && is_router(p)) {
        mcast_join(w->index, &mcast_routers, p->vlan, from->id, w->now_s);
    }
    pass(w, from, p, filter);
}
