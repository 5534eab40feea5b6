/* For test_report.py: an IncidentReport's bytes come in, a report goes out.
 *
 *     render html|markdown|json|pivot [LANGUAGE] */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "report/report.h"

static Fusuma__V1__IncidentReport *
read_report(void)
{
    size_t size = 1 << 24;
    uint8_t *bytes = malloc(size);
    size_t n = bytes ? fread(bytes, 1, size, stdin) : 0;
    Fusuma__V1__IncidentReport *report = fusuma__v1__incident_report__unpack(NULL, n, bytes);

    free(bytes);
    return report;
}

static char *
pivot(const Fusuma__V1__IncidentReport *report)
{
    Fusuma__V1__PivotIncidentResponse *keys = report_pivot(report);
    json_t *json = proto_to_json(&keys->base);
    char *text = json_dumps(json, 0);

    json_decref(json);
    fusuma__v1__pivot_incident_response__free_unpacked(keys, NULL);
    return text;
}

/* NULL: no such format or language. */
static char *
render(const Fusuma__V1__IncidentReport *report, const char *format, const char *name)
{
    enum report_language language;

    if (!report_language_from_name(name, &language)) {
        return NULL;
    } else if (!strcmp(format, "html")) {
        return report_html(report, language);
    } else if (!strcmp(format, "markdown")) {
        return report_markdown(report, language);
    } else if (!strcmp(format, "json")) {
        return report_json(report);
    }
    return pivot(report);
}

int
main(int argc, char *argv[])
{
    Fusuma__V1__IncidentReport *report = read_report();
    char *text = report && argc > 1 ? render(report, argv[1], argc > 2 ? argv[2] : "") : NULL;

    if (text) {
        fputs(text, stdout);
    }
    free(text);
    if (report) {
        fusuma__v1__incident_report__free_unpacked(report, NULL);
    }
    return text ? 0 : 1;
}
