#include <config.h>

#include "control/access.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#define ID_BUFFER (1u << 20) /* a group of some ten thousand members */

static const char *const kind_names[ACCESS_N_KINDS] = {
    [ACCESS_USER] = "user", [ACCESS_GROUP] = "group", [ACCESS_CN] = "cn",
    [ACCESS_DNS] = "dns",   [ACCESS_URI] = "uri",
};

void
access_destroy(struct access *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->entries[i].name);
    }
    free(a->entries);
}

/* ---- reading ---- */

/* Where the walk over an entry is, and how it has failed. */
struct walk {
    struct access_entry entry;
    bool has_kind;
    const struct acl_yaml *where;
    char *why;
};

static bool
fail(struct walk *w, const struct acl_yaml *where, char *why)
{
    w->where = where;
    w->why = why;
    return false;
}

static bool
take_role(struct walk *w, const struct acl_yaml *node)
{
    enum rpc_role role =
        node->kind == ACL_YAML_SCALAR ? rpc_role_from_name(node->text) : RPC_ROLE_NONE;

    if (!role) {
        return fail(w, node,
                    xasprintf("roles: viewer, operator, responder, policy or admin is expected"));
    }
    w->entry.roles |= 1u << role;
    return true;
}

static bool
take_roles(struct walk *w, const struct acl_yaml *node)
{
    if (node->kind != ACL_YAML_SEQUENCE || !node->child) {
        return fail(w, node, xasprintf("roles: a list of roles is expected"));
    }
    for (const struct acl_yaml *item = node->child; item; item = item->next) {
        if (!take_role(w, item)) {
            return false;
        }
    }
    return true;
}

/* What is a number is no name: a user may be called "1000" by somebody who wants to be 1000. */
static bool
is_number(const char *text, uint32_t *id)
{
    unsigned int n;

    if (!str_to_uint(text, 10, &n) || n == UINT32_MAX) {
        return false;
    }
    *id = n;
    return true;
}

bool
access_user_id(const char *name, uint32_t *id)
{
    struct passwd user, *found = NULL;
    char *buffer;

    if (is_number(name, id)) {
        return true;
    }
    buffer = xmalloc(ID_BUFFER);
    if (!getpwnam_r(name, &user, buffer, ID_BUFFER, &found) && found) {
        *id = user.pw_uid;
    }
    free(buffer);
    return found != NULL;
}

bool
access_group_id(const char *name, uint32_t *id)
{
    struct group group, *found = NULL;
    char *buffer;

    if (is_number(name, id)) {
        return true;
    }
    buffer = xmalloc(ID_BUFFER);
    if (!getgrnam_r(name, &group, buffer, ID_BUFFER, &found) && found) {
        *id = group.gr_gid;
    }
    free(buffer);
    return found != NULL;
}

static bool
look_up(struct walk *w, const struct acl_yaml *node)
{
    bool user = w->entry.kind == ACCESS_USER;

    return (user ? access_user_id : access_group_id)(node->text, &w->entry.id) ||
           fail(w, node, xasprintf("%s: there is no '%s'", user ? "user" : "group", node->text));
}

static bool
take_name(struct walk *w, enum access_kind kind, const struct acl_yaml *key,
          const struct acl_yaml *node)
{
    if (w->has_kind) {
        return fail(w, key,
                    xasprintf("%s: an entry has one of user, group, cn, dns and uri", key->text));
    }
    if (node->kind != ACL_YAML_SCALAR || !node->text[0]) {
        return fail(w, node, xasprintf("%s: a value is expected", key->text));
    }
    w->has_kind = true;
    w->entry.kind = kind;
    w->entry.name = xstrdup(node->text);
    return kind > ACCESS_GROUP || look_up(w, node);
}

static bool
take_member(struct walk *w, const struct acl_yaml *key)
{
    if (!strcmp(key->text, "roles")) {
        return take_roles(w, key->next);
    }
    for (int kind = 0; kind < ACCESS_N_KINDS; kind++) {
        if (!strcmp(key->text, kind_names[kind])) {
            return take_name(w, kind, key, key->next);
        }
    }
    return fail(
        w, key,
        xasprintf("%s: unknown key (there are: user, group, cn, dns, uri, roles)", key->text));
}

static bool
take_entry(struct walk *w, const struct acl_yaml *entry)
{
    if (entry->kind != ACL_YAML_MAPPING) {
        return fail(w, entry, xasprintf("a mapping (key: value) is expected"));
    }
    for (const struct acl_yaml *key = entry->child; key; key = key->next->next) {
        if (!take_member(w, key)) {
            return false;
        }
    }
    if (!w->has_kind) {
        return fail(w, entry, xasprintf("access: an entry needs user, group, cn, dns or uri"));
    }
    return w->entry.roles || fail(w, entry, xasprintf("access: an entry needs roles"));
}

