/* Counts calls that the server ended, by reason. Any thread. */
#ifndef BERBAGI_CUTS_H
#define BERBAGI_CUTS_H

#include "rpc_status.h"

void bp_count_cut(enum bp_rpc_reason why);

#endif
