/* What a shell can complete. */
#ifndef CTL_COMPLETION_H
#define CTL_COMPLETION_H 1

/* What a value or an argument is. */
enum completion {
    COMPLETE_NOTHING,
    COMPLETE_FILES,
    COMPLETE_INTERFACES, /* of this host */
    /* Of the switch. */
    COMPLETE_PORTS,
    COMPLETE_QUARANTINED,
    COMPLETE_USERS,
    COMPLETE_SETS,
    COMPLETE_VERSIONS,
    COMPLETE_REASONS,
    COMPLETE_INCIDENTS,
    COMPLETE_CAPTURES,
};

#endif
