/* vswitchd that kills itself at a named point: the very objects of the switch, linked (--wrap) with
 * this around some of their functions.  The switch that is installed knows nothing of it.
 *
 * FUSUMA_CRASH names a file.  While that holds the name of a point, the switch ends by SIGKILL when
 * it comes there; when it does not exist, nothing happens.  The points of a change
 * (control/change.h), in their order:
 *
 *     cut-before cut-after      around the publication that a quarantine does not wait with
 *     before-store              it is about to be handed to the writer thread
 *     before-commit             all statements are done, nothing is written
 *     write-1                   before the first write to the write-ahead log
 *     torn-2                    half of the second write is done
 *     after-commit              it is durable, and nobody knows yet
 *     torn-settle               half of the first write of the checkpoint that follows is done
 *     before-publish after-publish
 *     before-reply after-reply */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/gate.h"
#include "control/publish.h"
#include "proto/rpc.h"
#include "telemetry/writer.h"

bool __real_gate_admit(struct rpc_call *, const struct rpc_method *, const ProtobufCMessage *,
                       void *);
bool __wrap_gate_admit(struct rpc_call *, const struct rpc_method *, const ProtobufCMessage *,
                       void *);
int __real_publish(struct publisher *, struct desired *, struct policy *);
int __wrap_publish(struct publisher *, struct desired *, struct policy *);
void __real_writer_submit(struct writer_job *, enum writer_class);
void __wrap_writer_submit(struct writer_job *, enum writer_class);
void __real_rpc_call_answer(struct rpc_call *, const struct rpc_answer *);
void __wrap_rpc_call_answer(struct rpc_call *, const struct rpc_answer *);
int __real_sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int __wrap_sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int __real_sqlite3_exec(sqlite3 *, const char *, sqlite3_callback, void *, char **);
int __wrap_sqlite3_exec(sqlite3 *, const char *, sqlite3_callback, void *, char **);
int __real_sqlite3_step(sqlite3_stmt *);
int __wrap_sqlite3_step(sqlite3_stmt *);

/* Since a point was named a change has been asked for, and has become durable.  What the switch
 * does of its own accord, such as to learn, comes to no point unless that is what is tried. */
static atomic_bool asked, stored;
/* The writer thread is at a change: how many writes it has made for it, and whether it commits. */
static __thread bool in_change, committing;
static __thread unsigned n_writes;

/* ---- points ---- */

static int
open_file(void)
{
    const char *file = getenv("FUSUMA_CRASH");

    return file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
}

/* The first line of the file names a point; a second one says that the change is what the switch
 * does of its own accord. */
static bool
is_named(const char *point, bool *unasked)
{
    int fd = open_file();
    char text[64];
    size_t end;
    ssize_t n;

    if (fd < 0) {
        return false;
    }
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    end = strcspn(text, "\n");
    if (unasked) {
        *unasked = text[end] && text[end + 1];
    }
    text[end] = '\0';
    return point && !strcmp(text, point);
}

static bool
is_armed(void)
{
    int fd = open_file();

    return fd >= 0 && !close(fd);
}

static bool
is_wanted(void)
{
    bool unasked = false;

    is_named(NULL, &unasked);
    return unasked || atomic_load(&asked);
}

static void
point(const char *name)
{
    if (is_named(name, NULL)) {
        kill(getpid(), SIGKILL);
        for (;;) {
            pause();
        }
    }
}

/* ---- the control thread ---- */

bool
__wrap_gate_admit(struct rpc_call *call, const struct rpc_method *method,
                  const ProtobufCMessage *request, void *control)
{
    if (method->writes && is_armed()) {
        atomic_store(&asked, true);
    }
    return __real_gate_admit(call, method, request, control);
}

int
__wrap_publish(struct publisher *p, struct desired *d, struct policy *next)
{
    bool after_store = atomic_load(&stored);
    int retval;

    if (!is_wanted()) {
        return __real_publish(p, d, next);
    }
    point(after_store ? "before-publish" : "cut-before");
    retval = __real_publish(p, d, next);
    point(after_store ? "after-publish" : "cut-after");
    return retval;
}

void
__wrap_rpc_call_answer(struct rpc_call *call, const struct rpc_answer *answer)
{
    bool after_store = atomic_load(&stored);

    if (after_store) {
        point("before-reply");
    }
    __real_rpc_call_answer(call, answer);
    if (after_store) {
        point("after-reply");
    }
}

/* ---- the writer thread ---- */

/* What a job that waits was to run. */
static struct {
    struct writer_job *job;
    void (*run)(struct writer_job *);
} waiting[64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static size_t
place_of(const struct writer_job *job)
{
    for (size_t i = 0; i < sizeof waiting / sizeof *waiting; i++) {
        if (waiting[i].job == job) {
            return i;
        }
    }
    abort();
}

static void
run(struct writer_job *job)
{
    void (*was)(struct writer_job *);
    size_t i;

    pthread_mutex_lock(&mutex);
    i = place_of(job);
    was = waiting[i].run;
    waiting[i].job = NULL;
    pthread_mutex_unlock(&mutex);
    in_change = true;
    n_writes = 0;
    was(job);
    in_change = false;
}

void
__wrap_writer_submit(struct writer_job *job, enum writer_class class)
{
    size_t i;

    if (class == WRITER_STATE && is_wanted()) {
        point("before-store");
        pthread_mutex_lock(&mutex);
        i = place_of(NULL);
        waiting[i].job = job;
        waiting[i].run = job->run;
        pthread_mutex_unlock(&mutex);
        job->run = run;
    }
    __real_writer_submit(job, class);
}

static int
on_commit(void *db)
{
    (void) db;
    if (in_change) {
        point("before-commit");
        committing = true;
    }
    return 0;
}

static int
committed(sqlite3 *db, int code)
{
    if (committing && sqlite3_get_autocommit(db)) {
        committing = false;
        atomic_store(&stored, is_armed());
        point("after-commit");
    }
    return code;
}

int
__wrap_sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback cb, void *aux, char **error)
{
    return committed(db, __real_sqlite3_exec(db, sql, cb, aux, error));
}

int
__wrap_sqlite3_step(sqlite3_stmt *stmt)
{
    return committed(sqlite3_db_handle(stmt), __real_sqlite3_step(stmt));
}

static void
tear(const char *name, int fd, const void *data, size_t size, off_t offset)
{
    if (is_named(name, NULL)) {
        ssize_t n = pwrite(fd, data, size / 2, offset);

        (void) n;
        point(name);
    }
}

/* Whatever job comes to it first moves what is committed into the database. */
static bool
is_database(int fd)
{
    static const char name[] = "/state.db";
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path);
    return n >= (ssize_t) sizeof name - 1 &&
           !memcmp(path + n - (sizeof name - 1), name, sizeof name - 1);
}

static ssize_t
on_write(int fd, const void *data, size_t size, off_t offset)
{
    if (!committing && atomic_load(&stored) && is_database(fd)) {
        tear("torn-settle", fd, data, size, offset);
    } else if (in_change) {
        n_writes++;
        if (n_writes == 1) {
            point("write-1");
        } else if (n_writes == 2) {
            tear("torn-2", fd, data, size, offset);
        }
    }
    return pwrite(fd, data, size, offset);
}

int
__wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs_name)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    int code = __real_sqlite3_open_v2(path, db, flags, vfs_name);

    if (vfs && vfs->iVersion >= 3) {
        vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr) on_write);
        vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr) on_write);
    }
    if (!code) {
        sqlite3_commit_hook(*db, on_commit, NULL);
    }
    return code;
}
