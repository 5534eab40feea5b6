/* A state directory for a suite's tests, and its database. */
#ifndef TESTS_CONTROL_STATE_DIR_H
#define TESTS_CONTROL_STATE_DIR_H 1

#include "control/state.h"

/* CUnit's: before and after a suite. */
int state_dir_setup(void);
int state_dir_teardown(void);

const char *state_dir(void);
const char *state_dir_database(void); /* path */
/* Opens it; the test ends when that fails. */
struct state *state_dir_opened(void);
/* SQL into the database file, which no one has open. */
void state_dir_execute(const char *sql);
/* The first column of its first row as text, "" for none.  The caller's. */
char *state_dir_query(const char *sql);
/* Everything in the directory. */
void state_dir_clear(void);

#endif
