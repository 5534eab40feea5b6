#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "proto/rpc_private.h"
#include "proto/tls_files.h"

#define MAX_GROUPS 65536 /* NGROUPS_MAX of Linux */

/* ---- unix sockets ---- */

static void
take_groups(int fd, struct rpc_peer *peer)
{
    socklen_t length = 0;
    gid_t none;

    if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &length) || errno != ERANGE ||
        length > MAX_GROUPS * sizeof(gid_t)) {
        return; /* none, or an old kernel's silence: no group, no role */
    }
    peer->groups = malloc(length);
    if (peer->groups && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &length)) {
        peer->n_groups = length / sizeof(gid_t);
    }
}

/* rpc_listen.c gave gRPC the descriptor, and gRPC names the connection by it.  The descriptor is
 * this connection's, and no other's, for as long as a call on it exists: a call holds a stream of
 * the transport, which holds the transport, which closes the descriptor when it goes. */
static void
take_unix(int fd, struct rpc_peer *peer)
{
    struct ucred who;
    socklen_t length = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length)) {
        peer->why = strdup("the kernel does not say who it is");
        return;
    }
    peer->kind = RPC_PEER_UNIX;
    peer->uid = who.uid;
    peer->gid = who.gid;
    peer->pid = who.pid;
    take_groups(fd, peer);
    free(peer->address);
    if (asprintf(&peer->address, "unix:pid %d", peer->pid) < 0) {
        peer->address = NULL;
    }
}

/* ---- TCP ---- */

static const grpc_auth_property *
property(const grpc_auth_context *context, const char *name)
{
    grpc_auth_property_iterator i = grpc_auth_context_find_properties_by_name(context, name);

    return grpc_auth_property_iterator_next(&i);
}

static bool
is_tls(const grpc_auth_context *context)
{
    const grpc_auth_property *type = property(context, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);

    return type && !strcmp(type->value, GRPC_SSL_TRANSPORT_SECURITY_TYPE);
}

/* gRPC has verified the certificate when the connection began; it may have expired meanwhile, and a
 * resumed session has not even been verified. */
static void
take_tls(const grpc_auth_context *context, const struct rpc_server *server, struct rpc_peer *peer)
{
    const grpc_auth_property *pem = property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);

    if (!pem) {
        peer->why = strdup("it has no certificate");
    } else if (!rpc_tls_source_is_valid(server->tls)) {
        peer->why = strdup("the switch's own certificate has expired");
    } else {
        tls_peer_names(pem->value, pem->value_length, peer);
    }
}

static void
take_tcp(struct rpc_call *call, struct rpc_peer *peer)
{
    grpc_auth_context *context = grpc_call_auth_context(call->grpc);

    if (context && is_tls(context)) {
        take_tls(context, call->server, peer);
    } else if (call->server->insecure_loopback) {
        peer->kind = RPC_PEER_ANYONE; /* there is no other endpoint without TLS */
    } else {
        peer->why = strdup("its connection is not secure");
    }
    grpc_auth_context_release(context);
}

void
rpc_call_meet(struct rpc_call *call)
{
    struct rpc_peer *peer = &call->peer;
    char *address = grpc_call_get_peer(call->grpc);
    int fd;

    peer->address = strdup(address ? address : "");
    if (address && sscanf(address, "fd:%d", &fd) == 1) {
        take_unix(fd, peer);
    } else {
        take_tcp(call, peer);
    }
    gpr_free(address);
}

static void
free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
}

void
rpc_call_forget(struct rpc_call *call)
{
    struct rpc_peer *peer = &call->peer;

    free(peer->address);
    free(peer->why);
    free(peer->groups);
    free(peer->cn);
    free_names(peer->uris, peer->n_uris);
    free_names(peer->dns, peer->n_dns);
    free_names(call->headers, call->n_headers);
}

const struct rpc_peer *
rpc_call_peer(const struct rpc_call *call)
{
    return &call->peer;
}

/* ---- request metadata ---- */

void
rpc_call_take_headers(struct rpc_call *call)
{
    size_t n = call->metadata.count;

    call->headers = calloc(2 * n + 1, sizeof *call->headers);
    for (size_t i = 0; i < n && call->headers; i++) {
        call->headers[call->n_headers++] = grpc_slice_to_c_string(call->metadata.metadata[i].key);
        call->headers[call->n_headers++] = grpc_slice_to_c_string(call->metadata.metadata[i].value);
    }
}

const char *
rpc_call_header(const struct rpc_call *call, const char *name, bool *repeated)
{
    const char *value = NULL;

    if (repeated) {
        *repeated = false;
    }
    for (size_t i = 0; i < call->n_headers; i += 2) {
        if (strcmp(call->headers[i], name)) {
            continue;
        }
        if (!value) {
            value = call->headers[i + 1];
        } else if (repeated) {
            *repeated = true;
        }
    }
    return value;
}
