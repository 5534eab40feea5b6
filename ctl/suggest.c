#include <config.h>

#include "ctl/suggest.h"
#include "util.h"

#define LONGEST 32 /* words as long as this are nobody's slip */

/* Edit distance, with one row of the matrix at a time. */
static size_t
edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[LONGEST + 1];

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t best = MIN(above, row[j - 1]) + 1;

            row[j] = MIN(best, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

void
suggest_init(struct suggestion *s, const char *typed, size_t length)
{
    /* Two slips (letters changed places count as two), but never most of a word. */
    *s = (struct suggestion){ .typed = typed, .length = length };
    s->distance = length < 3 ? 1 : 1 + MIN(length / 3, 2);
}

void
suggest_offer(struct suggestion *s, const char *candidate, size_t length)
{
    size_t distance;

    if (s->length > LONGEST || length > LONGEST) {
        return;
    }
    distance = edit_distance(s->typed, s->length, candidate, length);
    if (s->best ? distance < s->distance : distance <= s->distance) {
        s->best = candidate;
        s->best_length = length;
        s->distance = distance;
    }
}
