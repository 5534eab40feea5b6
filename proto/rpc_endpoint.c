#include <config.h>

#include "proto/rpc_endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *__attribute__((format(printf, 2, 3))) refuse(char **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vasprintf(error, format, args) < 0) {
        *error = NULL;
    }
    va_end(args);
    return NULL;
}

/* "unix:PATH", "unix:///PATH". */
const char *
rpc_endpoint_path(const char *endpoint)
{
    if (strncmp(endpoint, "unix:", 5)) {
        return NULL;
    }
    endpoint += 5;
    return strncmp(endpoint, "//", 2) ? endpoint : endpoint + 2;
}

/* gRPC takes the address for a URI, in which '%' and others have a meaning. */
static char *
unix_target(const char *path)
{
    char *target = malloc(strlen("unix:") + 3 * strlen(path) + 1);
    char *at;

    if (!target) {
        return NULL;
    }
    at = stpcpy(target, "unix:");
    for (; *path; path++) {
        at += sprintf(at, isalnum((unsigned char) *path) || strchr("/._-", *path) ? "%c" : "%%%02X",
                      (unsigned char) *path);
    }
    return target;
}

struct tcp {
    int family;
    char host[INET6_ADDRSTRLEN];
    unsigned port;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
};

static bool
parse_port(const char *s, unsigned *port)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char) *s)) {
        return false;
    }
    n = strtoul(s, &end, 10);
    *port = n;
    return !*end && n >= 1 && n <= 65535;
}

/* Splits "HOST:PORT"; an IPv6 address stands in brackets. */
static bool
parse_host_port(const char *endpoint, struct tcp *tcp)
{
    const char *colon = strrchr(endpoint, ':');
    size_t n = colon ? (size_t) (colon - endpoint) : 0;

    if (!colon || !parse_port(colon + 1, &tcp->port)) {
        return false;
    }
    if (n > 2 && endpoint[0] == '[' && endpoint[n - 1] == ']') {
        endpoint++;
        n -= 2;
        tcp->family = AF_INET6;
    } else {
        tcp->family = AF_INET;
    }
    if (!n || n >= sizeof tcp->host || (tcp->family == AF_INET && memchr(endpoint, ':', n))) {
        return false;
    }
    memcpy(tcp->host, endpoint, n);
    tcp->host[n] = '\0';
    return true;
}

/* Fills in the address, if the host is one. */
static bool
has_address(struct tcp *tcp)
{
    if (!strcmp(tcp->host, "localhost")) {
        /* Not by the resolver: what it says is not ours to trust. */
        strcpy(tcp->host, "127.0.0.1");
    }
    if (tcp->family == AF_INET6) {
        tcp->address.in6 =
            (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(tcp->port) };
        return inet_pton(AF_INET6, tcp->host, &tcp->address.in6.sin6_addr) == 1;
    }
    tcp->address.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(tcp->port) };
    return inet_pton(AF_INET, tcp->host, &tcp->address.in.sin_addr) == 1;
}

static bool
is_loopback(struct tcp *tcp)
{
    return has_address(tcp) &&
           (tcp->family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&tcp->address.in6.sin6_addr)
                                    : ntohl(tcp->address.in.sin_addr.s_addr) >> 24 == 127);
}

/* What gRPC would take for something else than a host is none. */
static bool
is_host(struct tcp *tcp)
{
    return has_address(tcp) ||
           (tcp->family == AF_INET && isalpha((unsigned char) tcp->host[0]) &&
            !tcp->host[strspn(tcp->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789.-")]);
}

char *
rpc_endpoint_target(const char *endpoint, enum rpc_endpoint_kind *kind, char **error)
{
    const char *path = rpc_endpoint_path(endpoint);
    struct tcp tcp;
    char *target;

    *error = NULL;
    if (path) {
        *kind = RPC_ENDPOINT_UNIX;
        if (!*path) {
            return refuse(error, "%s: no path", endpoint);
        }
        if (strlen(path) >= sizeof((struct sockaddr_un *) NULL)->sun_path) {
            return refuse(error, "%s: a socket's path has at most 107 bytes, this one has %zu",
                          endpoint, strlen(path));
        }
        target = unix_target(path);
    } else {
        if (!parse_host_port(endpoint, &tcp) || !is_host(&tcp)) {
            return refuse(error, "%s: neither unix:PATH nor HOST:PORT", endpoint);
        }
        *kind = is_loopback(&tcp) ? RPC_ENDPOINT_LOOPBACK : RPC_ENDPOINT_NETWORK;
        if (asprintf(&target, tcp.family == AF_INET6 ? "[%s]:%u" : "%s:%u", tcp.host, tcp.port) <
            0) {
            target = NULL;
        }
    }
    return target ? target : refuse(error, "%s: out of memory", endpoint);
}

bool
rpc_endpoint_in_use(const char *endpoint)
{
    const char *path = rpc_endpoint_path(endpoint);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    bool in_use;
    int fd;

    if (!path || strlen(path) >= sizeof un.sun_path) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    strcpy(un.sun_path, path);
    /* EAGAIN: its queue is full.  EPROTOTYPE: it is a socket of another type. */
    in_use =
        !connect(fd, (struct sockaddr *) &un, sizeof un) || errno == EAGAIN || errno == EPROTOTYPE;
    close(fd);
    return in_use;
}

static socklen_t
address_size(const struct tcp *tcp)
{
    return tcp->family == AF_INET6 ? sizeof tcp->address.in6 : sizeof tcp->address.in;
}

const char *
rpc_endpoint_why(const char *endpoint)
{
    struct tcp tcp;
    int fd, error = 0;

    if (!parse_host_port(endpoint, &tcp) || !has_address(&tcp)) {
        return "an address is needed, not a name";
    }
    fd = socket(tcp.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return strerror(errno);
    }
    if (bind(fd, &tcp.address.any, address_size(&tcp))) {
        error = errno;
    }
    close(fd);
    return error ? strerror(error) : "gRPC does not say why";
}

/* ---- HTTP ---- */

bool
rpc_endpoint_is_address(const char *endpoint)
{
    struct tcp tcp;

    return parse_host_port(endpoint, &tcp) && has_address(&tcp);
}

int
rpc_endpoint_listen(const char *endpoint, int *fdp, char **error)
{
    const int one = 1;
    struct tcp tcp;
    int fd, retval;

    if (!parse_host_port(endpoint, &tcp) || !has_address(&tcp)) {
        refuse(error, "%s: not ADDRESS:PORT", endpoint);
        return EINVAL;
    }
    fd = socket(tcp.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        (tcp.family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one)) ||
        bind(fd, &tcp.address.any, address_size(&tcp)) || listen(fd, SOMAXCONN)) {
        retval = errno;
        refuse(error, "%s: %s", endpoint, strerror(retval));
        if (fd >= 0) {
            close(fd);
        }
        return retval;
    }
    *fdp = fd;
    return 0;
}
