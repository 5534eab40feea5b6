/* Texts that are put together piece by piece.  Pure; one owner. */
#ifndef ACL_TEXT_H
#define ACL_TEXT_H 1

#include <stdbool.h>
#include <stddef.h>

/* Begins as { 0 }. */
struct acl_text {
    char *s;
    size_t n, allocated;
    bool failed; /* memory was short: nothing is added any more */
};

void acl_text_add(struct acl_text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text, which the caller frees; NULL when memory was short.  The builder is empty again. */
char *acl_text_take(struct acl_text *);

#endif
