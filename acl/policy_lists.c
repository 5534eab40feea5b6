/* What ports in quarantine may still do: lists of rules, by name. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/policy_priv.h"

bool
acl_list_find(const struct acl_policy *policy, const char *name, uint32_t *list)
{
    for (*list = 0; *list < policy->n_lists; ++*list) {
        if (!strcmp(policy->lists[*list].name, name)) {
            return true;
        }
    }
    return false;
}

static int
parse_list(struct acl_policy_parser *parser, const struct acl_yaml *name,
           const struct acl_yaml *rules, struct acl_list *list)
{
    struct acl_arena *arena = &parser->policy->arena;
    int rc = acl_expect(rules, ACL_YAML_SEQUENCE, "a quarantine's list", parser->error);

    if (rc) {
        return rc;
    }
    list->place = acl_place_of(parser, name);
    list->name = acl_arena_text(arena, name->text);
    list->rules = acl_arena_zeroed(arena, rules->n + 1, sizeof *list->rules);
    if (!list->name || !list->rules) {
        return ENOMEM;
    }
    for (const struct acl_yaml *node = rules->child; node && !rc; node = node->next) {
        rc = acl_parse_list_rule(parser, node, &list->rules[list->n_rules++]);
    }
    return rc;
}

int
acl_parse_lists(struct acl_policy_parser *parser, const struct acl_yaml *lists)
{
    struct acl_policy *policy = parser->policy;
    int rc = acl_expect(lists, ACL_YAML_MAPPING, "quarantine's 'lists'", parser->error);
    struct acl_list *more;
    uint32_t known;

    if (rc) {
        return rc;
    }
    more = reallocarray(policy->lists, policy->n_lists + lists->n + 1, sizeof *more);
    if (!more) {
        return ENOMEM;
    }
    policy->lists = more;
    for (const struct acl_yaml *name = lists->child; name && !rc; name = name->next->next) {
        struct acl_list list = { .n_rules = 0 };

        rc = acl_check_name(name, "name of a quarantine's list", parser->error);
        if (!rc && acl_list_find(policy, name->text, &known)) {
            rc = ACL_FAIL(parser, name, "quarantine's list '%.64s' is there already (line %u)",
                          name->text, policy->lists[known].place.line);
        }
        if (!rc && policy->n_lists == ACL_LISTS_MAX) {
            rc = ACL_FAIL(parser, name, "more than %d lists for quarantine", ACL_LISTS_MAX);
        }
        rc = rc ? rc : parse_list(parser, name, name->next, &list);
        if (!rc) {
            policy->lists[policy->n_lists++] = list;
        }
    }
    return rc;
}
