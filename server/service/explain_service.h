/* berbagi.v1.PolicyService: Explain. */
#ifndef BERBAGI_EXPLAIN_SERVICE_H
#define BERBAGI_EXPLAIN_SERVICE_H

#include "exchange.h"

/* Registers the method with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_explain_service_add(struct bp_exchange *x, struct bp_err *err);

#endif
