#include <config.h>

#include "acl/addr.h"

#include <arpa/inet.h>

bool
acl_addr_parse(const char *s, struct acl_addr *addr)
{
    uint32_t ip;

    if (inet_pton(AF_INET, s, &ip) == 1) {
        *addr = acl_addr_from_v4(ip);
        return true;
    }
    return inet_pton(AF_INET6, s, addr->b) == 1;
}

/* "0" to "128", digits only and no leading zero: what strtoul() would forgive ("+8", " 8", "08") is
 * a typing mistake in a firewall's policy. */
static bool
parse_len(const char *s, unsigned max, unsigned *len)
{
    unsigned value = 0;

    if (!*s || (*s == '0' && s[1])) {
        return false;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9') {
            return false;
        }
        value = value * 10 + (unsigned) (*s - '0');
        if (value > max) {
            return false;
        }
    }
    *len = value;
    return true;
}

static struct acl_addr
mask_of(unsigned len)
{
    struct acl_addr mask = { .q = { 0, 0 } };

    memset(mask.b, 0xff, len / 8);
    if (len % 8) {
        mask.b[len / 8] = (uint8_t) (0xff00 >> (len % 8));
    }
    return mask;
}

const char *
acl_prefix_parse_why(const char *s, struct acl_prefix *prefix)
{
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t) (slash - s) : strlen(s);
    char text[ACL_ADDR_STRLEN];
    struct acl_addr mask;
    unsigned len = 128;

    if (n >= sizeof text) {
        return "not an IPv4 or IPv6 address";
    }
    memcpy(text, s, n);
    text[n] = '\0';
    if (!acl_addr_parse(text, &prefix->addr)) {
        return "not an IPv4 or IPv6 address";
    }
    if (slash) {
        /* The notation, not the address, says how the length counts: ::ffff:10.0.0.0/104 is an
         * IPv6 text. */
        bool dotted = !strchr(text, ':');

        if (!parse_len(slash + 1, dotted ? 32 : 128, &len)) {
            return "bad prefix length";
        }
        len += dotted ? 96 : 0;
    }
    mask = mask_of(len);
    if ((prefix->addr.q[0] & ~mask.q[0]) || (prefix->addr.q[1] & ~mask.q[1])) {
        return "host bits are set";
    }
    prefix->len = (uint8_t) len;
    return NULL;
}

bool
acl_prefix_parse(const char *s, struct acl_prefix *prefix)
{
    return !acl_prefix_parse_why(s, prefix);
}

const char *
acl_addr_format(const struct acl_addr *addr, char buf[ACL_ADDR_STRLEN])
{
    if (acl_addr_is_v4(addr)) {
        inet_ntop(AF_INET, &addr->w[3], buf, ACL_ADDR_STRLEN);
    } else {
        inet_ntop(AF_INET6, addr->b, buf, ACL_ADDR_STRLEN);
    }
    return buf;
}

bool
acl_prefix_contains(const struct acl_prefix *prefix, const struct acl_addr *addr)
{
    struct acl_addr mask = mask_of(prefix->len);

    if (prefix->len < ACL_V4_LEN && acl_addr_is_v4(addr)) {
        return false;
    }
    return (addr->q[0] & mask.q[0]) == prefix->addr.q[0] &&
           (addr->q[1] & mask.q[1]) == prefix->addr.q[1];
}
