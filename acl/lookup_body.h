/* The text of a body.  A file that includes it says before
 *
 *     BODY(NAME)   the name of a function in this body
 *     TARGET       its attribute, that names the instruction set
 *     COUNT(X)     how many bits of a uint64_t are set
 *     count_lessss() how many of a tree node's numbers are less than one
 *     find_in()    see find_in_words()
 *     find_two()   see find_two_levels(), of which it may be another way
 *     find_flat()  see find_in_flat()
 *
 * Rows and lookups are described in rows.h and table.h.  Lookups come in bulk so that what one
 * waits for is fetched while others are worked on. */

/* The AND of the words of all rows at bit 'w' of the 64 of summary word 's'.  The numbers of rows,
 * 'n' and of those with bases, and whether the others are dense, are constants wherever this is
 * inlined, so that the loops over the rows vanish. */
INLINE uint64_t
and_words(const struct acl_view *f, const struct piece *pieces, unsigned n_based, unsigned n,
          bool dense, size_t s, unsigned w)
{
    uint64_t bit = UINT64_C(1) << w, bits = ~UINT64_C(0);

    FOR_EACH_ROW(r, n)
    {
        const struct piece *piece = &pieces[r];

        if (r < n_based) {
            /* Where the summary has not this bit, what is read is another word, and not used. */
            uint64_t used = 0 - (uint64_t) ((piece->summary & bit) != 0);

            bits &=
                f->words[r][s * 64 + w] ^ (piece->words[COUNT(piece->summary & (bit - 1))] & used);
        } else {
            bits &= piece->words[dense ? w : COUNT(piece->summary & (bit - 1))];
        }
    }
    return bits;
}

/* The words, of the 64 of summary word 's', in which every row has some bit. */
INLINE uint64_t
candidate_words(const struct acl_view *f, const struct piece *pieces, unsigned n_based, unsigned n,
                size_t s)
{
    uint64_t candidates = ~UINT64_C(0);

    FOR_EACH_ROW(r, n)
    {
        candidates &= pieces[r].summary | (r < n_based ? f->summary[r][s] : 0);
    }
    return candidates;
}

/* The first of 64 * 64 rules, those of summary word 's', that all rows of three levels accept, or
 * NOT_FOUND. */
INLINE uint32_t
find_in_words(const struct acl_view *f, const struct piece *pieces, unsigned n_based, unsigned n,
              size_t s)
{
    uint64_t candidates = candidate_words(f, pieces, n_based, n, s);

    for (; candidates; candidates &= candidates - 1) {
        unsigned w = (unsigned) __builtin_ctzll(candidates);
        uint64_t bits = and_words(f, pieces, n_based, n, false, s, w);

        if (bits) {
            return w * 64 + (uint32_t) __builtin_ctzll(bits);
        }
    }
    return NOT_FOUND;
}

#ifdef find_in_blocks
#define find_in find_in_blocks
#else
#define find_in find_in_words
#endif

#ifndef find_flat
#define find_flat find_in_flat
/* The first rule that all of rows[0..n) accept, of rows of one level. */
INLINE uint32_t
find_in_flat(const uint64_t *const *rows, unsigned n)
{
    for (uint32_t w = 0; w < ACL_ROWS_FLAT; w++) {
        uint64_t bits = ~UINT64_C(0);

        FOR_EACH_ROW(r, n)
        {
            bits &= rows[r][w];
        }
        if (bits) {
            return w * 64 + (uint32_t) __builtin_ctzll(bits);
        }
    }
    return ACL_RULE_DEFAULT;
}
#endif

/* The lower of 'best' and the first rule that all rows accept in the positions of summary word 's'.
 */
INLINE uint32_t
best_in_words(const struct acl_view *f, const struct piece *pieces, unsigned n_based, unsigned n,
              size_t s, uint32_t best)
{
    uint64_t candidates = candidate_words(f, pieces, n_based, n, s);

    while (candidates) {
        unsigned w = (unsigned) __builtin_ctzll(candidates);
        uint64_t block = UINT64_C(0xff) << (w & ~7u), bits;

        if (acl_order_first(f->order, s * 64 + w) > best) {
            candidates &= ~block;
            continue;
        }
        bits = and_words(f, pieces, n_based, n, true, s, w);
        if (bits) {
            size_t position = s * 4096 + w * 64 + (size_t) __builtin_ctzll(bits);
            uint32_t rule = f->order->rule[position];

            best = rule < best ? rule : best;
            candidates &= ~block;
        } else {
            candidates &= candidates - 1;
        }
    }
    return best;
}

