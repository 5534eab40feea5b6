#include <config.h>

#include "control/learned.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "control/desired.h"
#include "util.h"

static const char *const names[N_LEARNED_HOW] = { "dhcp", "dhcpv6", "slaac", "link-local" };

const char *
learned_how_name(enum learned_how how)
{
    return how < N_LEARNED_HOW ? names[how] : "?";
}

enum learned_how
learned_how_from_name(const char *name)
{
    enum learned_how how = 0;

    while (how < N_LEARNED_HOW && strcmp(names[how], name)) {
        how++;
    }
    return how;
}

static struct learned *
find(struct desired_port *port, const struct acl_addr *a)
{
    for (size_t i = 0; i < port->n_learned; i++) {
        if (acl_addr_equals(&port->learned[i].addr, a)) {
            return &port->learned[i];
        }
    }
    return NULL;
}

/* What is bound changed: 'addrs' are the given ones and then the learned ones. */
static void
rebind(struct desired *d, struct desired_port *port)
{
    port->addrs = xrealloc(port->addrs, (port->n_given + LEARNED_MAX) * sizeof *port->addrs);
    for (size_t i = 0; i < port->n_learned; i++) {
        port->addrs[port->n_given + i] = port->learned[i].addr;
    }
    port->n_addrs = port->n_given + port->n_learned;
    port->changed = true;
    port->learned_changed = true;
    d->members_changed = true;
}

static void
drop(struct desired *d, struct desired_port *port, struct learned *l)
{
    size_t i = l - port->learned;

    memmove(l, l + 1, (--port->n_learned - i) * sizeof *l);
    rebind(d, port);
}

static unsigned
family_of(enum learned_how how)
{
    return how == LEARNED_SLAAC ? LEARNED_DHCP6 : how;
}

/* Makes room for one more of its kind: the oldest comes first. */
static void
make_room(struct desired *d, struct desired_port *port, enum learned_how how)
{
    unsigned max = how == LEARNED_DHCP         ? 1
                   : how == LEARNED_LINK_LOCAL ? LEARNED_MAX_LINK_LOCAL
                                               : LEARNED_MAX_GLOBAL;
    struct learned *oldest = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < port->n_learned; i++) {
        if (family_of(port->learned[i].how) == family_of(how)) {
            oldest = oldest ? oldest : &port->learned[i];
            n++;
        }
    }
    if (n >= max) {
        drop(d, port, oldest);
    }
}

/* Whose 'a' is in this VLAN, or NULL; '*l' is NULL when it was given. */
static struct desired_port *
owner_of(const struct desired *d, uint16_t vlan, const struct acl_addr *a, struct learned **l)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        struct desired_port *port = node->data;

        for (size_t i = 0; port->vlan == vlan && i < port->n_addrs; i++) {
            if (acl_addr_equals(&port->addrs[i], a)) {
                *l = find(port, a);
                return port;
            }
        }
    }
    return NULL;
}

int
learned_bind(struct desired *d, struct desired_port *port, const struct acl_addr *a,
             enum learned_how how, long long expires_ms, bool *changed)
{
    struct learned *l = NULL;
    struct desired_port *owner = owner_of(d, port->vlan, a, &l);

    if (!desired_is_station_address(a)) {
        return EINVAL;
    }
    if (owner == port) {
        if (l) {
            l->expires_ms = expires_ms;
            l->how = how;
        }
        return 0;
    }
    if (owner) {
        if (!l || l->how != how || (how != LEARNED_DHCP && how != LEARNED_DHCP6)) {
            return EEXIST;
        }
        drop(d, owner, l);
    }
    make_room(d, port, how);
    port->learned[port->n_learned++] =
        (struct learned){ .addr = *a, .how = how, .expires_ms = expires_ms };
    rebind(d, port);
    *changed = true;
    return 0;
}

bool
learned_unbind(struct desired *d, struct desired_port *port, const struct acl_addr *a)
{
    struct learned *l = find(port, a);

    if (l) {
        drop(d, port, l);
    }
    return l != NULL;
}

bool
learned_expire(struct desired *d, struct desired_port *port, long long now_ms)
{
    bool any = false;

    for (size_t i = port->n_learned; i-- > 0;) {
        if (port->learned[i].expires_ms <= now_ms) {
            drop(d, port, &port->learned[i]);
            any = true;
        }
    }
    return any;
}

size_t
learned_forget(struct desired *d, struct desired_port *port)
{
    size_t n = port->n_learned;

    port->n_learned = 0;
    if (n) {
        rebind(d, port);
    }
    return n;
}

/* A router's every advertisement moves the end of what was formed from its prefixes a little: that
 * is stored once it has moved by an hour. */
bool
learned_is_unstored(const struct desired_port *port)
{
    for (size_t i = 0; i < port->n_learned; i++) {
        const struct learned *l = &port->learned[i];
        long long slack = l->how == LEARNED_SLAAC ? 3600 * 1000 : 1000;

        if (llabs(l->expires_ms - l->stored_ms) > slack) {
            return true;
        }
    }
    return port->learned_changed;
}
