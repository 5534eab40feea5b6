#include <config.h>

#include "control/bindings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "control/control.h"
#include "datapath/learn.h"
#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(bindings);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 60);

#define MAX_CLAIMS 1024
#define MAX_ROUTERS 64  /* in all VLANs */
#define MAX_PREFIXES 64 /* ... */
#define EXPIRE_MS 1000
#define RETRY_MS 1000 /* after a disk has failed: it is not asked as fast as it fails */
#define TWO_HOURS_MS (2 * 3600 * 1000ll)

/* An address that a port is about to use. */
struct claim {
    uint16_t port;
    struct acl_addr addr;
    uint16_t vlan;
    enum learned_how how;
    long long due_ms, expires_ms;
};

struct router {
    uint16_t vlan;
    struct acl_addr addr;
    long long expires_ms;
};

struct prefix {
    uint16_t vlan;
    struct acl_prefix prefix;
    long long expires_ms;
};

struct bindings {
    struct claim claims[MAX_CLAIMS];
    struct router routers[MAX_ROUTERS];
    struct prefix prefixes[MAX_PREFIXES];
    size_t n_claims, n_routers, n_prefixes;
    long long expire_ms;
    bool changed;       /* to be published */
    bool storing;       /* a change is under way */
    long long store_ms; /* not before it */
};

struct bindings *
bindings_create(void)
{
    return xzalloc(sizeof(struct bindings));
}

void
bindings_destroy(struct bindings *b)
{
    free(b);
}

static long long
ends_ms(uint32_t seconds)
{
    return seconds == UINT32_MAX ? LEARNED_FOR_EVER : time_msec() + seconds * 1000ll;
}

static void
bind_address(struct control *c, struct desired_port *port, const struct acl_addr *a,
             enum learned_how how, long long expires_ms)
{
    char text[ACL_ADDR_STRLEN];
    bool changed = false;
    int error = learned_bind(&c->desired, port, a, how, expires_ms, &changed);

    acl_addr_format(a, text);
    if (error) {
        VLOG_WARN_RL(&rl, "port %s: %s from %s is not bound: %s", port->spec->name, text,
                     learned_how_name(how),
                     error == EEXIST ? "another port has it" : "no station's address");
    } else if (changed) {
        VLOG_INFO_RL(&rl, "port %s: %s is bound, from %s", port->spec->name, text,
                     learned_how_name(how));
        c->bindings->changed = true;
    }
}

static void
unbind_address(struct control *c, struct desired_port *port, const struct acl_addr *a)
{
    if (learned_unbind(&c->desired, port, a)) {
        char text[ACL_ADDR_STRLEN];

        VLOG_INFO_RL(&rl, "port %s: %s is bound no more", port->spec->name,
                     acl_addr_format(a, text));
        c->bindings->changed = true;
    }
}

/* ---- DHCP ---- */

static void
take_leases(struct control *c, struct desired_port *port, const struct lesson *lesson)
{
    for (unsigned i = 0; i < lesson->n_leases; i++) {
        const struct dhcp_lease *lease = &lesson->lease[i];

        if (lesson->kind == LESSON_RELEASE || !lease->seconds) {
            unbind_address(c, port, &lease->addr);
        } else {
            bind_address(c, port, &lease->addr,
                         acl_addr_is_v4(&lease->addr) ? LEARNED_DHCP : LEARNED_DHCP6,
                         ends_ms(lease->seconds));
        }
    }
}

/* ---- claims ---- */

