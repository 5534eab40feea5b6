#include <config.h>

#include "control/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

int
file_read(const char *path, char **textp, size_t *sizep)
{
    FILE *stream = fopen(path, "re");
    char *text = NULL;
    size_t size = 0, allocated = 2048;
    int error = 0;

    *textp = NULL;
    *sizep = 0;
    if (!stream) {
        return errno;
    }
    for (;;) {
        allocated *= 2;
        text = xrealloc(text, allocated + 1);
        size += fread(text + size, 1, allocated - size, stream);
        if (ferror(stream) || size > FILE_READ_MAX) {
            error = ferror(stream) ? errno : EFBIG;
            break;
        }
        if (feof(stream)) {
            break;
        }
    }
    fclose(stream);
    if (error) {
        free(text);
        return error;
    }
    text[size] = '\0';
    *textp = text;
    *sizep = size;
    return 0;
}
