#ifndef TESTS_CAPTURE_SUITES_H
#define TESTS_CAPTURE_SUITES_H 1

void suite_ring(void);
void suite_pcapng(void);
void suite_captures(void);

#endif
