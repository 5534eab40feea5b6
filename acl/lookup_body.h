/* The text of a body.  A file that includes it says before
 *
 *     BODY(NAME)   the name of a function in this body
 *     TARGET       its attribute, that names the instruction set
 *     COUNT(X)     how many bits of a uint64_t are set
 *     count_le()   how many of a tree node's numbers are not greater than one
 *     find_in()    see find_in_words()
 *
 * Rows and lookups are described in rows.h and table.h.  Lookups come in bulk so that what one
 * waits for is fetched while others are worked on. */

#define INLINE static inline __attribute__((always_inline)) TARGET

/* The first of 64 * 64 rules that all rows accept, or NOT_FOUND.  'pairs' are the pairs (summary,
 * base) of rows[0..n) for these rules. */
INLINE uint32_t
find_in_words(const uint64_t *const *rows, const uint64_t *const *pairs, unsigned n)
{
    uint64_t candidates = pairs[0][0];

    for (unsigned i = 1; i < n; i++) {
        candidates &= pairs[i][0];
    }
    for (; candidates; candidates &= candidates - 1) {
        uint64_t below = (candidates & -candidates) - 1, bits = ~UINT64_C(0);

        for (unsigned i = 0; i < n; i++) {
            bits &= rows[i][pairs[i][1] + COUNT(pairs[i][0] & below)];
        }
        if (bits) {
            return (uint32_t) (__builtin_ctzll(candidates) * 64 + __builtin_ctzll(bits));
        }
    }
    return NOT_FOUND;
}

/* First rule that all of rows[0..n) accept.  Inlined once for each 'n', so that the loops over the
 * rows vanish. */
INLINE uint32_t
first_of_two_levels(const uint64_t *const *rows, unsigned n, size_t n_summary)
{
    for (size_t s = 0; s < n_summary; s++) {
        const uint64_t *pairs[MAX_ROWS] = { NULL };
        uint32_t found;

        for (unsigned i = 0; i < n; i++) {
            pairs[i] = rows[i] + 2 * s;
        }
        found = find_in(rows, pairs, n);
        if (found != NOT_FOUND) {
            return (uint32_t) (s * 4096) + found;
        }
    }
    return ACL_RULE_DEFAULT;
}

INLINE uint32_t
first_of_three_levels(const uint64_t *const *rows, unsigned n, size_t n_top)
{
    size_t before[MAX_ROWS] = { 0 };

    for (size_t t = 0; t < n_top; t++) {
        uint64_t top = rows[0][t];

        for (unsigned i = 1; i < n; i++) {
            top &= rows[i][t];
        }
        for (; top; top &= top - 1) {
            uint64_t below = (top & -top) - 1;
            const uint64_t *pairs[MAX_ROWS] = { NULL };
            uint32_t found;

            for (unsigned i = 0; i < n; i++) {
                pairs[i] = rows[i] + n_top + 2 * (before[i] + COUNT(rows[i][t] & below));
            }
            found = find_in(rows, pairs, n);
            if (found != NOT_FOUND) {
                return (uint32_t) ((t * 64 + (size_t) __builtin_ctzll(top)) * 4096) + found;
            }
        }
        for (unsigned i = 0; i < n; i++) {
            before[i] += COUNT(rows[i][t]);
        }
    }
    return ACL_RULE_DEFAULT;
}

INLINE void
find_rules(const struct acl_rows *shape, const uint64_t *rows[][MAX_ROWS], unsigned n_rows,
           size_t n, uint32_t *rules)
{
    if (shape->n_top) {
        for (size_t i = 0; i < n; i++) {
            rules[i] = first_of_three_levels(rows[i], n_rows, shape->n_top);
        }
    } else if (shape->n_summary == 1) {
        for (size_t i = 0; i < n; i++) {
            rules[i] = first_of_two_levels(rows[i], n_rows, 1);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            rules[i] = first_of_two_levels(rows[i], n_rows, shape->n_summary);
        }
    }
}

/* The rows of 'key' in the fields that the rules use; in place of those that its classes have not,
 * one that accepts nothing. */
