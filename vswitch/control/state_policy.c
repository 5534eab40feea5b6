#include <config.h>

#include "control/state_policy.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "control/digest.h"
#include "control/state_private.h"
#include "control/state_text.h"
#include "util.h"

void
state_policy_destroy(struct state_policy *p)
{
    if (p) {
        for (size_t i = 0; i < p->n_sources; i++) {
            free(p->sources[i].name);
            free(p->sources[i].yaml);
        }
        free(p->sources);
        free(p->digest);
        free(p->who);
        free(p->comment);
        free(p);
    }
}

struct state_policy *
state_policy_copy_sources(const struct state_policy *p)
{
    struct state_policy *copy = xzalloc(sizeof *copy);

    copy->n_sources = p->n_sources;
    copy->sources = xcalloc(p->n_sources, sizeof *copy->sources);
    for (size_t i = 0; i < p->n_sources; i++) {
        copy->sources[i].name = xstrdup(p->sources[i].name);
        copy->sources[i].yaml = xstrdup(p->sources[i].yaml);
    }
    return copy;
}

static int
no_such_version(const struct state *s, uint64_t version, char **error)
{
    *error = xasprintf("%s: there is no policy version %" PRIu64, s->path, version);
    return ENOENT;
}

/* ---- reading ---- */

#define SELECT_VERSION "SELECT version, digest, applied_us, who, comment FROM policy_version"

static struct state_policy
version_of_row(sqlite3_stmt *stmt)
{
    return (struct state_policy){
        .version = sqlite3_column_int64(stmt, 0),
        .digest = CONST_CAST(char *, state_text(stmt, 1)),
        .applied_us = sqlite3_column_int64(stmt, 2),
        .who = CONST_CAST(char *, state_text(stmt, 3)),
        .comment = CONST_CAST(char *, state_text(stmt, 4)),
    };
}

int
state_policy_list(struct state *s, void (*cb)(const struct state_policy *, void *), void *aux,
                  char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error, SELECT_VERSION " ORDER BY version DESC", "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct state_policy p = version_of_row(stmt);

        cb(&p, aux);
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}

static int
get_version(struct state *s, uint64_t version, struct state_policy *p, char **error)
{
    sqlite3_stmt *stmt;
    int code, retval = state_prepare(s, &stmt, error, SELECT_VERSION " WHERE version = ?1", "i",
                                     (int64_t) version);

    if (retval) {
        return retval;
    }
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *p = version_of_row(stmt);
        p->digest = xstrdup(p->digest);
        p->who = xstrdup(p->who);
        p->comment = xstrdup(p->comment);
    } else {
        retval = code == SQLITE_DONE ? no_such_version(s, version, error) : state_fail(s, error);
    }
    sqlite3_finalize(stmt);
    return retval;
}

static int
get_sources(struct state *s, struct state_policy *p, char **error)
{
    sqlite3_stmt *stmt;
    size_t allocated = 0;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT name, source_text(version, idx) FROM policy_source"
                           " WHERE version = ?1 ORDER BY idx",
                           "i", (int64_t) p->version);
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_type(stmt, 1) == SQLITE_NULL) {
            *error = xasprintf("%s: the text of policy version %" PRIu64 " cannot be put together",
                               s->path, p->version);
            sqlite3_finalize(stmt);
            return EIO;
        }
        if (p->n_sources == allocated) {
            p->sources = x2nrealloc(p->sources, &allocated, sizeof *p->sources);
        }
        p->sources[p->n_sources++] = (struct state_source){ .name = xstrdup(state_text(stmt, 0)),
                                                            .yaml = xstrdup(state_text(stmt, 1)) };
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    if (!retval && !p->n_sources) {
        *error = xasprintf("%s: policy version %" PRIu64 " has no text", s->path, p->version);
        retval = EIO;
    }
    sqlite3_finalize(stmt);
    return retval;
}

int
state_policy_get(struct state *s, uint64_t version, struct state_policy **policyp, char **error)
{
    struct state_policy *p = xzalloc(sizeof *p);
    int retval = get_version(s, version, p, error);

    retval = retval ? retval : get_sources(s, p, error);
    if (retval) {
        state_policy_destroy(p);
        p = NULL;
    }
    *policyp = p;
    return retval;
}

