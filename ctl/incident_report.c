/* Incidents for people and programs that have no swctl: reports, and keys for other products' logs.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/incident.h"
#include "ctl/output.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "util.h"

/* ---- report ---- */

/* Nobody but its owner reads it: it has names of people. */
static bool
save(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    struct stat st;
    bool ok = file && !fstat(fd, &st) && (!S_ISREG(st.st_mode) || !fchmod(fd, 0600)) &&
              fputs(text, file) >= 0;

    if (file) {
        ok = !fclose(file) && ok;
    } else if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        ctl_error("%s: %s", name, ovs_strerror(errno));
    }
    return ok;
}

static Fusuma__V1__ReportFormat
report_format(void)
{
    switch (output_format()) {
    case OUTPUT_MARKDOWN:
        return FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_MARKDOWN;
    case OUTPUT_JSON:
        return FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_JSON;
    default:
        return FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_HTML;
    }
}

int
incident_report(struct ctl *ctl)
{
    Fusuma__V1__GetIncidentReportRequest request = FUSUMA__V1__GET_INCIDENT_REPORT_REQUEST__INIT;
    const char *language = args_value(ctl->args, OPT_LANG), *file = args_value(ctl->args, OPT_SAVE);
    Fusuma__V1__GetIncidentReportResponse *reply;
    int code;

    request.id = incident_id(ctl->arg);
    request.format = report_format();
    request.language = CONST_CAST(char *, language ? language : "en");
    if (!request.id) {
        return CTL_USAGE;
    } else if (strcmp(request.language, "en") != 0 && strcmp(request.language, "ja") != 0) {
        ctl_error("--lang: '%s' is neither en nor ja", request.language);
        return CTL_USAGE;
    }
    code = client_call(ctl, incident_service, "GetIncidentReport", &request, &reply);
    if (code != CTL_OK) {
        return code;
    }
    if (!file) {
        fputs(reply->text, stdout); /* byte for byte: it has its own digest */
    } else if (!save(file, reply->text)) {
        code = CTL_REFUSED;
    } else {
        output_line("%s  %s", reply->sha256, file);
    }
    client_free(reply);
    return code;
}

/* ---- pivot ---- */

static const char *const headings[] = {
    "incident",  "suspect_port", "suspect_vm", "suspect_mac", "suspect_addresses",
    "users",     "from",         "to",         "peer",        "peer_port",
    "peer_user", "service",      "verdict",    "first_seen",  "last_seen",
};

/* A cell by RFC 4180.  Spreadsheets take some cells for formulas: an apostrophe before them makes
 * them text. */
static void
put_cell(struct ds *row, const char *text)
{
    struct ds clean = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&clean, text[0] && strchr("=+-@", text[0]) ? "'" : "");
    if (text[0]) {
        output_pad(&clean, text, 0);
    }
    ds_put_cstr(row, row->length ? "," : "");
    if (!strpbrk(ds_cstr(&clean), ",\"")) {
        ds_put_cstr(row, ds_cstr(&clean));
    } else {
        ds_put_char(row, '"');
        for (const char *p = ds_cstr(&clean); *p; p++) {
            ds_put_cstr(row, *p == '"' ? "\"" : "");
            ds_put_char(row, *p);
        }
        ds_put_char(row, '"');
    }
    ds_destroy(&clean);
}

/* RFC 3339, UTC, to the millisecond. */
static void
put_moment(struct ds *row, const Google__Protobuf__Timestamp *t)
{
    time_t seconds = t ? (time_t) t->seconds : 0;
    char text[64] = "";
    struct tm tm;
    size_t n;

    if (t && gmtime_r(&seconds, &tm)) {
        n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text + n, sizeof text - n, ".%03dZ", abs(t->nanos / 1000000) % 1000);
    }
    put_cell(row, text);
}

/* Several in one cell. */
static void
put_list(struct ds *row, char *const *words, size_t n)
{
    struct ds list = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&list, "");
    for (size_t i = 0; i < n; i++) {
        ds_put_format(&list, "%s%s", i ? " " : "", words[i]);
    }
    put_cell(row, ds_cstr(&list));
    ds_destroy(&list);
}

static void
end_row(struct ds *row)
{
    printf("%s\r\n", ds_cstr(row));
    ds_clear(row);
}

/* The suspect stands in every row, so that each is whole by itself. */
static void
put_peer(struct ds *row, const Fusuma__V1__PivotIncidentResponse *keys,
         const Fusuma__V1__PivotPeer *peer)
{
    ds_put_format(row, "%" PRIu64, keys->id);
    put_cell(row, keys->port);
    put_cell(row, keys->vm_id);
    put_cell(row, keys->mac);
    put_list(row, keys->addresses, keys->n_addresses);
    put_list(row, keys->users, keys->n_users);
    put_moment(row, keys->from);
    put_moment(row, keys->to);
    put_cell(row, peer->address);
    put_cell(row, peer->port);
    put_cell(row, peer->user);
    put_cell(row, peer->service);
    put_cell(row, peer->verdict);
    put_moment(row, peer->first_seen);
    put_moment(row, peer->last_seen);
    end_row(row);
}

static void
print_csv(const void *reply)
{
    const Fusuma__V1__PivotIncidentResponse *keys = reply;
    Fusuma__V1__PivotPeer nobody = FUSUMA__V1__PIVOT_PEER__INIT;
    struct ds row = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < ARRAY_SIZE(headings); i++) {
        put_cell(&row, headings[i]);
    }
    end_row(&row);
    for (size_t i = 0; i < keys->n_peers; i++) {
        put_peer(&row, keys, keys->peers[i]);
    }
    if (!keys->n_peers) {
        put_peer(&row, keys, &nobody);
    }
    ds_destroy(&row);
}

int
incident_pivot(struct ctl *ctl)
{
    Fusuma__V1__PivotIncidentRequest request = FUSUMA__V1__PIVOT_INCIDENT_REQUEST__INIT;

    request.id = incident_id(ctl->arg);
    return request.id ? client_show(ctl, incident_service, "PivotIncident", &request, print_csv)
                      : CTL_USAGE;
}
