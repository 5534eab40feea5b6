/* What a frame says, read a second time and without a line of the product's parser: the way a
 * simple-minded receiver would, byte by byte, and only once the switch has let the frame through.
 */
#ifndef TESTS_FUZZ_ORACLE_H
#define TESTS_FUZZ_ORACLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t smac, dmac;
    unsigned type;            /* EtherType */
    uint8_t src[16], dst[16]; /* IP; ARP: sender and target; IPv4 in its mapped form */
    unsigned protocol;        /* the upper layer's, or -1u */
    unsigned hop_limit;       /* or time to live */
    bool fragment;            /* its upper layer is not all here */
    bool more;
    unsigned offset;   /* of the fragment, in bytes */
    uint32_t id;       /* of the fragment */
    const uint8_t *l3; /* all of the IP packet */
    size_t l3_len;
    const uint8_t *l4; /* its upper layer, or the fragment's part */
    size_t l4_len;
};

/* False: this cannot be read at all. */
bool oracle_read(const uint8_t *frame, size_t len, struct seen *);

/* Big-endian numbers of the upper layer; 0 where it is too short. */
unsigned oracle_u8(const struct seen *, size_t at);
unsigned oracle_u16(const struct seen *, size_t at);
uint32_t oracle_u32(const struct seen *, size_t at);
/* The Internet checksum over a buffer with an initial sum: 0 when right (RFC 1071). */
uint16_t oracle_sum(const uint8_t *, size_t, uint32_t initial);
/* The sum over the upper layer and its pseudo-header: 0 when its checksum is right; what belongs
 * into the checksum when that is 0. */
uint16_t oracle_l4_sum(const struct seen *);
/* Whether the upper layer's checksum is right: TCP, UDP, ICMP, ICMPv6; true for others. */
bool oracle_l4_sum_holds(const struct seen *);

#endif
