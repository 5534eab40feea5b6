/* Hits of rules survive restarts: once a second what has changed goes to the state, by the writer
 * thread and behind everything that somebody waits for; one batch at a time.  kill -9 costs what
 * came after the last batch.  Control thread only. */
#ifndef CONTROL_HITS_H
#define CONTROL_HITS_H 1

struct control;
struct hits;

/* Reads what the state has into the slots; before any is assigned.  What cannot be read counts from
 * 0. */
struct hits *hits_create(struct control *);
/* After the writer thread has ended.  Accepts NULL. */
void hits_destroy(struct hits *);
/* Once a second. */
void hits_run(struct control *);
/* The last counts, after the workers have stopped and before the writer thread ends.  Nothing if
 * hits_create() never was. */
void hits_stop(struct control *);

#endif
