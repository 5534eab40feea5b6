/* Ports and their bindings as messages.  Control thread. */
#ifndef CONTROL_PORT_MESSAGE_H
#define CONTROL_PORT_MESSAGE_H 1

#include "control/desired.h"

bool port_is_up(const struct desired_port *);
/* The port, but for 'macs_learned', which changes by itself. */
Fusuma__V1__Port *port_message(const struct desired_port *);
/* 'port' is what it holds; NULL: nothing at present. */
Fusuma__V1__QuarantineState *quarantine_message(const struct quarantine *, const char *port);
/* The first port, by name, that it holds; NULL: none. */
const char *quarantine_port(const struct desired *, const struct quarantine *);
/* Hands 'take' each of the port's bindings, to keep. */
void port_bindings(const struct desired_port *, void (*take)(Fusuma__V1__Binding *, void *aux),
                   void *aux);

#endif
