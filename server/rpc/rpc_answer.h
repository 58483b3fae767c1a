/* The last words of a call, as every service says them. Queue's thread. */
#ifndef BERBAGI_RPC_ANSWER_H
#define BERBAGI_RPC_ANSWER_H

#include "rpc.h"

/* Replies with what out holds, which is empty afterwards; where memory ran out, the call ends with
 * that. */
void bp_answer(struct bp_rpc_call *call, struct bp_buf *out);

/* Ends the call. */
void bp_refuse(struct bp_rpc_call *call, struct bp_rpc_status status);

/* "the request is no berbagi.v1.X" and the like. */
struct bp_rpc_status bp_malformed(const char *words);

/* The same of one field, which BadRequest names. */
struct bp_rpc_status bp_malformed_field(const char *field, const char *words);

/* The call's state, zeroed, of size bytes; NULL, and the call ended, when out of memory. */
void *bp_new_state(struct bp_rpc_call *call, size_t size);

#endif
