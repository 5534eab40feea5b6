#include <config.h>

#include "ctl/drill_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

bool
drill_peer_parse(const char *text, uint16_t port, struct drill_peer *peer)
{
    struct sockaddr_in *in = (struct sockaddr_in *) &peer->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &peer->addr;
    char host[64], *end = host, *digits;
    unsigned long n = port;

    *peer = (struct drill_peer){ .text = text };
    if (strlen(text) >= sizeof host) {
        return false;
    }
    strcpy(host, text);
    digits = host[0] == '[' || strchr(host, ':') == strrchr(host, ':') ? strrchr(host, ':') : NULL;
    if (host[0] == '[') {
        end = strchr(host, ']');
        digits = end && end[1] == ':' ? end + 1 : NULL;
        if (!end || (end[1] && !digits)) {
            return false;
        }
        *end = '\0';
        memmove(host, host + 1, strlen(host));
    }
    if (digits) {
        n = strtoul(digits + 1, &end, 10);
        if (digits[1] < '0' || digits[1] > '9' || *end) {
            return false;
        }
        *digits = '\0';
    }
    peer->port = (uint16_t) n;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(peer->port);
        inet_ntop(AF_INET, &in->sin_addr, peer->ip, sizeof peer->ip);
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(peer->port);
        inet_ntop(AF_INET6, &in6->sin6_addr, peer->ip, sizeof peer->ip);
    } else {
        return false;
    }
    return n >= 1 && n <= UINT16_MAX;
}

/* Whether it connects, or why it does not.  In the child of a process with threads: system calls
 * only. */
static int
try_connect(const char *netns, const struct drill_peer *peer, int timeout_ms, int *error)
{
    int ns = open(netns, O_RDONLY | O_CLOEXEC), fd;
    struct pollfd pollfd = { .events = POLLOUT };
    socklen_t size = sizeof *error;

    if (ns < 0 || setns(ns, CLONE_NEWNET)) {
        *error = errno;
        return PROBE_FAILED;
    }
    fd = socket(peer->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *error = errno;
        return PROBE_FAILED;
    }
    if (!connect(fd, (const struct sockaddr *) &peer->addr, sizeof peer->addr)) {
        return PROBE_CONNECTED;
    }
    *error = errno;
    if (*error == EINPROGRESS) {
        pollfd.fd = fd;
        if (poll(&pollfd, 1, timeout_ms) <= 0) {
            return PROBE_SILENCE;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size)) {
            *error = errno;
        }
    }
    switch (*error) {
    case 0:
        return PROBE_CONNECTED;
    case ECONNREFUSED:
    case EACCES: /* ICMP "administratively prohibited" */
    case EPERM:
        return PROBE_REFUSED;
    case EHOSTUNREACH: /* ARP or ND had no answer, or ICMP says so */
    case ETIMEDOUT:
        return PROBE_SILENCE;
    default:
        return PROBE_FAILED;
    }
}

enum drill_probe
drill_probe(const char *netns, const struct drill_peer *peer, int timeout_ms)
{
    int fds[2], status, error = 0, result;
    char path[256];
    pid_t pid;

    snprintf(path, sizeof path, "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
    if (pipe2(fds, O_CLOEXEC)) {
        return PROBE_FAILED;
    }
    /* fork() would have gRPC's threads prepare for it, which can take for ever. */
    pid = _Fork();
    if (!pid) {
        result = try_connect(path, peer, timeout_ms, &error);
        if (result == PROBE_FAILED && write(fds[1], &error, sizeof error) != sizeof error) {
            _exit(PROBE_FAILED + 1);
        }
        _exit(result);
    }
    close(fds[1]);
    if (pid > 0) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        result = WIFEXITED(status) && WEXITSTATUS(status) < PROBE_FAILED ? WEXITSTATUS(status)
                                                                         : PROBE_FAILED;
        if (result == PROBE_FAILED && read(fds[0], &error, sizeof error) != sizeof error) {
            error = ECHILD;
        }
    } else {
        result = PROBE_FAILED;
        error = errno;
    }
    close(fds[0]);
    errno = error;
    return result;
}
