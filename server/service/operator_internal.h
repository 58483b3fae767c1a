/* What the files of OperatorService share. Queue's thread. */
#ifndef BERBAGI_OPERATOR_INTERNAL_H
#define BERBAGI_OPERATOR_INTERNAL_H

#include "exchange.h"
#include "operator_service.h"
#include "returns.h"

struct bp_operator_service {
    struct bp_exchange *x;
    struct bp_returns returns; /* from the rotation's thread */
};

/* Callbacks that the methods share: the state of a call is the service. */
void bp_operator_begin(struct bp_rpc_call *call, void *service);
void bp_operator_over(struct bp_rpc_call *call);

struct bp_exchange *bp_operator_exchange(const struct bp_rpc_call *call);
/* Has the caller this role? If not, the call was refused. */
bool bp_operator_may(struct bp_rpc_call *call, int role);

extern const struct bp_rpc_method bp_operator_list_method, bp_operator_disconnect_method,
    bp_operator_reload_method;

/* operator_connections.c: the metric of the certificates of connected agencies. A timer's, with the
 * exchange. */
void bp_operator_count_holders(void *exchange);
/* operator_reload.c: what came back from the rotation's thread. */
void bp_operator_reloaded(struct bp_mail *mail);

#endif
