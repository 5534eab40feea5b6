#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/unix_socket.h"

int
unix_socket_check(const char *path, char *reason, size_t size)
{
    char folder[UNIX_SOCKET_PATH_MAX + 2]; /* "." may go in behind a trailing slash */
    char *slash;

    if (!path || !*path) {
        snprintf(reason, size, "a socket path is needed");
        return EINVAL;
    }
    if (strlen(path) > UNIX_SOCKET_PATH_MAX) {
        snprintf(reason, size, "socket path is %zu bytes long, at most %d are possible",
                 strlen(path), UNIX_SOCKET_PATH_MAX);
        return ENAMETOOLONG;
    }
    strcpy(folder, path);
    slash = strrchr(folder, '/');
    strcpy(slash ? slash + 1 : folder, ".");
    if (access(folder, X_OK)) {
        int err = errno;
        snprintf(reason, size, "folder of socket '%s': %s", path, strerror(err));
        return err;
    }
    return 0;
}

static int
try_connect(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0) {
        return errno;
    }
    strncpy(sun.sun_path, path, sizeof sun.sun_path - 1);
    err = connect(fd, (struct sockaddr *) &sun, sizeof sun) ? errno : 0;
    close(fd);
    return err;
}

static int
no_socket(const char *path, char *reason, size_t size)
{
    snprintf(reason, size, "'%s' exists and is not a socket", path);
    return EEXIST;
}

int
unix_socket_check_peer(const char *path, char *reason, size_t size)
{
    struct stat st;

    return stat(path, &st) || S_ISSOCK(st.st_mode) ? 0 : no_socket(path, reason, size);
}

int
unix_socket_clear_stale(const char *path, char *reason, size_t size)
{
    struct stat st;
    int err;

    if (lstat(path, &st)) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return no_socket(path, reason, size);
    }
    err = try_connect(path);
    if (err != ECONNREFUSED) {
        snprintf(reason, size, "socket '%s' is in use by another process", path);
        return EADDRINUSE;
    }
    if (unlink(path)) {
        err = errno;
        snprintf(reason, size, "cannot remove the stale socket '%s': %s", path, strerror(err));
        return err;
    }
    return 0;
}
