#include <config.h>

#include "acl/table.h"

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"
#include "acl/table_priv.h"

/* Whether the table need not be asked further about a class that this rule accepts. */
static bool
is_decisive(const struct acl_rule_info *rule)
{
    return !rule->audit && (rule->action == ACL_ALLOW || rule->accepts_all);
}

/* The first decisive rule, 'from' or behind it, of the row of a class. */
static uint32_t
next_decisive(const struct acl_bulk *bulk, const struct acl_bits *difference, uint32_t from)
{
    const struct acl_bits *base = &bulk->peer.base;
    uint32_t next = ACL_RULE_DEFAULT;

    for (size_t s = 0; s < base->n_summary; s++) {
        for (uint64_t m = base->summary[s] | difference->summary[s]; m; m &= m - 1) {
            size_t w = s * 64 + (size_t) __builtin_ctzll(m);
            uint64_t word = base->words[w] ^ difference->words[w];

            for (; word && acl_order_first(&bulk->order, w) < next; word &= word - 1) {
                size_t position = w * 64 + (size_t) __builtin_ctzll(word);
                uint32_t rule = acl_order_rule(&bulk->order, position);

                if (rule >= from && rule < next && is_decisive(&bulk->rules[rule])) {
                    next = rule;
                }
            }
        }
    }
    return next;
}

/* The first rule that allows the class anything says yes, unless one that denies it everything
 * comes before.  What passes everything on skips what lies between; what passes a part leaves both
 * ways open. */
static bool
may_reach(const struct acl_bulk *bulk, const struct acl_bits *difference)
{
    uint32_t rule = next_decisive(bulk, difference, 0);

    while (rule != ACL_RULE_DEFAULT && bulk->rules[rule].resume) {
        rule = next_decisive(bulk, difference, bulk->rules[rule].resume);
    }
    return rule != ACL_RULE_DEFAULT && bulk->rules[rule].action == ACL_ALLOW;
}

static void
batch_unref(struct acl_batch *batch)
{
    while (batch && atomic_fetch_sub(&batch->refs, 1) == 1) {
        struct acl_batch *older = batch->older;

        acl_rows_destroy(&batch->rows);
        free(batch);
        batch = older;
    }
}

/* '*row' becomes the number of each new class's row. */
static bool
add_rows(struct acl_table *table, const struct acl_classes *classes, struct acl_rows *rows,
         struct acl_bits *difference, struct acl_bits *scratch, size_t n_new, uint32_t *row)
{
    const struct acl_fan *fan = &table->bulk->peer;

    for (size_t i = 0; i < n_new; i++) {
        size_t class = table->n_peers + i, n_groups;
        const uint32_t *groups = acl_classes_groups(classes, (uint32_t) class, &n_groups);

        acl_fan_fill(fan, groups, n_groups, difference, scratch);
        if (!acl_rows_add(rows, difference, &row[i])) {
            return false;
        }
        table->may_reach[class] = may_reach(table->bulk, difference);
        acl_bits_empty(difference);
        table->digest = acl_fan_digest(fan, groups, n_groups, table->digest);
    }
    return true;
}

/* Adds rows for the classes that 'table' lacks, in a batch of their own on top of 'older'. */
static bool
add_batch(struct acl_table *table, const struct acl_classes *classes, struct acl_batch *older,
          size_t n_peers)
{
    struct acl_batch *batch = calloc(1, sizeof *batch);
    size_t n_new = n_peers - table->n_peers;
    uint32_t *row = malloc((n_new + 1) * sizeof *row);
    struct acl_bits difference = { .words = NULL }, scratch = { .words = NULL };
    bool ok = false;

    if (!batch) {
        goto out;
    }
    atomic_init(&batch->refs, 1);
    acl_rows_init(&batch->rows, table->bulk->n_rules, &table->bulk->peer.base, false);
    if (!row || !acl_bits_init(&difference, table->bulk->n_rules) ||
        !acl_bits_init(&scratch, table->bulk->n_rules) ||
        !add_rows(table, classes, &batch->rows, &difference, &scratch, n_new, row)) {
        goto out;
    }
    acl_rows_freeze(&batch->rows); /* only now are the rows where they stay */
    for (size_t i = 0; i < n_new; i++) {
        table->peers[table->n_peers + i] = acl_rows_get(&batch->rows, row[i]);
    }
    if (older) {
        atomic_fetch_add(&older->refs, 1);
    }
    batch->older = older;
    table->batch = batch;
    table->n_peers = n_peers;
    ok = true;

out:
    if (!ok) {
        batch_unref(batch);
    }
    acl_bits_destroy(&difference);
    acl_bits_destroy(&scratch);
    free(row);
    return ok;
}

