#include <config.h>

#include "acl/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool
reserve(struct acl_text *text, size_t more)
{
    size_t allocated = text->allocated ? text->allocated : 64;
    char *s;

    while (allocated - text->n <= more) {
        allocated *= 2;
    }
    if (allocated == text->allocated) {
        return true;
    }
    s = realloc(text->s, allocated);
    if (s) {
        text->s = s;
        text->allocated = allocated;
    }
    return s != NULL;
}

void
acl_text_add(struct acl_text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (text->failed || n < 0 || !reserve(text, (size_t) n)) {
        text->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(text->s + text->n, text->allocated - text->n, format, args);
    va_end(args);
    text->n += (size_t) n;
}

char *
acl_text_take(struct acl_text *text)
{
    char *s;

    acl_text_add(text, "%s", ""); /* there is one, be it empty */
    s = text->failed ? NULL : text->s;
    if (!s) {
        free(text->s);
    }
    *text = (struct acl_text){ .n = 0 };
    return s;
}
