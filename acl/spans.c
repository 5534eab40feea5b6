#include <config.h>

#include "acl/spans.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/tunnel.h"

static struct acl_span everything = { 0, ~(acl_u128) 0 };
const struct acl_spans acl_spans_all = { &everything, 1 };

void
acl_spans_destroy(struct acl_spans *spans)
{
    free(spans->v);
    *spans = (struct acl_spans){ .n = 0 };
}

bool
acl_spans_add(struct acl_spans *spans, acl_u128 lo, acl_u128 hi)
{
    if (!(spans->n & (spans->n - 1))) { /* there is room up to the next power of two */
        struct acl_span *v = reallocarray(spans->v, spans->n ? spans->n * 2 : 1, sizeof *v);

        if (!v) {
            return false;
        }
        spans->v = v;
    }
    spans->v[spans->n++] = (struct acl_span){ lo, hi };
    return true;
}

bool
acl_spans_append(struct acl_spans *spans, const struct acl_spans *more)
{
    for (size_t i = 0; i < more->n; i++) {
        if (!acl_spans_add(spans, more->v[i].lo, more->v[i].hi)) {
            return false;
        }
    }
    return true;
}

static int
compare(const void *a_, const void *b_)
{
    const struct acl_span *a = a_, *b = b_;

    return (a->lo > b->lo) - (a->lo < b->lo);
}

/* The array stays as large as it is: acl_spans_add() is not for a set that shrank here, unless it
 * grows beyond it, which the power of two sees to. */
void
acl_spans_normalise(struct acl_spans *spans)
{
    size_t n = 0;

    if (spans->n < 2) {
        return;
    }
    qsort(spans->v, spans->n, sizeof *spans->v, compare);
    for (size_t i = 1; i < spans->n; i++) {
        struct acl_span *last = &spans->v[n];

        /* Touching ones too; the highest number has none behind it. */
        if (last->hi == ~(acl_u128) 0 || spans->v[i].lo <= last->hi + 1) {
            if (spans->v[i].hi > last->hi) {
                last->hi = spans->v[i].hi;
            }
        } else {
            spans->v[++n] = spans->v[i];
        }
    }
    spans->n = n + 1;
}

bool
acl_spans_equal(const struct acl_spans *a, const struct acl_spans *b)
{
    return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof *a->v));
}

