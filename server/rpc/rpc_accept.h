/* A process without descriptors left. gRPC closes its listener for good when accept(2) says so, and
 * nobody could connect until a restart. Here accept4 is taken in the program's hand: with a
 * descriptor that is kept for this moment whoever waits is taken and sent away at once, and gRPC hears
 * that nobody is waiting. They come again; so it goes on until descriptors are free. */
#ifndef BERBAGI_RPC_ACCEPT_H
#define BERBAGI_RPC_ACCEPT_H

#include "error.h"

/* Sets the descriptor aside. Once for the process. BP_EIO. */
BP_MUST_USE bp_status bp_rpc_keep_descriptor(struct bp_err *err);

#endif
