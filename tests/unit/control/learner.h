/* Control's bindings without packets: lessons come from the test, what is to be stored goes to it,
 * and time stands still unless the test moves it.  test_control is linked with --wrap for this. */
#ifndef TESTS_CONTROL_LEARNER_H
#define TESTS_CONTROL_LEARNER_H 1

#include "control/control.h"
#include "datapath/learn.h"

/* A control that has desired ports, a publisher, bindings, and the packet path of switch.h. */
extern struct control learner;
void learner_open(void);
void learner_close(void);
/* Desktop 'n' of suites.h, in a VLAN, which learns or does not; published with the next round. */
struct desired_port *learner_desktop(unsigned n, uint16_t vlan, bool learns);
struct desired_port *learner_uplink(unsigned n);

/* What a worker reports, in the VLAN of the port, or in 'vlan'; addresses are text. */
void teach_lease(const struct desired_port *, const char *addr, uint32_t seconds);
void teach_release(const struct desired_port *, const char *addr);
void teach_claim(const struct desired_port *, const char *addr);
void teach_defence(uint16_t vlan, const char *addr);
/* A router's advertisement, of the prefix of 'len' bits unless that is NULL. */
void teach_router(uint16_t vlan, const char *router, uint32_t seconds, const char *prefix,
                  uint8_t len, uint32_t prefix_seconds);

/* One round of control, 'ms' later. */
void learner_run(long long ms);
/* Whether workers know the address as the port's. */
bool learner_has(const struct desired_port *, const char *addr);
/* When what was learned ends, from now; LEARNED_FOR_EVER; -1: it was not learned. */
long long learner_left(const struct desired_port *, const char *addr);

/* Packets that were handed back in the last round, and those of them whose first lease was in force
 * then. */
extern unsigned learner_back, learner_back_in_force;

/* The change that waits to be stored, as "PORT ADDR HOW SECONDS\n" for each row, seconds from now
 * or -1; "" when none waits.  Valid until the next call. */
const char *learner_waiting(void);
/* Ends it so. */
void learner_stored(enum rpc_status);
/* What bindings_load() finds in the state, terminated by a row without a port. */
extern const struct state_binding *learner_rows;

#endif
