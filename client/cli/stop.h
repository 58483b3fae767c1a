/* SIGINT and SIGTERM as something to be asked for: the first asks the command to come to an orderly
 * end, the second SIGINT ends the program at once. */
#ifndef BERBAGI_STOP_H
#define BERBAGI_STOP_H

#include <stdbool.h>

/* Before any thread exists, because threads inherit what is blocked. SIGPIPE is ignored: writing
 * says so. */
void bp_stop_install(void);

/* Was it asked? Main thread. */
bool bp_stop_requested(void);

/* Readable once it was asked, for poll(2); -1 when not installed. */
int bp_stop_fd(void);

#endif
