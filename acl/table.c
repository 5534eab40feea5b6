#include <config.h>

#include "acl/table.h"

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"
#include "acl/table_priv.h"

/* Follows the row of a class in rule order: the first rule that allows the class anything says yes,
 * unless one that denies it everything comes before.  What passes everything on skips what lies
 * between; what passes a part leaves both ways open. */
static bool
may_reach(const struct acl_bulk *bulk, const uint64_t *bits)
{
    size_t skip_to = 0;

    for (size_t w = 0; w < acl_rows_words(bulk->n_rules); w++) {
        for (uint64_t word = bits[w]; word; word &= word - 1) {
            size_t i = w * 64 + (size_t) __builtin_ctzll(word);
            const struct acl_rule_info *rule = &bulk->rules[i];

            if (i < skip_to || rule->audit) {
                continue;
            }
            if (rule->action == ACL_ALLOW) {
                return true;
            }
            if (rule->accepts_all && !rule->resume) {
                return false;
            }
            skip_to = rule->accepts_all ? rule->resume : skip_to;
        }
    }
    return false;
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

/* Adds rows for the classes that 'table' lacks, in a batch of their own on top of 'older'. */
static bool
add_batch(struct acl_table *table, const struct acl_classes *classes, struct acl_batch *older,
          size_t n_peers)
{
    size_t first = table->n_peers, n_new = n_peers - first, n_words, n_groups;
    const struct acl_bulk *bulk = table->bulk;
    struct acl_batch *batch = calloc(1, sizeof *batch);
    uint32_t *row = malloc((n_new + 1) * sizeof *row);
    uint64_t *bits = NULL;
    bool ok = false;

    if (!batch) {
        goto out;
    }
    atomic_init(&batch->refs, 1);
    if (!row) {
        goto out;
    }
    acl_rows_init(&batch->rows, bulk->n_rules);
    n_words = batch->rows.n_words;
    bits = malloc((n_words + 1) * sizeof *bits);
    if (!bits) {
        goto out;
    }
    for (size_t i = 0; i < n_new; i++) {
        const uint32_t *groups = acl_classes_groups(classes, (uint32_t) (first + i), &n_groups);

        acl_fan_fill(&bulk->peer, n_words, groups, n_groups, bits);
        if (!acl_rows_add(&batch->rows, bits, &row[i])) {
            goto out;
        }
        table->peers[first + i].may_reach = may_reach(bulk, bits);
        table->digest = acl_hash_mix(table->digest, batch->rows.hashes[row[i]]);
    }
    acl_rows_freeze(&batch->rows); /* only now are the rows where they stay */
    for (size_t i = 0; i < n_new; i++) {
        table->peers[first + i].row = acl_rows_get(&batch->rows, row[i]);
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
    free(bits);
    free(row);
    return ok;
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
    table->peers = malloc(n_peers * sizeof *table->peers);
    table->bulk = acl_bulk_build(rules, n, local, default_slot);
    if (!table->peers || !table->bulk) {
        goto fail;
    }
    table->digest = table->bulk->digest;
    if (!add_batch(table, peer, NULL, n_peers)) {
        goto fail;
    }
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
    table->peers = malloc(n_peers * sizeof *table->peers);
    if (!table->peers) {
        goto fail;
    }
    memcpy(table->peers, old->peers, old->n_peers * sizeof *table->peers);
    if (!add_batch(table, peer, old->batch, n_peers)) {
        goto fail;
    }
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
        free(table);
    }
}

/* First rule that all of rows[0..n) accept.  Inlined once for each 'n', so that the loops over the
 * rows vanish. */
static inline __attribute__((always_inline)) uint32_t
first_match(const uint64_t *const *rows, unsigned n, const struct acl_rows *shape)
{
    for (size_t s = 0; s < shape->n_summary; s++) {
        uint64_t summary = rows[0][s];

        for (unsigned i = 1; i < n; i++) {
            summary &= rows[i][s];
        }
        for (; summary; summary &= summary - 1) {
            size_t w = s * 64 + (size_t) __builtin_ctzll(summary);
            uint64_t bits = rows[0][shape->n_summary + w];

            for (unsigned i = 1; i < n; i++) {
                bits &= rows[i][shape->n_summary + w];
            }
            if (bits) {
                return (uint32_t) (w * 64 + (size_t) __builtin_ctzll(bits));
            }
        }
    }
    return ACL_RULE_DEFAULT;
}

/* The first one from rule 'from' on, for searches that were passed on. */
static uint32_t
next_match(const uint64_t *const *rows, unsigned n, const struct acl_rows *shape, uint32_t from)
{
    for (size_t w = from / 64; w < shape->n_words; w++) {
        uint64_t bits = w == from / 64 ? ~UINT64_C(0) << from % 64 : ~UINT64_C(0);

        for (unsigned i = 0; i < n; i++) {
            bits &= rows[i][shape->n_summary + w];
        }
        if (bits) {
            return (uint32_t) (w * 64 + (size_t) __builtin_ctzll(bits));
        }
    }
    return ACL_RULE_DEFAULT;
}

/* The rows of 'key' in the fields that the rules use; false when a class has none. */
static inline bool
gather(const struct acl_table *table, const struct acl_key *key, const uint64_t *rows[5],
       unsigned *n)
{
    const struct acl_bulk *bulk = table->bulk;

    *n = 0;
    if (key->peer_class >= table->n_peers) {
        return false;
    }
    if (bulk->peer_used) {
        rows[(*n)++] = table->peers[key->peer_class].row;
    }
    if (bulk->local_used) {
        if (key->local_class >= bulk->n_local) {
            return false;
        }
        rows[(*n)++] = acl_rows_get(&bulk->local_rows, bulk->local[key->local_class]);
    }
    if (bulk->dports.used) {
        rows[(*n)++] = acl_portmap_lookup(&bulk->dports, key->dport);
    }
    if (bulk->sports.used) {
        rows[(*n)++] = acl_portmap_lookup(&bulk->sports, key->sport);
    }
    if (bulk->protocol_used) {
        rows[(*n)++] = acl_rows_get(&bulk->protocol_rows, bulk->protocol[key->protocol]);
    }
    return true;
}

static uint32_t
first(const struct acl_bulk *bulk, const uint64_t *const *rows, unsigned n,
      const struct acl_rows *shape)
{
    switch (n) {
    case 0: /* every rule accepts everything */
        return bulk->n_rules ? 0 : ACL_RULE_DEFAULT;
    case 1:
        return first_match(rows, 1, shape);
    case 2:
        return first_match(rows, 2, shape);
    case 3:
        return first_match(rows, 3, shape);
    case 4:
        return first_match(rows, 4, shape);
    default:
        return first_match(rows, 5, shape);
    }
}

/* Notes a rule that decides nothing, and finds the next one. */
static uint32_t
go_on(const struct acl_bulk *bulk, const uint64_t *const *rows, unsigned n,
      const struct acl_rows *shape, uint32_t rule, struct acl_verdict *verdict)
{
    const struct acl_rule_info *info = &bulk->rules[rule];

    if (!info->audit) {
        verdict->passed_slot[verdict->n_passed++ % ACL_MAX_PASSES] = info->slot;
    } else if (!verdict->audited) {
        verdict->audited = true;
        verdict->audit_rule = rule;
        verdict->audit_slot = info->slot;
        verdict->audit_log = info->log;
    }
    if (!n) { /* no field is used */
        return info->resume < bulk->n_rules ? info->resume : ACL_RULE_DEFAULT;
    }
    return next_match(rows, n, shape, info->resume);
}

void
acl_table_lookup(const struct acl_table *table, const struct acl_key *key,
                 struct acl_verdict *verdict)
{
    const struct acl_rows *shape = &table->batch->rows;
    const struct acl_bulk *bulk = table->bulk;
    uint32_t rule = ACL_RULE_DEFAULT;
    const uint64_t *rows[5];
    unsigned n;

    verdict->audited = false;
    verdict->n_passed = 0;
    if (gather(table, key, rows, &n)) {
        rule = first(bulk, rows, n, shape);
        while (rule != ACL_RULE_DEFAULT && __builtin_expect(bulk->rules[rule].resume != 0, 0)) {
            rule = go_on(bulk, rows, n, shape, rule, verdict);
        }
    }
    verdict->rule = rule;
    if (rule == ACL_RULE_DEFAULT) {
        verdict->slot = bulk->default_slot;
        verdict->action = ACL_DROP;
        verdict->log = ACL_LOG_INCIDENT;
    } else {
        verdict->slot = bulk->rules[rule].slot;
        verdict->action = bulk->rules[rule].action;
        verdict->log = bulk->rules[rule].log;
    }
}

bool
acl_table_may_reach(const struct acl_table *table, uint32_t peer_class)
{
    return peer_class < table->n_peers && table->peers[peer_class].may_reach;
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
    size_t bytes = sizeof *table + sizeof *bulk + table->n_peers * sizeof *table->peers;

    bytes += bulk->n_rules * sizeof *bulk->rules + bulk->peer.n_edges * sizeof *bulk->peer.edges;
    bytes += bulk->n_local * sizeof *bulk->local + acl_rows_bytes(&bulk->local_rows);
    bytes += acl_rows_bytes(&bulk->protocol_rows);
    bytes += acl_portmap_bytes(&bulk->sports) + acl_portmap_bytes(&bulk->dports);
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
