#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/policy_priv.h"

#define MAX_COUNT 1000000

static const struct acl_word booleans[] = { { "true", true }, { "false", false }, { NULL, 0 } };
static const struct acl_word severities[] = { { "low", ACL_THREAT_LOW },
                                              { "medium", ACL_THREAT_MEDIUM },
                                              { "high", ACL_THREAT_HIGH },
                                              { "critical", ACL_THREAT_CRITICAL },
                                              { NULL, 0 } };
static const struct acl_word ranges[] = { { "any", false }, { "public", true }, { NULL, 0 } };

/* Each of these leaves '*value' alone when there is no node. */
static int
parse_count(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *what,
            uint32_t *value)
{
    unsigned number;
    int rc = node ? acl_expect(node, ACL_YAML_SCALAR, what, parser->error) : 0;

    if (rc || !node) {
        return rc;
    }
    if (!acl_parse_number(node->text, MAX_COUNT, &number)) {
        return ACL_FAIL(parser, node, "bad %s '%.64s': it is 0 to %d", what, node->text, MAX_COUNT);
    }
    *value = number;
    return 0;
}

static int
parse_bool(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *what,
           bool *value)
{
    int word = *value;
    int rc = node ? acl_parse_word(node, what, booleans, "true or false", &word, parser->error) : 0;

    *value = word;
    return rc;
}

static int
parse_groups(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *what,
             uint32_t **groups, size_t *n)
{
    return node ? acl_parse_group_list(parser, node, what, groups, n) : 0;
}

static int
parse_windows(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *what,
              uint32_t thresholds[ACL_N_WINDOWS])
{
    const struct acl_yaml *values[ACL_N_WINDOWS];
    int rc = 0;

    if (node) {
        rc = acl_fields(node, what, acl_window_names, ACL_N_WINDOWS, 0, values, parser->error);
        for (int i = 0; i < ACL_N_WINDOWS && !rc; i++) {
            rc = parse_count(parser, values[i], acl_window_names[i], &thresholds[i]);
        }
    }
    return rc;
}

static int
parse_thresholds(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *what,
                 uint32_t thresholds[ACL_N_TARGET_SORTS][ACL_N_WINDOWS])
{
    const struct acl_yaml *values[ACL_N_TARGET_SORTS];
    int rc = 0;

    if (node) {
        rc = acl_fields(node, what, acl_target_sort_names, ACL_N_TARGET_SORTS, 0, values,
                        parser->error);
        for (int i = 0; i < ACL_N_TARGET_SORTS && !rc; i++) {
            rc = parse_windows(parser, values[i], acl_target_sort_names[i], thresholds[i]);
        }
    }
    return rc;
}

static int
parse_worm(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_detection *d)
{
    static const char *const keys[] = { "networks" };
    const struct acl_yaml *value;
    int rc = 0;

    if (node) {
        rc = acl_fields(node, "worm", keys, 1, 1, &value, parser->error);
        rc = rc ? rc : parse_count(parser, value, "networks", &d->worm_networks);
    }
    return rc;
}

static int
parse_exclusion(struct acl_policy_parser *parser, const struct acl_yaml *node,
                struct acl_exclusion *e)
{
    enum { SERVICE, TO, UP_TO, N_KEYS };
    static const char *const keys[N_KEYS] = { "service", "to", "up_to" };
    const struct acl_yaml *values[N_KEYS];
    struct acl_rule rule = { .n_services = 0 }; /* has the services, for a moment */
    int public_only = false;
    int rc = acl_fields(node, "an exclusion", keys, N_KEYS, 1, values, parser->error);

    rc = rc ? rc : acl_parse_rule_services(parser, values[SERVICE], &rule);
    if (!rc && values[TO]) {
        rc = acl_parse_word(values[TO], "to", ranges, "any or public", &public_only, parser->error);
    }
    *e = (struct acl_exclusion){ .services = rule.services,
                                 .n_services = rule.n_services,
                                 .public_only = public_only,
                                 .up_to = MAX_COUNT };
    return rc ? rc : parse_count(parser, values[UP_TO], "up_to", &e->up_to);
}

static int
parse_exclusions(struct acl_policy_parser *parser, const struct acl_yaml *node,
                 struct acl_detection *d)
{
    int rc = node ? acl_expect(node, ACL_YAML_SEQUENCE, "exclude", parser->error) : 0;

    for (const struct acl_yaml *item = node && !rc ? node->child : NULL; item && !rc;
         item = item->next) {
        if (d->n_exclusions == ACL_MAX_EXCLUSIONS) {
            return ACL_FAIL(parser, item, "there are more than %d exclusions", ACL_MAX_EXCLUSIONS);
        }
        rc = parse_exclusion(parser, item, &d->exclusions[d->n_exclusions++]);
    }
    return rc;
}

static int
parse_decoys(struct acl_policy_parser *parser, const struct acl_yaml *list, struct acl_detection *d)
{
    int rc = 0;

    if (!list) {
        return 0;
    }
    if (acl_list_count(list) > ACL_MAX_DECOYS) {
        return ACL_FAIL(parser, list, "there are more than %d decoys", ACL_MAX_DECOYS);
    }
    d->decoys = acl_arena_zeroed(&parser->policy->arena, acl_list_count(list), sizeof *d->decoys);
    for (const struct acl_yaml *item = d->decoys ? acl_list_first(list) : NULL; item && !rc;
         item = acl_list_next(list, item)) {
        const char *why = NULL;

        rc = acl_expect(item, ACL_YAML_SCALAR, "a decoy", parser->error);
        why = rc ? NULL : acl_prefix_parse_why(item->text, &d->decoys[d->n_decoys++]);
        if (why) {
            rc = ACL_FAIL(parser, item, "bad decoy '%.64s': %s", item->text, why);
        }
    }
    return d->decoys ? rc : ENOMEM;
}

