/* berbagi.v1.PolicyService but for Explain: versions read, changed, approved and rehearsed. */
#ifndef BERBAGI_POLICY_SERVICE_H
#define BERBAGI_POLICY_SERVICE_H

#include "exchange.h"

struct bp_policy_service;

/* Registers the methods with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_policy_service_create(struct bp_exchange *x,
                                               struct bp_policy_service **out, struct bp_err *err);
/* After server, worker and sequencer stopped. NULL allowed. */
void bp_policy_service_destroy(struct bp_policy_service *s);

#endif
