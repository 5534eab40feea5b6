#include <config.h>

#include "telemetry/suspect.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/reasons.h"

#define INDEX_SIZE (SUSPECT_TARGETS * 2)
#define NS_A_SECOND 1000000000ull
#define ETHERTYPE_ARP 0x0806

int
suspect_init(struct suspect *s)
{
    memset(s, 0, sizeof *s);
    s->targets = calloc(SUSPECT_TARGETS, sizeof *s->targets); /* untouched pages cost nothing */
    s->index = calloc(INDEX_SIZE, sizeof *s->index);
    if (!s->targets || !s->index) {
        suspect_destroy(s);
        return ENOMEM;
    }
    s->late_only = true;
    return 0;
}

static void
target_clear(struct suspect_target *t)
{
    for (unsigned i = 0; i < t->n_rules; i++) {
        free(t->rules[i]);
    }
    free(t->more);
    free(t->port);
    free(t->user);
    memset(t, 0, sizeof *t);
}

void
suspect_destroy(struct suspect *s)
{
    for (uint32_t i = 0; i < s->n_targets; i++) {
        target_clear(&s->targets[i]);
    }
    free(s->targets);
    free(s->index);
    memset(s, 0, sizeof *s);
}

/* ---- the table ---- */

static bool
is_public(const struct acl_addr *a)
{
    static const struct {
        uint32_t net, mask;
    } inside[] = { { 0x0a000000, 0xff000000 }, { 0xac100000, 0xfff00000 },
                   { 0xc0a80000, 0xffff0000 }, { 0x64400000, 0xffc00000 },
                   { 0xa9fe0000, 0xffff0000 }, { 0x7f000000, 0xff000000 } };
    uint32_t v4 = (uint32_t) a->b[12] << 24 | a->b[13] << 16 | a->b[14] << 8 | a->b[15];

    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

    if (!acl_addr_is_v4(a)) {
        /* 2000::/3 (RFC 4291), and what stands for public IPv4, and for nothing else (RFC
         * 6052, 3.1) */
        return (a->b[0] & 0xe0) == 0x20 || !memcmp(a->b, nat64, sizeof nat64);
    }
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        if ((v4 & inside[i].mask) == inside[i].net) {
            return false;
        }
    }
    return true;
}

/* Where the address is, or would be. */
static uint16_t *
slot_of(struct suspect *s, const struct acl_addr *addr)
{
    for (uint64_t h = hll_hash(addr, 0, 0) >> 32;; h++) {
        uint16_t *slot = &s->index[h % INDEX_SIZE];

        if (!*slot || acl_addr_equals(&s->targets[*slot - 1].addr, addr)) {
            return slot;
        }
    }
}

static void
index_anew(struct suspect *s)
{
    memset(s->index, 0, INDEX_SIZE * sizeof *s->index);
    for (uint32_t i = 0; i < s->n_targets; i++) {
        *slot_of(s, &s->targets[i].addr) = (uint16_t) (i + 1);
    }
}

/* The oldest quarter of those that are no desktops goes at once, so that a flood of addresses does
 * not index anew for each; when all are desktops, the oldest quarter of all. */
static void
make_room(struct suspect *s)
{
    uint32_t n = 0, going = SUSPECT_TARGETS / 4, others = 0;
    bool spare_desktops;

    for (uint32_t i = 0; i < s->n_targets; i++) {
        others += !s->targets[i].is_desktop;
    }
    spare_desktops = others > 0;
    for (uint32_t i = 0; i < s->n_targets; i++) {
        struct suspect_target *t = &s->targets[i];

        if (going && !(spare_desktops && t->is_desktop)) {
            target_clear(t);
            s->n_forgotten++;
            going--;
        } else if (i != n++) {
            s->targets[n - 1] = *t;
            memset(t, 0, sizeof *t);
        }
    }
    s->n_targets = n;
    index_anew(s);
}

void
suspect_prune(struct suspect *s, uint32_t now_s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_targets; i++) {
        struct suspect_target *t = &s->targets[i];

        if (now_s - t->last_s > acl_window_s[ACL_24H]) {
            target_clear(t);
        } else if (i != n++) {
            s->targets[n - 1] = *t;
            memset(t, 0, sizeof *t);
        }
    }
    if (n != s->n_targets) {
        s->n_targets = n;
        index_anew(s);
    }
}

static struct suspect_target *
find_or_add(struct suspect *s, const struct acl_addr *addr, bool *added)
{
    uint16_t *slot = slot_of(s, addr);

    *added = !*slot;
    if (!*slot) {
        if (s->n_targets == SUSPECT_TARGETS) {
            make_room(s);
            slot = slot_of(s, addr);
        }
        s->targets[s->n_targets].addr = *addr;
        s->targets[s->n_targets].is_public = is_public(addr);
        *slot = (uint16_t) ++s->n_targets;
    }
    return &s->targets[*slot - 1];
}

/* ---- an attempt ---- */

uint32_t
suspect_service(const struct drop_record *r)
{
    if (r->ethertype == ETHERTYPE_ARP) {
        return SERVICE_ARP;
    }
    return r->reason == DROP_PROBE ? SERVICE_ND : (uint32_t) r->protocol << 16 | r->dport;
}

static bool
service_covers(const struct acl_service *s, const struct drop_record *r)
{
    if (s->protocol != ACL_PROTO_ANY && s->protocol != r->protocol) {
        return false;
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        if (r->dport >= s->ports[i].lo && r->dport <= s->ports[i].hi) {
            return true;
        }
    }
    return !s->n_ports;
}