/* The first rules that all rows[..][0..n_rows) accept, of rows of two levels. */
INLINE void
find_two_levels(const struct acl_view *f, const uint64_t *rows[][MAX_ROWS], unsigned n_based,
                unsigned n_rows, size_t n, uint32_t *rules)
{
    size_t n_summary = f->shape->n_summary;

    for (size_t i = 0; i < n; i++) {
        rules[i] = ACL_RULE_DEFAULT;
        for (size_t s = 0; s < n_summary; s++) {
            struct piece pieces[MAX_ROWS];

            FOR_EACH_ROW(r, n_rows)
            {
                pieces[r] = piece_of(rows[i][r], r >= n_based, n_summary, s);
            }
            rules[i] = best_in_words(f, pieces, n_based, n_rows, s, rules[i]);
        }
    }
}

INLINE uint32_t
first_of_three_levels(const struct acl_view *f, const uint64_t *const *rows, unsigned n_based,
                      unsigned n)
{
    size_t before[MAX_ROWS] = { 0 }, n_top = f->shape->n_top;

    for (size_t t = 0; t < n_top; t++) {
        uint64_t top = ~UINT64_C(0);

        FOR_EACH_ROW(r, n)
        {
            top &= rows[r][t] | (r < n_based ? f->top[r][t] : 0);
        }
        for (; top; top &= top - 1) {
            uint64_t bit = top & -top;
            size_t s = t * 64 + (size_t) __builtin_ctzll(top);
            struct piece pieces[MAX_ROWS];
            uint32_t found;

            FOR_EACH_ROW(r, n)
            {
                const uint64_t *pair =
                    rows[r] + n_top + 2 * (before[r] + COUNT(rows[r][t] & (bit - 1)));
                uint64_t used = 0 - (uint64_t) ((rows[r][t] & bit) != 0);

                pieces[r] = (struct piece){ pair[0] & used, rows[r] + (pair[1] & used) };
            }
            found = find_in(f, pieces, n_based, n, s);
            if (found != NOT_FOUND) {
                return (uint32_t) (s * 4096) + found;
            }
        }
        FOR_EACH_ROW(r, n)
        {
            before[r] += COUNT(rows[r][t]);
        }
    }
    return ACL_RULE_DEFAULT;
}

INLINE void
find_n_rules(const struct acl_view *f, const uint64_t *rows[][MAX_ROWS], unsigned n_based,
             unsigned n_rows, size_t n, uint32_t *rules)
{
    if (f->shape->flat) {
        for (size_t i = 0; i < n; i++) {
            rules[i] = find_flat(rows[i], n_rows);
        }
    } else if (!f->shape->n_top) {
        find_two(f, rows, n_based, n_rows, n, rules);
    } else {
        for (size_t i = 0; i < n; i++) {
            rules[i] = first_of_three_levels(f, rows[i], n_based, n_rows);
        }
    }
}

/* The rows of 'key' in the fields that the rules use.  False: a class of its has none. */
INLINE bool
gather(const struct acl_view *f, unsigned n_based, unsigned n_rows, const struct acl_key *key,
       const uint64_t **rows)
{
    bool known = key->peer_class < f->n_peers;
    uint32_t protocol = f->protocol[key->protocol];
    uint32_t dport = f->dports->used ? acl_portmap_lookup(f->dports, key->dport) : 0;
    uint32_t sport = f->sports->used ? acl_portmap_lookup(f->sports, key->sport) : 0;

    rows[0] = known ? f->peers[key->peer_class] : f->none;
    if (n_based > 1) {
        bool local_known = key->local_class < f->n_local;

        rows[1] = local_known ? f->local[key->local_class] : f->none;
        known &= local_known;
    }
    _Pragma("GCC unroll 3") for (unsigned i = n_based; i < n_rows; i++)
    {
        const struct acl_part *part = &f->parts[i - n_based];

        rows[i] =
            f->data +
            part->at[protocol * part->stride[ACL_AXIS_PROTOCOL] +
                     dport * part->stride[ACL_AXIS_DPORT] + sport * part->stride[ACL_AXIS_SPORT]];
    }
    FOR_EACH_ROW(r, n_rows)
    {
        __builtin_prefetch(rows[r]);
        __builtin_prefetch(rows[r] + 8);
    }
    return known;
}

INLINE void
decide(const struct acl_table *table, const uint64_t *const *rows, uint32_t rule,
       struct acl_verdict *verdict)
{
    const struct acl_bulk *bulk = table->bulk;

    const struct acl_rule_info *info = &bulk->rules[rule < bulk->n_rules ? rule : bulk->n_rules];