INLINE unsigned
gather(const struct acl_table *table, const struct acl_key *key, const uint64_t **rows)
{
    const struct acl_bulk *bulk = table->bulk;
    const struct acl_fields *fields = &bulk->fields;
    const uint64_t *none = fields->rows.data + fields->none;
    uint32_t protocol = fields->protocol[key->protocol];
    uint32_t dport = fields->dports.used ? acl_portmap_lookup(&fields->dports, key->dport) : 0;
    uint32_t sport = fields->sports.used ? acl_portmap_lookup(&fields->sports, key->sport) : 0;
    unsigned n = 0;

    rows[n++] = key->peer_class < table->n_peers ? table->peers[key->peer_class] : none;
    if (bulk->local_used) {
        rows[n++] = key->local_class < bulk->n_local ? bulk->local[key->local_class] : none;
    }
    for (unsigned i = 0; i < fields->n_parts; i++) {
        const struct acl_part *part = &fields->parts[i];

        rows[n++] =
            fields->rows.data +
            part->at[protocol * part->stride[ACL_AXIS_PROTOCOL] +
                     dport * part->stride[ACL_AXIS_DPORT] + sport * part->stride[ACL_AXIS_SPORT]];
    }
    for (unsigned i = 0; i < n; i++) {
        __builtin_prefetch(rows[i]);
        __builtin_prefetch(rows[i] + 8);
    }
    return n;
}

INLINE void
decide(const struct acl_table *table, const uint64_t *const *rows, unsigned n, uint32_t rule,
       struct acl_verdict *verdict)
{
    const struct acl_bulk *bulk = table->bulk;

    verdict->audited = false;
    verdict->n_passed = 0;
    if (rule != ACL_RULE_DEFAULT && __builtin_expect(bulk->rules[rule].resume != 0, 0)) {
        rule = acl_lookup_go_on(table, rows, n, rule, verdict);
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

static TARGET void
BODY(table)(const struct acl_table *table, const struct acl_key *keys, size_t n,
            struct acl_verdict *verdicts)
{
    const struct acl_rows *shape = &table->bulk->fields.rows;

    while (n) {
        const uint64_t *rows[AT_ONCE][MAX_ROWS];
        uint32_t rules[AT_ONCE];
        size_t now = n < AT_ONCE ? n : AT_ONCE;
        unsigned n_rows = 0;

        for (size_t i = 0; i < now; i++) {
            n_rows = gather(table, &keys[i], rows[i]);
        }
        switch (n_rows) {
        case 1:
            find_rules(shape, rows, 1, now, rules);
            break;
        case 2:
            find_rules(shape, rows, 2, now, rules);
            break;
        case 3:
            find_rules(shape, rows, 3, now, rules);
            break;
        case 4:
            find_rules(shape, rows, 4, now, rules);
            break;
        default:
            find_rules(shape, rows, 5, now, rules);
            break;
        }
        for (size_t i = 0; i < now; i++) {
            decide(table, rows[i], n_rows, rules[i], &verdicts[i]);
        }
        keys += now;
        verdicts += now;
        n -= now;
    }
}

INLINE uint32_t
search(const struct acl_tree *tree, unsigned depth, uint32_t number)
{
    int32_t flipped = (int32_t) (number ^ 0x80000000u);
    uint32_t node = 0;

    for (unsigned l = 0; l + 1 < depth; l++) {
        uint32_t last = tree->levels[l + 1].n_nodes - 1;

        node = node * (ACL_TREE_WIDE + 1) +
               count_le(tree->levels[l].numbers + node * ACL_TREE_WIDE, flipped);
        /* The greatest number is not less than what fills up the last node. */
        node = node < last ? node : last;
    }
    return tree->classes[node * ACL_TREE_WIDE +
                         count_le(tree->levels[depth - 1].numbers + node * ACL_TREE_WIDE, flipped)];
}

INLINE size_t
search_all(const struct acl_tree *tree, unsigned depth, const struct acl_addr *const *addrs,
           size_t n, uint32_t *classes)
{
    size_t n_v4 = 0;

    for (size_t i = 0; i < n; i++) {
        n_v4 += acl_addr_is_v4(addrs[i]);
        classes[i] = search(tree, depth, be32toh(addrs[i]->w[3]));
    }
    return n_v4;
}

static TARGET size_t
BODY(tree)(const struct acl_tree *tree, const struct acl_addr *const *addrs, size_t n,
           uint32_t *classes)
{
    switch (tree->depth) {
    case 1:
        return search_all(tree, 1, addrs, n, classes);
    case 2:
        return search_all(tree, 2, addrs, n, classes);
    case 3:
        return search_all(tree, 3, addrs, n, classes);
    case 4:
        return search_all(tree, 4, addrs, n, classes);
    default:
        return search_all(tree, tree->depth, addrs, n, classes);
    }
}