/* The exclusion that covers it, or -1.  ARP comes before whatever follows, and is of no service. */
static int
exclusion_of(const struct acl_detection *d, const struct drop_record *r)
{
    for (size_t i = 0; i < d->n_exclusions && r->reason != DROP_PROBE; i++) {
        const struct acl_exclusion *e = &d->exclusions[i];

        for (size_t j = 0; j < e->n_services; j++) {
            if (service_covers(&e->services[j], r) && !(e->public_only && !is_public(&r->dst))) {
                return (int) i;
            }
        }
    }
    return -1;
}

static bool
is_desktop_elsewhere(const struct suspect_rules *rules, const struct acl_addr *addr)
{
    size_t lo = 0, hi = rules->n_desktops;

    while (lo < hi) { /* the last one that begins at or before it */
        size_t mid = (lo + hi) / 2;

        if (memcmp(&rules->desktops[mid].addr, addr, sizeof *addr) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo && acl_prefix_contains(&rules->desktops[lo - 1], addr);
}

static void
keep_text(char **to, const char *text)
{
    if (!*to && *text) {
        *to = strdup(text);
    }
}

static bool
add_rule(struct suspect_target *t, const char *rule)
{
    for (unsigned i = 0; i < t->n_rules; i++) {
        if (!strcmp(t->rules[i], rule)) {
            return false;
        }
    }
    if (!*rule || t->n_rules == SUSPECT_RULES || !(t->rules[t->n_rules] = strdup(rule))) {
        return false;
    }
    t->n_rules++;
    return true;
}

/* Whether it is new.  Beyond what is listed, a sketch says so, and misses some. */
static bool
add_service(struct suspect_target *t, uint32_t service, uint32_t packets)
{
    static const struct acl_addr nobody;
    struct hll before;

    for (unsigned i = 0; i < t->n_services; i++) {
        if (t->services[i] == service) {
            t->service_packets[i] += packets;
            return false;
        }
    }
    if (t->n_services < SUSPECT_SERVICES) {
        t->service_packets[t->n_services] = packets;
        t->services[t->n_services++] = service;
        return true;
    }
    if (!t->more && !(t->more = calloc(1, sizeof *t->more))) {
        return false;
    }
    before = *t->more;
    hll_add(t->more, hll_hash(&nobody, service, 0));
    if (!memcmp(&before, t->more, sizeof before)) {
        return false;
    }
    t->more_count = (uint32_t) hll_count(t->more);
    return true;
}

uint32_t
suspect_target_services(const struct suspect_target *t)
{
    return t->n_services + t->more_count;
}

static void
count_port(struct suspect_target *t, uint32_t now_s)
{
    for (int w = 0; w < ACL_N_WINDOWS; w++) {
        if (!t->ports[w].n || now_s - t->ports[w].since_s >= acl_window_s[w]) {
            t->ports[w].since_s = now_s;
            t->ports[w].n = 0;
        }
        t->ports[w].n++;
    }
}

static bool
is_port(uint32_t service)
{
    return service >> 16 == IPPROTO_TCP || service >> 16 == IPPROTO_UDP;
}

/* A denied attempt at another desktop that the policy calls an incident is one. */
static bool
opens(const struct suspect_target *t, const struct drop_record *r, int exclusion)
{
    return t->is_desktop && exclusion < 0 && r->reason != DROP_PROBE && r->log == ACL_LOG_INCIDENT;
}

bool
suspect_add(struct suspect *s, const struct suspect_rules *rules, const struct drop_record *r,
            const struct drop_names *names, bool at_desktop)
{
    int exclusion = exclusion_of(rules->detection, r);
    uint32_t now_s = (uint32_t) (r->mono_ns / NS_A_SECOND), service = suspect_service(r);
    bool news, is_new, probe = r->reason == DROP_PROBE;
    bool is_desktop = at_desktop || is_desktop_elsewhere(rules, &r->dst);
    struct suspect_target *t;

    if (r->attempt == DROP_LATE && !is_desktop) {
        return false;
    }
    t = find_or_add(s, &r->dst, &news);
    if (news) {
        t->first_us = (int64_t) (r->wall_ns / 1000);
        t->first_s = now_s;
        t->is_desktop = is_desktop;
        keep_text(&t->port, at_desktop ? names->peer_port : "");
        keep_text(&t->user, at_desktop ? names->peer_user : "");
    }
    /* What is seen again after it has left every window is news to them. */
    news |= now_s - t->last_s >= acl_window_s[ACL_10S];
    t->last_us = (int64_t) (r->wall_ns / 1000);
    t->last_s = now_s;
    t->packets += r->count;
    s->packets += r->count;
    is_new = add_service(t, service, r->count);
    if (is_new && is_port(service) && exclusion < 0) {
        count_port(t, now_s);
    }
    news |= is_new | add_rule(t, *names->rule ? names->rule : drop_reason_name(r->reason));
    if (probe) {
        s->probe_due_s = now_s + SUSPECT_PROBE_S;
    } else {
        news |= !t->counts && exclusion < 0;
        t->counts |= exclusion < 0;
        t->tried = true;
    }
    t->exclusion = exclusion < 0 ? 0 : (uint8_t) exclusion;
    if (opens(t, r, exclusion)) {
        news |= !s->opens || (s->late_only && r->attempt == DROP_ATTEMPT);
        s->opens = true;
        s->late_only &= r->attempt != DROP_ATTEMPT;
    }
    return news;
}

struct suspect_target *
suspect_restore(struct suspect *s, const struct acl_addr *addr, bool is_desktop, uint32_t s_ago,
                uint32_t now_s)
{
    bool added;
    struct suspect_target *t = find_or_add(s, addr, &added);

    t->is_desktop = is_desktop;
    t->counts = t->tried = true;
    t->first_s = t->last_s = now_s - (s_ago < now_s ? s_ago : now_s);
    return t;
}
