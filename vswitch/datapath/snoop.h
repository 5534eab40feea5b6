/* IGMP and MLD snooping (RFC 4541): multicast goes where somebody listens.
 *
 * What desktops report is learned (mcast.h) and goes on to routers only, never to other desktops,
 * for a desktop that hears another's report would not send its own.  Queries come from uplinks and
 * go to everybody; a desktop that asks would draw its neighbours' streams to itself, and is
 * dropped. Uplinks get all multicast: who listens behind them, others know. */
#ifndef DATAPATH_SNOOP_H
#define DATAPATH_SNOOP_H 1

#include "datapath/flood.h"
#include "datapath/snoop_parse.h"

/* IGMP, and ICMPv6 that is MLD. */
bool snoop_is_membership(const struct pkt *);
/* Why such a packet is dropped, or DROP_NONE, what it says, and who gets a copy; when there is
 * nobody it is consumed.  Nothing changes. */
enum drop_reason snoop_decide(struct worker *, const struct port_leaf *from, const struct pkt *,
                              struct snoop_message *, flood_filter **);
/* Deals with such a packet, wholly: it is gone when this returns. */
void snoop_input(struct worker *, const struct port_leaf *from, struct pkt *);

/* Whether 'p', which is for many, goes to the members of a group only; these are in w->members
 * then. The groups of a link (224.0.0.0/24, ff02::/16) go to all. */
bool snoop_is_for_members(struct worker *, const struct pkt *p);
/* Whether the port gets what is for w->members. */
bool snoop_wants(const struct worker *, const struct port_leaf *);

#endif
