/* IGMP and MLD messages for tests: made whole, then spoiled as a test likes, then sent, with the
 * right lengths and checksums and nothing readable behind them, into the bench. */
#ifndef TESTS_DATAPATH_MESSAGES_H
#define TESTS_DATAPATH_MESSAGES_H 1

#include <stdbool.h>
#include <stdint.h>

#define QUERY 0x11
#define V1_REPORT 0x12
#define V2_REPORT 0x16
#define V2_LEAVE 0x17
#define V3_REPORT 0x22
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD_V2_REPORT 143
enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD };

struct message {
    uint8_t b[512];
    uint16_t len; /* of the frame */
    uint8_t l4;
    bool v6, bad_sum;
};

/* From the station 'from', which is also the port that it is sent in at; IPv4 addresses are in host
 * order. */

/* An IGMPv1 or IGMPv2 message, or one of MLDv1, about one group. */
void message_about4(struct message *, uint8_t from, uint8_t type, uint32_t dst, uint32_t group);
void message_about6(struct message *, uint8_t from, uint8_t type, const uint8_t dst[16],
                    const uint8_t group[16]);
/* An IGMPv3 or MLDv2 report without records; another record at its end. */
void message_report4(struct message *, uint8_t from);
void message_report6(struct message *, uint8_t from);
void message_record(struct message *, uint8_t type, const void *group, uint8_t n_sources,
                    uint8_t n_aux);
void message_record4(struct message *, uint8_t type, uint32_t group, uint8_t n_sources,
                     uint8_t n_aux);

void message_send(struct message *);
/* ... and lets control learn from it. */
void message_tell(struct message *);

/* Whether the port counts as a listener of the group, in VLAN 0. */
bool message_heard4(uint16_t port, uint32_t group);
bool message_heard6(uint16_t port, const uint8_t group[16]);

#endif
