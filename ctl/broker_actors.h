/* What actors of UDS Enterprise say, told to the switch: in its order, in a thread of its own, and
 * again while the switch is away.  Who says it does not wait. */
#ifndef CTL_BROKER_ACTORS_H
#define CTL_BROKER_ACTORS_H 1

#include <stdbool.h>
#include <stdint.h>

struct actors;
struct broker;

#define ACTOR_MACS 10 /* that are looked at: as many as the server does */
#define MAC_TEXT 18

enum actor_word { ACTOR_LOGIN, ACTOR_LOGOUT, ACTOR_READY };

struct actor_event {
    enum actor_word word;
    char macs[ACTOR_MACS][MAC_TEXT]; /* "02:00:00:00:00:01", of the desktop; "" ends them */
    char *user;                      /* of a login */
    char *session;                   /* the broker's name for it; "": a logout of all */
    int64_t heard_us;                /* Unix time; actors_tell() sets it */
};

/* Starts the thread. */
struct actors *actors_create(struct broker *);
/* Ends it; what is still to be told is not. */
void actors_destroy(struct actors *);

/* Takes the strings of 'event'.  Any thread, as are the others. */
void actors_tell(struct actors *, struct actor_event *event);
/* The desktop that the server knows by this token is the one with this MAC. */
void actors_learn(struct actors *, const char *token, const char *mac);
/* What has been learned of it. */
bool actors_mac(struct actors *, const char *token, char mac[MAC_TEXT]);

/* Six bytes in hex, with : or - between them, as "02:00:00:00:00:01".  False: it is none. */
bool mac_canonical(const char *text, char mac[MAC_TEXT]);

#endif
