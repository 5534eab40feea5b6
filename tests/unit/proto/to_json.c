/* Fusuma's JSON of messages of fusuma.test.Types, for test_json.py: "LENGTH\n" and the bytes come
 * in, a line of JSON goes out, until the input ends. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "proto/json.h"
#include "types.pb-c.h"

static int
convert(const uint8_t *bytes, size_t length)
{
    Fusuma__Test__Types *message = fusuma__test__types__unpack(NULL, length, bytes);
    json_t *json;
    int error;

    if (!message) {
        fputs("these bytes are not a message\n", stderr);
        return 1;
    }
    json = proto_to_json(&message->base);
    error = json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
    fusuma__test__types__free_unpacked(message, NULL);
    return error ? 1 : 0;
}

int
main(void)
{
    size_t length;
    int error = 0;

    while (!error && scanf("%zu", &length) == 1 && getchar() == '\n') {
        uint8_t *bytes = malloc(length + 1);
        if (!bytes || fread(bytes, 1, length, stdin) != length) {
            error = 1;
        } else {
            error = convert(bytes, length);
        }
        free(bytes);
    }
    return error;
}
