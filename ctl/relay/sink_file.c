/* Lines of JSON, appended to a file.
 *
 * A batch is in the file whole, and synced, or not at all: what could not be written to its end is
 * taken off again, and so is what a kill has left of a line.  The file is opened again on SIGHUP
 * and when it was renamed or deleted, as logrotate does. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/relay/sink.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

#define MODE 0640

struct file {
    int fd; /* -1: not open */
};

static int
file_open(struct relay_sink *sink, char **error OVS_UNUSED)
{
    struct file *f = xmalloc(sizeof *f);

    f->fd = -1;
    sink->aux = f;
    return 0;
}

static void
file_reopen(struct relay_sink *sink)
{
    struct file *f = sink->aux;

    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

static void
file_close(struct relay_sink *sink)
{
    if (sink->aux) {
        file_reopen(sink);
        free(sink->aux);
    }
}

/* Whether the open file is still the one of that name. */
static bool
is_current(int fd, const char *path)
{
    struct stat ours, named;

    return !fstat(fd, &ours) && !stat(path, &named) && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* Takes off what follows the last end of a line.  0, or a positive errno. */
static int
mend(int fd)
{
    char tail[4096];
    off_t end = lseek(fd, 0, SEEK_END), at = end;

    if (end < 0) {
        return errno == ESPIPE ? 0 : errno; /* a pipe has no past */
    }
    while (at > 0) {
        off_t from = at > (off_t) sizeof tail ? at - (off_t) sizeof tail : 0;
        ssize_t n = pread(fd, tail, (size_t) (at - from), from);

        if (n <= 0) {
            return n ? errno : EIO;
        }
        while (n && tail[n - 1] != '\n') {
            n--;
        }
        at = from + n;
        if (n) {
            break;
        }
    }
    return at != end && ftruncate(fd, at) ? errno : 0;
}

static int
make_current(struct relay_sink *sink)
{
    struct file *f = sink->aux;
    int rc;

    if (f->fd >= 0 && !is_current(f->fd, sink->config->path)) {
        file_reopen(sink);
    }
    if (f->fd >= 0) {
        return 0;
    }
    f->fd = open(sink->config->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, MODE);
    rc = f->fd < 0 ? errno : mend(f->fd);
    if (rc) {
        file_reopen(sink);
    }
    return rc;
}

static int
write_all(int fd, const char *data, size_t n)
{
    off_t before = lseek(fd, 0, SEEK_END);
    int rc = 0;

    while (n && !rc) {
        ssize_t w = write(fd, data, n);

        if (w < 0 && errno != EINTR) {
            rc = errno;
        } else if (w > 0) {
            data += w;
            n -= (size_t) w;
        }
    }
    if (!rc && fdatasync(fd) && errno != EINVAL) { /* a pipe cannot be synced */
        rc = errno;
    }
    if (rc && before >= 0 && ftruncate(fd, before)) {
        /* Then the next make_current() mends it. */
        rc = rc ? rc : errno;
    }
    return rc;
}

static enum relay_outcome
file_deliver(struct relay_sink *sink, struct relay_event *const *events, size_t n, char **why)
{
    struct ds lines = DS_EMPTY_INITIALIZER;
    struct file *f = sink->aux;
    int rc = make_current(sink);

    for (size_t i = 0; i < n; i++) {
        ds_put_cstr(&lines, events[i]->json);
        ds_put_char(&lines, '\n');
    }
    if (!rc) {
        rc = write_all(f->fd, ds_cstr(&lines), lines.length);
    }
    ds_destroy(&lines);
    if (rc) {
        file_reopen(sink);
        *why = xasprintf("%s: %s", sink->config->path, ovs_strerror(rc));
        return RELAY_LATER;
    }
    return RELAY_ACCEPTED;
}

const struct relay_sink_ops relay_file_ops = {
    .batch = 500,
    .open = file_open,
    .deliver = file_deliver,
    .reopen = file_reopen,
    .close = file_close,
};
