#include <config.h>

#include "acl/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/hash.h"

void
acl_flows_destroy(struct acl_flows *flows)
{
    free(flows->v);
    free(flows->buckets);
    *flows = (struct acl_flows){ .n = 0 };
}

static bool
is_desktop(const struct acl_site *site, uint32_t port)
{
    return port < site->n_ports && site->ports[port].is_desktop;
}

/* ---- which flow it is ---- */

/* The record of a packet that answers names the answerer twice, or blames an uplink for what a
 * desktop opened. */
static bool
is_answer(const struct acl_site *site, const struct acl_sighting *s)
{
    return s->port == s->peer_port || (s->direction == ACL_EGRESS && !is_desktop(site, s->port));
}

/* What ICMP answers are to is an echo: errors are no connections. */
static uint16_t
asked_service(const struct acl_sighting *s)
{
    return s->protocol == IPPROTO_ICMP     ? 8 << 8
           : s->protocol == IPPROTO_ICMPV6 ? 128 << 8
                                           : s->sport;
}

static struct acl_flow
flow_of(const struct acl_site *site, const struct acl_sighting *s)
{
    struct acl_flow flow = { .from = s->port,
                             .to = s->peer_port,
                             .src = s->src,
                             .dst = s->dst,
                             .protocol = s->protocol,
                             .service = s->service };

    if (is_answer(site, s)) {
        flow.from = acl_site_desktop(site, &s->dst, s->vlan);
        flow.to = s->port;
        flow.src = s->dst;
        flow.dst = s->src;
        flow.service = asked_service(s);
    }
    return flow;
}

/* ---- all of them ---- */

static uint64_t
hash_flow(const struct acl_flow *f)
{
    uint64_t h = acl_hash_mix((uint64_t) f->from << 32 | f->to, f->src.q[0]);

    h = acl_hash_mix(h, f->src.q[1]);
    h = acl_hash_mix(h, f->dst.q[0]);
    h = acl_hash_mix(h, f->dst.q[1]);
    return acl_hash_mix(h, (uint64_t) f->protocol << 16 | f->service);
}

static bool
same(const struct acl_flow *a, const struct acl_flow *b)
{
    return a->from == b->from && a->to == b->to && acl_addr_equals(&a->src, &b->src) &&
           acl_addr_equals(&a->dst, &b->dst) && a->protocol == b->protocol &&
           a->service == b->service;
}

static uint32_t *
find(struct acl_flows *flows, const struct acl_flow *f)
{
    size_t i = hash_flow(f) & (flows->n_buckets - 1);

    while (flows->buckets[i] && !same(&flows->v[flows->buckets[i] - 1], f)) {
        i = (i + 1) & (flows->n_buckets - 1);
    }
    return &flows->buckets[i];
}

static bool
grow(struct acl_flows *flows)
{
    size_t allocated = flows->allocated ? 2 * flows->allocated : 256;
    struct acl_flow *v = reallocarray(flows->v, allocated, sizeof *v);
    uint32_t *buckets;

    if (!v) {
        return false;
    }
    flows->v = v;
    buckets = calloc(2 * allocated, sizeof *buckets);
    if (!buckets) {
        return false;
    }
    free(flows->buckets);
    flows->buckets = buckets;
    flows->n_buckets = 2 * allocated;
    flows->allocated = allocated;
    for (size_t i = 0; i < flows->n; i++) {
        *find(flows, &v[i]) = (uint32_t) i + 1;
    }
    return true;
}

int
acl_flows_add(struct acl_flows *flows, const struct acl_site *site, const struct acl_sighting *s)
{
    struct acl_flow f = flow_of(site, s), *flow;
    uint32_t *bucket;

    flows->records++;
    flows->packets += s->packets;
    if (s->port == ACL_PORT_GONE || s->peer_port == ACL_PORT_GONE) {
        flows->gone++;
        return 0;
    }
    if (!is_desktop(site, f.from) && !is_desktop(site, f.to)) {
        flows->unknown++;
        return 0;
    }
    if (flows->n == flows->allocated && !grow(flows)) {
        return ENOMEM;
    }
    bucket = find(flows, &f);
    if (!*bucket && flows->n == ACL_FLOWS_MAX) {
        flows->too_many++;
        return 0;
    }
    if (!*bucket) {
        f.first_s = f.last_s = s->time_s;
        flows->v[flows->n++] = f;
        *bucket = (uint32_t) flows->n;
    }
    flow = &flows->v[*bucket - 1];
    flow->packets[s->direction] += s->packets;
    flow->first_s = s->time_s < flow->first_s ? s->time_s : flow->first_s;
    flow->last_s = s->time_s > flow->last_s ? s->time_s : flow->last_s;
    return 0;
}
