#include <config.h>

#include "telemetry/flow_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"

struct flow_slot {
    struct acl_addr peer;
    struct flow_name *port; /* NULL: the slot is free */
    struct flow_name *user, *peer_port, *rule, *sessions;
    uint64_t first_ns, last_ns;
    uint64_t packets_out, bytes_out, packets_in, bytes_in;
    uint64_t id, told_ns;
    uint32_t connections, answered;
    uint32_t hour;
    uint32_t in_bucket; /* the next one, or the next free one */
    uint32_t older, newer;
    uint16_t vlan, service;
    uint8_t protocol, direction;
};
_Static_assert(sizeof(struct flow_slot) == 152, "flow_store.h and the documentation say it");

/* ---- life ---- */

int
flow_store_open(struct flow_store *s, struct flow_names *names, uint32_t capacity)
{
    uint32_t n_buckets = 16;

    while (n_buckets < capacity) {
        n_buckets *= 2;
    }
    *s = (struct flow_store){ .names = names, .capacity = capacity, .bucket_mask = n_buckets - 1 };
    /* Untouched pages of it cost nothing. */
    s->slots = calloc(capacity + 1ul, sizeof *s->slots);
    s->buckets = calloc(n_buckets, sizeof *s->buckets);
    if (!s->slots || !s->buckets) {
        flow_store_close(s);
        return ENOMEM;
    }
    return 0;
}

static void
drop_names(struct flow_store *s, struct flow_slot *f)
{
    flow_names_assign(s->names, &f->port, NULL);
    flow_names_assign(s->names, &f->user, NULL);
    flow_names_assign(s->names, &f->peer_port, NULL);
    flow_names_assign(s->names, &f->rule, NULL);
    flow_names_assign(s->names, &f->sessions, NULL);
}

void
flow_store_close(struct flow_store *s)
{
    for (uint32_t i = 1; s->slots && i <= s->used; i++) {
        drop_names(s, &s->slots[i]);
    }
    free(s->slots);
    free(s->buckets);
    *s = (struct flow_store){ .capacity = 0 };
}

/* ---- the hash ---- */

static uint32_t *
bucket_of(const struct flow_store *s, const struct flow_key *k)
{
    uint32_t hash = hash_pointer(k->port, k->hour);

    hash = hash_bytes(&k->peer, sizeof k->peer, hash);
    hash = hash_3words(hash, (uint32_t) k->vlan << 16 | k->service,
                       (uint32_t) k->protocol << 8 | k->direction);
    return &s->buckets[hash & s->bucket_mask];
}

static struct flow_key
key_of(const struct flow_slot *f)
{
    return (struct flow_key){ .port = f->port,
                              .peer = f->peer,
                              .hour = f->hour,
                              .vlan = f->vlan,
                              .service = f->service,
                              .protocol = f->protocol,
                              .direction = f->direction };
}

static uint32_t
find(const struct flow_store *s, const struct flow_key *k)
{
    for (uint32_t i = *bucket_of(s, k); i; i = s->slots[i].in_bucket) {
        const struct flow_slot *f = &s->slots[i];

        if (f->port == k->port && f->hour == k->hour && f->service == k->service &&
            f->protocol == k->protocol && f->direction == k->direction && f->vlan == k->vlan &&
            acl_addr_equals(&f->peer, &k->peer)) {
            return i;
        }
    }
    return 0;
}

/* ---- the order ---- */

static void
list_remove(struct flow_store *s, uint32_t i)
{
    struct flow_slot *f = &s->slots[i];

    *(f->older ? &s->slots[f->older].newer : &s->oldest) = f->newer;
    *(f->newer ? &s->slots[f->newer].older : &s->newest) = f->older;
}

/* Puts it next to 'older', 0: in front of all. */
static void
list_insert(struct flow_store *s, uint32_t i, uint32_t older)
{
    struct flow_slot *f = &s->slots[i];

    f->older = older;
    f->newer = older ? s->slots[older].newer : s->oldest;
    *(f->older ? &s->slots[f->older].newer : &s->oldest) = i;
    *(f->newer ? &s->slots[f->newer].older : &s->newest) = i;
}

/* ---- slots ---- */

static void
remove_oldest(struct flow_store *s)
{
    uint32_t i = s->oldest;
    struct flow_slot *f = &s->slots[i];
    struct flow_key k = key_of(f);
    uint32_t *link = bucket_of(s, &k);

    while (*link != i) {
        link = &s->slots[*link].in_bucket;
    }
    *link = f->in_bucket;
    list_remove(s, i);
    drop_names(s, f);
    f->in_bucket = s->free;
    s->free = i;
    s->held--;
}

/* An empty flow, next to 'older' in the order.  There is room. */
static uint32_t
insert(struct flow_store *s, const struct flow_key *k, uint32_t older)
{
    uint32_t *bucket = bucket_of(s, k), i = s->free;
    struct flow_slot *f;

    if (i) {
        s->free = s->slots[i].in_bucket;
    } else {
        i = ++s->used;
    }
    f = &s->slots[i];
    *f = (struct flow_slot){ .peer = k->peer,
                             .first_ns = UINT64_MAX,
                             .hour = k->hour,
                             .vlan = k->vlan,
                             .service = k->service,
                             .protocol = k->protocol,
                             .direction = k->direction,
                             .in_bucket = *bucket };
    flow_names_assign(s->names, &f->port, k->port);
    *bucket = i;
    list_insert(s, i, older);
    s->held++;
    return i;
}

