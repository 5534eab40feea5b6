/* Metrics for Prometheus, by HTTP: GET /metrics.
 *
 * A thread of the HTTP server writes and sends them.  Nobody waits for it: control gives it a new
 * copy once a second, and the packet path knows nothing of it.  It writes at most one text a copy,
 * however often it is asked. */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H 1

struct control;
struct metrics;

/* Listens on 'listen', ADDRESS:PORT.  After the workers have started.  0, or a positive errno and
 * '*error' (the caller frees it). */
int metrics_start(const struct control *, const char *listen, struct metrics **, char **error);
/* Once a second.  Accepts NULL, as does metrics_stop(). */
void metrics_refresh(struct metrics *, const struct control *);
/* While the packet path and the drop log are there. */
void metrics_stop(struct metrics *);

#endif
