/* Lists of sessions as text, a line "ID USER\n" for each: see struct drop_event. */
#ifndef TELEMETRY_SESSION_LINES_H
#define TELEMETRY_SESSION_LINES_H 1

#include <stdbool.h>

#include "telemetry/drop_event.h"

/* Whether 'text' has the line that 'line' begins with. */
bool session_lines_have(const char *text, const char *line);
/* Adds those of the lines that are not there yet, as far as there is room. */
void session_lines_add(char text[DROP_SESSIONS_SIZE], const char *lines);
void session_lines_remove(char text[DROP_SESSIONS_SIZE], const char *line);

#endif
