#include <config.h>

#include "tests/unit/control/learner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "timeval.h"
#include "util.h"

#define QUEUE 2048

struct control learner;
unsigned learner_back, learner_back_in_force;
const struct state_binding *learner_rows;

static struct lesson queue[QUEUE];
static size_t n_queue, n_taken;
static struct change *waiting;
static long long stopped_ms; /* 0: time is what it is */
static char text[4096];

/* ---- what bindings.c calls ---- */

long long __real_time_msec(void);
long long __wrap_time_msec(void);
bool __wrap_learner_take(struct learner *, struct lesson *);
void __wrap_learner_hand_back(struct learner *, const struct lesson *);
void __real_change_submit(struct control *, struct change *);
void __wrap_change_submit(struct control *, struct change *);
int __real_state_set_bindings(struct state *, const char *const *, size_t,
                              const struct state_binding *, size_t, char **);
int __wrap_state_set_bindings(struct state *, const char *const *, size_t,
                              const struct state_binding *, size_t, char **);
bool __real_state_load_bindings(struct state *, void (*)(const struct state_binding *, void *),
                                void *);
bool __wrap_state_load_bindings(struct state *, void (*)(const struct state_binding *, void *),
                                void *);

long long
__wrap_time_msec(void)
{
    return stopped_ms ? stopped_ms : __real_time_msec();
}

bool
__wrap_learner_take(struct learner *l OVS_UNUSED, struct lesson *lesson)
{
    if (n_taken == n_queue) {
        n_taken = n_queue = 0;
        return false;
    }
    *lesson = queue[n_taken++];
    return true;
}

void
__wrap_learner_hand_back(struct learner *l OVS_UNUSED, const struct lesson *lesson)
{
    const struct binding *b =
        snapshot_binding(learner.publisher.snapshot, &lesson->lease[0].addr, lesson->vlan);

    learner_back++;
    learner_back_in_force += b && b->port == lesson->port;
}

void
__wrap_change_submit(struct control *c, struct change *change)
{
    if (c->changes.state) { /* a suite that stores */
        __real_change_submit(c, change);
        return;
    }
    CU_ASSERT_PTR_NULL(waiting); /* one at a time */
    waiting = change;
}

int
__wrap_state_set_bindings(struct state *state, const char *const *ports, size_t n_ports,
                          const struct state_binding *rows, size_t n, char **error)
{
    if (state) {
        return __real_state_set_bindings(state, ports, n_ports, rows, n, error);
    }
    for (size_t i = 0, used = 0; i < n && used < sizeof text; i++) {
        long long left = rows[i].expires_s ? rows[i].expires_s - time_wall_msec() / 1000 : -1;
        used += snprintf(text + used, sizeof text - used, "%s %s %s %lld\n", rows[i].port,
                         rows[i].addr, rows[i].how, left);
    }
    return 0;
}

bool
__wrap_state_load_bindings(struct state *state, void (*cb)(const struct state_binding *, void *),
                           void *aux)
{
    if (state) {
        return __real_state_load_bindings(state, cb, aux);
    }
    for (const struct state_binding *row = learner_rows; row->port; row++) {
        cb(row, aux);
    }
    return true;
}

/* ---- a control ---- */

void
learner_open(void)
{
    memset(&learner, 0, sizeof learner);
    desired_init(&learner.desired);
    publisher_init(&learner.publisher);
    learner.bindings = bindings_create();
    n_queue = n_taken = 0;
    stopped_ms = __real_time_msec();
    vlog_set_levels(vlog_module_from_name("bindings"), VLF_CONSOLE, VLL_OFF);
    CU_ASSERT_EQUAL_FATAL(dp_start(), 0);
}

void
learner_close(void)
{
    if (waiting) {
        learner_stored(RPC_OK);
    }
    dp_stop();
    dp_publish(NULL);
    stopped_ms = 0;
    bindings_destroy(learner.bindings);
    publisher_destroy(&learner.publisher);
    desired_destroy(&learner.desired);
}

static void
publish_now(void)
{
    CU_ASSERT_EQUAL_FATAL(publish(&learner.publisher, &learner.desired, NULL), 0);
}

