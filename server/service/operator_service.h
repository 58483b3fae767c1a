/* berbagi.v1.OperatorService: GetStatus, ListConnections, Disconnect, ReloadCertificates. */
#ifndef BERBAGI_OPERATOR_SERVICE_H
#define BERBAGI_OPERATOR_SERVICE_H

#include "exchange.h"

struct bp_operator_service;

/* Registers the methods with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_operator_service_create(struct bp_exchange *x,
                                                 struct bp_operator_service **out,
                                                 struct bp_err *err);
/* When the rotation and the server have stopped. NULL allowed. */
void bp_operator_service_destroy(struct bp_operator_service *s);

#define BP_WARNINGS_MAX 12

struct bp_warnings {
    size_t n;
    char text[BP_WARNINGS_MAX][640]; /* a sentence each */
};

/* What is wrong now. Any thread. */
void bp_exchange_warnings(struct bp_exchange *x, struct bp_warnings *out);

#endif
