/* Bindings that are learned: takes in what workers report (datapath/learn.h), binds what may be
 * bound, publishes, lets go of what was held for it, and stores it.
 *
 * DHCP: a lease is bound as its server says.  IPv6 addresses that a desktop forms itself are
 * claims: a claim within fe80::/10, or within a router's prefix if the port learns, is bound when
 * nobody has defended the address for CLAIM_MS (as RFC 6620, whose TENT_LT is the same time), it is
 * no router's, and a system may have formed it.  Routers are those behind uplinks; the guard drops
 * what desktops advertise. */
#ifndef CONTROL_BINDINGS_H
#define CONTROL_BINDINGS_H 1

struct control;
struct desired_port;
struct bindings;

#define CLAIM_MS 500 /* RFC 6620, 3.2.3; a host waits 1 s (RFC 4861, RetransTimer) */

/* The control thread, all of it. */
struct bindings *bindings_create(void);
void bindings_destroy(struct bindings *);
/* What the state has stored; before the first publication. */
void bindings_load(struct control *);
void bindings_run(struct control *);
/* The port goes. */
void bindings_forget(struct control *, const struct desired_port *);

#endif
