/* A program that is given a text on its standard input. */
#ifndef CTL_RELAY_SPAWN_H
#define CTL_RELAY_SPAWN_H 1

#include <stddef.h>

/* Runs argv[0], an absolute path, without a shell, in a process group of its own, with our standard
 * error for both outputs and no other descriptor of ours.  Its exit status; or -1 and '*why' (the
 * caller frees it): it could not be run, was killed, or took longer than 'timeout_ms' and was
 * killed with its group. */
int relay_spawn(char *const argv[], const char *input, size_t n, unsigned timeout_ms, char **why);

#endif
