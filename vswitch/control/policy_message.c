#include <config.h>

#include "control/policy_message.h"

#include <stdlib.h>
#include <string.h>

#include "acl/services.h"
#include "control/message.h"
#include "util.h"

/* ---- rules ---- */

static Fusuma__V1__Rule *
rule_message(const char *id, enum acl_direction direction, enum acl_action action,
             const struct slots *slots)
{
    int64_t last_s;
    struct ledger_rule_hits hits = slots_hits(slots, id, &last_s);
    Fusuma__V1__Rule *rule = message_new(&fusuma__v1__rule__descriptor);

    rule->id = xstrdup(id);
    rule->direction = xstrdup(direction == ACL_EGRESS ? "egress" : "ingress");
    rule->action = xstrdup(acl_action_name(action));
    rule->packets = hits.packets;
    rule->bytes = hits.bytes;
    rule->last_hit = time_message(last_s * 1000000);
    return rule;
}

static void
add_rules(const struct control *c, const struct policy *policy, Fusuma__V1__Policy *m)
{
    for (size_t i = 0; policy && i < policy->parsed->n_rules; i++) {
        const struct acl_rule *rule = &policy->parsed->rules[i];
        Fusuma__V1__Rule *r = rule_message(rule->id, rule->direction, rule->action, &c->slots);

        r->tier = xstrdup(acl_tier_name(rule->tier));
        r->audit = rule->audit;
        message_append(m->rules, m->n_rules, r);
    }
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        message_append(m->rules, m->n_rules,
                       rule_message(default_rule_id(i), i, ACL_DROP, &c->slots));
    }
}

/* ---- versions ---- */

Fusuma__V1__PolicyVersion *
policy_version_message(const struct control *c, const struct state_policy *text)
{
    Fusuma__V1__PolicyVersion *m = message_new(&fusuma__v1__policy_version__descriptor);
    const struct policy *present = c->publisher.policy;

    m->version = text->version;
    m->digest = xstrdup(text->digest);
    m->applied = time_message(text->applied_us);
    m->who = nullable_xstrdup(text->who);
    m->comment = nullable_xstrdup(text->comment);
    m->in_force = present && present->text->version == text->version;
    if (m->in_force && c->pending.confirm_by_s) {
        m->confirm_by = time_message(c->pending.confirm_by_s * 1000000);
        m->goes_back_to = c->pending.go_back;
    }
    return m;
}

Fusuma__V1__Policy *
policy_message(const struct control *c, const struct state_policy *text,
               const struct policy *policy)
{
    Fusuma__V1__Policy *m = message_new(&fusuma__v1__policy__descriptor);

    if (text) {
        if (text->n_sources == 1) {
            m->yaml = xstrdup(text->sources[0].yaml);
        }
        for (size_t i = 0; i < text->n_sources; i++) {
            Fusuma__V1__PolicySource *s = message_new(&fusuma__v1__policy_source__descriptor);

            s->name = xstrdup(text->sources[i].name);
            s->yaml = xstrdup(text->sources[i].yaml);
            message_append(m->sources, m->n_sources, s);
        }
        m->digest = xstrdup(text->digest);
        m->about = policy_version_message(c, text);
    }
    m->generation = policy ? policy->generation : 0;
    if (policy || !text) {
        add_rules(c, policy, m);
    }
    return m;
}

/* ---- what is realised ---- */

static const char *
mode_of(const struct port_leaf *leaf)
{
    return leaf->audits ? "audit" : leaf->audits_default ? "audit-default" : "enforce";
}

Fusuma__V1__PortPolicy *
port_policy_message(const struct control *c, const struct desired_port *port)
{
    const struct port_leaf *leaf = c->publisher.snapshot->ports[port->id];
    Fusuma__V1__PortPolicy *m;

    if (!leaf || leaf->role != PORT_DESKTOP) {
        return NULL;
    }
    m = message_new(&fusuma__v1__port_policy__descriptor);
    m->port = xstrdup(port->spec->name);
    m->generation = c->publisher.snapshot->generation;
    m->mode = xstrdup(mode_of(leaf));
    if (leaf->table[ACL_EGRESS]) { /* a leaf's tables are always those of the policy in force */
        m->policy_digest = xstrdup(c->publisher.policy->digest);
        m->egress_rules = acl_table_n_rules(leaf->table[ACL_EGRESS]);
        m->ingress_rules = acl_table_n_rules(leaf->table[ACL_INGRESS]);
        m->egress_table = acl_table_digest(leaf->table[ACL_EGRESS]);
        m->ingress_table = acl_table_digest(leaf->table[ACL_INGRESS]);
    }
    return m;
}

