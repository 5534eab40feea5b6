#include <config.h>

#include "tests/unit/control/state_dir.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/control/suites.h"
#include "util.h"

#define TEMPLATE "/fusuma-state-XXXXXX"

static char dir[sizeof "/dev/shm" TEMPLATE];
static char path[sizeof dir + 16];

int
state_dir_setup(void)
{
    /* In memory where that can be: a database is made some thousand times, and each waits for a
     * disk a few times. */
    strcpy(dir, access("/dev/shm", W_OK) ? "/tmp" TEMPLATE : "/dev/shm" TEMPLATE);
    if (!mkdtemp(dir)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/state.db", dir);
    return 0;
}

void
state_dir_clear(void)
{
    struct dirent *entry;
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d))) {
        char *file = xasprintf("%s/%s", dir, entry->d_name);

        if (entry->d_name[0] != '.' && unlink(file)) {
            rmdir(file);
        }
        free(file);
    }
    if (d) {
        closedir(d);
    }
}

int
state_dir_teardown(void)
{
    state_dir_clear();
    return rmdir(dir);
}

const char *
state_dir(void)
{
    return dir;
}

const char *
state_dir_database(void)
{
    return path;
}

struct state *
state_dir_opened(void)
{
    struct state *state;
    char *error = NULL;

    if (state_open(dir, &state, &error)) {
        expect_text(error, "no error");
        free(error);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    return state;
}

void
state_dir_execute(const char *sql)
{
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        expect_text(sqlite3_errmsg(db), sql);
    }
    sqlite3_close(db);
}

char *
state_dir_query(const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    char *text = NULL;
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)) {
        expect_text(sqlite3_errmsg(db), sql);
    } else if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0)) {
        text = xstrdup((const char *) sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text ? text : xstrdup("");
}
