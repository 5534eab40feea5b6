#include <config.h>

#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/complete.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/tables.h"
#include "proto/rpc_endpoint.h"
#include "util.h"

#define DEFAULT_TARGET "unix:/run/fusuma/vswitchd.sock"
#define DEFAULT_TIMEOUT_MS 10000
#define MAX_TIMEOUT_S 86400

/* Every line is flushed when it is whole, so there is nothing to put in order. */
static void
interrupted(int signo OVS_UNUSED)
{
    _exit(CTL_INTERRUPTED);
}

static void
set_up_process(void)
{
    /* The character type only: numbers and messages stay as they are. */
    setlocale(LC_CTYPE, "C.UTF-8");
    /* "swctl drops | head" ends like any filter, whatever this process inherited. */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, interrupted);
}

static enum output_format
format_from_name(const char *name)
{
    enum output_format format = OUTPUT_TABLE;

    while (format < OUTPUT_N_FORMATS && strcmp(name, output_format_names[format]) != 0) {
        format++;
    }
    return format;
}

static bool
set_output(struct ctl *ctl, const struct command *command)
{
    const char *name = args_value(ctl->args, OPT_OUTPUT);
    struct svec formats = SVEC_EMPTY_INITIALIZER;
    enum output_format format;
    bool ok;

    svec_parse_words(&formats, command->formats ? command->formats : OUTPUT_FORMATS);
    ok = !name || svec_contains_unsorted(&formats, name);
    if (ok) {
        format = format_from_name(name ? name : formats.names[0]);
        output_set_format(format);
        ctl->structured = format == OUTPUT_JSON || format == OUTPUT_YAML;
    } else {
        char *list = output_list(formats.names, formats.n);

        ctl_error("--output: '%s' is none of %s", name, list);
        free(list);
    }
    svec_destroy(&formats);
    return ok;
}

/* Of an option, or of the environment; NULL: of neither. */
static const char *
tls_file(const struct ctl *ctl, enum option_id id, const char *variable)
{
    const char *option = args_value(ctl->args, id);
    const char *env = getenv(variable);

    return option ? option : env && env[0] ? env : NULL;
}

static bool
set_tls(struct ctl *ctl, enum rpc_endpoint_kind kind)
{
    struct rpc_tls_files tls = { .ca = tls_file(ctl, OPT_TLS_CA, "FUSUMA_TLS_CA"),
                                 .cert = tls_file(ctl, OPT_TLS_CERT, "FUSUMA_TLS_CERT"),
                                 .key = tls_file(ctl, OPT_TLS_KEY, "FUSUMA_TLS_KEY") };
    char *error = NULL;

    if (kind == RPC_ENDPOINT_UNIX) {
        return true;
    }
    if (!tls.ca && !tls.cert && !tls.key && kind == RPC_ENDPOINT_LOOPBACK) {
        return true;
    }
    if (!tls.ca || !tls.cert || !tls.key) {
        ctl_error("%s: HOST:PORT needs --tls-ca, --tls-cert and --tls-key", ctl->target);
        return false;
    }
    if (rpc_tls_check(&tls, &error)) {
        ctl_error("%s", error);
        free(error);
        return false;
    }
    ctl->tls = tls;
    return true;
}

bool
ctl_set_target(struct ctl *ctl)
{
    enum rpc_endpoint_kind kind;
    const char *env = getenv("FUSUMA_TARGET");
    const char *option = args_value(ctl->args, OPT_TARGET);
    char *error = NULL;
    char *resolved;

    ctl->target = option ? option : env && env[0] ? env : DEFAULT_TARGET;
    resolved = rpc_endpoint_target(ctl->target, &kind, &error);
    if (!resolved) {
        ctl_error("%s: %s", option ? "--target" : "FUSUMA_TARGET", error);
        free(error);
        return false;
    }
    free(resolved);
    return set_tls(ctl, kind);
}

static bool
set_timeout(struct ctl *ctl)
{
    const char *text = args_value(ctl->args, OPT_TIMEOUT);
    char *end;
    double seconds;

    ctl->timeout_ms = DEFAULT_TIMEOUT_MS;
    if (!text) {
        return true;
    }
    seconds = strtod(text, &end);
    if (*end || !(seconds >= 0.001 && seconds <= MAX_TIMEOUT_S)) {
        ctl_error("--timeout: '%s' is not a number of seconds from 0.001 to %d", text,
                  MAX_TIMEOUT_S);
        return false;
    }
    ctl->timeout_ms = lround(seconds * 1000);
    return true;
}

static bool
set_argument(struct ctl *ctl, const struct command *command, size_t used)
{
    const struct svec *words = &ctl->args->words;
    bool optional = command->args && command->args[0] == '[';

    if (command->args && !optional && (words->n == used || !words->names[used][0])) {
        ctl_error("'%s' needs %s", command->path, command->args);
        return false;
    }
    ctl->words = (const char *const *) words->names + used;
    ctl->n_words = words->n - used;
    ctl->arg = command->args && words->n > used ? words->names[used++] : NULL;
    if (words->n > used && !(command->args && strstr(command->args, "..."))) {
        ctl_error("'%s' does not take '%s'", command->path, words->names[used]);
        return false;
    }
    return true;
}

static int
run(const struct args *args)
{
    struct ctl ctl = { .args = args };
    const struct command *command;
    size_t used;
    int code;

    command = command_find(&args->words, &used);
    if (!command) {
        command_complain(&args->words);
        return CTL_USAGE;
    }
    if (!args_only(args, OPT_COMMON | command->options, command->path) ||
        !set_argument(&ctl, command, used) || !set_output(&ctl, command) || !ctl_set_target(&ctl) ||
        !set_timeout(&ctl)) {
        return CTL_USAGE;
    }
    code = command->fn(&ctl);
    rpc_channel_close(ctl.channel);
    return code;
}

/* "swctl help port add" is "swctl port add --help". */
static bool
wants_help(struct args *args)
{
    if (args->words.n && !strcmp(args->words.names[0], "help")) {
        free(args->words.names[0]);
        memmove(args->words.names, args->words.names + 1,
                --args->words.n * sizeof *args->words.names);
        return true;
    }
    return args_has(args, OPT_HELP);
}

static int
dispatch(struct args *args, int argc, char *argv[])
{
    if (!args_parse(args, argc, argv)) {
        return CTL_USAGE;
    }
    if (wants_help(args)) {
        return help_print(&args->words) ? CTL_OK : CTL_USAGE;
    }
    if (args_has(args, OPT_VERSION)) {
        puts("swctl " PACKAGE_VERSION);
        return CTL_OK;
    }
    return run(args);
}

int
main(int argc, char *argv[])
{
    struct args args;
    int code;

    set_up_process();
    if (argc > 1 && !strcmp(argv[1], "__complete")) {
        return complete(argv + 2, argc - 2);
    }
    if (argc == 2 && !strcmp(argv[1], "__tables")) {
        tables_print();
        return output_flush() ? CTL_OK : CTL_REFUSED;
    }
    code = dispatch(&args, argc, argv);
    args_destroy(&args);
    return !output_flush() && code == CTL_OK ? CTL_REFUSED : code;
}
