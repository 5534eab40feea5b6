#ifndef TESTS_UNIT_PORT_SUITES_H
#define TESTS_UNIT_PORT_SUITES_H 1

void suite_gso(void);
void suite_unix_socket(void);

#endif
