#include <config.h>

#include "control/slots.h"

#include <stdlib.h>

#include "datapath/worker.h"
#include "sset.h"
#include "telemetry/stream.h"
#include "util.h"

struct slot {
    uint32_t index;
    struct ledger_rule_hits base; /* what earlier rules left in it */
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
    s->free = xmalloc(N_RULE_SLOTS * sizeof *s->free);
    s->head = s->n_free = 0;
    for (uint32_t i = ACL_N_DIRECTIONS; i < N_RULE_SLOTS; i++) {
        s->free[s->n_free++] = i;
    }
}

void
slots_destroy(struct slots *s)
{
    shash_destroy_free_data(&s->by_id);
    free(s->free);
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

struct ledger_rule_hits
slots_hits(const struct slots *s, const char *rule_id)
{
    const struct slot *slot = shash_find_data(&s->by_id, rule_id);
    struct ledger_rule_hits hits = { 0, 0 };

    if (slot) {
        hits = slots_total(slot->index);
        hits.packets -= slot->base.packets;
        hits.bytes -= slot->base.bytes;
    }
    return hits;
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

static struct slot *
slot_take(struct slots *s)
{
    struct slot *slot = xmalloc(sizeof *slot);

    slot->index = s->free[s->head];
    slot->base = slots_total(slot->index);
    s->head = (s->head + 1) % N_RULE_SLOTS;
    s->n_free--;
    return slot;
}

bool
slots_assign(struct slots *s, const struct acl_policy *policy, uint32_t **slotsp)
{
    uint32_t *slots;
    size_t n_new = 0;

    for (size_t i = 0; i < policy->n_rules; i++) {
        n_new += !shash_find(&s->by_id, policy->rules[i].id);
    }
    *slotsp = NULL;
    if (n_new > s->n_free) {
        return false;
    }
    slots = xcalloc(policy->n_rules + 1, sizeof *slots);
    for (size_t i = 0; i < policy->n_rules; i++) {
        const char *id = policy->rules[i].id;
        struct slot *slot = shash_find_data(&s->by_id, id);

        if (!slot) {
            slot = slot_take(s);
            shash_add(&s->by_id, id, slot);
            stream_set_rule(slot->index, id);
        }
        slots[i] = slot->index;
    }
    *slotsp = slots;
    return true;
}

void
slots_retain(struct slots *s, const struct acl_policy *policy)
{
    struct sset keep = SSET_INITIALIZER(&keep);
    struct shash_node *node;

    for (size_t i = 0; policy && i < policy->n_rules; i++) {
        sset_add(&keep, policy->rules[i].id);
    }
    SHASH_FOR_EACH_SAFE (node, &s->by_id) {
        struct slot *slot = node->data;

        if (!sset_contains(&keep, node->name)) {
            s->free[(s->head + s->n_free++) % N_RULE_SLOTS] = slot->index;
            free(slot);
            shash_delete(&s->by_id, node);
        }
    }
    sset_destroy(&keep);
}
