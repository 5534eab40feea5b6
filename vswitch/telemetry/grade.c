/* How bad it is: suspect_grade(). */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "telemetry/suspect.h"

#define MAX_NETWORKS 256
#define MAX_SERVICES 32

static const enum grounds_kind sort_grounds[ACL_N_TARGET_SORTS] = {
    [ACL_DESKTOPS] = GROUNDS_DESKTOPS,
    [ACL_ADDRESSES] = GROUNDS_ADDRESSES,
    [ACL_PUBLIC] = GROUNDS_PUBLIC,
};

static bool
within(const struct suspect_target *t, uint32_t now_s, enum acl_window w)
{
    return now_s - t->last_s <= acl_window_s[w];
}

/* Whether each exclusion has had more targets in 5 minutes than it is good for. */
static void
find_exceeded(const struct suspect *s, const struct acl_detection *d, uint32_t now_s,
              bool exceeded[ACL_MAX_EXCLUSIONS])
{
    uint32_t n[ACL_MAX_EXCLUSIONS] = { 0 };

    for (uint32_t i = 0; i < s->n_targets; i++) {
        const struct suspect_target *t = &s->targets[i];

        n[t->exclusion] += t->tried && !t->counts && within(t, now_s, ACL_5MIN);
    }
    for (size_t i = 0; i < d->n_exclusions; i++) {
        exceeded[i] = n[i] > d->exclusions[i].up_to;
    }
}

struct view {
    const struct suspect *s;
    const struct acl_detection *d;
    uint32_t now_s;
    bool exceeded[ACL_MAX_EXCLUSIONS];
};

static bool
counts(const struct view *v, const struct suspect_target *t)
{
    if (!t->tried) {
        return v->now_s - t->first_s >= SUSPECT_PROBE_S;
    }
    return t->counts || v->exceeded[t->exclusion];
}

static bool
reaches(uint32_t n, uint32_t threshold)
{
    return threshold && n >= threshold;
}

static enum acl_target_sort
sort_of(const struct suspect_target *t)
{
    if (t->is_desktop) {
        return ACL_DESKTOPS;
    }
    return t->is_public ? ACL_PUBLIC : ACL_ADDRESSES;
}

/* ---- sweeps ---- */

/* Many targets within a window.  The window, or -1; '*n' of what 'sort' says. */
static int
sweep_window(const struct view *v, enum acl_target_sort sort, uint32_t *n)
{
    for (int w = 0; w < ACL_N_WINDOWS; w++) {
        uint32_t threshold = v->d->sweep[sort][w];

        *n = 0;
        for (uint32_t i = 0; i < v->s->n_targets; i++) {
            const struct suspect_target *t = &v->s->targets[i];

            /* Desktops are addresses, too. */
            *n += (sort_of(t) == sort || (t->is_desktop && sort == ACL_ADDRESSES)) &&
                  counts(v, t) && within(t, v->now_s, (enum acl_window) w);
        }
        if (reaches(*n, threshold)) {
            return w;
        }
    }
    return -1;
}

/* ---- worms ---- */

static uint64_t
network_of(const struct acl_addr *a)
{
    return acl_addr_is_v4(a) ? (uint64_t) a->b[12] << 16 | a->b[13] << 8 | a->b[14] : a->q[0];
}

static bool
has_service(const struct suspect_target *t, uint32_t service)
{
    for (unsigned i = 0; i < t->n_services; i++) {
        if (t->services[i] == service) {
            return true;
        }
    }
    return false;
}

/* The service that most targets were tried for, ARP and ND aside. */
static uint32_t
main_service(const struct view *v, enum acl_window w)
{
    struct {
        uint32_t service, n;
    } seen[MAX_SERVICES];
    unsigned n_seen = 0, best = 0;

    for (uint32_t i = 0; i < v->s->n_targets; i++) {
        const struct suspect_target *t = &v->s->targets[i];

        for (unsigned j = 0; j < t->n_services && counts(v, t) && within(t, v->now_s, w); j++) {
            unsigned k = 0;

            while (k < n_seen && seen[k].service != t->services[j]) {
                k++;
            }
            if (t->services[j] >= SERVICE_ARP || k == MAX_SERVICES) {
                continue;
            }
            if (k == n_seen) {
                seen[n_seen].service = t->services[j];
                seen[n_seen++].n = 0;
            }
            seen[k].n++;
            best = seen[k].n > seen[best].n ? k : best;
        }
    }
    return n_seen ? seen[best].service : SERVICE_ARP;
}

/* Targets of that service, how many of them are public, and the networks that they lie in, up to
 * MAX_NETWORKS. */
