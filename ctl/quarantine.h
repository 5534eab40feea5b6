/* A port's quarantine in words, for port show and watch. */
#ifndef CTL_QUARANTINE_H
#define CTL_QUARANTINE_H 1

#include "fusuma/v1/quarantine.pb-c.h"
#include "openvswitch/dynamic-string.h"

/* "since WHEN, by WHOM: COMMENT", as far as that is known. */
void put_quarantine(struct ds *, const Fusuma__V1__QuarantineState *);

#endif
