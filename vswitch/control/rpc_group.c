#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "control/rpc.h"
#include "datapath/mcast.h"
#include "datapath/worker.h"
#include "fusuma/v1/system.pb-c.h"
#include "util.h"

/* Memberships as they come, port by port. */
struct listing {
    struct mcast_entry *entries;
    size_t n, allocated;
};

static void
collect(const struct mcast_entry *e, void *listing_)
{
    struct listing *l = listing_;

    if (l->n >= l->allocated) {
        l->entries = x2nrealloc(l->entries, &l->allocated, sizeof *l->entries);
    }
    l->entries[l->n++] = *e;
}

static int
compare_groups(const struct mcast_entry *a, const struct mcast_entry *b)
{
    return a->vlan != b->vlan ? (a->vlan < b->vlan ? -1 : 1)
                              : memcmp(&a->group, &b->group, sizeof a->group);
}

static int
compare(const void *a_, const void *b_)
{
    const struct mcast_entry *a = a_, *b = b_;
    int order = compare_groups(a, b);

    return order ? order : a->port - b->port;
}

static Fusuma__V1__GroupMember *
member_message(const struct control *c, const struct mcast_entry *e, uint32_t now_s)
{
    Fusuma__V1__GroupMember *m = message_new(&fusuma__v1__group_member__descriptor);
    const struct desired_port *port = c->desired.by_id[e->port];

    m->port = xstrdup(port ? port->spec->name : "");
    m->age_s = now_s > e->last_seen_s ? now_s - e->last_seen_s : 0;
    return m;
}

static Fusuma__V1__Group *
group_message(const struct mcast_entry *e)
{
    Fusuma__V1__Group *m = message_new(&fusuma__v1__group__descriptor);

    m->vlan = e->vlan;
    if (!acl_addr_equals(&e->group, &mcast_routers)) {
        m->address = addr_text(&e->group);
    }
    return m;
}

static void
add_groups(const struct control *c, const struct listing *l, Fusuma__V1__ListGroupsResponse *reply)
{
    uint32_t now_s = dp_now_s();
    Fusuma__V1__Group *group = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const struct mcast_entry *e = &l->entries[i];

        if (!i || compare_groups(e, e - 1)) {
            group = group_message(e);
            if (*group->address) {
                message_append(reply->groups, reply->n_groups, group);
            } else {
                message_append(reply->routers, reply->n_routers, group);
            }
        }
        message_append(group->members, group->n_members, member_message(c, e, now_s));
    }
}

void
rpc_list_groups(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__ListGroupsResponse *reply =
        message_new(&fusuma__v1__list_groups_response__descriptor);
    struct listing l = { .entries = NULL };

    mcast_foreach(collect, &l);
    if (l.n) {
        qsort(l.entries, l.n, sizeof *l.entries, compare);
    }
    add_groups(control, &l, reply);
    free(l.entries);
    rpc_reply_with(call, reply);
}
