#include <config.h>

#include "acl/fields.h"

#include <stdlib.h>

/* A product may have as many rows as its rules make this many words in all, were none of them zero:
 * it then stays in a core's second cache, more or less. */
#define MAX_PRODUCT_WORDS (1u << 20)
#define MAX_PRODUCT_ROWS (1u << 14)

/* ---- protocols ---- */

/* Protocols that some rule names, and tunnels, are classes of their own; others are all alike. */
static void
note_protocols(struct acl_fields *f, const struct acl_table_rule *rules, size_t n,
               bool alone[ACL_N_PROTOCOLS])
{
    for (int protocol = 0; protocol < ACL_N_PROTOCOLS; protocol++) {
        alone[protocol] = acl_is_tunnel(protocol);
    }
    for (size_t i = 0; i < n; i++) {
        f->protocol_used |= rules[i].protocol != ACL_PROTO_ANY || rules[i].no_tunnels;
        if (rules[i].protocol >= 0 && rules[i].protocol < ACL_N_PROTOCOLS) {
            alone[rules[i].protocol] = true;
        }
    }
}

static bool
add_protocol(const struct acl_table_rule *rules, size_t n, int protocol, struct acl_bits *bits,
             struct acl_rows *rows, uint16_t *class)
{
    uint32_t row;

    acl_bits_zero(bits);
    for (size_t i = 0; i < n; i++) {
        if (acl_accepts_protocol(&rules[i], protocol)) {
            acl_bits_set(bits, i);
        }
    }
    if (!acl_rows_add(rows, bits, &row)) {
        return false;
    }
    *class = (uint16_t) row;
    return true;
}

static bool
build_protocols(struct acl_fields *f, const struct acl_table_rule *rules, size_t n,
                struct acl_rows *rows)
{
    bool alone[ACL_N_PROTOCOLS], ok;
    struct acl_bits bits;
    int other = -1;

    note_protocols(f, rules, n, alone);
    if (!f->protocol_used) {
        return true;
    }
    ok = acl_bits_init(&bits, n);
    for (int protocol = 0; ok && protocol < ACL_N_PROTOCOLS; protocol++) {
        if (!alone[protocol] && other >= 0) {
            f->protocol[protocol] = f->protocol[other];
            continue;
        }
        ok = add_protocol(rules, n, protocol, &bits, rows, &f->protocol[protocol]);
        other = alone[protocol] ? other : protocol;
    }
    acl_bits_destroy(&bits);
    return ok;
}

/* ---- products ---- */

/* Those of the axes of a part, each with its rows; an axis that is not among them has no factor. */
struct product {
    const struct acl_rows *factors[ACL_N_AXES]; /* NULL: none */
    struct acl_bits bits[ACL_N_AXES], row;      /* of the factors, what they make */
};

/* Adds the row of each combination, the last axis changing fastest. */
static bool
multiply(struct acl_fields *f, struct acl_part *part, struct product *p, int axis,
         const struct acl_bits *so_far)
{
    uint32_t row;

    while (axis < ACL_N_AXES && !p->factors[axis]) {
        axis++;
    }
    if (axis == ACL_N_AXES) {
        if (!acl_rows_add(&f->rows, so_far, &row)) {
            return false;
        }
        part->at[part->n++] = row;
        return true;
    }
    for (uint32_t class = 0; class < p->factors[axis]->n; class ++) {
        acl_rows_unpack(p->factors[axis], class, &p->bits[axis]);
        if (so_far) {
            acl_bits_and(&p->bits[axis], &p->bits[axis], so_far);
        }
        if (!multiply(f, part, p, axis + 1, &p->bits[axis])) {
            return false;
        }
    }
    return true;
}