static int
parse_names(struct acl_policy_parser *parser, const struct acl_yaml *list, char ***names, size_t *n)
{
    struct acl_arena *arena = &parser->policy->arena;
    int rc = 0;

    if (!list) {
        return 0;
    }
    *names = acl_arena_zeroed(arena, acl_list_count(list), sizeof **names);
    for (const struct acl_yaml *item = *names ? acl_list_first(list) : NULL; item && !rc;
         item = acl_list_next(list, item)) {
        rc = acl_check_name(item, "name of a list", parser->error);
        if (!rc && !((*names)[(*n)++] = acl_arena_text(arena, item->text))) {
            rc = ENOMEM;
        }
    }
    return *names ? rc : ENOMEM;
}

static int
parse_quarantine(struct acl_policy_parser *parser, const struct acl_yaml *node,
                 struct acl_auto_quarantine *q)
{
    enum { SEVERITY, RATE, NEVER, AT_MOST, ALLOW, RESET, CAPTURE, N_KEYS };
    static const char *const keys[N_KEYS] = { "severity", "rate",  "never",  "at_most",
                                              "allow",    "reset", "capture" };
    const struct acl_yaml *values[N_KEYS];
    int severity = ACL_THREAT_NONE;
    int rc = acl_fields(node, "quarantine", keys, N_KEYS, 0, values, parser->error);

    if (!rc && values[SEVERITY]) {
        rc = acl_parse_word(values[SEVERITY], "severity", severities,
                            "low, medium, high or critical", &severity, parser->error);
    }
    rc = rc ? rc : parse_count(parser, values[RATE], "rate", &q->rate);
    rc = rc ? rc : parse_groups(parser, values[NEVER], "never", &q->never, &q->n_never);
    rc = rc ? rc : parse_count(parser, values[AT_MOST], "at_most", &q->at_most);
    rc = rc ? rc : parse_names(parser, values[ALLOW], &q->allow, &q->n_allow);
    rc = rc ? rc : parse_bool(parser, values[RESET], "reset", &q->reset);
    rc = rc ? rc : parse_bool(parser, values[CAPTURE], "capture", &q->capture);
    q->severity = (enum acl_threat) severity;
    if (!rc && !severity && !q->rate) {
        rc = ACL_FAIL(parser, node, "quarantine: say from which severity or rate on");
    }
    return rc;
}

int
acl_parse_detection(struct acl_policy_parser *parser, const struct acl_yaml *node)
{
    enum { DESKTOPS, SWEEP, PORT_SCAN, WORM, DECOYS, SHIPPED, EXCLUDE, QUARANTINE, N_KEYS };
    static const char *const keys[N_KEYS] = { "desktops", "sweep",     "port_scan",
                                              "worm",     "decoys",    "shipped_exclusions",
                                              "exclude",  "quarantine" };
    struct acl_detection *d = &parser->policy->detection;
    const struct acl_yaml *values[N_KEYS];
    bool with_shipped = true;
    int rc;

    if (parser->policy->has_detection) {
        return ACL_FAIL(parser, node, "detection: it is in another file of the policy, too");
    }
    parser->policy->has_detection = true;
    parser->policy->detection_place = acl_place_of(parser, node);
    rc = acl_fields(node, "detection", keys, N_KEYS, 0, values, parser->error);
    rc = rc ? rc : parse_groups(parser, values[DESKTOPS], "desktops", &d->desktops, &d->n_desktops);
    rc = rc ? rc : parse_thresholds(parser, values[SWEEP], "sweep", d->sweep);
    rc = rc ? rc : parse_thresholds(parser, values[PORT_SCAN], "port_scan", d->port_scan);
    rc = rc ? rc : parse_worm(parser, values[WORM], d);
    rc = rc ? rc : parse_decoys(parser, values[DECOYS], d);
    rc = rc ? rc : parse_bool(parser, values[SHIPPED], "shipped_exclusions", &with_shipped);
    d->n_exclusions = with_shipped ? d->n_exclusions : 0;
    rc = rc ? rc : parse_exclusions(parser, values[EXCLUDE], d);
    return rc || !values[QUARANTINE] ? rc
                                     : parse_quarantine(parser, values[QUARANTINE], &d->quarantine);
}

static bool
has_list(const struct acl_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->n_lists; i++) {
        if (!strcmp(policy->lists[i].name, name)) {
            return true;
        }
    }
    return false;
}

int
acl_check_detection(struct acl_policy_parser *parser)
{
    const struct acl_policy *policy = parser->policy;
    const struct acl_auto_quarantine *q = &policy->detection.quarantine;

    for (size_t i = 0; i < q->n_allow; i++) {
        if (!has_list(policy, q->allow[i])) {
            return ACL_FAIL_AT(parser, &policy->detection_place,
                               "detection: '%.64s' is none of the lists of 'quarantine'",
                               q->allow[i]);
        }
    }
    for (size_t i = 0; i < q->n_never; i++) {
        const struct acl_group *group = &policy->groups[q->never[i]];

        if (!group->has_ports) {
            return ACL_FAIL_AT(parser, &policy->detection_place,
                               "detection: group '%.64s' names neither ports nor labels, and "
                               "'never' is about ports",
                               group->name);
        }
    }
    return 0;
}
