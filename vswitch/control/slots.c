#include <config.h>

#include "control/slots.h"

#include <stdlib.h>

#include "datapath/worker.h"
#include "telemetry/stream.h"
#include "util.h"

struct slot {
    const char *id;  /* the key's */
    size_t position; /* in 'last' */
    uint32_t index;
    struct ledger_rule_hits base; /* what earlier rules left in it */
    struct ledger_rule_hits kept; /* from before the switch started */
    uint64_t seen;                /* packets, when it was last looked at */
    int64_t last_s;
    bool changed;   /* since it was last taken to be stored */
    uint64_t round; /* of slots_retain() in which it was last kept */
};

const char *
default_rule_id(enum acl_direction direction)
{
    return direction == ACL_EGRESS ? "default-egress" : "default-ingress";
}

void
slots_init(struct slots *s)
{
    shash_init(&s->by_id);
    shash_init(&s->kept);
    svec_init(&s->gone);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        s->defaults[i] = xzalloc(sizeof *s->defaults[i]);
        s->defaults[i]->index = DEFAULT_SLOT(i);
    }
    s->free = xmalloc(N_RULE_SLOTS * sizeof *s->free);
    s->head = s->n_free = 0;
    s->round = 0;
    s->last = NULL;
    s->n_last = 0;
    for (uint32_t i = ACL_N_DIRECTIONS; i < N_RULE_SLOTS; i++) {
        s->free[s->n_free++] = i;
    }
}

void
slots_destroy(struct slots *s)
{
    shash_destroy_free_data(&s->by_id);
    shash_destroy_free_data(&s->kept);
    svec_destroy(&s->gone);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        free(s->defaults[i]);
    }
    free(s->free);
    free(s->last);
}

struct ledger_rule_hits
slots_total(uint32_t index)
{
    struct ledger_rule_hits total = { 0, 0 };

    for (uint32_t i = 0; i < dp_n_workers(); i++) {
        struct ledger_rule_hits hits;

        ledger_read_rule(dp_ledger(i), index, &hits);
        total.packets += hits.packets;
        total.bytes += hits.bytes;
    }
    return total;
}

static struct slot *
find(const struct slots *s, const char *rule_id)
{
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        if (!strcmp(rule_id, default_rule_id(i))) {
            return s->defaults[i];
        }
    }
    return shash_find_data(&s->by_id, rule_id);
}

static struct ledger_rule_hits
account_of(const struct slot *slot)
{
    return (struct ledger_rule_hits){ .packets = slot->base.packets - slot->kept.packets,
                                      .bytes = slot->base.bytes - slot->kept.bytes };
}

static struct ledger_rule_hits
hits_of(const struct slot *slot)
{
    struct ledger_rule_hits hits = slots_total(slot->index), less = account_of(slot);

    hits.packets -= less.packets;
    hits.bytes -= less.bytes;
    return hits;
}

uint32_t
slots_account(const struct slots *s, const char *rule_id, struct ledger_rule_hits *less)
{
    const struct slot *slot = find(s, rule_id);

    *less = account_of(slot);
    return slot->index;
}

struct ledger_rule_hits
slots_hits(const struct slots *s, const char *rule_id, int64_t *last_s)
{
    const struct slot *slot = find(s, rule_id);
    struct ledger_rule_hits none = { 0, 0 };

    *last_s = slot ? slot->last_s : 0;
    return slot ? hits_of(slot) : none;
}

const char *
slots_rule_id(const struct slots *s, uint32_t index)
{
    const struct shash_node *node;

    SHASH_FOR_EACH (node, &s->by_id) {
        if (((const struct slot *) node->data)->index == index) {
            return node->name;
        }
    }
    return NULL;
}

/* ---- over restarts ---- */

static void
go_on_from(struct slot *slot, const struct state_hits *row)
{
    slot->kept.packets = row->packets;
    slot->kept.bytes = row->bytes;
    slot->seen = hits_of(slot).packets;
    slot->last_s = row->last_s;
}

void
slots_keep(struct slots *s, const struct state_hits *row)
{
    struct slot *slot = find(s, row->id);
    struct state_hits *kept;

    if (slot) {
        go_on_from(slot, row);
    } else if (!shash_find(&s->kept, row->id)) {
        kept = xmemdup(row, sizeof *row);
        kept->id = NULL; /* it is the key */
        shash_add(&s->kept, row->id, kept);
    }
}

static void
look(struct slot *slot, int64_t now_s)
{
    uint64_t packets = hits_of(slot).packets;

    if (packets != slot->seen) {
        slot->seen = packets;
        slot->last_s = now_s;
        slot->changed = true;
    }
}

void
slots_look(struct slots *s, int64_t now_s)
{
    struct shash_node *node;

    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        look(s->defaults[i], now_s);
    }
    SHASH_FOR_EACH (node, &s->by_id) {
        look(node->data, now_s);
    }
}