bool
access_add(struct access *a, const struct acl_yaml *entry, const struct acl_yaml **where,
           char **why)
{
    struct walk w = { .where = NULL };

    if (!take_entry(&w, entry)) {
        free(w.entry.name);
        *where = w.where;
        *why = w.why;
        return false;
    }
    a->entries = xrealloc(a->entries, (a->n + 1) * sizeof *a->entries);
    a->entries[a->n++] = w.entry;
    return true;
}

/* ---- asking ---- */

static bool
has_name(char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool
in_group(const struct rpc_peer *peer, uint32_t gid)
{
    if (peer->gid == gid) {
        return true;
    }
    for (size_t i = 0; i < peer->n_groups; i++) {
        if (peer->groups[i] == gid) {
            return true;
        }
    }
    return false;
}

static bool
fits(const struct access_entry *e, const struct rpc_peer *peer)
{
    if (e->kind <= ACCESS_GROUP && peer->kind != RPC_PEER_UNIX) {
        return false;
    } else if (e->kind > ACCESS_GROUP && peer->kind != RPC_PEER_TLS) {
        return false;
    }
    switch (e->kind) {
    case ACCESS_USER:
        return peer->uid == e->id;
    case ACCESS_GROUP:
        return in_group(peer, e->id);
    case ACCESS_CN:
        return peer->cn && !strcmp(peer->cn, e->name);
    case ACCESS_DNS:
        return has_name(peer->dns, peer->n_dns, e->name);
    case ACCESS_URI:
        return has_name(peer->uris, peer->n_uris, e->name);
    case ACCESS_N_KINDS:
    default:
        return false;
    }
}

unsigned
access_roles(const struct access *a, const struct rpc_peer *peer, enum rpc_role anyone)
{
    unsigned roles = 0;

    if (peer->kind == RPC_PEER_UNKNOWN) {
        return 0;
    } else if (peer->kind == RPC_PEER_ANYONE) {
        return anyone ? 1u << anyone : 0;
    } else if (peer->kind == RPC_PEER_UNIX && (!peer->uid || peer->uid == geteuid())) {
        roles |= 1u << RPC_ADMIN;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (fits(&a->entries[i], peer)) {
            roles |= a->entries[i].roles;
        }
    }
    return roles;
}

bool
access_allows(unsigned roles, enum rpc_role needed)
{
    if (needed <= RPC_ROLE_NONE || needed >= RPC_N_ROLES) {
        return false;
    }
    return roles & (1u << RPC_ADMIN) || roles & (1u << needed) || (roles && needed == RPC_VIEWER);
}

static void
put_names(struct ds *s, const char *what, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_put_format(s, " %s=%s", what, names[i]);
    }
}

static const char *
user_name(const struct access *a, uint32_t uid)
{
    if (!uid) {
        return "root";
    }
    for (size_t i = 0; i < a->n; i++) {
        const struct access_entry *e = &a->entries[i];

        if (e->kind == ACCESS_USER && e->id == uid && e->name[strspn(e->name, "0123456789")]) {
            return e->name;
        }
    }
    return NULL;
}

char *
access_who(const struct access *a, const struct rpc_peer *peer)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    const char *name;

    switch (peer->kind) {
    case RPC_PEER_UNIX:
        name = user_name(a, peer->uid);
        ds_put_format(&s, "uid %" PRIu32, peer->uid);
        if (name) {
            ds_put_format(&s, " (%s)", name);
        }
        break;
    case RPC_PEER_TLS:
        ds_put_cstr(&s, "certificate");
        put_names(&s, "CN", &peer->cn, peer->cn ? 1 : 0);
        put_names(&s, "DNS", peer->dns, peer->n_dns);
        put_names(&s, "URI", peer->uris, peer->n_uris);
        break;
    case RPC_PEER_ANYONE:
        ds_put_cstr(&s, "anybody on this host");
        break;
    case RPC_PEER_UNKNOWN:
    default:
        ds_put_format(&s, "a stranger (%s)", peer->why ? peer->why : "nothing is known of it");
    }
    return ds_steal_cstr(&s);
}

char *
access_roles_text(unsigned roles)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (int role = RPC_ROLE_NONE + 1; role < RPC_N_ROLES; role++) {
        if (roles & (1u << role)) {
            ds_put_format(&s, "%s%s", s.length ? ", " : "", rpc_role_names[role]);
        }
    }
    if (!s.length) {
        ds_put_cstr(&s, rpc_role_names[RPC_ROLE_NONE]);
    }
    return ds_steal_cstr(&s);
}
