#include <config.h>

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/audit_log.pb-c.h"
#include "proto/audit_chain.h"
#include "proto/audit_head.h"
#include "util.h"

#define DEFAULT_FILE "/var/lib/fusuma/audit.log"
#define MAX_LINES 1000
#define HEADINGS ">SEQ TIME EVENT WHO RPC STATUS WHAT +HASH"

/* ---- list ---- */

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* What there is to say of a line beside who and which RPC. */
static void
put_what(struct columns *c, const json_t *o)
{
    const char *error = text_of(o, "error");
    const char *prev = text_of(o, "prev");

    if (error[0]) {
        columns_text(c, error);
    } else if (json_object_get(o, "of")) {
        columns_format(c, "of %" JSON_INTEGER_FORMAT ", generation %" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(o, "of")),
                       json_integer_value(json_object_get(o, "generation")));
    } else if (prev[0]) {
        columns_format(c, "after %s", prev);
    } else {
        columns_text(c, text_of(o, "summary"));
    }
}

static void
put_line(const char *line, size_t len, void *columns_)
{
    struct columns *c = columns_;
    json_t *o = json_loadb(line, len, 0, NULL);

    columns_format(c, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(o, "seq")));
    columns_text(c, text_of(o, "time"));
    columns_text(c, text_of(o, "event"));
    columns_text(c, text_of(o, "who"));
    columns_text(c, text_of(o, "rpc"));
    columns_text(c, text_of(o, "status"));
    put_what(c, o);
    columns_text(c, text_of(o, "hash"));
    json_decref(o);
}

static void
print_raw(const char *line, size_t len, void *aux OVS_UNUSED)
{
    json_t *o;

    if (output_format() == OUTPUT_JSON) {
        /* ASCII without control characters: the switch has escaped the rest. */
        output_line("%.*s", (int) len, line);
        return;
    }
    o = json_loadb(line, len, 0, NULL);
    output_value_line(o);
    json_decref(o);
}

static void
print_lines(const void *reply)
{
    const Fusuma__V1__ListAuditLogResponse *list = reply;
    struct columns c;

    columns_init(&c, HEADINGS);
    for (size_t i = 0; i < list->n_lines; i++) {
        put_line(list->lines[i], strlen(list->lines[i]), &c);
    }
    columns_print(&c);
}

/* Reads 'path', and says what is wrong with it unless that is for the caller.  An exit code. */
static int
scan(const char *path, uint64_t look_for, struct audit_scan *scan,
     void (*each)(const char *line, size_t len, void *aux), void *aux)
{
    FILE *file = fopen(path, "re");
    int error;

    memset(scan, 0, sizeof *scan);
    if (!file) {
        ctl_error("%s: %s", path, ovs_strerror(errno));
        return CTL_USAGE;
    }
    error = audit_chain_scan(file, look_for, scan, each, aux);
    fclose(file);
    if (error) {
        ctl_error("%s: %s", path, ovs_strerror(error));
        return CTL_USAGE;
    }
    return CTL_OK;
}

static int
list_file(struct ctl *ctl)
{
    struct audit_scan result;
    struct columns c;
    int code;

    columns_init(&c, HEADINGS);
    code = scan(ctl->arg, 0, &result, ctl->structured ? print_raw : put_line, &c);
    if (!ctl->structured) {
        columns_print(&c);
    }
    if (!code && result.bad_line) {
        ctl_error("%s: line %" PRIu64 ": %s; what follows is not shown", ctl->arg, result.bad_line,
                  result.why);
        code = CTL_REFUSED;
    }
    audit_scan_destroy(&result);
    return code;
}

int
audit_log_list(struct ctl *ctl)
{
    Fusuma__V1__ListAuditLogRequest request = FUSUMA__V1__LIST_AUDIT_LOG_REQUEST__INIT;
    Fusuma__V1__ListAuditLogResponse *reply;
    int code;

    if (!args_number(ctl->args, OPT_LIMIT, 1, MAX_LINES, &request.limit)) {
        return CTL_USAGE;
    }
    if (ctl->arg) {
        return list_file(ctl);
    }
    code = client_call(ctl, &fusuma__v1__audit_log_service__descriptor, "ListAuditLog", &request,
                       &reply);
    if (code) {
        return code;
    }
    if (ctl->structured) {
        for (size_t i = 0; i < reply->n_lines; i++) {
            print_raw(reply->lines[i], strlen(reply->lines[i]), NULL);
        }
    } else {
        print_lines(reply);
    }
    client_free(reply);
    return CTL_OK;
}

/* ---- verify ---- */

