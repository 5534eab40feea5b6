#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>

#include "proto/rpc_credentials.h"
#include "proto/rpc_endpoint.h"
#include "proto/rpc_private.h"

/* Who has connected to a unix socket, the kernel tells whoever has the descriptor.  gRPC keeps
 * those of its own listeners to itself; so ours accepts, and hands each connection over. */

#define NO_DESCRIPTOR_MS 100 /* before it tries again, when there is none left */

struct rpc_listener {
    int fd;
    char *path;
    dev_t device;
    ino_t inode; /* of the socket at 'path', while it is ours */
};

static int
cannot_listen(const char *endpoint, const char *why, int code, char **error)
{
    if (asprintf(error, "cannot listen on %s: %s", endpoint, why) < 0) {
        *error = NULL;
    }
    return code;
}

/* ---- unix sockets ---- */

/* A socket that was left behind goes; a file of another kind stays. */
static void
remove_stale(const char *path)
{
    struct stat st;

    if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
}

/* Nobody can connect before listen(), so that there is no moment at which the mode is another. */
static int
bind_unix(struct rpc_listener *listener, uint32_t gid)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct stat st;

    strcpy(un.sun_path, listener->path); /* rpc_endpoint_target() has seen to its length */
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) {
        return errno;
    }
    remove_stale(listener->path);
    if (bind(listener->fd, (struct sockaddr *) &un, sizeof un) || lstat(listener->path, &st)) {
        return errno;
    }
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    if ((gid != UINT32_MAX && lchown(listener->path, -1, gid)) || chmod(listener->path, 0660) ||
        listen(listener->fd, SOMAXCONN)) {
        return errno;
    }
    return 0;
}

static int
listen_unix(struct rpc_server *server, const char *endpoint, uint32_t gid, char **error)
{
    struct rpc_listener *listener = &server->listeners[server->n_listeners];
    int code;

    if (rpc_endpoint_in_use(endpoint)) {
        return cannot_listen(endpoint, strerror(EADDRINUSE), EADDRINUSE, error);
    }
    server->n_listeners++;
    *listener = (struct rpc_listener){ .fd = -1, .path = strdup(rpc_endpoint_path(endpoint)) };
    code = listener->path ? bind_unix(listener, gid) : ENOMEM;
    return code ? cannot_listen(endpoint, strerror(code), code, error) : 0;
}

static void
listener_close(struct rpc_listener *listener)
{
    struct stat st;

    if (listener->fd >= 0) {
        close(listener->fd);
    }
    if (listener->inode && !lstat(listener->path, &st) && st.st_dev == listener->device &&
        st.st_ino == listener->inode) {
        unlink(listener->path);
    }
    free(listener->path);
}

/* ---- the thread that accepts ---- */

static void
accept_one(struct rpc_server *server, int listener, grpc_server_credentials *credentials)
{
    struct sockaddr_un peer;
    socklen_t length = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *) &peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        grpc_server_add_channel_from_fd(server->grpc, fd, credentials);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        poll(NULL, 0, NO_DESCRIPTOR_MS);
    }
}

static void *
accept_thread(void *server_)
{
    struct rpc_server *server = server_;
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    size_t n = server->n_listeners;
    struct pollfd fds[n + 1];

    for (size_t i = 0; i < n; i++) {
        fds[i] = (struct pollfd){ .fd = server->listeners[i].fd, .events = POLLIN };
    }
    fds[n] = (struct pollfd){ .fd = server->accept_stop, .events = POLLIN };
    for (;;) {
        if (poll(fds, n + 1, -1) < 0) {
            continue;
        } else if (fds[n].revents) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            if (fds[i].revents) {
                accept_one(server, fds[i].fd, credentials);
            }
        }
    }
    grpc_server_credentials_release(credentials);
    return NULL;
}

int
rpc_listen_start(struct rpc_server *server)
{
    if (!server->n_listeners) {
        return 0;
    }
    server->accept_stop = eventfd(0, EFD_CLOEXEC);
    if (server->accept_stop < 0) {
        return errno;
    }
    if (pthread_create(&server->accept_thread, NULL, accept_thread, server)) {
        return EAGAIN;
    }
    server->accepting = true;
    pthread_setname_np(server->accept_thread, "rpc-accept");
    return 0;
}

void
rpc_listen_stop(struct rpc_server *server)
{
    if (server->accepting) {
        eventfd_write(server->accept_stop, 1);
        pthread_join(server->accept_thread, NULL);
        server->accepting = false;
    }
    if (server->accept_stop >= 0) {
        close(server->accept_stop);
        server->accept_stop = -1;
    }
    for (size_t i = 0; i < server->n_listeners; i++) {
        listener_close(&server->listeners[i]);
    }
    free(server->listeners);
    server->listeners = NULL;
    server->n_listeners = 0;
}

/* ---- TCP ---- */

static int
listen_tcp(struct rpc_server *server, const char *endpoint, const char *target, bool secure,
           char **error)
{
    grpc_server_credentials *credentials =
        secure ? rpc_server_credentials(server->tls) : grpc_insecure_server_credentials_create();
    int port = grpc_server_add_http2_port(server->grpc, target, credentials);

    grpc_server_credentials_release(credentials);
    return port ? 0 : cannot_listen(endpoint, rpc_endpoint_why(endpoint), EADDRNOTAVAIL, error);
}

static int
listen_on(struct rpc_server *server, const char *endpoint, uint32_t gid, char **error)
{
    enum rpc_endpoint_kind kind;
    char *target = rpc_endpoint_target(endpoint, &kind, error);
    bool insecure;
    int retval;

    if (!target) {
        return EINVAL;
    }
    insecure = kind == RPC_ENDPOINT_LOOPBACK && server->insecure_loopback;
    if (kind == RPC_ENDPOINT_UNIX) {
        retval = listen_unix(server, endpoint, gid, error);
    } else if (server->tls || insecure) {
        retval = listen_tcp(server, endpoint, target, !insecure, error);
    } else {
        retval = cannot_listen(endpoint, "TCP needs TLS: a CA, a certificate and its key", EINVAL,
                               error);
    }
    free(target);
    return retval;
}

int
rpc_listen(struct rpc_server *server, const struct rpc_server_options *options, char **error)
{
    int retval = 0;

    server->listeners = calloc(options->n_endpoints + 1, sizeof *server->listeners);
    if (!server->listeners) {
        return ENOMEM;
    }
    for (size_t i = 0; i < options->n_endpoints && !retval; i++) {
        retval = listen_on(server, options->endpoints[i], options->socket_gid, error);
    }
    return retval;
}
