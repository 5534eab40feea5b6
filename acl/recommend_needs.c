/* What the desktops of the flows would have to be allowed, as the policy is now. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/recommend_priv.h"

static bool
has_desktops(const struct acl_policy *policy, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (policy->groups[groups[i]].has_ports) {
            return true;
        }
    }
    return false;
}

static void
mark_sets(struct acl_recommender *r, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n && has_desktops(r->policy, groups, n); i++) {
        r->kin[groups[i]] |= r->policy->groups[groups[i]].is_set;
    }
}

/* Address sets that somebody has named in one breath with desktops. */
static bool
find_kin(struct acl_recommender *r)
{
    const struct acl_policy *policy = r->policy;

    r->kin = calloc(policy->n_groups + 1, sizeof *r->kin);
    for (size_t i = 0; r->kin && i < policy->n_groups; i++) {
        const struct acl_selector *in = &policy->groups[i].in;

        mark_sets(r, in->groups, in->n_groups);
        for (size_t j = 0; j < in->n_groups && in->n_labels; j++) {
            r->kin[in->groups[j]] |= policy->groups[in->groups[j]].is_set;
        }
    }
    for (size_t i = 0; r->kin && i < policy->n_rules; i++) {
        mark_sets(r, policy->rules[i].peers, policy->rules[i].n_peers);
    }
    return r->kin != NULL;
}

/* Whether the peer of this desktop is one. */
static bool
is_desktop(const struct acl_recommender *r, uint32_t port, uint32_t peer_port,
           const struct acl_addr *peer)
{
    const struct acl_site *site = r->facts->site;
    size_t n;
    const uint32_t *groups = acl_trial_groups(&r->trial, port, peer, &n);

    if (peer_port < site->n_ports && site->ports[peer_port].is_desktop) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (r->kin[groups[i]]) {
            return true;
        }
    }
    return acl_site_desktop(site, peer, site->ports[port].vlan) != ACL_NO_PORT;
}

static int
add_need(struct acl_recommender *r, const struct acl_need *need)
{
    if (r->n_needs == r->needs_allocated) {
        size_t allocated = r->needs_allocated ? 2 * r->needs_allocated : 256;
        struct acl_need *needs = reallocarray(r->needs, allocated, sizeof *needs);

        if (!needs) {
            return ENOMEM;
        }
        r->needs = needs;
        r->needs_allocated = allocated;
    }
    r->needs[r->n_needs++] = *need;
    return 0;
}

/* The part of a flow that is up to the table of one of its ends.  False: nothing is needed there.
 */
static bool
make_need(const struct acl_recommender *r, const struct acl_flow *f, enum acl_direction direction,
          struct acl_need *need)
{
    uint32_t port = direction == ACL_EGRESS ? f->from : f->to;
    uint32_t peer_port = direction == ACL_EGRESS ? f->to : f->from;
    struct acl_trial_query q = { .port = port,
                                 .direction = direction,
                                 .peer = direction == ACL_EGRESS ? f->dst : f->src,
                                 .protocol = f->protocol,
                                 .service = f->service };

    *need = (struct acl_need){ .port = port,
                               .direction = direction,
                               .tier = ACL_APPLICATION,
                               .peer = q.peer,
                               .protocol = f->protocol,
                               .service = f->service,
                               .n_flows = 1,
                               .packets = f->packets[direction],
                               .other_packets = f->packets[!direction],
                               .first_s = f->first_s,
                               .last_s = f->last_s };
    if (port >= r->facts->site->n_ports || !r->facts->site->ports[port].is_desktop ||
        acl_trial_allows(&r->trial, &q, &need->rule)) {
        return false;
    }
    need->desktops = is_desktop(r, port, peer_port, &need->peer);
    if (need->rule != ACL_RULE_DEFAULT) {
        need->tier = r->policy->rules[need->rule].tier;
    }
    return true;
}

static int
compare_addrs(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct acl_addr));
}

#define COMPARE(X, Y)                                                                              \
    if ((X) != (Y)) {                                                                              \
        return (X) > (Y) ? 1 : -1;                                                                 \
    }

