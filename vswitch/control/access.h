/* Who may do what: from a call's peer to its roles.
 *
 *     access:
 *       - { user: sato, roles: [operator, responder] }    # unix socket; a name or a number
 *       - { group: helpdesk, roles: [viewer] }            # likewise, primary or supplementary
 *       - { cn: fleet-controller, roles: [policy] }       # TLS: the certificate's subject CN ...
 *       - { dns: ctl.example.org, roles: [operator] }     # ... or its subjectAltName
 *       - { uri: "spiffe://example.org/ctl", roles: [admin] }
 *
 * The roles of every entry that fits add up; whoever no entry fits has none.  On the unix socket
 * root and the switch's own user are admins in any case.  Names of users and groups are looked up
 * once, when the file is read: what a directory server does not answer must not hold up a call. */
#ifndef CONTROL_ACCESS_H
#define CONTROL_ACCESS_H 1

#include "acl/yaml.h"
#include "proto/rpc.h"

enum access_kind { ACCESS_USER, ACCESS_GROUP, ACCESS_CN, ACCESS_DNS, ACCESS_URI, ACCESS_N_KINDS };

struct access_entry {
    enum access_kind kind;
    char *name;     /* as it was written */
    uint32_t id;    /* of a user or group */
    unsigned roles; /* 1 << enum rpc_role */
};

struct access {
    struct access_entry *entries;
    size_t n;
};

void access_destroy(struct access *);
/* Takes one entry of the list.  False, and what is wrong ('*why', the caller's) and where. */
bool access_add(struct access *, const struct acl_yaml *entry, const struct acl_yaml **where,
                char **why);

/* The number of a user or group, by name or number.  It may ask a directory server. */
bool access_user_id(const char *, uint32_t *id);
bool access_group_id(const char *, uint32_t *id);

/* A peer, for people to read, the same for all its connections: "uid 1000 (sato)", "anybody on this
 * host", "certificate CN=fleet-controller DNS=ctl.example.org".  The caller frees it. */
char *access_who(const struct access *, const struct rpc_peer *);
/* Its roles, as bits.  'anyone' is what RPC_PEER_ANYONE has. */
unsigned access_roles(const struct access *, const struct rpc_peer *, enum rpc_role anyone);
bool access_allows(unsigned roles, enum rpc_role needed);
/* "viewer, policy", or "none".  The caller frees it. */
char *access_roles_text(unsigned roles);

#endif
