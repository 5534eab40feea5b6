/* What became of a captured packet, in words. */
#ifndef CAPTURE_DESCRIBE_H
#define CAPTURE_DESCRIBE_H 1

#include "openvswitch/dynamic-string.h"
#include "telemetry/capture_ring.h"

/* Appends "to up0", "dropped: egress-rule, rule smb-block, for desk2", "from up0"...  'peer' and
 * 'rule' are names, or "". */
void capture_describe(struct ds *, const struct capture_record *, const char *peer,
                      const char *rule);

#endif
