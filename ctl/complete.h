/* What the shell may offer for the word under the cursor: "swctl __complete WORD...", the last of
 * which is that word, prints candidates, one a line; ":files" stands for the names of files.  It is
 * driven by the tables of commands and options, and says nothing when it knows nothing: an
 * unreachable switch is no reason to disturb a command line. */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H 1

#include "ctl/ctl.h"

/* 'words' are those after "__complete"; they need not be UTF-8. */
int complete(char *const *words, size_t n);
/* complete_live.c: adds what the switch has of it to 'found'. */
void complete_live(struct ctl *, enum completion, struct svec *found);

#endif
