/* The table of commands. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H 1

#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"

struct command {
    const char *path; /* "port add", "audit" */
    const char *args; /* name of its one argument, "FILE..." for one or more, and in [] if it may be
                         left out; NULL: none */
    const char *brief;
    const char *help;        /* what --help adds to 'brief'; NULL: nothing */
    option_set options;      /* beside OPT_COMMON */
    int (*fn)(struct ctl *); /* returns an exit code, having said on standard error what is wrong */
    enum completion completion; /* what its argument is the name of */
    const char *words;          /* that it may be besides, separated by spaces; or NULL */
    const char *formats;        /* of --output, the default first; NULL: those that most have */
};

extern const struct command commands[];
extern const size_t n_commands;

/* The command that 'words' begin with, and how many of them its path takes; NULL when there is
 * none. */
const struct command *command_find(const struct svec *words, size_t *used);
/* Is 'path' of the family 'first' ("port add" of "port")? */
bool command_in_family(const struct command *, const char *first);
bool command_is_family(const char *first);
/* Says on standard error that no command begins with 'words', and which ones are near. */
void command_complain(const struct svec *words);

int audit_log_list(struct ctl *);
int audit_log_verify(struct ctl *);
int port_add(struct ctl *);
int port_del(struct ctl *);
int port_list(struct ctl *);
int port_show(struct ctl *);
int binding_list(struct ctl *);
int broker(struct ctl *);
int policy_apply(struct ctl *);
int policy_check(struct ctl *);
int policy_diff(struct ctl *);
int policy_confirm(struct ctl *);
int policy_rollback(struct ctl *);
int policy_history(struct ctl *);
int policy_replay(struct ctl *);
int policy_services(struct ctl *);
int policy_recommend(struct ctl *);
int policy_get(struct ctl *);
int set_list(struct ctl *);
int set_show(struct ctl *);
int set_put(struct ctl *);
int set_add(struct ctl *);
int set_remove(struct ctl *);
int set_del(struct ctl *);
int drill(struct ctl *);
int drops(struct ctl *);
int counters(struct ctl *);
int config_apply(struct ctl *);
int relay(struct ctl *);
int capture_start(struct ctl *);
int capture_stop(struct ctl *);
int capture_list(struct ctl *);
int capture_get(struct ctl *);
int capture_delete(struct ctl *);
int capture_live(struct ctl *);
int conn_list(struct ctl *);
int conn_show(struct ctl *);
int conn_flush(struct ctl *);
int conn_stats(struct ctl *);
int flow_list(struct ctl *);
int trace(struct ctl *);
int watch(struct ctl *);
int system_fdb(struct ctl *);
int group_list(struct ctl *);
int system_worker(struct ctl *);
int system_worker_show(struct ctl *);
int system_audit(struct ctl *);
int system_status(struct ctl *);
int system_version(struct ctl *);
int incident_list(struct ctl *);
int incident_show(struct ctl *);
int incident_watch(struct ctl *);
int incident_note(struct ctl *);
int incident_close(struct ctl *);
int incident_report(struct ctl *);
int incident_pivot(struct ctl *);
int incident_scope(struct ctl *);
int session_login(struct ctl *), session_logout(struct ctl *), session_list(struct ctl *);
int quarantine_set(struct ctl *);
int quarantine_release(struct ctl *);
int quarantine_list(struct ctl *);

#endif
