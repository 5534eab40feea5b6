/* Dead letters: what a sink has refused for good, one line each. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/ecs_priv.h"
#include "ctl/relay/sink.h"
#include "util.h"

static char *
format_letter(const struct relay_event *e, const char *why)
{
    char *time = ecs_time_ns(relay_wall_ns());
    json_t *reason = json_stringn_nocheck(why, strlen(why));
    char *quoted = json_dumps(reason, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    char *line = xasprintf("{\"time\":\"%s\",\"why\":%s,\"event\":%s}\n", time,
                           quoted ? quoted : "\"\"", e->json);

    free(time);
    free(quoted);
    json_decref(reason);
    return line;
}

int
relay_dead_letter(const char *dir, const char *sink, const struct relay_event *e, const char *why)
{
    char *path = xasprintf("%s/%s.dead", dir, sink);
    char *line = format_letter(e, why);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int rc = fd < 0 ? errno : 0;
    off_t before = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = fd < 0 ? -1 : write(fd, line, strlen(line));

    if (!rc && (n != (ssize_t) strlen(line) || fsync(fd))) {
        rc = n < 0 || n == (ssize_t) strlen(line) ? errno : ENOSPC;
        if (ftruncate(fd, before)) { /* then a part of a line stays */
            rc = rc ? rc : errno;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(line);
    free(path);
    return rc;
}
