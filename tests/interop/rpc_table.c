/* Prints the table of RPCs, for test_access.py: "SERVICE METHOD ROLE WRITES" a line. */
#include <config.h>

#include <stdio.h>

#include "control/rpc.h"

int
main(void)
{
    for (size_t i = 0; i < control_n_rpc_methods; i++) {
        const struct rpc_method *m = &control_rpc_methods[i];

        printf("%s %s %s %d\n", m->service->name, m->name, rpc_role_names[m->role], m->writes);
    }
    return 0;
}
