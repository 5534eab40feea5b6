/* "Did you mean": the nearest of several words, when one is near enough. */
#ifndef CTL_SUGGEST_H
#define CTL_SUGGEST_H 1

#include <stddef.h>

struct suggestion {
    const char *typed;
    size_t length;
    const char *best; /* NULL: nothing is near */
    size_t best_length;
    size_t distance; /* of the best; before there is one, of the farthest that would do */
};

void suggest_init(struct suggestion *, const char *typed, size_t length);
/* 'candidate' must outlive the suggestion. */
void suggest_offer(struct suggestion *, const char *candidate, size_t length);

#endif
