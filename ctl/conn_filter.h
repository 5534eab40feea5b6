/* Which connections a command means: its options, or the exact tuple. */
#ifndef CTL_CONN_FILTER_H
#define CTL_CONN_FILTER_H 1

#include <stdbool.h>

#include "ctl/options.h"
#include "fusuma/v1/conn.pb-c.h"

/* False, said on standard error, when an option is wrong.  Strings are the options'. */
bool conn_filter_from_args(const struct args *, const char *command,
                           Fusuma__V1__ConnectionFilter *);
bool conn_filter_is_empty(const Fusuma__V1__ConnectionFilter *);

struct conn_tuple {
    uint32_t protocol;
    char *address[2]; /* without their ports */
    uint32_t port[2];
};
/* "tcp", "10.0.0.7:40000", "[fd00::9]:443"; protocols without ports have bare addresses.  False,
 * said on standard error, when they are wrong; otherwise the caller frees it. */
bool conn_tuple_from_words(const char *const words[3], struct conn_tuple *);
void conn_tuple_destroy(struct conn_tuple *);
/* 'reverse': opened by the second one.  Strings are the tuple's. */
void conn_filter_from_tuple(const struct conn_tuple *, bool reverse,
                            Fusuma__V1__ConnectionFilter *);

#endif
