#include <config.h>

#include "datapath/judge.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>

#include "acl/tunnel.h"

static void
note_audit(struct judgement *j, enum acl_direction direction, uint32_t slot, uint8_t log)
{
    j->audit[j->n_audits++] = (struct denial){
        .rule_slot = slot, .peer_port = j->denial.peer_port, .log = log, .direction = direction
    };
}

/* What the table said beside its verdict. */
static void
note_on_the_way(struct judgement *j, enum acl_direction direction, const struct acl_verdict *v)
{
    for (unsigned i = 0; i < v->n_passed; i++) {
        j->passed_slot[j->n_passed++] = v->passed_slot[i];
    }
    if (v->audited) {
        note_audit(j, direction, v->audit_slot, v->audit_log);
    }
}

static void
deny(struct judgement *j, enum acl_direction direction, const struct acl_verdict *v, uint8_t log)
{
    bool by_default = v->rule == ACL_RULE_DEFAULT;

    j->reject = v->action == ACL_REJECT;
    j->denial.rule_slot = v->slot;
    j->denial.log = log;
    j->denial.direction = direction;
    if (direction == ACL_EGRESS) {
        j->reason = by_default ? DROP_EGRESS_DEFAULT : DROP_EGRESS_RULE;
    } else {
        j->reason = by_default ? DROP_INGRESS_DEFAULT : DROP_INGRESS_RULE;
    }
}

static struct acl_key
key_of(uint32_t peer_class, const struct judge_query *q)
{
    return (struct acl_key){ .peer_class = peer_class,
                             .sport = q->sport,
                             .dport = q->service,
                             .protocol = acl_key_protocol(q->protocol, q->service) };
}

/* Whether the quarantine of 'leaf', if it is in one, denies it. */
static bool
is_cut_off(const struct port_leaf *leaf, enum acl_direction direction, uint32_t peer_class,
           const struct judge_query *q, struct judgement *j)
{
    struct acl_key key = key_of(peer_class, q);
    struct acl_verdict v = { .action = ACL_DROP };

    if (likely(!leaf->quarantined)) {
        return false;
    }
    if (leaf->open[direction]) {
        acl_table_lookup(leaf->open[direction], &key, &v);
    }
    if (v.action != ACL_ALLOW) {
        j->reason = direction == ACL_EGRESS ? DROP_QUARANTINE : DROP_QUARANTINE_PEER;
        j->reject = leaf->resets && q->protocol == IPPROTO_TCP;
    }
    return v.action != ACL_ALLOW;
}

/* Whether its tables are asked. */
static bool
has_firewall(const struct port_leaf *leaf)
{
    return leaf->role == PORT_DESKTOP && !leaf->quarantined;
}

/* One table's word on it.  False: denied, and 'j' says why. */
static bool
ask(const struct port_leaf *leaf, enum acl_direction direction, uint32_t peer_class,
    const struct judge_query *q, struct judgement *j)
{
    struct acl_key key = key_of(peer_class, q);
    struct acl_verdict v;
    uint8_t log;

    if (!leaf->table[direction]) {
        j->reason = DROP_NO_POLICY;
        j->denial.direction = direction;
        return false;
    }
    acl_table_lookup(leaf->table[direction], &key, &v);
    if (unlikely(v.n_passed || v.audited)) {
        note_on_the_way(j, direction, &v);
    }
    if (v.action == ACL_ALLOW) {
        j->rule_slot[direction] = v.slot;
        return true;
    }
    log = v.rule == ACL_RULE_DEFAULT ? leaf->default_log : v.log;
    if (leaf->audits || (leaf->audits_default && v.rule == ACL_RULE_DEFAULT)) {
        if (!v.audited) { /* otherwise told already */
            note_audit(j, direction, v.slot, log);
        }
        return true;
    }
    deny(j, direction, &v, log);
    return false;
}

void
judge(const struct snapshot *s, const struct judge_query *q, struct judgement *j)
{
    *j = (struct judgement){
        .denial = { .rule_slot = UINT32_MAX,
                    .peer_port = q->to ? q->to->id : DP_PORT_NONE,
                    .log = ACL_LOG_INCIDENT },
        .rule_slot = { UINT32_MAX, UINT32_MAX },
        .class = { snapshot_class(s, &q->dst, q->vlan), snapshot_class(s, &q->src, q->vlan) },
    };
    if (is_cut_off(q->from, ACL_EGRESS, j->class[0], q, j) ||
        (q->to && is_cut_off(q->to, ACL_INGRESS, j->class[1], q, j)) ||
        (has_firewall(q->from) && !ask(q->from, ACL_EGRESS, j->class[0], q, j))) {
        return;
    }
    if (q->to && has_firewall(q->to)) {
        ask(q->to, ACL_INGRESS, j->class[1], q, j);
    }
}

static const struct port_leaf *
leaf_of(const struct snapshot *s, const struct conn *c, unsigned side)
{
    uint16_t id = atomic_load_explicit(&c->port[side], memory_order_relaxed);

    return id < DP_MAX_PORTS ? s->ports[id] : NULL;
}

static uint32_t
get(const _Atomic uint32_t *cell)
{
    return atomic_load_explicit(cell, memory_order_acquire);
}

static void
set(_Atomic uint32_t *cell, uint32_t value)
{
    atomic_store_explicit(cell, value, memory_order_release);
}

bool
judge_rests_on(const struct snapshot *s, const struct conn *c)
{
    unsigned from = c->initiator;
    const struct port_leaf *a = leaf_of(s, c, from), *b = leaf_of(s, c, !from);

    return a && b && a->epoch == get(&c->epoch[from]) && b->epoch == get(&c->epoch[!from]) &&
           a->table_id[ACL_EGRESS] == get(&c->table_id[0]) &&
           b->table_id[ACL_INGRESS] == get(&c->table_id[1]) &&
           snapshot_class(s, &c->key.addr[!from], c->key.vlan) == get(&c->class[0]) &&
           snapshot_class(s, &c->key.addr[from], c->key.vlan) == get(&c->class[1]);
}

void
judge_note(const struct snapshot *s, const struct judgement *j, struct conn *c)
{
    unsigned from = c->initiator;
    const struct port_leaf *a = leaf_of(s, c, from), *b = leaf_of(s, c, !from);

    for (int i = 0; i < 2; i++) {
        set(&c->rule_slot[i], j->rule_slot[i]);
        set(&c->class[i], j -> class[i]);
    }
    set(&c->table_id[0], a ? a->table_id[ACL_EGRESS] : 0);
    set(&c->table_id[1], b ? b->table_id[ACL_INGRESS] : 0);
    set(&c->epoch[from], a ? a->epoch : 0);
    set(&c->epoch[!from], b ? b->epoch : 0);
    conn_settle(c, s->generation);
}

bool
judge_query_of(const struct snapshot *s, const struct conn *c, const struct port_leaf *known,
               struct judge_query *q)
{
    unsigned from = c->initiator;
    uint16_t to = atomic_load_explicit(&c->port[!from], memory_order_relaxed);

    q->from = leaf_of(s, c, from);
    q->to = to == DP_PORT_NONE ? known : to < DP_MAX_PORTS ? s->ports[to] : NULL;
    q->src = c->key.addr[from];
    q->dst = c->key.addr[!from];
    q->sport = c->key.l4[from];
    q->vlan = c->key.vlan;
    q->protocol = c->key.protocol;
    q->service = q->protocol == IPPROTO_ICMP     ? 8 << 8
                 : q->protocol == IPPROTO_ICMPV6 ? 128 << 8
                                                 : c->key.l4[!from];
    return q->from && (q->to || to == DP_PORT_NONE);
}