static void
take_change(struct slot *slot, const char *id, bool all, struct slots_changes *c)
{
    if (slot->changed || (all && slot->last_s)) {
        struct ledger_rule_hits hits = hits_of(slot);

        slot->changed = false;
        c->rows[c->n_rows++] = (struct state_hits){
            .id = xstrdup(id), .packets = hits.packets, .bytes = hits.bytes, .last_s = slot->last_s
        };
    }
}

void
slots_take_changes(struct slots *s, int64_t now_s, bool all, struct slots_changes *c)
{
    struct shash_node *node;

    slots_look(s, now_s);
    c->rows = xcalloc(shash_count(&s->by_id) + ACL_N_DIRECTIONS, sizeof *c->rows);
    c->n_rows = 0;
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        take_change(s->defaults[i], default_rule_id(i), all, c);
    }
    SHASH_FOR_EACH (node, &s->by_id) {
        take_change(node->data, node->name, all, c);
    }
    c->gone = s->gone.names;
    c->n_gone = s->gone.n;
    svec_init(&s->gone);
}

void
slots_changes_destroy(struct slots_changes *c)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        free(c->rows[i].id);
    }
    for (size_t i = 0; i < c->n_gone; i++) {
        free(c->gone[i]);
    }
    free(c->rows);
    free(c->gone);
}

/* ---- assigning ---- */

static struct slot *
slot_take(struct slots *s, const char *id)
{
    struct state_hits *kept = shash_is_empty(&s->kept) ? NULL : shash_find_and_delete(&s->kept, id);
    struct slot *slot = xzalloc(sizeof *slot);

    slot->index = s->free[s->head];
    slot->base = slots_total(slot->index);
    if (kept) {
        go_on_from(slot, kept);
        free(kept);
    }
    s->head = (s->head + 1) % N_RULE_SLOTS;
    s->n_free--;
    return slot;
}

/* As policies mostly differ in a few rules, the slot of the next rule is mostly the next one of the
 * last policy: '*next' is its position. */
static struct slot *
find_next(const struct slots *s, const char *id, size_t *next)
{
    struct slot *slot = *next < s->n_last ? s->last[*next] : NULL;

    if (!slot || strcmp(slot->id, id)) {
        slot = shash_find_data(&s->by_id, id);
    }
    *next = slot ? slot->position + 1 : *next + 1;
    return slot;
}

/* Takes 'slots'. */
static void
set_last(struct slots *s, struct slot **slots, size_t n)
{
    free(s->last);
    s->last = slots;
    s->n_last = n;
    for (size_t i = 0; i < n; i++) {
        slots[i]->position = i;
    }
}

static void
slot_release(struct slots *s, struct shash_node *node)
{
    struct slot *slot = node->data;

    if (slot->position < s->n_last && s->last[slot->position] == slot) {
        s->last[slot->position] = NULL;
    }
    svec_add(&s->gone, node->name);
    s->free[(s->head + s->n_free++) % N_RULE_SLOTS] = slot->index;
    free(slot);
    shash_delete(&s->by_id, node);
}

bool
slots_assign(struct slots *s, const struct acl_policy *policy, uint32_t **slotsp)
{
    struct slot **slots = xcalloc(policy->n_rules + 1, sizeof *slots);
    const char **new_ids = xcalloc(policy->n_rules + 1, sizeof *new_ids);
    uint32_t *new_indices = xcalloc(policy->n_rules + 1, sizeof *new_indices);
    size_t n_new = 0, next = 0;

    for (size_t i = 0; i < policy->n_rules; i++) {
        slots[i] = find_next(s, policy->rules[i].id, &next);
        n_new += !slots[i];
    }
    *slotsp = NULL;
    if (n_new <= s->n_free) {
        *slotsp = xcalloc(policy->n_rules + 1, sizeof **slotsp);
        n_new = 0;
        for (size_t i = 0; i < policy->n_rules; i++) {
            const char *id = policy->rules[i].id;

            if (!slots[i]) {
                slots[i] = slot_take(s, id);
                slots[i]->id = shash_add(&s->by_id, id, slots[i])->name;
                new_ids[n_new] = id;
                new_indices[n_new++] = slots[i]->index;
            }
            (*slotsp)[i] = slots[i]->index;
        }
        stream_set_rules(new_indices, new_ids, n_new);
        set_last(s, slots, policy->n_rules);
    } else {
        free(slots);
    }
    free(new_indices);
    free(new_ids);
    return *slotsp;
}

void
slots_retain(struct slots *s, const struct acl_policy *policy)
{
    struct shash_node *node;
    size_t next = 0;

    s->round++;
    for (size_t i = 0; policy && i < policy->n_rules; i++) {
        struct slot *slot = find_next(s, policy->rules[i].id, &next);

        if (slot) {
            slot->round = s->round;
        }
    }
    SHASH_FOR_EACH_SAFE (node, &s->by_id) {
        if (((const struct slot *) node->data)->round != s->round) {
            slot_release(s, node);
        }
    }
    SHASH_FOR_EACH_SAFE (node, &s->kept) {
        svec_add(&s->gone, node->name);
        free(node->data);
        shash_delete(&s->kept, node);
    }
}
