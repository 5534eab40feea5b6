#include <config.h>

#include "ctl/tables.h"

#include <jansson.h>
#include <stdio.h>

#include "ctl/commands.h"

/* The names of those in 'options'. */
static json_t *
names(option_set options)
{
    json_t *list = json_array();

    for (int i = 0; i < N_OPTIONS; i++) {
        if (options & OPT_BIT(i)) {
            json_array_append_new(list, json_string(option_table[i].name));
        }
    }
    return list;
}

static json_t *
command(const struct command *c)
{
    return json_pack("{s:s, s:s*, s:s, s:s*, s:o}", "path", c->path, "args", c->args, "brief",
                     c->brief, "help", c->help, "options", names(c->options));
}

static json_t *
option(const struct option_info *info)
{
    char letter[2] = { info->letter, '\0' };

    return json_pack("{s:s, s:s*, s:s, s:s}", "name", info->name, "value", info->value, "brief",
                     info->brief, "letter", letter);
}

void
tables_print(void)
{
    json_t *command_list = json_array(), *option_list = json_array(), *all;

    for (size_t i = 0; i < n_commands; i++) {
        json_array_append_new(command_list, command(&commands[i]));
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        json_array_append_new(option_list, option(&option_table[i]));
    }
    all = json_pack("{s:o, s:o, s:o}", "commands", command_list, "options", option_list, "common",
                    names(OPT_COMMON));
    json_dumpf(all, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(all);
}
