#include <config.h>

#include "control/api_clients.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct list {
    struct api_client *clients;
    size_t n, allocated;
};

static bool
take_endpoint(const union endpoint *e, struct acl_addr *a, uint16_t *port)
{
    switch (e->any.sa_family) {
    case AF_INET:
        *a = acl_addr_from_v4(e->v4.sin_addr.s_addr);
        *port = ntohs(e->v4.sin_port);
        return true;
    case AF_INET6: /* IPv4 comes mapped, which is our own form of it */
        memcpy(a->b, e->v6.sin6_addr.s6_addr, sizeof a->b);
        *port = ntohs(e->v6.sin6_port);
        return true;
    default:
        return false;
    }
}

static bool
local_of(int fd, struct acl_addr *a, uint16_t *port)
{
    union endpoint e;
    socklen_t len = sizeof e;

    memset(&e, 0, sizeof e);
    return !getsockname(fd, &e.any, &len) && take_endpoint(&e, a, port);
}

static bool
remote_of(int fd, struct acl_addr *a)
{
    union endpoint e;
    socklen_t len = sizeof e;
    uint16_t port;

    memset(&e, 0, sizeof e);
    return !getpeername(fd, &e.any, &len) && take_endpoint(&e, a, &port);
}

static bool
is_tcp(int fd)
{
    int protocol = 0;
    socklen_t len = sizeof protocol;

    return !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) && protocol == IPPROTO_TCP;
}

static bool
listens(int fd)
{
    int yes = 0;
    socklen_t len = sizeof yes;

    return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes;
}

/* A set of ports, a bit each. */
struct ports {
    uint64_t bits[65536 / 64];
};

static bool
has_port(const struct ports *p, uint16_t port)
{
    return p->bits[port / 64] >> port % 64 & 1;
}

static void
note_listener(int fd, void *ports_)
{
    struct ports *ports = ports_;
    struct acl_addr local;
    uint16_t port;

    if (listens(fd) && local_of(fd, &local, &port)) {
        ports->bits[port / 64] |= UINT64_C(1) << port % 64;
    }
}

static bool
is_there(const struct list *list, const struct api_client *client)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct api_client *c = &list->clients[i];

        if (c->local_port == client->local_port && acl_addr_equals(&c->local, &client->local) &&
            acl_addr_equals(&c->remote, &client->remote)) {
            return true;
        }
    }
    return false;
}

static void
note_client(int fd, void *list_)
{
    struct list *list = list_;
    struct api_client client;

    if (listens(fd) || !local_of(fd, &client.local, &client.local_port) ||
        !remote_of(fd, &client.remote) || is_there(list, &client)) {
        return;
    }
    if (list->n == list->allocated) {
        list->clients = x2nrealloc(list->clients, &list->allocated, sizeof *list->clients);
    }
    list->clients[list->n++] = client;
}

/* Calls 'take' with each TCP socket of this process. */
static void
each_socket(void (*take)(int fd, void *aux), void *aux)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        int fd;

        if (str_to_int(entry->d_name, 10, &fd) && is_tcp(fd)) {
            take(fd, aux);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

struct api_client *
api_clients(size_t *n)
{
    struct ports *ports = xzalloc(sizeof *ports);
    struct list list = { .n = 0 };
    size_t kept = 0;

    each_socket(note_listener, ports);
    each_socket(note_client, &list);
    for (size_t i = 0; i < list.n; i++) {
        if (has_port(ports, list.clients[i].local_port)) {
            list.clients[kept++] = list.clients[i];
        }
    }
    free(ports);
    *n = kept;
    return list.clients;
}
