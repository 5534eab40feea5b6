/* JSON values as YAML that every parser, of YAML 1.1 or 1.2, reads as the same object. */
#ifndef CTL_YAML_H
#define CTL_YAML_H 1

#include <jansson.h>
#include <stdio.h>

/* Block style, two blanks a level, ends with a newline.  Strings are plain only where nobody could
 * take them for something else.  The value's strings are UTF-8; nothing that is printed moves a
 * terminal's cursor or turns text around. */
void yaml_dump(const json_t *, FILE *);

#endif
