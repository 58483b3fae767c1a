/* berbagi.v1.OperatorService: GetStatus. */
#ifndef BERBAGI_OPERATOR_SERVICE_H
#define BERBAGI_OPERATOR_SERVICE_H

#include "exchange.h"

/* Registers the method with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_operator_service_add(struct bp_exchange *x, struct bp_err *err);

#define BP_WARNINGS_MAX 12

struct bp_warnings {
    size_t n;
    char text[BP_WARNINGS_MAX][640]; /* a sentence each */
};

/* What is wrong now. Any thread. */
void bp_exchange_warnings(struct bp_exchange *x, struct bp_warnings *out);

#endif
