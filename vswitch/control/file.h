/* Small files, whole. */
#ifndef CONTROL_FILE_H
#define CONTROL_FILE_H 1

#include <stddef.h>

#define FILE_READ_MAX (4u << 20)

/* Reads all of 'path'; '*textp' (the caller frees it) also ends in a NUL.  0 or a positive errno;
 * EFBIG over FILE_READ_MAX. */
int file_read(const char *path, char **textp, size_t *sizep);

#endif
