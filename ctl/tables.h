/* "swctl __tables": commands and options as JSON, for the manual page. */
#ifndef CTL_TABLES_H
#define CTL_TABLES_H 1

void tables_print(void);

#endif
