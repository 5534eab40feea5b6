/* Where an audit log ends, whether it is whole, and what is done when it is not. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/audit_log_private.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(audit_log_open);

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
scan_file(const char *path, uint64_t look_for, struct audit_scan *scan, const struct each *each)
{
    FILE *file = fopen(path, "re");
    int error;

    memset(scan, 0, sizeof *scan);
    if (!file) {
        return errno;
    }
    error = audit_chain_scan(file, look_for, scan, each->cb ? pass_on : NULL, (void *) each);
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
        const char *seq = e->d_name + strlen(AUDIT_LOG_NAME ".");

        if (!strncmp(e->d_name, AUDIT_LOG_NAME ".", strlen(AUDIT_LOG_NAME ".")) &&
            strlen(seq) >= AUDIT_LOG_SEQ_DIGITS && !seq[strspn(seq, "0123456789")] &&
            (!newest || strcmp(e->d_name, newest) > 0)) {
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

/* The present file is missing, or has nothing: the last one may have been renamed a moment ago.
 * Whether it fits the head, and 'why' not. */
static bool
go_on_from_rotated(struct audit_log *log, char why[128])
{
    const struct each none = { NULL, NULL };
    char *name = newest_rotated(log), *path = NULL;
    struct audit_scan scan;
    bool fits;

    memset(&scan, 0, sizeof scan);
    if (name) {
        path = xasprintf("%s/%s", log->dir, name);
        if (!scan_file(path, log->head.seq, &scan, &none)) {
            go_on_from(log, &scan);
        }
    }
    fits = audit_head_fits(&log->head, &scan, why);
    audit_scan_destroy(&scan);
    free(path);
    free(name);
    return fits;
}

/* The log has no head before it is first written to. */
static int
open_head(struct audit_log *log, char **error)
{
    char *path = xasprintf("%s/" AUDIT_HEAD_NAME, log->dir);
    int code = audit_head_read(path, &log->head);

    if (code) {
        memset(&log->head, 0, sizeof log->head);
    }
    if (code && code != ENOENT) {
        VLOG_EMER("%s: %s: it cannot be said whether the end of the audit log is cut off", path,
                  code == EINVAL ? "it is damaged" : ovs_strerror(code));
    }
    log->head_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    code = log->head_fd < 0 ? errno : 0;
    if (code) {
        *error = xasprintf("%s: %s", path, ovs_strerror(code));
    }
    free(path);
    return code;
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
    if (scan->bad_line) {
        VLOG_EMER("%s: line %" PRIu64 ": %s.  The file is %s now, and a new one begun", log->path,
                  scan->bad_line, scan->why, aside);
    } else {
        VLOG_EMER("%s: %s.  The file is %s now, and a new one begun", log->path, scan->why, aside);
    }
    *asidep = aside;
    return 0;
}

/* What is missing at the end is never numbered again: the log goes on after it. */
static int
go_on_after_head(struct audit_log *log, const struct audit_scan *scan, char **damagedp,
                 char **error)
{
    memcpy(log->hash, log->head.hash, sizeof log->hash);
    log->seq = MAX(log->seq, log->head.seq);
    if (scan->n_lines) {
        return put_aside(log, scan, damagedp, error);
    }
    VLOG_EMER("%s: %s", log->path, scan->why);
    *damagedp = xstrdup("");
    return 0;
}

/* Finds out where the log ends, and opens it there. */
static int
take_up(struct audit_log *log, const struct each *each, char **error)
{
    struct audit_scan scan;
    char *damaged = NULL;
    int retval = scan_file(log->path, log->head.seq, &scan, each);
    bool fits;

    if (retval && retval != ENOENT) {
        *error = xasprintf("%s: %s", log->path, ovs_strerror(retval));
        goto out;
    }
    retval = 0;
    fits = scan.n_lines ? scan.bad_line || audit_head_fits(&log->head, &scan, scan.why)
                        : go_on_from_rotated(log, scan.why);
    go_on_from(log, &scan);
    if (scan.bad_line) {
        retval = put_aside(log, &scan, &damaged, error);
    } else if (!fits) {
        retval = go_on_after_head(log, &scan, &damaged, error);
    } else if (scan.torn) {
        VLOG_WARN("%s: its last line was not written to the end", log->path);
        log->torn = xmemdup(scan.torn, scan.torn_len);
        log->torn_len = scan.torn_len;
    }
    log->no_newline = !damaged && (scan.no_newline || scan.torn);
    retval = retval ? retval : audit_log_open_file(log);
    if (!retval && (!scan.n_lines || damaged)) {
        retval = audit_log_begin_file(log, damaged, scan.why);
        audit_log_sync_dir(log);
    }
    if (!retval && damaged) {
        audit_log_sync(log); /* what was found out is not found out again */
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
    log->path = xasprintf("%s/" AUDIT_LOG_NAME, dir);
    log->fd = log->head_fd = -1;
    ds_init(&log->fresh);
    log->max_bytes = max_bytes;
    memcpy(log->hash, AUDIT_NO_HASH, sizeof log->hash);
    retval = open_head(log, error);
    retval = retval ? retval : take_up(log, &each, error);
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
