/* The file that says what 'swctl relay' delivers where. */
#ifndef CTL_RELAY_CONFIG_H
#define CTL_RELAY_CONFIG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/relay/event.h"

enum relay_type {
    RELAY_FILE,
    RELAY_SYSLOG,
    RELAY_WEBHOOK,
    RELAY_MAIL,
    RELAY_COMMAND,
    RELAY_N_TYPES
};
extern const char *const relay_type_names[]; /* ends with NULL */

enum relay_transport { RELAY_UDP, RELAY_TCP, RELAY_TLS };
enum relay_format { RELAY_ECS, RELAY_TEXT };
enum relay_start { RELAY_OLDEST, RELAY_NOW };

struct relay_words {
    char **words;
    size_t n;
};

/* One sink.  What a key has not been given for is NULL, or its default. */
struct relay_sink_config {
    char *name;
    unsigned type;
    unsigned what; /* bits 1 << enum relay_what */
    unsigned min_severity;
    unsigned start; /* where a sink begins that has no cursor yet */
    unsigned timeout_ms;

    char *path; /* file */

    unsigned transport, format, facility; /* syslog */
    char *host, *port, *server_name, *sd_id;
    unsigned max_size; /* bytes of a message; 0: as the transport has it */
    char *ca, *cert, *key;

    char *url, *secret_file, *token_file; /* webhook; 'ca' too */
    unsigned batch;

    struct relay_words to; /* mail */
    char *from, *sendmail;
    unsigned every_ms;

    struct relay_words argv; /* command */

    unsigned line, column; /* where the file has it */
};

struct relay_config {
    char *switch_name;
    char *state; /* directory */
    unsigned heartbeat_ms;
    struct relay_sink_config *sinks;
    size_t n_sinks;
};

/* 0, or a positive errno and '*error', "FILE:LINE:COLUMN: what", which the caller frees.  Files
 * that it names are not looked at. */
int relay_config_read(const char *file, struct relay_config **configp, char **error);
void relay_config_destroy(struct relay_config *);

#endif