struct desired_port *
learner_desktop(unsigned n, uint16_t vlan, bool learns)
{
    struct desired_port *port;
    struct test_spec s;

    spec_desktop(&s, n);
    s.spec.vlan = vlan;
    s.spec.learn = learns;
    port = switch_add(&learner.desired, &s);
    publish_now();
    return port;
}

struct desired_port *
learner_uplink(unsigned n)
{
    struct desired_port *port;
    struct test_spec s;

    spec_uplink(&s, n);
    port = switch_add(&learner.desired, &s);
    publish_now();
    return port;
}

/* ---- lessons ---- */

static struct acl_addr
address(const char *addr)
{
    struct acl_addr a;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(addr, &a));
    return a;
}

static struct lesson *
teach(enum lesson_kind kind, uint16_t port, uint16_t vlan)
{
    struct lesson *lesson = &queue[n_queue++];

    CU_ASSERT_TRUE_FATAL(n_queue < QUEUE);
    *lesson = (struct lesson){ .kind = kind, .port = port, .vlan = vlan };
    return lesson;
}

void
teach_lease(const struct desired_port *port, const char *addr, uint32_t seconds)
{
    static char a_packet;
    struct lesson *lesson = teach(LESSON_LEASE, port->id, port->vlan);

    lesson->held = (struct rte_mbuf *) &a_packet; /* is not looked at */
    lesson->n_leases = 1;
    lesson->lease[0] = (struct dhcp_lease){ address(addr), seconds };
}

void
teach_release(const struct desired_port *port, const char *addr)
{
    struct lesson *lesson = teach(LESSON_RELEASE, port->id, port->vlan);

    lesson->n_leases = 1;
    lesson->lease[0].addr = address(addr);
    lesson->lease[0].seconds = 1000; /* says nothing in a release */
}

void
teach_claim(const struct desired_port *port, const char *addr)
{
    teach(LESSON_CLAIM, port->id, port->vlan)->addr = address(addr);
}

void
teach_defence(uint16_t vlan, const char *addr)
{
    teach(LESSON_DEFENCE, DP_MAX_PORTS - 1, vlan)->addr = address(addr);
}

void
teach_router(uint16_t vlan, const char *router, uint32_t seconds, const char *prefix, uint8_t len,
             uint32_t prefix_seconds)
{
    struct lesson *lesson = teach(LESSON_ROUTER, DP_MAX_PORTS - 1, vlan);

    lesson->addr = address(router);
    lesson->seconds = seconds;
    if (prefix) {
        lesson->n_leases = 1;
        lesson->prefix_len[0] = len;
        lesson->lease[0] = (struct dhcp_lease){ address(prefix), prefix_seconds };
    }
}

/* ---- what became of it ---- */

void
learner_run(long long ms)
{
    stopped_ms += ms;
    learner_back = learner_back_in_force = 0;
    bindings_run(&learner);
}

bool
learner_has(const struct desired_port *port, const char *addr)
{
    const struct acl_addr a = address(addr);
    const struct binding *b = snapshot_binding(learner.publisher.snapshot, &a, port->vlan);

    return b && b->port == port->id;
}

long long
learner_left(const struct desired_port *port, const char *addr)
{
    const struct acl_addr a = address(addr);

    for (size_t i = 0; i < port->n_learned; i++) {
        const struct learned *l = &port->learned[i];
        if (acl_addr_equals(&l->addr, &a)) {
            return l->expires_ms == LEARNED_FOR_EVER ? LEARNED_FOR_EVER
                                                     : l->expires_ms - stopped_ms;
        }
    }
    return -1;
}

const char *
learner_waiting(void)
{
    char *error = NULL;

    text[0] = '\0';
    if (waiting) {
        CU_ASSERT_EQUAL(waiting->ops->store(NULL, waiting, &error), 0);
    }
    return text;
}

void
learner_stored(enum rpc_status status)
{
    struct change *change = waiting;

    CU_ASSERT_PTR_NOT_NULL_FATAL(change);
    waiting = NULL;
    change->ops->done(&learner, change, status, status ? "the disk is full" : NULL);
}