static void
set_view(struct acl_table *table)
{
    const struct acl_bulk *bulk = table->bulk;
    const struct acl_fields *fields = &bulk->fields;
    const struct acl_bits *peer = &bulk->peer.base, *local = &bulk->local_fan.base;
    unsigned n_based = bulk->local_used ? 2 : 1;

    table->view = (struct acl_view){
        .peers = table->peers,
        .local = bulk->local,
        .data = fields->rows.data,
        .none = fields->rows.data + fields->none,
        .n_peers = table->n_peers,
        .n_local = bulk->n_local,
        .protocol = fields->protocol,
        .dports = &fields->dports,
        .sports = &fields->sports,
        .shape = &fields->rows,
        .order = &bulk->order,
        .words = { peer->words, local->words },
        .summary = { peer->summary, local->summary },
        .top = { peer->top, local->top },
        .n_based = n_based,
        .n = n_based + fields->n_parts,
    };
    memcpy(table->view.parts, fields->parts, sizeof table->view.parts);
}

static bool
alloc_peers(struct acl_table *table, size_t n_peers)
{
    table->peers = malloc(n_peers * sizeof *table->peers);
    table->may_reach = malloc(n_peers * sizeof *table->may_reach);
    return table->peers && table->may_reach;
}

struct acl_table *
acl_table_build(const struct acl_table_rule *rules, size_t n, const struct acl_classes *peer,
                const struct acl_classes *local, uint32_t default_slot)
{
    struct acl_table *table = calloc(1, sizeof *table);
    size_t n_peers = acl_classes_count(peer);

    if (!table) {
        return NULL;
    }
    table->bulk = acl_bulk_build(rules, n, peer, local, default_slot);
    if (!table->bulk || !alloc_peers(table, n_peers)) {
        goto fail;
    }
    table->digest = table->bulk->digest;
    if (!add_batch(table, peer, NULL, n_peers)) {
        goto fail;
    }
    set_view(table);
    return table;

fail:
    acl_table_destroy(table);
    return NULL;
}

struct acl_table *
acl_table_extend(const struct acl_table *old, const struct acl_classes *peer)
{
    struct acl_table *table = calloc(1, sizeof *table);
    size_t n_peers = acl_classes_count(peer);

    if (!table) {
        return NULL;
    }
    table->bulk = old->bulk;
    atomic_fetch_add(&table->bulk->refs, 1);
    table->digest = old->digest;
    table->n_peers = old->n_peers;
    if (!alloc_peers(table, n_peers)) {
        goto fail;
    }
    memcpy(table->peers, old->peers, old->n_peers * sizeof *table->peers);
    memcpy(table->may_reach, old->may_reach, old->n_peers * sizeof *table->may_reach);
    if (!add_batch(table, peer, old->batch, n_peers)) {
        goto fail;
    }
    set_view(table);
    return table;

fail:
    acl_table_destroy(table);
    return NULL;
}

void
acl_table_destroy(struct acl_table *table)
{
    if (table) {
        batch_unref(table->batch);
        acl_bulk_unref(table->bulk);
        free(table->peers);
        free(table->may_reach);
        free(table);
    }
}

bool
acl_table_may_reach(const struct acl_table *table, uint32_t peer_class)
{
    return peer_class < table->n_peers && table->may_reach[peer_class];
}

size_t
acl_table_n_rules(const struct acl_table *table)
{
    return table->bulk->n_rules;
}

size_t
acl_table_bytes(const struct acl_table *table)
{
    const struct acl_bulk *bulk = table->bulk;
    size_t bytes = sizeof *table + sizeof *bulk;

    bytes += table->n_peers * (sizeof *table->peers + sizeof *table->may_reach);
    bytes += bulk->n_rules * sizeof *bulk->rules + acl_fan_bytes(&bulk->peer);
    bytes += bulk->order.rule ? bulk->n_rules * sizeof *bulk->order.rule : 0;
    bytes += bulk->n_local * sizeof *bulk->local + acl_rows_bytes(&bulk->local_rows);
    bytes += bulk->local_used ? acl_fan_bytes(&bulk->local_fan) : 0;
    bytes += acl_fields_bytes(&bulk->fields);
    for (const struct acl_batch *batch = table->batch; batch; batch = batch->older) {
        bytes += sizeof *batch + acl_rows_bytes(&batch->rows);
    }
    return bytes;
}

uint64_t
acl_table_digest(const struct acl_table *table)
{
    return table->digest;
}
