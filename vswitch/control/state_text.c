#include <config.h>

#include "control/state_text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* ---- apart ---- */

#define STEP 256 /* bytes that are compared at once: texts are long and mostly the same */

/* How many bytes are the same from the beginning on, in whole lines. */
static size_t
common_head(const char *a, const char *b, size_t most)
{
    size_t n = 0;

    while (most - n >= STEP && !memcmp(a + n, b + n, STEP)) {
        n += STEP;
    }
    while (n < most && a[n] == b[n]) {
        n++;
    }
    while (n && a[n - 1] != '\n') {
        n--;
    }
    return n;
}

/* The same from the end on, given where both end. */
static size_t
common_tail(const char *a, const char *b, size_t most)
{
    size_t n = 0;

    while (most - n >= STEP && !memcmp(a - n - STEP, b - n - STEP, STEP)) {
        n += STEP;
    }
    while (n < most && a[-1 - (ptrdiff_t) n] == b[-1 - (ptrdiff_t) n]) {
        n++;
    }
    while (n && n < most && a[-1 - (ptrdiff_t) n] != '\n') {
        n--;
    }
    return n;
}

bool
state_text_differ(const char *before, const char *text, struct state_text_difference *d)
{
    size_t n_before = strlen(before), n = strlen(text), shorter = MIN(n_before, n);

    d->head = common_head(before, text, shorter);
    d->tail = common_tail(before + n_before, text + n, shorter - d->head);
    if (d->head + d->tail < n / 2) {
        return false;
    }
    d->middle = xmemdup0(text + d->head, n - d->head - d->tail);
    return true;
}

/* ---- together ---- */

struct text {
    char *data; /* NULL: there is none */
    size_t n;
};

static struct text text_of(sqlite3 *, int64_t version, int64_t idx, int left);

/* The row's own text, between head and tail of that of its base. */
static struct text
compose(sqlite3 *db, sqlite3_stmt *row, int64_t version, int64_t idx, int left)
{
    struct text own = { .n = sqlite3_column_bytes(row, 0) }, base, whole = { .data = NULL };
    const unsigned char *data = sqlite3_column_text(row, 0);
    size_t head = sqlite3_column_int64(row, 2), tail = sqlite3_column_int64(row, 3);

    if (sqlite3_column_type(row, 1) == SQLITE_NULL) {
        own.data = xmemdup0(data ? (const char *) data : "", own.n);
        return own;
    }
    if (sqlite3_column_int64(row, 1) >= version) {
        return whole;
    }
    base = text_of(db, sqlite3_column_int64(row, 1), idx, left - 1);
    if (base.data && head <= base.n && tail <= base.n - head) {
        whole.n = head + own.n + tail;
        whole.data = xmalloc(whole.n + 1);
        memcpy(whole.data, base.data, head);
        nullable_memcpy(whole.data + head, data, own.n);
        memcpy(whole.data + head + own.n, base.data + base.n - tail, tail);
        whole.data[whole.n] = '\0';
    }
    free(base.data);
    return whole;
}

static struct text
text_of(sqlite3 *db, int64_t version, int64_t idx, int left)
{
    struct text text = { .data = NULL };
    sqlite3_stmt *stmt;

    if (!left || sqlite3_prepare_v2(db,
                                    "SELECT yaml, base, head, tail FROM policy_source"
                                    " WHERE version = ?1 AND idx = ?2",
                                    -1, &stmt, NULL)) {
        return text;
    }
    sqlite3_bind_int64(stmt, 1, version);
    sqlite3_bind_int64(stmt, 2, idx);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        text = compose(db, stmt, version, idx, left);
    }
    sqlite3_finalize(stmt);
    return text;
}

static void
sql_source_text(sqlite3_context *context, int n OVS_UNUSED, sqlite3_value **values)
{
    struct text text = text_of(sqlite3_context_db_handle(context), sqlite3_value_int64(values[0]),
                               sqlite3_value_int64(values[1]), STATE_TEXT_MAX_CHAIN);

    if (text.data) {
        sqlite3_result_text64(context, text.data, text.n, free, SQLITE_UTF8);
    }
}

int
state_text_add_function(sqlite3 *db)
{
    return sqlite3_create_function(db, "source_text", 2, SQLITE_UTF8, NULL, sql_source_text, NULL,
                                   NULL);
}
