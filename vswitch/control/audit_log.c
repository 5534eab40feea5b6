#include <config.h>

#include "control/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "proto/audit_chain.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(audit_log);

#define NAME "audit.log"
#define SEQ_DIGITS 12

struct audit_log {
    char *dir, *path;
    int fd;
    size_t size, max_bytes;
    uint64_t seq, first_seq; /* of the last line; of this file's first */
    char hash[AUDIT_HASH_LEN + 1];
    uint64_t election;
    uint64_t lost; /* lines that could not be written */
    char *torn;    /* what of a line is at the end of the file, or NULL */
    size_t torn_len;
    bool no_newline;
    bool rotation_failed;
    struct ds fresh; /* lines that were written and not handed out yet */
};

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
    json_t *body = json_pack("{s:I}", "seq", (json_int_t) (log->seq + 1));
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

static int
begin_file(struct audit_log *log, const char *damaged)
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
    }
    error = write_line(log, entry);
    log->first_seq = log->seq;
    json_decref(entry);
    return error;
}

static void
sync_dir(const struct audit_log *log)
{
    int fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static int
open_file(struct audit_log *log)
{
    log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return log->fd < 0 ? errno : 0;
}

/* A file that cannot be renamed, or followed by a new one, is gone on with. */
static void
rotate(struct audit_log *log)
{
    char *old = xasprintf("%s.%0*" PRIu64, log->path, SEQ_DIGITS, log->first_seq);
    int fd = log->fd, error = 0;

    fdatasync(fd);
    if (rename(log->path, old)) {
        error = errno;
    } else if ((error = open_file(log)) != 0) {
        log->fd = fd;
        ignore(rename(old, log->path));
    } else {
        close(fd);
        log->size = 0;
        sync_dir(log);
        error = begin_file(log, NULL);
    }
    if (error && !log->rotation_failed) {
        VLOG_WARN("%s: no new file can be begun: %s", log->path, ovs_strerror(error));
    }
    log->rotation_failed = error != 0;
    free(old);
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
    if (durable && fdatasync(log->fd)) {
        VLOG_EMER("%s: what is changed may not be on the disk: %s", log->path, ovs_strerror(errno));
    }
    return 0;
}

/* ---- opening ---- */

struct each {
    void (*cb)(const char *line, void *aux);
    void *aux;
};

static void
pass_on(const char *line, size_t len, void *each_)
{
    const struct each *each = each_;
    char *text = xmemdup0(line, len);

    each->cb(text, each->aux);
    free(text);
}

static int
scan_file(const char *path, struct audit_scan *scan, const struct each *each)
{
    FILE *file = fopen(path, "re");
    int error;

    memset(scan, 0, sizeof *scan);
    if (!file) {
        return errno;
    }
    error = audit_chain_scan(file, scan, each->cb ? pass_on : NULL, (void *) each);
    fclose(file);
    return error;
}

/* The newest of the files that were renamed when they were full, or NULL. */
static char *
newest_rotated(const struct audit_log *log)
{
    DIR *dir = opendir(log->dir);
    char *newest = NULL;
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        const char *seq = e->d_name + strlen(NAME ".");

        if (!strncmp(e->d_name, NAME ".", strlen(NAME ".")) && strlen(seq) >= SEQ_DIGITS &&
            !seq[strspn(seq, "0123456789")] && (!newest || strcmp(e->d_name, newest) > 0)) {
            free(newest);
            newest = xstrdup(e->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return newest;
}

static void
go_on_from(struct audit_log *log, const struct audit_scan *scan)
{
    if (scan->n_lines) {
        memcpy(log->hash, scan->hash, sizeof log->hash);
        log->seq = scan->seq;
        log->first_seq = scan->first_seq;
    }
    log->election = MAX(log->election, scan->election);
}

/* The present file is missing, or has nothing: the last one may have been renamed a moment ago. */
static void
go_on_from_rotated(struct audit_log *log)
{
    const struct each none = { NULL, NULL };
    char *name = newest_rotated(log);
    struct audit_scan scan;
    char *path;

    if (name) {
        path = xasprintf("%s/%s", log->dir, name);
        if (!scan_file(path, &scan, &none)) {
            go_on_from(log, &scan);
        }
        audit_scan_destroy(&scan);
        free(path);
        free(name);
    }
}

static int
put_aside(struct audit_log *log, const struct audit_scan *scan, char **asidep, char **error)
{
    char *aside = xasprintf("%s.damaged-%lld", log->path, (long long) time(NULL));

    if (rename(log->path, aside)) {
        int code = errno;

        *error = xasprintf("%s: it is damaged, and cannot be renamed: %s", log->path,
                           ovs_strerror(code));
        free(aside);
        return code;
    }
    VLOG_EMER("%s: line %" PRIu64 ": %s.  The file is %s now, and a new one begun", log->path,
              scan->bad_line, scan->why, aside);
    *asidep = aside;
    return 0;
}

/* Finds out where the log ends, and opens it there. */
static int
take_up(struct audit_log *log, const struct each *each, char **error)
{
    struct audit_scan scan;
    char *damaged = NULL;
    int retval = scan_file(log->path, &scan, each);

    if (retval && retval != ENOENT) {
        *error = xasprintf("%s: %s", log->path, ovs_strerror(retval));
        goto out;
    }
    retval = 0;
    if (!scan.n_lines) {
        go_on_from_rotated(log);
    }
    go_on_from(log, &scan);
    if (scan.bad_line) {
        retval = put_aside(log, &scan, &damaged, error);
    } else if (scan.torn) {
        VLOG_WARN("%s: its last line was not written to the end", log->path);
        log->torn = xmemdup(scan.torn, scan.torn_len);
        log->torn_len = scan.torn_len;
    }
    log->no_newline = !scan.bad_line && (scan.no_newline || scan.torn);
    retval = retval ? retval : open_file(log);
    if (!retval && (!scan.n_lines || damaged)) {
        retval = begin_file(log, damaged);
        sync_dir(log);
    }
    if (retval && !*error) {
        *error = xasprintf("%s: %s", log->path, ovs_strerror(retval));
    }
out:
    audit_scan_destroy(&scan);
    free(damaged);
    return retval;
}

int
audit_log_open(const char *dir, size_t max_bytes, void (*cb)(const char *line, void *aux),
               void *aux, struct audit_log **logp, char **error)
{
    const struct each each = { cb, aux };
    struct audit_log *log = xzalloc(sizeof *log);
    struct stat st;
    int retval;

    *logp = NULL;
    *error = NULL;
    log->dir = xstrdup(dir);
    log->path = xasprintf("%s/" NAME, dir);
    log->fd = -1;
    ds_init(&log->fresh);
    log->max_bytes = max_bytes;
    memcpy(log->hash, AUDIT_NO_HASH, sizeof log->hash);
    retval = take_up(log, &each, error);
    if (retval) {
        audit_log_close(log);
        return retval;
    }
    log->size = fstat(log->fd, &st) ? 0 : st.st_size;
    if (cb && log->fresh.length) {
        ds_chomp(&log->fresh, '\n');
        cb(ds_cstr(&log->fresh), aux); /* that a file has begun */
    }
    ds_clear(&log->fresh);
    *logp = log;
    return 0;
}

void
audit_log_close(struct audit_log *log)
{
    if (log) {
        if (log->fd >= 0) {
            fdatasync(log->fd);
            close(log->fd);
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
