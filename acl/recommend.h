/* From what was denied, or would have been, the smallest rule set that would allow it.
 *
 * What is recommended is exactly what was seen, with three exceptions that people expect: source
 * ports vanish, a service is called by its name where it has one that is of this port alone
 * ("https" is tcp/443 and udp/443), and a group stands for whoever is in it.  A service by name and
 * a group are taken only where nothing else comes of it now: every member of the group was seen,
 * and what of the service was not seen is denied by nothing but what denies the rest, or by
 * default.
 *
 * Each flow is judged by the policy that is present, not as it was then: what that allows by now is
 * left out, and a rule goes in front of the one that denies, in its tier; of a default deny into
 * the tier "application".  The text is a source of its own, to be put in front of those of the
 * policy.
 *
 * Flows between desktops are what the switch is there to deny: they come as comments.  A desktop is
 * also what is in an address set that stands in one list, of a group or a rule, with a group of
 * desktops.
 *
 * In the end the policy and the recommendation together are compiled, and the tables that workers
 * use are asked about every flow, and about each rule, whether anything is lost without it; the
 * text begins by saying what came of it, and what was left out.
 *
 * Pure. */
#ifndef ACL_RECOMMEND_H
#define ACL_RECOMMEND_H 1

#include "acl/flows.h"

struct acl_recommend_facts {
    const struct acl_source *sources; /* of the policy that is present */
    size_t n_sources;
    const char *const *names; /* of the sources' files */
    uint64_t version;         /* of the policy; 0: none */
    const struct acl_site *site;
    const struct acl_flows *flows;
    bool drops;    /* there are drops among the flows, not only what audit mode let through */
    bool desktops; /* recommend also what is between desktops */
    /* What is missing among the flows: packets without a record of their own; events that are no
     * longer held; places where some are missing. */
    uint64_t unrecorded, forgotten, gaps;
};

struct acl_recommendation {
    char *text;                              /* YAML */
    size_t n_rules, n_flows;                 /* in it, and that they are for */
    size_t n_allowed;                        /* flows that the policy that is present allows */
    size_t n_desktop_rules, n_desktop_flows; /* left out, as comments */
    size_t n_denied;   /* of 'n_flows', that are denied with it all the same */
    size_t n_tried;    /* of 'n_rules', that were left out for a try: all but of very many */
    size_t n_needless; /* of these, that nothing depends on */
};

/* 0, or ENOMEM, or EINVAL and 'error', when a source is no policy. */
int acl_recommend(const struct acl_recommend_facts *, struct acl_recommendation *,
                  struct acl_error *error);
void acl_recommendation_destroy(struct acl_recommendation *);

#endif
