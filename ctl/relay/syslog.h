/* Events as syslog messages (RFC 5424).  Pure. */
#ifndef CTL_RELAY_SYSLOG_H
#define CTL_RELAY_SYSLOG_H 1

#include "ctl/relay/config.h"

/* What is the same in all messages of a sink. */
struct relay_syslog {
    unsigned facility;
    enum relay_format format;
    const char *hostname, *sd_id;
    int pid;
    size_t max_size; /* of a whole message, in bytes */
};

/*     <PRI>1 TIME HOST fusuma PID MSGID [meta sequenceId="N"][SD-ID id="..." ...] MSG
 *
 * MSGID is the event's kind, "drops".  'sequence' counts messages, so that a receiver sees which
 * ones UDP has lost.  A message that is too long loses fields of its JSON (relay_shrink()), or the
 * end of its text.  The caller's to free. */
char *relay_syslog_format(const struct relay_syslog *, const struct relay_event *,
                          uint32_t sequence);

/* RFC 5424, 6.3.3: appends 'value' with '"', '\' and ']' escaped. */
struct ds;
void relay_syslog_escape(struct ds *, const char *value);

/* An event's JSON in at most 'max' bytes: without the packet, then without lists, then only what
 * identifies it; "fusuma.truncated" says so.  The caller's to free. */
char *relay_shrink(const struct relay_event *, size_t max);

#endif
