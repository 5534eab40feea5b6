#include <config.h>

#include "options.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/access.h"
#include "util.h"

#define DEFAULT_STATE_DIR "/var/lib/fusuma"
#define DEFAULT_RUN_DIR "/run/fusuma"

/* ---- the table: what getopt, --help, the manual page and completion are made from ---- */

enum {
    OPT_FIRST = 256,
    OPT_CONFIG = OPT_FIRST,
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
    OPT_DOWNGRADE,
    OPT_FORGET_ELECTION,
    OPT_DETACH,
    OPT_HELP,
    OPT_VERSION,
    OPT_END
};

static const struct option_info {
    const char *name, *value; /* value NULL: it takes none */
    const char *help;         /* lines of up to 60 characters */
    const char *words;        /* that the value may be; ":files": the name of a file */
} table[OPT_END - OPT_FIRST] = {
#define ROW(ID) [OPT_##ID - OPT_FIRST]
    ROW(CONFIG) = { "config", "FILE", "settings; ports and policy for an empty state directory",
                    ":files" },
    ROW(STATE_DIR) = { "state-dir", "DIR", "what survives a restart [" DEFAULT_STATE_DIR "]",
                       ":files" },
    ROW(RUN_DIR) = { "run-dir", "DIR", "pid file and sockets [" DEFAULT_RUN_DIR "]", ":files" },
    ROW(LISTEN) = { "listen", "ENDPOINT",
                    "unix:PATH or HOST:PORT for gRPC; may be repeated\n"
                    "[unix:RUN-DIR/vswitchd.sock]",
                    NULL },
    ROW(SOCKET_GROUP) = { "socket-group", "GROUP",
                          "whose members may connect to unix sockets, beside the own user", NULL },
    ROW(TLS_CA) = { "tls-ca", "FILE",
                    "HOST:PORT needs all three, in PEM: the CA of those who may connect,",
                    ":files" },
    ROW(TLS_CERT) = { "tls-cert", "FILE",
                      "the switch's own certificate (and what is between it and the CA),",
                      ":files" },
    ROW(TLS_KEY) = { "tls-key", "FILE", "and its key; read again when they change", ":files" },
    ROW(INSECURE_LOOPBACK) = { "insecure-loopback", "ROLE",
                               "serve loopback addresses without TLS: whatever runs on this host\n"
                               "has ROLE then (viewer, operator, responder, policy or admin)",
                               "viewer operator responder policy admin" },
    ROW(LCORES) = { "lcores", "LIST",
                    "CPUs as EAL's --lcores has them: the first lcore is control's,\n"
                    "the others are workers [0@first CPU,1@second CPU]",
                    NULL },
    ROW(NO_HUGE) = { "no-huge", NULL, "use ordinary pages even if there are hugepages", NULL },
    ROW(PICK_UP) = { "pick-up-midstream", NULL,
                     "allowed TCP connections that are older than the switch go on:\n"
                     "for moving a live host only (see docs/tracking.md)",
                     NULL },
    ROW(DOWNGRADE) = { "downgrade-state", "VERSION",
                       "rewrite STATE-DIR for an older release and end; see\n"
                       "docs/operations.md",
                       NULL },
    ROW(FORGET_ELECTION) = { "forget-election", NULL,
                             "let controllers' election ids begin anew, and end", NULL },
    ROW(DETACH) = { "detach", NULL, "run in the background; log to RUN-DIR/vswitchd.log", NULL },
    ROW(HELP) = { "help", NULL, "this text", NULL },
    ROW(VERSION) = { "version", NULL, "version", NULL },
#undef ROW
};
#define N_TABLE ARRAY_SIZE(table)

/* 'h' of --help; 0: it has none. */
static char
letter_of(int option)
{
    return option == OPT_HELP ? 'h' : option == OPT_VERSION ? 'V' : 0;
}

static void
spell(struct option longs[])
{
    for (size_t i = 0; i < N_TABLE; i++) {
        longs[i] = (struct option){ .name = table[i].name,
                                    .has_arg = table[i].value ? required_argument : no_argument,
                                    .val = OPT_FIRST + (int) i };
    }
    longs[N_TABLE] = (struct option){ .name = NULL };
}

/* ---- --help ---- */

#define HELP_COLUMN 21

