/* The texts of policies as they are stored: mostly as how one differs from the one before.
 *
 * A version of a policy differs from the last in a few lines as a rule, and a text may be half a
 * megabyte.  So a row of policy_source has the lines in between of two texts that begin and end
 * alike: 'yaml' stands between the first 'head' and the last 'tail' bytes of the text of 'base',
 * the same file of an earlier version.  Where 'base' is NULL, 'yaml' is the whole text.
 *
 * source_text(version, idx) in SQL is the whole text, or NULL when it cannot be made, which then
 * does not fit its seal. */
#ifndef CONTROL_STATE_TEXT_H
#define CONTROL_STATE_TEXT_H 1

#include <stdbool.h>
#include <stddef.h>

struct sqlite3;

#define STATE_TEXT_MAX_CHAIN 16 /* texts that one is made of */

struct state_text_difference {
    size_t head, tail;
    char *middle; /* the caller's */
};

/* How 'text' differs from 'before', in whole lines.  False: it is as well stored whole. */
bool state_text_differ(const char *before, const char *text, struct state_text_difference *);

/* Adds source_text() to a connection; a code of SQLite's. */
int state_text_add_function(struct sqlite3 *);

#endif
