/* What the journal of flows is made of.
 *
 * A flow sums up the connections of one desktop with one peer for one service, in one direction,
 * within one hour (UTC): what the desktop was allowed.  A connection between two desktops is in a
 * flow of each.  One that goes on is in a flow of every hour in which it has had packets. */
#ifndef TELEMETRY_FLOW_ROW_H
#define TELEMETRY_FLOW_ROW_H 1

#include <stdint.h>

#include "acl/addr.h"

#define FLOW_NAME_SIZE 64       /* as struct drop_event has them */
#define FLOW_SESSIONS_SIZE 1024 /* likewise */
#define FLOW_NS_PER_HOUR UINT64_C(3600000000000)

struct flow_row {
    uint64_t id; /* in the file; 0: not there yet */
    /* What makes it the flow that it is. */
    char port[FLOW_NAME_SIZE]; /* the desktop, as it was named then */
    struct acl_addr peer;
    uint32_t hour; /* since 1970 */
    uint16_t vlan;
    uint16_t service; /* TCP, UDP: the port of who was asked; ICMP: type << 8 | code */
    uint8_t protocol;
    uint8_t direction; /* enum acl_direction; ACL_EGRESS: the desktop began the connections */
    /* As of the last packet. */
    char user[FLOW_NAME_SIZE];         /* that the port was set up with */
    char peer_port[FLOW_NAME_SIZE];    /* "" unless the peer is a desktop of this switch */
    char rule[FLOW_NAME_SIZE];         /* on the desktop's side; "": audit mode let it through */
    char sessions[FLOW_SESSIONS_SIZE]; /* as in struct drop_event */
    uint64_t first_ns, last_ns;        /* wall clock, of packets */
    uint64_t connections;              /* that had packets in this hour */
    uint64_t answered;                 /* ... in which both sides sent something */
    uint64_t packets_out, bytes_out;   /* from the desktop, with their Ethernet headers */
    uint64_t packets_in, bytes_in;
    uint64_t told_ns; /* when it last changed in the journal, by a clock that never goes back */
};

/* A switch was killed, or its disk failed to the end: of what had its last packet in between, some
 * may be missing. */
struct flow_gap {
    uint64_t from_ns, to_ns;
};
#define FLOW_GAPS 16 /* the newest are known */

#endif
