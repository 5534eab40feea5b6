/* Which rules judged a packet that was traced, and which one came near. */
#include <config.h>

#include <netinet/in.h>
#include <stdlib.h>

#include "acl/explain.h"
#include "acl/format.h"
#include "control/membership.h"
#include "control/message.h"
#include "control/trace_message.h"
#include "util.h"

/* ---- one rule ---- */

static const struct acl_rule *
find_rule(const struct policy *policy, uint32_t slot)
{
    for (size_t i = 0; policy && i < policy->parsed->n_rules; i++) {
        if (policy->compiled.slots[i] == slot) {
            return &policy->parsed->rules[i];
        }
    }
    return NULL;
}

static Fusuma__V1__TraceRule *
default_message(enum acl_direction direction)
{
    Fusuma__V1__TraceRule *m = message_new(&fusuma__v1__trace_rule__descriptor);

    m->id = xstrdup(default_rule_id(direction));
    m->direction = xstrdup(acl_direction_name(direction));
    m->action = xstrdup(acl_action_name(ACL_DROP));
    return m;
}

static Fusuma__V1__TraceRule *
rule_message(const struct policy *policy, const struct acl_rule *rule)
{
    Fusuma__V1__TraceRule *m = message_new(&fusuma__v1__trace_rule__descriptor);
    char *text;

    m->id = xstrdup(rule->id);
    m->direction = xstrdup(acl_direction_name(rule->direction));
    m->tier = xstrdup(acl_tier_name(rule->tier));
    m->action = xstrdup(acl_action_name(rule->action));
    if (rule->place.source < policy->text->n_sources) {
        m->source = xstrdup(policy->text->sources[rule->place.source].name);
    }
    m->line = rule->place.line;
    m->column = rule->place.column;
    if (!acl_rule_text(policy->parsed, rule, &text)) {
        m->text = text;
    }
    return m;
}

Fusuma__V1__TraceRule *
trace_rule_message(const struct policy *policy, uint32_t slot)
{
    const struct acl_rule *rule = find_rule(policy, slot);

    if (slot < ACL_N_DIRECTIONS) {
        return default_message(slot); /* DEFAULT_SLOT() */
    }
    return rule ? rule_message(policy, rule) : NULL;
}

/* "rule 'web' (sales.yaml:12, tier application)", "no rule allows it, default-egress". */
static char *
rule_name(const struct policy *policy, uint32_t slot)
{
    const struct acl_rule *rule = find_rule(policy, slot);
    const char *source;

    if (slot < ACL_N_DIRECTIONS) {
        return xasprintf("no rule allows it, %s", default_rule_id(slot));
    } else if (!rule) {
        return xstrdup("a rule that is gone");
    }
    source = rule->place.source < policy->text->n_sources
                 ? policy->text->sources[rule->place.source].name
                 : "";
    return xasprintf("rule '%s' (%s%s%u, tier %s)", rule->id, source, source[0] ? ":" : "line ",
                     rule->place.line, acl_tier_name(rule->tier));
}

/* ---- what decided ---- */

static bool
is_asked(const struct port_leaf *leaf)
{
    return leaf && leaf->role == PORT_DESKTOP;
}

uint32_t
trace_deciding_slot(const struct trace *t)
{
    if (!t->judged) {
        return UINT32_MAX;
    } else if (t->judgement.reason != DROP_NONE) {
        return t->stage == TRACE_POLICY ? t->judgement.denial.rule_slot : UINT32_MAX;
    }
    return t->judgement.rule_slot[ACL_EGRESS] != UINT32_MAX ? t->judgement.rule_slot[ACL_EGRESS]
                                                            : t->judgement.rule_slot[ACL_INGRESS];
}

/* ---- the nearest rule ---- */

static void
add_missed(unsigned misses, Fusuma__V1__TraceStage *s)
{
    for (int i = 0; i < ACL_N_MISSES; i++) {
        if (misses & 1u << i) {
            message_append(s->missed, s->n_missed, xstrdup(acl_miss_name(1u << i)));
        }
    }
}

static void
add_nearest(const struct control *c, const struct policy *policy, const struct trace *t,
            enum acl_direction direction, Fusuma__V1__TraceStage *s)
{
    const struct judge_query *q = &t->query;
    uint16_t id = (direction == ACL_EGRESS ? q->from : q->to)->id;
    const struct desired_port *port = c->desired.by_id[id];
    struct acl_question question = { .direction = direction,
                                     .service = q->service,
                                     .protocol = q->protocol };
    uint32_t *groups =
        port ? membership_of_port(policy->parsed, port, &question.n_port_groups) : NULL;
    unsigned misses;
    uint32_t rule;

