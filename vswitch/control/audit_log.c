#include <config.h>

#include "control/audit_log_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(audit_log);

json_t *
audit_entry(const char *event)
{
    struct timespec now;
    char text[64];
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%06ldZ", now.tv_nsec / 1000);
    return json_pack("{s:s, s:s}", "time", text, "event", event);
}

/* ---- appending ---- */

static int
write_all(struct audit_log *log, const char *data, size_t n)
{
    off_t start = lseek(log->fd, 0, SEEK_END);
    size_t done = 0;
    int error = 0;

    while (done < n) {
        ssize_t written = write(log->fd, data + done, n - done);

        if (written > 0) {
            done += written;
        } else if (errno != EINTR) {
            error = errno ? errno : EIO;
            break;
        }
    }
    if (error && done && start >= 0 && !ftruncate(log->fd, start)) {
        done = 0; /* nobody has seen it */
    } else if (error && done) {
        /* The next line will tell of it. */
        free(log->torn);
        log->torn = xmemdup(data, done);
        log->torn_len = done;
        log->no_newline = true;
    }
    log->size += done;
    return error;
}

/* Writes one line; what follows it is chained to it only if it got there. */
static int
write_line(struct audit_log *log, json_t *entry)
{
    json_t *body = json_pack("{s:I}", "seq", (json_int_t) log->seq + 1);
    char hash[AUDIT_HASH_LEN + 1];
    char *text, *line = NULL;
    int error = ENOMEM;

    memcpy(hash, log->hash, sizeof hash);
    json_object_update(body, entry);
    text = json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text) {
        line = audit_chain_seal(hash, text);
    }
    if (line) {
        error = write_all(log, line, strlen(line));
    }
    if (!error) {
        memcpy(log->hash, hash, sizeof hash);
        log->seq++;
        ds_put_cstr(&log->fresh, line);
    }
    free(text);
    json_decref(body);
    free(line);
    return error;
}

static int
tell_of_torn(struct audit_log *log)
{
    json_t *entry = audit_entry("torn");
    char *torn = log->torn;
    char hash[AUDIT_HASH_LEN + 1];
    int error;

    log->torn = NULL;
    audit_chain_hash(torn, log->torn_len, hash);
    json_object_set_new(entry, "bytes", json_integer(log->torn_len));
    json_object_set_new(entry, "sha256", json_string(hash));
    error = write_line(log, entry);
    json_decref(entry);
    if (error && !log->torn) {
        log->torn = torn;
    } else {
        free(torn);
    }
    return error;
}

/* Ends what is no whole line, and tells of it. */
static int
mend(struct audit_log *log)
{
    if (log->no_newline) {
        if (write(log->fd, "\n", 1) != 1) {
            return errno ? errno : EIO;
        }
        log->size++;
        log->no_newline = false;
    }
    return log->torn ? tell_of_torn(log) : 0;
}

int
audit_log_begin_file(struct audit_log *log, const char *damaged, const char *why)
{
    json_t *entry = audit_entry("begin");
    char text[24];
    int error;

    json_object_set_new(entry, "prev", json_string(log->hash));
    if (log->election) {
        snprintf(text, sizeof text, "%" PRIu64, log->election);
        json_object_set_new(entry, "election", json_string(text));
    }
    if (damaged) {
        json_object_set_new(entry, "damaged", json_string(damaged));
        json_object_set_new(entry, "why", json_string(why));
    }
    error = write_line(log, entry);
    log->first_seq = log->seq;
    json_decref(entry);
    return error;
}

void
audit_log_sync_dir(const struct audit_log *log)
{
    int fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int
audit_log_open_file(struct audit_log *log)
{
    log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return log->fd < 0 ? errno : 0;
}

/* A file that cannot be renamed, or followed by a new one, is gone on with. */
static void
rotate(struct audit_log *log)
{
    char *old = xasprintf("%s.%0*" PRIu64, log->path, AUDIT_LOG_SEQ_DIGITS, log->first_seq);
    int fd = log->fd, error = 0;

    audit_log_sync(log);
    if (rename(log->path, old)) {
        error = errno;
    } else if ((error = audit_log_open_file(log)) != 0) {
        log->fd = fd;
        ignore(rename(old, log->path));
    } else {
        close(fd);
        log->size = 0;
        audit_log_sync_dir(log);
        error = audit_log_begin_file(log, NULL, NULL);
    }
    if (error && !log->rotation_failed) {
        VLOG_WARN("%s: no new file can be begun: %s", log->path, ovs_strerror(error));
    }
    log->rotation_failed = error != 0;
    free(old);
}

void
audit_log_sync(struct audit_log *log)
{
    struct audit_head head = { .seq = log->seq };
    int error;

    if (fdatasync(log->fd)) {
        VLOG_EMER("%s: what is changed may not be on the disk: %s", log->path, ovs_strerror(errno));
        return;
    }
    memcpy(head.hash, log->hash, sizeof head.hash);
    if (log->head_fd < 0 || (head.seq == log->head.seq && !strcmp(head.hash, log->head.hash))) {
        return;
    }
    error = audit_head_write(log->head_fd, &head);
    if (error) {
        VLOG_WARN("%s/" AUDIT_HEAD_NAME ": %s", log->dir, ovs_strerror(error));
    } else {
        log->head = head;
    }
}

/* So that the next file begins with it. */
static void
note_election(struct audit_log *log, const json_t *entry)
{
    const char *text = json_string_value(json_object_get(entry, "election"));
    uint64_t election = text ? strtoull(text, NULL, 10) : 0;

    log->election = MAX(log->election, election);
}

int
audit_log_append(struct audit_log *log, json_t *entry, bool durable, uint64_t *seqp, char **linesp)
{
    int error = mend(log);

    if (!error && log->size >= log->max_bytes) {
        rotate(log);
        error = mend(log);
    }
    if (!error && log->lost) {
        json_object_set_new(entry, "lost", json_integer(log->lost));
    }
    error = error ? error : write_line(log, entry);
    note_election(log, entry);
    if (linesp) {
        *linesp = ds_steal_cstr(&log->fresh);
    }
    ds_clear(&log->fresh);
    if (error) {
        if (!log->lost++) {
            VLOG_EMER("%s: what is changed cannot be written down: %s", log->path,
                      ovs_strerror(error));
        }
        return error;
    }
    log->lost = 0;
    if (seqp) {
        *seqp = log->seq;
    }
    if (durable) {
        audit_log_sync(log);
    }
    return 0;
}

void
audit_log_close(struct audit_log *log)
{
    if (log) {
        if (log->fd >= 0) {
            audit_log_sync(log);
            close(log->fd);
        }
        if (log->head_fd >= 0) {
            close(log->head_fd);
        }
        free(log->dir);
        free(log->path);
        free(log->torn);
        ds_destroy(&log->fresh);
        free(log);
    }
}

uint64_t
audit_log_election(const struct audit_log *log)
{
    return log->election;
}
