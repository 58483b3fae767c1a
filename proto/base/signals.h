/* The signals of a program that serves until it is told to stop. */
#ifndef BERBAGI_SIGNALS_H
#define BERBAGI_SIGNALS_H

#include <signal.h>

/* Blocks SIGTERM, SIGINT and SIGHUP, for one thread to wait for, and ignores SIGPIPE. Before any
 * thread exists: each inherits the mask. */
sigset_t bp_signals_block(void);

#endif