static int
get_force(struct state *s, uint64_t *version, uint64_t *last, struct state_pending *pending,
          char **error)
{
    sqlite3_stmt *stmt;
    int code,
        retval = state_prepare(s, &stmt, error,
                               "SELECT version, last, confirm_by, go_back FROM policy_force", "");

    *version = *last = 0;
    *pending = (struct state_pending){ .confirm_by_s = 0 };
    if (retval) {
        return retval;
    }
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *version = sqlite3_column_int64(stmt, 0);
        *last = sqlite3_column_int64(stmt, 1);
        pending->confirm_by_s = sqlite3_column_int64(stmt, 2);
        pending->go_back = sqlite3_column_int64(stmt, 3);
    } else if (code == SQLITE_DONE) {
        *error = xasprintf("%s: it does not say which policy is in force", s->path);
        retval = EIO;
    } else {
        retval = state_fail(s, error);
    }
    sqlite3_finalize(stmt);
    return retval;
}

int
state_policy_load(struct state *s, struct state_policy **policyp, struct state_pending *pending,
                  char **error)
{
    struct state_pending found;
    uint64_t version, last;
    int retval = get_force(s, &version, &last, &found, error);

    *policyp = NULL;
    if (!retval && version) {
        retval = state_policy_get(s, version, policyp, error);
    }
    if (!retval && pending) {
        *pending = found;
    }
    return retval;
}

/* ---- writing ---- */

static int
check_version(struct state *s, uint64_t version, char **error)
{
    struct state_policy p = { .version = 0 };
    int retval = get_version(s, version, &p, error);

    free(p.digest);
    free(p.who);
    free(p.comment);
    return retval;
}

/* Names the version in force and what is pending. */
static int
set_force(struct state *s, uint64_t version, const struct state_pending *pending, char **error)
{
    static const struct state_pending nothing = { 0, 0 };
    const struct state_pending *p = pending ? pending : &nothing;
    int retval = p->confirm_by_s && p->go_back ? check_version(s, p->go_back, error) : 0;

    return retval ? retval
                  : state_run(s, error,
                              "UPDATE policy_force SET version = ?1, last = max(last, ?1),"
                              " confirm_by = ?2, go_back = ?3",
                              "iii", (int64_t) version, p->confirm_by_s, (int64_t) p->go_back);
}

/* Whether the text of the policy that was put last can be built on.  It may have been taken back,
 * or the transaction that it was put in. */
static bool
last_is_there(struct state *s, const struct state_policy *p)
{
    char *error = NULL;
    bool is = s->last_put && s->last_put->n_sources == p->n_sources &&
              s->last_chain < STATE_TEXT_MAX_CHAIN &&
              !check_version(s, s->last_put->version, &error);

    free(error);
    return is;
}

static int
put_source(struct state *s, const struct state_policy *p, uint64_t version, size_t i, bool on_last,
           char **error)
{
    const struct state_source *source = &p->sources[i];
    struct state_text_difference d = { .middle = NULL };
    char sha256[65];
    int retval;

    if (!source->sha256[0]) {
        digest_sha256(source->yaml, strlen(source->yaml), sha256);
    }
    on_last = on_last && state_text_differ(s->last_put->sources[i].yaml, source->yaml, &d);
    retval =
        state_run(s, error,
                  "INSERT INTO policy_source (version, idx, name, seal, yaml, head, tail, base)"
                  " VALUES (?1, ?2, ?3, seal(?1, ?2, ?3, ?4), ?5, ?6, ?7, nullif(?8, 0))",
                  "iitttiii", (int64_t) version, (int64_t) i, source->name,
                  source->sha256[0] ? source->sha256 : sha256, on_last ? d.middle : source->yaml,
                  (int64_t) d.head, (int64_t) d.tail, on_last ? (int64_t) s->last_put->version : 0);
    free(d.middle);
    return retval;
}

static void
set_last_put(struct state *s, const struct state_policy *p, uint64_t version, unsigned chain)
{
    state_policy_destroy(s->last_put);
    s->last_put = state_policy_copy_sources(p);
    s->last_put->version = version;
    s->last_chain = chain;
}

static int
put_rows(struct state *s, const struct state_policy *p, uint64_t version, char **error)
{
    bool on_last = last_is_there(s, p);
    int retval = state_run(
        s, error, "INSERT INTO policy_version VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)", "ititti",
        (int64_t) version, p->digest, p->applied_us, p->who, p->comment, (int64_t) p->n_sources);

    for (size_t i = 0; i < p->n_sources && !retval; i++) {
        retval = put_source(s, p, version, i, on_last, error);
    }
    set_last_put(s, p, version, on_last ? s->last_chain + 1 : 1);
    return retval;
}

