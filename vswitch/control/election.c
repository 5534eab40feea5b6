#include <config.h>

#include "control/election.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "control/audit_log.h"
#include "util.h"

int
election_open(struct state *state, uint64_t logged, uint64_t *election, char **error)
{
    bool known;

    if (!state_load_election(state, election, &known)) {
        *error = xstrdup("the election id in the state cannot be read");
        return EIO;
    }
    if (known) {
        return 0;
    }
    *election = logged;
    return logged ? state_put_election(state, logged, error) : 0;
}

static int
write_down(struct audit_log *log, uint64_t was, char **error)
{
    json_t *entry = audit_entry("forget-election");
    char text[24];
    int retval;

    snprintf(text, sizeof text, "%" PRIu64, was);
    json_object_set_new(entry, "was", json_string(text));
    retval = audit_log_append(log, entry, true, NULL, NULL);
    json_decref(entry);
    if (retval) {
        *error = xasprintf("it cannot be written to the audit log: %s", ovs_strerror(retval));
    }
    return retval;
}

int
election_forget(const char *state_dir, uint64_t *was, char **error)
{
    struct audit_log *log = NULL;
    struct state *state;
    int retval = state_open(state_dir, &state, error);

    if (retval) {
        return retval;
    }
    retval = audit_log_open(state_dir, SIZE_MAX, NULL, NULL, &log, error);
    retval = retval ? retval : election_open(state, audit_log_election(log), was, error);
    retval = retval ? retval : write_down(log, *was, error);
    retval = retval ? retval : state_put_election(state, 0, error);
    audit_log_close(log);
    state_close(state);
    return retval;
}
