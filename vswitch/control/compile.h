/* The compile thread: policies become tables there, so that the control thread stays free.
 *
 * One job at a time goes through; whoever submitted it takes it back when it is done.  All
 * functions are for the control thread. */
#ifndef CONTROL_COMPILE_H
#define CONTROL_COMPILE_H 1

#include "acl/compile.h"
#include "acl/diff.h"
#include "acl/lint.h"
#include "control/desired.h"
#include "latch.h"

struct compile_job {
    /* In. */
    const struct acl_policy *policy;
    uint32_t *slots;
    uint32_t default_slots[ACL_N_DIRECTIONS];
    struct acl_member *members;
    size_t n_members;
    struct port_groups {
        uint32_t *groups; /* NULL: memory was short */
        size_t n;
    } * ports; /* of the desktops there are: their scopes are built, too */
    size_t n_ports;
    bool check;                      /* look for what is strange, too, and compare with 'before' */
    bool compare_only;               /* do nothing but compare with 'before' */
    const struct acl_policy *before; /* or NULL: none, everything is denied */
    struct acl_lint_connection *connections; /* by lint_facts_connections() */
    size_t n_connections;
    struct acl_lint_open *open; /* by lint_facts_quarantines() */
    size_t n_open;
    /* Out. */
    struct acl_compiled compiled;
    int error;
    struct acl_finding *findings;
    size_t n_findings;
    struct acl_diff diff;
};

struct compiler;
/* 'wake' is set whenever a job is done. */
struct compiler *compiler_create(struct latch *wake);
/* Waits for the job under way. */
void compiler_destroy(struct compiler *);
/* Hands over 'job'; the one before it must have been taken back.  A small one is done at once, and
 * taken like the others. */
void compiler_submit(struct compiler *, struct compile_job *);
/* The job that is done, or NULL. */
struct compile_job *compiler_take(struct compiler *);
/* The desktops that there are. */
void compile_add_ports(struct compile_job *, const struct desired *);
/* Frees what goes into a job; what came out of it is its taker's. */
void compile_job_release(struct compile_job *);
/* Does the job at once, in the caller's thread. */
void compile_now(struct compile_job *);

#endif
