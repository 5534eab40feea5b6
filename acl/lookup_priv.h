/* What the bodies share.  For lookup_*.c only. */
#ifndef ACL_LOOKUP_PRIV_H
#define ACL_LOOKUP_PRIV_H 1

#include "acl/lookup.h"

#define AT_ONCE 64
#define MAX_ROWS (2 + ACL_N_AXES)
#define NOT_FOUND UINT32_MAX

#endif
