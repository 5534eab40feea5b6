#include <config.h>

#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "report/page.h"
#include "report/seal.h"
#include "util.h"

bool
report_language_from_name(const char *name, enum report_language *language)
{
    bool japanese = !strcmp(name, "ja");

    *language = japanese ? REPORT_JAPANESE : REPORT_ENGLISH;
    return japanese || !name[0] || !strcmp(name, "en");
}

static char *
write_page(const Fusuma__V1__IncidentReport *report, enum report_language language,
           const struct page_writer *writer)
{
    struct facts facts;
    struct page page = { .s = DS_EMPTY_INITIALIZER, .writer = writer, .facts = &facts };

    facts_init(&facts, report, language);
    document_write(&page);
    facts_destroy(&facts);
    return ds_steal_cstr(&page.s);
}

char *
report_html(const Fusuma__V1__IncidentReport *report, enum report_language language)
{
    return write_page(report, language, &html_writer);
}

char *
report_markdown(const Fusuma__V1__IncidentReport *report, enum report_language language)
{
    return write_page(report, language, &markdown_writer);
}

char *
report_json(const Fusuma__V1__IncidentReport *report)
{
    json_t *json = proto_to_json(&report->base);
    char *body = json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "{\"report\": %s,\n", body ? body : "{}");
    seal(&s, "\"sha256\": \"", "\"}");
    free(body);
    json_decref(json);
    return ds_steal_cstr(&s);
}

Fusuma__V1__GetIncidentReportResponse *
report_answer(const Fusuma__V1__IncidentReport *report,
              const Fusuma__V1__GetIncidentReportRequest *request, char **error)
{
    Fusuma__V1__GetIncidentReportResponse *answer;
    const char *media_type;
    enum report_language language;
    char digest[REPORT_DIGEST_LEN + 1];
    char *text;

    if (!report_language_from_name(request->language, &language)) {
        *error = xasprintf("language: '%s' is neither en nor ja", request->language);
        return NULL;
    }
    switch (request->format) {
    case FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_HTML:
        text = report_html(report, language);
        media_type = "text/html; charset=utf-8";
        break;
    case FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_MARKDOWN:
        text = report_markdown(report, language);
        media_type = "text/markdown; charset=utf-8";
        break;
    case FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_JSON:
        text = report_json(report);
        media_type = "application/json";
        break;
    default:
        *error = xstrdup("format: neither HTML, MARKDOWN nor JSON");
        return NULL;
    }
    report_digest(text, digest);
    answer = xmalloc(sizeof *answer);
    fusuma__v1__get_incident_report_response__init(answer);
    answer->text = text;
    answer->sha256 = xstrdup(digest);
    answer->media_type = xstrdup(media_type);
    return answer;
}
