#include <config.h>

#include <stdlib.h>

#include "ctl/broker.h"

#define JSON_TYPE "application/json"

void
answer_json(struct http_answer *answer, unsigned status, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    http_answer_text(answer, status, JSON_TYPE, text);
}

void
answer_error(struct http_answer *answer, unsigned status, char *error)
{
    answer_json(answer, status, json_pack("{s:s}", "error", error && error[0] ? error : "?"));
    free(error);
}

const char *
json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}
