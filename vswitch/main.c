/* vswitchd: reads its options, becomes a daemon, and hands over to control/. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "control/control.h"
#include "daemon.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "svec.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(main);

#define DEFAULT_STATE_DIR "/var/lib/fusuma"
#define DEFAULT_RUN_DIR "/run/fusuma"

struct options {
    struct control_options control;
    struct svec endpoints;
    bool detach;
    const char *downgrade; /* schema version; or NULL */
};

static int signal_fd = -1;
static volatile sig_atomic_t stop_asked, log_moved, is_daemon;

static void
usage(void)
{
    printf(
        "vswitchd: userspace switch with a firewall for every desktop\n"
        "usage: vswitchd [OPTIONS] [-- EAL ARGUMENTS]\n\n"
        "  --config FILE      settings; ports and policy for an empty state directory\n"
        "  --state-dir DIR    what survives a restart [" DEFAULT_STATE_DIR "]\n"
        "  --run-dir DIR      pid file and sockets [" DEFAULT_RUN_DIR "]\n"
        "  --listen ENDPOINT  unix:PATH or HOST:PORT for gRPC; may be repeated\n"
        "                     [unix:RUN-DIR/vswitchd.sock]\n"
        "  --socket-group GROUP\n"
        "                     whose members may connect to unix sockets, beside the own user\n"
        "  --tls-ca FILE      HOST:PORT needs all three, in PEM: the CA of those who may connect,\n"
        "  --tls-cert FILE    the switch's own certificate (and what is between it and the CA),\n"
        "  --tls-key FILE     and its key; read again when they change\n"
        "  --insecure-loopback ROLE\n"
        "                     serve loopback addresses without TLS: whatever runs on this host\n"
        "                     has ROLE then (viewer, operator, responder, policy or admin)\n"
        "  --lcores LIST      CPUs as EAL's --lcores has them: the first lcore is control's,\n"
        "                     the others are workers [0@first CPU,1@second CPU]\n"
        "  --no-huge          use ordinary pages even if there are hugepages\n"
        "  --pick-up-midstream\n"
        "                     allowed TCP connections that are older than the switch go on:\n"
        "                     for moving a live host only (see docs/tracking.md)\n"
        "  --downgrade-state VERSION\n"
        "                     rewrite STATE-DIR for an older release and end; see\n"
        "                     docs/operations.md\n"
        "  --detach           run in the background; log to RUN-DIR/vswitchd.log\n"
        "  -h, --help         this text\n"
        "  -V, --version      version\n\n"
        "Exit status: 0 stopped as asked; 1 could not start.\n"
        "Log levels and more: ovs-appctl -t RUN-DIR/vswitchd.ctl list-commands\n");
}

enum {
    OPT_CONFIG = 256,
    OPT_STATE_DIR,
    OPT_RUN_DIR,
    OPT_LISTEN,
    OPT_SOCKET_GROUP,
    OPT_TLS_CA,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_INSECURE_LOOPBACK,
    OPT_LCORES,
    OPT_NO_HUGE,
    OPT_PICK_UP,
    OPT_DETACH,
    OPT_DOWNGRADE
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, OPT_CONFIG },
    { "state-dir", required_argument, NULL, OPT_STATE_DIR },
    { "run-dir", required_argument, NULL, OPT_RUN_DIR },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "socket-group", required_argument, NULL, OPT_SOCKET_GROUP },
    { "tls-ca", required_argument, NULL, OPT_TLS_CA },
    { "tls-cert", required_argument, NULL, OPT_TLS_CERT },
    { "tls-key", required_argument, NULL, OPT_TLS_KEY },
    { "insecure-loopback", required_argument, NULL, OPT_INSECURE_LOOPBACK },
    { "lcores", required_argument, NULL, OPT_LCORES },
    { "no-huge", no_argument, NULL, OPT_NO_HUGE },
    { "pick-up-midstream", no_argument, NULL, OPT_PICK_UP },
    { "detach", no_argument, NULL, OPT_DETACH },
    { "downgrade-state", required_argument, NULL, OPT_DOWNGRADE },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static void
