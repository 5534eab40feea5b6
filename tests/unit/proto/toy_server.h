/* A server of toy handlers, to test the transport with.
 *
 * AddPort echoes the spec; name "taken" is ALREADY_EXISTS
 *
 * GetPort, by name: "sent": generation = messages the counter streams have sent; "open": generation
 * = streams open now; "late": answers in a later turn; "never": does not answer; "held": how many
 * of those there were; "uid", "pid": of the peer; "header": ABORTED, with the metadata fusuma-test;
 * anything else NOT_FOUND
 *
 * DeletePort pushes a drop record of that port to every drop stream
 *
 * WatchCounters: interval_ms messages (0: endless), numbered by monotonic_ns, with the ports of the
 * request; port "refused" is refused
 *
 * WatchDrops: what DeletePort pushes from then on */
#ifndef TOY_SERVER_H
#define TOY_SERVER_H 1

struct toy_server;

/* NULL and '*error' (the caller frees it) when it cannot listen. */
struct toy_server *toy_server_start(const char *endpoint, char **error);
void toy_server_stop(struct toy_server *);
unsigned toy_server_open_streams(const struct toy_server *);

#endif
