#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"
#include "acl/table_priv.h"

static bool
build_rules(struct acl_bulk *bulk, const struct acl_table_rule *rules, size_t n)
{
    bulk->n_rules = n;
    bulk->rules = malloc((n + 1) * sizeof *bulk->rules);
    if (!bulk->rules) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct acl_table_rule *rule = &rules[i];

        bulk->rules[i] = (struct acl_rule_info){
            .slot = rule->slot,
            .resume = rule->audit                ? (uint32_t) i + 1
                      : rule->action == ACL_PASS ? rule->pass_to
                                                 : 0,
            .action = (uint8_t) rule->action,
            .log = (uint8_t) rule->log,
            .audit = rule->audit,
            .accepts_all = !rule->n_local_groups && rule->protocol == ACL_PROTO_ANY &&
                           acl_ranges_are_any(rule->sports, rule->n_sports) &&
                           acl_ranges_are_any(rule->dports, rule->n_dports),
        };
        bulk->local_used |= rule->n_local_groups > 0;
    }
    bulk->rules[n] = (struct acl_rule_info){ .slot = bulk->default_slot,
                                             .action = ACL_DROP,
                                             .log = ACL_LOG_INCIDENT };
    return true;
}

/* Rows of the local classes; '*row' becomes the number of each one's. */
static bool
add_local(struct acl_bulk *bulk, const struct acl_classes *local, struct acl_bits *difference,
          struct acl_bits *scratch, uint32_t *row)
{
    for (size_t class = 0; class < bulk->n_local; class ++) {
        size_t n_groups;
        const uint32_t *groups = acl_classes_groups(local, (uint32_t) class, &n_groups);

        acl_fan_fill(&bulk->local_fan, groups, n_groups, difference, scratch);
        if (!acl_rows_add(&bulk->local_rows, difference, &row[class])) {
            return false;
        }
        acl_bits_empty(difference);
        bulk->digest = acl_fan_digest(&bulk->local_fan, groups, n_groups, bulk->digest);
    }
    acl_rows_freeze(&bulk->local_rows);
    for (size_t class = 0; class < bulk->n_local; class ++) {
        bulk->local[class] = acl_rows_get(&bulk->local_rows, row[class]);
    }
    return true;
}

static bool
build_local(struct acl_bulk *bulk, const struct acl_table_rule *rules, size_t n,
            const struct acl_classes *local)
{
    struct acl_bits difference = { .words = NULL }, scratch = { .words = NULL };
    uint32_t *row;
    bool ok;

    if (!bulk->local_used || !local) {
        /* Rules that name local groups then match nothing, as no class has a row. */
        return acl_bits_init(&bulk->local_fan.base, n);
    }
    bulk->n_local = acl_classes_count(local);
    bulk->local = malloc(bulk->n_local * sizeof *bulk->local);
    row = calloc(bulk->n_local, sizeof *row);
    ok = acl_fan_build(&bulk->local_fan, rules, n, true, local) && acl_bits_init(&difference, n) &&
         acl_bits_init(&scratch, n) && bulk->local && row;
    if (ok) {
        acl_rows_init(&bulk->local_rows, n, &bulk->local_fan.base, false);
        ok = add_local(bulk, local, &difference, &scratch, row);
    }
    acl_bits_destroy(&difference);
    acl_bits_destroy(&scratch);
    free(row);
    return ok;
}

static uint64_t
digest_groups(uint64_t digest, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        digest = acl_hash_mix(digest, groups[i]);
    }
    return digest;
}

static uint64_t
digest_ranges(uint64_t digest, const struct acl_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        digest = acl_hash_mix(digest, (uint64_t) ranges[i].lo << 16 | ranges[i].hi);
    }
    return digest;
}

/* Few steps a rule, as each waits for the one before. */
static uint64_t
digest_rules(const struct acl_table_rule *rules, size_t n, uint32_t default_slot)
{
    uint64_t digest = acl_hash_mix(default_slot, n);

    for (size_t i = 0; i < n; i++) {
        const struct acl_table_rule *rule = &rules[i];

        digest = acl_hash_mix(digest, rule->n_peer_groups << 48 ^ rule->n_local_groups << 32 ^
                                          rule->n_sports << 16 ^ rule->n_dports);
        digest = acl_hash_mix(digest, (uint64_t) rule->slot << 32 ^
                                          (uint64_t) (rule->protocol + 1) << 8 ^
                                          (uint64_t) rule->action << 4 ^ rule->log << 2 ^
                                          rule->audit << 1 ^ rule->no_tunnels);
        digest = rule->pass_to ? acl_hash_mix(digest, rule->pass_to) : digest;
        digest = digest_groups(digest, rule->peer_groups, rule->n_peer_groups);
        digest = digest_groups(digest, rule->local_groups, rule->n_local_groups);
        digest = digest_ranges(digest, rule->sports, rule->n_sports);
        digest = digest_ranges(digest, rule->dports, rule->n_dports);
    }
    return digest;
}

static bool
build_in_order(struct acl_bulk *bulk, const struct acl_table_rule *rules, size_t n,
               const struct acl_classes *peer, const struct acl_classes *local)
{
    struct acl_table_rule *sorted = NULL;
    bool ok;

    if (bulk->order.rule) {
        sorted = acl_order_sort(&bulk->order, rules, n);
        if (!sorted) {
            return false;
        }
        rules = sorted;
    }
    ok = acl_fan_build(&bulk->peer, rules, n, false, peer) && build_local(bulk, rules, n, local) &&
         acl_fields_build(&bulk->fields, rules, n);
    free(sorted);
    return ok;
}

struct acl_bulk *
acl_bulk_build(const struct acl_table_rule *rules, size_t n, const struct acl_classes *peer,
               const struct acl_classes *local, uint32_t default_slot)
{
    struct acl_bulk *bulk = calloc(1, sizeof *bulk);

    if (!bulk) {
        return NULL;
    }
    atomic_init(&bulk->refs, 1);
    bulk->default_slot = default_slot;
    bulk->digest = digest_rules(rules, n, default_slot);
    if (!build_rules(bulk, rules, n) ||
        !acl_order_build(&bulk->order, rules, n, peer, bulk->local_used ? local : NULL) ||
        !build_in_order(bulk, rules, n, peer, local)) {
        acl_bulk_unref(bulk);
        return NULL;
    }
    return bulk;
}

void
acl_bulk_unref(struct acl_bulk *bulk)
{
    if (!bulk || atomic_fetch_sub(&bulk->refs, 1) > 1) {
        return;
    }
    free(bulk->rules);
    acl_order_destroy(&bulk->order);
    acl_fan_destroy(&bulk->peer);
    acl_fan_destroy(&bulk->local_fan);
    acl_rows_destroy(&bulk->local_rows);
    free(bulk->local);
    acl_fields_destroy(&bulk->fields);
    free(bulk);
}