static void
print_option(size_t i)
{
    const struct option_info *info = &table[i];
    char letter = letter_of(OPT_FIRST + (int) i);
    char *head = xasprintf("  %s--%s%s%s",
                           letter == 'h' ? "-h, "
                           : letter      ? "-V, "
                                         : "",
                           info->name, info->value ? " " : "", info->value ? info->value : "");
    const char *line = info->help;

    if (strlen(head) >= HELP_COLUMN) {
        printf("%s\n%*s", head, HELP_COLUMN, "");
    } else {
        printf("%-*s", HELP_COLUMN, head);
    }
    free(head);
    for (;;) {
        size_t length = strcspn(line, "\n");

        printf("%.*s\n", (int) length, line);
        if (!line[length]) {
            return;
        }
        line += length + 1;
        printf("%*s", HELP_COLUMN, "");
    }
}

static void
usage(void)
{
    puts("vswitchd: userspace switch with a firewall for every desktop\n"
         "usage: vswitchd [OPTIONS] [-- EAL ARGUMENTS]\n");
    for (size_t i = 0; i < N_TABLE; i++) {
        print_option(i);
    }
    puts("\nExit status: 0 stopped as asked; 1 could not start.\n"
         "Log levels and more: ovs-appctl -t RUN-DIR/vswitchd.ctl list-commands");
}

/* ---- "vswitchd __complete WORD...": candidates for the last word, one a line ---- */

static const struct option_info *
info_of(const char *word, size_t length)
{
    for (size_t i = 0; length > 2 && i < N_TABLE; i++) {
        if (!strncmp(word, "--", 2) && strlen(table[i].name) == length - 2 &&
            !strncmp(word + 2, table[i].name, length - 2)) {
            return &table[i];
        }
    }
    return NULL;
}

/* Those of 'words' that begin as 'typed' does; 'skipped' bytes of 'whole' stand before them. */
static void
offer(const char *words, const char *typed, const char *whole, size_t skipped)
{
    char *copy = xstrdup(words ? words : ""), *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (w[0] == ':') {
            puts(w);
        } else if (!strncmp(w, typed, strlen(typed))) {
            printf("%.*s%s\n", (int) skipped, whole, w);
        }
    }
    free(copy);
}

static void
complete(int n, char *words[])
{
    const char *last = n ? words[n - 1] : "";
    const char *before = n > 1 ? words[n - 2] : "";
    const char *equals = strchr(last, '=');
    const struct option_info *info = info_of(before, strlen(before));

    if (info && info->value) {
        offer(info->words, last, last, 0);
    } else if (equals && (info = info_of(last, equals - last))) {
        offer(info->words, equals + 1, last, equals + 1 - last);
    } else if (last[0] == '-') {
        for (size_t i = 0; i < N_TABLE; i++) {
            char *name = xasprintf("--%s", table[i].name);

            offer(name, last, "", 0);
            free(name);
        }
    }
}

/* ---- "vswitchd __tables": the same for the manual page, as JSON ---- */

static void
print_tables(void)
{
    json_t *options = json_array();

    for (size_t i = 0; i < N_TABLE; i++) {
        char letter[2] = { letter_of(OPT_FIRST + (int) i), '\0' };

        json_array_append_new(options,
                              json_pack("{s:s, s:s*, s:s, s:s}", "name", table[i].name, "value",
                                        table[i].value, "brief", table[i].help, "letter", letter));
    }
    json_dumpf(options, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(options);
}

/* ---- reading them ---- */

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
    switch (option == 'h' ? OPT_HELP : option == 'V' ? OPT_VERSION : option) {
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
    case OPT_FORGET_ELECTION:
        o->forget_election = true;
        break;
    case OPT_HELP:
        usage();
        exit(EXIT_SUCCESS);
    case OPT_VERSION:
        printf("vswitchd (Fusuma) " PACKAGE_VERSION "\n");
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_FAILURE); /* getopt has said why. */
    }
}

void
options_parse(int argc, char *argv[], struct options *o)
{
    struct option longs[OPT_END - OPT_FIRST + 1];
    int option;

    memset(o, 0, sizeof *o);
    svec_init(&o->endpoints);
    o->control.state_dir = DEFAULT_STATE_DIR;
    o->control.socket_gid = UINT32_MAX;
    o->control.run_dir = DEFAULT_RUN_DIR;
    if (argc > 1 && !strcmp(argv[1], "__complete")) {
        complete(argc - 2, argv + 2);
        exit(EXIT_SUCCESS);
    }
    if (argc > 1 && !strcmp(argv[1], "__tables")) {
        print_tables();
        exit(EXIT_SUCCESS);
    }
    spell(longs);
    while ((option = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
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