static bool
is_link_local(const struct acl_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static const struct prefix *
prefix_of(const struct bindings *b, uint16_t vlan, const struct acl_addr *a)
{
    for (size_t i = 0; i < b->n_prefixes; i++) {
        if (b->prefixes[i].vlan == vlan && acl_prefix_contains(&b->prefixes[i].prefix, a)) {
            return &b->prefixes[i];
        }
    }
    return NULL;
}

static bool
is_router(const struct bindings *b, uint16_t vlan, const struct acl_addr *a)
{
    for (size_t i = 0; i < b->n_routers; i++) {
        if (b->routers[i].vlan == vlan && acl_addr_equals(&b->routers[i].addr, a)) {
            return true;
        }
    }
    return false;
}

/* Systems form interface identifiers at random or from their MAC (RFC 7217, RFC 8981, RFC 4291).
 * One that was made from another MAC is that station's, also while it is silent; a small number is
 * what people give to routers and servers. */
static bool
may_form(const struct desired_port *port, const struct acl_addr *a)
{
    uint64_t mac = (uint64_t) (a->b[8] ^ 2) << 40 | (uint64_t) a->b[9] << 32 |
                   (uint64_t) a->b[10] << 24 | (uint64_t) a->b[13] << 16 |
                   (uint64_t) a->b[14] << 8 | a->b[15];

    return a->w[2] && (a->b[11] != 0xff || a->b[12] != 0xfe || mac == port->mac);
}

static void
take_claim(struct control *c, const struct desired_port *port, const struct lesson *lesson)
{
    struct bindings *b = c->bindings;
    const struct prefix *prefix = prefix_of(b, lesson->vlan, &lesson->addr);
    struct claim claim = { .port = lesson->port, .vlan = lesson->vlan, .addr = lesson->addr };

    if (is_link_local(&lesson->addr)) {
        claim.how = LEARNED_LINK_LOCAL;
        claim.expires_ms = LEARNED_FOR_EVER;
    } else if (port->spec->learn && prefix) {
        claim.how = LEARNED_SLAAC;
        claim.expires_ms = prefix->expires_ms;
    } else {
        return;
    }
    if (is_router(b, lesson->vlan, &lesson->addr) || !may_form(port, &lesson->addr)) {
        char text[ACL_ADDR_STRLEN];

        VLOG_WARN_RL(&rl, "port %s: %s is not for a desktop to claim", port->spec->name,
                     acl_addr_format(&lesson->addr, text));
        return;
    }
    if (b->n_claims == MAX_CLAIMS) {
        return;
    }
    for (size_t i = 0; i < b->n_claims; i++) {
        if (b->claims[i].vlan == lesson->vlan &&
            acl_addr_equals(&b->claims[i].addr, &lesson->addr)) {
            return; /* first come, first served */
        }
    }
    claim.due_ms = time_msec() + CLAIM_MS;
    b->claims[b->n_claims++] = claim;
}

static void
drop_claim(struct bindings *b, size_t i)
{
    memmove(&b->claims[i], &b->claims[i + 1], (--b->n_claims - i) * sizeof *b->claims);
}

static void
defend(struct bindings *b, uint16_t vlan, const struct acl_addr *a)
{
    for (size_t i = b->n_claims; i-- > 0;) {
        if (b->claims[i].vlan == vlan && acl_addr_equals(&b->claims[i].addr, a)) {
            drop_claim(b, i);
        }
    }
}

static void
settle_claims(struct control *c, long long now)
{
    struct bindings *b = c->bindings;

    while (b->n_claims && b->claims[0].due_ms <= now) { /* they are in order */
        struct claim claim = b->claims[0];
        struct desired_port *port = c->desired.by_id[claim.port];

        drop_claim(b, 0);
        if (port) {
            bind_address(c, port, &claim.addr, claim.how, claim.expires_ms);
        }
    }
}

/* ---- routers ---- */

static void
note_router(struct bindings *b, uint16_t vlan, const struct acl_addr *a, long long expires_ms)
{
    for (size_t i = 0; i < b->n_routers; i++) {
        if (b->routers[i].vlan == vlan && acl_addr_equals(&b->routers[i].addr, a)) {
            b->routers[i].expires_ms = expires_ms;
            return;
        }
    }
    if (b->n_routers < MAX_ROUTERS) {
        b->routers[b->n_routers++] = (struct router){ vlan, *a, expires_ms };
    }
}

/* A single advertisement does not end addresses early (RFC 4862, 5.5.3 e). */
static long long
prefix_end(long long old_ms, long long new_ms, long long now)
{
    return new_ms - now > TWO_HOURS_MS || new_ms > old_ms ? new_ms
           : old_ms - now <= TWO_HOURS_MS                 ? old_ms
                                                          : now + TWO_HOURS_MS;
}

/* What was formed from a prefix lives as long as the prefix. */
static void
renew_formed(struct control *c, const struct prefix *prefix)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;

        for (size_t i = 0; port->vlan == prefix->vlan && i < port->n_learned; i++) {
            struct learned *l = &port->learned[i];

            if (l->how == LEARNED_SLAAC && acl_prefix_contains(&prefix->prefix, &l->addr)) {
                l->expires_ms = prefix->expires_ms;
            }
        }
    }
}

