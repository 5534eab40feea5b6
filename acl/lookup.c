#include <config.h>

#include "acl/lookup_priv.h"

#include <string.h>

/* Widest first. */
static const struct acl_body *const bodies[] = { &acl_body_avx512, &acl_body_avx2,
                                                 &acl_body_scalar };
#define N_BODIES (sizeof bodies / sizeof *bodies)
const char *const acl_body_names[N_BODIES + 1] = { "avx512", "avx2", "scalar", NULL };

static const struct acl_body *_Atomic in_use; /* NULL before the first lookup */

bool
acl_body_use(const char *name)
{
    for (size_t i = 0; i < N_BODIES; i++) {
        if ((!name || !strcmp(bodies[i]->name, name)) && bodies[i]->runs()) {
            atomic_store_explicit(&in_use, bodies[i], memory_order_relaxed);
            return true;
        }
    }
    return false;
}

const struct acl_body *
acl_body(void)
{
    const struct acl_body *body = atomic_load_explicit(&in_use, memory_order_relaxed);

    if (__builtin_expect(!body, 0)) {
        acl_body_use(NULL); /* by several threads at once: all choose the same */
        body = atomic_load_explicit(&in_use, memory_order_relaxed);
    }
    return body;
}

void
acl_table_lookup(const struct acl_table *table, const struct acl_key *key,
                 struct acl_verdict *verdict)
{
    acl_body()->table(table, key, 1, verdict);
}

void
acl_table_lookup_bulk(const struct acl_table *table, const struct acl_key *keys, size_t n,
                      struct acl_verdict *verdicts)
{
    acl_body()->table(table, keys, n, verdicts);
}

/* ---- rules that decide nothing ---- */

/* The piece of a row for summary word 's'. */
static struct piece
any_piece_of(const struct acl_rows *shape, const uint64_t *row, bool dense, size_t s)
{
    const uint64_t *pair = row + shape->n_top;

    if (!shape->n_top) {
        return piece_of(row, dense, shape->n_summary, s);
    }
    if (!(row[s / 64] >> (s % 64) & 1)) {
        return (struct piece){ 0, NULL };
    }
    for (size_t t = 0; t < s / 64; t++) {
        pair += 2 * __builtin_popcountll(row[t]);
    }
    pair += 2 * __builtin_popcountll(row[s / 64] & ((UINT64_C(1) << (s % 64)) - 1));
    return (struct piece){ pair[0], row + pair[1] };
}

/* The word at bit 'w' of a piece. */
static uint64_t
word_of(const struct piece *piece, bool dense, size_t w)
{
    uint64_t bit = UINT64_C(1) << w;

    if (!(piece->summary & bit)) {
        return 0;
    }
    return piece->words[dense ? w : (size_t) __builtin_popcountll(piece->summary & (bit - 1))];
}

/* The lower of 'next' and the first rule, 'from' or behind it, at a word of positions. */
static uint32_t
next_in_word(const struct acl_order *order, size_t w, uint64_t bits, uint32_t from, uint32_t next)
{
    for (; bits; bits &= bits - 1) {
        uint32_t rule = acl_order_rule(order, w * 64 + (size_t) __builtin_ctzll(bits));

        if (rule >= from) {
            return rule < next ? rule : next;
        }
    }
    return next;
}

static uint32_t
next_in_flat(const struct acl_view *f, const uint64_t *const *rows, uint32_t from)
{
    uint32_t next = ACL_RULE_DEFAULT;

    for (size_t w = from / 64; w < f->shape->n_words && next == ACL_RULE_DEFAULT; w++) {
        uint64_t bits = ~UINT64_C(0);

        for (unsigned r = 0; r < f->n; r++) {
            bits &= rows[r][w];
        }
        next = next_in_word(f->order, w, bits, from, next);
    }
    return next;
}

/* In the 64 words of summary word 's'. */
static uint32_t
next_in_words(const struct acl_view *f, const uint64_t *const *rows, size_t s, uint32_t from,
              uint32_t next)
{
    struct piece pieces[MAX_ROWS];
    uint64_t candidates = ~UINT64_C(0);

    for (unsigned r = 0; r < f->n; r++) {
        bool based = r < f->n_based;

        pieces[r] = any_piece_of(f->shape, rows[r], !based && f->shape->dense, s);
        candidates &= pieces[r].summary | (based ? f->summary[r][s] : 0);
    }
    for (; candidates; candidates &= candidates - 1) {
        size_t w = (size_t) __builtin_ctzll(candidates);
        uint64_t bits = ~UINT64_C(0);

        if (acl_order_first(f->order, s * 64 + w) > next) {
            continue;
        }
        for (unsigned r = 0; r < f->n; r++) {
            bits &= r < f->n_based ? f->words[r][s * 64 + w] ^ word_of(&pieces[r], false, w)
                                   : word_of(&pieces[r], f->shape->dense, w);
        }
        next = next_in_word(f->order, s * 64 + w, bits, from, next);
    }
    return next;
}

static uint32_t
next_match(const struct acl_view *f, const uint64_t *const *rows, uint32_t from)
{
    uint32_t next = ACL_RULE_DEFAULT;

    if (f->shape->flat) {
        return next_in_flat(f, rows, from);
    }
    for (size_t s = 0; s < f->shape->n_summary; s++) {
        next = next_in_words(f, rows, s, from, next);
    }
    return next;
}

uint32_t
acl_lookup_go_on(const struct acl_table *table, const uint64_t *const *rows, uint32_t rule,
                 struct acl_verdict *verdict)
{
    const struct acl_bulk *bulk = table->bulk;
    const struct acl_view f = table->view;

    while (rule != ACL_RULE_DEFAULT && bulk->rules[rule].resume) {
        const struct acl_rule_info *info = &bulk->rules[rule];

        if (!info->audit) {
            verdict->passed_slot[verdict->n_passed++ % ACL_MAX_PASSES] = info->slot;
        } else if (!verdict->audited) {
            verdict->audited = true;
            verdict->audit_rule = rule;
            verdict->audit_slot = info->slot;
            verdict->audit_log = info->log;
        }
        rule = next_match(&f, rows, info->resume);
    }
    return rule;
}