static bool
add_part(struct acl_fields *f, const struct acl_rows axes[ACL_N_AXES], unsigned mask, size_t n)
{
    struct acl_part *part = &f->parts[f->n_parts++];
    struct product p = { .factors = { NULL } };
    uint32_t rows = 1;
    bool ok = true;

    for (int a = ACL_N_AXES; a-- > 0;) {
        if (mask >> a & 1) {
            p.factors[a] = &axes[a];
            part->stride[a] = rows;
            rows *= axes[a].n;
            ok = acl_bits_init(&p.bits[a], n) && ok;
        }
    }
    part->at = malloc(rows * sizeof *part->at);
    ok = ok && part->at && multiply(f, part, &p, 0, NULL);
    for (int a = 0; a < ACL_N_AXES; a++) {
        acl_bits_destroy(&p.bits[a]);
    }
    return ok;
}

static bool
is_small(const struct acl_rows axes[ACL_N_AXES], unsigned mask, size_t n)
{
    uint64_t rows = 1;

    for (int a = 0; a < ACL_N_AXES; a++) {
        rows *= mask >> a & 1 ? axes[a].n : 1;
    }
    return rows <= MAX_PRODUCT_ROWS && rows * acl_bits_words(n) <= MAX_PRODUCT_WORDS;
}

/* One product of all axes, or one of protocol and destination port, or each by itself. */
static bool
add_parts(struct acl_fields *f, const struct acl_rows axes[ACL_N_AXES], unsigned used, size_t n)
{
    const unsigned service = 1 << ACL_AXIS_PROTOCOL | 1 << ACL_AXIS_DPORT;
    unsigned together = is_small(axes, used, n)             ? used
                        : is_small(axes, used & service, n) ? used & service
                                                            : 0;

    if (together && !add_part(f, axes, together, n)) {
        return false;
    }
    for (unsigned a = 0; a < ACL_N_AXES; a++) {
        if ((used & ~together) >> a & 1 && !add_part(f, axes, 1u << a, n)) {
            return false;
        }
    }
    return true;
}

bool
acl_fields_build(struct acl_fields *f, const struct acl_table_rule *rules, size_t n)
{
    struct acl_rows axes[ACL_N_AXES];
    struct acl_bits nothing;
    unsigned used;
    bool ok;

    acl_rows_init(&f->rows, n, NULL, true);
    for (int a = 0; a < ACL_N_AXES; a++) {
        acl_rows_init(&axes[a], n, NULL, false);
    }
    ok = acl_bits_init(&nothing, n) && acl_rows_add(&f->rows, &nothing, &f->none) &&
         build_protocols(f, rules, n, &axes[ACL_AXIS_PROTOCOL]) &&
         acl_portmap_build(&f->dports, rules, n, false, &axes[ACL_AXIS_DPORT]) &&
         acl_portmap_build(&f->sports, rules, n, true, &axes[ACL_AXIS_SPORT]);
    used = (unsigned) f->protocol_used << ACL_AXIS_PROTOCOL |
           (unsigned) f->dports.used << ACL_AXIS_DPORT |
           (unsigned) f->sports.used << ACL_AXIS_SPORT;
    ok = ok && add_parts(f, axes, used, n);
    if (ok) {
        acl_rows_freeze(&f->rows);
    }
    for (unsigned i = 0; ok && i < f->n_parts; i++) {
        for (uint32_t j = 0; j < f->parts[i].n; j++) {
            f->parts[i].at[j] = f->rows.at[f->parts[i].at[j]];
        }
    }
    for (int a = 0; a < ACL_N_AXES; a++) {
        acl_rows_destroy(&axes[a]);
    }
    acl_bits_destroy(&nothing);
    return ok;
}

void
acl_fields_destroy(struct acl_fields *f)
{
    for (unsigned i = 0; i < f->n_parts; i++) {
        free(f->parts[i].at);
    }
    acl_portmap_destroy(&f->dports);
    acl_portmap_destroy(&f->sports);
    acl_rows_destroy(&f->rows);
}

size_t
acl_fields_bytes(const struct acl_fields *f)
{
    size_t bytes =
        acl_portmap_bytes(&f->dports) + acl_portmap_bytes(&f->sports) + acl_rows_bytes(&f->rows);

    for (unsigned i = 0; i < f->n_parts; i++) {
        bytes += f->parts[i].n * sizeof *f->parts[i].at;
    }
    return bytes;
}
