/* Random packets near what a policy's rules say, as frames. */
#ifndef TESTS_NFT_PACKET_H
#define TESTS_NFT_PACKET_H 1

#include "tests/system/nft_policy.h"

#define PACKET_BYTES 160

struct packet {
    uint8_t from, to; /* ends */
    uint16_t len;
    uint8_t frame[PACKET_BYTES]; /* ends with PACKET_MAGIC and 'id' */
};

/* An opening packet that the guard has no quarrel with, as policy is all that is compared here: no
 * neighbour discovery, no group membership (neither is up to rules), no fragments, no tags. */
void packet_random(struct dice *, const struct random_policy *, uint32_t id, struct packet *);
void packet_sentinel(uint8_t from, uint8_t to, uint32_t id, struct packet *);
/* What it is, for whoever has to look into it. */
void packet_print(const struct packet *);

/* Reads the mark that a frame of ours ends with.  'to' is whom its MAC names.  False: not ours. */
bool packet_read_mark(const uint8_t *frame, size_t len, uint32_t *id, uint8_t *from, uint8_t *to,
                      bool *sentinel);

#endif
