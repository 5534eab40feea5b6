#include <config.h>

#include "ctl/relay/community_id.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "util.h"

/* Of ICMP, a type that has an answer is ordered as a port would be, with the answer's type at the
 * other end; all others go one way. */
struct pair {
    uint8_t type, answer;
};
static const struct pair icmp4[] = { { 0, 8 },   { 8, 0 },  { 13, 14 }, { 14, 13 }, { 15, 16 },
                                     { 16, 15 }, { 10, 9 }, { 9, 10 },  { 17, 18 }, { 18, 17 } };
static const struct pair icmp6[] = { { 128, 129 }, { 129, 128 }, { 133, 134 }, { 134, 133 },
                                     { 135, 136 }, { 136, 135 }, { 130, 131 }, { 131, 130 },
                                     { 144, 145 }, { 145, 144 }, { 139, 140 }, { 140, 139 } };

static bool
has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
           protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* Puts the answer's type in the place of the code.  False: it goes one way. */
static bool
pair_icmp(uint8_t protocol, uint16_t type, uint16_t *code)
{
    const struct pair *pairs = protocol == IPPROTO_ICMP ? icmp4 : icmp6;
    size_t n = protocol == IPPROTO_ICMP ? ARRAY_SIZE(icmp4) : ARRAY_SIZE(icmp6);

    for (size_t i = 0; i < n; i++) {
        if (pairs[i].type == type) {
            *code = pairs[i].answer;
            return true;
        }
    }
    return false;
}

static size_t
put16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t) (value >> 8);
    out[1] = (uint8_t) value;
    return 2;
}

static void
encode(const uint8_t *data, size_t n, char out[COMMUNITY_ID_SIZE])
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    unsigned char text[32];

    EVP_Digest(data, n, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(text, digest, sizeof digest);
    memcpy(out, "1:", 2);
    memcpy(out + 2, text, COMMUNITY_ID_SIZE - 2);
    out[COMMUNITY_ID_SIZE - 1] = '\0';
}

bool
community_id(const char *src, const char *dst, uint8_t protocol, uint16_t src_port,
             uint16_t dst_port, char out[COMMUNITY_ID_SIZE])
{
    int family = strchr(src, ':') ? AF_INET6 : AF_INET;
    size_t size = family == AF_INET6 ? 16 : 4;
    bool icmp = protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
    bool two_way = !icmp || pair_icmp(protocol, src_port, &dst_port);
    uint8_t a[16], b[16], data[2 + 32 + 2 + 4];
    bool swap;
    size_t n;
    int order;

    if (inet_pton(family, src, a) != 1 || inet_pton(family, dst, b) != 1) {
        return false;
    }
    order = memcmp(a, b, size);
    swap = two_way && (order > 0 || (!order && src_port > dst_port));
    n = put16(data, 0); /* the seed */
    memcpy(data + n, swap ? b : a, size);
    memcpy(data + n + size, swap ? a : b, size);
    n += 2 * size;
    data[n++] = protocol;
    data[n++] = 0;
    if (has_ports(protocol)) {
        n += put16(data + n, swap ? dst_port : src_port);
        n += put16(data + n, swap ? src_port : dst_port);
    }
    encode(data, n, out);
    return true;
}