/* What goes into one cover comes together, and what is the same need. */
static int
compare_needs(const void *a_, const void *b_)
{
    const struct acl_need *a = a_, *b = b_;
    int order = memcmp(&a->peer, &b->peer, sizeof a->peer);

    COMPARE(a->desktops, b->desktops);
    COMPARE(a->tier, b->tier);
    COMPARE(a->direction, b->direction);
    COMPARE(a->port, b->port);
    if (order) {
        return order;
    }
    COMPARE(a->protocol, b->protocol);
    COMPARE(a->service, b->service);
    return 0;
}

static void
merge(struct acl_need *to, const struct acl_need *more)
{
    to->n_flows += more->n_flows;
    to->packets += more->packets;
    to->other_packets += more->other_packets;
    to->first_s = more->first_s < to->first_s ? more->first_s : to->first_s;
    to->last_s = more->last_s > to->last_s ? more->last_s : to->last_s;
}

static void
merge_all(struct acl_recommender *r)
{
    size_t n = 0;

    qsort(r->needs, r->n_needs, sizeof *r->needs, compare_needs);
    for (size_t i = 0; i < r->n_needs; i++) {
        if (n && !compare_needs(&r->needs[n - 1], &r->needs[i])) {
            merge(&r->needs[n - 1], &r->needs[i]);
        } else {
            r->needs[n++] = r->needs[i];
        }
    }
    r->n_needs = n;
}

static int
number_peers(struct acl_recommender *r)
{
    size_t n = 0;

    r->peers = malloc((r->n_needs + 1) * sizeof *r->peers);
    if (!r->peers) {
        return ENOMEM;
    }
    for (size_t i = 0; i < r->n_needs; i++) {
        r->peers[i] = r->needs[i].peer;
    }
    qsort(r->peers, r->n_needs, sizeof *r->peers, compare_addrs);
    for (size_t i = 0; i < r->n_needs; i++) {
        if (!n || compare_addrs(&r->peers[n - 1], &r->peers[i])) {
            r->peers[n++] = r->peers[i];
        }
    }
    r->n_peers = n;
    for (size_t i = 0; i < r->n_needs; i++) {
        const struct acl_addr *p =
            bsearch(&r->needs[i].peer, r->peers, n, sizeof *r->peers, compare_addrs);

        r->needs[i].peer_id = (uint32_t) (p - r->peers);
    }
    return 0;
}

static struct acl_need *
find(const struct acl_recommender *r, struct acl_need need, bool desktops)
{
    need.desktops = desktops;
    return bsearch(&need, r->needs, r->n_needs, sizeof *r->needs, compare_needs);
}

/* One address may be spoken to as a desktop's and as that of nobody in particular (0.0.0.0, say):
 * then it is a desktop's, for one rule would allow both. */
static void
spread_desktops(struct acl_recommender *r)
{
    for (size_t i = 0; i < r->n_needs; i++) {
        struct acl_need *twin = r->needs[i].desktops ? NULL : find(r, r->needs[i], true);

        r->needs[i].rule_id = twin != NULL; /* the order has to hold until all are looked for */
    }
    for (size_t i = 0; i < r->n_needs; i++) {
        r->needs[i].desktops |= r->needs[i].rule_id;
        r->needs[i].rule_id = 0;
    }
    merge_all(r);
}

struct acl_need *
acl_recommend_find(const struct acl_recommender *r, const struct acl_flow *f,
                   enum acl_direction direction)
{
    struct acl_need need, *found;

    if (!make_need(r, f, direction, &need)) {
        return NULL;
    }
    found = find(r, need, true);
    return found ? found : find(r, need, false);
}

int
acl_recommend_needs(struct acl_recommender *r)
{
    const struct acl_flows *flows = r->facts->flows;
    struct acl_need need;

    if (!find_kin(r)) {
        return ENOMEM;
    }
    for (size_t i = 0; i < flows->n; i++) {
        for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
            if (make_need(r, &flows->v[i], (enum acl_direction) d, &need) && add_need(r, &need)) {
                return ENOMEM;
            }
        }
    }
    if (r->n_needs) {
        merge_all(r);
        spread_desktops(r);
    }
    return number_peers(r);
}