/* The first span that does not end before 'value'. */
static size_t
find(const struct acl_spans *spans, acl_u128 value)
{
    size_t lo = 0, hi = spans->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (spans->v[mid].hi < value) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

bool
acl_spans_contain(const struct acl_spans *outer, const struct acl_spans *inner)
{
    for (size_t i = 0; i < inner->n; i++) {
        size_t at = find(outer, inner->v[i].lo);

        if (at == outer->n || outer->v[at].lo > inner->v[i].lo ||
            outer->v[at].hi < inner->v[i].hi) {
            return false;
        }
    }
    return true;
}

bool
acl_spans_meet(const struct acl_spans *a, const struct acl_spans *b)
{
    const struct acl_spans *few = a->n < b->n ? a : b, *many = a->n < b->n ? b : a;

    for (size_t i = 0; i < few->n; i++) {
        size_t at = find(many, few->v[i].lo);

        if (at < many->n && many->v[at].lo <= few->v[i].hi) {
            return true;
        }
    }
    return false;
}

bool
acl_spans_subtract(const struct acl_spans *a, const struct acl_spans *b, struct acl_spans *out)
{
    *out = (struct acl_spans){ .n = 0 };
    for (size_t i = 0; i < a->n; i++) {
        acl_u128 lo = a->v[i].lo, hi = a->v[i].hi;
        bool gone = false;

        for (size_t j = find(b, lo); j < b->n && b->v[j].lo <= hi && !gone; j++) {
            if (b->v[j].lo > lo && !acl_spans_add(out, lo, b->v[j].lo - 1)) {
                acl_spans_destroy(out);
                return false;
            }
            gone = b->v[j].hi >= hi;
            lo = gone ? hi : b->v[j].hi + 1;
        }
        if (!gone && !acl_spans_add(out, lo, hi)) {
            acl_spans_destroy(out);
            return false;
        }
    }
    return true;
}

/* ---- addresses and services ---- */

size_t
acl_prefix_spans(const struct acl_prefix *prefix, struct acl_span spans[2])
{
    const acl_u128 v4 = (acl_u128) 0xffff << 32, v4_last = v4 | UINT32_MAX;
    acl_u128 lo = (acl_u128) be64toh(prefix->addr.q[0]) << 64 | be64toh(prefix->addr.q[1]);
    acl_u128 rest = prefix->len ? ((acl_u128) 1 << (128 - prefix->len)) - 1 : ~(acl_u128) 0;

    spans[0] = (struct acl_span){ lo, lo | rest };
    if (prefix->len >= ACL_V4_LEN || lo > v4 || (lo | rest) < v4_last) {
        return 1;
    }
    spans[0].hi = v4 - 1;
    spans[1] = (struct acl_span){ v4_last + 1, lo | rest };
    return 2;
}

bool
acl_spans_add_prefix(struct acl_spans *spans, const struct acl_prefix *prefix)
{
    struct acl_span v[2];
    const struct acl_spans more = { v, acl_prefix_spans(prefix, v) };

    return acl_spans_append(spans, &more);
}

#define VALUE(PROTOCOL, PORT) ((acl_u128) (PROTOCOL) << 16 | (PORT))

bool
acl_tunnel_spans(struct acl_spans *spans)
{
    bool ok = true;

    *spans = (struct acl_spans){ .n = 0 };
    for (int protocol = 0; protocol < 256; protocol++) {
        if (acl_is_tunnel(protocol)) {
            ok = ok && acl_spans_add(spans, VALUE(protocol, 0), VALUE(protocol, UINT16_MAX));
        }
    }
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        if (acl_is_udp_tunnel((uint16_t) port)) {
            ok = ok && acl_spans_add(spans, VALUE(IPPROTO_UDP, port), VALUE(IPPROTO_UDP, port));
        }
    }
    acl_spans_normalise(spans);
    if (!ok) {
        acl_spans_destroy(spans);
    }
    return ok;
}

/* Adds a part's services to 'named' where it means tunnels, else to 'rest'. */
static bool
add_part(const struct acl_service *part, enum acl_action action, struct acl_spans *named,
         struct acl_spans *rest)
{
    bool all = action != ACL_ALLOW, ok = true;
    struct acl_spans *to;

    if (part->protocol == ACL_PROTO_ANY) {
        return acl_spans_add(all ? named : rest, 0, VALUE(255, UINT16_MAX));
    }
    if (!part->n_ports) {
        to = all || acl_is_tunnel(part->protocol) ? named : rest;
        return acl_spans_add(to, VALUE(part->protocol, 0), VALUE(part->protocol, UINT16_MAX));
    }
    for (size_t i = 0; i < part->n_ports && ok; i++) {
        const struct acl_range *range = &part->ports[i];

        to = all || acl_names_tunnel(part->protocol, range, 1) ? named : rest;
        ok = acl_spans_add(to, VALUE(part->protocol, range->lo), VALUE(part->protocol, range->hi));
    }
    return ok;
}

bool
acl_service_spans(const struct acl_service *parts, size_t n, enum acl_action action,
                  const struct acl_spans *tunnels, struct acl_spans *out)
{
    struct acl_spans named = { .n = 0 }, rest = { .n = 0 };
    bool ok = true;

    *out = (struct acl_spans){ .n = 0 };
    for (size_t i = 0; i < n && ok; i++) {
        ok = add_part(&parts[i], action, &named, &rest);
    }
    if (ok && rest.n) {
        acl_spans_normalise(&rest);
        ok = acl_spans_subtract(&rest, tunnels, out) && acl_spans_append(out, &named);
    } else if (ok) {
        *out = named;
        named = (struct acl_spans){ .n = 0 };
    }
    acl_spans_normalise(out);
    acl_spans_destroy(&named);
    acl_spans_destroy(&rest);
    if (!ok) {
        acl_spans_destroy(out);
    }
    return ok;
}