static void
print_scan(const struct ctl *ctl, const char *path, const struct audit_scan *s, const char *wrong)
{
    if (ctl->structured) {
        json_t *o = json_pack("{s:s, s:b, s:I, s:I, s:s, s:I, s:I}", "file", path, "whole", !wrong,
                              "first_seq", (json_int_t) s->first_seq, "seq", (json_int_t) s->seq,
                              "hash", s->hash, "torn", (json_int_t) s->n_torn, "without_result",
                              (json_int_t) s->n_open);

        if (wrong) {
            json_object_set_new(o, "why", json_string(wrong));
        }
        output_value_line(o);
        json_decref(o);
        return;
    }
    if (wrong) {
        output_line("%s: BROKEN: %s", path, wrong);
    } else {
        output_line("%s: whole, %" PRIu64 " to %" PRIu64 ", last hash %s", path, s->first_seq,
                    s->seq, s->hash);
    }
    if (s->n_torn) {
        output_line("  %" PRIu64 " lines were not written to their end, and the log says so",
                    s->n_torn);
    }
    if (s->n_open) {
        output_line("  %" PRIu64
                    " changes have no result in this file: the switch ended meanwhile, "
                    "or it is in the next one",
                    s->n_open);
    }
}

/* Of the log that 'path' is a file of; seq 0: it has none, or none that can be read. */
static void
read_head(const char *path, struct audit_head *head)
{
    const char *slash = strrchr(path, '/');
    char *file = xasprintf("%.*s" AUDIT_HEAD_NAME, slash ? (int) (slash + 1 - path) : 0, path);
    int error = audit_head_read(file, head);

    if (error) {
        memset(head, 0, sizeof *head);
    }
    if (error && error != ENOENT) {
        ctl_error("%s: %s; it cannot be said whether the log's end is cut off", file,
                  error == EINVAL ? "it is damaged" : ovs_strerror(error));
    }
    free(file);
}

/* The caller frees it; NULL: all is well.  'before' is the file before this one, if there is one.
 */
static char *
what_is_wrong(const struct audit_scan *s, const struct audit_scan *before)
{
    if (s->bad_line) {
        return xasprintf("line %" PRIu64 ": %s", s->bad_line, s->why);
    } else if (!s->n_lines) {
        return xstrdup("it has no line");
    } else if (s->torn) {
        return xasprintf("after line %" PRIu64 " there are %zu bytes that are no whole line; the "
                         "switch says so at its next start",
                         s->n_lines, s->torn_len);
    } else if (before && (strcmp(s->prev, before->hash) || s->first_seq != before->seq + 1)) {
        return xasprintf("it does not go on from the file before it, which ends at %" PRIu64,
                         before->seq);
    }
    return NULL;
}

static int
verify(const struct ctl *ctl, const char *const *paths, size_t n)
{
    struct audit_scan before, s;
    struct audit_head head;
    int worst = CTL_OK;

    read_head(paths[n - 1], &head); /* before the log, which goes on meanwhile */

    memset(&before, 0, sizeof before);
    for (size_t i = 0; i < n; i++) {
        int code = scan(paths[i], head.seq, &s, NULL, NULL);
        char *wrong = code ? NULL : what_is_wrong(&s, i ? &before : NULL);
        char why[sizeof s.why];

        if (!code && !wrong && i == n - 1 && head.seq && !audit_head_fits(&head, &s, why)) {
            wrong = xstrdup(why);
        }

        if (!code) {
            print_scan(ctl, paths[i], &s, wrong);
        }
        worst = MAX(worst, wrong ? CTL_REFUSED : code);
        free(wrong);
        audit_scan_destroy(&s);
        before = s;
    }
    return worst;
}

/* Every file of the log whose present one is 'path', oldest first. */
static int
verify_all(const struct ctl *ctl, const char *path)
{
    char *pattern = xasprintf("%s.[0-9]*", path);
    struct svec paths = SVEC_EMPTY_INITIALIZER;
    glob_t found;
    int code;

    if (!glob(pattern, 0, NULL, &found)) { /* sorted; the numbers have leading zeros */
        for (size_t i = 0; i < found.gl_pathc; i++) {
            svec_add(&paths, found.gl_pathv[i]);
        }
        globfree(&found);
    }
    svec_add(&paths, path);
    code = verify(ctl, (const char *const *) paths.names, paths.n);
    svec_destroy(&paths);
    free(pattern);
    return code;
}

int
audit_log_verify(struct ctl *ctl)
{
    return ctl->arg ? verify(ctl, ctl->words, ctl->n_words) : verify_all(ctl, DEFAULT_FILE);
}
