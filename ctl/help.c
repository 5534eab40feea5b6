#include <config.h>

#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/help.h"
#include "util.h"

static void
print_option(enum option_id id)
{
    const struct option_info *info = &option_table[id];
    char letter[8] = "    ";
    char *name;

    if (info->letter) {
        snprintf(letter, sizeof letter, "-%c, ", info->letter);
    }
    name = xasprintf("%s--%s%s%s", letter, info->name, info->value ? " " : "",
                     info->value ? info->value : "");
    printf("  %-28s %s\n", name, info->brief);
    free(name);
}

static void
print_options(const char *title, option_set options)
{
    if (!options) {
        return;
    }
    printf("\n%s:\n", title);
    for (int i = 0; i < N_OPTIONS; i++) {
        if (options & OPT_BIT(i)) {
            print_option(i);
        }
    }
}

static void
print_common(void)
{
    print_options("Options of every command, before or after it", OPT_COMMON);
    puts(
        "\n"
        "ENDPOINT is unix:PATH or HOST:PORT.  Without --target it is taken from FUSUMA_TARGET, "
        "and\n"
        "without that it is unix:/run/fusuma/vswitchd.sock.  HOST:PORT speaks TLS with the files "
        "of\n"
        "--tls-ca, --tls-cert and --tls-key, or FUSUMA_TLS_CA, FUSUMA_TLS_CERT and FUSUMA_TLS_KEY; "
        "a\n"
        "loopback address without any of them is spoken to in the clear.\n"
        "wide is a table with more columns, where there are more.  json is the standard JSON "
        "mapping "
        "of\n"
        "the API's messages, and yaml the same objects; drops, watch, counters and conn list print "
        "one\n"
        "object a line, or one YAML document each.\n"
        "\n"
        "Exit status:\n"
        "    0  done\n"
        "    1  the switch refused, the ledger does not add up, or output could not be written\n"
        "    2  wrong command line, or a file that cannot be read\n"
        "    3  the switch cannot be reached, or did not answer in time\n"
        "  130  interrupted (SIGINT)\n"
        "'policy check', 'policy diff' and commands with --dry-run exit as diff does: 0 nothing, "
        "1\n"
        "something, 2 trouble of any kind.");
}

static void
print_brief(const struct command *command)
{
    char *usage = xasprintf("%s%s%s", command->path, command->args ? " " : "",
                            command->args ? command->args : "");

    printf("  %-20s %s\n", usage, command->brief);
    free(usage);
}

/* Of one family, or of all. */
static void
print_overview(const char *family)
{
    printf("Usage: swctl [OPTION]... %s%sCOMMAND [ARGUMENT] [OPTION]...\n\n", family ? family : "",
           family ? " " : "");
    if (!family) {
        puts("Drives the Fusuma virtual switch.\n");
    }
    puts("Commands ('swctl COMMAND --help' says more):");
    for (size_t i = 0; i < n_commands; i++) {
        if (!family || command_in_family(&commands[i], family)) {
            print_brief(&commands[i]);
        }
    }
    print_common();
}

static void
print_command(const struct command *command)
{
    printf("Usage: swctl %s%s%s [OPTION]...\n\n%c%s.\n", command->path, command->args ? " " : "",
           command->args ? command->args : "", command->brief[0] - 'a' + 'A', command->brief + 1);
    if (command->help) {
        printf("\n%s\n", command->help);
    }
    print_options("Options", command->options);
    print_common();
}

bool
help_print(const struct svec *words)
{
    size_t used;
    const struct command *command = command_find(words, &used);

    if (command) {
        print_command(command);
    } else if (!words->n) {
        print_overview(NULL);
    } else if (words->n == 1 && command_is_family(words->names[0])) {
        print_overview(words->names[0]);
    } else {
        command_complain(words);
        return false;
    }
    return true;
}
