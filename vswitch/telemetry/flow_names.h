/* The names that flows carry: kept once each, by reference count, and found for numbers as they
 * were at a given time, so that a number used again never misleads.
 *
 * Nothing here locks; flow_log.c calls it under its mutex.  Times are of conn_clock(). */
#ifndef TELEMETRY_FLOW_NAMES_H
#define TELEMETRY_FLOW_NAMES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/port.h"
#include "openvswitch/hmap.h"

struct flow_name {
    struct hmap_node node;
    unsigned refs;
    char text[];
};

/* What a number stood for from a time on. */
struct flow_era {
    uint64_t since;
    struct flow_name *name, *user; /* of a port; of sessions: 'name' is their text */
};

struct flow_names {
    struct hmap by_text;
    /* Now, and before.  Connections of before are told within seconds. */
    struct flow_era ports[DP_MAX_PORTS][2], sessions[DP_MAX_PORTS][2];
};

void flow_names_init(struct flow_names *);
void flow_names_destroy(struct flow_names *);

/* The one name with this text, with a reference for the caller; NULL for "". */
struct flow_name *flow_names_intern(struct flow_names *, const char *text);
/* Puts 'name', which may be NULL, in the place of '*slot', with a reference. */
void flow_names_assign(struct flow_names *, struct flow_name **slot, struct flow_name *name);
/* "" for NULL. */
const char *flow_name_text(const struct flow_name *);

/* From 'now' on the port is the desktop 'name' of 'user'; "" and "": it is none.  The same again
 * changes nothing. */
void flow_names_set_port(struct flow_names *, uint16_t id, const char *name, const char *user,
                         uint64_t now);
void flow_names_set_sessions(struct flow_names *, uint16_t id, const char *sessions, uint64_t now);

/* What the port was at that time; its 'name' is NULL when it was no desktop.  NULL: that is not
 * known any more. */
const struct flow_era *flow_names_port(const struct flow_names *, uint16_t id, uint64_t at);
struct flow_name *flow_names_sessions(const struct flow_names *, uint16_t id, uint64_t at);

#endif
