#include <config.h>

#include "proto/audit_head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "SEQ HASH\n", of one length, so that it is written over in place. */
#define SEQ_DIGITS 20
#define SIZE (SEQ_DIGITS + 1 + AUDIT_HASH_LEN + 1)

int
audit_head_read(const char *path, struct audit_head *head)
{
    char text[SIZE + 1], *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    memset(head, 0, sizeof *head);
    if (fd < 0) {
        return errno;
    }
    n = read(fd, text, SIZE);
    close(fd);
    if (n != SIZE) { /* it is made before it is first written to */
        return n < 0 ? errno : n ? EINVAL : ENOENT;
    }
    text[SIZE] = '\0';
    errno = 0;
    head->seq = strtoull(text, &end, 10);
    if (errno || end != text + SEQ_DIGITS || *end != ' ' ||
        strspn(end + 1, "0123456789abcdef") != AUDIT_HASH_LEN || text[SIZE - 1] != '\n') {
        return EINVAL;
    }
    memcpy(head->hash, end + 1, AUDIT_HASH_LEN);
    return 0;
}

int
audit_head_write(int fd, const struct audit_head *head)
{
    char text[SIZE + 1];
    ssize_t n;

    snprintf(text, sizeof text, "%0*" PRIu64 " %s\n", SEQ_DIGITS, head->seq, head->hash);
    n = pwrite(fd, text, SIZE, 0);
    return n == SIZE ? 0 : n < 0 ? errno : EIO;
}

bool
audit_head_fits(const struct audit_head *head, const struct audit_scan *scan, char why[128])
{
    const char *hash = scan->found[0]                                      ? scan->found
                       : scan->n_lines && head->seq + 1 == scan->first_seq ? scan->prev
                                                                           : NULL;

    if (!head->seq) {
        return true;
    }
    if (head->seq > scan->seq) {
        snprintf(why, 128,
                 "its end is cut off: lines up to %" PRIu64
                 " were written, and it ends at %" PRIu64,
                 head->seq, scan->seq);
        return false;
    }
    if (hash && strcmp(hash, head->hash)) {
        snprintf(why, 128, "line %" PRIu64 " is not the one that the switch has written",
                 head->seq);
        return false;
    }
    return true; /* or its line is in an older file */
}
