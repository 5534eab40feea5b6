/* Sets of numbers as spans: sorted, disjoint, none touching the next.  So two of them are equal
 * when their spans are.
 *
 * What a rule matches is two of them: addresses as 128-bit numbers, and services as protocol << 16
 * | port (acl_service_spans()).  Pure; who made a set destroys it. */
#ifndef ACL_SPANS_H
#define ACL_SPANS_H 1

#include "acl/policy.h"

typedef unsigned __int128 acl_u128;

struct acl_span {
    acl_u128 lo, hi; /* inclusive */
};

/* Begins as { 0 }: the empty set. */
struct acl_spans {
    struct acl_span *v;
    size_t n;
};

extern const struct acl_spans acl_spans_all;

void acl_spans_destroy(struct acl_spans *);
/* Appends, in any order; acl_spans_normalise() is due before anything else is asked.  False when
 * memory is short. */
bool acl_spans_add(struct acl_spans *, acl_u128 lo, acl_u128 hi);
bool acl_spans_append(struct acl_spans *, const struct acl_spans *);
void acl_spans_normalise(struct acl_spans *);

bool acl_spans_equal(const struct acl_spans *, const struct acl_spans *);
/* Whether 'inner' is a subset of 'outer'; O(inner log outer). */
bool acl_spans_contain(const struct acl_spans *outer, const struct acl_spans *inner);
bool acl_spans_meet(const struct acl_spans *, const struct acl_spans *);
/* '*out' gets what is in 'a' and not in 'b'.  False when memory is short: it is empty then. */
bool acl_spans_subtract(const struct acl_spans *a, const struct acl_spans *b,
                        struct acl_spans *out);

/* The addresses of a prefix: one span or two, for IPv6's cover no IPv4 address.  How many. */
size_t acl_prefix_spans(const struct acl_prefix *, struct acl_span spans[2]);
bool acl_spans_add_prefix(struct acl_spans *, const struct acl_prefix *);
/* What no rule allows that does not name it (tunnel.h), as services.  False when memory is short.
 */
bool acl_tunnel_spans(struct acl_spans *);
/* '*out' gets the services that a rule of these parts and this action matches: with tunnels where
 * it means them ('tunnels': all there are).  Protocols without ports have all of theirs.  False
 * when memory is short. */
bool acl_service_spans(const struct acl_service *parts, size_t n, enum acl_action,
                       const struct acl_spans *tunnels, struct acl_spans *out);

#endif
