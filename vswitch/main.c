/* vswitchd: reads its options, becomes a daemon, and hands over to control/. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "control/control.h"
#include "control/election.h"
#include "daemon.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "options.h"
#include "ovs-rcu.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(main);

static int signal_fd = -1;
static volatile sig_atomic_t stop_asked, log_moved, is_daemon;

/* One of the three that is closed would become the pid file or a database, and the log be written
 * to it. */
static void
occupy_closed(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            ignore(open("/dev/null", O_RDWR) < 0);
        }
    }
}

/* Another program's locks and sockets are none of ours to keep open. */
static void
close_inherited(void)
{
    if (close_range(3, ~0u, 0)) {
        struct rlimit limit;

        for (int fd = 3; !getrlimit(RLIMIT_NOFILE, &limit) && fd < (int) limit.rlim_cur; fd++) {
            close(fd);
        }
    }
}

static void
on_signal(int signr)
{
    uint64_t one = 1;

    if (signr == SIGHUP && is_daemon) {
        log_moved = 1;
    } else {
        stop_asked = 1;
    }
    ignore(write(signal_fd, &one, sizeof one));
}

/* Comes before OVS takes an interest in these signals: it leaves alone what has a handler.  A
 * terminal that goes ends the switch that runs in it; to a daemon, SIGHUP says that its log was
 * moved away. */
static void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void
take_signals(void)
{
    uint64_t n;

    ignore(read(signal_fd, &n, sizeof n));
    if (log_moved) {
        log_moved = 0;
        vlog_reopen_log_file();
    }
}

static void
start_log(const struct options *o)
{
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    /* Until it has started, whoever typed the command reads what goes wrong. */
    vlog_set_levels(NULL, VLF_CONSOLE, o->detach ? VLL_ERR : VLL_INFO);
    vlog_set_levels(NULL, VLF_FILE, VLL_INFO);
    if (o->detach) {
        char *file = xasprintf("%s/vswitchd.log", o->control.run_dir);

        vlog_set_log_file(file);
        free(file);
    }
}

/* The pid file is locked in here, before any socket is opened; another instance ends this one. */
static void
become_daemon(const struct options *o)
{
    char *pidfile = xasprintf("%s/vswitchd.pid", o->control.run_dir);

    if (mkdir(o->control.run_dir, 0755) && errno != EEXIST) {
        ovs_fatal(errno, "%s", o->control.run_dir);
    }
    set_pidfile(pidfile);
    free(pidfile);
    if (o->detach) {
        set_detach();
    }
    daemonize_start(false);
    start_log(o);
}

static struct unixctl_server *
start_unixctl(const struct options *o)
{
    char *path = xasprintf("%s/vswitchd.ctl", o->control.run_dir);
    struct unixctl_server *server;

    if (unixctl_server_create(path, &server)) {
        exit(EXIT_FAILURE); /* It has said why. */
    }
    free(path);
    return server;
}

static void
run(struct control *control, struct unixctl_server *unixctl)
{
    while (!stop_asked) {
        take_signals();
        control_run(control);
        unixctl_server_run(unixctl);
        control_wait(control);
        unixctl_server_wait(unixctl);
        poll_fd_wait(signal_fd, POLLIN);
        poll_block();
    }
    VLOG_INFO("stopping");
}

static int
downgrade(const struct options *o)
{
    char *error = NULL;
    int version, from;

    if (!str_to_int(o->downgrade, 10, &version)) {
        ovs_fatal(0, "--downgrade-state %s: not a number", o->downgrade);
    }
    if (state_downgrade(o->control.state_dir, version, &from, &error)) {
        ovs_fatal(0, "%s", error);
    }
    printf("%s: schema version %d, was %d\n", o->control.state_dir, version, from);
    return EXIT_SUCCESS;
}

static int
forget_election(const struct options *o)
{
    char *error = NULL;
    uint64_t was;

    if (election_forget(o->control.state_dir, &was, &error)) {
        ovs_fatal(0, "%s", error);
    }
    printf("%s: election id %" PRIu64 " is forgotten\n", o->control.state_dir, was);
    return EXIT_SUCCESS;
}

/* What a policy needs for a moment is some megabytes in many pieces.  To give them back to the
 * kernel and to take them again, page by page, takes longer than what is done with them. */
static void
keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int
main(int argc, char *argv[])
{
    struct unixctl_server *unixctl = NULL;
    static struct control control;
    static struct options options; /* DPDK and OVS keep pointers into it */
    char *error = NULL;
    int retval;

    ovs_set_program_name(argv[0], PACKAGE_VERSION);
    keep_memory();
    occupy_closed();
    options_parse(argc, argv, &options);
    if (options.downgrade) {
        return downgrade(&options);
    }
    if (options.forget_election) {
        return forget_election(&options);
    }
    is_daemon = options.detach;
    close_inherited();
    catch_signals();
    umask(0077); /* sockets, state and logs are for the switch's own user */
    become_daemon(&options);

    retval = control_prepare(&control, &options.control, &error);
    if (!retval) {
        unixctl = start_unixctl(&options);
        retval = control_start(&control, &error);
    }
    if (retval) {
        VLOG_EMER("%s", error);
        free(error);
    } else {
        daemonize_complete();
        VLOG_INFO("running");
        run(&control, unixctl);
    }
    control_stop(&control);
    unixctl_server_destroy(unixctl);
    if (!retval) {
        ovsrcu_exit(); /* It aborts when nothing has used RCU yet. */
    }
    return retval ? EXIT_FAILURE : EXIT_SUCCESS;
}
