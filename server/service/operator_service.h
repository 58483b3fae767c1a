/* berbagi.v1.OperatorService: GetStatus. */
#ifndef BERBAGI_OPERATOR_SERVICE_H
#define BERBAGI_OPERATOR_SERVICE_H

#include "exchange.h"

/* Registers the method with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_operator_service_add(struct bp_exchange *x, struct bp_err *err);

/* What is wrong now, a sentence each, at most `most`; returns how many. Any thread. */
size_t bp_exchange_warnings(struct bp_exchange *x, const char **out, size_t most);

#endif