    verdict->audited = false;
    verdict->n_passed = 0;
    if (__builtin_expect(info->resume != 0, 0)) {
        rule = acl_lookup_go_on(table, rows, rule, verdict);
        info = &bulk->rules[rule < bulk->n_rules ? rule : bulk->n_rules];
    }
    verdict->rule = rule;
    verdict->slot = info->slot;
    verdict->action = info->action;
    verdict->log = info->log;
}

INLINE void
lookup(const struct acl_table *table, const struct acl_view *f, unsigned n_based, unsigned n_rows,
       const struct acl_key *keys, size_t n, struct acl_verdict *verdicts)
{
    while (n) {
        const uint64_t *rows[AT_ONCE][MAX_ROWS];
        uint32_t rules[AT_ONCE];
        bool known[AT_ONCE];
        size_t now = n < AT_ONCE ? n : AT_ONCE;

        for (size_t i = 0; i < now; i++) {
            known[i] = gather(f, n_based, n_rows, &keys[i], rows[i]);
        }
        find_n_rules(f, rows, n_based, n_rows, now, rules);
        for (size_t i = 0; i < now; i++) {
            decide(table, rows[i], known[i] ? rules[i] : ACL_RULE_DEFAULT, &verdicts[i]);
        }
        keys += now;
        verdicts += now;
        n -= now;
    }
}

static TARGET void
BODY(table)(const struct acl_table *table, const struct acl_key *keys, size_t n,
            struct acl_verdict *verdicts)
{
    const struct acl_view f = table->view; /* which nothing that is written here can alias */

    switch (f.n_based * 8 + f.n) {
    case 1 * 8 + 1:
        lookup(table, &f, 1, 1, keys, n, verdicts);
        break;
    case 1 * 8 + 2: /* a port's table, mostly: peer and service */
        lookup(table, &f, 1, 2, keys, n, verdicts);
        break;
    case 1 * 8 + 3:
        lookup(table, &f, 1, 3, keys, n, verdicts);
        break;
    case 1 * 8 + 4:
        lookup(table, &f, 1, 4, keys, n, verdicts);
        break;
    case 2 * 8 + 2:
        lookup(table, &f, 2, 2, keys, n, verdicts);
        break;
    case 2 * 8 + 3:
        lookup(table, &f, 2, 3, keys, n, verdicts);
        break;
    case 2 * 8 + 4:
        lookup(table, &f, 2, 4, keys, n, verdicts);
        break;
    default:
        lookup(table, &f, 2, 5, keys, n, verdicts);
        break;
    }
}

INLINE uint32_t
search(const struct acl_tree *tree, unsigned depth, uint32_t number)
{
    int32_t flipped = (int32_t) (number ^ 0x80000000u);
    uint32_t node = count_less(tree->root, ACL_TREE_ROOT, flipped);

    _Pragma("GCC unroll 3") for (unsigned l = 0; l < depth; l++)
    {
        uint32_t fan = l + 1 < depth ? ACL_TREE_WIDE + 1 : ACL_TREE_WIDE;

        node = node * fan +
               count_less(tree->levels[l].numbers + node * ACL_TREE_WIDE, ACL_TREE_WIDE, flipped);
    }
    return tree->classes[node];
}

INLINE bool
search_all(const struct acl_tree *shared, unsigned depth, const struct acl_addr *addrs,
           size_t stride, size_t n, uint32_t *classes, size_t class_stride)
{
    const struct acl_tree tree = *shared;
    uint64_t others = 0; /* zero: all were IPv4's */

    for (size_t i = 0; i < n; i++) {
        const struct acl_addr *addr = acl_at(addrs, stride, i);

        others |= addr->q[0] | (addr->w[2] ^ htobe32(0xffff));
        *(uint32_t *) acl_at(classes, class_stride, i) = search(&tree, depth, be32toh(addr->w[3]));
    }
    return !others;
}

static TARGET bool
BODY(tree)(const struct acl_tree *tree, const struct acl_addr *addrs, size_t stride, size_t n,
           uint32_t *classes, size_t class_stride)
{
    switch (tree->depth) {
    case 0:
        return search_all(tree, 0, addrs, stride, n, classes, class_stride);
    case 1:
        return search_all(tree, 1, addrs, stride, n, classes, class_stride);
    case 2:
        return search_all(tree, 2, addrs, stride, n, classes, class_stride);
    case 3:
        return search_all(tree, 3, addrs, stride, n, classes, class_stride);
    default:
        return search_all(tree, tree->depth, addrs, stride, n, classes, class_stride);
    }
}
