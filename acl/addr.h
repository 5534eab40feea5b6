/* Addresses and prefixes.
 *
 * One form for both families: IPv4 is held as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), in network byte
 * order, so that rules, classes and connection keys need no family tag.  All functions here are
 * pure and may be called from any thread. */
#ifndef ACL_ADDR_H
#define ACL_ADDR_H 1

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct acl_addr {
    union {
        uint8_t b[16];
        uint32_t w[4];
        uint64_t q[2];
    };
};

/* 'len' counts bits of the 128-bit form: IPv4 a.b.c.d/24 has len 120.  A prefix shorter than
 * ACL_V4_LEN is IPv6's and covers no IPv4 address: ::/0 is all of IPv6 only.  Bits after 'len' are
 * zero. */
struct acl_prefix {
    struct acl_addr addr;
    uint8_t len;
};

#define ACL_V4_LEN 96      /* of ::ffff:0:0/96, in which IPv4 lies */
#define ACL_ADDR_STRLEN 46 /* longest text with its NUL, as INET6_ADDRSTRLEN */

static inline bool
acl_addr_equals(const struct acl_addr *a, const struct acl_addr *b)
{
    return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

static inline bool
acl_addr_is_v4(const struct acl_addr *a)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    return !memcmp(a->b, mapped, sizeof mapped);
}

/* 'ip' is in network byte order. */
static inline struct acl_addr
acl_addr_from_v4(uint32_t ip)
{
    struct acl_addr a = { .b = { [10] = 0xff, [11] = 0xff } };
    a.w[3] = ip;
    return a;
}

/* Text to address ("10.0.0.1", "2001:db8::1").  False when 's' is neither. */
bool acl_addr_parse(const char *s, struct acl_addr *);
/* Text to prefix; a bare address is a host prefix.  Host bits that are set are an error (false). */
bool acl_prefix_parse(const char *s, struct acl_prefix *);
/* The same, but says what is wrong ("host bits are set"), or returns NULL when nothing is. */
const char *acl_prefix_parse_why(const char *s, struct acl_prefix *);
/* Address to text: IPv4 dotted, IPv6 per RFC 5952.  Returns 'buf'. */
const char *acl_addr_format(const struct acl_addr *, char buf[ACL_ADDR_STRLEN]);
bool acl_prefix_contains(const struct acl_prefix *, const struct acl_addr *);

/* By address, as a number, then by length: what lies around a prefix comes before it. */
static inline int
acl_prefix_compare(const struct acl_prefix *a, const struct acl_prefix *b)
{
    for (int i = 0; i < 2; i++) {
        uint64_t x = be64toh(a->addr.q[i]), y = be64toh(b->addr.q[i]);

        if (x != y) {
            return x > y ? 1 : -1;
        }
    }
    return (a->len > b->len) - (a->len < b->len);
}

#endif
