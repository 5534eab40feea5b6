/* The command line of vswitchd. */
#ifndef VSWITCH_OPTIONS_H
#define VSWITCH_OPTIONS_H 1

#include <stdbool.h>

#include "control/control.h"
#include "svec.h"

struct options {
    struct control_options control;
    struct svec endpoints;
    bool detach;
    const char *downgrade; /* schema version; or NULL */
    bool forget_election;  /* and end */
};

/* Ends the program, having said why, when they are wrong; and when help, the version, or what a
 * shell or the manual page wants to know was asked for.  Paths are made absolute while they still
 * mean what was typed: a daemon's working directory is not its user's. */
void options_parse(int argc, char *argv[], struct options *);

#endif