static void
note_prefix(struct control *c, uint16_t vlan, const struct acl_prefix *p, long long expires_ms)
{
    struct bindings *b = c->bindings;
    long long now = time_msec();

    for (size_t i = 0; i < b->n_prefixes; i++) {
        struct prefix *old = &b->prefixes[i];

        if (old->vlan == vlan && old->prefix.len == p->len &&
            acl_addr_equals(&old->prefix.addr, &p->addr)) {
            old->expires_ms = prefix_end(old->expires_ms, expires_ms, now);
            renew_formed(c, old);
            return;
        }
    }
    if (b->n_prefixes < MAX_PREFIXES && expires_ms > now) {
        b->prefixes[b->n_prefixes++] = (struct prefix){ vlan, *p, expires_ms };
        renew_formed(c, &b->prefixes[b->n_prefixes - 1]);
    }
}

/* Addresses are formed from 64-bit prefixes only (RFC 4291, 2.5.1). */
static void
take_router(struct control *c, const struct lesson *lesson)
{
    note_router(c->bindings, lesson->vlan, &lesson->addr,
                lesson->seconds ? ends_ms(lesson->seconds) : ends_ms(EXPIRE_MS / 1000));
    defend(c->bindings, lesson->vlan, &lesson->addr);
    for (unsigned i = 0; i < lesson->n_leases; i++) {
        struct acl_prefix p = { .addr = lesson->lease[i].addr, .len = lesson->prefix_len[i] };

        if (p.len == 64 && !is_link_local(&p.addr) && p.addr.b[0] != 0xff) {
            p.addr.q[1] = 0;
            note_prefix(c, lesson->vlan, &p, ends_ms(lesson->lease[i].seconds));
        }
    }
}

/* ---- expiry ---- */

static void
expire(struct control *c, long long now)
{
    struct bindings *b = c->bindings;
    struct shash_node *node;

    if (now < b->expire_ms) {
        return;
    }
    b->expire_ms = now + EXPIRE_MS;
    for (size_t i = b->n_routers; i-- > 0;) {
        if (b->routers[i].expires_ms <= now) {
            b->routers[i] = b->routers[--b->n_routers];
        }
    }
    for (size_t i = b->n_prefixes; i-- > 0;) {
        if (b->prefixes[i].expires_ms <= now) {
            b->prefixes[i] = b->prefixes[--b->n_prefixes];
        }
    }
    SHASH_FOR_EACH (node, &c->desired.ports) {
        if (learned_expire(&c->desired, node->data, now)) {
            VLOG_INFO_RL(&rl, "port %s: a learned address has come to its end", node->name);
            b->changed = true;
        }
    }
}

/* ---- storing ---- */

struct binding_change {
    struct change change;
    struct state_binding *rows;
    char **ports; /* whose rows these are */
    size_t n_rows, n_ports, allocated;
};

static int
store(struct state *state, struct change *change, char **error)
{
    struct binding_change *bc = CONTAINER_OF(change, struct binding_change, change);

    return state_set_bindings(state, (const char *const *) bc->ports, bc->n_ports, bc->rows,
                              bc->n_rows, error);
}

static enum rpc_status
commit(struct control *c OVS_UNUSED, struct change *change OVS_UNUSED, char **error OVS_UNUSED)
{
    return RPC_OK; /* it was in force before */
}

static void
done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct binding_change *bc = CONTAINER_OF(change, struct binding_change, change);

    if (status) {
        VLOG_WARN_RL(&rl, "learned bindings are not stored, a restart would forget them: %s",
                     error);
        c->bindings->store_ms = time_msec() + RETRY_MS;
    }
    c->bindings->storing = false;
    for (size_t i = 0; i < bc->n_rows; i++) {
        free(bc->rows[i].addr);
    }
    for (size_t i = 0; i < bc->n_ports; i++) {
        struct desired_port *port = status ? desired_find(&c->desired, bc->ports[i]) : NULL;

        if (port) {
            port->learned_changed = true;
        }
        free(bc->ports[i]);
    }
    free(bc->ports);
    free(bc->rows);
    free(bc);
}

static void
add_rows(struct binding_change *bc, struct desired_port *port)
{
    const char *name = bc->ports[bc->n_ports++] = xstrdup(port->spec->name);

    for (size_t i = 0; i < port->n_learned; i++) {
        struct learned *l = &port->learned[i];
        char text[ACL_ADDR_STRLEN];

        if (bc->n_rows == bc->allocated) {
            bc->rows = x2nrealloc(bc->rows, &bc->allocated, sizeof *bc->rows);
        }
        bc->rows[bc->n_rows++] = (struct state_binding){
            .port = name,
            .addr = xstrdup(acl_addr_format(&l->addr, text)),
            .how = learned_how_name(l->how),
            .expires_s = l->expires_ms == LEARNED_FOR_EVER
                             ? 0
                             : time_wall_msec() / 1000 + (l->expires_ms - time_msec()) / 1000,
        };
        l->stored_ms = l->expires_ms;
    }
    port->learned_changed = false;
}