    if (!groups) {
        return;
    }
    question.port_groups = groups;
    question.peer_groups = acl_classes_groups(
        policy->compiled.classes, t->judgement.class[direction], &question.n_peer_groups);
    if (acl_explain_nearest(policy->parsed, &question, &rule, &misses)) {
        s->nearest = rule_message(policy, &policy->parsed->rules[rule]);
        add_missed(misses, s);
    }
    free(groups);
}

/* ---- the two tables ---- */

static void
add_aside(const struct policy *policy, const struct judgement *j, enum acl_direction direction,
          Fusuma__V1__TraceStage *s)
{
    for (unsigned i = 0; i < j->n_passed; i++) {
        const struct acl_rule *rule = find_rule(policy, j->passed_slot[i]);

        if (rule && rule->direction == direction) {
            message_append(s->passed, s->n_passed, rule_message(policy, rule));
        }
    }
    for (unsigned i = 0; i < j->n_audits; i++) {
        Fusuma__V1__TraceRule *m = j->audit[i].direction == direction
                                       ? trace_rule_message(policy, j->audit[i].rule_slot)
                                       : NULL;

        if (m) {
            message_append(s->audited, s->n_audited, m);
        }
    }
}

static const struct denial *
audit_of(const struct judgement *j, enum acl_direction direction)
{
    for (unsigned i = 0; i < j->n_audits; i++) {
        if (j->audit[i].direction == direction) {
            return &j->audit[i];
        }
    }
    return NULL;
}

/* The table's word where it denied. */
static void
add_denial(const struct control *c, const struct policy *policy, const struct trace *t,
           const char *name, Fusuma__V1__TracePacketResponse *m)
{
    const struct judgement *j = &t->judgement;
    enum acl_direction direction = j->denial.direction;
    uint32_t slot = j->denial.rule_slot;
    Fusuma__V1__TraceStage *s;
    char *rule;

    if (j->reason == DROP_NO_POLICY || !policy) {
        trace_add_stage(m, acl_direction_name(direction), "drop", "%s has no policy yet: denied",
                        name);
        return;
    }
    rule = rule_name(policy, slot);
    s = trace_add_stage(m, acl_direction_name(direction), "drop", "%s: %s: %s", name, rule,
                        j->reject ? "reject" : "drop");
    s->rule = trace_rule_message(policy, slot);
    add_aside(policy, j, direction, s);
    if (slot == DEFAULT_SLOT(direction)) {
        add_nearest(c, policy, t, direction, s);
    }
    free(rule);
}

static void
add_pass(const struct policy *policy, const struct trace *t, enum acl_direction direction,
         const char *name, Fusuma__V1__TracePacketResponse *m)
{
    const struct judgement *j = &t->judgement;
    const struct denial *audit = audit_of(j, direction);
    bool allowed = j->rule_slot[direction] != UINT32_MAX;
    char *rule = rule_name(policy, allowed ? j->rule_slot[direction]
                                   : audit ? audit->rule_slot
                                           : UINT32_MAX);
    Fusuma__V1__TraceStage *s =
        trace_add_stage(m, acl_direction_name(direction), "pass",
                        allowed ? "%s: %s: allow%s" : "%s: %s: would drop, but audits%s", name,
                        rule, t->judged_now ? "" : ", when the connection was last judged");

    s->rule = allowed ? trace_rule_message(policy, j->rule_slot[direction]) : NULL;
    add_aside(policy, j, direction, s);
    free(rule);
}

void
trace_add_tables(const struct control *c, const struct trace_judge *judge, const struct trace *t,
                 Fusuma__V1__TracePacketResponse *m)
{
    const struct port_leaf *leaf[] = { [ACL_EGRESS] = t->query.from, [ACL_INGRESS] = t->query.to };
    enum drop_reason reason = t->judgement.reason;

    for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
        char *name = leaf[d] ? trace_port_name(c, leaf[d]->id) : xstrdup("");
        bool denies = t->stage == TRACE_POLICY && t->judgement.denial.direction == d;

        if (reason == (d == ACL_EGRESS ? DROP_QUARANTINE : DROP_QUARANTINE_PEER)) {
            trace_add_stage(m, acl_direction_name(d), "drop", "%s is in quarantine", name);
        } else if (reason == DROP_QUARANTINE || reason == DROP_QUARANTINE_PEER) {
            /* neither table was asked */
        } else if (!is_asked(leaf[d])) {
            trace_add_stage(m, acl_direction_name(d), "pass",
                            leaf[d] ? "%s is an uplink: no policy" : "no desktop's: no policy%s",
                            name);
        } else if (leaf[d]->quarantined) {
            trace_add_stage(m, acl_direction_name(d), "pass",
                            "%s is in quarantine: a list of it allows this", name);
        } else if (denies && reason != DROP_NONE) {
            add_denial(c, judge->policy, t, name, m);
            d = ACL_N_DIRECTIONS; /* the other one is not asked */
        } else {
            add_pass(judge->policy, t, d, name, m);
        }
        free(name);
    }
}
