#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "fusuma/v1/session.pb-c.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__session_service__descriptor;

static const char *
value_or_nothing(const struct ctl *ctl, enum option_id option)
{
    const char *value = args_value(ctl->args, option);

    return value ? value : "";
}

static void
put_time(struct columns *c, const Google__Protobuf__Timestamp *t)
{
    char *text = when_text(t);

    columns_text(c, t ? text : "open");
    free(text);
}

static void
print_sessions(Fusuma__V1__Session *const *sessions, size_t n)
{
    struct columns c;

    columns_init(&c, ">SESSION PORT USER FROM TO BROKER VM");
    for (size_t i = 0; i < n; i++) {
        const Fusuma__V1__Session *s = sessions[i];

        columns_number(&c, s->id);
        columns_text(&c, s->port);
        columns_text(&c, s->user);
        put_time(&c, s->from);
        put_time(&c, s->to);
        columns_text(&c, s->broker_session[0] ? s->broker_session : "-");
        columns_text(&c, s->vm_id[0] ? s->vm_id : "-");
    }
    columns_print(&c);
}

/* ---- login ---- */

static void
print_login(const void *reply)
{
    const Fusuma__V1__Session *session = reply;

    output_line("session %" PRIu64 ": %s on port %s", session->id, session->user, session->port);
}

int
session_login(struct ctl *ctl)
{
    Fusuma__V1__LoginRequest request = FUSUMA__V1__LOGIN_REQUEST__INIT;
    Google__Protobuf__Timestamp at;
    const char *port = value_or_nothing(ctl, OPT_PORT), *mac = value_or_nothing(ctl, OPT_MAC),
               *vm_id = value_or_nothing(ctl, OPT_VM_ID);

    if (!!port[0] + !!mac[0] + !!vm_id[0] != 1) {
        ctl_error("'session login' needs one of --port, --mac and --vm-id");
        return CTL_USAGE;
    }
    request.port = CONST_CAST(char *, port);
    request.mac = CONST_CAST(char *, mac);
    request.vm_id = CONST_CAST(char *, vm_id);
    request.user = CONST_CAST(char *, ctl->arg);
    request.broker_session = CONST_CAST(char *, value_or_nothing(ctl, OPT_SESSION));
    if (!when_option(ctl->args, OPT_AT, &at, &request.at)) {
        return CTL_USAGE;
    }
    return client_show(ctl, service, "Login", &request, print_login);
}

/* ---- logout ---- */

static void
print_logout(const void *reply)
{
    const Fusuma__V1__LogoutResponse *list = reply;

    print_sessions(list->ended, list->n_ended);
}

/* A session's number; 0, and the user has been told, when it is none. */
static uint64_t
parse_id(const char *text)
{
    char *end;
    uint64_t id;

    errno = 0;
    id = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || !id) {
        ctl_error("'%s' is not a session: a number that 'session list' shows", text);
        return 0;
    }
    return id;
}

int
session_logout(struct ctl *ctl)
{
    Fusuma__V1__LogoutRequest request = FUSUMA__V1__LOGOUT_REQUEST__INIT;
    Google__Protobuf__Timestamp at;
    const char *port = value_or_nothing(ctl, OPT_PORT),
               *broker = value_or_nothing(ctl, OPT_SESSION);

    if ((ctl->arg != NULL) + !!port[0] + !!broker[0] != 1) {
        ctl_error("'session logout' needs one of a session's number, --port and --session");
        return CTL_USAGE;
    }
    request.id = ctl->arg ? parse_id(ctl->arg) : 0;
    if ((ctl->arg && !request.id) || !when_option(ctl->args, OPT_AT, &at, &request.at)) {
        return CTL_USAGE;
    }
    request.port = CONST_CAST(char *, port);
    request.broker_session = CONST_CAST(char *, broker);
    return client_show(ctl, service, "Logout", &request, print_logout);
}

/* ---- list ---- */

static void
print_list(const void *reply)
{
    const Fusuma__V1__ListSessionsResponse *list = reply;

    print_sessions(list->sessions, list->n_sessions);
}

int
session_list(struct ctl *ctl)
{
    Fusuma__V1__ListSessionsRequest request = FUSUMA__V1__LIST_SESSIONS_REQUEST__INIT;
    Google__Protobuf__Timestamp at;

    request.port = CONST_CAST(char *, value_or_nothing(ctl, OPT_PORT));
    request.user = CONST_CAST(char *, value_or_nothing(ctl, OPT_USER));
    request.open = args_has(ctl->args, OPT_OPEN);
    if (!args_number(ctl->args, OPT_LIMIT, 1, UINT32_MAX, &request.limit) ||
        !when_option(ctl->args, OPT_AT, &at, &request.at)) {
        return CTL_USAGE;
    }
    return client_show(ctl, service, "ListSessions", &request, print_list);
}
