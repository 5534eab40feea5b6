#include <config.h>

#include "ctl/complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "unicode.h"
#include "util.h"

#define PATIENCE_MS 1000 /* for a switch; a key was pressed, and somebody waits */

/* A command line that is not finished. */
struct line {
    struct args args;      /* before the cursor */
    enum option_id option; /* whose value is under the cursor; N_OPTIONS: none's */
    const char *cursor;    /* of the word under the cursor, what is completed ... */
    size_t skipped;        /* ... so many bytes of it stand before that: "--type=" */
    bool no_options;       /* "--" was there */
};

/* ---- the words before the cursor ---- */

static enum option_id
find_option(const char *word)
{
    size_t length = strcspn(word, "=");

    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option_info *info = &option_table[i];

        if (word[0] == '-' && word[1] == '-' && strlen(info->name) == length - 2 &&
            !strncmp(word + 2, info->name, length - 2)) {
            return i;
        }
        if (word[0] == '-' && info->letter && word[1] == info->letter) {
            return i;
        }
    }
    return N_OPTIONS;
}

/* The value that is in the option's own word, or NULL. */
static const char *
own_value(const char *word, enum option_id id)
{
    const char *equals = strchr(word, '=');

    if (!option_table[id].value) {
        return "";
    }
    return word[1] != '-' ? (word[2] ? word + 2 : NULL) : equals ? equals + 1 : NULL;
}

/* Takes a word before the cursor; '*pending' is the option that waits for a value. */
static void
take_word(struct line *line, const char *word, enum option_id *pending)
{
    if (*pending != N_OPTIONS) {
        svec_add(&line->args.values[*pending], word);
        *pending = N_OPTIONS;
    } else if (line->no_options || word[0] != '-' || !word[1]) {
        svec_add(&line->args.words, word);
    } else if (!strcmp(word, "--")) {
        line->no_options = true;
    } else {
        enum option_id id = find_option(word);
        const char *value = id == N_OPTIONS ? "" : own_value(word, id);

        if (!value) {
            *pending = id;
        } else if (id != N_OPTIONS) {
            svec_add(&line->args.values[id], value);
        }
    }
}

static void
take_cursor(struct line *line, const char *word, enum option_id pending)
{
    line->option = pending;
    line->cursor = word;
    if (pending == N_OPTIONS && !line->no_options && word[0] == '-' && strchr(word, '=')) {
        line->option = find_option(word);
        line->cursor = strchr(word, '=') + 1;
        line->skipped = line->cursor - word;
    }
}

static void
read_line(struct line *line, char *const *words, size_t n)
{
    enum option_id pending = N_OPTIONS;

    memset(line, 0, sizeof *line);
    svec_init(&line->args.words);
    for (int i = 0; i < N_OPTIONS; i++) {
        svec_init(&line->args.values[i]);
    }
    for (size_t i = 0; i + 1 < n; i++) {
        take_word(line, words[i], &pending);
    }
    take_cursor(line, n ? words[n - 1] : "", pending);
    /* "help port add" is about the command that follows. */
    if (line->args.words.n && !strcmp(line->args.words.names[0], "help")) {
        svec_del(&line->args.words, "help");
    }
}

/* ---- candidates ---- */

/* Separated by spaces. */
static void
add_words(const char *words, struct svec *found)
{
    struct svec list = SVEC_EMPTY_INITIALIZER;

    svec_parse_words(&list, words ? words : "");
    svec_append(found, &list);
    svec_destroy(&list);
}

static void
add_interfaces(struct svec *found)
{
    DIR *dir = opendir("/sys/class/net");
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            svec_add(found, entry->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void
add_what(const struct line *line, enum completion what, struct svec *found)
{
    struct ctl ctl = { .args = &line->args };

    if (what == COMPLETE_FILES) {
        svec_add(found, ":files");
    } else if (what == COMPLETE_INTERFACES) {
        add_interfaces(found);
    } else if (what != COMPLETE_NOTHING && ctl_set_target(&ctl)) {
        ctl.timeout_ms = PATIENCE_MS;
        complete_live(&ctl, what, found);
        rpc_channel_close(ctl.channel);
    }
}

static void
add_options(const struct line *line, const struct command *command, struct svec *found)
{
    option_set accepted = OPT_COMMON | (command ? command->options : 0);

    for (int i = 0; i < N_OPTIONS; i++) {
        bool used = args_has(&line->args, i) && !option_table[i].repeat;

        if ((accepted & OPT_BIT(i)) && !used) {
            svec_add_nocopy(found, xasprintf("--%s", option_table[i].name));
        }
    }
}

/* What may follow the words that there are, of which none or one begins a command. */
static void
add_verbs(const struct svec *words, struct svec *found)
{
    for (size_t i = 0; i < n_commands; i++) {
        const char *path = commands[i].path;

        if (!words->n) {
            svec_add_nocopy(found, xmemdup0(path, strcspn(path, " ")));
        } else if (words->n == 1 && command_in_family(&commands[i], words->names[0])) {
            svec_add(found, strchr(path, ' ') + 1);
        }
    }
    if (!words->n) {
        svec_add(found, "help");
    }
}

/* The first argument, and those after it when they are of the same kind: "FILE...", but not
 * "NAME [PREFIX...]". */
static bool
takes_another(const struct command *command, size_t n)
{
    return command->args && (!n || (strstr(command->args, "...") && !strchr(command->args, ' ')));
}

static void
add_candidates(const struct line *line, struct svec *found)
{
    size_t used = 0;
    const struct command *command = command_find(&line->args.words, &used);

    if (line->option == OPT_OUTPUT && command && command->formats) {
        add_words(command->formats, found);
    } else if (line->option != N_OPTIONS) {
        add_words(option_table[line->option].words, found);
        add_what(line, option_table[line->option].completion, found);
    } else if (line->cursor[0] == '-' && !line->no_options) {
        add_options(line, command, found);
    } else if (!command) {
        add_verbs(&line->args.words, found);
    } else if (takes_another(command, line->args.words.n - used)) {
        add_words(command->words, found);
        add_what(line, command->completion, found);
    } else if (line->args.words.n == used) { /* it may be the first word of others, too */
        add_verbs(&line->args.words, found);
    }
}

/* A name that a shell would take apart is left out: what is printed goes into a command line. */
static bool
is_harmless(const char *text)
{
    return text[0] && !strpbrk(text, " \t\n\\'\"`$&|;<>()*?[]{}!#~");
}

int
complete(char *const *words, size_t n)
{
    struct svec found = SVEC_EMPTY_INITIALIZER;
    struct line line;

    for (size_t i = 0; i < n; i++) {
        char *error = utf8_validate(words[i], NULL);

        if (error) {
            free(error);
            return CTL_OK;
        }
    }
    if (!freopen("/dev/null", "w", stderr)) {
        return CTL_OK;
    }
    read_line(&line, words, n);
    add_candidates(&line, &found);
    svec_sort_unique(&found);
    for (size_t i = 0; i < found.n; i++) {
        const char *name = found.names[i];

        if (!strcmp(name, ":files") ||
            (is_harmless(name) && !strncmp(name, line.cursor, strlen(line.cursor)))) {
            printf("%.*s%s\n", name[0] == ':' ? 0 : (int) line.skipped, words[n ? n - 1 : 0], name);
        }
    }
    svec_destroy(&found);
    args_destroy(&line.args);
    return CTL_OK;
}
