#include <config.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "control/compile.h"
#include "control/membership.h"
#include "control/slots.h"
#include "datapath/worker.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

/* ---- ports without packets ---- */

static _Atomic bool hold, held;

static uint16_t
quiet_rx(struct dp_port *port OVS_UNUSED, struct rte_mbuf **m OVS_UNUSED, uint16_t n OVS_UNUSED)
{
    while (atomic_load(&hold)) {
        atomic_store(&held, true);
        sched_yield();
    }
    return 0;
}

void
switch_hold_worker(void)
{
    atomic_store(&held, false);
    atomic_store(&hold, true);
    while (!atomic_load(&held)) {
        sched_yield();
    }
}

void
switch_let_worker_go(void)
{
    atomic_store(&hold, false);
}

static int
quiet_arm(struct dp_port *port OVS_UNUSED, bool on OVS_UNUSED)
{
    return -1;
}

static const struct dp_port_ops quiet_ops = { .type = "quiet", .rx = quiet_rx, .arm = quiet_arm };
static struct dp_port quiet_ports[DP_MAX_PORTS];

struct desired_port *
switch_add(struct desired *d, const struct test_spec *s)
{
    struct desired_port *port;
    char *error = NULL;

    CU_ASSERT_EQUAL_FATAL(desired_port_create(&s->spec, "/run", &port, &error), RPC_OK);
    CU_ASSERT_EQUAL_FATAL(desired_number(d, port, &error), RPC_OK);
    port->dp = &quiet_ports[port->id];
    *port->dp = (struct dp_port){ .ops = &quiet_ops, .id = port->id, .mtu = 1500, .up = true };
    desired_insert(d, port);
    return port;
}

struct desired_port *
fixture_desktop(struct fixture *f, unsigned n)
{
    struct test_spec s;

    spec_desktop(&s, n);
    return switch_add(&f->d, &s);
}

struct desired_port *
fixture_desktop_in(struct fixture *f, unsigned n, char *name, uint16_t vlan)
{
    struct test_spec s;

    spec_desktop(&s, n);
    s.spec.name = name;
    s.vhost.socket = name;
    s.spec.vlan = vlan;
    return switch_add(&f->d, &s);
}

struct desired_port *
fixture_uplink(struct fixture *f, unsigned n)
{
    struct test_spec s;

    spec_uplink(&s, n);
    return switch_add(&f->d, &s);
}

void
fixture_cut_off(struct fixture *f, const struct desired_port *port, int64_t since_us,
                const char *list)
{
    struct quarantine *q = xzalloc(sizeof *q), *old;
    char *id;

    *q = (struct quarantine){ .vm_id = xstrdup(port->spec->vm_id),
                              .port = xstrdup(port->spec->name),
                              .since_us = since_us,
                              .who = xstrdup("uid 0"),
                              .comment = xstrdup("") };
    svec_init(&q->allow);
    if (list) {
        svec_add(&q->allow, list);
    }
    id = quarantine_id(q);
    CU_ASSERT_TRUE(desired_put_quarantine(&f->d, id, q, &old));
    quarantine_destroy(old);
    free(id);
}

void
fixture_let_go(struct fixture *f, const struct desired_port *port)
{
    struct quarantine *old;
    char *id = quarantine_id(port->quarantine);

    CU_ASSERT_TRUE(desired_put_quarantine(&f->d, id, NULL, &old));
    CU_ASSERT_PTR_NOT_NULL(old);
    quarantine_destroy(old);
    free(id);
}

void
fixture_delete(struct fixture *f, struct desired_port *port)
{
    desired_remove(&f->d, port);
    fixture_publish(f, NULL);
    desired_port_destroy(port);
}

/* ---- the packet path ---- */

int
switch_init(void)
{
    struct dp_config config = { .n_workers = 1,
                                .max_connections = 1024,
                                .max_port_connections = 1024,
                                .n_rule_slots = N_RULE_SLOTS,
                                .idle_sleep = true };
    char *error = NULL;
    int retval;

    config.lcores[0] = rte_get_next_lcore(-1, 1, 0);
    retval = dp_init(&config, &error);
    free(error);
    return retval;
}

int
switch_exit(void)
{
    dp_exit();
    return 0;
}

void
fixture_open(struct fixture *f)
{
    desired_init(&f->d);
    publisher_init(&f->p);
    CU_ASSERT_EQUAL_FATAL(dp_start(), 0);
}

void
fixture_close(struct fixture *f)
{
    dp_stop();
    dp_publish(NULL);
    publisher_destroy(&f->p);
    desired_destroy(&f->d);
}

/* ---- policies ---- */

struct policy *
fixture_policy(const struct fixture *f, const char *yaml)
{
    struct policy *policy = xzalloc(sizeof *policy);
    struct compile_job job = { .default_slots = { DEFAULT_SLOT(ACL_EGRESS),
                                                  DEFAULT_SLOT(ACL_INGRESS) } };
    struct acl_error error = { .text = "" };

    if (acl_policy_parse(&(struct acl_source){ yaml, strlen(yaml) }, 1, &policy->parsed, &error)) {
        expect_text(error.text, "no error");
        CU_FAIL_FATAL("a policy of the tests is wrong");
    }
    policy->text = xzalloc(sizeof *policy->text);
    job.policy = policy->parsed;
    job.slots = xcalloc(policy->parsed->n_rules + 1, sizeof *job.slots);
    job.members = membership_of_addresses(policy->parsed, &f->d, VLAN_NONE, &job.n_members);
    compile_add_ports(&job, &f->d);
    compile_now(&job);
    CU_ASSERT_EQUAL_FATAL(job.error, 0);
    policy->compiled = job.compiled;
    policy->n_rows = acl_classes_count(policy->compiled.classes);
    compile_job_release(&job);
    return policy;
}

void
fixture_publish(struct fixture *f, struct policy *next)
{
    CU_ASSERT_EQUAL_FATAL(publish(&f->p, &f->d, next), 0);
}

enum acl_action
fixture_verdict(const struct fixture *f, const struct port_leaf *leaf, enum acl_direction direction,
                const char *peer, uint16_t dport)
{
    struct acl_key key = { .sport = 40000, .dport = dport, .protocol = 6 };
    struct acl_verdict verdict;
    struct acl_addr addr;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(peer, &addr));
    key.peer_class = acl_classmap_lookup(f->p.snapshot->classes, &addr);
    acl_table_lookup(leaf->table[direction], &key, &verdict);
    return (enum acl_action) verdict.action;
}
