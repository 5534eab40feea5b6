#include <config.h>

#include "control/sights.h"

#include <inttypes.h>
#include <stdlib.h>

#include "control/site.h"
#include "packets.h"
#include "telemetry/reasons.h"
#include "util.h"

/* Totals, as the stream says them. */
struct unsaid {
    uint64_t last, before; /* of the present account, and of those under the same name before it */
};

void
sights_init(struct sights *s, const struct acl_site *site, bool drops)
{
    *s = (struct sights){ .site = site, .drops = drops };
    shash_init(&s->unsaid);
}

void
sights_destroy(struct sights *s)
{
    acl_flows_destroy(&s->flows);
    shash_destroy_free_data(&s->unsaid);
}

static bool
is_of_interest(const struct sights *s, unsigned reason)
{
    switch (reason) {
    case DROP_AUDIT:
        return true;
    case DROP_EGRESS_RULE:
    case DROP_EGRESS_DEFAULT:
    case DROP_INGRESS_RULE:
    case DROP_INGRESS_DEFAULT:
        return s->drops;
    default:
        return false;
    }
}

static int
add_record(struct sights *s, const struct drop_event *e)
{
    const struct drop_record *r = &e->record;
    struct acl_sighting sighting = {
        .port = site_find(s->site, e->port),
        .peer_port = site_find(s->site, e->peer_port),
        .src = r->src,
        .dst = r->dst,
        .vlan = r->vlan,
        .protocol = r->protocol,
        .sport = r->sport,
        .service = r->dport,
        .direction = r->direction == ACL_INGRESS ? ACL_INGRESS : ACL_EGRESS,
        .packets = r->count,
        .time_s = (int64_t) (r->wall_ns / UINT64_C(1000000000)),
    };

    if (r->ethertype != ETH_TYPE_IP && r->ethertype != ETH_TYPE_IPV6) {
        return 0;
    }
    return acl_flows_add(&s->flows, s->site, &sighting);
}

/* Totals begin anew when a port of the same name comes again. */
static void
add_unsaid(struct sights *s, uint64_t epoch, const struct drop_event *e)
{
    char *key = xasprintf("%" PRIu64 "/%u/%s", epoch, e->unsaid.reason, e->port);
    struct unsaid *u = shash_find_data(&s->unsaid, key);
    uint64_t now = e->unsaid.suppressed + e->unsaid.lost;

    if (!u) {
        u = xzalloc(sizeof *u);
        shash_add(&s->unsaid, key, u);
    }
    if (now < u->last) {
        u->before += u->last;
    }
    u->last = now;
    free(key);
}

int
sights_add(struct sights *s, uint64_t epoch, const struct drop_event *e)
{
    switch (e->type) {
    case DROP_EVENT_RECORD:
        return is_of_interest(s, e->record.reason) ? add_record(s, e) : 0;
    case DROP_EVENT_UNSAID:
        if (is_of_interest(s, e->unsaid.reason)) {
            add_unsaid(s, epoch, e);
        }
        return 0;
    case DROP_EVENT_CORRECTION:
        return 0;
    case DROP_EVENT_GAP:
    default:
        s->gaps++;
        return 0;
    }
}

uint64_t
sights_unrecorded(const struct sights *s)
{
    struct shash_node *node;
    uint64_t n = 0;

    SHASH_FOR_EACH (node, &s->unsaid) {
        const struct unsaid *u = node->data;

        n += u->last + u->before;
    }
    return n;
}
