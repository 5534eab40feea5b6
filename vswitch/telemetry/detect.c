#include <config.h>

#include "telemetry/detect.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openvswitch/list.h"
#include "telemetry/reasons.h"
#include "telemetry/recent.h"
#include "telemetry/session_lines.h"
#include "util.h"

#define EAGER_TARGETS 64 /* with more than that a suspect is graded once a second only */
#define URGENT_MS 1
#define PRUNE_S 3600 /* each suspect has its second */
#define NS_A_SECOND 1000000000ull
/* Without records of them, so many targets in a slot are a sweep all the same. */
#define SKETCH_ALARM 64

struct watched {
    char name[64]; /* "": there is no port */
    bool is_desktop;
    struct detected *now; /* what it has tried; an incident once it has an id; or NULL */
    bool dirty;
    uint64_t unsaid; /* in this second */
    struct recent recent;
};

struct left {
    struct ovs_list node;
    struct detected *d;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct watched *ports; /* [DP_MAX_PORTS] */
static uint16_t dirty[DP_MAX_PORTS];
static size_t n_dirty;
static struct ovs_list left = OVS_LIST_INITIALIZER(&left); /* detached, to be taken */
static struct acl_detection detection;
static struct acl_service *own_services; /* what 'detection' points to */
static struct acl_prefix *desktops;
static struct suspect_rules rules = { .detection = &detection };
static uint64_t next_id = 1;
static uint32_t graded_s;
static bool news; /* to be told */
static void (*tell)(void *);
static void *tell_aux;

static void
detected_destroy(struct detected *d)
{
    if (d) {
        suspect_destroy(&d->suspect);
        free(d);
    }
}

int
detect_init(void (*changed)(void *aux), void *aux)
{
    ports = calloc(DP_MAX_PORTS, sizeof *ports);
    acl_detection_default(&detection);
    tell = changed;
    tell_aux = aux;
    return ports ? 0 : ENOMEM;
}

void
detect_exit(void)
{
    struct left *l;

    for (size_t i = 0; ports && i < DP_MAX_PORTS; i++) {
        detected_destroy(ports[i].now);
    }
    LIST_FOR_EACH_POP (l, node, &left) {
        detected_destroy(l->d);
        free(l);
    }
    free(ports);
    free(own_services);
    free(desktops);
    ports = NULL;
    own_services = NULL;
    desktops = NULL;
    n_dirty = 0;
    rules = (struct suspect_rules){ .detection = &detection };
}

/* ---- what it goes by ---- */

/* One piece of memory with all services and ranges that 'd' has.  NULL: memory is short. */
static struct acl_service *
own_exclusions(struct acl_detection *d)
{
    size_t n_services = 0, n_ranges = 0;
    struct acl_service *services, *s;
    struct acl_range *r;

    for (size_t i = 0; i < d->n_exclusions; i++) {
        n_services += d->exclusions[i].n_services;
        for (size_t j = 0; j < d->exclusions[i].n_services; j++) {
            n_ranges += d->exclusions[i].services[j].n_ports;
        }
    }
    services = s = malloc(n_services * sizeof *s + n_ranges * sizeof *r + 1);
    if (!services) {
        return NULL;
    }
    r = (struct acl_range *) (services + n_services);
    for (size_t i = 0; i < d->n_exclusions; i++) {
        struct acl_exclusion *e = &d->exclusions[i];

        memcpy(s, e->services, e->n_services * sizeof *s);
        e->services = s;
        for (size_t j = 0; j < e->n_services; j++, s++) {
            if (s->n_ports) {
                memcpy(r, s->ports, s->n_ports * sizeof *r);
                s->ports = r;
                r += s->n_ports;
            }
        }
    }
    return services;
}

static int
compare_prefixes(const void *a, const void *b)
{
    return acl_prefix_compare(a, b);
}

/* Sorts them, and leaves out those within others: they come right behind these. */
static size_t
sort_prefixes(struct acl_prefix *p, size_t n)
{
    size_t kept = 0;

    if (n) {
        qsort(p, n, sizeof *p, compare_prefixes);
    }
    for (size_t i = 0; i < n; i++) {
        if (!kept || !acl_prefix_contains(&p[kept - 1], &p[i].addr)) {
            p[kept++] = p[i];
        }
    }
    return kept;
}

int
detect_configure(const struct acl_detection *d_, const struct acl_prefix *prefixes, size_t n)
{
    struct acl_detection d = *d_;
    struct acl_service *services = own_exclusions(&d);
    struct acl_prefix *p = malloc(n * sizeof *p + 1);

    if (!services || !p) {
        free(services);
        free(p);
        return ENOMEM;
    }
    if (n) {
        memcpy(p, prefixes, n * sizeof *p);
    }
    n = sort_prefixes(p, n);
    d.decoys = NULL;
    d.desktops = NULL; /* indices into the policy, and names: control's business */
    d.quarantine.never = NULL;
    d.quarantine.allow = NULL;
    pthread_mutex_lock(&mutex);
    free(own_services);
    free(desktops);
    detection = d;
    own_services = services;
    desktops = p;
    rules = (struct suspect_rules){ .detection = &detection, .desktops = p, .n_desktops = n };
    pthread_mutex_unlock(&mutex);
    return 0;
}

void
detect_set_next_id(uint64_t id)
{
    pthread_mutex_lock(&mutex);
    next_id = id;
    pthread_mutex_unlock(&mutex);
}

unsigned
detect_pause(unsigned ms)
{
    pthread_mutex_lock(&mutex);
    if (acl_detection_cuts(&detection) && ms > URGENT_MS) {
        ms = URGENT_MS;
    }
    pthread_mutex_unlock(&mutex);
    return ms;
}

/* ---- suspects ---- */

/* With the mutex.  What the port has tried so far is closed to what comes. */
static void
detach(struct watched *w)
{
    struct detected *d = w->now;
    struct left *l;

    w->now = NULL;
    if (d && d->id && (l = malloc(sizeof *l))) {
        d->detached = d->due = true;
        l->d = d;
        ovs_list_push_back(&left, &l->node);
        news = true;
    } else {
        detected_destroy(d);
    }
}

static struct detected *
suspect_of(struct watched *w, uint16_t id)
{
    if (!w->now) {
        struct detected *d = calloc(1, sizeof *d);

        if (d && suspect_init(&d->suspect)) {
            free(d);
            d = NULL;
        }
        if (d) {
            d->port_id = id;
            ovs_strzcpy(d->port, w->name, sizeof d->port);
        }
        w->now = d;
    }
    return w->now;
}

void
detect_set_port(uint16_t id, const char *name, bool is_desktop)
{
    pthread_mutex_lock(&mutex);
    if (ports && id < DP_MAX_PORTS) {
        struct watched *w = &ports[id];

        if (strcmp(w->name, name)) {
            detach(w);
        }
        ovs_strzcpy(w->name, name, sizeof w->name);
        w->is_desktop = is_desktop && *name;
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- sessions ---- */

/* Of two who are known, whether none is the same. */
static bool
is_somebody_else(const char *were, const char *are)
{
    if (!*were || !*are) {
        return false;
    }
    for (const char *p = are; *p; p += strcspn(p, "\n") + 1) {
        if (session_lines_have(were, p)) {
            return false;
        }
    }
    return true;
}

bool
detect_mends(const char *sessions, int64_t first_us, int64_t last_us, const char *session,
             const struct drop_correction *what)
{
    int64_t from_us = (int64_t) (what->from_ns / 1000), to_us = (int64_t) (what->to_ns / 1000);
    bool has = session_lines_have(sessions, session);

    return what->withdrawn ? has && first_us >= from_us && last_us < to_us
                           : !has && last_us >= from_us && first_us < to_us;
}

static void
correct(struct detected *d, const char *session, bool withdrawn)
{
    if (withdrawn) {
        session_lines_remove(d->stamped, session);
        session_lines_remove(d->sessions, session);
    } else {
        if (!*d->sessions) { /* else what comes under its name alone is another incident */
            session_lines_add(d->stamped, session);
        }
        session_lines_add(d->sessions, session);
    }
    d->due = true;
}

void
detect_correct(uint16_t port, const char *session, const struct drop_correction *what)
{
    pthread_mutex_lock(&mutex);
    if (ports && port < DP_MAX_PORTS && ports[port].now) {
        struct detected *d = ports[port].now;

        if (detect_mends(d->sessions, d->first_us, d->last_us, session, what)) {
            correct(d, session, what->withdrawn);
        }
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- what comes in ---- */

static void
mark(struct watched *w, uint16_t id)
{
    if (!w->dirty) {
        w->dirty = true;
        dirty[n_dirty++] = id;
    }
}

/* What a desktop in quarantine still tries accuses it only where it goes for other desktops. */
static bool
is_attempt(const struct drop_record *r, bool at_desktop)
{
    return r->attempt != DROP_NO_ATTEMPT || (r->reason == DROP_QUARANTINE && at_desktop);
}

static void
take_in(struct watched *w, uint64_t n, const struct drop_record *r, const struct drop_names *names,
        bool at_desktop)
{
    struct detected *d;

    if (w->now && is_somebody_else(w->now->stamped, names->sessions)) {
        detach(w);
    }
    d = suspect_of(w, r->port);
    if (!d) {
        return;
    }
    if (suspect_add(&d->suspect, &rules, r, names, at_desktop)) {
        mark(w, r->port);
    }
    if (!d->first_n) {
        d->first_n = n;
        d->first_us = (int64_t) (r->wall_ns / 1000);
    }
    d->last_n = n;
    d->last_us = (int64_t) (r->wall_ns / 1000);
    session_lines_add(d->stamped, names->sessions);
    session_lines_add(d->sessions, names->sessions);
    if (*names->user) {
        ovs_strzcpy(d->user, names->user, sizeof d->user);
    }
    d->changed = true;
}

void
detect_record(uint64_t n, const struct drop_record *r, const struct drop_names *names)
{
    pthread_mutex_lock(&mutex);
    if (ports && r->port < DP_MAX_PORTS && ports[r->port].is_desktop) {
        bool at_desktop = r->peer_port < DP_MAX_PORTS && ports[r->peer_port].is_desktop;

        if (is_attempt(r, at_desktop)) {
            take_in(&ports[r->port], n, r, names, at_desktop);
        }
    }
    pthread_mutex_unlock(&mutex);
}

void
detect_unsaid(uint16_t port, uint64_t packets)
{
    pthread_mutex_lock(&mutex);
    if (ports && port < DP_MAX_PORTS && ports[port].is_desktop) {
        struct watched *w = &ports[port];

        w->unsaid += packets;
        if (w->now) {
            w->now->unrecorded += packets;
            w->now->changed = true;
        }
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- grading ---- */

/* With the mutex. */
static void
open_incident(struct detected *d, uint32_t now_s)
{
    suspect_prune(&d->suspect, now_s);
    if (d->suspect.n_targets) {
        d->first_us = d->suspect.targets[0].first_us;
    } else if (!d->first_us) { /* it has no record yet */
        d->first_us = d->last_us = (int64_t) time(NULL) * 1000000;
    }
    d->id = next_id++;
    d->due = true;
    news = true;
}

static void
regrade(struct watched *w, uint32_t now_s)
{
    struct detected *d = w->now;
    struct suspect_grade g;

    if (!d) {
        return;
    }
    suspect_grade(&d->suspect, &rules, now_s, &g);
    if (g.severity > d->grade.severity ||
        (g.severity == d->grade.severity && g.kind != d->grade.kind &&
         (g.kind == SUSPECT_PORT_SCAN || d->grade.kind == SUSPECT_FLOOD))) {
        d->grade = g;
        d->due = true;
        news = true;
        if (!d->id) {
            open_incident(d, now_s);
        }
    }
}

void
detect_sketch(uint16_t port, const struct sketch *s, uint32_t now_s)
{
    uint32_t number = sketch_number(now_s);

    pthread_mutex_lock(&mutex);
    for (int i = 0; ports && i < 2; i++) {
        struct watched *w = &ports[port];
        const struct sketch_slot *slot = &s->slots[(number - i) % 2];
        struct detected *d;

        if (!w->is_desktop ||
            atomic_load_explicit(&slot->number, memory_order_acquire) != number - i) {
            continue;
        }
        d = w->unsaid ? suspect_of(w, port) : w->now;
        if (!d) {
            continue;
        }
        hll_merge(&d->targets, &slot->targets);
        hll_merge(&d->services, &slot->services);
        if (w->unsaid && !d->id && hll_count(&slot->targets) >= SKETCH_ALARM) {
            d->grade = (struct suspect_grade){
                .kind = SUSPECT_SWEEP,
                .severity = ACL_THREAT_HIGH,
                .grounds = { .kind = GROUNDS_FLOOD,
                             .count = hll_count(&slot->targets),
                             .within_s = SKETCH_SLOT_S },
            };
            open_incident(d, now_s);
        }
    }
    pthread_mutex_unlock(&mutex);
}

/* Whether the policy has a desktop cut off for that. */
static bool
is_flood(uint32_t recent)
{
    return detection.quarantine.rate && recent >= detection.quarantine.rate;
}

void
detect_rate(uint16_t port, uint64_t present, uint64_t before, uint32_t now_s)
{
    struct watched *w;
    struct detected *d;
    uint32_t recent;

    pthread_mutex_lock(&mutex);
    if (ports && port < DP_MAX_PORTS && ports[port].is_desktop) {
        w = &ports[port];
        recent = recent_look(&w->recent, now_s, sketch_number(now_s), present, before);
        d = is_flood(recent) ? suspect_of(w, port) : w->now;
        if (d) {
            d->recent = recent;
        }
        if (d && !d->id && is_flood(recent)) {
            d->grade = (struct suspect_grade){
                .kind = SUSPECT_FLOOD,
                .severity = ACL_THREAT_MEDIUM,
                .grounds = { .kind = GROUNDS_RATE, .count = recent, .within_s = RECENT_S },
            };
            open_incident(d, now_s);
        }
    }
    pthread_mutex_unlock(&mutex);
}

/* Counts once a second are enough for whoever looks. */
static void
every_second(uint32_t now_s)
{
    for (uint16_t i = 0; i < DP_MAX_PORTS; i++) {
        struct watched *w = &ports[i];

        w->unsaid = 0;
        if (w->now && !w->now->id && now_s % PRUNE_S == i % PRUNE_S) {
            suspect_prune(&w->now->suspect, now_s);
            if (!w->now->suspect.n_targets) {
                detected_destroy(w->now);
                w->now = NULL;
            }
        }
        if (w->now && w->now->suspect.probe_due_s && now_s >= w->now->suspect.probe_due_s) {
            w->now->suspect.probe_due_s = 0;
            regrade(w, now_s);
        } else if (w->dirty && w->now && w->now->suspect.n_targets > EAGER_TARGETS) {
            regrade(w, now_s);
        }
        if (w->now && w->now->id && w->now->changed) {
            w->now->due = news = true;
        }
    }
}

void
detect_turn(uint32_t now_s)
{
    bool told, second = now_s != graded_s;
    size_t kept = 0;

    pthread_mutex_lock(&mutex);
    if (second && ports) {
        graded_s = now_s;
        every_second(now_s);
    }
    for (size_t i = 0; i < n_dirty; i++) {
        struct watched *w = &ports[dirty[i]];

        if (w->now && w->now->suspect.n_targets > EAGER_TARGETS && !second) {
            dirty[kept++] = dirty[i];
            continue;
        }
        w->dirty = false;
        regrade(w, now_s);
    }
    n_dirty = kept;
    told = news;
    news = false;
    pthread_mutex_unlock(&mutex);
    if (told) {
        tell(tell_aux);
    }
}

/* ---- what comes out ---- */

static void
take(struct detected *d, void (*cb)(const struct detected *, void *aux), void *aux)
{
    if (d && d->id && d->due) {
        d->due = d->changed = false;
        cb(d, aux);
    }
}

void
detect_take(void (*cb)(const struct detected *, void *aux), void *aux)
{
    struct left *l;

    pthread_mutex_lock(&mutex);
    LIST_FOR_EACH_POP (l, node, &left) {
        take(l->d, cb, aux);
        detected_destroy(l->d);
        free(l);
    }
    for (size_t i = 0; ports && i < DP_MAX_PORTS; i++) {
        take(ports[i].now, cb, aux);
    }
    pthread_mutex_unlock(&mutex);
}

void
detect_close(uint64_t id)
{
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; ports && i < DP_MAX_PORTS; i++) {
        if (ports[i].now && ports[i].now->id == id) {
            detected_destroy(ports[i].now);
            ports[i].now = NULL;
        }
    }
    pthread_mutex_unlock(&mutex);
}

struct detected *
detect_restore(uint64_t id, const char *port)
{
    pthread_mutex_lock(&mutex);
    for (uint16_t i = 0; ports && i < DP_MAX_PORTS; i++) {
        struct watched *w = &ports[i];

        if (w->is_desktop && !strcmp(w->name, port) && !w->now && suspect_of(w, i)) {
            w->now->id = id;
            return w->now;
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

void
detect_restored(void)
{
    pthread_mutex_unlock(&mutex);
}
