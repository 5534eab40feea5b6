/* Connections and their table as messages.  Control thread; the caller frees what it gets with
 * message_free(). */
#ifndef CONTROL_CONN_MESSAGE_H
#define CONTROL_CONN_MESSAGE_H 1

#include "control/control.h"
#include "datapath/conn.h"
#include "fusuma/v1/conn.pb-c.h"

/* From within a walk. */
Fusuma__V1__Connection *conn_message(const struct control *, const struct conn *);
Fusuma__V1__ConnectionDetail *conn_detail_message(const struct control *, const struct conn *);
/* 'ports' too, or the table alone. */
Fusuma__V1__ConnectionStats *conn_stats_message(const struct control *, bool ports);

#endif
