/* Counts calls that the server ended, and connections it let in or not, by reason. Any thread. */
#ifndef BERBAGI_CUTS_H
#define BERBAGI_CUTS_H

#include "rpc_status.h"

void bp_count_cut(enum bp_rpc_reason why);
void bp_count_connected(enum bp_rpc_reason why); /* BP_REASON_NONE: let in */

#endif
