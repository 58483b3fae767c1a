/* What berbagid does to a data folder instead of serving it. */
#ifndef BERBAGI_MAINTENANCE_H
#define BERBAGI_MAINTENANCE_H

#include "config.h"

/* --restore: makes the journal of the data folder out of a backup, and tells how far it is on
 * standard error and what came of it on standard output. The exit code. */
int bp_maintenance_restore(const struct bp_config *config);

/* --verify: looks at everything that the data folder of a stopped server holds, and changes none of
 * it. Tells each damage on a line of standard output, with its position, and how far it is on
 * standard error. 0: sound; 1: damaged, or it cannot be looked at. */
int bp_maintenance_verify(const struct bp_config *config);

#endif
