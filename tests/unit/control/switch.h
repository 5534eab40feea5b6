/* A packet path with one worker, and ports that never have a packet; what publishing needs. */
#ifndef TESTS_CONTROL_SWITCH_H
#define TESTS_CONTROL_SWITCH_H 1

#include "control/publish.h"

struct test_spec;

/* Set-up and tear-down of a suite: the packet path, its worker asleep.  0, or not. */
int switch_init(void);
int switch_exit(void);

/* Waits until the worker polls a port, and keeps it there; a port is published. */
void switch_hold_worker(void);
/* Any thread. */
void switch_let_worker_go(void);

/* Inserts the port of a spec that must be good, opened. */
struct desired_port *switch_add(struct desired *, const struct test_spec *);

/* What a test publishes: the worker polls its ports meanwhile. */
struct fixture {
    struct publisher p;
    struct desired d;
};
void fixture_open(struct fixture *);
void fixture_close(struct fixture *);

/* Inserts desktop or uplink 'n' of suites.h, opened. */
struct desired_port *fixture_desktop(struct fixture *, unsigned n);
/* Desktop 'n' under another name and in a VLAN. */
struct desired_port *fixture_desktop_in(struct fixture *, unsigned n, char *name, uint16_t vlan);
struct desired_port *fixture_uplink(struct fixture *, unsigned n);
/* Cuts a port off, with a list open (or NULL), to be published; ends that. */
void fixture_cut_off(struct fixture *, const struct desired_port *, int64_t since_us,
                     const char *list);
void fixture_let_go(struct fixture *, const struct desired_port *);
/* Takes it out, publishes that, and frees it. */
void fixture_delete(struct fixture *, struct desired_port *);

/* Two groups of ports, "sales" (label pool=sales) and "helpdesk" (desk9), and "servers"
 * (10.9.0.0/16); what servers may be sent differs from policy to policy. */
#define POLICY(SERVER_PORT)                                                                        \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  sales: { labels: { pool: sales } }\n"                                                       \
    "  helpdesk: { ports: [desk9] }\n"                                                             \
    "  servers: { cidrs: [10.9.0.0/16] }\n"                                                        \
    "rules:\n"                                                                                     \
    "  - { id: web, direction: egress, peer: servers, protocol: tcp, ports: [" #SERVER_PORT "],"   \
    " action: allow }\n"                                                                           \
    "  - { id: help, direction: ingress, peer: helpdesk, protocol: tcp, ports: [5900],"            \
    " action: allow }\n"
/* Compiles 'yaml' for the present ports.  The caller owns it. */
struct policy *fixture_policy(const struct fixture *, const char *yaml);
/* Publishes, which must go well. */
void fixture_publish(struct fixture *, struct policy *next);

/* What 'leaf' says of a TCP packet to 'dport', of which 'peer' (text) is the other end. */
enum acl_action fixture_verdict(const struct fixture *, const struct port_leaf *,
                                enum acl_direction, const char *peer, uint16_t dport);

#endif
