#include <config.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/broker.h"
#include "ctl/output.h"
#include "fusuma/v1/port.pb-c.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const sessions = &fusuma__v1__session_service__descriptor;

/* ---- what is printed ---- */

void
broker_say(struct broker *b, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    pthread_mutex_lock(&b->printing);
    ctl_error("%s", text);
    pthread_mutex_unlock(&b->printing);
    free(text);
}

static void
print(struct broker *b, const ProtobufCMessage *message, const char *what,
      const Fusuma__V1__Session *s)
{
    pthread_mutex_lock(&b->printing);
    if (b->ctl->structured) {
        output_event(message);
    } else {
        output_line("session %" PRIu64 ": %s %s on port %s", s->id, s->user, what, s->port);
    }
    output_flush();
    pthread_mutex_unlock(&b->printing);
}

/* ---- calls ---- */

enum rpc_status
switch_login(struct broker *b, const Fusuma__V1__LoginRequest *request,
             Fusuma__V1__Session **session, char **error)
{
    enum rpc_status status = client_try(b->ctl, sessions, "Login", request, session, error);

    if (status == RPC_OK) {
        print(b, &(*session)->base, "logged in", *session);
    }
    return status;
}

enum rpc_status
switch_logout(struct broker *b, const Fusuma__V1__LogoutRequest *request,
              Fusuma__V1__LogoutResponse **reply, char **error)
{
    enum rpc_status status = client_try(b->ctl, sessions, "Logout", request, reply, error);

    for (size_t i = 0; status == RPC_OK && i < (*reply)->n_ended; i++) {
        print(b, &(*reply)->ended[i]->base, "logged out", (*reply)->ended[i]);
    }
    return status;
}

enum rpc_status
switch_sessions_of(struct broker *b, const char *port, const char *user,
                   Fusuma__V1__ListSessionsResponse **reply, char **error)
{
    Fusuma__V1__ListSessionsRequest request = FUSUMA__V1__LIST_SESSIONS_REQUEST__INIT;

    request.port = CONST_CAST(char *, port);
    request.user = CONST_CAST(char *, user);
    request.open = true;
    return client_try(b->ctl, sessions, "ListSessions", &request, reply, error);
}

enum rpc_status
switch_find_port(struct broker *b, const char *mac, const char *vm_id, char **port, char **error)
{
    Fusuma__V1__ListPortsRequest request = FUSUMA__V1__LIST_PORTS_REQUEST__INIT;
    Fusuma__V1__ListPortsResponse *reply;
    enum rpc_status status = client_try(b->ctl, &fusuma__v1__port_service__descriptor, "ListPorts",
                                        &request, &reply, error);

    *port = NULL;
    if (status != RPC_OK) {
        return status;
    }
    for (size_t i = 0; i < reply->n_ports && status == RPC_OK; i++) {
        const Fusuma__V1__PortSpec *spec = reply->ports[i]->spec;

        if (!(mac[0] ? !strcasecmp(spec->mac, mac) : !strcmp(spec->vm_id, vm_id))) {
            continue;
        }
        if (*port) { /* in two VLANs */
            status = RPC_FAILED_PRECONDITION;
            *error =
                xasprintf("ports %s and %s both have %s: name the port", *port, spec->name, mac);
        } else {
            *port = xstrdup(spec->name);
        }
    }
    client_free(reply);
    if (status == RPC_OK && !*port) {
        status = RPC_NOT_FOUND;
        *error = xasprintf("no desktop has %s %s", mac[0] ? "MAC" : "VM id", mac[0] ? mac : vm_id);
    } else if (status != RPC_OK) {
        free(*port);
        *port = NULL;
    }
    return status;
}

bool
switch_is_away(enum rpc_status status)
{
    return status == RPC_UNAVAILABLE || status == RPC_DEADLINE_EXCEEDED;
}
