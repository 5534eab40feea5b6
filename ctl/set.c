#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/address_set.pb-c.h"
#include "unicode.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service =
    &fusuma__v1__address_set_service__descriptor;

/* ---- reading ---- */

static const char *
state_of(const Fusuma__V1__AddressSet *set)
{
    return !set->revision ? "missing" : set->stale ? "STALE" : "fresh";
}

static void
print_sets(const void *reply)
{
    const Fusuma__V1__ListAddressSetsResponse *list = reply;
    struct columns c;

    columns_init(&c, "SET >PREFIXES >AGE >STALE-AFTER STATE POLICY +>REVISION");
    for (size_t i = 0; i < list->n_sets; i++) {
        const Fusuma__V1__AddressSet *set = list->sets[i];

        columns_text(&c, set->name);
        columns_number(&c, set->prefix_count);
        if (set->revision) {
            columns_format(&c, "%" PRIu64 " s", set->age_s);
        } else {
            columns_text(&c, "");
        }
        if (set->stale_after_s) {
            columns_format(&c, "%" PRIu32 " s", set->stale_after_s);
        } else {
            columns_text(&c, "");
        }
        columns_text(&c, state_of(set));
        columns_text(&c, set->in_policy ? "yes" : "no");
        columns_number(&c, set->revision);
    }
    columns_print(&c);
}

int
set_list(struct ctl *ctl)
{
    Fusuma__V1__ListAddressSetsRequest request = FUSUMA__V1__LIST_ADDRESS_SETS_REQUEST__INIT;

    return client_show(ctl, service, "ListAddressSets", &request, print_sets);
}

static void
print_set(const void *reply)
{
    const Fusuma__V1__AddressSet *set = reply;

    output_field("Set:", "%s", set->name);
    output_field("Policy:", "%s", set->in_policy ? "names it" : "does not name it");
    if (set->stale_after_s) {
        output_field("State:", "%s (stale after %" PRIu32 " s)", state_of(set), set->stale_after_s);
    } else {
        output_field("State:", "%s", state_of(set));
    }
    if (set->revision) {
        output_field("Revision:", "%" PRIu64 ", confirmed %" PRIu64 " s ago", set->revision,
                     set->age_s);
    }
    output_field("Prefixes:", "%" PRIu32, set->prefix_count);
    for (size_t i = 0; i < set->n_prefixes; i++) {
        output_line("  %s", set->prefixes[i]);
    }
}

int
set_show(struct ctl *ctl)
{
    Fusuma__V1__GetAddressSetRequest request = FUSUMA__V1__GET_ADDRESS_SET_REQUEST__INIT;

    request.name = (char *) ctl->arg;
    return client_show(ctl, service, "GetAddressSet", &request, print_set);
}

/* ---- prefixes: words, and lines of a file ---- */

#define MAX_LINE 256

/* Where each prefix comes from, for messages. */
struct prefixes {
    struct svec texts;
    const char *file; /* of those after the first 'n_words'; NULL: there are no others */
    size_t n_words;
    unsigned *lines; /* of each that is from the file */
    size_t n_lines, allocated;
};

static void
prefixes_destroy(struct prefixes *p)
{
    svec_destroy(&p->texts);
    free(p->lines);
}

/* False, with the reason on standard error. */
static bool
take_line(struct prefixes *p, char *line, unsigned number)
{
    static const char blank[] = " \t\r\n";
    char *text, *save = NULL, *error;

    if (!strchr(line, '\n') && strlen(line) == MAX_LINE - 1) {
        ctl_error("%s:%u: the line is too long for a prefix", p->file, number);
        return false;
    }
    line[strcspn(line, "#")] = '\0';
    text = strtok_r(line, blank, &save);
    if (!text) {
        return true;
    }
    if (strtok_r(NULL, blank, &save)) {
        ctl_error("%s:%u: more than one prefix on the line", p->file, number);
        return false;
    }
    error = utf8_validate(text, NULL);
    if (error) {
        free(error);
        ctl_error("%s:%u: not UTF-8", p->file, number);
        return false;
    }
    if (p->n_lines == p->allocated) {
        p->lines = x2nrealloc(p->lines, &p->allocated, sizeof *p->lines);
    }
    p->lines[p->n_lines++] = number;
    svec_add(&p->texts, text);
    return true;
}

static bool
take_lines(struct prefixes *p, FILE *f)
{
    char line[MAX_LINE];
    unsigned number = 0;

    while (fgets(line, sizeof line, f)) {
        if (!take_line(p, line, ++number)) {
            return false;
        }
    }
    if (ferror(f)) {
        ctl_error("%s: %s", p->file, strerror(errno));
        return false;
    }
    return true;
}

static bool
take_file(struct prefixes *p, const char *name)
{
    bool is_stdin = !strcmp(name, "-");
    FILE *f = is_stdin ? stdin : fopen(name, "r");
    bool ok;

    p->file = is_stdin ? "<stdin>" : name;
    if (!f) {
        ctl_error("%s: %s", name, strerror(errno));
        return false;
    }
    ok = take_lines(p, f);
    if (!is_stdin) {
        fclose(f);
    }
    return ok;
}

