/* What an IGMP (RFC 1112, 2236, 3376) or MLD (RFC 2710, 3810) message says. */
#ifndef DATAPATH_SNOOP_PARSE_H
#define DATAPATH_SNOOP_PARSE_H 1

#include "datapath/parse.h"

enum snoop_kind {
    SNOOP_QUERY,
    SNOOP_REPORT, /* about one group or several, also a leave or a done */
    SNOOP_OTHER   /* IGMP that routers speak to each other: DVMRP, router discovery */
};

enum snoop_change { SNOOP_NO_CHANGE, SNOOP_JOIN, SNOOP_LEAVE };

struct snoop_message {
    enum snoop_kind kind;
    const uint8_t *at; /* the next record */
    uint32_t n;        /* records from there on */
    /* Of a message about one group, which has no records. */
    struct acl_addr group;
    enum snoop_change change;
    bool v6, records;
};

bool snoop_is_group(const struct acl_addr *); /* whether it is a multicast address */
/* Fills in 'message' from a packet that is IGMP or MLD, and not a fragment.  DROP_NONE; or why it
 * is to be dropped whole: then nothing of it was believed. */
enum drop_reason snoop_parse(const struct pkt *, struct snoop_message *);
/* The next group that the message is about, and what of it; false at the end. */
bool snoop_next(struct snoop_message *, struct acl_addr *group, enum snoop_change *);

#endif