static int
put(struct state *s, const struct state_policy *p, const struct state_pending *pending,
    uint64_t *versionp, char **error)
{
    uint64_t in_force, last;
    struct state_pending was;
    int retval = get_force(s, &in_force, &last, &was, error);

    retval = retval ? retval : put_rows(s, p, last + 1, error);
    retval = retval ? retval : set_force(s, last + 1, pending, error);
    *versionp = retval ? 0 : last + 1;
    return retval;
}

int
state_policy_put(struct state *s, const struct state_policy *p, const struct state_pending *pending,
                 uint64_t *versionp, char **error)
{
    int retval;

    *versionp = 0;
    if (!p->n_sources) {
        *error = xasprintf("%s: a policy without a text is not stored", s->path);
        return EINVAL;
    }
    retval = state_enter(s, error);
    return retval ? retval : state_leave(s, put(s, p, pending, versionp, error), error);
}

int
state_policy_put_none(struct state *s, char **error)
{
    return set_force(s, 0, NULL, error);
}

int
state_policy_restore(struct state *s, uint64_t earlier, const char *who, const char *comment,
                     int64_t applied_us, const struct state_pending *pending, uint64_t *versionp,
                     char **error)
{
    struct state_policy *p;
    int retval = state_policy_get(s, earlier, &p, error);

    *versionp = 0;
    if (!retval) {
        free(p->who);
        free(p->comment);
        p->who = xstrdup(who);
        p->comment = xstrdup(comment);
        p->applied_us = applied_us;
        retval = state_policy_put(s, p, pending, versionp, error);
        state_policy_destroy(p);
    }
    return retval;
}

static int
take_back(struct state *s, uint64_t version, uint64_t before, const struct state_pending *pending,
          char **error)
{
    int retval = state_run(s, error, "DELETE FROM policy_version WHERE version = ?1", "i",
                           (int64_t) version);

    retval = retval || !before ? retval : check_version(s, before, error);
    return retval ? retval : set_force(s, before, pending, error);
}

int
state_policy_take_back(struct state *s, uint64_t version, uint64_t before,
                       const struct state_pending *pending, char **error)
{
    int retval = state_enter(s, error);

    return retval ? retval : state_leave(s, take_back(s, version, before, pending, error), error);
}

int
state_policy_set_pending(struct state *s, const struct state_pending *pending, char **error)
{
    struct state_pending was;
    uint64_t in_force, last;
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    retval = get_force(s, &in_force, &last, &was, error);
    retval = retval ? retval : set_force(s, in_force, pending, error);
    return state_leave(s, retval, error);
}

/* Versions that are older than the history is long. */
#define OLD                                                                                        \
    "(SELECT version FROM policy_version WHERE version NOT IN"                                     \
    " (SELECT version FROM policy_version ORDER BY version DESC LIMIT ?1)"                         \
    " AND version NOT IN (SELECT version FROM policy_force"                                        \
    " UNION SELECT go_back FROM policy_force WHERE confirm_by <> 0))"

static int
trim(struct state *s, char **error)
{
    /* What is built on a text that goes is whole from now on. */
    int retval = state_run(s, error,
                           "UPDATE policy_source SET yaml = source_text(version, idx), base = NULL,"
                           " head = 0, tail = 0 WHERE base IN " OLD " AND version NOT IN " OLD,
                           "i", (int64_t) STATE_POLICY_HISTORY);

    return retval ? retval
                  : state_run(s, error, "DELETE FROM policy_version WHERE version IN " OLD, "i",
                              (int64_t) STATE_POLICY_HISTORY);
}

/* Nothing is written, nor begun to be, when nothing is old. */
int
state_policy_trim(struct state *s, char **error)
{
    sqlite3_stmt *stmt;
    int code, retval = state_prepare(s, &stmt, error, "SELECT 1 WHERE EXISTS " OLD, "i",
                                     (int64_t) STATE_POLICY_HISTORY);

    if (retval) {
        return retval;
    }
    code = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    if (code != SQLITE_ROW) {
        return code == SQLITE_DONE ? 0 : state_fail(s, error);
    }
    retval = state_enter(s, error);
    return retval ? retval : state_leave(s, trim(s, error), error);
}