static Fusuma__V1__PolicyFinding *
finding_message(const struct state_policy *text, const struct acl_finding *f)
{
    Fusuma__V1__PolicyFinding *m = message_new(&fusuma__v1__policy_finding__descriptor);

    m->severity = xstrdup(acl_severity_name(f->severity));
    m->kind = xstrdup(acl_finding_name(f->kind));
    if (f->place.line && f->place.source < text->n_sources) {
        m->source = xstrdup(text->sources[f->place.source].name);
        m->line = f->place.line;
        m->column = f->place.column;
    }
    m->name = nullable_xstrdup(f->name);
    m->other = nullable_xstrdup(f->other);
    m->text = xstrdup(f->text);
    return m;
}

static Fusuma__V1__PolicyChange *
change_message(const struct acl_diff_entry *e)
{
    Fusuma__V1__PolicyChange *m = message_new(&fusuma__v1__policy_change__descriptor);

    m->kind = xstrdup(acl_diff_kind_name(e->kind));
    m->what = xstrdup(e->what);
    m->name = xstrdup(e->name);
    m->text = xstrdup(e->text);
    return m;
}

void
policy_changes_message(const struct acl_diff *diff, Fusuma__V1__PolicyChange ***changes, size_t *n)
{
    for (size_t i = 0; i < diff->n; i++) {
        message_append(*changes, *n, change_message(&diff->entries[i]));
    }
}

Fusuma__V1__DiffPoliciesResponse *
policy_diff_message(const struct acl_diff *diff)
{
    Fusuma__V1__DiffPoliciesResponse *m =
        message_new(&fusuma__v1__diff_policies_response__descriptor);

    policy_changes_message(diff, &m->changes, &m->n_changes);
    return m;
}

static void
add_checks(const struct policy_outcome *o, Fusuma__V1__ApplyPolicyResponse *m)
{
    for (size_t i = 0; o->checked && i < o->checked->n_findings; i++) {
        message_append(m->findings, m->n_findings,
                       finding_message(o->policy->text, &o->checked->findings[i]));
    }
    if (o->checked) {
        policy_changes_message(&o->checked->diff, &m->changes, &m->n_changes);
    }
}

Fusuma__V1__ApplyPolicyResponse *
policy_applied_message(const struct control *c, const struct policy_outcome *outcome)
{
    Fusuma__V1__ApplyPolicyResponse *m =
        message_new(&fusuma__v1__apply_policy_response__descriptor);
    const struct shash_node **nodes = shash_sort(&c->desired.ports);

    m->generation = c->publisher.generation;
    m->digest = xstrdup(outcome->policy->digest);
    m->rules = outcome->policy->parsed->n_rules;
    m->version = outcome->policy->text->version;
    m->confirm_by = time_message(outcome->confirm_by_s * 1000000);
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        Fusuma__V1__PortPolicy *p = port_policy_message(c, nodes[i]->data);

        if (p) {
            message_append(m->ports, m->n_ports, p);
        }
    }
    free(nodes);
    add_checks(outcome, m);
    m->elapsed = elapsed_message(&outcome->elapsed);
    return m;
}

Fusuma__V1__NamedService *
policy_service_message(const struct acl_shipped_service *s)
{
    Fusuma__V1__NamedService *m = message_new(&fusuma__v1__named_service__descriptor);
    char *parts = xstrdup(s->parts), *save = NULL;

    m->name = xstrdup(s->name);
    m->description = xstrdup(s->what);
    for (char *part = strtok_r(parts, " ", &save); part; part = strtok_r(NULL, " ", &save)) {
        m->parts = xrealloc(m->parts, (m->n_parts + 1) * sizeof *m->parts);
        m->parts[m->n_parts++] = xstrdup(part);
    }
    free(parts);
    return m;
}
