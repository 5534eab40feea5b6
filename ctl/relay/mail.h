/* Mails as texts.  Pure. */
#ifndef CTL_RELAY_MAIL_H
#define CTL_RELAY_MAIL_H 1

#include "ctl/relay/config.h"

/* RFC 2047 words where 'text' is not printable ASCII; no line is longer than 76 characters, and the
 * folds begin with a space.  The caller's to free. */
char *relay_mail_encode(const char *text);

/* One mail about all of them, for "sendmail -t".  The caller's to free. */
char *relay_mail_format(const struct relay_sink_config *, const char *switch_name,
                        struct relay_event *const *, size_t n, int64_t now_ns);

#endif