/* One change at a time, of all that is new since the last one: a slow disk folds them. */
static void
store_changes(struct control *c)
{
    static const struct change_ops ops = { .store = store, .commit = commit, .done = done };
    struct binding_change *bc = NULL;
    struct shash_node *node;

    if (c->bindings->storing || time_msec() < c->bindings->store_ms) {
        return;
    }
    SHASH_FOR_EACH (node, &c->desired.ports) {
        if (learned_is_unstored(node->data)) {
            if (!bc) {
                bc = xzalloc(sizeof *bc);
                bc->change.ops = &ops;
                bc->ports = xmalloc(shash_count(&c->desired.ports) * sizeof *bc->ports);
            }
            add_rows(bc, node->data);
        }
    }
    if (bc) {
        c->bindings->storing = true;
        change_submit(c, &bc->change);
    }
}

static void
load_one(const struct state_binding *row, void *control)
{
    struct control *c = control;
    struct desired_port *port = desired_find(&c->desired, row->port);
    enum learned_how how = learned_how_from_name(row->how);
    long long left_s = row->expires_s ? row->expires_s - time_wall_msec() / 1000 : 1;
    struct acl_addr a;

    if (port && port->role == PORT_DESKTOP && how < N_LEARNED_HOW && left_s > 0 &&
        (how == LEARNED_LINK_LOCAL || port->spec->learn) && acl_addr_parse(row->addr, &a)) {
        bind_address(c, port, &a, how,
                     row->expires_s ? time_msec() + left_s * 1000 : LEARNED_FOR_EVER);
    }
}

void
bindings_load(struct control *c)
{
    struct shash_node *node;

    if (!state_load_bindings(c->state, load_one, c)) {
        VLOG_ERR("not all learned bindings can be read; what is missing is denied");
    }
    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;

        for (size_t i = 0; i < port->n_learned; i++) {
            port->learned[i].stored_ms = port->learned[i].expires_ms;
        }
        port->learned_changed = false;
    }
}

/* ---- the round ---- */

static void
take_lesson(struct control *c, const struct lesson *lesson)
{
    struct desired_port *port = c->desired.by_id[lesson->port];

    if (lesson->kind == LESSON_ROUTER) {
        take_router(c, lesson);
    } else if (lesson->kind == LESSON_DEFENCE) {
        defend(c->bindings, lesson->vlan, &lesson->addr);
    } else if (!port || port->role != PORT_DESKTOP) {
        /* It went in between. */
    } else if (lesson->kind == LESSON_CLAIM) {
        take_claim(c, port, lesson);
    } else if (port->spec->learn) {
        take_leases(c, port, lesson);
    }
}

struct held {
    uint32_t worker;
    struct lesson lesson;
};

void
bindings_run(struct control *c)
{
    size_t n_held = 0, allocated = 0;
    struct held *held = NULL;
    struct lesson lesson;
    long long now = time_msec();

    for (uint32_t i = 0; i < dp_n_workers(); i++) {
        while (learner_take(dp_learner(i), &lesson)) {
            take_lesson(c, &lesson);
            if (lesson.held) {
                held = n_held < allocated ? held : x2nrealloc(held, &allocated, sizeof *held);
                held[n_held++] = (struct held){ i, lesson };
            }
        }
    }
    settle_claims(c, now);
    expire(c, now);
    if (c->bindings->changed && publish(&c->publisher, &c->desired, NULL)) {
        VLOG_ERR_RL(&rl, "no memory to publish learned bindings");
    } else {
        c->bindings->changed = false;
    }
    for (size_t i = 0; i < n_held; i++) {
        learner_hand_back(dp_learner(held[i].worker), &held[i].lesson);
        dp_wake(held[i].worker);
    }
    free(held);
    store_changes(c);
}

void
bindings_forget(struct control *c, const struct desired_port *port)
{
    struct bindings *b = c->bindings;

    for (size_t i = b->n_claims; i-- > 0;) {
        if (b->claims[i].port == port->id) {
            drop_claim(b, i);
        }
    }
    dp_forget_port(port->id);
}
