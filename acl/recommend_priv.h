/* The steps of acl_recommend(). */
#ifndef ACL_RECOMMEND_PRIV_H
#define ACL_RECOMMEND_PRIV_H 1

#include "acl/cover.h"
#include "acl/recommend.h"
#include "acl/text.h"

/* Strings that are owned.  Begins as { 0 }. */
struct acl_strings {
    char **v;
    size_t n, allocated;
    bool failed; /* memory was short */
};
/* Takes 's', which may be NULL: then it has failed. */
void acl_strings_take(struct acl_strings *, char *s);
void acl_strings_add(struct acl_strings *, const char *s);
void acl_strings_destroy(struct acl_strings *);

/* What one desktop has to be allowed. */
struct acl_need {
    uint32_t port;
    enum acl_direction direction;
    enum acl_tier tier;
    bool desktops; /* the peer is one, too */
    uint32_t rule; /* that denies it, or ACL_RULE_DEFAULT */
    struct acl_addr peer;
    uint8_t protocol;
    uint16_t service;
    uint32_t unit; /* ACL_UNIT_NAMED | index of the name, or protocol << 16 | service */
    uint32_t n_flows;
    uint64_t packets, other_packets; /* denied here, and denied at the other end */
    int64_t first_s, last_s;
    uint32_t peer_id; /* index in 'peers' */
    size_t rule_id;   /* index of its rule in 'rules' */
};
#define ACL_UNIT_NAMED (1u << 31)

struct acl_rule_draft {
    enum acl_direction direction;
    enum acl_tier tier;
    bool commented;
    struct acl_box box; /* ports, peers by index in 'peers', units */
    size_t witness;     /* a need that no other rule is for */
    char *id;
    struct acl_strings applied_to, peers, services;
    struct acl_text about; /* comment lines without their "# ", each with its end */
};

/* A group that the recommendation defines. */
struct acl_group_draft {
    char *name, *key;          /* what it holds: "labels" or the like, */
    struct acl_strings values; /* ... and the values */
    bool commented;            /* nothing that is in force names it */
};

struct acl_recommender {
    const struct acl_recommend_facts *facts;
    struct acl_policy *policy; /* that is present */
    struct acl_trial trial;
    bool *kin;                  /* of each group: an address set of desktops elsewhere */
    struct acl_policy *shipped; /* a rule for each shipped service */
    struct acl_need *needs;
    size_t n_needs, needs_allocated;
    struct acl_addr *peers;
    size_t n_peers;
    struct acl_rule_draft *rules;
    size_t n_rules;
    struct acl_group_draft *groups;
    size_t n_groups;
    struct acl_spans **spans; /* of the groups, by the first port of a VLAN */
    struct acl_recommendation *out;
};

/* recommend_needs.c: what of the flows the policy denies. */
int acl_recommend_needs(struct acl_recommender *);
/* What a flow needs at one of its ends; NULL: nothing. */
struct acl_need *acl_recommend_find(const struct acl_recommender *, const struct acl_flow *,
                                    enum acl_direction);
/* recommend_services.c: names of services. */
int acl_recommend_units(struct acl_recommender *);
int acl_recommend_services(struct acl_recommender *, struct acl_rule_draft *);
/* recommend_names.c: everything's. */
int acl_recommend_names(struct acl_recommender *);
/* The name of a group with these values, which it takes: of one that is defined already, or a new
 * one after 'base'.  NULL: memory is short. */
const char *acl_recommend_define(struct acl_recommender *, const char *base, const char *key,
                                 struct acl_strings *values, bool commented);
#define ACL_RECOMMEND_NAME_MAX 63
/* recommend_desktops.c, recommend_peers.c: whom a rule is for, and about. */
int acl_recommend_desktops(struct acl_recommender *, struct acl_rule_draft *);
int acl_recommend_peers(struct acl_recommender *, struct acl_rule_draft *);
/* recommend_text.c */
char *acl_recommend_body(const struct acl_recommender *);
char *acl_recommend_head(const struct acl_recommender *);
void acl_recommend_about(struct acl_recommender *);

/* "tcp/443", "icmp/8/0", "47". */
void acl_text_exact(struct acl_text *, uint8_t protocol, uint16_t service);

#endif