/* The words after the set's name, and the file's lines. */
static bool
take_prefixes(const struct ctl *ctl, struct prefixes *p)
{
    const char *file = args_value(ctl->args, OPT_FILE);

    memset(p, 0, sizeof *p);
    svec_init(&p->texts);
    for (size_t i = 1; i < ctl->n_words; i++) {
        svec_add(&p->texts, ctl->words[i]);
    }
    p->n_words = p->texts.n;
    if (file && !take_file(p, file)) {
        prefixes_destroy(p);
        return false;
    }
    return true;
}

/* Of a prefix that is from the file, 'add[3]: what' as 'FILE:LINE: what'. */
static bool
complain_in_place(const struct prefixes *p, const char *field, const char *error)
{
    struct ds what = DS_EMPTY_INITIALIZER;
    size_t n = strlen(field), i;
    int end = 0;

    if (!error || strncmp(error, field, n) != 0 || sscanf(error + n, "[%zu]: %n", &i, &end) != 1 ||
        !end || i < p->n_words || i - p->n_words >= p->n_lines) {
        return false;
    }
    output_pad(&what, error + n + end, 0);
    fprintf(stderr, "%s:%u: %s\n", p->file, p->lines[i - p->n_words], ds_cstr(&what));
    ds_destroy(&what);
    return true;
}

/* ---- changing ---- */

static void
print_changed(const Fusuma__V1__AddressSetChanged *m, bool deleted)
{
    if (deleted) {
        output_line("%s: deleted", m->name);
        return;
    }
    output_line("%s: %" PRIu32 " prefix%s, %" PRIu32 " added, %" PRIu32
                " removed, generation %" PRIu64 "%s",
                m->name, m->prefix_count, m->prefix_count == 1 ? "" : "es", m->added, m->removed,
                m->generation, m->in_policy ? "" : "; the policy in force does not name it");
}

static int
change(struct ctl *ctl, const char *method, const void *request, const struct prefixes *p,
       const char *field)
{
    Fusuma__V1__AddressSetChanged *reply;
    char *error = NULL;
    enum rpc_status status = client_try(ctl, service, method, request, &reply, &error);

    if (status == RPC_INVALID_ARGUMENT && p && complain_in_place(p, field, error)) {
        free(error);
        return CTL_REFUSED;
    }
    if (status != RPC_OK) {
        return client_fail(ctl, status, error);
    }
    if (ctl->structured) {
        output_message(&reply->base);
    } else {
        print_changed(reply, !p);
    }
    client_free(reply);
    return CTL_OK;
}

int
set_put(struct ctl *ctl)
{
    Fusuma__V1__PutAddressSetRequest request = FUSUMA__V1__PUT_ADDRESS_SET_REQUEST__INIT;
    struct prefixes p;
    int code;

    if (!take_prefixes(ctl, &p)) {
        return CTL_USAGE;
    }
    request.name = (char *) ctl->arg;
    request.prefixes = p.texts.names;
    request.n_prefixes = p.texts.n;
    code = change(ctl, "PutAddressSet", &request, &p, "prefixes");
    prefixes_destroy(&p);
    return code;
}

int
set_add(struct ctl *ctl)
{
    Fusuma__V1__PatchAddressSetRequest request = FUSUMA__V1__PATCH_ADDRESS_SET_REQUEST__INIT;
    struct prefixes p;
    int code;

    if (!take_prefixes(ctl, &p)) {
        return CTL_USAGE;
    }
    request.name = (char *) ctl->arg;
    request.add = p.texts.names;
    request.n_add = p.texts.n;
    code = change(ctl, "PatchAddressSet", &request, &p, "add");
    prefixes_destroy(&p);
    return code;
}

int
set_remove(struct ctl *ctl)
{
    Fusuma__V1__PatchAddressSetRequest request = FUSUMA__V1__PATCH_ADDRESS_SET_REQUEST__INIT;
    struct prefixes p;
    int code;

    if (!take_prefixes(ctl, &p)) {
        return CTL_USAGE;
    }
    if (!p.texts.n && !p.file) {
        ctl_error("'set remove' needs prefixes, or --file");
        prefixes_destroy(&p);
        return CTL_USAGE;
    }
    request.name = (char *) ctl->arg;
    request.remove = p.texts.names;
    request.n_remove = p.texts.n;
    code = change(ctl, "PatchAddressSet", &request, &p, "remove");
    prefixes_destroy(&p);
    return code;
}

int
set_del(struct ctl *ctl)
{
    Fusuma__V1__DeleteAddressSetRequest request = FUSUMA__V1__DELETE_ADDRESS_SET_REQUEST__INIT;

    request.name = (char *) ctl->arg;
    return change(ctl, "DeleteAddressSet", &request, NULL, NULL);
}
