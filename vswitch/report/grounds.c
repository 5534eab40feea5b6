/* What the switch says by itself. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/facts.h"
#include "report/text.h"
#include "util.h"

static char *
within_text(uint32_t seconds, enum report_language language)
{
    char *number = number_text(seconds % 60     ? seconds
                               : seconds % 3600 ? seconds / 60
                                                : seconds / 3600);
    char *text = phrase(language,
                        seconds % 60     ? W_WITHIN_SECONDS
                        : seconds % 3600 ? W_WITHIN_MINUTES
                                         : W_WITHIN_HOURS,
                        number);

    free(number);
    return text;
}

char *
report_grounds(const Fusuma__V1__IncidentGrounds *g, enum report_language language)
{
    bool known = g &&
                 g->kind > FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_UNSPECIFIED &&
                 g->kind <= FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_RELEASED;
    char *count, *networks, *within, *text;
    enum word w;

    if (!known) {
        return xstrdup("");
    }
    w = W_SAID_OTHER + (int) g->kind;
    w = w == W_SAID_SERVICE && g->at_least ? W_SAID_SERVICE_AT_LEAST : w;
    count = number_text(g->count);
    networks = number_text(g->networks);
    within = within_text(g->within_seconds, language);
    text = phrase(language, w, count, within, networks);
    free(count);
    free(networks);
    free(within);
    return text;
}

char *
report_cut_off(uint64_t incident, const char *grounds, enum report_language language)
{
    char *id = xasprintf("%" PRIu64, incident);
    char *text = phrase(language, W_SAID_FOR, id, grounds);

    free(id);
    return text;
}

/* In the report's language where 'because' is known; else as it was written. */
static char *
said(const struct facts *f, const Fusuma__V1__IncidentGrounds *because, const char *text)
{
    char *own = report_grounds(because, f->language);

    if (!own[0]) {
        free(own);
        own = xstrdup(text);
    }
    return own;
}

char *
say_grounds(const struct facts *f)
{
    char *grounds = said(f, f->incident->because, f->incident->grounds);
    char *text = grounds[0] ? phrase(f->language, W_GROUNDS, grounds) : xstrdup("");

    free(grounds);
    return text;
}

char *
say_action(const struct facts *f, const Fusuma__V1__IncidentAction *a)
{
    char *grounds = said(f, a->because, a->text), *text = grounds;

    if (a->because &&
        a->kind == FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_QUARANTINED) {
        text = report_cut_off(f->incident->id, grounds, f->language);
        free(grounds);
    }
    return text;
}

char *
say_comment(const struct facts *f, const char *comment)
{
    for (size_t i = f->incident->n_actions; i-- > 0;) {
        if (!strcmp(f->incident->actions[i]->text, comment)) {
            return say_action(f, f->incident->actions[i]);
        }
    }
    return xstrdup(comment);
}
