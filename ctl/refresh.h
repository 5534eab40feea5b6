/* A port's refresh in words, for port show and watch. */
#ifndef CTL_REFRESH_H
#define CTL_REFRESH_H 1

#include "fusuma/v1/port.pb-c.h"
#include "openvswitch/dynamic-string.h"

/* "under way since WHEN after session 3 (alice)", "held: WHY, since ...", "done WHEN: the image
 * lived for 2.500 s after ...". */
void put_refresh(struct ds *, const Fusuma__V1__PortRefresh *);

#endif
