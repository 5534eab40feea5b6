/* --help, for swctl, a family of commands, and each command. */
#ifndef CTL_HELP_H
#define CTL_HELP_H 1

#include <stdbool.h>

#include "svec.h"

/* What 'words' are about; false, with the reason on standard error, when they are no command. */
bool help_print(const struct svec *words);

#endif
