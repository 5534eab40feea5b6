/* swctl relay --status. */
#ifndef CTL_RELAY_STATUS_H
#define CTL_RELAY_STATUS_H 1

#include "ctl/ctl.h"

/* Prints the cursors of the sinks in a state directory, and how far behind the switch each is; an
 * exit code. */
int relay_status(struct ctl *, const char *dir);

#endif