static void
add_up(struct flow_store *s, struct flow_slot *f, const struct flow_part *p)
{
    if (p->last_ns >= f->last_ns) {
        f->last_ns = p->last_ns;
        flow_names_assign(s->names, &f->user, p->user);
        flow_names_assign(s->names, &f->peer_port, p->peer_port);
        flow_names_assign(s->names, &f->rule, p->rule);
        flow_names_assign(s->names, &f->sessions, p->sessions);
    }
    f->first_ns = MIN(f->first_ns, p->first_ns);
    f->connections += p->connections;
    f->answered += p->answered;
    f->packets_out += p->packets_out;
    f->bytes_out += p->bytes_out;
    f->packets_in += p->packets_in;
    f->bytes_in += p->bytes_in;
}

void
flow_store_set_time(struct flow_store *s, uint64_t ns)
{
    s->now_ns = MAX(s->now_ns, ns);
}

void
flow_store_add(struct flow_store *s, const struct flow_key *k, const struct flow_part *p)
{
    uint32_t i = find(s, k);

    if (i && i != s->newest) {
        list_remove(s, i);
        list_insert(s, i, s->newest);
    } else if (!i) {
        if (s->held == s->capacity) {
            remove_oldest(s);
            s->put_out++;
        }
        i = insert(s, k, s->newest);
    }
    add_up(s, &s->slots[i], p);
    s->slots[i].told_ns = s->now_ns;
}

/* ---- the file's ---- */

bool
flow_store_load(struct flow_store *s, const struct flow_row *r)
{
    struct flow_key k = { .port = flow_names_intern(s->names, r->port),
                          .peer = r->peer,
                          .hour = r->hour,
                          .vlan = r->vlan,
                          .service = r->service,
                          .protocol = r->protocol,
                          .direction = r->direction };
    struct flow_part p = { .user = flow_names_intern(s->names, r->user),
                           .peer_port = flow_names_intern(s->names, r->peer_port),
                           .rule = flow_names_intern(s->names, r->rule),
                           .sessions = flow_names_intern(s->names, r->sessions),
                           .first_ns = r->first_ns,
                           .last_ns = r->last_ns,
                           .connections = r->connections,
                           .answered = r->answered,
                           .packets_out = r->packets_out,
                           .bytes_out = r->bytes_out,
                           .packets_in = r->packets_in,
                           .bytes_in = r->bytes_in };
    uint32_t i = k.port ? find(s, &k) : 0;
    bool is_new = k.port && !i && s->held < s->capacity;

    if (is_new) {
        i = insert(s, &k, 0);
        s->slots[i].told_ns = r->told_ns;
    }
    if (i && !s->slots[i].id) {
        add_up(s, &s->slots[i], &p);
        s->slots[i].id = r->id;
    }
    flow_names_assign(s->names, &k.port, NULL);
    flow_names_assign(s->names, &p.user, NULL);
    flow_names_assign(s->names, &p.peer_port, NULL);
    flow_names_assign(s->names, &p.rule, NULL);
    flow_names_assign(s->names, &p.sessions, NULL);
    return s->held < s->capacity;
}

void
flow_store_forget(struct flow_store *s, uint64_t ns)
{
    while (s->oldest && s->slots[s->oldest].last_ns < ns) {
        remove_oldest(s);
    }
}

/* ---- looking ---- */

void
flow_store_oldest(const struct flow_store *s, uint64_t *told_ns, uint64_t *last_ns)
{
    *told_ns = s->oldest ? s->slots[s->oldest].told_ns : 0;
    *last_ns = s->oldest ? s->slots[s->oldest].last_ns : 0;
}

bool
flow_store_look(const struct flow_store *s, uint32_t slot, struct flow_look *look)
{
    const struct flow_slot *f = &s->slots[slot];

    if (slot > s->used || !f->port) {
        return false;
    }
    *look = (struct flow_look){ .port = f->port->text,
                                .peer_port = flow_name_text(f->peer_port),
                                .peer = &f->peer,
                                .first_ns = f->first_ns,
                                .last_ns = f->last_ns };
    return true;
}

static void
copy_text(char *to, const struct flow_name *name, size_t size)
{
    ovs_strlcpy(to, flow_name_text(name), size);
}

bool
flow_store_get(const struct flow_store *s, uint32_t slot, struct flow_row *r)
{
    const struct flow_slot *f = &s->slots[slot];

    if (slot > s->used || !f->port) {
        return false;
    }
    *r = (struct flow_row){ .id = f->id };
    r->peer = f->peer;
    r->hour = f->hour;
    r->vlan = f->vlan;
    r->service = f->service;
    r->protocol = f->protocol;
    r->direction = f->direction;
    r->first_ns = f->first_ns;
    r->last_ns = f->last_ns;
    r->connections = f->connections;
    r->answered = f->answered;
    r->packets_out = f->packets_out;
    r->bytes_out = f->bytes_out;
    r->packets_in = f->packets_in;
    r->bytes_in = f->bytes_in;
    r->told_ns = f->told_ns;
    copy_text(r->port, f->port, sizeof r->port);
    copy_text(r->user, f->user, sizeof r->user);
    copy_text(r->peer_port, f->peer_port, sizeof r->peer_port);
    copy_text(r->rule, f->rule, sizeof r->rule);
    copy_text(r->sessions, f->sessions, sizeof r->sessions);
    return true;
}

uint64_t
flow_store_mark(struct flow_store *s)
{
    return s->now_ns++;
}

bool
flow_store_find_told(const struct flow_store *s, uint64_t ns, uint32_t n, uint32_t *slotp)
{
    for (; *slotp <= s->used; ++*slotp) {
        const struct flow_slot *f = &s->slots[*slotp];

        if (!n--) {
            return false;
        }
        if (f->port && f->told_ns > ns) {
            return true;
        }
    }
    *slotp = 0;
    return false;
}

void
flow_store_set_id(struct flow_store *s, uint32_t slot, uint64_t id)
{
    s->slots[slot].id = id;
}
