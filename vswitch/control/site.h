/* What a policy sees of the switch (acl/trial.h), as a copy that another thread may read.  Made by
 * the control thread; any thread frees it. */
#ifndef CONTROL_SITE_H
#define CONTROL_SITE_H 1

#include "acl/flows.h"

struct desired;

struct acl_site *site_copy(const struct desired *);
void site_destroy(struct acl_site *);
/* The port of this name, or ACL_PORT_GONE; ACL_NO_PORT for "". */
uint32_t site_find(const struct acl_site *, const char *name);

#endif
