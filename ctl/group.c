#include <config.h>

#include <inttypes.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/system.pb-c.h"

static void
add_group(struct columns *c, const Fusuma__V1__Group *group)
{
    for (size_t i = 0; i < group->n_members; i++) {
        columns_text(c, *group->address ? group->address : "routers");
        columns_number(c, group->vlan);
        columns_text(c, group->members[i]->port);
        columns_format(c, "%" PRIu32 " s", group->members[i]->age_s);
    }
}

static void
print_groups(const void *reply)
{
    const Fusuma__V1__ListGroupsResponse *list = reply;
    struct columns c;

    columns_init(&c, "GROUP >VLAN PORT >AGE");
    for (size_t i = 0; i < list->n_groups; i++) {
        add_group(&c, list->groups[i]);
    }
    for (size_t i = 0; i < list->n_routers; i++) {
        add_group(&c, list->routers[i]);
    }
    columns_print(&c);
}

int
group_list(struct ctl *ctl)
{
    Fusuma__V1__ListGroupsRequest request = FUSUMA__V1__LIST_GROUPS_REQUEST__INIT;

    return client_show(ctl, &fusuma__v1__system_service__descriptor, "ListGroups", &request,
                       print_groups);
}