parse_group(const char *name, struct options *o)
{
    if (!access_group_id(name, &o->control.socket_gid)) {
        ovs_fatal(0, "--socket-group: there is no group '%s'", name);
    }
}

static void
parse_insecure(const char *name, struct options *o)
{
    o->control.insecure_loopback = true;
    o->control.insecure_role = rpc_role_from_name(name);
    if (!o->control.insecure_role) {
        ovs_fatal(
            0, "--insecure-loopback: '%s' is no role (viewer, operator, responder, policy, admin)",
            name);
    }
}

static void
parse_option(int option, struct options *o)
{
    switch (option) {
    case OPT_CONFIG:
        o->control.config_file = optarg;
        break;
    case OPT_STATE_DIR:
        o->control.state_dir = optarg;
        break;
    case OPT_RUN_DIR:
        o->control.run_dir = optarg;
        break;
    case OPT_LISTEN:
        svec_add(&o->endpoints, optarg);
        break;
    case OPT_SOCKET_GROUP:
        parse_group(optarg, o);
        break;
    case OPT_TLS_CA:
        o->control.tls.ca = abs_file_name(NULL, optarg);
        break;
    case OPT_TLS_CERT:
        o->control.tls.cert = abs_file_name(NULL, optarg);
        break;
    case OPT_TLS_KEY:
        o->control.tls.key = abs_file_name(NULL, optarg);
        break;
    case OPT_INSECURE_LOOPBACK:
        parse_insecure(optarg, o);
        break;
    case OPT_LCORES:
        o->control.lcores = optarg;
        break;
    case OPT_NO_HUGE:
        o->control.no_huge = true;
        break;
    case OPT_PICK_UP:
        o->control.pick_up_midstream = true;
        break;
    case OPT_DETACH:
        o->detach = true;
        break;
    case OPT_DOWNGRADE:
        o->downgrade = optarg;
        break;
    case 'h':
        usage();
        exit(EXIT_SUCCESS);
    case 'V':
        printf("vswitchd (Fusuma) " PACKAGE_VERSION "\n");
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_FAILURE); /* getopt has said why. */
    }
}

/* A daemon's working directory is not its user's: paths are made absolute while they still mean
 * what was typed. */
static void
parse_options(int argc, char *argv[], struct options *o)
{
    int option;

    memset(o, 0, sizeof *o);
    svec_init(&o->endpoints);
    o->control.state_dir = DEFAULT_STATE_DIR;
    o->control.socket_gid = UINT32_MAX;
    o->control.run_dir = DEFAULT_RUN_DIR;
    while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
        parse_option(option, o);
    }
    /* getopt moves what is no option behind the "--" of those that belong to EAL. */
    if (optind < argc && strcmp(argv[optind - 1], "--")) {
        ovs_fatal(0, "%s: not an option (EAL arguments follow \"--\")", argv[optind]);
    }
    if (!o->control.tls.ca != !o->control.tls.cert || !o->control.tls.cert != !o->control.tls.key) {
        ovs_fatal(0, "--tls-ca, --tls-cert and --tls-key go together");
    }
    o->control.eal_args = argv + optind;
    o->control.state_dir = abs_file_name(NULL, o->control.state_dir);
    o->control.run_dir = abs_file_name(NULL, o->control.run_dir);
    if (o->control.config_file) {
        o->control.config_file = abs_file_name(NULL, o->control.config_file);
    }
    if (svec_is_empty(&o->endpoints)) {
        svec_add_nocopy(&o->endpoints, xasprintf("unix:%s/vswitchd.sock", o->control.run_dir));
    }
    o->control.endpoints = (const char *const *) o->endpoints.names;
    o->control.n_endpoints = o->endpoints.n;
}

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

int
main(int argc, char *argv[])
{
    struct unixctl_server *unixctl = NULL;
    static struct control control;
    static struct options options; /* DPDK and OVS keep pointers into it */
    char *error = NULL;
    int retval;

    ovs_set_program_name(argv[0], PACKAGE_VERSION);
    occupy_closed();
    parse_options(argc, argv, &options);
    if (options.downgrade) {
        return downgrade(&options);
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
