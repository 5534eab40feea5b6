/* The toy server by itself, for test_rpc.py: serves until its standard input ends. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/proto/toy_server.h"

int
main(int argc, char *argv[])
{
    struct toy_server *toy;
    char *error = NULL;
    char byte;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ENDPOINT\n", argv[0]);
        return 2;
    }
    toy = toy_server_start(argv[1], &error);
    if (!toy) {
        fprintf(stderr, "%s\n", error);
        free(error);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
        continue;
    }
    toy_server_stop(toy);
    return 0;
}
