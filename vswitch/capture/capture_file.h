/* The files of captures in their directory: ID.pcapng with the packets, ID.json with what is known
 * of the capture, 'last-id' with the highest id that was given.  All are for the switch's user
 * only. Errors are positive errnos.  One thread at a time. */
#ifndef CAPTURE_CAPTURE_FILE_H
#define CAPTURE_CAPTURE_FILE_H 1

#include <stddef.h>

#include "capture/capture_info.h"

/* Makes the directory, if it is not there. */
int capture_dir_open(const char *dir);
/* Calls 'take' for each capture that the directory has, in no order; what cannot be read is logged
 * and left alone. */
void capture_dir_load(const char *dir, void (*take)(const struct capture_info *, void *aux),
                      void *aux);
/* The highest id that was given; 0: none was, or nobody knows. */
uint64_t capture_dir_last_id(const char *dir);
int capture_dir_put_last_id(const char *dir, uint64_t id);

/* Puts what is known of a capture in the place of what was. */
int capture_file_describe(const char *dir, const struct capture_info *);
/* The new, empty file of the packets: '*fd' is the caller's. */
int capture_file_create(const char *dir, uint64_t id, int *fd);
/* To read it; negative: errno says why not. */
int capture_file_open(const char *dir, uint64_t id);
/* Writes all of it, or as if nothing had been: the file ends at 'at' again. */
int capture_file_append(int fd, uint64_t at, const void *data, size_t n);
/* Puts right what was being written when the switch was killed: cuts off what is not whole, ends
 * the file, and sets 'packets', 'bytes' and, by when it was last written, 'ended_us'. */
int capture_file_mend(const char *dir, struct capture_info *);
/* Deletes its packets; and all that is known of it. */
int capture_file_remove_packets(const char *dir, uint64_t id);
int capture_file_remove(const char *dir, uint64_t id);

#endif
