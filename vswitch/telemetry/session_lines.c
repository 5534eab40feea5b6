#include <config.h>

#include "telemetry/session_lines.h"

#include <string.h>

/* With its end. */
static size_t
length(const char *line)
{
    size_t n = strcspn(line, "\n");

    return n + (line[n] == '\n');
}

static const char *
find(const char *text, const char *line)
{
    size_t n = length(line);

    while (*text && (length(text) != n || strncmp(text, line, n) != 0)) {
        text += length(text);
    }
    return *text ? text : NULL;
}

bool
session_lines_have(const char *text, const char *line)
{
    return find(text, line) != NULL;
}

void
session_lines_add(char text[DROP_SESSIONS_SIZE], const char *lines)
{
    size_t used = strlen(text);

    for (const char *line = lines; *line; line += length(line)) {
        size_t n = length(line);

        if (!find(text, line) && used + n < DROP_SESSIONS_SIZE) {
            memcpy(text + used, line, n);
            used += n;
            text[used] = '\0';
        }
    }
}

void
session_lines_remove(char text[DROP_SESSIONS_SIZE], const char *line)
{
    const char *found = find(text, line);

    if (found) {
        char *to = text + (found - text);

        memmove(to, to + length(to), strlen(to + length(to)) + 1);
    }
}