static void
count_networks(const struct view *v, enum acl_window w, uint32_t service, uint32_t *n_targets,
               uint32_t *n_public, uint32_t *n_networks)
{
    uint64_t networks[MAX_NETWORKS];

    *n_targets = *n_public = *n_networks = 0;
    for (uint32_t i = 0; i < v->s->n_targets && *n_networks < MAX_NETWORKS; i++) {
        const struct suspect_target *t = &v->s->targets[i];
        uint32_t k = 0;

        if (!counts(v, t) || !within(t, v->now_s, w) || !has_service(t, service)) {
            continue;
        }
        ++*n_targets;
        *n_public += sort_of(t) == ACL_PUBLIC;
        while (k < *n_networks && networks[k] != network_of(&t->addr)) {
            k++;
        }
        if (k == *n_networks) {
            networks[(*n_networks)++] = network_of(&t->addr);
        }
    }
}

/* One service, and targets that are scattered: a sweep goes through a network, address by address,
 * what spreads by chance meets a new network nearly every time. */
static bool
is_worm(const struct view *v, enum acl_window w, uint32_t *n_targets, uint32_t *n_networks)
{
    uint32_t service = main_service(v, w), n_public;

    if (service == SERVICE_ARP || !v->d->worm_networks) {
        return false;
    }
    count_networks(v, w, service, n_targets, &n_public, n_networks);
    return *n_networks >= v->d->worm_networks && *n_networks * 2 >= *n_targets &&
           (reaches(*n_targets - n_public, v->d->sweep[ACL_ADDRESSES][w]) ||
            reaches(n_public, v->d->sweep[ACL_PUBLIC][w]));
}

/* ---- port scans ---- */

static const struct suspect_target *
find_scanned(const struct view *v, uint32_t *n, int *window)
{
    for (uint32_t i = 0; i < v->s->n_targets; i++) {
        const struct suspect_target *t = &v->s->targets[i];
        const uint32_t *threshold = v->d->port_scan[sort_of(t)];

        for (int w = 0; w < ACL_N_WINDOWS; w++) {
            if (reaches(t->ports[w].n, threshold[w]) &&
                v->now_s - t->ports[w].since_s <= acl_window_s[w]) {
                *n = t->ports[w].n;
                *window = w;
                return t;
            }
        }
    }
    return NULL;
}

/* ---- all of it ---- */

static void
grade(struct suspect_grade *g, enum suspect_kind kind, enum acl_threat severity)
{
    g->kind = kind;
    g->severity = severity;
}

static void
grade_probe(const struct view *v, struct suspect_grade *g)
{
    if (v->s->opens) {
        grade(g, SUSPECT_PROBE, v->s->late_only ? ACL_THREAT_LOW : ACL_THREAT_MEDIUM);
        g->grounds.kind = GROUNDS_PROBE;
    }
}

void
suspect_grade(const struct suspect *s, const struct suspect_rules *rules, uint32_t now_s,
              struct suspect_grade *g)
{
    struct view v = { .s = s, .d = rules->detection, .now_s = now_s };
    uint32_t n = 0, networks = 0;
    int w;

    memset(g, 0, sizeof *g);
    find_exceeded(s, v.d, now_s, v.exceeded);
    grade_probe(&v, g);
    for (int sort = 0; sort < ACL_N_TARGET_SORTS; sort++) {
        w = sweep_window(&v, (enum acl_target_sort) sort, &n);
        if (w >= 0) {
            grade(g, SUSPECT_SWEEP, ACL_THREAT_HIGH);
            g->grounds = (struct suspect_grounds){
                .kind = sort_grounds[sort],
                .count = n,
                .within_s = acl_window_s[w],
            };
            break;
        }
    }
    if (find_scanned(&v, &n, &w)) {
        grade(g, SUSPECT_PORT_SCAN, ACL_THREAT_HIGH);
        g->grounds = (struct suspect_grounds){ .kind = GROUNDS_PORTS,
                                               .count = n,
                                               .within_s = acl_window_s[w] };
    }
    for (w = 0; w < ACL_N_WINDOWS; w++) {
        if (is_worm(&v, (enum acl_window) w, &n, &networks)) {
            grade(g, SUSPECT_WORM, ACL_THREAT_CRITICAL);
            g->grounds = (struct suspect_grounds){ .kind = GROUNDS_SERVICE,
                                                   .count = n,
                                                   .networks = networks,
                                                   .at_least = networks == MAX_NETWORKS,
                                                   .within_s = acl_window_s[w] };
            break;
        }
    }
}
