#include <config.h>

#include "ctl/drill.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "util.h"

#define DEFAULT_PORT 445

/* ---- what comes out ---- */

static const char *const result_names[] = {
    [DRILL_SEEN] = "seen",
    [DRILL_FAILED] = "FAILED",
    [DRILL_NOT_CHECKED] = "not checked",
};

void
drill_note(struct drill *d, const char *name, enum drill_result result, int64_t at_us,
           const char *format, ...)
{
    struct drill_step *step = &d->steps[d->n_steps++];
    va_list args;

    va_start(args, format);
    *step = (struct drill_step){ name, at_us, result, xvasprintf(format, args) };
    va_end(args);
    d->failed |= result == DRILL_FAILED;
}

static double
since_probe_ms(const struct drill *d, const struct drill_step *step)
{
    return (double) (step->at_us - d->memory.probe_us) / 1000;
}

static void
print_table(const struct drill *d)
{
    struct columns c;

    columns_init(&c, "STEP >SINCE-PROBE RESULT WHAT");
    for (size_t i = 0; i < d->n_steps; i++) {
        const struct drill_step *step = &d->steps[i];

        columns_text(&c, step->name);
        if (step->at_us && d->memory.probe_us) {
            columns_format(&c, "%.3f ms", since_probe_ms(d, step));
        } else {
            columns_text(&c, "-");
        }
        columns_text(&c, result_names[step->result]);
        columns_text(&c, step->detail);
    }
    columns_print(&c);
}

static void
print_object(const struct drill *d)
{
    json_t *root = json_object(), *steps = json_array();

    json_object_set_new(root, "port", json_string(d->port));
    json_object_set_new(root, "passed", json_boolean(!d->failed));
    if (d->memory.incident) {
        json_object_set_new(root, "incident", json_integer((json_int_t) d->memory.incident));
    }
    for (size_t i = 0; i < d->n_steps; i++) {
        const struct drill_step *step = &d->steps[i];
        json_t *o = json_object();

        json_object_set_new(o, "step", json_string(step->name));
        json_object_set_new(o, "result", json_string(result_names[step->result]));
        if (step->at_us && d->memory.probe_us) {
            json_object_set_new(o, "sinceProbeMs", json_real(since_probe_ms(d, step)));
        }
        json_object_set_new(o, "what", json_string(step->detail));
        json_array_append_new(steps, o);
    }
    json_object_set_new(root, "steps", steps);
    output_value(root);
    json_decref(root);
}

/* ---- the command line ---- */

static bool
take_peer(const char *option, const char *text, uint16_t port, struct drill_peer *peer)
{
    if (!drill_peer_parse(text, port, peer)) {
        ctl_error("--%s: '%s' is no ADDRESS%s", option, text, port ? "[:PORT]" : ":PORT");
        return false;
    }
    return true;
}

static bool
take_file(struct drill *d)
{
    struct stat st;

    d->file = args_value(d->ctl->args, OPT_SINK_FILE);
    if (!d->file || (stat(d->file, &st) && errno == ENOENT)) {
        return true; /* the first event may make it */
    }
    if (access(d->file, R_OK) || stat(d->file, &st) || !S_ISREG(st.st_mode)) {
        ctl_error("%s: it cannot be read: %s", d->file, errno ? strerror(errno) : "no file");
        return false;
    }
    d->file_from = st.st_size;
    return true;
}

static bool
take_options(struct drill *d)
{
    const struct args *args = d->ctl->args;
    const char *target = args_value(args, OPT_DST), *allowed = args_value(args, OPT_ALLOWED);

    d->port = d->ctl->arg;
    d->netns = args_value(args, OPT_NAMESPACE);
    d->has_allowed = allowed != NULL;
    d->quarantines = args_has(args, OPT_QUARANTINE);
    if (!target) {
        ctl_error("'drill' needs --dst: whom the desktop may not reach");
        return false;
    }
    if (allowed && !d->netns) {
        ctl_error("--allowed takes --namespace: nothing can be sent from the desktop without");
        return false;
    }
    return take_peer("dst", target, DEFAULT_PORT, &d->target) &&
           (!allowed || take_peer("allowed", allowed, 0, &d->allowed)) && take_file(d);
}

/* ---- two processes: one drills, the other sees to it that nothing is left ---- */

static pid_t driller;

void
drill_remember(struct drill *d)
{
    if (d->told >= 0 && write(d->told, &d->memory, sizeof d->memory) != sizeof d->memory) {
        ctl_error("the drill cannot say what is to be cleared up: %s", strerror(errno));
        _exit(CTL_REFUSED); /* nothing has been done yet, or the other one is gone */
    }
}

static void
pass_on(int signo)
{
    kill(driller, signo);
}

/* In the one that drills. */
static void
drill_and_exit(struct drill *d)
{
    int code = drill_run(d), cleared = drill_clear_up(d);

    if (d->n_steps) {
        d->ctl->structured ? print_object(d) : print_table(d);
        output_flush();
    }
    fflush(stdout);
    _exit(code ? code : cleared);
}

static int
watch_over(struct drill *d, int told)
{
    /* Of Ctrl-C the driller is told by the terminal, too. */
    struct sigaction sa = { .sa_handler = pass_on };
    int status = 0, code;

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    while (waitpid(driller, &status, 0) < 0 && errno == EINTR) {
    }
    while (read(told, &d->memory, sizeof d->memory) == sizeof d->memory) {
        /* what was told last holds */
    }
    if (d->memory.cleared || !d->memory.probe_us) {
        return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_INTERRUPTED;
    }
    ctl_error("the drill was ended early: clearing up");
    code = drill_clear_up(d);
    return code ? code : WIFEXITED(status) ? MAX(WEXITSTATUS(status), 1) : CTL_INTERRUPTED;
}

int
drill(struct ctl *ctl)
{
    struct drill d = { .ctl = ctl, .told = -1 };
    int fds[2], code;

    if (!take_options(&d)) {
        return CTL_USAGE;
    }
    if (pipe2(fds, O_CLOEXEC)) {
        ctl_error("the drill cannot start: %s", strerror(errno));
        return CTL_REFUSED;
    }
    fflush(stdout);
    driller = fork();
    if (!driller) {
        d.told = fds[1];
        drill_and_exit(&d);
    }
    close(fds[1]);
    if (driller < 0) {
        ctl_error("the drill cannot start: %s", strerror(errno));
        code = CTL_REFUSED;
    } else {
        code = watch_over(&d, fds[0]);
    }
    close(fds[0]);
    return code;
}
