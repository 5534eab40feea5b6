/* A drill: whether what a desktop tries comes to be known, and what is done about it works. */
#ifndef CTL_DRILL_H
#define CTL_DRILL_H 1

#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/drill_probe.h"

enum drill_result { DRILL_SEEN, DRILL_FAILED, DRILL_NOT_CHECKED };

struct drill_step {
    const char *name;
    int64_t at_us; /* Unix time; 0: it has none */
    enum drill_result result;
    char *detail;
};

/* What the process that clears up when the drill is killed has to know. */
struct drill_memory {
    int64_t probe_us;  /* Unix time; 0: nothing has been done yet */
    uint64_t incident; /* 0: there is none yet */
    bool cleared;      /* nothing is left to clear up */
};

struct drill {
    struct ctl *ctl;
    const char *port, *netns, *file; /* the last two may be NULL */
    struct drill_peer target, allowed;
    bool has_allowed, quarantines;
    int64_t file_from; /* what is before that in the file is old */

    struct drill_memory memory;
    int told; /* where drill_remember() writes, or -1 */
    bool cut_off;
    struct drill_step steps[16];
    size_t n_steps;
    bool failed;
};

/* Tells what is in 'memory' now, before anything is done that takes clearing up. */
void drill_remember(struct drill *);
/* Notes a step of the drill.  'at_us' 0: it has no time. */
void drill_note(struct drill *, const char *name, enum drill_result, int64_t at_us,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* All steps, until one that the next ones need fails.  An exit code. */
int drill_run(struct drill *);
/* Releases the port and closes the incident, if they are of the drill, as far as that is still to
 * be done.  A port that has tried more than the drill made it try stays as it is.  An exit code. */
int drill_clear_up(struct drill *);

#endif
