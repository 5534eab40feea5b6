/* Kernel drivers that take the VLAN tag out of a frame and lay it beside: AF_XDP gets the frame
 * alone, and what came in by a VLAN would be taken as untagged.  Private to ethdev.c; control
 * thread only. */
#ifndef PORT_RX_VLAN_H
#define PORT_RX_VLAN_H 1

#include <stdbool.h>

/* Has the driver of 'interface' leave tags where they are; '*changed': it did not before.  0, or a
 * positive errno when it cannot be told to. */
int rx_vlan_keep(const char *interface, bool *changed);
/* As it was before it was changed; the interface may be gone by now. */
void rx_vlan_restore(const char *interface);

#endif
