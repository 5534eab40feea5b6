/* The files of a policy: read here, judged by the switch. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/policy.h"
#include "unicode.h"
#include "util.h"

/* Room for what the request has beside its texts. */
#define MAX_TEXT (RPC_MAX_REQUEST - 65536)

/* Reads 'f' to its end.  The text is the caller's to free; NULL, said on standard error, when it
 * cannot be read or cannot be sent. */
static char *
read_text(FILE *f, const char *name)
{
    char *text = xmalloc(MAX_TEXT + 2);
    size_t length = fread(text, 1, MAX_TEXT + 1, f);
    char *error;

    text[length] = '\0';
    if (ferror(f)) {
        ctl_error("%s: %s", name, strerror(errno));
    } else if (length > MAX_TEXT) {
        ctl_error("%s: longer than the %d bytes that a policy may have", name, MAX_TEXT);
    } else if (strlen(text) < length) {
        ctl_error("%s: not a text, byte %zu is 0", name, strlen(text) + 1);
    } else if ((error = utf8_validate(text, NULL))) {
        ctl_error("%s: not UTF-8", name);
        free(error);
    } else {
        return text;
    }
    free(text);
    return NULL;
}

static char *
read_policy(const char *name)
{
    FILE *f;
    char *text;

    if (!strcmp(name, "-")) {
        return read_text(stdin, "<stdin>");
    }
    f = fopen(name, "r");
    if (!f) {
        ctl_error("%s: %s", name, strerror(errno));
        return NULL;
    }
    text = read_text(f, name);
    fclose(f);
    return text;
}

void
policy_sources_destroy(Fusuma__V1__PolicySource **sources, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(sources[i]->yaml);
        free(sources[i]);
    }
    free(sources);
}

bool
policy_read_sources(const struct ctl *ctl, Fusuma__V1__PolicySource ***sourcesp, size_t *n)
{
    Fusuma__V1__PolicySource **sources = xcalloc(ctl->n_words, sizeof *sources);
    size_t length = 0;

    *sourcesp = sources;
    *n = 0;
    for (size_t i = 0; i < ctl->n_words; i++) {
        Fusuma__V1__PolicySource *s = xmalloc(sizeof *s);

        fusuma__v1__policy_source__init(s);
        s->name = (char *) (strcmp(ctl->words[i], "-") ? ctl->words[i] : "<stdin>");
        s->yaml = read_policy(ctl->words[i]);
        if (!s->yaml) {
            free(s);
            return false;
        }
        sources[(*n)++] = s;
        length += strlen(s->yaml);
    }
    if (length > MAX_TEXT) {
        ctl_error("the files together are longer than the %d bytes that a policy may have",
                  MAX_TEXT);
        return false;
    }
    return true;
}

int
policy_fail(const struct ctl *ctl, enum rpc_status status, char *error)
{
    for (size_t i = 0; status == RPC_INVALID_ARGUMENT && error && i < ctl->n_words; i++) {
        const char *name = strcmp(ctl->words[i], "-") ? ctl->words[i] : "<stdin>";
        size_t n = strlen(name);

        if (!strncmp(error, name, n) && error[n] == ':') {
            return client_fail_at(error);
        }
    }
    return client_fail(ctl, status, error);
}
