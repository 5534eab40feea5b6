#include <config.h>

#include "report/seal.h"

#include <string.h>

#include "proto/audit_chain.h"
#include "report/report.h"
#include "util.h"

BUILD_ASSERT_DECL(REPORT_DIGEST_LEN == AUDIT_HASH_LEN);

void
seal(struct ds *s, const char *before, const char *after)
{
    char digest[AUDIT_HASH_LEN + 1];

    audit_chain_hash(ds_cstr(s), s->length, digest);
    ds_put_format(s, "%s%s%s\n", before, digest, after);
}

/* The digest's digits in the line, or NULL. */
static const char *
find_digits(const char *line)
{
    for (; *line; line++) {
        size_t n = strspn(line, "0123456789abcdef");

        if (n == REPORT_DIGEST_LEN) {
            return line;
        }
        line += n ? n - 1 : 0;
    }
    return NULL;
}

bool
report_digest(const char *text, char digest[REPORT_DIGEST_LEN + 1])
{
    size_t length = strlen(text);
    const char *line = text + length - (length && text[length - 1] == '\n'), *digits;
    char right[REPORT_DIGEST_LEN + 1];

    while (line > text && line[-1] != '\n') {
        line--;
    }
    digits = find_digits(line);
    if (!digits) {
        digest[0] = '\0';
        return false;
    }
    memcpy(digest, digits, REPORT_DIGEST_LEN);
    digest[REPORT_DIGEST_LEN] = '\0';
    audit_chain_hash(text, line - text, right);
    return !strcmp(digest, right);
}
