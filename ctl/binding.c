#include <config.h>

#include <inttypes.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/port.pb-c.h"

static void
print_bindings(const void *reply)
{
    const Fusuma__V1__ListBindingsResponse *list = reply;
    struct columns c;

    columns_init(&c, "PORT ADDRESS MAC HOW >ENDS-IN");
    for (size_t i = 0; i < list->n_bindings; i++) {
        const Fusuma__V1__Binding *b = list->bindings[i];

        columns_text(&c, b->port);
        columns_text(&c, b->ip);
        columns_text(&c, b->mac);
        columns_text(&c, b->how);
        if (b->expires_s) {
            columns_format(&c, "%" PRIu32 " s", b->expires_s);
        } else {
            columns_text(&c, "");
        }
    }
    columns_print(&c);
}

int
binding_list(struct ctl *ctl)
{
    Fusuma__V1__ListBindingsRequest request = FUSUMA__V1__LIST_BINDINGS_REQUEST__INIT;

    if (args_has(ctl->args, OPT_PORT)) {
        request.port = (char *) args_value(ctl->args, OPT_PORT);
    }
    return client_show(ctl, &fusuma__v1__port_service__descriptor, "ListBindings", &request,
                       print_bindings);
}
